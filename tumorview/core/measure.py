"""What a radiologist measures by hand: lengths, angles, areas and the intensities inside them.

Points are patient LPS millimetres [3]; in an uncalibrated image they are pixels, and so is what comes out. Regions lie
in one slice and hold the voxels whose centre is inside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.slicing import PlaneView
from tumorview.core.volume import Volume

Point = tuple[float, float, float]
Points = Sequence[Point]
Pixels = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Statistics:
    """Of the finite intensities in a region; None where there are none (for ``sd``: fewer than two).

    ``sd`` is the sample standard deviation (divided by n - 1).
    """

    voxels: int
    mean: float | None = None
    sd: float | None = None
    minimum: float | None = None
    maximum: float | None = None

    @classmethod
    def of(cls, values: npt.ArrayLike) -> "Statistics":
        """The statistics of ``values``."""
        found = np.asarray(values, dtype=np.float64).ravel()
        found = found[np.isfinite(found)]
        if found.size == 0:
            return cls(0)
        sd = float(found.std(ddof=1)) if found.size > 1 else None
        return cls(int(found.size), float(found.mean()), sd, float(found.min()), float(found.max()))


def distance(a: Point, b: Point) -> float:
    """Length of the straight line between two points."""
    return math.dist(a, b)


def angle(a: Point, vertex: Point, b: Point) -> float | None:
    """Degrees (0..180) between the arms from ``vertex`` to ``a`` and ``b``; None where an arm has no length."""
    first, second = np.subtract(a, vertex), np.subtract(b, vertex)
    if not first.any() or not second.any():
        return None
    # atan2 keeps its precision where arccos of a cosine near 1 has none.
    return math.degrees(math.atan2(float(np.linalg.norm(np.cross(first, second))), float(first @ second)))


def parallelogram(centre: Point, a: Point, b: Point) -> float:
    """Area spanned by the ways from ``centre`` to ``a`` and to ``b``: a quarter of a rectangle with that centre."""
    return float(np.linalg.norm(np.cross(np.subtract(a, centre), np.subtract(b, centre))))


def ellipse_area(centre: Point, a: Point, b: Point) -> float:
    """Area of an ellipse with semi-axes (or conjugate semi-diameters) from ``centre`` to ``a`` and ``b``."""
    return math.pi * parallelogram(centre, a, b)


def rectangle_area(centre: Point, a: Point, b: Point) -> float:
    """Area of a rectangle with the middles of two neighbouring sides in ``a`` and ``b``."""
    return 4 * parallelogram(centre, a, b)


def polygon_area(corners: Points) -> float:
    """Area inside a closed flat outline that does not cross itself."""
    around = np.asarray(corners, dtype=np.float64)
    around = around - around[0]
    return float(np.linalg.norm(np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0))) / 2


def value_at(volume: Volume, point: Point) -> float | None:
    """Intensity of the voxel that ``point`` lies in; None outside the image."""
    index = volume.geometry.world_to_index(point)
    if not volume.geometry.contains(index):
        return None
    k, j, i = np.rint(index).astype(int).tolist()
    return float(volume.data[k, j, i])


def places_in(view: PlaneView, points: Points) -> npt.NDArray[np.float64]:
    """(slice, row, column) of points in ``view``, [n, 3]; pixel centres are whole numbers."""
    return np.array([view.from_voxel(view.geometry.world_to_index(point).tolist()) for point in points])


def in_ellipse(view: PlaneView, points: Points) -> Pixels:
    """Pixels [rows, columns] of a slice inside the ellipse (centre, a, b) of ``ellipse_area``."""
    s, t = _spans(view, points)
    return np.asarray(s**2 + t**2 <= 1.0)


def in_rectangle(view: PlaneView, points: Points) -> Pixels:
    """Pixels [rows, columns] of a slice inside the rectangle (centre, a, b) of ``rectangle_area``."""
    s, t = _spans(view, points)
    return np.asarray((np.abs(s) <= 1.0) & (np.abs(t) <= 1.0))


def in_polygon(view: PlaneView, corners: Points) -> Pixels:
    """Pixels [rows, columns] of a slice inside a closed outline (even-odd rule)."""
    places = places_in(view, corners)[:, 1:]
    rows, columns = (np.arange(n, dtype=np.float64) for n in view.size)
    inside = np.zeros(view.size, bool)
    for (row0, column0), (row1, column1) in zip(places, np.roll(places, -1, axis=0), strict=True):
        crossed = (rows >= min(row0, row1)) & (rows < max(row0, row1))
        if crossed.any():
            at = column0 + (rows[crossed] - row0) / (row1 - row0) * (column1 - column0)
            inside[crossed] ^= columns[None, :] < at[:, None]
    return inside


def statistics_in(volume: Volume, view: PlaneView, index: int, region: Pixels) -> Statistics:
    """Statistics of slice ``index`` of ``view`` in ``region`` [rows, columns]; none beyond the ends of the stack."""
    if not 0 <= index < view.count:
        return Statistics(0)
    return Statistics.of(view.extract(volume.data, index)[region])


def slice_of(view: PlaneView, points: Points) -> int | None:
    """The slice of ``view`` that all ``points`` lie in, to within half a spacing; None where there is no such slice."""
    along = places_in(view, points)[:, 0]
    index = math.floor(float(along.mean()) + 0.5 + 1e-6)  # halfway all go the same way, as views choose their slice
    if not 0 <= index < view.count or np.abs(along - index).max() > 0.5 + 1e-3:
        return None
    return index


def _spans(view: PlaneView, points: Points) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How many times the ways from the centre to a and to b lead to each pixel, [rows, columns] each."""
    centre, a, b = places_in(view, points)[:, 1:]
    ways = np.stack([a - centre, b - centre], axis=1)
    rows, columns = view.size
    if abs(np.linalg.det(ways)) < 1e-12:  # a line: no area, no voxel
        nowhere = np.full((rows, columns), np.inf)
        return nowhere, nowhere
    (s_row, s_column), (t_row, t_column) = np.linalg.inv(ways)
    down, right = (np.arange(rows) - centre[0])[:, None], (np.arange(columns) - centre[1])[None, :]
    return s_row * down + s_column * right, t_row * down + t_column * right
