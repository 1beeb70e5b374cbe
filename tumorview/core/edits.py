"""Reversible changes of a Mask: the box that differs, its voxels before and after, compressed."""

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box, Mask, MaskArray, Provenance

_LEVEL = 1  # label voxels are so repetitive that higher levels only cost time


@dataclass(frozen=True)
class Edit:
    """One change of a Mask, to be undone and redone.

    ``before`` and ``after`` are the zlib-packed labels and provenance [2, *box.shape] of ``box``.
    """

    title: str
    provenance: Provenance
    box: Box
    before: bytes
    after: bytes

    @classmethod
    def between(
        cls,
        before: MaskArray,
        after: MaskArray,
        origins: MaskArray,
        *,
        start: tuple[int, int, int],
        title: str,
        provenance: Provenance,
    ) -> "Edit | None":
        """The change from labels ``before`` to ``after`` (arrays [k, j, i] whose first voxel is ``start``).

        ``origins`` is the provenance from before; voxels whose label differs get ``provenance``. The box shrinks to
        them; None where there are none, so that a stroke without effect leaves no step.
        """
        changed = before != after
        inner = changed_box(changed)
        if inner is None:
            return None
        part = inner.slices
        kept = origins[part]
        made = np.where(changed[part], np.uint8(provenance), kept)
        return cls(title, provenance, inner.moved(start), _pack(before[part], kept), _pack(after[part], made))

    @property
    def size_bytes(self) -> int:
        """Memory that the packed voxels take."""
        return len(self.before) + len(self.after)

    def undo(self, mask: Mask) -> None:
        """Put the voxels from before back."""
        mask.write(self.box, *self._unpack(self.before))

    def redo(self, mask: Mask) -> None:
        """Put the changed voxels in."""
        mask.write(self.box, *self._unpack(self.after))

    def _unpack(self, packed: bytes) -> tuple[MaskArray, MaskArray]:
        voxels = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(2, *self.box.shape)
        return voxels[0], voxels[1]


def changed_box(changed: npt.NDArray[np.bool_]) -> Box | None:
    """The smallest box around the True voxels of [k, j, i]; None where there is none."""
    start, stop = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(changed.any(axis=others))
        if hits.size == 0:
            return None
        start.append(int(hits[0]))
        stop.append(int(hits[-1]) + 1)
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def replace_all(
    mask: Mask, voxels: MaskArray, *, title: str, provenance: Provenance, keep_human: bool = False
) -> Edit | None:
    """Put ``voxels`` [k, j, i] in the place of the whole mask; the Edit to undo it, None where nothing differs.

    With ``keep_human`` voxels that were set by hand stay as they are.
    """
    if keep_human:
        voxels = np.where(mask.human(Box.whole(mask.geometry.shape)), mask.data, voxels)
    edit = Edit.between(mask.data, voxels, mask.provenance, start=(0, 0, 0), title=title, provenance=provenance)
    if edit is not None:
        edit.redo(mask)
    return edit


def _pack(labels: MaskArray, origins: MaskArray) -> bytes:
    return zlib.compress(np.stack([labels, origins]).tobytes(), _LEVEL)
