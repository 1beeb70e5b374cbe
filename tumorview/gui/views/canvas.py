"""Puts one frame of a slice view together: greys, mask, crosshair, texts, brush."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen, QTransform

from tumorview.app.tool_options import Tool
from tumorview.core.tools import Shape
from tumorview.gui.views.annotations import MARGIN, AnnotationPainter, Annotations
from tumorview.gui.views.colour_bar import paint_colour_bar
from tumorview.gui.views.corner_texts import annotations_of
from tumorview.gui.views.layers import OverlayPicture, Recent
from tumorview.gui.views.slice_source import HeatKey
from tumorview.gui.views.viewport import Viewport

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

CIRCLE_COLOUR = QColor(255, 255, 255)
CIRCLE_SHADOW = QColor(0, 0, 0, 150)
CIRCLE_MARGIN = 8  # device pixels
CROSSHAIR_COLOUR = QColor(120, 200, 255, 190)
CROSSHAIR_GAP = 10
MINIMAP_SHARE = 0.18  # of the view's shorter side
MINIMAP_LIMIT = 140.0  # pixels
MINIMAP_SMALLEST = 48.0  # pixels: below, it would show nothing
MINIMAP_TOP = 34.0  # pixels: under the badge
MINIMAP_EDGE = QColor(110, 114, 122)
MINIMAP_PART = QColor(120, 200, 255)
DROP_FRAME = 3


@dataclass(frozen=True)
class Scene:
    """What a kept frame shows: two equal ones look the same."""

    greys: object  # which greys, and how they lie on the screen
    overlay: OverlayPicture | None
    boundary_width: int
    texts: Annotations
    heat: HeatKey | None
    part: tuple[float, float, float, float]  # of the slice, for the minimap


class Canvas:
    """Paints a SliceView and keeps the last whole frame, and the greys as they lie on the screen where that pays."""

    def __init__(self, font: QFont) -> None:
        self._texts = AnnotationPainter(font)
        self._circles: Recent[QImage] = Recent(2)
        self._minimaps: Recent[QImage] = Recent(8)
        self._lines: Recent[QImage] = Recent(4)  # of the crosshair
        self._backdrop: QImage | None = None
        self._backdrop_key: object = None
        self._scene: QImage | None = None
        self._scene_key: Scene | None = None

    def set_font(self, font: QFont) -> None:
        """Write in ``font``."""
        self._texts.set_font(font)

    def forget(self) -> None:
        """Let go of every picture: there is nothing to show, and perhaps nobody looks for a while."""
        self._backdrop = self._backdrop_key = self._scene = self._scene_key = None
        self._minimaps.clear()

    def paint(self, painter: QPainter, view: "SliceView", *, whole: bool) -> None:
        """Paint what ``view`` shows. ``whole``: not only a part of the widget."""
        plane_view = view.plane_view
        if plane_view is None:
            painter.fillRect(view.rect(), Qt.GlobalColor.black)
            self._texts.paint_middle(painter, QSizeF(view.size()), view.empty_text)
            paint_frame(painter, view)
            return
        transform = slice_transform(view.viewport)
        grey = view.source.grey(view.current_index)
        greys = (grey.cacheKey(), transform, view.size(), view.devicePixelRatioF(), view.smooth)
        overlay = view.source.overlay(view.current_index, view.overlay) if view.overlay_shown else None
        texts = annotations_of(view, plane_view)
        heat = None if overlay is None else view.source.heat_key(view.overlay)
        scene = Scene(greys, overlay, view.overlay.boundary_width, texts, heat, view.viewport.part)
        if whole and scene != self._scene_key:
            self._scene = _image(view.size(), view.devicePixelRatioF(), self._scene)  # the greys cover it
            on_scene = QPainter(self._scene)
            on_scene.setFont(painter.font())
            self._paint_scene(on_scene, view, grey, transform, scene)
            on_scene.end()
            self._scene_key = scene
        if self._scene is not None and scene == self._scene_key:
            painter.drawImage(QPointF(0, 0), self._scene)
        else:
            self._paint_scene(painter, view, grey, transform, scene)
        if view.crosshair and not view.off_slice:
            self._paint_crosshair(painter, view)
        for layer in view.layers:
            layer.paint(painter, view)
        if not view.circle.isEmpty():
            square = view.session.brush.shape is Shape.SQUARE
            self._paint_circle(painter, view.circle, erasing=view.tool is Tool.ERASE, square=square)
        paint_frame(painter, view)

    def _paint_scene(
        self, painter: QPainter, view: "SliceView", grey: QImage, transform: QTransform, scene: "Scene"
    ) -> None:
        """Everything that stays while only crosshair and brush move."""
        self._paint_greys(painter, view, grey, transform, scene.greys)
        if scene.overlay is not None:
            painter.save()
            painter.setTransform(transform, combine=True)
            scene.overlay.paint(painter, scene.boundary_width)
            painter.restore()
        picture = transform.mapRect(QRectF(0, 0, view.viewport.columns, view.viewport.rows))
        self._texts.paint(painter, QSizeF(view.size()), picture, scene.texts)
        if scene.heat is not None:
            paint_colour_bar(painter, self._texts, QSizeF(view.size()), scene.heat)
        if not view.viewport.whole:
            self._paint_minimap(painter, view)

    def _paint_minimap(self, painter: QPainter, view: "SliceView") -> None:
        place = minimap_place(view)
        if place.isEmpty():
            return
        grey = view.source.grey(view.current_index)
        ratio = painter.device().devicePixelRatioF()
        key = (grey.cacheKey(), place.width(), place.height(), ratio)
        small = self._minimaps.get(key, lambda: _shrunk(grey, place, ratio))
        painter.drawImage(place.topLeft(), small)
        left, top, width, height = view.viewport.part
        painter.setPen(QPen(MINIMAP_EDGE, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(place)
        painter.setPen(QPen(MINIMAP_PART, 1))
        painter.drawRect(
            QRectF(
                place.left() + left * place.width(),
                place.top() + top * place.height(),
                max(width * place.width(), 2.0),
                max(height * place.height(), 2.0),
            )
        )

    def _paint_crosshair(self, painter: QPainter, view: "SliceView") -> None:
        # Images of one colour: Qt's raster engine blends them far faster than translucent lines and rectangles.
        x, y = (math.floor(value) for value in view.viewport.to_widget(*view.place))
        across = self._lines.get((view.width(), 1), lambda: _line(view.width(), 1))
        down = self._lines.get((1, view.height()), lambda: _line(1, view.height()))
        edge = self._texts.edge  # at first it runs through the letters
        for start, end in ((edge, x - CROSSHAIR_GAP), (x + CROSSHAIR_GAP, view.width() - edge)):
            if start < end:
                painter.drawImage(start, y, across, 0, 0, end - start, 1)
        for start, end in ((edge, y - CROSSHAIR_GAP), (y + CROSSHAIR_GAP, view.height() - edge)):
            if start < end:
                painter.drawImage(x, start, down, 0, 0, 1, end - start)

    def _paint_circle(self, painter: QPainter, circle: QRectF, *, erasing: bool, square: bool) -> None:
        # Smooth circles are slow to draw; the same one moves with the pointer for many frames.
        ratio = painter.device().devicePixelRatioF()
        diameter = max(round(circle.width() * ratio), 1)
        key = (diameter, ratio, erasing, square)
        image = self._circles.get(key, lambda: _circle_image(diameter, ratio, erasing=erasing, square=square))
        left = round(circle.left() * ratio) - CIRCLE_MARGIN
        top = round(circle.top() * ratio) - CIRCLE_MARGIN
        painter.drawImage(QPointF(left / ratio, top / ratio), image)

    def _paint_greys(
        self, painter: QPainter, view: "SliceView", grey: QImage, transform: QTransform, key: object
    ) -> None:
        # Kept when they are wanted again: strokes, opacity and labels then repaint without scaling them. While one
        # scrolls they never are, and a picture more would be made and copied for nothing.
        if key != self._backdrop_key:
            self._backdrop, self._backdrop_key = None, key
            _scale(painter, grey, view, transform)
            return
        if self._backdrop is None:
            self._backdrop = _image(view.size(), view.devicePixelRatioF())
            on_backdrop = QPainter(self._backdrop)
            _scale(on_backdrop, grey, view, transform)
            on_backdrop.end()
        painter.drawImage(QPointF(0, 0), self._backdrop)


def slice_transform(viewport: Viewport) -> QTransform:
    """From edge coordinates of the slice (pixel [0, 0] spans 0..1) to widget pixels."""
    height, width = viewport.pixel_size
    x, y = viewport.origin
    return QTransform(width, 0, 0, height, x, y)


def _scale(painter: QPainter, grey: QImage, view: "SliceView", transform: QTransform) -> None:
    painter.fillRect(view.rect().adjusted(0, 0, 1, 1), Qt.GlobalColor.black)  # at a ratio like 1.25 a bit is left over
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=view.smooth)
    painter.setTransform(transform, combine=True)
    painter.drawImage(QPointF(0, 0), grey)
    painter.restore()


def minimap_place(view: "SliceView") -> QRectF:
    """Where the whole slice is shown small, under the badge; empty in a view too small for it."""
    side = min(MINIMAP_SHARE * min(view.width(), view.height()), MINIMAP_LIMIT)
    if side < MINIMAP_SMALLEST:
        return QRectF()
    row_mm, column_mm = view.viewport.spacing
    height, width = view.viewport.rows * row_mm, view.viewport.columns * column_mm
    scale = side / max(height, width)
    size = QSizeF(max(round(width * scale), 1), max(round(height * scale), 1))
    return QRectF(QPointF(view.width() - size.width() - MARGIN - 1, MINIMAP_TOP), size)


def paint_frame(painter: QPainter, view: "SliceView") -> None:
    """The mark of the active view, and of the one that a series would be dropped into."""
    if not (view.active or view.drop_target):
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    width = DROP_FRAME if view.drop_target else 1
    painter.setPen(QPen(view.palette().highlight().color(), width))
    half = width / 2
    painter.drawRect(QRectF(half, half, view.width() - width, view.height() - width))


def _image(size: QSize, ratio: float, used: QImage | None = None) -> QImage:
    # Rounded up: at a ratio like 1.25 nothing may be left over at the edges.
    pixels = QSize(math.ceil(size.width() * ratio), math.ceil(size.height() * ratio))
    if used is not None and used.size() == pixels and used.devicePixelRatio() == ratio:
        return used
    image = QImage(pixels, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    return image


def _shrunk(grey: QImage, place: QRectF, ratio: float) -> QImage:
    size = (place.size() * ratio).toSize()
    smooth = Qt.TransformationMode.SmoothTransformation
    small = grey.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
    small.setDevicePixelRatio(ratio)
    return small


def _line(width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(CROSSHAIR_COLOUR)
    return image


def _circle_image(diameter: int, ratio: float, *, erasing: bool, square: bool) -> QImage:
    """The outline of a round or square brush ``diameter`` device pixels across, with a margin for its line."""
    side = diameter + 2 * CIRCLE_MARGIN
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    circle = QRectF(CIRCLE_MARGIN, CIRCLE_MARGIN, diameter, diameter)
    draw = painter.drawRect if square else painter.drawEllipse
    painter.setPen(QPen(CIRCLE_SHADOW, 3.0 * ratio))
    draw(circle)
    painter.setPen(QPen(CIRCLE_COLOUR, 1.2 * ratio, Qt.PenStyle.DashLine if erasing else Qt.PenStyle.SolidLine))
    draw(circle)
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image
