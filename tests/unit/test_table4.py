"""The harness of Table 4: rows and recipes, scoring, resuming row by row, and a report made from JSON files alone."""

import copy
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.lgg_layout import write_patient
from tools.markers import replace_part
from tools.table4 import run as harness
from tools.table4.networks import build, replace_batch_norm
from tools.table4.report import NOT_RUN, budget_text, write_report
from tools.table4.results import read_longer, read_results
from tools.table4.rows import LONGER, PATIENTS, PROTOCOLS, ROW_FILE, ROWS, SLICES, Trial, recipe_of, run_folder
from tools.table4.scoring import score
from tumorview.errors import TrainingError
from tumorview.ml.averaging import WeightAverage
from tumorview.ml.data import SliceSet

OURS = next(row for row in ROWS if row.key == "unet-cbam")
PAGE = "# Results\n" + "".join(
    f"<!-- {name}:begin -->\nold\n<!-- {name}:end -->\n"
    for name in (
        "table4-setup",
        "table4-patients",
        "table4-pairs",
        "table4-slices",
        "table4-figures",
        "table4-budget",
        "lgg-slices",
    )
)


def document(protocol=PATIENTS, **changes):
    """A finished row as it stands on disk."""
    facts = {
        "row": "unet-cbam", "protocol": protocol, "parameters": 31_300_000, "gflop": 24.1, "size": 128, "steps": 800,
        "batch": 16, "seconds": 2400.0, "test_seconds": 60.0, "training_units": 62, "validation_units": 8,
        "test_units": 18, "left_out_twins": [], "machine": "a machine, 2 cores", "torch": "2.14.1", "curve": [],
        "patients": [
            {"id": "TCGA_AA_0001", "site": "AA", "slices": [[30, 5, 5], [0, 0, 0]]},
            {"id": "TCGA_BB_0002", "site": "BB", "slices": [[10, 10, 10]]},
        ],
        "worst": [],
    }  # fmt: skip
    return {**facts, **changes}


def write_row(root: Path, protocol: str, facts, row=OURS):
    folder = run_folder(root, row, protocol)
    folder.mkdir(parents=True)
    (folder / ROW_FILE).write_text(json.dumps(facts))


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "results.md"
    path.write_text(PAGE)
    return path


# ------------------------------------------------------------------------------------------------- rows and recipes
def test_rows_differ_in_their_architecture_only():
    first, *others = (recipe_of(row, PATIENTS) for row in ROWS)
    for other in others:
        model = dataclasses.replace(other.model, architecture=first.model.architecture)
        assert dataclasses.replace(other, model=model) == first
    assert len({row.architecture for row in ROWS}) == len(ROWS) == 5


def test_protocols_differ_in_their_split_only():
    one, other = (recipe_of(OURS, protocol) for protocol in PROTOCOLS)
    assert (one.data.split, other.data.split) == ("patient", "slice")
    data = dataclasses.replace(other.data, split="patient")
    assert dataclasses.replace(other, name=one.name, title=one.title, data=data) == one


# --------------------------------------------------------------------------------------------------------- networks
def test_batch_norm_is_replaced_by_one_of_the_same_function():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4, eps=1e-3, momentum=0.2)))
    nn.init.uniform_(network[1][0].weight)
    images = torch.randn(2, 3, 8, 8)
    theirs = copy.deepcopy(network)
    replace_batch_norm(network)
    for _ in range(2):  # training moves the running statistics
        assert torch.allclose(network(images), theirs(images), atol=1e-6)
    assert torch.allclose(network.eval()(images), theirs.eval()(images), atol=1e-6)
    assert all(tensor.is_floating_point() for tensor in network.state_dict().values())
    network.load_state_dict(dict(network.state_dict()), strict=True)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_every_network_averages_and_loads(row):
    if row.architecture.startswith("smp-"):
        pytest.importorskip("segmentation_models_pytorch", reason="only in the environment of Table 4")
    network = build({**recipe_of(row, PATIENTS).model.metadata(), "width": "4"})
    average = WeightAverage(network, 0.9)
    average.update(network, 1)
    build(network.metadata()).load_state_dict(average.tensors, strict=True)
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 2, 64, 64)


# ---------------------------------------------------------------------------------------------------------- scoring
class Bright(nn.Module):
    """Tumour where FLAIR is brightest."""

    def forward(self, x):
        tumour = 20 * (x[:, 1] - 1.5)
        return torch.stack([-tumour, tumour], 1)


