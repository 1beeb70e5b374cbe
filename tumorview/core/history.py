"""Undo and redo of a Mask's edits, limited by memory and not by count."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tumorview.core.edits import Edit
from tumorview.core.event import Event
from tumorview.core.mask import Mask

DEFAULT_LIMIT_BYTES = 200 * 1024 * 1024


class MoveKind(StrEnum):
    """How a History came to where it is now."""

    PUSH = "push"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True)
class Move:
    """One change of a History: ``edit`` was made, taken back or made again; a push may forget the oldest steps."""

    kind: MoveKind
    edit: Edit
    forgotten: int = 0


class History:
    """The edits of one Mask, oldest first; ``moved`` is emitted after every push, undo and redo, then ``changed``.

    When the packed edits exceed ``limit_bytes`` the oldest are forgotten. ``done`` and ``undone`` (the one to redo
    first comes first) are the steps of a mask that is brought back, and are in it or not accordingly.
    """

    def __init__(
        self,
        mask: Mask,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        *,
        done: Sequence[Edit] = (),
        undone: Sequence[Edit] = (),
    ) -> None:
        self.mask = mask
        self.limit_bytes = limit_bytes
        self.moved: Event[Move] = Event()
        self.changed: Event[None] = Event()
        self._done: list[Edit] = list(done)
        self._undone: list[Edit] = list(reversed(undone))
        self._size = sum(edit.size_bytes for edit in (*done, *undone))
        self._before_first: Edit | None = None  # the step forgotten last: where undoing everything leads to

    @property
    def steps(self) -> tuple[Edit, ...]:
        """The edits that are in the mask now, oldest first."""
        return tuple(self._done)

    @property
    def undone(self) -> tuple[Edit, ...]:
        """The edits that were taken back and can be made again, the next one first."""
        return tuple(reversed(self._undone))

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether an edit was taken back."""
        return bool(self._undone)

    @property
    def position(self) -> Edit | None:
        """The edit that was made last: tells whether the mask is the one that was saved."""
        return self._done[-1] if self._done else self._before_first

    def count_at(self, position: Edit | None) -> int | None:
        """How many of ``steps`` and ``undone`` are in the mask at a former ``position``; None where it is gone."""
        places = [self._before_first, *self._done, *reversed(self._undone)]
        return next((count for count, place in enumerate(places) if place is position), None)

    @property
    def size_bytes(self) -> int:
        """Memory of all packed edits."""
        return self._size

    def push(self, edit: Edit | None) -> None:
        """Remember an edit that was just made; None (nothing changed) is ignored."""
        if edit is None:
            return
        self._size += edit.size_bytes - sum(gone.size_bytes for gone in self._undone)
        self._undone.clear()
        self._done.append(edit)
        forgotten = 0
        while len(self._done) - forgotten > 1 and self._size > self.limit_bytes:
            self._size -= self._done[forgotten].size_bytes
            forgotten += 1
        if forgotten:
            self._before_first = self._done[forgotten - 1]
            del self._done[:forgotten]
        self._tell(Move(MoveKind.PUSH, edit, forgotten))

    def undo(self) -> Edit | None:
        """Take the last edit back and return it; None where there is none."""
        if not self._done:
            return None
        edit = self._done.pop()
        self._undone.append(edit)
        edit.undo(self.mask)
        self._tell(Move(MoveKind.UNDO, edit))
        return edit

    def redo(self) -> Edit | None:
        """Make the edit again that was taken back last; None where there is none."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._done.append(edit)
        edit.redo(self.mask)
        self._tell(Move(MoveKind.REDO, edit))
        return edit

    def go_to(self, count: int) -> None:
        """Undo or redo until ``count`` steps are in the mask (or as near as there are steps)."""
        while len(self._done) > max(count, 0):
            self.undo()
        while len(self._done) < count and self._undone:
            self.redo()

    def _tell(self, move: Move) -> None:
        self.moved.emit(move)
        self.changed.emit(None)
