"""Editing tools as pure geometry on a Mask: which voxels a stroke covers, and the Edit it leaves."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.edits import Edit
from tumorview.core.mask import Box, Mask, MaskArray, Provenance
from tumorview.core.slicing import PlaneView

BACKGROUND = 0


@dataclass(frozen=True)
class Brush:
    """A disc of ``radius`` millimetres (voxels where uncalibrated) in the plane being viewed."""

    radius: float
    label: int


class Stroke:
    """One drag of a brush: paints into the mask as it moves and ends in one Edit.

    The voxels from before are kept for the growing box that the stroke has touched, nothing else is copied.
    Voxels of locked or hidden labels are left alone.
    """

    def __init__(self, mask: Mask, view: PlaneView, brush: Brush, *, title: str) -> None:
        self._mask = mask
        self._view = view
        self._brush = brush
        self._title = title
        self._box: Box | None = None
        self._before: MaskArray = np.empty((0, 0, 0), np.uint8)
        self._last: tuple[float, float] | None = None
        self._protected = [label.number for label in mask.labels if label.locked or not label.visible]

    def move_to(self, index: int, row: float, column: float) -> Box | None:
        """Paint from the last place to this one (slice index, row and column as shown); the box that was touched."""
        start = self._last or (row, column)
        self._last = (row, column)
        covered, top, left = capsule(start, (row, column), self._brush.radius, self._view.pixel_spacing)
        return self._paint(index, covered, top, left)

    def finish(self) -> Edit | None:
        """End the stroke: the Edit to undo it, None where no voxel changed."""
        if self._box is None:
            return None
        edit = Edit.between(
            self._before,
            self._mask.data[self._box.slices],
            self._mask.provenance[self._box.slices],
            start=self._box.start,
            title=self._title,
            provenance=Provenance.BRUSH,
        )
        if edit is not None:
            edit.redo(self._mask)
        return edit

    def _paint(self, index: int, covered: npt.NDArray[np.bool_], top: int, left: int) -> Box | None:
        view, mask = self._view, self._mask
        first = view.to_voxel(index, top, left)
        last = view.to_voxel(index, top + covered.shape[0] - 1, left + covered.shape[1] - 1)
        low = tuple(int(min(a, b)) for a, b in zip(first, last, strict=True))
        high = tuple(int(max(a, b)) + 1 for a, b in zip(first, last, strict=True))
        wanted = Box(low, high)  # type: ignore[arg-type]
        box = wanted.clipped(mask.data.shape)
        if box.empty:
            return None
        self._remember(box)
        region = self._as_voxels(covered, wanted, box)
        target = mask.data[box.slices]
        if self._protected:
            region = region & ~np.isin(target, self._protected)
        if self._brush.label in self._protected:
            return None
        target[region] = self._brush.label
        mask.touch(box)
        return box

    def _as_voxels(self, covered: npt.NDArray[np.bool_], wanted: Box, box: Box) -> npt.NDArray[np.bool_]:
        view = self._view
        pixels = covered[:: -1 if view.flip_rows else 1, :: -1 if view.flip_columns else 1]
        if view.row_axis > view.column_axis:
            pixels = pixels.T
        voxels = np.expand_dims(pixels, view.normal_axis)
        inner = tuple(slice(a - w, b - w) for a, b, w in zip(box.start, box.stop, wanted.start, strict=True))
        return voxels[inner]

    def _remember(self, box: Box) -> None:
        if self._box is None:
            self._box, self._before = box, self._mask.data[box.slices].copy()
            return
        union = self._box.union(box)
        if union == self._box:
            return
        # Outside the old box the stroke has changed nothing yet: what is there now is what was there before.
        before = self._mask.data[union.slices].copy()
        inner = tuple(slice(a - u, b - u) for a, b, u in zip(self._box.start, self._box.stop, union.start, strict=True))
        before[inner] = self._before
        self._box, self._before = union, before


def capsule(
    start: tuple[float, float], stop: tuple[float, float], radius: float, spacing: tuple[float, float]
) -> tuple[npt.NDArray[np.bool_], int, int]:
    """Pixels whose centre lies within ``radius`` mm of the segment between two places (row, column).

    ``spacing`` is mm from row to row and column to column, so that the brush is round in the patient. Returns the
    covered pixels [h, w] with the row and column of the first; at least the pixel under ``stop`` is covered.
    """
    a, b, mm = np.array(start), np.array(stop), np.array(spacing)
    reach = radius / mm
    low = np.floor(np.minimum(a, b) - reach).astype(int)
    high = np.ceil(np.maximum(a, b) + reach).astype(int) + 1
    rows = (np.arange(low[0], high[0]) - a[0])[:, None] * mm[0]
    columns = (np.arange(low[1], high[1]) - a[1])[None, :] * mm[1]
    along = (b - a) * mm
    length = float(along @ along)
    t = np.clip((rows * along[0] + columns * along[1]) / length, 0.0, 1.0) if length else 0.0
    covered = (rows - t * along[0]) ** 2 + (columns - t * along[1]) ** 2 <= radius**2
    nearest = np.rint(b).astype(int) - low
    covered[nearest[0], nearest[1]] = True
    return covered, int(low[0]), int(low[1])
