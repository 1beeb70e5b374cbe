"""Which voxels a brush covers on its way from one place to the next, in millimetres."""

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box
from tumorview.core.tools.painting import Region

FloatArray = npt.NDArray[np.float64]
Place = tuple[float, float, float]


class Shape(StrEnum):
    """The outline of a brush: a disc or ball, or a square or cube."""

    ROUND = "round"
    SQUARE = "square"


def sweep(
    start: Place,
    stop: Place,
    radius: float,
    spacing: tuple[float, float, float],
    *,
    shape: Shape = Shape.ROUND,
    flat: int | None = None,
) -> Region:
    """Voxels whose centre a brush of ``radius`` mm passes over on the straight way between two voxel places (k, j, i).

    ``spacing`` is mm along (k, j, i), so that the brush is round in the patient. With ``flat`` the brush stays in
    the slice across that axis. At least the voxel under ``stop`` is covered. The box may reach beyond the image.
    """
    a, b, mm = np.array(start), np.array(stop), np.array(spacing)
    reach = radius / mm
    low = np.floor(np.minimum(a, b) - reach).astype(int)
    high = np.ceil(np.maximum(a, b) + reach).astype(int) + 1
    if flat is not None:
        a[flat] = b[flat] = low[flat] = np.rint(b[flat])
        high[flat] = low[flat] + 1
    offsets = [
        ((np.arange(low[n], high[n]) - a[n]) * mm[n]).reshape([-1 if axis == n else 1 for axis in range(3)])
        for n in range(3)
    ]
    way = (b - a) * mm
    covered = _round(offsets, way, radius) if shape is Shape.ROUND else _square(offsets, way, radius)
    nearest = np.rint(b).astype(int) - low
    covered[tuple(nearest)] = True
    return Region(Box(_triple(low), _triple(high)), covered)


def _round(offsets: list[FloatArray], way: FloatArray, radius: float) -> npt.NDArray[np.bool_]:
    """Distance to the segment, as the distance to the nearest of its points."""
    length = float(way @ way)
    t: FloatArray | float = 0.0
    if length:
        along = offsets[0] * way[0] + offsets[1] * way[1] + offsets[2] * way[2]
        t = np.clip(along / length, 0.0, 1.0)
    squared = sum((offset - t * step) ** 2 for offset, step in zip(offsets, way, strict=True))
    return np.asarray(squared <= radius**2)


def _square(offsets: list[FloatArray], way: FloatArray, radius: float) -> npt.NDArray[np.bool_]:
    """Along each axis the part 0..1 of the way in which the voxel lies within the square; covered if they meet."""
    enter: FloatArray = np.zeros((1, 1, 1))
    leave: FloatArray = np.ones((1, 1, 1))
    for offset, step in zip(offsets, way, strict=True):
        if step == 0:
            outside = np.abs(offset) > radius
            enter, leave = np.where(outside, np.inf, enter), leave
            continue
        first, second = (offset - radius) / step, (offset + radius) / step
        enter = np.maximum(enter, np.minimum(first, second))
        leave = np.minimum(leave, np.maximum(first, second))
    shape = tuple(offset.size for offset in offsets)
    return np.broadcast_to(enter <= leave, shape).copy()


def _triple(index: npt.NDArray[np.int_]) -> tuple[int, int, int]:
    return int(index[0]), int(index[1]), int(index[2])
