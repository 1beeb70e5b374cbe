"""Shapes of measurements: their outlines in a view, the handles they are changed by, and where a hand takes hold."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from tumorview.app.measurements import REGIONS, Kind
from tumorview.core.measure import Point
from tumorview.core.slicing import PlaneView
from tumorview.gui.views.viewport import Viewport

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

HANDLE_REACH = 8.0  # pixels from a handle that still take hold of it
LINE_REACH = 5.0
ELLIPSE_CORNERS = 72
ARC_RADIUS = 26.0  # pixels
PROBE_ARM = 7.0
PROBE_GAP = 2.5
SMALLEST = 1e-3  # mm: a semi-axis never loses its direction

Vector = npt.NDArray[np.float64]
Points = tuple[Point, ...]


class Projection:
    """Between LPS mm and the widget pixels of what a view shows now."""

    def __init__(self, view: PlaneView, index: int, viewport: Viewport) -> None:
        self._view, self._index, self._viewport = view, index, viewport

    @classmethod
    def of(cls, view: "SliceView") -> "Projection":
        """Of ``view``, which must show a series."""
        assert view.plane_view is not None
        return cls(view.plane_view, view.current_index, view.viewport)

    def to_widget(self, points: Sequence[Point]) -> list[QPointF]:
        """Where the points are drawn, whatever slice they lie in."""
        voxels = self._view.geometry.world_to_index(np.asarray(points, dtype=np.float64).reshape(-1, 3)).tolist()
        places = (self._view.from_voxel(voxel) for voxel in voxels)
        return [QPointF(*self._viewport.to_widget(row, column)) for _, row, column in places]

    def to_world(self, place: QPointF) -> Point:
        """What lies under a place of the widget in the shown slice."""
        return self.world_of(*self._viewport.to_slice(place.x(), place.y()))

    def world_of(self, row: float, column: float) -> Point:
        """LPS mm of a place in the shown slice."""
        x, y, z = self._view.geometry.index_to_world(self._view.to_voxel(self._index, row, column)).tolist()
        return x, y, z

    def between(self, first: QPointF, second: QPointF) -> Points:
        """Centre and two semi-axes of the box with these opposite corners, upright on the screen."""
        (top, left), (bottom, right) = (self._viewport.to_slice(place.x(), place.y()) for place in (first, second))
        middle = (top + bottom) / 2, (left + right) / 2
        return self.world_of(*middle), self.world_of(middle[0], right), self.world_of(bottom, middle[1])


# -- what is drawn -----------------------------------------------------------------------------------------------------


def outline(kind: Kind, places: Sequence[QPointF]) -> QPainterPath:
    """The lines of a shape whose points lie at ``places`` of the widget; a shape may still be short of points."""
    path = QPainterPath()
    if kind is Kind.PROBE:
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            path.moveTo(places[0] + QPointF(x, y) * PROBE_GAP)
            path.lineTo(places[0] + QPointF(x, y) * PROBE_ARM)
        return path
    if kind in (Kind.ELLIPSE, Kind.RECTANGLE) and len(places) == 3:
        places = _around(kind, places)
    path.moveTo(places[0])
    for place in places[1:]:
        path.lineTo(place)
    if kind in REGIONS:
        path.closeSubpath()
    if kind is Kind.ANGLE and len(places) == 3:
        _add_arc(path, *places)
    return path


def _around(kind: Kind, places: Sequence[QPointF]) -> list[QPointF]:
    centre, a, b = places[0], places[1] - places[0], places[2] - places[0]
    if kind is Kind.RECTANGLE:
        return [centre + a * s + b * t for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    angles = np.linspace(0, 2 * math.pi, ELLIPSE_CORNERS, endpoint=False).tolist()
    return [centre + a * math.cos(angle) + b * math.sin(angle) for angle in angles]


def _add_arc(path: QPainterPath, first: QPointF, vertex: QPointF, second: QPointF) -> None:
    arms = first - vertex, second - vertex
    radius = min(ARC_RADIUS, *(0.6 * math.hypot(arm.x(), arm.y()) for arm in arms))
    start, stop = (math.degrees(math.atan2(-arm.y(), arm.x())) for arm in arms)  # Qt turns against the clock
    box = QRectF(vertex.x() - radius, vertex.y() - radius, 2 * radius, 2 * radius)
    path.arcMoveTo(box, start)
    path.arcTo(box, start, (stop - start + 180) % 360 - 180)


def is_on(path: QPainterPath, place: QPointF) -> bool:
    """Whether ``place`` is near a line of ``path``."""
    for polygon in path.toSubpathPolygons():
        points = [polygon.at(n) for n in range(polygon.size())]
        if any(_distance(place, a, b) <= LINE_REACH for a, b in itertools.pairwise(points)):
            return True
    return False


def _distance(place: QPointF, a: QPointF, b: QPointF) -> float:
    way, offset = b - a, place - a
    length = QPointF.dotProduct(way, way)
    t = min(max(QPointF.dotProduct(offset, way) / length, 0.0), 1.0) if length else 0.0
    rest = offset - way * t
    return math.hypot(rest.x(), rest.y())


# -- what is changed ---------------------------------------------------------------------------------------------------


def handles(kind: Kind, points: Points) -> Points:
    """The places by which a shape is changed, LPS mm."""
    if kind in (Kind.DISTANCE, Kind.ANGLE):
        return points
    if kind in (Kind.ELLIPSE, Kind.RECTANGLE):
        centre, a, b = _axes(points)
        corners = _ELLIPSE if kind is Kind.ELLIPSE else _RECTANGLE
        return tuple(_point(centre + s * a + t * b) for s, t in corners)
    return ()


_ELLIPSE = ((1, 0), (0, 1), (-1, 0), (0, -1))
_RECTANGLE = ((1, 1), (-1, 1), (-1, -1), (1, -1))


def with_handle(kind: Kind, points: Points, number: int, target: Point) -> Points:
    """The shape after a handle was dragged to ``target``; the opposite handle of a region stays."""
    if kind in (Kind.DISTANCE, Kind.ANGLE):
        return (*points[:number], target, *points[number + 1 :])
    centre, a, b = _axes(points)
    s, t = (_ELLIPSE if kind is Kind.ELLIPSE else _RECTANGLE)[number]
    fixed = centre - s * a - t * b
    # The way from the fixed handle in multiples of both axes, which need not be at right angles.
    (along_a, along_b), *_ = np.linalg.lstsq(np.stack([a, b], axis=1), np.asarray(target) - fixed, rcond=None)
    new_a = a if s == 0 else _scaled(a, s * along_a / 2)
    new_b = b if t == 0 else _scaled(b, t * along_b / 2)
    middle = fixed + s * new_a + t * new_b
    return _point(middle), _point(middle + new_a), _point(middle + new_b)


def moved(points: Points, start: Point, stop: Point) -> Points:
    """The shape after it was dragged as a whole."""
    way = np.subtract(stop, start)
    return tuple(_point(np.add(point, way)) for point in points)


def _axes(points: Points) -> tuple[Vector, Vector, Vector]:
    centre, a, b = (np.asarray(point, dtype=np.float64) for point in points)
    return centre, a - centre, b - centre


def _scaled(axis: Vector, factor: float) -> Vector:
    length = float(np.linalg.norm(axis))
    least = SMALLEST / length if length > SMALLEST else 1.0
    return axis * (factor if abs(factor) > least else math.copysign(least, factor))


def _point(value: Vector) -> Point:
    x, y, z = value.tolist()
    return x, y, z
