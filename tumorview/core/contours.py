"""Outlines of label slices, along pixel edges or smooth below voxel size: shared by views and picture export.

Edge coordinates are (x, y) with pixel [row, column] spanning x from column to column + 1, y from row to row + 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Runs = npt.NDArray[np.int32]
Points = npt.NDArray[np.float64]
Field = npt.NDArray[np.float32]

SIDE = 0.1  # how far from a half the field stays at the centre of a pixel
_SMOOTHINGS = 2  # by 1-2-1 each way: together a deviation of one pixel


def edge_runs(inside: npt.NDArray[np.bool_]) -> Runs:
    """Straight pieces [n, 4] (x0, y0, x1, y1) of the outline of ``inside`` [h, w], the inside on the right hand."""
    steps = np.pad(inside, 1).astype(np.int8)
    y, left, right, sign = _runs(np.diff(steps[:, 1:-1], axis=0))
    across = np.stack([np.where(sign > 0, left, right), y, np.where(sign > 0, right, left), y], axis=1)
    x, top, bottom, sign = _runs(np.diff(steps[1:-1], axis=1).T)
    down = np.stack([x, np.where(sign > 0, bottom, top), x, np.where(sign > 0, top, bottom)], axis=1)
    return np.concatenate([across, down]).astype(np.int32)


def loops(inside: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int32]]:
    """Closed outlines of ``inside`` [h, w]: corner points [n, 2] (x, y) of each, holes included."""
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for x0, y0, x1, y1 in edge_runs(inside).tolist():
        following.setdefault((x0, y0), []).append((x1, y1))
    found = []
    while following:
        first = point = next(iter(following))
        points = []
        while True:
            points.append(point)
            ends = following[point]
            step = ends.pop()
            if not ends:
                del following[point]
            point = step
            if point == first:
                break
        found.append(np.array(points, dtype=np.int32))
    return found


def smooth_field(inside: npt.NDArray[np.bool_]) -> Field:
    """``inside`` [h, w] as smooth values [h + 4, w + 4] (two pixels of margin) that cross a half on the outline.

    Each pixel's centre stays on its side: inside it is above a half, outside below, by at least ``SIDE``. So a single
    pixel keeps an outline, two regions that do not touch stay apart, and the outline runs at most a third of a
    pixel from where it would between two neighbours.
    """
    values = np.pad(inside, 2 + _SMOOTHINGS).astype(np.float32)
    for _ in range(_SMOOTHINGS):
        values = values[:-2] + 2 * values[1:-1] + values[2:]
        values = (values[:, :-2] + 2 * values[:, 1:-1] + values[:, 2:]) / np.float32(16)
    sides = np.pad(inside, 2)
    np.maximum(values, np.float32(0.5 + SIDE), out=values, where=sides)
    np.minimum(values, np.float32(0.5 - SIDE), out=values, where=~sides)
    return values


@dataclass(frozen=True, eq=False)
class Lines:
    """Many lines in one array: line n is ``points[starts[n] : starts[n + 1]]`` [.., 2] (x, y).

    A closed line has its first point again at its end.
    """

    points: Points
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[Points]:
        return (self.points[first:stop] for first, stop in pairwise(self.starts.tolist()))

    def moved(self, x: float, y: float) -> "Lines":
        """The same lines elsewhere."""
        return Lines(self.points + np.array((x, y)), self.starts)


def smooth_loops(inside: npt.NDArray[np.bool_]) -> Lines:
    """Closed outlines of ``inside`` [h, w] below voxel size; holes are loops of their own.

    Marching squares on ``smooth_field`` at a half.
    """
    return level_lines(smooth_field(inside), 0.5).moved(-2.0, -2.0)


def level_lines(values: npt.NDArray[np.floating[Any]], level: float) -> Lines:
    """Where ``values`` [h, w] cross ``level`` (marching squares), a value standing at the centre of its pixel."""
    if min(values.shape) >= 2:
        from contourpy import LineType, contour_generator  # only a window that draws outlines needs it

        # All lines in one array: noise has thousands of them.
        generator = contour_generator(z=values, name="serial", line_type=LineType.ChunkCombinedOffset)
        found: Any = generator.lines(level)
        points, starts = found[0][0], found[1][0]
        if points is not None:
            return Lines(points + 0.5, starts.astype(np.int64))
    return Lines(np.empty((0, 2)), np.zeros(1, np.int64))


def _runs(
    steps: npt.NDArray[np.int8],
) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.int_], npt.NDArray[np.int_], npt.NDArray[np.int8]]:
    # Stretches of equal, non-zero steps along each line: line, first position, position after the last, step.
    framed = np.pad(steps, ((0, 0), (1, 1)))
    before, after = framed[:, :-1], framed[:, 1:]
    change = before != after
    line, first = np.nonzero(change & (after != 0))
    _, last = np.nonzero(change & (before != 0))
    return line, first, last, after[line, first]
