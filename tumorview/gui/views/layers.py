"""What is painted for one slice: greys as an image, the mask as fills, outlines and the dashed ground truth."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from tumorview.core import rendering
from tumorview.core.contours import edge_runs, loops
from tumorview.core.labels import STANDARD_OPACITY, Colour, LabelTable
from tumorview.core.rendering import OverlayStyle
from tumorview.gui.views.mask_slices import Labels2D
from tumorview.gui.views.values import OverlayOptions

TRUTH_COLOUR = QColor(255, 255, 255)
TRUTH_SHADOW = QColor(0, 0, 0)
TRUTH_DASHES = (4.0, 4.0)

T = TypeVar("T")


class Recent(Generic[T]):
    """The last few values that were made, by key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``key``, made by ``make`` where it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        value = self._kept[key] = make()
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


@dataclass(frozen=True, eq=False)
class Outline:
    """The edges of one label, in edge coordinates of the slice."""

    colour: Colour
    lines: list[QLineF]


@dataclass(frozen=True, eq=False)
class OverlayPicture:
    """One slice of the mask ready to paint: ``fill`` covers ``area`` (edge coordinates of the slice)."""

    fill: QImage | None = None
    area: QRectF = field(default_factory=QRectF)
    outlines: tuple[Outline, ...] = ()
    truth: QPainterPath | None = None

    def paint(self, painter: QPainter, boundary_width: int) -> None:
        """Paint with a transform from edge coordinates to the screen; lines are screen pixels wide at any zoom."""
        ratio = painter.device().devicePixelRatioF()  # a cosmetic pen counts the pixels of the device
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=False)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        if self.fill is not None:
            painter.drawImage(self.area, self.fill)
        for outline in self.outlines:
            pen = QPen(QColor(*outline.colour), round(boundary_width * ratio))
            pen.setCosmetic(True)
            pen.setCapStyle(Qt.PenCapStyle.SquareCap)
            painter.setPen(pen)
            painter.drawLines(outline.lines)
        if self.truth is not None:
            self._paint_truth(painter, self.truth, ratio)

    def _paint_truth(self, painter: QPainter, path: QPainterPath, ratio: float) -> None:
        # White dashes on a black line: seen on black air, on white oedema and beside any label's colour.
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, dashes in ((TRUTH_SHADOW, None), (TRUTH_COLOUR, TRUTH_DASHES)):
            pen = QPen(colour, ratio)
            pen.setCosmetic(True)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            if dashes:
                pen.setDashPattern(dashes)
            painter.setPen(pen)
            painter.drawPath(path)


def grey_image(greys: npt.NDArray[np.uint8]) -> QImage:
    """Greys [h, w] as an image in the one format that Qt scales fast."""
    height, width = greys.shape
    pixels = greys * np.uint32(0x010101)
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()  # the array may go


def overlay_picture(
    labels: Labels2D, table: LabelTable, options: OverlayOptions, truth: QPainterPath | None = None
) -> OverlayPicture:
    """A slice of labels [rows, columns] as ``options`` want it, with the outline of ground truth."""
    found = rendering.bounds(labels)
    if found is None:
        return OverlayPicture(truth=truth)
    top, bottom, left, right = found
    part = np.ascontiguousarray(labels[top:bottom, left:right])
    style = OverlayStyle(opacity=options.opacity / STANDARD_OPACITY, boundary=False)
    area = QRectF(left, top, right - left, bottom - top)
    outlines = _outlines(part, table, (left, top)) if options.boundary and options.boundary_width > 0 else ()
    return OverlayPicture(_image(rendering.overlay(part, table, style)), area, outlines, truth)


def _image(pixels: npt.NDArray[np.uint8]) -> QImage:
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _outlines(part: Labels2D, table: LabelTable, corner: tuple[int, int]) -> tuple[Outline, ...]:
    present = np.flatnonzero(np.bincount(part.ravel(), minlength=256))
    shown = [label for label in table if label.visible and label.number in present]
    offset = np.tile(corner, 2)
    return tuple(
        Outline(label.colour, [QLineF(*run) for run in (edge_runs(part == label.number) + offset).tolist()])
        for label in shown
    )


def truth_path(truth: Labels2D) -> QPainterPath | None:
    """The closed outlines of ground truth [rows, columns]; None where the slice has none."""
    found = rendering.bounds(truth)
    if found is None:
        return None
    top, bottom, left, right = found
    path = QPainterPath()
    for loop in loops(truth[top:bottom, left:right] > 0):
        corners = [QPointF(x + left, y + top) for x, y in loop.tolist()]
        path.addPolygon(QPolygonF([*corners, corners[0]]))
    return path
