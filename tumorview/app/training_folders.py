"""What the training wizard keeps in a run's folder, and the folders of all trainings."""

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tumorview.app.training_cases import CaseRecord
from tumorview.app.training_feed import OUTPUT_NAME
from tumorview.app.training_plan import DATA_NAME, Side
from tumorview.app.training_recipe import RecipeChoices
from tumorview.app.training_split import SplitWish
from tumorview.app.training_store import ASIDE_NAME
from tumorview.errors import TrainingError
from tumorview.io.atomic import atomic_write_bytes, write_error
from tumorview.ml.training_estimate import TrainingEstimate

FLOW_NAME = "flow.json"
TRAINING_NAME = "training"
_BEGUN_NAMES = ("metrics.jsonl", OUTPUT_NAME)
_VERSION = 1


class PageId(StrEnum):
    """The pages in their order."""

    DATA = "data"
    SPLIT = "split"
    RECIPE = "recipe"
    RUN = "run"
    RESULT = "result"


PAGES = tuple(PageId)


@dataclass(frozen=True, slots=True)
class FlowState:
    """Everything that was chosen; ``estimate`` was measured for the recipe that ``measured`` describes.

    ``done`` is set when the user has left the last page for good.
    """

    name: str
    page: PageId = PageId.DATA
    cases: tuple[CaseRecord, ...] = ()
    wish: SplitWish = field(default_factory=SplitWish)
    sides: Mapping[str, Side] = field(default_factory=dict)
    choices: RecipeChoices = field(default_factory=RecipeChoices)
    estimate: TrainingEstimate | None = None
    measured: str = ""
    done: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "version": _VERSION,
            "name": self.name,
            "page": self.page,
            "cases": [case.to_dict() for case in self.cases],
            "wish": [self.wish.validation_share, self.wish.test_share, self.wish.seed],
            "sides": dict(self.sides),
            "choices": self.choices.to_dict(),
            "estimate": None if self.estimate is None else self.estimate.to_dict(),
            "measured": self.measured,
            "done": self.done,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "FlowState":
        """Back from JSON; KeyError, TypeError or ValueError where it is none."""
        if document["version"] != _VERSION:
            raise ValueError(f"version {document['version']}")
        estimate = document["estimate"]
        return cls(
            document["name"],
            PageId(document["page"]),
            tuple(CaseRecord.from_dict(case) for case in document["cases"]),
            SplitWish(*document["wish"]),
            {name: Side(side) for name, side in document["sides"].items()},
            RecipeChoices.from_dict(document["choices"]),
            None if estimate is None else TrainingEstimate.from_dict(estimate),
            document["measured"],
            document["done"],
        )


def has_begun(run_folder: Path) -> bool:
    """Whether a trainer was ever started in the folder."""
    return any((run_folder / name).exists() for name in _BEGUN_NAMES)


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """One training on disk; ``problem`` says why it cannot be opened."""

    folder: Path
    name: str
    page: PageId | None
    begun: bool
    done: bool = False
    problem: str = ""


def list_trainings(root: Path) -> list[TrainingSummary]:
    """Every training below ``root``, the newest first; a damaged one is listed with its problem."""
    if not root.is_dir():
        return []
    found = []
    for folder in sorted((path for path in root.iterdir() if (path / FLOW_NAME).exists()), reverse=True):
        begun = has_begun(folder)
        try:
            state = read_state(folder)
        except TrainingError as error:
            found.append(TrainingSummary(folder, folder.name, None, begun, problem=str(error)))
        else:
            found.append(TrainingSummary(folder, state.name, state.page, begun, state.done))
    return found


def _linked(source: str, target: str) -> str:
    """A second name for a prepared file, which is never changed; a copy where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target


def new_folder(root: Path) -> Path:
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    try:
        root.mkdir(parents=True, exist_ok=True)
        taken = {path.name for path in root.iterdir()}
        number = 1
        while (name := stamp if number == 1 else f"{stamp}_{number}") in taken:
            number += 1
        folder = root / name
        folder.mkdir()
    except OSError as error:
        raise write_error(root, error) from error
    return folder


def read_state(run_folder: Path) -> FlowState:
    path = run_folder / FLOW_NAME
    try:
        return FlowState.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"The training in {run_folder} cannot be read ({error}).", "Start a new one; its cases can be added again."
        ) from error


def write_state(run_folder: Path, state: FlowState) -> None:
    """Keep the state; WriteError where that fails."""
    atomic_write_bytes(run_folder / FLOW_NAME, json.dumps(state.to_dict(), indent=1).encode())


def copy_cases(source: Path, target: Path) -> None:
    """The prepared cases of one run's folder for another; WriteError where that fails."""
    try:
        for name in (ASIDE_NAME, DATA_NAME):
            if (source / name).is_dir():
                shutil.copytree(source / name, target / ASIDE_NAME, dirs_exist_ok=True, copy_function=_linked)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise write_error(target, error) from error


def suggested_name(existing: Iterable[str], base: str) -> str:
    """A name for a new model that none has yet: "Own model", "Own model 2" ..."""
    pattern = re.compile(rf"{re.escape(base)}(?: (\d+))?")
    numbers = [int(match[1] or 1) for name in existing if (match := pattern.fullmatch(name))]
    return f"{base} {max(numbers) + 1}" if numbers else base
