"""The detailed report behind a model card: hand-computed figures on two patients of known overlap."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.unit.test_model_evaluation import CARD, bright, write_patient
from tests.unit.tiny_models import tiny_card
from tumorview.__main__ import main
from tumorview.app import tasks
from tumorview.app.model_reports import REPORT_FILE, write_model_report
from tumorview.core.metrics import Counts
from tumorview.errors import ModelError
from tumorview.ml.card import ModelCard
from tumorview.ml.engines import FunctionEngine
from tumorview.ml.model_evaluation import EvaluationPlan
from tumorview.ml.model_report import WorstCase, card_metrics, detailed_report, with_metrics

DATA_SET = "two patients"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_patient(folder, "TCGA_AA_0001_20000101", 3)  # Dice 1
    write_patient(folder, "TCGA_BB_0002_20000101", 2, shift=20)  # Dice 0.5
    return folder


@pytest.fixture(scope="module")
def report(data):
    return detailed_report(EvaluationPlan(data), CARD, FunctionEngine(bright))


def test_figures_are_those_of_evaluate_model_with_intervals(report):
    document = report.to_dict()
    for name, figure in document["figures"].items():
        assert figure["value"] == pytest.approx(document[name])
        assert figure["low"] <= figure["value"] <= figure["high"]
    volume = document["figures"]["dice_per_volume"]
    assert (volume["low"], volume["value"], volume["high"]) == pytest.approx((0.5, 0.75, 1.0))
    json.dumps(document, allow_nan=False)


def test_institutions_are_told_apart(report):
    found = {row["site"]: row for row in report.to_dict()["institutions"]}
    assert {site: row["patients"] for site, row in found.items()} == {"AA": 1, "BB": 1}
    assert found["AA"]["dice_pooled"] == pytest.approx(1.0)
    assert found["BB"]["dice_per_volume"]["value"] == pytest.approx(0.5)


def test_calibration_of_an_engine_that_is_always_sure(report):
    """800 of the 4,800 marked pixels are no tumour, and 800 pixels of tumour got 0 among 5 slices."""
    document = report.to_dict()["calibration"]
    assert document["p_at_least_0.01"]["voxels"][-1] == sum(document["p_at_least_0.01"]["voxels"]) == 4800
    assert document["p_at_least_0.01"]["expected_calibration_error"] == pytest.approx(800 / 4800)
    assert document["all_voxels"]["expected_calibration_error"] == pytest.approx(1600 / (5 * 256 * 256))


def test_flair_alone_is_run_too_and_compared_patient_by_patient(report):
    document = report.to_dict()["flair_only"]
    assert document["loss"]["dice_pooled"] == pytest.approx({"value": 0, "low": 0, "high": 0})
    assert [row["dice"] for row in document["per_patient"]] == pytest.approx([1.0, 0.5])


def test_flair_alone_asked_for_is_run_once(data):
    assert detailed_report(EvaluationPlan(data).flair_only, CARD, FunctionEngine(bright)).flair_only is None


def test_the_worst_patient_comes_first_with_its_worst_slice(report):
    first, second = report.worst
    assert (first.patient, first.slice, first.counts) == ("TCGA_BB_0002_20000101", 0, Counts(800, 800, 800))
    assert first.failure == "boundary differs both ways"
    assert second.counts.dice == 1.0
    assert int(first.truth.sum()) == int(first.mask.sum()) == 1600


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(0, 0, 9), "nothing found"),
        (Counts(0, 5, 9), "found elsewhere"),
        (Counts(5, 9, 1), "marks too much"),
        (Counts(5, 1, 9), "misses a part"),
    ],
)
def test_failures_are_named(counts, words):
    nothing = np.zeros((1, 1), np.uint8)
    assert WorstCase("a", counts, 0, nothing, nothing, nothing).failure == words


def test_the_folder_holds_the_document_and_a_picture_of_every_case(report, tmp_path):
    write_model_report(report, tmp_path / "report")
    assert json.loads((tmp_path / "report" / REPORT_FILE).read_text()) == report.to_dict()
    picture = np.asarray(Image.open(tmp_path / "report" / "worst_1.png"))
    assert picture.shape == (512, 1024, 3)
    assert (picture[:, :512] == picture[:, :512, :1]).all()  # plain on the left
    colours = {tuple(colour) for colour in picture[210:270, 512 + 130 : 512 + 230].reshape(-1, 3).tolist()}
    assert len(colours) >= 3  # found, missed, too much


def test_the_command_line_prints_intervals_and_where_the_report_is(report, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(tasks, "evaluate_model", lambda *_, **options: report.to_dict())
    assert main(["evaluate-model", "--data", str(tmp_path), "--report", str(tmp_path / "report")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "dice_per_volume         0.750  (0.500 to 1.000)" in lines
    assert any(line.startswith("The report is in ") for line in lines)


def test_a_card_takes_the_figures_and_forgets_the_old_ones(report):
    document = json.loads(json.dumps(report.to_dict()))
    card = with_metrics(CARD, DATA_SET, document)
    assert with_metrics(card, DATA_SET, document) == card
    assert ModelCard.from_dict(json.loads(card.to_json())) == card
    figures = card.metrics[DATA_SET]
    assert (figures["patients"], figures["slices"]) == (2, 5)
    assert figures["dice_per_volume"] == 0.75
    assert (figures["dice_per_volume_low"], figures["dice_per_volume_high"]) == (0.5, 1.0)
    assert figures["expected_calibration_error_p_at_least_0.01"] == 0.1667
    assert card.metrics[f"{DATA_SET}, FLAIR only"]["dice_pooled_lost"] == 0.0
    assert card.metrics[f"{DATA_SET}, dice_per_volume by institution"] == {"AA (1)": 1.0, "BB (1)": 0.5}
    assert card_metrics("other", document).keys().isdisjoint(card.metrics)


def test_figures_of_other_weights_are_refused(report):
    with pytest.raises(ModelError, match="other weights"):
        with_metrics(tiny_card(size=256, sha256="1" * 64), DATA_SET, report.to_dict())
