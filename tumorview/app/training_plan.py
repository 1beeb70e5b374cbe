"""What a training run is going to do: which prepared patient is on which side, by which recipe, from which model.

The training wizard ends in a TrainingPlan; running it is ``tumorview train`` with ``TrainingPlan.arguments``. It lives
in the run's folder: ``plan.json`` (this), ``plan.toml`` (the recipe for the command line) and ``data`` (the prepared
patients in the LGG layout). Everything else in the folder is the trainer's.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tumorview.errors import TrainingError
from tumorview.io.atomic import atomic_write_bytes
from tumorview.ml.recipes import Recipe, parse_recipe, recipe_text

PLAN_NAME = "plan.json"
RECIPE_NAME = "plan.toml"
DATA_NAME = "data"
_VERSION = 1
_DAMAGED = "Start the training anew, or bring the folder back from a copy."


class Side(StrEnum):
    """What a patient is for: to train on, to choose the best weights by, or to compare old and new with at the end."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """One prepared case: ``id`` names its folder and tells nothing about the patient, ``title`` is for the eye.

    Cases of the same ``patient`` (also near-duplicates) are on the same side. ``source`` is where the case came from.
    """

    id: str
    title: str
    source: str
    patient: str
    side: Side


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """``base_model`` is the id of the model that is fine-tuned, "" from scratch; ``name`` the new one's."""

    run_folder: Path
    name: str
    recipe: Recipe
    cases: tuple[PlannedCase, ...]
    base_model: str = ""
    device: str = "auto"

    def __post_init__(self) -> None:
        leaks = leaking(self.cases)
        if leaks:
            raise TrainingError(
                f"{', '.join(leaks)}: cases of the same patient are on different sides of the split.",
                "Scores would flatter: put all cases of a patient on one side.",
            )

    @property
    def data_folder(self) -> Path:
        """The prepared patients, in the LGG layout."""
        return self.run_folder / DATA_NAME

    @property
    def recipe_file(self) -> Path:
        """The recipe as the command line reads it."""
        return self.run_folder / RECIPE_NAME

    def ids(self, side: Side) -> tuple[str, ...]:
        """Ids of the cases on one side."""
        return tuple(case.id for case in self.cases if case.side is side)

    @property
    def training(self) -> tuple[str, ...]:
        """Ids that are trained on."""
        return self.ids(Side.TRAINING)

    @property
    def validation(self) -> tuple[str, ...]:
        """Ids that choose the best weights."""
        return self.ids(Side.VALIDATION)

    @property
    def test(self) -> tuple[str, ...]:
        """Ids that are kept out until old and new are compared."""
        return self.ids(Side.TEST)

    @property
    def titles(self) -> dict[str, str]:
        """What to show for each id."""
        return {case.id: case.title for case in self.cases}

    @property
    def full_recipe(self) -> Recipe:
        """The recipe with this plan's sides written into it."""
        data = replace(self.recipe.data, validation=self.validation, test=self.test, test_share=0.0, split="patient")
        return replace(self.recipe, data=data)

    def arguments(self, *, resume: bool = False) -> list[str]:
        """What follows ``tumorview`` on the command line that runs this plan."""
        words = ["train", "--data", str(self.data_folder), "--out", str(self.run_folder)]
        words += ["--recipe", str(self.recipe_file), "--device", self.device]
        return [*words, "--resume"] if resume else words

    def save(self) -> None:
        """Write ``plan.json`` and ``plan.toml`` into the run's folder; WriteError with a remedy."""
        document = {
            "version": _VERSION,
            "name": self.name,
            "base_model": self.base_model,
            "device": self.device,
            "cases": [asdict(case) for case in self.cases],
            "recipe": recipe_text(self.recipe),
        }
        atomic_write_bytes(self.recipe_file, recipe_text(self.full_recipe).encode())
        atomic_write_bytes(self.run_folder / PLAN_NAME, json.dumps(document, indent=1).encode())

    @classmethod
    def load(cls, run_folder: Path) -> "TrainingPlan":
        """The plan in a run's folder, wherever that lies now; TrainingError where there is none that can be read."""
        path = run_folder / PLAN_NAME
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls._of(run_folder, document)
        except FileNotFoundError as error:
            raise TrainingError(f"There is no training plan in {run_folder}.", "Choose the folder of a run.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"The training plan {path} cannot be read ({error}).", _DAMAGED) from error

    @classmethod
    def _of(cls, run_folder: Path, document: dict[str, Any]) -> "TrainingPlan":
        if document["version"] != _VERSION:
            raise TrainingError(
                f"The training plan in {run_folder} is of version {document['version']}.", "Use the newest TumorView."
            )
        cases = tuple(PlannedCase(**{**case, "side": Side(case["side"])}) for case in document["cases"])
        recipe = parse_recipe(document["recipe"], PLAN_NAME)
        return cls(run_folder, document["name"], recipe, cases, document["base_model"], document["device"])


def leaking(cases: Sequence[PlannedCase]) -> list[str]:
    """Titles of cases whose patient is on more than one side."""
    sides: dict[str, set[Side]] = {}
    for case in cases:
        sides.setdefault(case.patient, set()).add(case.side)
    return [case.title for case in cases if len(sides[case.patient]) > 1]