def square_slices():
    """Two patients of two slices; the second patient's truth is shifted by half its width."""
    images, labels = np.zeros((4, 3, 256, 256), np.uint8), np.zeros((4, 256, 256), np.uint8)
    images[:, :, 28:228, 28:228] = 80
    images[[0, 2], 1, 100:140, 60:100] = 250
    labels[0, 100:140, 60:100] = 1
    labels[2, 100:140, 80:120] = 1
    return SliceSet(("TCGA_AA_1", "TCGA_BB_2"), images, labels, np.array([0, 0, 1, 1]))


def test_slices_are_compared_on_the_original_grid():
    tested = score(Bright(), square_slices(), ["TCGA_AA_1", "TCGA_BB_2"], 128)
    good, bad = tested["patients"]
    assert (good["id"], good["site"], good["slices"][1]) == ("TCGA_AA_1", "AA", [0, 0, 0])
    assert sum(good["slices"][0]) == pytest.approx(1600, rel=0.03)
    assert good["slices"][0][0] == pytest.approx(1600, rel=0.03)
    assert bad["slices"][0] == pytest.approx([800, 800, 800], rel=0.06)
    assert [(case["patient"], case["slice"]) for case in tested["worst"]] == [("TCGA_BB_2", 1), ("TCGA_AA_1", 1)]
    assert tested["worst"][0]["dice"] == pytest.approx(0.5, abs=0.02)


def test_only_test_units_are_scored():
    tested = score(Bright(), square_slices(), ["TCGA_BB_2"], 128)
    assert [patient["id"] for patient in tested["patients"]] == ["TCGA_BB_2"]


# --------------------------------------------------------------------------------------------------------- one row
@pytest.fixture
def small(tmp_path, monkeypatch):
    """Five synthetic patients, a network of width 2 and three steps."""
    for number in range(5):
        write_patient(tmp_path / "data", f"TCGA_XX_{number:04d}_20000101", 4, seed=number)
    names = [f"TCGA_XX_{number:04d}_20000101" for number in range(5)]
    monkeypatch.setattr(harness.Path, "read_text", _patients(names, harness.Path.read_text))

    def recipe(row, protocol, trial):
        whole = recipe_of(row, protocol, trial)
        phase = dataclasses.replace(whole.phases[0], batch=4)
        return dataclasses.replace(whole, phases=(phase,), model=dataclasses.replace(whole.model, width=2))

    monkeypatch.setattr(harness, "recipe_of", recipe)
    return tmp_path


def _patients(names, read):
    return lambda path, **options: "\n".join(names) if path.name == "patients.txt" else read(path, **options)


def run_ours(folder, cancelled=lambda: False, protocol=PATIENTS, key="unet-cbam"):
    said: list[str] = []
    done = harness.run_rows(
        folder / "data", folder / "runs", keys=[key], protocols=[protocol], trial=Trial(3, 32),
        cancelled=cancelled, say=said.append,
    )  # fmt: skip
    return done, said


@pytest.mark.parametrize(("protocol", "units"), [(PATIENTS, [3, 1, 1]), (SLICES, [14, 2, 4])])
def test_a_row_is_trained_tested_and_not_run_again(small, protocol, units):
    assert run_ours(small, protocol=protocol)[0]
    result = read_results(small / "runs", protocol)["unet-cbam"]
    facts = result.facts
    assert [facts[f"{part}_units"] for part in ("training", "validation", "test")] == units
    assert sum(len(patient["slices"]) for patient in facts["patients"]) == 4
    assert [point["total_step"] for point in facts["curve"]] == [3]
    assert result.figures["dice_paper_protocol"].value is not None
    written = run_folder(small / "runs", OURS, protocol) / ROW_FILE
    before = written.read_bytes()
    assert run_ours(small, protocol=protocol) == (True, [f"UNet+CBAM, {PROTOCOLS[protocol]}: finished before"])
    assert written.read_bytes() == before


