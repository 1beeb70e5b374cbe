"""What every editing tool shares: which voxels may be changed, and how a region becomes one Edit."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tumorview.core.edits import Edit, changed_box
from tumorview.core.labels import LabelTable
from tumorview.core.mask import Box, Mask, MaskArray, Provenance, triple

BoolArray = npt.NDArray[np.bool_]
BACKGROUND = 0


class Over(StrEnum):
    """What may be painted over."""

    ALL = "all"
    BACKGROUND = "background"
    LABEL = "label"


@dataclass(frozen=True)
class PaintRule:
    """What a tool may paint over: everything, background only, or only the voxels of ``label``."""

    over: Over = Over.ALL
    label: int = 1

    def allowed(self, table: LabelTable, label: int) -> BoolArray:
        """For each value 0..255 whether a voxel that holds it may become ``label``.

        Locked and hidden labels are neither painted nor painted over.
        """
        protected = [entry.number for entry in table if entry.locked or not entry.visible]
        allowed = np.zeros(256, bool)
        if label in protected:
            return allowed
        match self.over:
            case Over.ALL:
                allowed[:] = True
            case Over.BACKGROUND:
                allowed[BACKGROUND] = True
            case Over.LABEL:
                allowed[self.label] = True
        allowed[protected] = False
        return allowed

    def for_erasing(self, label: int) -> "PaintRule":
        """The rule of an eraser while ``label`` is chosen: where only background may be painted over, it alone goes."""
        return PaintRule(Over.LABEL, label) if self.over is Over.BACKGROUND else self


@dataclass(frozen=True, eq=False)
class Region:
    """Voxels that a tool has chosen: ``voxels`` [k, j, i] are the inside of ``box``."""

    box: Box
    voxels: BoolArray

    @classmethod
    def nothing(cls) -> "Region":
        """No voxel."""
        return cls(Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), bool))

    def __bool__(self) -> bool:
        return bool(self.voxels.any())

    def cropped(self) -> "Region":
        """The same voxels in the smallest box."""
        inner = changed_box(self.voxels) if self.voxels.size else None
        if inner is None:
            return Region.nothing()
        return Region(inner.moved(self.box.start), self.voxels[inner.slices])

    def inside(self, box: Box) -> BoolArray:
        """The voxels as an array of the shape of ``box``."""
        found = np.zeros(box.shape, bool)
        common = intersection(self.box, box)
        if not common.empty:
            found[part_of(common, box)] = self.voxels[part_of(common, self.box)]
        return found


@dataclass(frozen=True, eq=False)
class Change:
    """What a tool makes of a mask: the new ``labels`` [k, j, i] of ``box``."""

    box: Box
    labels: MaskArray
    provenance: Provenance = Provenance.TOOL

    def make(self, mask: Mask, title: str) -> Edit | None:
        """Put the labels into ``mask``; the Edit to undo it, None where nothing differs."""
        if self.box.empty:
            return None
        part = self.box.slices
        edit = Edit.between(
            mask.data[part],
            self.labels,
            mask.provenance[part],
            start=self.box.start,
            title=title,
            provenance=self.provenance,
        )
        if edit is not None:
            edit.redo(mask)
        return edit


def paint(
    labels: MaskArray,
    region: Region,
    label: int,
    allowed: BoolArray,
    *,
    provenance: Provenance = Provenance.TOOL,
) -> Change:
    """Give the voxels of ``region`` the ``label`` where ``allowed`` [256] lets their present value go."""
    now = labels[region.box.slices]
    return Change(region.box, np.where(region.voxels & allowed[now], np.uint8(label), now), provenance)


def reshape(
    labels: MaskArray,
    region: Region,
    label: int,
    allowed: BoolArray,
    *,
    provenance: Provenance = Provenance.TOOL,
) -> Change:
    """Make ``region`` the shape of ``label`` inside its box: voxels of the label beside it become background."""
    now = labels[region.box.slices]
    kept = np.where((now == label) & ~region.voxels, np.uint8(BACKGROUND), now) if allowed.any() else now
    return Change(region.box, np.where(region.voxels & allowed[now], np.uint8(label), kept), provenance)


def label_box(labels: MaskArray, label: int, within: Box) -> Box | None:
    """The smallest box around the voxels of ``label`` in ``within``; None where there is none."""
    start, stop = list(within.start), list(within.stop)
    # Slices first: the other axes are then searched in what is left, which is little in a large volume.
    for axis in range(3):
        part = labels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] == label
        hits = np.flatnonzero(part.any(axis=tuple(other for other in range(3) if other != axis)))
        if hits.size == 0:
            return None
        start[axis], stop[axis] = start[axis] + int(hits[0]), start[axis] + int(hits[-1]) + 1
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def intersection(a: Box, b: Box) -> Box:
    """What two boxes have in common; an empty Box where that is nothing."""
    start = triple(max(p, q) for p, q in zip(a.start, b.start, strict=True))
    stop = triple(max(min(p, q), s) for p, q, s in zip(a.stop, b.stop, start, strict=True))
    return Box(start, stop)


def part_of(inner: Box, outer: Box) -> tuple[slice, slice, slice]:
    """Where ``inner`` lies in an array that holds ``outer``."""
    return inner.moved((-outer.start[0], -outer.start[1], -outer.start[2])).slices


def grown(box: Box, margin: tuple[int, int, int], within: Box) -> Box:
    """``box`` with ``margin`` voxels more on every side along (k, j, i), as far as ``within`` reaches."""
    start = triple(a - m for a, m in zip(box.start, margin, strict=True))
    stop = triple(b + m for b, m in zip(box.stop, margin, strict=True))
    return intersection(Box(start, stop), within)


def slab(shape: tuple[int, int, int], axis: int, index: int) -> Box:
    """The box of one slice of an array of ``shape``: where a tool stays that works in the slice in view."""
    start, stop = [0, 0, 0], list(shape)
    start[axis], stop[axis] = index, index + 1
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
