"""``train-prepare`` ends in exactly the command that the wizard runs, and ``train`` runs it."""

import json
import shlex
from pathlib import Path

import pytest

from tests.unit.lgg_layout import write_patient
from tumorview.__main__ import main
from tumorview.app.training_plan import TrainingPlan


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