def test_the_longer_run_is_no_row_of_the_table(small, page):
    assert run_ours(small, key=LONGER.key) == (True, []), "patients apart are not its protocol"
    assert run_ours(small, protocol=SLICES, key=LONGER.key)[0]
    assert not read_results(small / "runs", SLICES)
    result = read_longer(small / "runs")
    write_report(small / "runs", page, small / "images")
    text = page.read_text()
    assert text.count(f"| {NOT_RUN} |") == 10
    assert "3 steps of 4 at 32x32" in text
    value = result.figures["dice_paper_protocol"].value
    assert f"| UNet+CBAM, recipe `lgg-slices` | {value:.3f} (" in text
    slices = [counts for patient in result.facts["patients"] for counts in patient["slices"]]
    empty = [fp for tp, fp, fn in slices if tp + fn == 0]
    assert f"{sum(fp > 0 for fp in empty)} of the {len(empty)} test slices without tumour have a mark" in text
    assert (
        f"| steps | 3 |\n|---|---:|\n| pooled Dice (validation) | {result.facts['curve'][0]['dice_pooled']:.3f} |"
        in text
    )


def test_a_stopped_row_goes_on(small):
    looks = iter(range(2))
    done, said = run_ours(small, cancelled=lambda: next(looks, None) is None)
    assert not done
    assert said[-1].endswith("the same command goes on")
    assert not read_results(small / "runs", PATIENTS)
    assert run_ours(small)[0]
    assert read_results(small / "runs", PATIENTS)["unet-cbam"].facts["steps"] == 3


def test_another_collection_is_refused(small, tmp_path):
    (tmp_path / "data" / "TCGA_XX_0004_20000101").rename(tmp_path / "elsewhere")
    with pytest.raises(TrainingError, match="lacks 1 of the 5 patients, TCGA_XX_0004"):
        run_ours(small)


# ----------------------------------------------------------------------------------------------------------- report
def test_rows_that_are_missing_say_so_and_show_the_papers_figures_as_the_papers(tmp_path, page):
    write_report(tmp_path / "nothing", page, tmp_path / "images")
    text = page.read_text()
    assert text.count(f"| {NOT_RUN} |") == 10
    assert "*0.936* | *0.882*" in text
    assert "old" not in text
    assert not (tmp_path / "images").exists()


def test_numbers_of_the_report_come_from_the_counts(tmp_path, page, monkeypatch):
    write_row(tmp_path, PATIENTS, document())
    write_row(tmp_path, SLICES, document(SLICES))
    monkeypatch.setattr("tools.table4.report._figures", lambda *_: "")
    write_report(tmp_path, page, tmp_path / "images")
    row, other, _ = [line for line in page.read_text().splitlines() if line.startswith("| UNet+CBAM")]
    pooled, volume, paper = 80 / 110, (60 / 70 + 0.5) / 2, (60 / 70 + 1 + 0.5) / 3
    assert row.startswith(f"| UNet+CBAM | 31.3 | 24.1 | 3000 | {pooled:.3f} | {volume:.3f} (0.500 to 0.857) |")
    assert other.startswith(f"| UNet+CBAM | {paper:.3f} | {(30 / 40 + 1 + 10 / 30) / 3:.3f} | {pooled:.3f} |")
    assert "2 of 10 runs are finished, 1.4 hours together." in page.read_text()
    assert page.read_text().count(f"| {NOT_RUN} |") == 8


def test_rows_are_paired_on_the_same_patients(tmp_path, page, monkeypatch):
    worse = [
        {"id": "TCGA_AA_0001", "site": "AA", "slices": [[30, 15, 15], [0, 0, 0]]},  # Dice 60/90 for 60/70
        {"id": "TCGA_BB_0002", "site": "BB", "slices": [[10, 15, 15]]},  # 20/50 for 20/40
    ]
    write_row(tmp_path, PATIENTS, document())
    write_row(tmp_path, PATIENTS, document(row="unet", patients=worse), row=ROWS[0])
    monkeypatch.setattr("tools.table4.report._figures", lambda *_: "")
    write_report(tmp_path, page, tmp_path / "images")
    first, second = 60 / 90 - 60 / 70, 20 / 50 - 20 / 40
    assert f"| UNet | **{(first + second) / 2:.3f} ({first:.3f} to {second:.3f})** |" in page.read_text()


def test_the_budget_is_arithmetic_on_measured_steps():
    rows = [{"key": row.key, "parameters": 1, "gflop": 1.0, "seconds": 9.0, "processor_seconds": 0.37} for row in ROWS]
    times = {"machine": "a machine", "threads": 1, "torch": "2.14.1", "rows": rows}
    text = budget_text(times)
    assert "| all five | | | 1850 | 1000 |" in text
    assert "600 steps x 1.00 s x 2 protocols = 0.3 hours" in text
    assert "9000 |" in budget_text({**times, "threads": 2})


def test_markers_have_to_be_there(page):
    with pytest.raises(SystemExit, match="'other'"):
        replace_part(page, "other", "text")
