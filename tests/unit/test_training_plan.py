"""The plan of a training run: saved, found again, and never with a patient on two sides."""

import errno
import json
from pathlib import Path

import pytest

from tumorview.app.training_plan import PlannedCase, Side, TrainingPlan
from tumorview.errors import TrainingError, WriteError
from tumorview.ml.recipes import load_recipe


def case(number: int, side: Side, patient: str = "") -> PlannedCase:
    return PlannedCase(f"case_{number:03}", f"Title {number}", f"/somewhere/{number}", patient or f"p{number}", side)


def plan_in(folder: Path) -> TrainingPlan:
    cases = (case(1, Side.TRAINING), case(2, Side.VALIDATION), case(3, Side.TEST), case(4, Side.TRAINING))
    return TrainingPlan(folder, "Our scanner", load_recipe("quick"), cases, "unet-cbam-lgg", "cpu")


def test_a_plan_comes_back_from_its_folder_wherever_that_lies(tmp_path: Path):
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    folder.mkdir()
    plan_in(folder).save()
    folder.rename(elsewhere)
    assert TrainingPlan.load(elsewhere) == plan_in(elsewhere)


def test_the_recipe_file_names_the_sides(tmp_path: Path):
    plan = plan_in(tmp_path)
    plan.save()
    data = load_recipe(plan.recipe_file).data
    assert (data.validation, data.test) == (("case_002",), ("case_003",))
    assert plan.training == ("case_001", "case_004")
    assert plan.titles["case_003"] == "Title 3"


def test_the_plan_runs_as_the_command_line_does(tmp_path: Path):
    plan = plan_in(tmp_path)
    words = ["train", "--data", str(tmp_path / "data"), "--out", str(tmp_path)]
    words += ["--recipe", str(tmp_path / "plan.toml"), "--device", "cpu"]
    assert plan.arguments() == words
    assert plan.arguments(resume=True) == [*words, "--resume"]


def test_a_patient_on_two_sides_is_refused(tmp_path: Path):
    cases = (case(1, Side.TRAINING, "same"), case(2, Side.TEST, "same"), case(3, Side.VALIDATION))
    with pytest.raises(TrainingError, match="Title 1, Title 2: cases of the same patient"):
        TrainingPlan(tmp_path, "x", load_recipe("quick"), cases)


@pytest.mark.parametrize("damage", ["no json", "{}", "[]", '{"version": 2}', None])
def test_a_damaged_plan_is_a_clear_error(tmp_path: Path, damage: str | None):
    if damage is not None:
        (tmp_path / "plan.json").write_text(damage)
    with pytest.raises(TrainingError):
        TrainingPlan.load(tmp_path)


def test_an_unknown_side_is_a_clear_error(tmp_path: Path):
    plan_in(tmp_path).save()
    path = tmp_path / "plan.json"
    document = json.loads(path.read_text())
    document["cases"][0]["side"] = "elsewhere"
    path.write_text(json.dumps(document))
    with pytest.raises(TrainingError, match="cannot be read"):
        TrainingPlan.load(tmp_path)


def test_a_full_disk_keeps_the_plan_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plan_in(tmp_path).save()
    before = (tmp_path / "plan.json").read_bytes()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WriteError, match="full"):
        plan_in(tmp_path).save()
    assert (tmp_path / "plan.json").read_bytes() == before
