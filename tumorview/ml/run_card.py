"""From a finished training run to the card of its model."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tumorview.core.labels import PALETTE
from tumorview.core.prediction import ModelClass
from tumorview.core.study import MODEL_CHANNELS
from tumorview.errors import TrainingError
from tumorview.ml.card import ModelCard
from tumorview.ml.postprocess import NO_POSTPROCESS
from tumorview.ml.recipes import Recipe, parse_recipe
from tumorview.ml.registry import UsableModel, sha256_of
from tumorview.ml.weights_header import header_metadata

WEIGHTS = "weights.safetensors"
_MODEL, _SUMMARY, _RECIPE = "model.safetensors", "model.json", "recipe.toml"
_LICENCE = "Yours to choose: trained from new weights on local data"
_RESEARCH = "Research use only: not a medical device. Every mask has to be checked by a radiologist."


@dataclass(frozen=True)
class FinishedRun:
    """What a run left behind: where its best weights are, its summary (``model.json``) and its recipe."""

    folder: Path
    summary: Mapping[str, Any]
    recipe: Recipe

    @classmethod
    def read(cls, folder: Path) -> "FinishedRun":
        """The run in a folder; TrainingError where it has not validated once or cannot be read."""
        for name in (_MODEL, _SUMMARY, _RECIPE):
            if not (folder / name).is_file():
                raise TrainingError(
                    f"The run in {folder} has no model yet ({name} is missing).",
                    "Let it train until its first validation.",
                )
        try:
            summary = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))
            recipe = parse_recipe((folder / _RECIPE).read_text(encoding="utf-8"), _RECIPE)
            run = cls(folder, summary, recipe)
            _ = run.training, run.validation, run.test, run.step, run.size
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(
                f"The run in {folder} cannot be read ({error}).", "Resume it, or train anew."
            ) from error
        return run

    @property
    def weights(self) -> Path:
        """The best averaged weights."""
        return self.folder / _MODEL

    @property
    def size(self) -> int:
        """Side of the slices that the weights were trained on, pixels."""
        return int(self.summary["size"])

    @property
    def step(self) -> int:
        """The optimiser step of the weights; 0 where none did better than what the run began with."""
        return int(self.summary["state"]["total_step"])

    @property
    def training(self) -> tuple[str, ...]:
        """Ids of the patients that were trained on."""
        return _ids(self.summary["training_patients"])

    @property
    def validation(self) -> tuple[str, ...]:
        """Ids of the patients that chose the weights."""
        return _ids(self.summary["validation_patients"])

    @property
    def test(self) -> tuple[str, ...]:
        """Ids of the patients that were kept out of everything."""
        return _ids(self.summary.get("test_patients", []))

    def story(self) -> str:
        """Phases, steps, hours and which step was kept."""
        return training_story(self.folder, self.recipe, self.summary)

    def model(self, model_id: str, title: str, parent: ModelCard | None, *, neutral_ids: bool = False) -> UsableModel:
        """The weights with a card as far as the run tells; ``parent`` is the model they were fine-tuned from."""
        return UsableModel(card_of_run(self, model_id, title, parent, neutral_ids=neutral_ids), self.weights)


def card_of_run(
    run: FinishedRun, model_id: str, title: str, parent: ModelCard | None, *, neutral_ids: bool = False
) -> ModelCard:
    """The card of a run's model without figures; classes, threshold and what follows the network are the parent's.

    A card travels with its model. Unless ``neutral_ids`` says that they tell nothing, patients are counted, not named:
    the ids of data that nobody prepared are names of folders.
    """
    found = header_metadata(run.weights)
    try:
        width, classes, channels = (
            int(found["width"]),
            int(found.get("classes", "2")),
            int(found.get("in_channels", "3")),
        )
        deepest = int(found.get("deepest", 16 * width))
    except (KeyError, ValueError) as error:
        raise TrainingError(
            f"The weights in {run.folder} do not say what they are ({error}).", "Train anew."
        ) from error
    if channels != len(MODEL_CHANNELS):
        raise TrainingError(
            f"The network takes {channels} channels, the viewer gives {len(MODEL_CHANNELS)}.",
            f"Set model.in_channels = {len(MODEL_CHANNELS)} in the recipe and train anew.",
        )
    alike = parent is not None and len(parent.classes) == classes
    local = f"{len(run.training)} patients of local data, slices of {run.size}x{run.size}."
    card = ModelCard(
        id=model_id,
        title=title,
        architecture=found.get("architecture", "unet-cbam"),
        width=width,
        norm=found.get("norm", "batch"),
        channels=MODEL_CHANNELS,
        classes=parent.classes if parent and alike else _classes(classes),
        input_size=run.size,
        threshold=parent.threshold if parent and alike else 0.5,
        weights=WEIGHTS,
        weights_sha256=sha256_of(run.weights),
        licence=parent.licence if parent else _LICENCE,
        training_data=f"{local} Fine-tuned from {parent.title}: {parent.training_data}" if parent else local,
        attribution=parent.attribution if parent else (),
        notes=(_RESEARCH,),
        split=". ".join(
            f"{what} {_listed(ids) if neutral_ids and ids else _counted(ids)}"
            for what, ids in (("Trained on", run.training), ("Chosen by", run.validation), ("Held out:", run.test))
        )
        + ".",
        recipe=run.recipe.name,
        training_log=run.story(),
        parent=f"{parent.id}, weights {parent.weights_sha256}" if parent else "",
        deepest=None if deepest == 16 * width else deepest,
        postprocess=replace(parent.postprocess, gain="") if parent and alike else NO_POSTPROCESS,
    )
    return ModelCard.from_dict(json.loads(card.to_json()))  # checks every entry


def training_story(folder: Path, recipe: Recipe, summary: Mapping[str, Any]) -> str:
    """Phases as far as the run came, hours, and which step was kept."""
    try:
        with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        entries = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        left = max(json.loads(entry).get("total_step", 0) for entry in entries)
        widths = {int(row["phase"]): row["width"] for row in rows}
        hours = max(float(row["seconds"]) for row in rows) / 3600
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"The log of the run in {folder} cannot be read ({error}).", "Resume the run.") from error
    phases = []
    for number, phase in enumerate(recipe.phases, 1):
        done = min(phase.steps, left)
        left -= done
        if done and number in widths:
            steps = f"{done}" if done == phase.steps else f"{done} of {phase.steps}"
            phases.append(
                f"{steps} steps of {phase.batch} slices of {phase.size}x{phase.size} at width {widths[number]}"
            )
    state = summary["state"]
    took = f"{hours:.1f} hours" if hours >= 1 else f"{max(1, math.ceil(60 * hours))} minutes"
    return f"{', then '.join(phases) or 'No step'}; {took}. Kept: step {state['step']} of phase {state['phase'] + 1}."


def _classes(count: int) -> tuple[ModelClass, ...]:
    """Background and what the network finds; one class is the tumour, of several nobody knows the names."""
    names = ["Tumour"] if count == 2 else [f"Class {number}" for number in range(1, count)]
    found = [ModelClass(name, n, PALETTE[(n - 1) % len(PALETTE)]) for n, name in enumerate(names, 1)]
    return (ModelClass("Background", 0, (0, 0, 0)), *found)


def _ids(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(sorted(str(value) for value in values))


def _listed(ids: Sequence[str]) -> str:
    return f"{_counted(ids)} ({', '.join(ids)})"


def _counted(ids: Sequence[str]) -> str:
    return "nobody" if not ids else "1 patient" if len(ids) == 1 else f"{len(ids)} patients"
