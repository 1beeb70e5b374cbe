"""Reversible changes of a Mask: the box that differs, its voxels before and after, compressed."""

import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box, Mask, MaskArray

_LEVEL = 1  # label voxels are so repetitive that higher levels only cost time


class Provenance(StrEnum):
    """Who made a change."""

    AI = "ai"
    BRUSH = "brush"
    TOOL = "tool"
    IMPORTED = "imported"


@dataclass(frozen=True)
class Edit:
    """One change of a Mask, to be undone and redone; ``before`` and ``after`` are zlib-packed voxels of ``box``."""

    title: str
    provenance: Provenance
    box: Box
    before: bytes
    after: bytes

    @classmethod
    def between(
        cls, before: MaskArray, after: MaskArray, *, start: tuple[int, int, int], title: str, provenance: Provenance
    ) -> "Edit | None":
        """The change from ``before`` to ``after`` (arrays [k, j, i] whose first voxel is ``start``).

        Shrinks to the voxels that differ; None where nothing does, so that no-op strokes leave no step.
        """
        inner = changed_box(before != after)
        if inner is None:
            return None
        box = Box(
            tuple(a + b for a, b in zip(inner.start, start, strict=True)),  # type: ignore[arg-type]
            tuple(a + b for a, b in zip(inner.stop, start, strict=True)),  # type: ignore[arg-type]
        )
        return cls(title, provenance, box, _pack(before[inner.slices]), _pack(after[inner.slices]))

    @property
    def size_bytes(self) -> int:
        """Memory that the packed voxels take."""
        return len(self.before) + len(self.after)

    def undo(self, mask: Mask) -> None:
        """Put the voxels from before back."""
        mask.write(self.box, self._unpack(self.before))

    def redo(self, mask: Mask) -> None:
        """Put the changed voxels in."""
        mask.write(self.box, self._unpack(self.after))

    def _unpack(self, packed: bytes) -> MaskArray:
        return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(self.box.shape)


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


def _pack(voxels: MaskArray) -> bytes:
    return zlib.compress(np.ascontiguousarray(voxels).tobytes(), _LEVEL)


def replace_all(mask: Mask, voxels: MaskArray, *, title: str, provenance: Provenance) -> Edit | None:
    """Put ``voxels`` [k, j, i] in the place of the whole mask; the Edit to undo it, None where nothing differs."""
    edit = Edit.between(mask.data, voxels, start=(0, 0, 0), title=title, provenance=provenance)
    if edit is not None:
        edit.redo(mask)
    return edit
