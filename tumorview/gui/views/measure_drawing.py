"""How measurements look: thin lines with a dark edge, and texts that keep off the lesion and off each other."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from tumorview.gui.views.annotations import MARGIN, AnnotationPainter, Line
from tumorview.gui.views.mask_slices import Labels2D

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

COLOUR = (190, 245, 130)  # of no label, and seen on every grey
SELECTED = (255, 255, 255)
LESION = (255, 255, 255)
DARK = QColor(0, 0, 0, 170)
WIDTH, DARK_WIDTH = 1.5, 3.5  # pixels
HANDLE = 3.5
TEXT_GAP = 8.0
LINE_STEP = 6.0
STEPS = (0.0, 24.0, 56.0, 96.0, 150.0)  # pixels further off, for texts beside a large lesion
CORNERS = QSizeF(190.0, 84.0)  # what the texts in the corners take


def stroke(
    painter: QPainter, path: QPainterPath, colour: tuple[int, int, int], style: Qt.PenStyle = Qt.PenStyle.SolidLine
) -> None:
    """Draw ``path`` on its dark edge; lines are as wide at any zoom."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for shade, width, dashes in ((DARK, DARK_WIDTH, Qt.PenStyle.SolidLine), (QColor(*colour), WIDTH, style)):
        pen = QPen(shade, width, dashes)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawPath(path)


def dots(painter: QPainter, places: Sequence[QPointF], colour: tuple[int, int, int], size: float = HANDLE) -> None:
    """Draw handles, or the ends of a line."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(DARK, 1.5))
    painter.setBrush(QColor(*colour))
    for place in places:
        painter.drawEllipse(place, size, size)


@dataclass
class Labelling:
    """Places the texts of one frame.

    They keep off each other, off ``labels`` [rows, columns], the slice of the mask, and off the lines of ``shapes``.
    """

    view: "SliceView"
    texts: AnnotationPainter
    labels: Labels2D | None
    shapes: Sequence[QPainterPath] = ()
    taken: list[QRectF] = field(default_factory=list)

    def __post_init__(self) -> None:
        dots = [_along(path) for path in self.shapes]
        self._lines = np.concatenate(dots) if dots else np.zeros((0, 2))

    def write(self, painter: QPainter, shape: QRectF, lines: Sequence[str], colour: tuple[int, int, int]) -> QRectF:
        """Write ``lines`` beside ``shape`` and return where."""
        size = self.texts.size_of(lines)
        place = min(self._around(shape, size), key=self._cost)
        self.taken.append(place)
        if not place.adjusted(-2 * TEXT_GAP, -2 * TEXT_GAP, 2 * TEXT_GAP, 2 * TEXT_GAP).intersects(shape):
            leader = QPainterPath(_nearest(place, shape.center()))
            leader.lineTo(_nearest(shape, place.center()))
            stroke(painter, leader, colour, Qt.PenStyle.DotLine)
        self.texts.write_lines(painter, place.topLeft(), [Line(text, colour) for text in lines])
        return place

    def _around(self, shape: QRectF, size: QSizeF) -> list[QRectF]:
        """Places beside ``shape``, the preferred ones first."""
        centre, width, height = shape.center(), size.width(), size.height()
        found = []
        for step in STEPS:
            gap = TEXT_GAP + step
            right, left = shape.right() + gap, shape.left() - gap - width
            above, below = shape.top() - gap - height, shape.bottom() + gap
            middle_x, middle_y = centre.x() - width / 2, centre.y() - height / 2
            places = (
                (right, middle_y),
                (right, below),
                (right, above),
                (middle_x, below),
                (middle_x, above),
                (left, middle_y),
                (left, below),
                (left, above),
            )
            found += [QRectF(QPointF(x, y), size) for x, y in places]
        return found

    def _cost(self, place: QRectF) -> float:
        """0 for a place that hides nothing; of several the first is taken."""
        area = QRectF(0, 0, self.view.width(), self.view.height())
        inner = area.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        cost = 0.0 if inner.contains(place) else 100.0
        corners = (
            QRectF(area.topLeft(), CORNERS),
            QRectF(QPointF(area.left(), area.bottom() - CORNERS.height()), CORNERS),
        )
        cost += 5.0 * sum(place.intersects(corner) for corner in corners)
        cost += 20.0 * sum(place.intersects(other) for other in self.taken)
        x, y = self._lines.T
        crossed = (x > place.left()) & (x < place.right()) & (y > place.top()) & (y < place.bottom())
        return cost + 10.0 * self._share_of_lesion(place) + 8.0 * bool(crossed.any())

    def _share_of_lesion(self, place: QRectF) -> float:
        if self.labels is None:
            return 0.0
        to_slice = self.view.viewport.to_slice
        (top, left), (bottom, right) = to_slice(place.left(), place.top()), to_slice(place.right(), place.bottom())
        part = self.labels[
            max(round(top), 0) : max(round(bottom) + 1, 0), max(round(left), 0) : max(round(right) + 1, 0)
        ]
        return 0.5 + float((part > 0).mean()) if part.size and part.any() else 0.0


def _along(path: QPainterPath) -> npt.NDArray[np.float64]:
    """Places on the lines of ``path``, LINE_STEP pixels apart at most, [n, 2] x, y."""
    found = [np.zeros((0, 2))]
    for polygon in path.toSubpathPolygons():
        corners = np.array([(point.x(), point.y()) for point in polygon.toList()])
        for start, stop in itertools.pairwise(corners):
            count = int(np.hypot(*(stop - start)) / LINE_STEP) + 2
            found.append(np.linspace(start, stop, count))
    return np.concatenate(found)


def _nearest(area: QRectF, place: QPointF) -> QPointF:
    """The point of ``area`` nearest to ``place``."""
    return QPointF(
        min(max(place.x(), area.left()), area.right()),
        min(max(place.y(), area.top()), area.bottom()),
    )
