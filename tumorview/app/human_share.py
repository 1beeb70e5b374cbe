"""How much of the open mask was made by hand, kept up to date step by step: only the box of a step is counted."""

from tumorview.app.session import Session
from tumorview.core.event import Event
from tumorview.core.history import Move, MoveKind
from tumorview.core.tally import Tally, tally, tally_of


class HumanShare:
    """``tally`` of the session's mask after its last finished step; ``changed`` is emitted with it."""

    def __init__(self, session: Session) -> None:
        self.tally = Tally()
        self.changed: Event[Tally] = Event()
        self._session = session
        session.moved.connect(self._moved)
        session.study_changed.connect(lambda _: self._count())
        self._count()

    def _count(self) -> None:
        mask, history = self._session.mask, self._session.history
        begun = mask is not None and history is not None and bool(history.steps or history.undone or mask.has_labels)
        self.tally = tally_of(mask) if begun and mask is not None else Tally()
        self.changed.emit(self.tally)

    def _moved(self, move: Move) -> None:
        old, new = tally(*move.edit.old), tally(*move.edit.new)
        self.tally += old - new if move.kind is MoveKind.UNDO else new - old
        self.changed.emit(self.tally)
