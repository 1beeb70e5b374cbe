"""The two diameters of a shape of pixels: the longest line inside it, and the longest one inside it at right angles.

Macdonald et al. (J Clin Oncol 1990;8:1277-1280) and RANO (Wen et al., J Clin Oncol 2010;28:1963-1972; RANO 2.0, Wen et
al., J Clin Oncol 2023;41:5187-5199) rate a glioma by the product of its largest diameter on a slice and the largest
diameter perpendicular to it. What is decided here where the papers leave it open:

* The shape is the union of its pixels' areas and lines end on its outline: a block of 10 x 10 pixels of 1 mm has
  diameters of 14.1 mm, its diagonals.
* Both lines lie inside the shape. A concave shape is not measured across the gap, and a hole is not measured across
  either ("the cystic or surgical cavity should not be measured", RANO 2010).
* The second line is exactly at right angles to the first, in millimetres, and in the same connected part of the shape.
  In a concave shape the two need not cross.
* Where the widest two corners of the shape see each other, as in every convex shape, that line is the longest there is.
  Otherwise all pairs of corners of the outline are compared, up to EXACT_POINTS corners; of larger concave shapes
  DIRECTIONS directions are searched and the best lines moved from corner to corner for as long as they grow.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.contours import edge_runs

Place = tuple[float, float]  # row and column; pixel centres are whole numbers
Pixels = npt.NDArray[np.bool_]
Corners = npt.NDArray[np.int64]  # [n, 2] x, y in edge coordinates: pixel [row, column] spans column..column + 1
Ends = npt.NDArray[np.float64]  # [2, 2] x, y of both ends of a line, in edge coordinates
Steps = npt.NDArray[np.float64]

EXACT_POINTS = 400
EXACT_RUNS = 2000  # straight pieces of outline; beyond, 4 * LINES lines across the shape are compared
DIRECTIONS = 60
LINES = 160  # in each direction
SEARCH_WORK = 120_000  # straight pieces of outline times directions: very ragged shapes are searched in fewer
STARTS = 4  # lines that are moved, for the longest of them
NEAR_POINTS = 48  # corners around either end that a line is moved to
BATCH = 8192  # pairs of corners that are looked at together
LOOKS = 80  # places along a line that are looked at before it is followed exactly
GOLDEN = 0.6180339887498949  # its multiples spread evenly and keep off the corners of pixels


@dataclass(frozen=True)
class Diameters:
    """Ends (row, column) and lengths of both lines; lengths in the unit of ``steps``."""

    longest: tuple[Place, Place]
    perpendicular: tuple[Place, Place]
    longest_length: float
    perpendicular_length: float

    @property
    def product(self) -> float:
        """Longest times perpendicular: what RANO compares from visit to visit."""
        return self.longest_length * self.perpendicular_length


def steps_of(spacing: tuple[float, float]) -> Steps:
    """Steps (see ``diameters``) of a grid with right angles; ``spacing`` is mm from row to row, column to column."""
    return np.array([[spacing[1], 0.0], [0.0, spacing[0]]])


def diameters(inside: Pixels, steps: Steps) -> Diameters | None:
    """Both diameters of ``inside`` [rows, columns]; None where it is empty.

    ``steps`` [2, 2] has the in-plane vector in mm of one column in its first row and of one row in its second. Parts
    that only touch at a corner count as one.
    """
    best: tuple[float, Pixels, tuple[int, int], Ends] | None = None
    for part, offset, bound in _parts(inside, steps):
        if best is not None and bound <= best[0]:
            break
        ends = _longest(part, steps)
        length = _length(ends, steps)
        if best is None or length > best[0]:
            best = length, part, offset, ends
    if best is None:
        return None
    length, part, offset, ends = best
    along = (ends[1] - ends[0]) @ steps / length
    runs = edge_runs(part)
    lines = None if len(runs) <= EXACT_RUNS else 4 * LINES
    across = _longest_chord(runs, np.array([-along[1], along[0]]), steps, lines=lines)
    return Diameters(_places(ends, offset), _places(across, offset), length, _length(across, steps))


def _places(ends: Ends, offset: tuple[int, int]) -> tuple[Place, Place]:
    (x0, y0), (x1, y1) = ends.tolist()
    top, left = offset[0] - 0.5, offset[1] - 0.5
    return (y0 + top, x0 + left), (y1 + top, x1 + left)


def _parts(inside: Pixels, steps: Steps) -> Iterator[tuple[Pixels, tuple[int, int], float]]:
    """Connected parts, cut out, with their first row and column and a length no line inside exceeds; longest first."""
    from scipy import ndimage  # a third of a second that a window which measures nothing should not wait for

    labelled, _ = ndimage.label(inside, np.ones((3, 3)))
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labelled), start=1):
        diagonals = np.array([[columns.stop - columns.start, sign * (rows.stop - rows.start)] for sign in (1, -1)])
        bound = float(np.linalg.norm(diagonals @ steps, axis=1).max())
        found.append((bound, number, rows, columns))
    for bound, number, rows, columns in sorted(found, key=lambda one: -one[0]):
        yield labelled[rows, columns] == number, (rows.start, columns.start), bound


# -- the longest line --------------------------------------------------------------------------------------------------


def _longest(part: Pixels, steps: Steps) -> Ends:
    """Ends of the longest line inside a connected part."""
    from scipy.spatial import ConvexHull

    outline = _outline(part)
    hull = outline[ConvexHull(outline).vertices]
    first, second = np.triu_indices(len(hull), 1)
    widest = int(np.linalg.norm((hull[first] - hull[second]) @ steps, axis=1).argmax())
    pair = np.stack([hull[first[widest]], hull[second[widest]]])
    if _lies_inside(part, pair):
        return pair.astype(np.float64)
    if len(outline) <= EXACT_POINTS:
        found = _first_inside(part, *_all_pairs(outline, steps))
        if found is not None:
            return found.astype(np.float64)
    best: Ends = np.zeros((2, 2))
    for start in _starts(edge_runs(part), steps):
        for candidate in (start, _stretched(part, outline, start, steps)):
            if _length(candidate, steps) > _length(best, steps):
                best = candidate
    return best


def _all_pairs(points: Corners, steps: Steps) -> tuple[Corners, Corners]:
    """Both ends of the lines between all ``points``, the longest first."""
    first, second = np.triu_indices(len(points), 1)
    ways = (points[first] - points[second]) @ steps
    order = np.argsort(-np.einsum("ij,ij->i", ways, ways), kind="stable")
    return points[first[order]], points[second[order]]


def _starts(runs: npt.NDArray[np.int32], steps: Steps) -> list[Ends]:
    """The longest lines inside in some directions, the longest first, each in a direction of its own."""
    count = min(max(SEARCH_WORK // len(runs), 6), DIRECTIONS)
    angles = (np.arange(count) + GOLDEN) * np.pi / count
    chords = [_longest_chord(runs, np.array([np.cos(angle), np.sin(angle)]), steps, lines=LINES) for angle in angles]
    lengths = np.array([_length(chord, steps) for chord in chords])
    chosen: list[int] = []
    for number in np.argsort(-lengths, kind="stable").tolist():
        apart = [min(abs(number - other), count - abs(number - other)) for other in chosen]
        if all(steps_apart > 2 for steps_apart in apart):
            chosen.append(number)
        if len(chosen) == STARTS:
            break
    return [chords[number] for number in chosen]


def _stretched(part: Pixels, outline: Corners, ends: Ends, steps: Steps) -> Ends:
    """The longest line between corners around ``ends``, then around its own, until none near is longer."""
    while True:
        near = [_nearest(outline, end) for end in ends]
        first, second = (grid.ravel() for grid in np.indices((len(near[0]), len(near[1]))))
        lengths = np.linalg.norm((near[0][first] - near[1][second]) @ steps, axis=1)
        better = np.flatnonzero(lengths > _length(ends, steps) * (1 + 1e-9))
        order = better[np.argsort(-lengths[better], kind="stable")]
        found = _first_inside(part, near[0][first[order]], near[1][second[order]])
        if found is None:
            return ends
        ends = found.astype(np.float64)


def _length(ends: Ends, steps: Steps) -> float:
    return float(np.linalg.norm((ends[1] - ends[0]) @ steps))


def _nearest(outline: Corners, end: npt.NDArray[np.float64]) -> Corners:
    if len(outline) <= NEAR_POINTS:
        return outline
    away = np.abs(outline - end).max(axis=1)
    return outline[np.argpartition(away, NEAR_POINTS)[:NEAR_POINTS]]


def _outline(part: Pixels) -> Corners:
    """Corners of pixels on the outline, in rows."""
    padded = np.pad(part, 1).astype(np.uint8)
    around = padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]
    y, x = np.nonzero((around > 0) & (around < 4))
    return np.stack([x, y], axis=1)


def _first_inside(part: Pixels, starts: Corners, stops: Corners) -> Corners | None:
    """Ends [2, 2] of the first line from one of ``starts`` to its ``stops`` that lies inside; None where none does."""
    for begin in range(0, len(starts), BATCH):
        a, b = starts[begin : begin + BATCH], stops[begin : begin + BATCH]
        # A look at a few places drops nearly all lines that leave the shape.
        for looks in np.split(np.arange(1, LOOKS + 1) * GOLDEN % 1.0, range(4, LOOKS, 16)):
            place = (a[:, None] + (b - a)[:, None] * looks[:, None]).astype(np.intp)
            kept = part[place[..., 1].clip(max=part.shape[0] - 1), place[..., 0].clip(max=part.shape[1] - 1)].all(
                axis=1
            )
            a, b = a[kept], b[kept]
            if not len(a):
                break
        for pair in np.stack([a, b], axis=1):
            if _lies_inside(part, pair):
                return np.asarray(pair)
    return None


def _lies_inside(part: Pixels, pair: Corners) -> bool:
    """Whether every pixel that the line between two corners crosses is inside.

    Lines along a row or column of edges are refused: the diagonal of the pixels beside them is longer.
    """
    way = pair[1] - pair[0]
    if 0 in way:
        return False
    cuts = [np.arange(1, abs(extent)) / abs(extent) for extent in way.tolist()]
    t = np.sort(np.concatenate([[0.0], *cuts, [1.0]]))
    pieces = np.flatnonzero(np.diff(t) > 1e-12)  # where it goes through a corner both cuts are at the same place
    middle = (t[pieces] + t[pieces + 1]) / 2
    x, y = (pair[0] + middle[:, None] * way).astype(np.intp).T
    return bool(part[y, x].all())


# -- lines in one direction --------------------------------------------------------------------------------------------


def _longest_chord(
    runs: npt.NDArray[np.int32], direction: npt.NDArray[np.float64], steps: Steps, *, lines: int | None = None
) -> Ends:
    """Ends of the longest line along ``direction`` (unit vector in mm) inside an outline of ``edge_runs``.

    A line can be moved sideways, growing or keeping its length, until it touches a corner of the outline: so the lines
    just beside every corner are all that need to be compared. With ``lines`` only that many, evenly spread, are.
    """
    beside = np.array([direction[1], -direction[0]])
    starts, stops = runs[:, :2] @ steps, runs[:, 2:] @ steps
    place = np.stack([starts @ beside, stops @ beside], axis=1)  # [edge, end]: sideways
    height = np.stack([starts @ direction, stops @ direction], axis=1)
    at = _beside_corners(place[:, 0], steps) if lines is None else _spread(place[:, 0], lines)
    # Every edge crosses the lines between its ends.
    low, high = np.searchsorted(at, place.min(axis=1)), np.searchsorted(at, place.max(axis=1))
    edge = np.repeat(np.arange(len(runs)), high - low)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(high - low) - high, high - low)
    share = (at[line] - place[edge, 0]) / (place[edge, 1] - place[edge, 0])
    crossing = height[edge, 0] + share * (height[edge, 1] - height[edge, 0])
    # An outline is crossed in and out again: in order, every two crossings of a line are the ends of a piece inside.
    order = np.lexsort((crossing, line))
    enter, leave = crossing[order[0::2]], crossing[order[1::2]]
    best = int((leave - enter).argmax())
    foot = at[line[order[2 * best]]] * beside
    ends = np.stack([foot + enter[best] * direction, foot + leave[best] * direction])
    return np.asarray(ends @ np.linalg.inv(steps), dtype=np.float64)


def _beside_corners(places: npt.NDArray[np.float64], steps: Steps) -> npt.NDArray[np.float64]:
    small = 1e-7 * float(np.abs(steps).max())
    return np.unique(np.concatenate([places - small, places + small]))


def _spread(places: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    low, high = places.min(), places.max()
    return np.asarray(low + (np.arange(count) + GOLDEN) * (high - low) / count)
