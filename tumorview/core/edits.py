"""Reversible changes of a Mask: the box that differs, its voxels before and after, compressed."""

import math
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
        return cls(title, provenance, inner.moved(start), pack(before[part], kept), pack(after[part], made))

    @property
    def size_bytes(self) -> int:
        """Memory that the packed voxels take."""
        return len(self.before) + len(self.after)

    @property
    def old(self) -> tuple[MaskArray, MaskArray]:
        """Labels and provenance of ``box`` from before."""
        return _of_box(self.before, self.box)

    @property
    def new(self) -> tuple[MaskArray, MaskArray]:
        """Labels and provenance of ``box`` from after."""
        return _of_box(self.after, self.box)

    @property
    def intact(self) -> bool:
        """Whether the packed voxels are those of ``box``; an Edit from a file is checked before it is used."""
        return all(unpack(packed, self.box.shape) is not None for packed in (self.before, self.after))

    def undo(self, mask: Mask) -> None:
        """Put the voxels from before back."""
        mask.write(self.box, *self.old)

    def redo(self, mask: Mask) -> None:
        """Put the changed voxels in."""
        mask.write(self.box, *self.new)


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


def pack(labels: MaskArray, origins: MaskArray) -> bytes:
    """Labels and their provenance (arrays of one shape) as ``Edit`` keeps them."""
    packer = zlib.compressobj(_LEVEL)
    parts = [packer.compress(np.ascontiguousarray(array).data) for array in (labels, origins)]
    return b"".join([*parts, packer.flush()])


def unpack(packed: bytes, shape: tuple[int, int, int]) -> tuple[MaskArray, MaskArray] | None:
    """Labels and provenance of ``shape`` from what ``pack`` made; None where it holds something else.

    Never takes more memory than those, whatever ``packed`` claims.
    """
    wanted = 2 * math.prod(shape)
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, wanted + 1)
    except zlib.error:
        return None
    if len(content) != wanted or not unpacker.eof or unpacker.unused_data:
        return None
    voxels = np.frombuffer(content, np.uint8).reshape(2, *shape)
    return voxels[0], voxels[1]


def _of_box(packed: bytes, box: Box) -> tuple[MaskArray, MaskArray]:
    voxels = unpack(packed, box.shape)
    if voxels is None:
        raise ValueError("the packed voxels of an edit are not those of its box")
    return voxels
