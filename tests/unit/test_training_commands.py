"""``train-prepare`` ends in exactly the command that the wizard runs, and ``train`` runs it."""

import json
import shlex
from pathlib import Path

import pytest

from tests.unit.lgg_layout import write_patient
from tumorview.__main__ import main
from tumorview.app.training_plan import TrainingPlan
from tumorview.ml.training_estimate import TrainingEstimate


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(4):
        write_patient(tmp_path / "data", f"P{number}", slices=2, seed=number + 1)
    return tmp_path / "data"


def test_prepared_cases_are_trained_on_by_the_command_it_prints(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["train-prepare", str(data), "--out", str(tmp_path / "runs"), "--base", "", "--epochs", "1", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert {case["side"] for case in document["cases"]} == {"training", "validation", "test"}
    run = Path(document["run"])
    plan = TrainingPlan.load(run)
    assert document["command"] == shlex.join(["tumorview", *plan.arguments()])
    text = plan.recipe_file.read_text()
    small = text.replace("width = 32", "width = 2").replace("size = 256", "size = 32").replace("batch = 8", "batch = 2")
    plan.recipe_file.write_text(small)
    assert main(shlex.split(document["command"])[1:]) == 0
    summary = json.loads((run / "model.json").read_text())
    assert summary["test_patients"] == list(plan.test)
    assert summary["validation_patients"] == list(plan.validation)
    assert set(summary["training_patients"]) == set(plan.training)


def test_patients_can_be_named_and_a_time_given_as_in_the_wizard(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    measured = TrainingEstimate(256, 8, step_seconds=2.0, slice_seconds=0.1, memory_bytes=10**9, device="cpu")
    monkeypatch.setattr("tumorview.app.training_measure.measure_recipe", lambda *_: measured)
    words = ["train-prepare", str(data), "--out", str(tmp_path / "runs"), "--base", "", "--json"]
    assert main([*words, "--minutes", "20", "--test", "P2", "--test", "P0", "--validation", "P3"]) == 0
    document = json.loads(capsys.readouterr().out)
    sides = {case["title"]: case["side"] for case in document["cases"]}
    assert sides == {"P0": "test", "P1": "training", "P2": "test", "P3": "validation"}
    steps = TrainingPlan.load(Path(document["run"])).recipe.steps
    assert 0.7 * 1200 <= steps * measured.step_seconds <= 1200
    assert main([*words, "--test", "Doe"]) == 1
    assert "is called Doe" in capsys.readouterr().err


def test_a_problem_is_said_and_too_few_cases_are_an_error(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (data / "P0" / "P0_1_mask.tif").unlink()
    assert main(["train-prepare", str(data), "--out", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr()
    assert "P0: There is no mask of the tumour." in said.err.replace("\n", " ")
    assert "left out" in said.out
    (data / "P1" / "P1_1_mask.tif").unlink()
    assert main(["train-prepare", str(data), "--out", str(tmp_path / "runs")]) == 1
    assert "There are 2 patients" in capsys.readouterr().err
