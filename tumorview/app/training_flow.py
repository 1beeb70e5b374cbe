"""The training wizard without a window: which page, what was chosen on it, whether one may go on.

``flow.json`` in the run's folder is written at every change, so that the wizard goes on where it was after a restart or
a crash. Leaving the recipe page makes the TrainingPlan; from there on the folder belongs to the trainer as well.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tumorview.app.training_cases import CaseRecord, marked_twins
from tumorview.app.training_feed import OUTPUT_NAME
from tumorview.app.training_measure import measured_for
from tumorview.app.training_plan import DATA_NAME, PLAN_NAME, PlannedCase, Side, TrainingPlan
from tumorview.app.training_recipe import BaseModel, Budget, RecipeChoices, SliceCounts, build
from tumorview.app.training_split import FEWEST_PATIENTS, SplitWish, faults, patients_of, proposed, too_few
from tumorview.app.training_store import ASIDE_NAME, forget, load_fingerprints, place
from tumorview.core.event import Event
from tumorview.errors import TrainingError, TumorViewError
from tumorview.io.atomic import atomic_write_bytes, write_error
from tumorview.ml.recipes import Recipe
from tumorview.ml.training_estimate import TrainingEstimate

FLOW_NAME = "flow.json"
TRAINING_NAME = "training"
_BEGUN_NAMES, _MODEL_NAME = ("metrics.jsonl", OUTPUT_NAME), "model.safetensors"
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
    """Everything that was chosen; ``estimate`` was measured for the recipe that ``measured`` describes."""

    name: str
    page: PageId = PageId.DATA
    cases: tuple[CaseRecord, ...] = ()
    wish: SplitWish = field(default_factory=SplitWish)
    sides: Mapping[str, Side] = field(default_factory=dict)
    choices: RecipeChoices = field(default_factory=RecipeChoices)
    estimate: TrainingEstimate | None = None
    measured: str = ""

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
        )


class TrainingFlow:
    """One training from its data to its result. ``bases`` gives the models that it may start from."""

    def __init__(self, run_folder: Path, state: FlowState, bases: Callable[[], Sequence[BaseModel]]) -> None:
        self.run_folder = run_folder
        self.bases = bases
        self.changed: Event[FlowState] = Event()
        self._state = state

    @classmethod
    def create(cls, root: Path, name: str, bases: Callable[[], Sequence[BaseModel]]) -> "TrainingFlow":
        """A new training in a folder of its own below ``root``; WriteError where that cannot be made."""
        flow = cls(_new_folder(root), FlowState(name), bases)
        flow._save()
        return flow

    @classmethod
    def open(cls, run_folder: Path, bases: Callable[[], Sequence[BaseModel]]) -> "TrainingFlow":
        """The training in a run's folder, on the page where it was left; TrainingError where it cannot be read."""
        return cls(run_folder, _read(run_folder), bases)

    @property
    def state(self) -> FlowState:
        """What was chosen so far."""
        return self._state

    @property
    def begun(self) -> bool:
        """Whether the trainer has started, so that patients and recipe stay as they are."""
        return has_begun(self.run_folder)

    @property
    def counts(self) -> SliceCounts:
        """The slices of the split as it is."""
        return SliceCounts.of(self._state.cases, self._state.sides)

    @property
    def estimate(self) -> TrainingEstimate | None:
        """What was measured, if it was for the network and device chosen now."""
        try:
            return self._state.estimate if self.measuring == self._state.measured else None
        except TumorViewError:
            return None

    @property
    def measuring(self) -> str:
        """What a measurement would be for now; TumorViewError where the choices make no recipe."""
        return measured_for(self.recipe_to_measure, self._state.choices.device)

    @property
    def recipe_to_measure(self) -> Recipe:
        """The recipe as far as its cost by step goes: its length is not known before it is measured."""
        choices = replace(self._state.choices, budget=Budget.EPOCHS, epochs=1)
        return build(choices, self.counts, self.bases())

    def change(self, **values: Any) -> None:  # noqa: ANN401 - fields of FlowState
        """Replace parts of the state, tell the listeners and save; WriteError where that fails (the change stays)."""
        self._state = replace(self._state, **values)
        self.changed.emit(self._state)
        self._save()

    # ---- data ------------------------------------------------------------------------------------------------------

    def imported(self, cases: Sequence[CaseRecord]) -> None:
        """Take over what ``import_cases`` has found."""
        self._require_open()
        self.change(cases=tuple(cases))

    def exclude(self, case_id: str, *, excluded: bool) -> None:
        """Leave a case out, or take it in again."""
        self._require_open()
        self._change_cases(replace(one, excluded=excluded) if one.id == case_id else one for one in self._state.cases)

    def remove(self, case_ids: Iterable[str]) -> None:
        """Take cases off the list; the user's files stay."""
        self._require_open()
        gone = set(case_ids)
        for case_id in gone:
            forget(self.run_folder, case_id)
        kept = [case for case in self._state.cases if case.id not in gone]
        self._change_cases(marked_twins(kept, load_fingerprints(self.run_folder, kept)))

    def _change_cases(self, cases: Iterable[CaseRecord]) -> None:
        self.change(cases=tuple(cases))

    # ---- pages -----------------------------------------------------------------------------------------------------

    def obstacles(self) -> list[TumorViewError]:
        """What keeps the user from the next page; nothing where it may be entered."""
        state = self._state
        match state.page:
            case PageId.DATA:
                count = len(patients_of(state.cases))
                return [too_few(count)] if count < FEWEST_PATIENTS else []
            case PageId.SPLIT:
                return list(faults(state.cases, state.sides))
            case PageId.RECIPE:
                return self._recipe_obstacles()
            case PageId.RUN:
                if (self.run_folder / _MODEL_NAME).exists():
                    return []
                return [TrainingError("There are no trained weights yet.", "Let the run reach its first validation.")]
        return []

    @property
    def can_go_back(self) -> bool:
        """Whether there is a page before that may still be changed."""
        page = self._state.page
        return page is not PageId.DATA and not (page is PageId.RUN and self.begun)

    def next(self) -> PageId:
        """Go on; TumorViewError where something is in the way."""
        page = self._state.page
        for obstacle in self.obstacles():
            raise obstacle
        if page is PageId.RESULT:
            return page
        if page is PageId.DATA:
            self._draw_split_if_needed()
        elif page is PageId.RECIPE:
            self._make_plan()
        self.change(page=PAGES[PAGES.index(page) + 1])
        return self._state.page

    def back(self) -> PageId:
        """The page before, unless the run has begun."""
        page = self._state.page
        if page is not PageId.DATA:
            if page is PageId.RUN:
                self._require_open()
            self.change(page=PAGES[PAGES.index(page) - 1])
        return self._state.page

    def _require_open(self) -> None:
        if self.begun:
            raise TrainingError(
                "This training has begun: its patients and its recipe stay as they are.",
                "Start a new training from it to change them.",
            )

    def _draw_split_if_needed(self) -> None:
        state = self._state
        if faults(state.cases, state.sides):
            self.change(sides=proposed(state.cases, state.wish))

    def _recipe_obstacles(self) -> list[TumorViewError]:
        if not self._state.name.strip():
            return [TrainingError("The new model has no name.", "Give it one.")]
        try:
            self.plan()
        except TumorViewError as error:
            return [error]
        return []

    # ---- the plan --------------------------------------------------------------------------------------------------

    def plan(self) -> TrainingPlan:
        """The plan of what was chosen: the saved one once the run has begun. TumorViewError where it makes none."""
        if self.begun and (self.run_folder / PLAN_NAME).exists():
            return TrainingPlan.load(self.run_folder)
        state = self._state
        recipe = build(state.choices, self.counts, self.bases(), self.estimate, title=state.name)
        cases = tuple(
            PlannedCase(case.id, case.title, case.source, case.group, state.sides[case.id])
            for case in state.cases
            if case.chosen and case.id in state.sides
        )
        return TrainingPlan(
            self.run_folder, state.name.strip(), recipe, cases, state.choices.base_model, state.choices.device
        )

    def _make_plan(self) -> None:
        plan = self.plan()
        if plan.recipe.data.split != "patient":
            raise TrainingError("The recipe splits by slice, so that scores would flatter.", 'Use split = "patient".')
        place(self.run_folder, [case.id for case in plan.cases])
        plan.save()

    # ---- keeping ---------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        atomic_write_bytes(self.run_folder / FLOW_NAME, json.dumps(self._state.to_dict(), indent=1).encode())

    def derived(self, root: Path) -> "TrainingFlow":
        """A new training with the cases and choices of this one, on its first page."""
        folder = _new_folder(root)
        try:
            for place_name in (ASIDE_NAME, DATA_NAME):
                source = self.run_folder / place_name
                if source.is_dir():
                    shutil.copytree(source, folder / ASIDE_NAME, dirs_exist_ok=True, copy_function=_linked)
        except (OSError, shutil.Error) as error:
            shutil.rmtree(folder, ignore_errors=True)
            cause = error if isinstance(error, OSError) else OSError(str(error))
            raise write_error(folder, cause) from error
        flow = TrainingFlow(folder, replace(self._state, page=PageId.DATA), self.bases)
        flow._save()
        return flow


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
    problem: str = ""


