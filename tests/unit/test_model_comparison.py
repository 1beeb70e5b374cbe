"""Old against new on held-out patients: the same patients for both, nothing that was trained on, all of it kept."""

import json

import numpy as np
import pytest

from tests.unit.finished_runs import write_run
from tests.unit.test_model_evaluation import write_patient
from tests.unit.tiny_models import write_model
from tumorview.app.comparison import COMPARISON_NAME, PICTURES_NAME, Comparison
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.model_comparison import RunContents, compare_run, plan_of, rival
from tumorview.app.training_plan import PlannedCase, Side, TrainingPlan
from tumorview.core.paired import Verdict
from tumorview.errors import JobCancelled, ModelError, ReadError, TrainingError
from tumorview.ml import engines
from tumorview.ml.engines import FunctionEngine
from tumorview.ml.recipes import load_recipe
from tumorview.ml.registry import ModelRegistry, sha256_of

TEST = tuple(f"case-{n}" for n in range(4, 10))


def marks(level):
    """Tumour where FLAIR is brighter than ``level`` deviations."""

    def predict(given):
        tumour = (given[:, 1] > level).astype(np.float32)
        return np.stack([1 - tumour, tumour], axis=1)

    return FunctionEngine(predict)


@pytest.fixture
def registry(tmp_path):
    write_model(tmp_path / "bundled", "unet-cbam-lgg", size=256)
    return ModelRegistry(tmp_path / "user", tmp_path / "bundled")


@pytest.fixture
def run(tmp_path):
    run = write_run(tmp_path / "run", test=TEST)
    sides = {"case-1": Side.TRAINING, "case-2": Side.TRAINING, "case-3": Side.VALIDATION}
    cases = [
        PlannedCase(name, f"Patient {name[-1]}", "here", name, sides.get(name, Side.TEST)) for name in (*sides, *TEST)
    ]
    TrainingPlan(run, "Our scanner", load_recipe("quick"), tuple(cases), "unet-cbam-lgg").save()
    for case in cases:
        write_patient(run / "data", case.id, 2, shift=0 if case.id != "case-9" else 10)
    return run


@pytest.fixture
def opened(monkeypatch):
    """The engines that are opened: the bundled network sees nothing on these images, the new one the lesion."""
    models = []

    def open_engine(model, **_):
        models.append(model.card.id)
        return marks(9.0 if model.card.id == "unet-cbam-lgg" else 1.5)

    monkeypatch.setattr(engines, "open_engine", open_engine)
    return models


def compared(run, registry, progress=None, *, sample=False):
    contents = RunContents.read(run)
    return compare_run(contents, registry, plan_of(contents, sample=sample), progress)


def test_the_held_out_patients_are_compared_one_by_one(run, registry, opened):
    result = compared(run, registry)
    assert opened == ["unet-cbam-lgg", "new-model"]
    assert [pair.id for pair in result.pairs] == list(TEST)
    assert [pair.title for pair in result.pairs][:2] == ["Patient 4", "Patient 5"]
    assert [pair.old for pair in result.pairs] == [0.0] * 6
    assert [pair.new for pair in result.pairs] == pytest.approx([1.0] * 5 + [0.75])
    assert result.test.verdict is Verdict.BETTER
    assert result.figures["dice_per_volume"].difference.value == pytest.approx(5.75 / 6)
    assert result.new.title == "Our scanner"
    assert result.new.weights_sha256 == sha256_of(run / "model.safetensors")


def test_the_worst_case_shows_both_masks_on_its_worst_slice(run, registry, opened):
    worst = compared(run, registry).worst[0]
    assert (worst.patient, worst.slice) == ("case-9", 0)
    assert worst.flair.shape == worst.truth.shape == worst.old.shape == worst.new.shape == (256, 256)
    assert (int(worst.old.sum()), int(worst.new.sum()), int(worst.truth.sum())) == (0, 1600, 1600)
    assert int((worst.new & worst.truth).sum()) == 1200


