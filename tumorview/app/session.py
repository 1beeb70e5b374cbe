"""The open Study with its mask, ground truth, prediction and history: everything a front end shows and changes.

A Session is used from one thread. Listeners connect to its events; nothing here knows a window.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.app.live_agreement import LiveAgreement
from tumorview.app.measurements import Measurements
from tumorview.app.preview import Preview, merged
from tumorview.app.restoring import grid_of, made_by, saved_place, study_as_in
from tumorview.app.state_records import StateRecords
from tumorview.core.edits import Edit, replace_all
from tumorview.core.event import Event
from tumorview.core.geometry import Geometry
from tumorview.core.history import History, Move
from tumorview.core.labels import LabelTable
from tumorview.core.mask import Box, Mask, MaskArray, Provenance
from tumorview.core.metrics import Agreement, require_same_grid
from tumorview.core.prediction import Prediction, PredictionPart, labels_of
from tumorview.core.session_state import SessionState
from tumorview.core.slicing import PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.tools import BACKGROUND, Brush, Change, LiveEdit, PaintRule, Shape, Stroke


@dataclass(frozen=True)
class BrushSettings:
    """What the hand paints with: the label and its rule apply to every tool, the rest to the brushes.

    ``radius`` is in mm (voxels where uncalibrated), ``sensitivity`` in standard deviations (see ``Brush``).
    """

    radius: float = 5.0
    label: int = 1
    shape: Shape = Shape.ROUND
    ball: bool = False
    rule: PaintRule = field(default_factory=PaintRule)
    sensitivity: float = 3.0


class Session:
    """One open Study. ``mask`` lives on the grid of ``study.reference``.

    What is drawn is ``shown``: the mask itself, or a preview of it while a prediction arrives or the threshold
    moves. A preview becomes one undoable Edit when it is kept, and leaves no trace when it is dropped. Voxels set
    by hand are never changed by a prediction.
    """

    def __init__(self) -> None:
        self.study: Study | None = None
        self.active_series: Series | None = None
        self.mask: Mask | None = None
        self.prediction: Prediction | None = None
        self.threshold = 0.5
        self.history: History | None = None
        self.brush = BrushSettings()
        self.records = StateRecords()
        self.measurements = Measurements(self.records)

        self.study_changed: Event[Study | None] = Event()
        self.series_changed: Event[Series] = Event()
        self.series_replaced: Event[Series] = Event()
        self.shown_changed: Event[Box] = Event()
        self.labels_changed: Event[None] = Event()
        self.truth_changed: Event[Mask | None] = Event()
        self.agreement_changed: Event[Agreement | None] = Event()
        self.prediction_changed: Event[Prediction | None] = Event()
        self.history_changed: Event[None] = Event()
        self.moved: Event[Move] = Event()
        self.saved: Event[None] = Event()

        self._preview: Preview | None = None
        self._compared = LiveAgreement()
        self._saved_at: Edit | None = None
        self._stroke: LiveEdit | None = None
        self._before_solo: LabelTable | None = None  # what was visible before one label was shown alone

    # -- the study ---------------------------------------------------------------------------------------------

    def open(self, study: Study, state: SessionState | None = None) -> None:
        """Show ``study`` with an empty mask, or with the work in ``state``, and the ground truth it came with.

        Raises GeometryError, and changes nothing, where the mask of ``state`` lies on none of the study's series.
        """
        study = study if state is None else study_as_in(study, state)
        grid = study.reference.volume.geometry if state is None else grid_of(study, state)
        self.study = study
        self.prediction = None
        self._preview = None
        self._stroke = None
        self.records.replace({} if state is None else state.documents)
        self._install(Mask.empty(grid), state)
        self._record_roles(study)
        self.active_series = study.reference
        self._compared.compare_with(None)
        self.study_changed.emit(study)
        self.series_changed.emit(study.reference)
        self.prediction_changed.emit(None)
        self.records.restored.emit(None)
        fitting = study.truth is not None and study.truth.geometry.same_grid(grid)
        self.set_truth(study.truth if fitting else None)

    def close(self) -> None:
        """Show nothing."""
        self.study = self.active_series = self.mask = self.prediction = self.history = None
        self._preview = None
        self._compared.compare_with(None)
        self.records.replace({})
        self.study_changed.emit(None)
        self.prediction_changed.emit(None)
        self.truth_changed.emit(None)
        self.agreement_changed.emit(None)
        self.records.restored.emit(None)
        self.history_changed.emit(None)

    def show_series(self, series: Series) -> None:
        """Make ``series`` the one whose voxels are shown."""
        self.active_series = series
        self.series_changed.emit(series)

    def set_role(self, series: Series, role: Role) -> None:
        """Correct what ``series`` is taken for; a mask that was begun keeps its grid, an untouched one follows."""
        if self.study is not None:
            self.study = self.study.with_role(series, role)
            self._record_roles(self.study)
            grid, mask = self.study.reference.volume.geometry, self.mask
            untouched = mask is not None and not mask.has_labels and self.history is not None and not self.history.steps
            if mask is not None and untouched and self.truth is None and not mask.geometry.same_grid(grid):
                self._install(Mask.empty(grid, mask.labels))
                self._shown(Box.whole(grid.shape))
            self.series_changed.emit(self.active_series or series)

    def replace_series(self, changed: Series) -> None:
        """``changed`` takes the place of the series with its uid: it lies elsewhere now. Mask and history stay."""
        if self.study is None:
            return
        self.study = replace(self.study.with_series(changed), id=self.study.id)
        if self.active_series is not None and self.active_series.uid == changed.uid:
            self.active_series = changed
        self.series_replaced.emit(changed)
        self.series_changed.emit(self.active_series or changed)

    def _record_roles(self, study: Study) -> None:
        if study.roles:
            self.records.put("roles", {uid: str(given) for uid, given in study.roles.items()})

    @property
    def grid(self) -> Geometry | None:
        """The grid that the mask lies on."""
        return self.mask.geometry if self.mask is not None else None

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def shown(self) -> MaskArray | None:
        """Labels [k, j, i] to draw: the preview if there is one, otherwise the mask."""
        if self._preview is not None:
            return self._preview.voxels
        return None if self.mask is None else self.mask.data

    @property
    def truth(self) -> Mask | None:
        """The ground truth that is compared with."""
        return self._compared.truth

    @property
    def agreement(self) -> Agreement | None:
        """What is shown against ground truth, slice by slice; None without truth."""
        if self.truth is None or self.mask is None:
            return None
        geometry = self.mask.geometry
        ml = geometry.voxel_volume_mm3 / 1000.0 if geometry.calibrated else None
        return Agreement(self._compared.slices, ml)

    @property
    def dirty(self) -> bool:
        """Whether the mask differs from what was last saved or loaded, or records hold unsaved work."""
        return self.records.unsaved or (self.history is not None and self.history.position is not self._saved_at)

    @property
    def saved_count(self) -> int | None:
        """How many steps were in the mask when it was saved last; None where no step leads there."""
        return None if self.history is None else self.history.count_at(self._saved_at)

    def mark_saved(self) -> None:
        """The mask and the records as they are now are on disk."""
        self.records.unsaved = False
        self.mark_saved_at(self.history.position if self.history is not None else None)

    def mark_saved_at(self, position: Edit | None) -> None:
        """The mask as it was after the edit ``position`` is on disk; later edits are not."""
        self._saved_at = position
        self.saved.emit(None)
        self.history_changed.emit(None)

    # -- masks and truth from elsewhere ------------------------------------------------------------------------

    def set_truth(self, truth: Mask | None) -> None:
        """Compare with ``truth`` from now on; GeometryError where it lies on another grid."""
        if truth is not None and self.mask is not None:
            require_same_grid(self.mask, truth)
        self._compared.compare_with(truth)
        self.truth_changed.emit(truth)
        if self.mask is not None:
            self._compared.recount(self.shown, Box.whole(self.mask.geometry.shape))
        self.agreement_changed.emit(self.agreement)

    def import_mask(self, imported: Mask, path: Path) -> None:
        """Put the labels of ``imported`` in the mask's place, as one step that can be undone."""
        self.end_stroke()
        mask, history = self._editable()
        require_same_grid(mask, imported)
        untouched = history.position is None and not mask.has_labels
        mask.labels = mask.labels.covering(np.unique(imported.data))
        edit = replace_all(mask, imported.data, title=f"Load {path.name}", provenance=Provenance.IMPORTED)
        history.push(edit)
        self.labels_changed.emit(None)
        if untouched:
            self.mark_saved()

    # -- prediction and threshold ------------------------------------------------------------------------------

    def begin_prediction(self, *, replace_human: bool = False) -> None:
        """A run of the network starts: what arrives is a preview until ``finish_prediction``.

        With ``replace_human`` it takes the place of what was set by hand too.
        """
        self.cancel_prediction()
        if self.mask is not None:
            self._preview = Preview(self.mask, replace_human=replace_human)

    def show_part(self, part: PredictionPart) -> None:
        """Show slices of a prediction that is under way."""
        if self._preview is None:
            return
        self._name_labels(labels_of(part.classes))
        self._preview.put_part(part, self.threshold)
        self._shown(part.box)

    def finish_prediction(self, prediction: Prediction) -> None:
        """Keep a whole prediction: one undoable step; voxels set by hand stay unless ``begin_prediction`` said so."""
        self._editable()
        replace_human = self._preview is not None and self._preview.replace_human
        self.prediction = prediction
        self._preview = None
        self._keep_labels("AI segmentation", replace_human=replace_human)
        self._record_prediction()
        self.prediction_changed.emit(prediction)

    def cancel_prediction(self) -> None:
        """Forget what has arrived of a prediction."""
        if self._preview is None or self.mask is None:
            return
        self._preview = None
        self._shown(Box.whole(self.mask.geometry.shape))

    def set_threshold(self, threshold: float) -> None:
        """Show the kept probabilities cut at ``threshold`` (0..1) at once; ``keep_threshold`` makes it a step."""
        self.threshold = threshold
        if self.prediction is None or self.mask is None:
            return
        if self._preview is None:
            self._preview = Preview(self.mask)
        self._name_labels(self.prediction.labels)
        self._preview.put_prediction(self.prediction, threshold)
        self._shown(Box.whole(self.mask.geometry.shape))

    def keep_threshold(self) -> None:
        """Make the mask what ``set_threshold`` shows."""
        if self.prediction is None or self._preview is None:
            return
        self._preview = None
        self._keep_labels(f"Threshold {self.threshold:.2f}")
        self._record_prediction()

    # -- editing -----------------------------------------------------------------------------------------------

    def set_brush(self, **changes: Any) -> None:  # noqa: ANN401 - one keyword per field of BrushSettings
        """Change what the hand paints with; a radius outside 0.5..100 mm becomes the nearest of them."""
        if "radius" in changes:
            changes["radius"] = min(max(float(changes["radius"]), 0.5), 100.0)
        self.brush = replace(self.brush, **changes)

    def rule_for(self, label: int) -> PaintRule:
        """What may be painted over when ``label`` (or BACKGROUND) is painted."""
        return self.brush.rule.for_erasing(self.brush.label) if label == BACKGROUND else self.brush.rule

    def begin_stroke(self, view: PlaneView, *, erase: bool = False, smart_on: npt.NDArray[Any] | None = None) -> None:
        """Start to paint (or to erase) in a plane of the mask's grid; with greys ``smart_on``, with the smart brush."""
        mask, _ = self._editable()
        brush = self.brush
        label = BACKGROUND if erase else brush.label
        rule, sensitivity = self.rule_for(label), None if smart_on is None else brush.sensitivity
        made = Brush(brush.radius, label, brush.shape, brush.ball, rule, sensitivity)
        title = "Erase" if erase else "Brush" if smart_on is None else "Smart brush"
        self.begin(Stroke(mask, view, made, title=title, image=smart_on))

    def begin(self, live: LiveEdit) -> None:
        """Let ``live`` change the mask until ``end_stroke`` makes it a step; one that is under way ends."""
        self.end_stroke()
        self._stroke = live

    def stroke_to(self, index: int, row: float, column: float) -> None:
        """Go on painting to a place of the shown slice."""
        if isinstance(self._stroke, Stroke):
            self._stroke.move_to(index, row, column)

    def end_stroke(self) -> None:
        """Finish the stroke: one step that can be undone."""
        if self._stroke is not None and self.history is not None:
            edit = self._stroke.finish()
            self._stroke = None
            self.history.push(edit)

    def abandon_stroke(self) -> None:
        """End the stroke and take back what it did; no step is left."""
        if self._stroke is not None:
            stroke, self._stroke = self._stroke, None
            stroke.abandon()

    def change(self, change: Change, title: str) -> bool:
        """Put what a tool made into the mask, as one step; False where it changed nothing."""
        self.end_stroke()
        mask, history = self._editable()
        edit = change.make(mask, title)
        history.push(edit)
        return edit is not None

    @property
    def live(self) -> LiveEdit | None:
        """The stroke, or the region that follows a drag, that is under way."""
        return self._stroke

    @property
    def painting(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

    def undo(self) -> None:
        """Take the last step back."""
        self.end_stroke()
        if self.history is not None:
            self.history.undo()

    def redo(self) -> None:
        """Make the step again that was taken back."""
        if self.history is not None and not self.painting:
            self.history.redo()

    def go_to_step(self, count: int) -> None:
        """Undo or redo until ``count`` steps are in the mask."""
        self.end_stroke()
        if self.history is not None:
            self.history.go_to(count)

    def change_label(self, number: int, **fields: object) -> None:
        """Change the name, colour, opacity, visibility or lock of a label."""
        if self.mask is not None:
            self.mask.labels = self.mask.labels.changed(number, **fields)
            if "visible" in fields:
                self._before_solo = None  # the user goes on from here
            self.labels_changed.emit(None)

    def solo_label(self, number: int) -> None:
        """Show one label alone; asked again for the same one, show those that were visible before."""
        if self.mask is None or self.mask.labels.get(number) is None:
            return
        labels, before = self.mask.labels, self._before_solo
        if before is not None and labels == labels.alone(number):
            self._before_solo = None
            self.set_labels(labels.seen_as(before))
        else:
            self._before_solo = labels if before is None else before
            self.set_labels(labels.alone(number))

    def set_labels(self, labels: LabelTable) -> None:
        """Give the mask other labels; its voxels stay as they are."""
        if self.mask is not None and labels != self.mask.labels:
            self.mask.labels = labels
            self.labels_changed.emit(None)

    # -- inside ------------------------------------------------------------------------------------------------

    def _editable(self) -> tuple[Mask, History]:
        if self.mask is None or self.history is None:
            raise RuntimeError("no study is open")
        return self.mask, self.history

    def _install(self, mask: Mask, state: SessionState | None = None) -> None:
        done, undone = ((), ()) if state is None else (state.done, state.undone)
        if state is not None:
            mask.data[...], mask.provenance[...], mask.labels = state.data, state.provenance, state.labels
        self._saved_at = None if state is None else saved_place(state)
        self.mask = mask
        self._before_solo = None
        self.history = History(mask, done=done, undone=undone)
        mask.changed.connect(self._mask_changed)
        self.history.moved.connect(self.moved.emit)
        self.history.changed.connect(lambda _: self.history_changed.emit(None))
        self.history_changed.emit(None)

    def _name_labels(self, labels: LabelTable) -> None:
        """Give the mask those of ``labels`` that it does not have yet."""
        mask, _ = self._editable()
        missing = [label for label in labels if mask.labels.get(label.number) is None]
        if missing:
            mask.labels = LabelTable.of([*mask.labels, *missing])
            self.labels_changed.emit(None)

    def _keep_labels(self, title: str, *, replace_human: bool = False) -> None:
        self.end_stroke()  # otherwise undoing the stroke later would take voxels of this step back too
        mask, history = self._editable()
        assert self.prediction is not None
        self._name_labels(self.prediction.labels)  # one may have been removed since the run
        found = self.prediction.mask(self.threshold)
        whole = Box.whole(mask.geometry.shape)
        numbers = [model_class.label for model_class in self.prediction.classes]
        voxels = merged(mask, whole, found.data, numbers, replace_human=replace_human)
        edit = replace_all(mask, voxels, title=title, provenance=Provenance.AI)
        history.push(edit)
        self._shown(Box.whole(mask.geometry.shape))

    def _record_prediction(self) -> None:
        assert self.prediction is not None
        self.records.put("prediction", made_by(self.prediction.origin, self.threshold))

    def _mask_changed(self, box: Box) -> None:
        if self._preview is not None:
            self._preview.follow(box)
        self._shown(box)

    def _shown(self, box: Box) -> None:
        self._compared.recount(self.shown, box)
        self.shown_changed.emit(box)
        self.agreement_changed.emit(self.agreement)
