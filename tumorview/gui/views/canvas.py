"""Puts one frame of a slice view together: greys, mask, crosshair, texts, brush."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen, QTransform

from tumorview.core.slicing import PlaneView
from tumorview.gui.views.annotations import (
    AMBER,
    QUIET,
    SMALL_VIEW,
    AnnotationPainter,
    Annotations,
    Line,
    comparison_legend,
    position_text,
    series_line,
    window_text,
)
from tumorview.gui.views.layers import Recent
from tumorview.gui.views.values import Tool
from tumorview.gui.views.viewport import Viewport

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

CIRCLE_COLOUR = QColor(255, 255, 255)
CIRCLE_SHADOW = QColor(0, 0, 0, 150)
CIRCLE_MARGIN = 8  # device pixels
CROSSHAIR_COLOUR = QColor(120, 200, 255, 190)
CROSSHAIR_GAP = 10


class Canvas:
    """Paints a SliceView and keeps the greys as they lie on the screen."""

    def __init__(self, font: QFont) -> None:
        self._texts = AnnotationPainter(font)
        self._circles: Recent[QImage] = Recent(2)
        self._backdrop: QImage | None = None
        self._backdrop_key: object = None

    def set_font(self, font: QFont) -> None:
        """Write in ``font``."""
        self._texts.set_font(font)

    def paint(self, painter: QPainter, view: "SliceView") -> None:
        """Paint what ``view`` shows; its background is black already."""
        plane_view = view.plane_view
        if plane_view is None:
            self._backdrop = None
            return
        transform = slice_transform(view.viewport)
        painter.drawImage(QPointF(0, 0), self._greys(view, transform))
        if view.overlay_shown:
            painter.setTransform(transform, combine=True)
            view.source.overlay(view.current_index, view.overlay).paint(painter, view.overlay.boundary_width)
            painter.resetTransform()
        if view.crosshair:
            _paint_crosshair(painter, view)
        picture = transform.mapRect(QRectF(0, 0, view.viewport.columns, view.viewport.rows))
        self._texts.paint(painter, QSizeF(view.size()), picture, annotations_of(view, plane_view))
        if not view.circle.isEmpty():
            self._paint_circle(painter, view.circle, erasing=view.tool is Tool.ERASE)

    def _paint_circle(self, painter: QPainter, circle: QRectF, *, erasing: bool) -> None:
        # Smooth circles are slow to draw; the same one moves with the pointer for many frames.
        ratio = painter.device().devicePixelRatioF()
        diameter = max(round(circle.width() * ratio), 1)
        image = self._circles.get((diameter, ratio, erasing), lambda: _circle_image(diameter, ratio, erasing=erasing))
        left = round(circle.left() * ratio) - CIRCLE_MARGIN
        top = round(circle.top() * ratio) - CIRCLE_MARGIN
        painter.drawImage(QPointF(left / ratio, top / ratio), image)

    def _greys(self, view: "SliceView", transform: QTransform) -> QImage:
        # Strokes, opacity and labels repaint without scaling the greys again.
        grey = view.source.grey(view.current_index)
        ratio = view.devicePixelRatioF()
        key = (grey.cacheKey(), transform, view.size(), ratio, view.smooth)
        if self._backdrop is None or self._backdrop_key != key:
            self._backdrop, self._backdrop_key = _scaled(grey, view, transform, ratio), key
        return self._backdrop


def slice_transform(viewport: Viewport) -> QTransform:
    """From edge coordinates of the slice (pixel [0, 0] spans 0..1) to widget pixels."""
    height, width = viewport.pixel_size
    x, y = viewport.origin
    return QTransform(width, 0, 0, height, x, y)


def annotations_of(view: "SliceView", plane_view: PlaneView) -> Annotations:
    """What is written over the slice that ``view`` shows."""
    geometry, series, study = plane_view.geometry, view.source.series, view.session.study
    assert series is not None
    wide = view.width() >= SMALL_VIEW
    role = study.role_of(series) if study is not None else series.role
    top_left = [Line(view.reading.identity)] if wide and view.reading.identity else []
    top_left.append(Line(series_line(role, series.description if wide else "")))
    top_left.append(Line(f"{view.current_index + 1} / {plane_view.count}"))
    position = position_text(plane_view, view.current_index)
    if position:
        top_left.append(Line(position))
    badge = Line("RADIOLOGICAL", QUIET) if geometry.oriented else Line("NO ORIENTATION", AMBER)
    return Annotations(
        letters=plane_view.letters,
        top_left=tuple(top_left),
        top_right=(badge,) if wide or not geometry.oriented else (),
        bottom_left=(*_legend(view, plane_view), *_readings(view)),
        mm_to_pixels=view.viewport.scale if geometry.calibrated else None,
        notice=view.notice,
    )


def _legend(view: "SliceView", plane_view: PlaneView) -> tuple[Line, ...]:
    if view.session.truth is None or not view.overlay_shown or not view.source.masks.placed:
        return ()
    if view.overlay.compare:
        return comparison_legend()
    picture = view.source.overlay(view.current_index, view.overlay)
    return () if picture.truth is None else (Line("╌╌ ground truth"),)


def _readings(view: "SliceView") -> tuple[Line, ...]:
    inverted = "  inverted" if view.inverted else ""
    return Line(window_text(view.window) + inverted, QUIET), Line(f"Zoom {view.viewport.zoom * 100:.0f} %", QUIET)


def _scaled(grey: QImage, view: "SliceView", transform: QTransform, ratio: float) -> QImage:
    image = QImage(view.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=view.smooth)
    painter.setTransform(transform, combine=True)
    painter.drawImage(QPointF(0, 0), grey)
    painter.end()
    return image


def _paint_crosshair(painter: QPainter, view: "SliceView") -> None:
    place = view.voxel_to_widget(*view.current_voxel)
    x, y, gap = place.x(), place.y(), CROSSHAIR_GAP
    painter.setPen(QPen(CROSSHAIR_COLOUR, 1))
    painter.drawLine(0, y, x - gap, y)
    painter.drawLine(x + gap, y, view.width(), y)
    painter.drawLine(x, 0, x, y - gap)
    painter.drawLine(x, y + gap, x, view.height())


def _circle_image(diameter: int, ratio: float, *, erasing: bool) -> QImage:
    """The outline of a brush ``diameter`` device pixels across, with a margin for its line."""
    side = diameter + 2 * CIRCLE_MARGIN
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    circle = QRectF(CIRCLE_MARGIN, CIRCLE_MARGIN, diameter, diameter)
    painter.setPen(QPen(CIRCLE_SHADOW, 3.0 * ratio))
    painter.drawEllipse(circle)
    painter.setPen(QPen(CIRCLE_COLOUR, 1.2 * ratio, Qt.PenStyle.DashLine if erasing else Qt.PenStyle.SolidLine))
    painter.drawEllipse(circle)
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image
