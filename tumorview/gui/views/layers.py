"""What is painted for one slice: greys as an image, mask or probabilities, outlines and the dashed ground truth."""

import struct
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QByteArray, QDataStream, QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from tumorview.core import rendering
from tumorview.core.colour_maps import ColourTable
from tumorview.core.contours import Lines, edge_runs, level_lines, loops, smooth_loops
from tumorview.core.labels import STANDARD_OPACITY, Label, LabelTable
from tumorview.core.rendering import BoundaryStyle
from tumorview.gui.views.mask_slices import Labels2D
from tumorview.gui.views.values import OverlayOptions

TRUTH_COLOUR = QColor(255, 255, 255)
TRUTH_SHADOW = QColor(0, 0, 0)
TRUTH_DASHES = (4.0, 4.0)
HEAT_OPACITY = 0.7  # of a heat map where labels have the standard opacity
THRESHOLD_COLOUR = QColor(255, 255, 255)
THRESHOLD_WIDTH = 1.0
# More points than any lesion has: noise, as a low threshold gives it, is drawn along voxel edges, which costs less.
SMOOTH_LIMIT = 8000

# How QDataStream writes an element of a path.
_PATH_ELEMENT = np.dtype([("kind", ">i4"), ("x", ">f8"), ("y", ">f8")])

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
class Shape:
    """One label in edge coordinates of the slice: the ``lines`` of its outline, and its area where that is smooth."""

    colour: QColor
    lines: list[QLineF]
    fill: QColor | None = None
    area: QPainterPath | None = None
    smooth: bool = True
    width: float | None = None  # screen pixels; None is that of boundaries


@dataclass(frozen=True, eq=False)
class OverlayPicture:
    """One slice of the mask ready to paint: ``fill`` covers ``area`` (edge coordinates of the slice)."""

    fill: QImage | None = None
    area: QRectF = field(default_factory=QRectF)
    smooth: bool = False  # whether the fill is interpolated
    shapes: tuple[Shape, ...] = ()
    truth: QPainterPath | None = None

    def paint(self, painter: QPainter, boundary_width: int) -> None:
        """Paint with a transform from edge coordinates to the screen; lines are screen pixels wide at any zoom."""
        ratio = painter.device().devicePixelRatioF()  # a cosmetic pen counts the pixels of the device
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=self.smooth)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        if self.fill is not None:
            painter.drawImage(self.area, self.fill)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for shape in self.shapes:
            if shape.area is not None and shape.fill is not None:
                painter.fillPath(shape.area, shape.fill)
        for shape in self.shapes:
            # As lines: a path's outline takes ten times as long. Square caps close the corners.
            pen = QPen(shape.colour, round((shape.width or boundary_width) * ratio))
            pen.setCosmetic(True)
            pen.setCapStyle(Qt.PenCapStyle.SquareCap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=shape.smooth)
            painter.setPen(pen)
            painter.drawLines(shape.lines)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
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


def grey_image(levels: npt.NDArray[np.uint8], table: ColourTable) -> QImage:
    """Greys [h, w] in the colours of ``table`` [256, 3], as an image in the one format that Qt scales fast."""
    height, width = levels.shape
    red, green, blue = table.astype(np.uint32).T
    pixels = (red << 16 | green << 8 | blue)[levels]
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
    strength = options.opacity / STANDARD_OPACITY
    shown = table.shown(np.flatnonzero(np.bincount(part.ravel(), minlength=256)).tolist())
    if options.outline is BoundaryStyle.SMOOTH:
        outlines = [(label, smooth_loops(part == label.number).moved(left, top)) for label in shown]
        if sum(len(lines.points) for _, lines in outlines) <= SMOOTH_LIMIT:
            return OverlayPicture(shapes=tuple(_smooth(*one, options, strength) for one in outlines), truth=truth)
    area = QRectF(left, top, right - left, bottom - top)
    shapes = tuple(_angular(label, part, (left, top)) for label in shown) if options.boundary else ()
    return OverlayPicture(_image(rendering.fills(part, table, strength)), area, False, shapes, truth)


def heat_picture(
    probability: npt.NDArray[np.float32],
    table: ColourTable,
    threshold: float | None,
    opacity: float,
    outlines: OverlayPicture,
) -> OverlayPicture:
    """Values 0..1 [rows, columns] in the colours of ``table``, a threshold as a line, the mask's ``outlines``."""
    rows, columns = probability.shape
    colours = rendering.heat(probability, table, opacity / STANDARD_OPACITY * HEAT_OPACITY)
    lines: tuple[Shape, ...] = ()
    if threshold is not None:
        lines = (Shape(THRESHOLD_COLOUR, _pieces(level_lines(probability, threshold)), width=THRESHOLD_WIDTH),)
    area = QRectF(0, 0, columns, rows)
    return OverlayPicture(_image(colours), area, True, (*outlines.shapes, *lines), outlines.truth)


def _smooth(label: Label, outline: Lines, options: OverlayOptions, strength: float) -> Shape:
    fill = QColor(*label.colour)
    fill.setAlphaF(min(label.opacity * strength, 1.0))
    return Shape(QColor(*label.colour), _pieces(outline) if options.boundary else [], fill, _path(outline))


def _angular(label: Label, part: Labels2D, corner: tuple[int, int]) -> Shape:
    runs = edge_runs(part == label.number) + np.tile(corner, 2)
    return Shape(QColor(*label.colour), [QLineF(*run) for run in runs.tolist()], smooth=False)


def _pieces(lines: Lines) -> list[QLineF]:
    """The straight pieces that lines are made of."""
    ends = np.concatenate([lines.points[:-1], lines.points[1:]], axis=1)
    between = lines.starts[1:-1] - 1  # from the end of a line to the beginning of the next
    return [QLineF(*piece) for piece in np.delete(ends, between, axis=0).tolist()]


def _path(lines: Lines) -> QPainterPath:
    """All lines as one path, handed over in Qt's own serial form: point by point it takes ten times as long."""
    count = len(lines.points)
    elements = np.empty(count, _PATH_ELEMENT)
    elements["kind"] = QPainterPath.ElementType.LineToElement.value
    elements["kind"][lines.starts[:-1]] = QPainterPath.ElementType.MoveToElement.value
    elements["x"], elements["y"] = lines.points.T
    last = int(lines.starts[-2]) if len(lines) else 0
    fill = Qt.FillRule.OddEvenFill.value
    serial = struct.pack(">i", count) + elements.tobytes() + struct.pack(">ii", last, fill)
    path = QPainterPath()
    if count:
        QDataStream(QByteArray(serial)) >> path
    return path


def _image(pixels: npt.NDArray[np.uint8]) -> QImage:
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def truth_path(truth: Labels2D, outline: BoundaryStyle) -> QPainterPath | None:
    """The closed outlines of ground truth [rows, columns], drawn like the mask's; None where the slice has none."""
    found = rendering.bounds(truth)
    if found is None:
        return None
    top, bottom, left, right = found
    inside = truth[top:bottom, left:right] > 0
    if outline is BoundaryStyle.SMOOTH:
        return _path(smooth_loops(inside).moved(left, top))
    path = QPainterPath()
    for loop in loops(inside):
        corners = [QPointF(x + left, y + top) for x, y in loop.tolist()]
        path.addPolygon(QPolygonF([*corners, corners[0]]))
    return path
