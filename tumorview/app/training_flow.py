"""The training wizard without a window: which page, what was chosen on it, whether one may go on.

``flow.json`` in the run's folder is written at every change, so that the wizard goes on where it was after a restart or
a crash. Leaving the recipe page makes the TrainingPlan; from there on the folder belongs to the trainer as well.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tumorview.app.training_cases import CaseRecord, marked_twins
from tumorview.app.training_folders import (
    PAGES,
    TRAINING_NAME,
    FlowState,
    PageId,
    TrainingSummary,
    copy_cases,
    has_begun,
    list_trainings,
    new_folder,
    read_state,
    suggested_name,
    write_state,
)
from tumorview.app.training_measure import measured_for
from tumorview.app.training_plan import PLAN_NAME, PlannedCase, TrainingPlan
from tumorview.app.training_recipe import BaseModel, Budget, SliceCounts, build
from tumorview.app.training_split import FEWEST_PATIENTS, faults, patients_of, proposed, too_few
from tumorview.app.training_store import forget, load_fingerprints, place
from tumorview.core.event import Event
from tumorview.errors import TrainingError, TumorViewError
from tumorview.ml.recipes import Recipe
from tumorview.ml.training_estimate import TrainingEstimate

__all__ = [
    "PAGES",
    "TRAINING_NAME",
    "FlowState",
    "PageId",
    "TrainingFlow",
    "TrainingSummary",
    "list_trainings",
    "suggested_name",
]

_MODEL_NAME = "model.safetensors"


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
        flow = cls(new_folder(root), FlowState(name), bases)
        flow._save()
        return flow

    @classmethod
    def open(cls, run_folder: Path, bases: Callable[[], Sequence[BaseModel]]) -> "TrainingFlow":
        """The training in a run's folder, on the page where it was left; TrainingError where it cannot be read."""
        return cls(run_folder, read_state(run_folder), bases)

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
            self.change(done=True)
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
        write_state(self.run_folder, self._state)

    def derived(self, root: Path) -> "TrainingFlow":
        """A new training with the cases and choices of this one, on its first page."""
        folder = new_folder(root)
        copy_cases(self.run_folder, folder)
        flow = TrainingFlow(folder, replace(self._state, page=PageId.DATA, done=False), self.bases)
        flow._save()
        return flow
