"""The training wizard without a window: pages, what keeps one from going on, and coming back after a restart."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.unit.lgg_layout import write_patient
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.training_flow import FlowState, PageId, TrainingFlow, list_trainings, suggested_name
from tumorview.app.training_import import import_cases
from tumorview.app.training_plan import Side, TrainingPlan
from tumorview.app.training_preview import augmented, load_preview
from tumorview.app.training_recipe import BaseModel, Budget, RecipeChoices, Variation, augmentation
from tumorview.errors import JobCancelled, TrainingError, WriteError
from tumorview.ml.recipes import load_recipe
from tumorview.ml.training_estimate import TrainingEstimate

BASES = [BaseModel("unet-cbam-lgg", "Bundled", True, 32)]


def bases() -> list[BaseModel]:
    return BASES


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for number in range(5):
        write_patient(folder, f"P{number}", slices=2, seed=number + 1)
    return folder


@pytest.fixture
def flow(tmp_path: Path) -> TrainingFlow:
    return TrainingFlow.create(tmp_path / "training", "Our scanner", bases)


def add(flow: TrainingFlow, *sources: Path) -> None:
    flow.imported(import_cases(flow.run_folder, flow.state.cases, list(sources), JobContext()))


def at_run(flow: TrainingFlow, data: Path) -> TrainingFlow:
    add(flow, data)
    while flow.state.page is not PageId.RUN:
        flow.next()
    return flow


def test_a_new_training_begins_with_its_data(flow: TrainingFlow):
    assert flow.state.page is PageId.DATA
    assert not flow.can_go_back
    assert "three patients" in str(flow.obstacles()[0])
    with pytest.raises(TrainingError, match="three patients"):
        flow.next()


def test_the_pages_follow_each_other_and_end_in_a_plan(flow: TrainingFlow, data: Path):
    seen = []
    flow.changed.connect(lambda state: seen.append(state.page))
    add(flow, data)
    assert flow.next() is PageId.SPLIT
    assert set(flow.state.sides.values()) == set(Side)
    assert flow.next() is PageId.RECIPE
    assert flow.next() is PageId.RUN
    assert PageId.RUN in seen
    plan = TrainingPlan.load(flow.run_folder)
    assert plan == flow.plan()
    assert (plan.name, plan.base_model) == ("Our scanner", "unet-cbam-lgg")
    assert sorted(path.name for path in plan.data_folder.iterdir()) == sorted(case.id for case in flow.state.cases)
    assert load_recipe(plan.recipe_file).data.test == plan.test
    assert "no trained weights" in str(flow.obstacles()[0])


def test_back_leads_to_every_page_and_keeps_what_was_chosen(flow: TrainingFlow, data: Path):
    at_run(flow, data)
    sides = flow.state.sides
    assert [flow.back() for _ in range(4)] == [PageId.RECIPE, PageId.SPLIT, PageId.DATA, PageId.DATA]
    flow.next()
    assert flow.state.sides == sides


def test_the_wizard_goes_on_where_it_was(flow: TrainingFlow, data: Path):
    add(flow, data)
    flow.next()
    flow.change(choices=RecipeChoices(epochs=3))
    again = TrainingFlow.open(flow.run_folder, bases)
    assert again.state == flow.state
    assert again.next() is PageId.RECIPE


def test_excluding_a_patient_draws_the_split_anew(flow: TrainingFlow, data: Path):
    add(flow, data)
    flow.next()
    flow.back()
    flow.exclude("case_002", excluded=True)
    flow.next()
    assert "case_002" not in flow.state.sides
    assert "case_002" not in [case.id for case in flow.plan().cases]
    flow.next()
    flow.next()
    assert not (flow.run_folder / "data" / "case_002").exists()


def test_removing_a_case_forgets_what_was_prepared_and_no_more(flow: TrainingFlow, data: Path):
    add(flow, data)
    flow.remove(["case_001"])
    assert len(flow.state.cases) == 4
    assert not (flow.run_folder / "aside" / "case_001").exists()
    assert len(list(data.iterdir())) == 5
    add(flow, data)
    assert sorted(case.title for case in flow.state.cases) == [f"P{n}" for n in range(5)]


def test_a_leak_made_by_hand_is_refused(flow: TrainingFlow, data: Path):
    add(flow, data)
    flow.imported([type(case)(**{**case_values(case), "group": "one"}) if n < 2 else case
                   for n, case in enumerate(flow.state.cases)])  # fmt: skip
    flow.next()
    sides = dict(flow.state.sides)
    sides["case_001"], sides["case_002"] = Side.TRAINING, Side.TEST
    flow.change(sides=sides)
    with pytest.raises(TrainingError, match="on two sides"):
        flow.next()
    assert flow.state.page is PageId.SPLIT


def case_values(case):
    return {name: getattr(case, name) for name in case.__slots__}


def test_a_recipe_that_does_not_work_keeps_one_on_its_page(flow: TrainingFlow, data: Path):
    add(flow, data)
    flow.next()
    flow.next()
    flow.change(choices=RecipeChoices(expert="name = 1"))
    assert "name" in str(flow.obstacles()[0])
    flow.change(choices=RecipeChoices(), name=" ")
    assert "no name" in str(flow.obstacles()[0])
    assert not (flow.run_folder / "plan.json").exists()


def test_a_split_by_slice_is_refused(flow: TrainingFlow, data: Path):
    add(flow, data)
    flow.next()
    flow.next()
    text = 'name = "x"\ntitle = "x"\n[data]\nsplit = "slice"\n[[phase]]\nsize = 32\nsteps = 1\nbatch = 1\nlr = 0.1\n'
    flow.change(choices=RecipeChoices(expert=text))
    with pytest.raises(TrainingError, match="by slice"):
        flow.next()


def test_once_begun_nothing_before_the_run_changes(flow: TrainingFlow, data: Path):
    at_run(flow, data)
    assert flow.can_go_back
    (flow.run_folder / "metrics.jsonl").write_text("{}\n")
    assert not flow.can_go_back
    for change in (flow.back, lambda: flow.exclude("case_001", excluded=True), lambda: flow.remove(["case_001"])):
        with pytest.raises(TrainingError, match="has begun"):
            change()
    (flow.run_folder / "model.safetensors").write_bytes(b"x")
    assert flow.next() is PageId.RESULT
    assert flow.back() is PageId.RUN
    assert flow.next() is PageId.RESULT
    assert not list_trainings(flow.run_folder.parent)[0].done
    assert flow.next() is PageId.RESULT
    assert list_trainings(flow.run_folder.parent)[0].done


def test_a_new_training_can_be_made_from_one_that_has_begun(flow: TrainingFlow, data: Path):
    at_run(flow, data)
    (flow.run_folder / "metrics.jsonl").write_text("{}\n")
    other = flow.derived(flow.run_folder.parent)
    assert (other.state.page, other.begun) == (PageId.DATA, False)
    assert other.state.cases == flow.state.cases
    at_run_again = [other.next() for _ in range(3)]
    assert at_run_again[-1] is PageId.RUN
    assert len(list(other.plan().data_folder.rglob("*_mask.tif"))) == 10
    assert len(list(flow.plan().data_folder.rglob("*_mask.tif"))) == 10


def test_trainings_are_listed_newest_first_and_a_broken_one_hides_none(flow: TrainingFlow):
    root = flow.run_folder.parent
    TrainingFlow.create(root, "Second", bases)
    broken = root / "0000"
    broken.mkdir()
    (broken / "flow.json").write_text("{")
    listed = list_trainings(root)
    assert [one.name for one in listed] == ["Second", "Our scanner", "0000"]
    assert listed[-1].problem
    assert list_trainings(root / "none") == []
    with pytest.raises(TrainingError, match="cannot be read"):
        TrainingFlow.open(broken, bases)


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"version": 1}', '{"version": 9}'])
def test_a_damaged_state_is_a_clear_error(flow: TrainingFlow, damage: str):
    (flow.run_folder / "flow.json").write_text(damage)
    with pytest.raises(TrainingError):
        TrainingFlow.open(flow.run_folder, bases)


def test_a_full_disk_is_told_and_the_choice_stays(flow: TrainingFlow, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WriteError, match="full"):
        flow.change(name="Other")
    assert flow.state.name == "Other"
    monkeypatch.undo()
    assert TrainingFlow.open(flow.run_folder, bases).state.name == "Our scanner"


def test_a_read_only_folder_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(WriteError, match="read-only"):
        TrainingFlow.create(tmp_path / "training", "x", bases)


def test_an_import_that_is_cancelled_has_published_what_was_read(flow: TrainingFlow, data: Path):
    token, read = CancelToken(), []

    def published(record: object) -> None:
        read.append(record)
        token.cancel()

    with pytest.raises(JobCancelled):
        import_cases(flow.run_folder, [], [data], JobContext(token, on_part=published))
    assert [record.title for record in read] == ["P0"]
    flow.imported(read)
    add(flow, data)
    assert sorted(case.title for case in flow.state.cases) == [f"P{n}" for n in range(5)]


def test_a_case_whose_problem_was_solved_is_read_again(flow: TrainingFlow, tmp_path: Path):
    patient = write_patient(tmp_path / "d", "Q", slices=2)
    mask = patient / "Q_1_mask.tif"
    kept = mask.read_bytes()
    mask.unlink()
    add(flow, tmp_path / "d")
    assert not flow.state.cases[0].usable
    mask.write_bytes(kept)
    add(flow, tmp_path / "d")
    assert [case.usable for case in flow.state.cases] == [True]


def test_a_folder_without_cases_says_what_a_case_is(flow: TrainingFlow, tmp_path: Path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(TrainingError, match="No case was found in nothing"):
        add(flow, tmp_path / "nothing")


def test_the_state_names_no_file_of_the_program(flow: TrainingFlow, data: Path):
    add(flow, data)
    document = json.loads((flow.run_folder / "flow.json").read_text())
    assert FlowState.from_dict(document) == flow.state
    assert os.fspath(flow.run_folder) not in json.dumps(document)


def test_names_of_new_models_do_not_repeat():
    assert suggested_name([], "Own model") == "Own model"
    assert suggested_name(["Own model", "Own model 3", "Other"], "Own model") == "Own model 4"


def test_a_measurement_counts_only_for_the_network_it_was_made_of(flow: TrainingFlow, data: Path):
    add(flow, data)
    flow.next()
    flow.next()
    estimate = TrainingEstimate(256, 8, 1.0, 0.1, 10**9, "cpu")
    flow.change(choices=RecipeChoices(budget=Budget.MINUTES, minutes=5))
    assert "not been measured" in str(flow.obstacles()[0])
    flow.change(estimate=estimate, measured=flow.measuring)
    assert (flow.obstacles(), flow.estimate) == ([], estimate)
    flow.change(choices=RecipeChoices(budget=Budget.MINUTES, minutes=5, freeze=1))
    assert flow.estimate is None


def test_the_preview_shows_varied_slices_and_the_same_again_for_the_same_seed(flow: TrainingFlow, data: Path):
    add(flow, data)
    slices = load_preview(flow.run_folder, ["case_001", "case_002"], JobContext())
    assert slices.labels.any((1, 2)).all()
    strong = augmentation(Variation.STRONG)
    first, again, other = (augmented(slices, strong, 64, seed, JobContext()) for seed in (1, 1, 2))
    assert [picture.shape for picture in first] == [(64, 64, 3)] * 2
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    plain = augmented(slices, augmentation(Variation.OFF), 256, 1, JobContext())
    assert plain[0][..., 1].std() > 20
