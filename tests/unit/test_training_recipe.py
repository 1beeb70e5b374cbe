"""From the choices on the recipe page to a checked recipe, and what it will cost."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.training_measure import measure_recipe, measured_for
from tumorview.app.training_recipe import (
    BaseModel,
    Budget,
    RecipeChoices,
    SliceCounts,
    Variation,
    augmentation,
    base_models,
    build,
    epochs_of,
    run_seconds,
)
from tumorview.errors import JobCancelled, ModelError, TrainingError
from tumorview.ml.recipes import parse_recipe, recipe_text
from tumorview.ml.registry import ModelRegistry
from tumorview.ml.training_estimate import TrainingEstimate

COUNTS = SliceCounts(tumour=100, empty=200, validation=60)
BASES = [
    BaseModel("unet-cbam-lgg", "Bundled", True, 32),
    BaseModel("mine", "Mine", False, 8, weights=Path("/models/mine/weights.safetensors")),
    BaseModel("broken", "Broken", False, problem="Its weights are missing."),
]
ESTIMATE = TrainingEstimate(size=256, batch=8, step_seconds=2.0, slice_seconds=0.1, memory_bytes=10**9, device="cpu")


def test_fine_tuning_starts_from_the_bundled_model():
    recipe = build(RecipeChoices(freeze=2), COUNTS, BASES)
    assert (recipe.model.initial, recipe.model.width, recipe.model.freeze) == ("unet-cbam-lgg", 32, 2)
    assert parse_recipe(recipe_text(recipe)) == recipe


def test_an_own_model_is_started_from_by_its_weights():
    recipe = build(RecipeChoices(base_model="mine"), COUNTS, BASES)
    assert (recipe.model.initial, recipe.model.width) == ("/models/mine/weights.safetensors", 8)


def test_from_scratch_the_width_is_chosen_and_nothing_is_frozen():
    recipe = build(RecipeChoices(base_model="", width=16, freeze=3), COUNTS, BASES)
    assert (recipe.model.initial, recipe.model.width, recipe.model.freeze) == ("", 16, 0)


@pytest.mark.parametrize(("base", "reason"), [("gone", "not there any more"), ("broken", "weights are missing")])
def test_a_base_that_cannot_be_used_is_refused(base: str, reason: str):
    with pytest.raises(ModelError, match=reason):
        build(RecipeChoices(base_model=base), COUNTS, BASES)


def test_epochs_become_steps():
    recipe = build(RecipeChoices(epochs=4, batch=8), COUNTS, BASES)
    assert recipe.steps == 88  # 4 times 175 slices, by 8
    assert epochs_of(recipe, COUNTS) == pytest.approx(4, abs=0.05)
    assert recipe.phases[0].evaluate_every == 9


def test_a_time_budget_is_kept_by_what_was_measured():
    recipe = build(RecipeChoices(budget=Budget.MINUTES, minutes=20), COUNTS, BASES, ESTIMATE)
    assert run_seconds(recipe, COUNTS, ESTIMATE) == pytest.approx(1200, rel=0.05)
    faster = replace(ESTIMATE, size=128, step_seconds=0.5, slice_seconds=0.025)
    assert build(RecipeChoices(budget=Budget.MINUTES, minutes=20), COUNTS, BASES, faster).steps == recipe.steps


def test_dear_validations_leave_most_of_a_time_budget_to_learning():
    """As measured for the lite model on one busy core: ten validations would have taken 12 of 20 minutes."""
    counts, slow = replace(COUNTS, validation=135), replace(ESTIMATE, step_seconds=6.6, slice_seconds=0.22)
    recipe = build(RecipeChoices(budget=Budget.MINUTES, minutes=20), counts, BASES, slow)
    assert run_seconds(recipe, counts, slow) == pytest.approx(1200, rel=0.05)
    assert recipe.steps * slow.step_seconds >= 0.7 * 1200
    assert 4 <= math.ceil(recipe.steps / recipe.phases[0].evaluate_every) < 10
    assert recipe.data.validation_stride > 1
    cheap = build(RecipeChoices(budget=Budget.MINUTES, minutes=20), COUNTS, BASES, replace(slow, slice_seconds=0.01))
    assert cheap.data.validation_stride == 1
    assert math.ceil(cheap.steps / cheap.phases[0].evaluate_every) == 10


def test_a_time_budget_without_a_measurement_or_too_small_is_refused():
    choices = RecipeChoices(budget=Budget.MINUTES, minutes=1)
    with pytest.raises(TrainingError, match="not been measured"):
        build(choices, COUNTS, BASES)
    with pytest.raises(TrainingError, match="no time for a single step"):
        build(choices, COUNTS, BASES, ESTIMATE)


def test_many_validation_slices_are_read_with_a_stride():
    recipe = build(RecipeChoices(), replace(COUNTS, validation=1000), BASES)
    assert recipe.data.validation_stride == 5


def test_variation_grows_with_its_name():
    off, light, standard, strong = (augmentation(variation) for variation in Variation)
    assert (off.flip, off.rotation_degrees) == (0, 0)
    assert 0 < light.rotation_degrees < standard.rotation_degrees < strong.rotation_degrees
    assert light.flip == standard.flip == 0.5


def test_the_experts_text_decides_alone_and_is_checked():
    text = recipe_text(build(RecipeChoices(), COUNTS, BASES)).replace("lr = 0.0002", "lr = 0.5")
    assert build(RecipeChoices(expert=text, epochs=0), COUNTS, BASES).phases[0].lr == 0.5
    with pytest.raises(TrainingError, match="lr"):
        build(RecipeChoices(expert=text.replace("lr = 0.5", "lr = -1")), COUNTS, BASES)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"epochs": 0}, "Epochs"), ({"learning_rate": 0.0}, "learning rate"), ({"size": 100}, "slice size")],
)
def test_values_out_of_range_are_refused(wrong: dict, word: str):
    with pytest.raises(TrainingError, match=word):
        build(replace(RecipeChoices(), **wrong), COUNTS, BASES)


def test_no_tumour_to_train_on_is_refused():
    with pytest.raises(TrainingError, match="No training patient"):
        build(RecipeChoices(), SliceCounts(0, 10, 10), BASES)


def test_choices_survive_json_and_unknown_keys():
    choices = RecipeChoices(budget=Budget.MINUTES, variation=Variation.STRONG, expert="x")
    assert RecipeChoices.from_dict({**choices.to_dict(), "later": 1}) == choices


def test_the_bundled_model_can_be_started_from_and_a_broken_one_is_listed(tmp_path: Path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "card.json").write_text("{")
    bases = {base.id: base for base in base_models(ModelRegistry(tmp_path))}
    assert bases["unet-cbam-lgg"].problem == ""
    assert bases["bad"].problem


def test_a_measurement_in_a_process_of_its_own_tells_time_and_memory():
    recipe = build(RecipeChoices(base_model="", width=8, size=64, batch=2), COUNTS, BASES)
    told: list[str] = []
    context = JobContext(on_progress=lambda _, text: told.append(text))
    estimate = measure_recipe(recipe, "cpu", context)
    assert (estimate.size, estimate.batch, estimate.device) == (64, 2, "cpu")
    assert 0 < estimate.slice_seconds < estimate.step_seconds
    assert estimate.memory_bytes > 50e6
    assert TrainingEstimate.from_dict(estimate.to_dict()) == estimate


def test_a_measurement_is_cancelled_at_once(monkeypatch: pytest.MonkeyPatch):
    started: list[subprocess.Popen] = []
    monkeypatch.setattr("tumorview.app.child_process.program", lambda: [sys.executable, "-c", "input()"])
    token = CancelToken()
    real = subprocess.Popen

    def popen(words: list[str], **options: object):
        started.append(real([sys.executable, "-c", "import time; time.sleep(60)"], **options))
        token.cancel()
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(JobCancelled):
        measure_recipe(build(RecipeChoices(), COUNTS, BASES), "cpu", JobContext(token))
    assert started[0].poll() is not None


def test_a_measurement_that_fails_says_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "tumorview.app.child_process.program",
        lambda: [sys.executable, "-c", "import sys; sys.exit('not enough memory')"],
    )
    with pytest.raises(TrainingError, match=r"not enough memory.*smaller slices"):
        measure_recipe(build(RecipeChoices(), COUNTS, BASES), "cpu", JobContext())


def test_a_measurement_holds_for_another_length_batch_and_size_but_not_for_another_network():
    def key(**values: object) -> str:
        return measured_for(build(replace(RecipeChoices(), **values), COUNTS, BASES), "cpu")

    assert key() == key(epochs=3, learning_rate=1e-3) == key(batch=4, size=128)
    assert len({key(), key(freeze=2), key(base_model="mine"), key(base_model="", width=64)}) == 4
