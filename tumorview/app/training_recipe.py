"""From what the user chooses on the recipe page to a recipe: plain values in, a checked Recipe out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tumorview.app.training_cases import CaseRecord
from tumorview.app.training_plan import Side
from tumorview.app.training_split import Sides
from tumorview.errors import ModelError, TrainingError
from tumorview.ml.recipes import (
    AugmentSettings,
    DataSettings,
    ModelSettings,
    Phase,
    Recipe,
    load_recipe,
    parse_recipe,
    recipe_names,
    recipe_text,
)
from tumorview.ml.registry import DEFAULT_MODEL, ModelRegistry
from tumorview.ml.training_estimate import TrainingEstimate

SIZES = (64, 96, 128, 192, 256)
WIDTHS = (8, 16, 32, 64)
BATCHES = (1, 2, 4, 8, 16, 32)
FREEZE_LEVELS = 5
FINE_TUNE_RATE, SCRATCH_RATE = 2e-4, 1.5e-3
_EMPTY_RATIO = DataSettings().empty_ratio
_STATISTICS_BATCHES = 12  # a validation runs these to measure the norm statistics anew
_FORWARD_SHARE = 1 / 3  # of a training step
_VALIDATION_SLICES = 240  # of one validation; more patients are read with a stride
_VALIDATING_SHARE = 0.25  # of a time budget, at most: where a validation is dear there are fewer, of fewer slices
_FEWEST_VALIDATIONS, _LARGEST_STRIDE = 4, 4


class Budget(StrEnum):
    """What ends the training."""

    EPOCHS = "epochs"
    MINUTES = "minutes"


class Variation(StrEnum):
    """How much training slices are varied."""

    OFF = "off"
    LIGHT = "light"
    STANDARD = "standard"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class RecipeChoices:
    """The recipe page. ``base_model`` is the id of the model to go on from, "" for random weights of ``width``.

    ``expert`` is the text of a whole recipe; where it is not empty it decides alone.
    """

    base_model: str = DEFAULT_MODEL
    freeze: int = 0
    width: int = 32
    budget: Budget = Budget.EPOCHS
    epochs: int = 10
    minutes: int = 20
    learning_rate: float = FINE_TUNE_RATE
    batch: int = 8
    size: int = 256
    variation: Variation = Variation.STANDARD
    validations: int = 10
    device: str = "auto"
    expert: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "RecipeChoices":
        """Back from JSON; settings that are missing get their defaults."""
        known = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        for name, kind in (("budget", Budget), ("variation", Variation)):
            if name in known:
                known[name] = kind(known[name])
        return cls(**known)


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model that training can start from; ``problem`` says why it cannot."""

    id: str
    title: str
    bundled: bool
    width: int = 0
    classes: int = 2
    weights: Path = Path()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SliceCounts:
    """How many slices there are to train on (with and without tumour) and to validate on."""

    tumour: int
    empty: int
    validation: int

    @classmethod
    def of(cls, cases: Sequence[CaseRecord], sides: Sides) -> "SliceCounts":
        """Of the chosen cases."""
        chosen = [case for case in cases if case.chosen]
        train = [case for case in chosen if sides.get(case.id) is Side.TRAINING]
        tumour = sum(case.tumour_slices for case in train)
        validation = sum(case.slices for case in chosen if sides.get(case.id) is Side.VALIDATION)
        return cls(tumour, sum(case.slices for case in train) - tumour, validation)

    def epoch(self, empty_ratio: float = _EMPTY_RATIO) -> int:
        """Slices of one epoch."""
        return self.tumour + min(self.empty, round(empty_ratio * self.tumour))


def base_models(registry: ModelRegistry) -> list[BaseModel]:
    """Every model of the registry, those that cannot be gone on from with the reason."""
    found = []
    for entry in registry.list():
        if entry.card is None or not entry.ok:
            found.append(BaseModel(entry.id, entry.id, entry.bundled, problem=entry.status))
            continue
        card = entry.card
        other = tuple(str(role) for role in card.channels) != ("T1", "FLAIR", "T1CE")
        problem = "It was made for other input channels." if other else ""
        weights = entry.folder / card.weights
        found.append(BaseModel(card.id, card.title, entry.bundled, card.width, len(card.classes), weights, problem))
    return found


def build(
    choices: RecipeChoices, counts: SliceCounts, bases: Sequence[BaseModel], estimate: TrainingEstimate | None = None,
    *, title: str = "Own training",
) -> Recipe:  # fmt: skip
    """The recipe of these choices; raises TrainingError where they do not make one.

    A time budget needs the ``estimate`` that was measured for these choices.
    """
    if choices.expert:
        return parse_recipe(choices.expert, "The recipe")
    _check(choices)
    tuned = load_recipe("finetune")
    recipe = Recipe(
        name="own",
        title=title,
        phases=(_phase(choices, steps=1),),
        model=_model(choices, bases),
        data=DataSettings(validation_stride=max(1, math.ceil(counts.validation / _VALIDATION_SLICES))),
        augment=augmentation(choices.variation),
        optimiser=tuned.optimiser,
    )
    if counts.tumour == 0:
        raise TrainingError("No training patient has a slice with tumour.", "Change the split.")
    if choices.budget is Budget.EPOCHS:
        steps = math.ceil(choices.epochs * counts.epoch() / choices.batch)
    else:
        recipe, choices = _affordable(recipe, choices, counts, estimate)
        steps = _steps_within(choices.minutes * 60, recipe, counts, choices.validations, estimate)
    return replace(recipe, phases=(_phase(choices, steps),))


