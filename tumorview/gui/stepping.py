"""Between the History panel, the undo and redo actions and the session."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from tumorview.app.human_share import HumanShare
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.mask import Box
from tumorview.core.tally import Tally
from tumorview.gui.action_set import ActionSet
from tumorview.gui.docks.history_dock import HistoryPanel, shown_title
from tumorview.gui.docks.segment_dock import SegmentPanel
from tumorview.gui.status import StatusBar
from tumorview.gui.timing import Memory, Throttle

INTERVAL_MS = 50


class StepController(QObject):
    """Shows the steps, names those that undo and redo would do, and goes to the one that was clicked."""

    def __init__(
        self,
        session: Session,
        reading: Reading,
        panel: HistoryPanel,
        segment: SegmentPanel,
        status: StatusBar,
        actions: ActionSet,
        memory: Memory,
        settle: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._reading = session, reading
        self._panel, self._segment, self._status = panel, segment, status
        self._actions, self._memory, self._settle = actions, memory, settle
        self._share = HumanShare(session)
        self._later = Throttle(INTERVAL_MS, self._show, self)
        session.history_changed.connect(lambda _: self._later.request())
        self._share.changed.connect(self._show_share)
        panel.step_chosen.connect(self.go_to)
        panel.setVisible(memory.settings.show_history)
        actions.check("view.history_panel", checked=memory.settings.show_history)
        self._show()
        self._show_share(self._share.tally)

    def show_panel(self, *, shown: bool) -> None:
        """Show the list of steps, or leave its room to the other panels; remembered."""
        self._panel.setVisible(shown)
        self._memory.change(show_history=shown)

    def go_to(self, count: int) -> None:
        """Undo or redo until ``count`` steps are in the mask, and look at what the last of these moves changed."""
        history = self._session.history
        if history is None:
            return
        self._settle()
        before = len(history.steps)
        steps = (*history.steps, *history.undone)
        self._session.go_to_step(count)
        if count != before and steps:
            moved = steps[count - 1] if count > before else steps[count]
            self.look_at(moved.box)

    def look_at(self, box: Box) -> None:
        """Put the crosshair into the middle of ``box`` of the mask, unless the slice in view shows some of it."""
        mask = self._session.mask
        if mask is None:
            return
        middle = [(start + stop - 1) / 2 for start, stop in zip(box.start, box.stop, strict=True)]
        self._reading.move_to(mask.geometry.index_to_world(middle).tolist())

    def _show(self) -> None:
        history, hidden = self._session.history, self._memory.settings.hide_identity
        done, undone = ((), ()) if history is None else (history.steps, history.undone)
        if history is None:
            self._panel.clear()
        else:
            self._panel.show_steps(done, undone, hide_names=hidden)
        for action, edit in (("edit.undo", done[-1:]), ("edit.redo", undone[:1])):
            self._actions.name_object(action, shown_title(edit[0], hide_names=hidden) if edit else "")

    def _show_share(self, tally: Tally) -> None:
        self._status.show_share(tally)
        self._segment.offer_replacing(possible=tally.human > 0)
