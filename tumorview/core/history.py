"""Undo and redo of a Mask's edits, limited by memory and not by count."""

from tumorview.core.edits import Edit
from tumorview.core.event import Event
from tumorview.core.mask import Mask

DEFAULT_LIMIT_BYTES = 200 * 1024 * 1024


class History:
    """The edits of one Mask, oldest first; ``changed`` is emitted after every push, undo and redo.

    When the packed edits exceed ``limit_bytes`` the oldest are forgotten.
    """

    def __init__(self, mask: Mask, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.mask = mask
        self.limit_bytes = limit_bytes
        self.changed: Event[None] = Event()
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @property
    def steps(self) -> tuple[Edit, ...]:
        """The edits that are in the mask now, oldest first."""
        return tuple(self._done)

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
        return self._done[-1] if self._done else None

    @property
    def size_bytes(self) -> int:
        """Memory of all packed edits."""
        return sum(edit.size_bytes for edit in (*self._done, *self._undone))

    def push(self, edit: Edit | None) -> None:
        """Remember an edit that was just made; None (nothing changed) is ignored."""
        if edit is None:
            return
        self._undone.clear()
        self._done.append(edit)
        while len(self._done) > 1 and self.size_bytes > self.limit_bytes:
            self._done.pop(0)
        self.changed.emit(None)

    def undo(self) -> Edit | None:
        """Take the last edit back and return it; None where there is none."""
        if not self._done:
            return None
        edit = self._done.pop()
        self._undone.append(edit)
        edit.undo(self.mask)
        self.changed.emit(None)
        return edit

    def redo(self) -> Edit | None:
        """Make the edit again that was taken back last; None where there is none."""
        if not self._undone:
            return None
        edit = self._undone.pop()
        self._done.append(edit)
        edit.redo(self.mask)
        self.changed.emit(None)
        return edit