def augmentation(variation: Variation) -> AugmentSettings:
    """The strength of every kind of variation."""
    if variation is Variation.OFF:
        return AugmentSettings(flip=0.0)
    if variation is Variation.STRONG:
        return load_recipe("lgg").augment
    standard = load_recipe("finetune").augment
    if variation is Variation.STANDARD:
        return standard
    halved = {item.name: getattr(standard, item.name) / 2 for item in fields(standard) if item.name != "flip"}
    return replace(standard, **halved)


def named_recipes() -> list[tuple[str, str, str]]:
    """Name, title and text of the recipes that come with the program."""
    return [(recipe.name, recipe.title, recipe_text(recipe)) for recipe in map(load_recipe, recipe_names())]


def recipe_text_of(recipe: Recipe) -> str:
    """The recipe as TOML, for the eye and the hand."""
    return recipe_text(recipe)


def run_seconds(recipe: Recipe, counts: SliceCounts, estimate: TrainingEstimate) -> float:
    """How long the recipe will take by what was measured on this machine, validations included."""
    total = 0.0
    for phase in recipe.phases:
        share = (phase.size / estimate.size) ** 2 * phase.batch / estimate.batch
        validations = math.ceil(phase.steps / phase.evaluate_every) + 1
        total += phase.steps * estimate.step_seconds * share
        total += validations * _validation_seconds(recipe, phase, counts, estimate)
    return total


def epochs_of(recipe: Recipe, counts: SliceCounts) -> float:
    """How often a training slice with tumour comes up."""
    return sum(phase.steps * phase.batch for phase in recipe.phases) / max(1, counts.epoch(recipe.data.empty_ratio))


def _phase(choices: RecipeChoices, steps: int) -> Phase:
    every = max(1, math.ceil(steps / choices.validations))
    return Phase(
        size=choices.size, steps=steps, batch=choices.batch, lr=choices.learning_rate, warmup=min(20, steps // 10),
        evaluate_every=every,
    )  # fmt: skip


def _model(choices: RecipeChoices, bases: Sequence[BaseModel]) -> ModelSettings:
    if not choices.base_model:
        return ModelSettings(width=choices.width)
    base = next((base for base in bases if base.id == choices.base_model), None)
    if base is None:
        raise ModelError(f"The model {choices.base_model} is not there any more.", "Choose another one to start from.")
    if base.problem:
        raise ModelError(f"Training cannot start from {base.title}: {base.problem}", "Choose another model.")
    initial = base.id if base.bundled else str(base.weights)
    return ModelSettings(width=base.width, classes=base.classes, initial=initial, freeze=choices.freeze)


def _check(choices: RecipeChoices) -> None:
    """Ranges that the page's own controls keep, and a plan from elsewhere may not."""
    for name in ("epochs", "minutes", "batch", "validations"):
        if getattr(choices, name) < 1:
            raise TrainingError(f"{name.capitalize()} is {getattr(choices, name)}.", "Use 1 or more.")
    if choices.learning_rate <= 0:
        raise TrainingError(f"The learning rate is {choices.learning_rate}.", "Use a positive number.")
    if choices.size % 16 or choices.size < 16:
        raise TrainingError(f"The slice size is {choices.size}.", "Use a multiple of 16.")


def _affordable(
    recipe: Recipe, choices: RecipeChoices, counts: SliceCounts, estimate: TrainingEstimate | None
) -> tuple[Recipe, RecipeChoices]:
    """Fewer validations, then every second or fourth slice only, until most of the time is left to learn in."""
    allowed = _VALIDATING_SHARE * choices.minutes * 60

    def spent(number: int) -> float:
        if estimate is None:
            return 0.0
        return (number + 1) * _validation_seconds(recipe, recipe.phases[0], counts, estimate)

    number = choices.validations
    while number > _FEWEST_VALIDATIONS and spent(number) > allowed:
        number -= 1
    while recipe.data.validation_stride < _LARGEST_STRIDE and spent(number) > allowed:
        data = replace(recipe.data, validation_stride=min(2 * recipe.data.validation_stride, _LARGEST_STRIDE))
        recipe = replace(recipe, data=data)
    return recipe, replace(choices, validations=number)


def _steps_within(
    seconds: float, recipe: Recipe, counts: SliceCounts, validations: int, estimate: TrainingEstimate | None
) -> int:
    if estimate is None:
        raise TrainingError("How fast this machine trains has not been measured yet.", "Press Measure.")
    phase = recipe.phases[0]
    validating = (validations + 1) * _validation_seconds(recipe, phase, counts, estimate)
    step = estimate.step_seconds * (phase.size / estimate.size) ** 2 * phase.batch / estimate.batch
    steps = int((seconds - validating) / step)
    if steps < 1:
        raise TrainingError(
            f"{seconds / 60:.0f} minutes leave no time for a single step: validations alone take {validating:.0f} s.",
            "Give it more time, or take smaller slices.",
        )
    return steps


def _validation_seconds(recipe: Recipe, phase: Phase, counts: SliceCounts, estimate: TrainingEstimate) -> float:
    """Of all slices (by the stride) and half of them with FLAIR alone, and the norm statistics before."""
    scale = (phase.size / estimate.size) ** 2
    slices = counts.validation / recipe.data.validation_stride * 1.5
    statistics = _STATISTICS_BATCHES * phase.batch
    return float((slices + statistics) * estimate.slice_seconds * scale)