def test_patients_that_lost_come_before_those_that_were_always_poor(run, registry, opened, monkeypatch):
    monkeypatch.setattr(engines, "open_engine", lambda model, **_: marks(1.5 if model.card.id != "new-model" else 9.0))
    assert compared(run, registry).worst[0].old_dice == 1.0
    monkeypatch.setattr(engines, "open_engine", lambda *_, **__: marks(1.5))
    assert compared(run, registry).worst[0].patient == "case-9"


def test_what_it_costs_on_original_data_is_measured_on_the_sample_patient(run, registry, opened):
    cost = compared(run, registry, sample=True).original
    assert len(cost) == 1
    assert cost[0].patients == 1
    assert cost[0].old == 0.0
    assert 0 < cost[0].new < 1


def test_the_result_is_kept_and_reads_back(run, registry, opened):
    result = compared(run, registry)
    back = Comparison.load(run)
    assert back.to_dict() == result.to_dict()
    for one, other in zip(back.worst, result.worst, strict=True):
        for layer in ("flair", "truth", "old", "new"):
            np.testing.assert_array_equal(getattr(one, layer), getattr(other, layer))
    document = json.loads((run / COMPARISON_NAME).read_text())
    assert document["verdict"] == "better"
    assert document["patients"][5]["difference"] == pytest.approx(0.75)


@pytest.mark.parametrize("name", [COMPARISON_NAME, PICTURES_NAME])
def test_a_damaged_result_is_a_clear_error(run, registry, opened, name):
    assert Comparison.load(run) is None
    compared(run, registry)
    (run / name).write_bytes((run / name).read_bytes()[:50])
    with pytest.raises(ReadError, match="again"):
        Comparison.load(run)


def test_a_test_patient_that_was_trained_on_is_refused(run, registry):
    summary = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**summary, "validation_patients": ["case-3", "case-5"]}))
    with pytest.raises(TrainingError, match="Patient 5 is a test patient"):
        compared(run, registry)


def test_nobody_held_out_is_too_few_and_not_the_whole_data_set(run, registry, opened):
    summary = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**summary, "test_patients": []}))
    result = compared(run, registry, sample=True)
    assert result.test.verdict is Verdict.TOO_FEW
    assert (result.pairs, result.figures, result.worst) == ((), {}, ())
    assert len(result.original) == 1


def test_cancelling_leaves_the_result_from_before(run, registry, opened):
    compared(run, registry)
    before = (run / COMPARISON_NAME).read_bytes()
    token = CancelToken()
    with pytest.raises(JobCancelled):
        compared(run, registry, JobContext(token, lambda fraction, _: token.cancel() if fraction > 0.5 else None))
    assert (run / COMPARISON_NAME).read_bytes() == before


def test_progress_rises_to_the_end_and_names_the_models(run, registry, opened):
    seen = []
    compared(run, registry, JobContext(on_progress=lambda fraction, text: seen.append((fraction, text))))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.99
    assert any("Our scanner" in text for _, text in seen)


def test_weights_that_no_step_improved_are_called_that(run, registry, opened):
    summary = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**summary, "state": {"phase": 0, "step": 0, "total_step": 0}}))
    assert any("began with" in note for note in compared(run, registry).notes)


def test_a_model_is_never_compared_with_itself(run, registry, opened):
    contents = RunContents.read(run)
    registry.install(contents.run.model("ours", "Ours", None).card, contents.run.weights)
    assert rival(registry, contents).card.id == "unet-cbam-lgg"


def test_a_run_of_the_command_line_needs_its_data_named(tmp_path, registry):
    run = write_run(tmp_path / "run", test=TEST)
    with pytest.raises(TrainingError, match="--data"):
        RunContents.read(run)
    assert RunContents.read(run, tmp_path).data == tmp_path


def test_data_that_vanished_is_a_clear_error(run, registry, opened):
    import shutil

    shutil.rmtree(run / "data" / "case-4")
    with pytest.raises(ModelError, match="case-4"):
        compared(run, registry)
