"""Outlines of label slices along pixel edges: exact at any zoom, shared by views and picture export.

Edge coordinates are (x, y) with pixel [row, column] spanning x from column to column + 1, y from row to row + 1.
"""

import numpy as np
import numpy.typing as npt

Runs = npt.NDArray[np.int32]


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
