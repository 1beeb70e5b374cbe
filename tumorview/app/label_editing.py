"""Adding, removing and presetting the labels of a Session's mask."""

import numpy as np

from tumorview.app.session import Session
from tumorview.core.history import Move, MoveKind
from tumorview.core.labels import Label, LabelPreset, LabelTable, unnamed
from tumorview.core.mask import Box, Provenance
from tumorview.core.tools import BACKGROUND, Change, label_box
from tumorview.errors import EditError


class LabelEditor:
    """Changes the label table of ``session``. A removed label comes back by name when its voxels are brought back."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._removed: dict[int, Label] = {}
        session.moved.connect(self._moved)
        session.study_changed.connect(lambda _: self._removed.clear())

    def add(self) -> Label:
        """A new label with the next free number, which is chosen to paint; EditError where all 255 are taken."""
        table = self._table()
        number = table.free_number
        if number is None:
            raise EditError("All 255 labels are taken.", "Remove one that is not needed.")
        label = unnamed(number)
        self._session.set_brush(label=number)
        self._session.set_labels(table.with_label(label))
        return label

    def remove(self, number: int) -> None:
        """Take a label away; its voxels become background, in one step that can be undone.

        EditError for a locked label, and for the last one.
        """
        table, mask = self._table(), self._session.mask
        label = table.get(number)
        if label is None or mask is None:
            return
        if label.locked:
            raise EditError(f"Label “{label.name}” is locked.", "Unlock it first.")
        if len(table) == 1:
            raise EditError("A mask needs one label at least.", "Add another one first.")
        self._removed[number] = label
        box = label_box(mask.data, number, Box.whole(mask.geometry.shape))
        if box is not None:
            now = mask.data[box.slices]
            change = Change(box, np.where(now == number, np.uint8(BACKGROUND), now), Provenance.TOOL)
            self._session.change(change, f"Remove {label.name}")
        left = self._table().without(number)
        if self._session.brush.label == number:
            self._session.set_brush(label=next(iter(left)).number)
        self._session.set_labels(left)

    def use(self, preset: LabelPreset) -> None:
        """Name and colour the labels as ``preset`` does; others stay where they have voxels."""
        table, mask = self._table(), self._session.mask
        assert mask is not None
        used = np.bincount(mask.data.ravel(), minlength=256)
        kept = [label for label in table if preset.table.get(label.number) is None and used[label.number]]
        new = LabelTable.of([*preset.table, *kept])
        if new.get(self._session.brush.label) is None:
            self._session.set_brush(label=next(iter(new)).number)
        self._session.set_labels(new)

    def _table(self) -> LabelTable:
        if self._session.mask is None:
            raise EditError("There is no mask to label.", "Open a study first.")
        return self._session.mask.labels

    def _moved(self, move: Move) -> None:
        """Undo and redo may bring voxels back whose label was removed meanwhile."""
        mask = self._session.mask
        if mask is None or move.kind is MoveKind.PUSH:
            return
        known = {label.number for label in mask.labels}
        missing = set(np.unique(mask.data[move.edit.box.slices]).tolist()) - known - {BACKGROUND}
        if missing:
            back = [self._removed.get(number, unnamed(number)) for number in missing]
            self._session.set_labels(LabelTable.of([*mask.labels, *back]))
