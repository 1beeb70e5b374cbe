"""Actions, status line and title say what the session is like: what can be done now, what is on, what is saved."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from tumorview.app.actions import ActionState
from tumorview.core.prediction import Prediction
from tumorview.core.rendering import BoundaryStyle
from tumorview.gui.views import CursorInfo, OverlayOptions

if TYPE_CHECKING:
    from tumorview.gui.main_window import MainWindow


class WindowState(QObject):
    """Follows the session, the jobs and the overlay of ``window``."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window, self._session = window, window.session
        self._actions, self._status = window.action_set, window.status
        session, jobs = window.session, window.jobs
        for changed in (session.history_changed, session.truth_changed, session.measurements.changed):
            changed.connect(lambda _: self.refresh())
        for signal in (jobs.started, jobs.ended):
            signal.connect(lambda _: self.refresh())
        window.grid.cursor_moved.connect(self._cursor_moved)
        window.display.overlay_changed.connect(self._overlay_changed)
        window.segmenting.finished.connect(self._segmented)
        self._overlay_changed(window.display.overlay)

    def start_over(self) -> None:
        """Another study, or none."""
        self._status.show_cursor(None, None)
        self._status.device.clear()
        self._status.clearMessage()  # it was about what is gone
        self.refresh()

    def refresh(self) -> None:
        """Enable what makes sense now, and say whether the work is saved."""
        session = self._session
        history = session.history
        self._actions.update(
            ActionState(
                has_study=session.study is not None,
                has_truth=session.truth is not None,
                has_mask=history is not None and bool(history.steps),
                running=self._window.waiting.running,
                can_undo=history is not None and history.can_undo,
                can_redo=history is not None and history.can_redo,
                has_prediction=session.prediction is not None,
                several_studies=session.study is not None and bool(session.study.choices),
            )
        )
        self._window.setWindowModified(session.dirty)
        saved = "" if history is None or not (history.steps or session.dirty) else "Saved"
        self._status.saved.setText("Unsaved changes" if session.dirty else saved)

    def _overlay_changed(self, options: OverlayOptions) -> None:
        for name, on in (
            ("toggle_overlay", options.visible),
            ("boundary", options.boundary),
            ("compare_truth", options.compare),
            ("heat_map", options.heat_map),
            ("uncertainty", options.uncertainty),
            ("voxel_outline", options.outline is BoundaryStyle.VOXEL),
        ):
            self._actions.check(f"view.{name}", checked=on)

    def _cursor_moved(self, info: CursorInfo | None) -> None:
        mask = self._session.mask
        self._status.show_cursor(info, None if mask is None else mask.labels)

    def _segmented(self, prediction: Prediction) -> None:
        origin = prediction.origin
        self._status.device.setText(f"{origin.engine} · {origin.device}")
        slices = self._window.display.labelled_slices()
        where = "no tumour found" if not slices else f"tumour on slices {slices[0] + 1}–{slices[-1] + 1}, N jumps there"
        self._status.tell(f"Segmented in {origin.seconds:.1f} s: {where}")
