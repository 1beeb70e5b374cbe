"""Voxels inside an outline drawn on a slice."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box
from tumorview.core.slicing import PlaneView
from tumorview.core.tools.painting import BoolArray, Region


def outlined(view: PlaneView, index: int, points: Sequence[tuple[float, float]]) -> Region:
    """The pixels of slice ``index`` whose centre lies inside the closed outline through ``points`` (row, column).

    Fewer than three points enclose nothing; parts beside the image are left out.
    """
    if len(points) < 3:
        return Region.nothing()
    places = np.array([view.to_voxel(index, row, column) for row, column in points])
    down, across = (axis for axis in range(3) if axis != view.normal_axis)
    shape = view.geometry.shape
    start, stop = [0, 0, 0], [0, 0, 0]
    start[view.normal_axis], stop[view.normal_axis] = index, index + 1
    for axis in (down, across):
        start[axis] = max(int(np.ceil(places[:, axis].min())), 0)
        stop[axis] = max(min(int(np.floor(places[:, axis].max())) + 1, shape[axis]), start[axis])
    box = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    if box.empty or not 0 <= index < shape[view.normal_axis]:
        return Region.nothing()
    inside = _inside(
        places[:, down] - start[down],
        places[:, across] - start[across],
        (stop[down] - start[down], stop[across] - start[across]),
    )
    return Region(box, np.expand_dims(inside, view.normal_axis))


def _inside(y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], shape: tuple[int, int]) -> BoolArray:
    """Pixels [h, w] around which the closed outline winds: what a hand-drawn one encloses twice is inside too.

    Raster libraries fill by the even-odd rule, which leaves such places out. Along each row of pixel centres the
    winding number steps by one wherever a side is crossed, up or down by its direction.
    """
    y1, x1 = np.roll(y, -1), np.roll(x, -1)
    rows = np.arange(shape[0])[:, None]
    below, below1 = y <= rows, y1 <= rows
    row, side = np.nonzero(below != below1)
    t = (row - y[side]) / (y1[side] - y[side])
    column = np.ceil(x[side] + t * (x1[side] - x[side])).clip(0, shape[1]).astype(int)
    steps = np.zeros((shape[0], shape[1] + 1), np.int32)
    np.add.at(steps, (row, column), np.where(below[row, side], 1, -1))
    return np.asarray(np.cumsum(steps, axis=1)[:, :-1] != 0)
