"""Slices that lie unevenly or shifted against each other, interpolated onto a regular grid at right angles."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorview.core.geometry import Geometry
from tumorview.core.progress import Progress
from tumorview.core.volume import Volume

_SHIFT_TOLERANCE = 1e-4  # pixels; nearer than this a slice lies where the grid has it


def restack(
    slices: npt.NDArray[Any],
    positions: npt.NDArray[np.float64],
    axes: npt.NDArray[np.float64],
    steps: tuple[float, float, float],
    progress: Progress | None = None,
) -> Volume:
    """``slices`` [n, row, column], interpolated linearly onto a regular grid that holds them all.

    ``positions`` [n, 3] are LPS mm of each slice's first voxel, sorted along the normal; ``axes`` [3, 3] has unit
    vectors along a row, along a column and of the normal in its rows; ``steps`` are mm along those axes. The distance
    between slices is rounded so that the first and the last stay where they are.
    """
    progress = progress or Progress()
    along_row, along_column, between = steps
    heights = (positions - positions[0]) @ axes[2]
    shifts = (positions - positions[0]) @ axes[:2].T / (along_row, along_column)  # pixels, [n, (i, j)]
    first, last = np.floor(shifts.min(axis=0) + _SHIFT_TOLERANCE), np.ceil(shifts.max(axis=0) - _SHIFT_TOLERANCE)
    count = max(round(heights[-1] / between), 1) + 1
    step = heights[-1] / (count - 1)
    rows, columns = slices.shape[1] + int(last[1] - first[1]), slices.shape[2] + int(last[0] - first[0])
    air = slices.min()
    result = np.full((count, rows, columns), air, slices.dtype)
    for number in range(count):
        progress.check()
        progress.report(number / count, "Resampling slices")
        place = float(np.interp(number * step, heights, np.arange(len(heights))))
        below = min(int(place + 1e-6), len(heights) - 1)
        weight = max(place - below, 0.0)
        plane = _moved(slices[below], shifts[below] - first, (rows, columns), air)
        if weight > 1e-6:
            above = _moved(slices[below + 1], shifts[below + 1] - first, (rows, columns), air)
            plane = plane * (1.0 - weight) + above * weight
        result[number] = np.rint(plane) if slices.dtype.kind in "iu" else plane
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = axes[0] * along_row, axes[1] * along_column, axes[2] * step
    affine[:3, 3] = positions[0] + axes[0] * along_row * first[0] + axes[1] * along_column * first[1]
    return Volume(result, Geometry((count, rows, columns), affine))


def _moved(
    plane: npt.NDArray[Any], shift: npt.NDArray[np.float64], size: tuple[int, int], air: float
) -> npt.NDArray[np.float32]:
    """``plane`` on a larger canvas, its first pixel at ``shift`` (columns, rows)."""
    whole = np.floor(shift + _SHIFT_TOLERANCE).astype(int)
    canvas = np.full(size, air, np.float32)
    canvas[whole[1] : whole[1] + plane.shape[0], whole[0] : whole[0] + plane.shape[1]] = plane
    rest = shift - whole
    if np.abs(rest).max() <= _SHIFT_TOLERANCE:
        return canvas
    moved = ndimage.shift(canvas, (rest[1], rest[0]), order=1, mode="constant", cval=float(air))
    return np.asarray(moved, np.float32)