def list_trainings(root: Path) -> list[TrainingSummary]:
    """Every training below ``root``, the newest first; a damaged one is listed with its problem."""
    if not root.is_dir():
        return []
    found = []
    for folder in sorted((path for path in root.iterdir() if (path / FLOW_NAME).exists()), reverse=True):
        begun = has_begun(folder)
        try:
            state = _read(folder)
        except TrainingError as error:
            found.append(TrainingSummary(folder, folder.name, None, begun, str(error)))
        else:
            found.append(TrainingSummary(folder, state.name, state.page, begun))
    return found


def _linked(source: str, target: str) -> str:
    """A second name for a prepared file, which is never changed; a copy where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target


def _new_folder(root: Path) -> Path:
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


def _read(run_folder: Path) -> FlowState:
    path = run_folder / FLOW_NAME
    try:
        return FlowState.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"The training in {run_folder} cannot be read ({error}).", "Start a new one; its cases can be added again."
        ) from error


def suggested_name(existing: Iterable[str], base: str) -> str:
    """A name for a new model that none has yet: "Own model", "Own model 2" ..."""
    pattern = re.compile(rf"{re.escape(base)}(?: (\d+))?")
    numbers = [int(match[1] or 1) for name in existing if (match := pattern.fullmatch(name))]
    return f"{base} {max(numbers) + 1}" if numbers else base
