"""One plane of the active series with the mask over it.

Painted by hand with QPainter from QImages instead of a plotting library's scene: every pixel is where the geometry
puts it, boundaries are screen pixels wide at any zoom, a brush move repaints only what it touched, and nothing but
Qt and the core renderer (which writes the PNG export too) stands between a voxel and the screen.
"""

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QSizePolicy, QTextEdit, QWidget

from tumorview.app.mouse import MousePreset
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Preset
from tumorview.core.rendering import Window
from tumorview.core.slicing import Plane, PlaneView
from tumorview.gui.views.canvas import Canvas
from tumorview.gui.views.gestures import Gestures
from tumorview.gui.views.paint_hints import grid_notice, why_not_paint
from tumorview.gui.views.session_follower import SessionFollower
from tumorview.gui.views.slice_source import SliceSource
from tumorview.gui.views.values import OverlayOptions, Tool, Voxel
from tumorview.gui.views.viewport import Viewport

TYPING = (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit)
REPAINT_MARGIN = 4  # pixels around a changed place that lines may reach


class SliceView(QWidget):
    """Shows ``session.active_series`` in ``plane`` with ``session.shown`` over it, and paints into the mask."""

    cursor_moved = Signal(object)  # CursorInfo, or None outside the image
    slice_changed = Signal(int)
    window_changed = Signal(object)  # Window
    brush_radius_changed = Signal(float)  # mm
    maximise_requested = Signal()
    hinted = Signal(str)  # why a gesture did nothing
    menu_requested = Signal(QPoint)  # a right click without a drag, or the menu key

    def __init__(
        self, session: Session, reading: Reading, plane: Plane = Plane.AXIAL, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"view_{plane.value}")
        self.setAccessibleName(f"{plane.value.capitalize()} view")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.session = session
        self.reading = reading
        self.plane = plane
        self.source = SliceSource(session, reading, plane)
        self.viewport = Viewport()
        self._gestures = Gestures(self)
        self._canvas = Canvas(self.font())
        self._index = 0
        self._publishing = False
        self.place = (0.0, 0.0)  # row and column of the crosshair
        self._tool = Tool.NAVIGATE
        self._overlay = OverlayOptions()
        self.smooth = True
        self._crosshair = False
        self._peeking = False
        self._pointer: QPointF | None = None
        self.circle = QRectF()  # the outline of the brush under the pointer
        self._follower = SessionFollower(self)

    def sizeHint(self) -> QSize:
        return QSize(512, 512)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 120)

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def plane_view(self) -> PlaneView | None:
        """How the shown series is laid on the screen; None while nothing is open."""
        return self.source.view

    @property
    def current_index(self) -> int:
        """Slice number along the plane's normal, from 0."""
        return self._index

    @property
    def current_voxel(self) -> Voxel:
        """Voxel (k, j, i) under the crosshair."""
        return self.source.voxel(self._index, *self.place) or (0, 0, 0)

    def go_to(self, k: float, j: float, i: float) -> None:
        """Show the slice of voxel (k, j, i) of the shown series and put the crosshair on it."""
        self.look_at((k, j, i))
        self._publish()

    def show_slice(self, index: int) -> None:
        """Show slice ``index``; beyond the ends the first or last."""
        if self.plane_view is not None and self._look(index, self.place):
            self._publish()

    def look_at(self, kji: Sequence[float]) -> None:
        """As ``go_to``, for this view alone."""
        if self.plane_view is not None:
            index, row, column = self.plane_view.from_voxel(kji)
            self._look(index, (row, column))

    def follow(self) -> None:
        """Show where the crosshair is for all views."""
        series = self.source.series
        found = None if series is None else self.reading.index_in(series)
        if found is not None and not self._publishing:
            self.look_at(found)

    def _look(self, index: float, place: tuple[float, float]) -> bool:
        """Show the nearest slice, with the crosshair at ``place`` (row, column); False where it was shown before."""
        assert self.plane_view is not None
        nearest = min(max(math.floor(index + 0.5), 0), self.plane_view.count - 1)
        if (nearest, place) != (self._index, self.place):
            self.update()
        self.place = place
        if nearest == self._index:
            return False
        self._gestures.end_stroke()  # a stroke belongs to one slice
        self._index = nearest
        self.slice_changed.emit(nearest)
        self._report_cursor()
        return True

    def _publish(self) -> None:
        series, view = self.source.series, self.plane_view
        if series is None or view is None or not self.reading.linked:
            return
        self._publishing = True  # what is shown here is exact; following oneself would only add rounding
        self.reading.move_to(view.geometry.index_to_world(view.to_voxel(self._index, *self.place)).tolist(), series)
        self._publishing = False

    def start_over(self) -> None:
        """Another study: its middle slice, fitted."""
        self.viewport.reset()
        view = self.plane_view
        if view is not None:
            self._index = -1  # so that listeners hear of the slice whatever its number
            self.look_at([(extent - 1) // 2 for extent in view.geometry.shape])
            self.follow()

    def step(self, n: int) -> None:
        """Go ``n`` slices on (back if negative)."""
        self.show_slice(self._index + n)

    def next_tumour(self, step: int) -> None:
        """Jump to the nearest slice with a label, forward (1) or back (-1)."""
        found = self.source.next_labelled(self._index, step)
        if found is None:
            self.hinted.emit("No further slice with tumour in this direction.")
        else:
            self.show_slice(found)

    @property
    def window(self) -> Window:  # type: ignore[override]  # hides QWidget.window(), which nobody needs of a view
        """Window/level of the shown series."""
        return self.source.window

    def set_window(self, window: Window) -> None:
        """Show the series with ``window`` from now on."""
        if self.source.series is not None:
            self.reading.set_window(self.source.series, window)

    def set_preset(self, preset: Preset) -> None:
        """Show the series with the window of ``preset``."""
        if self.source.series is not None and not self.reading.set_preset(self.source.series, preset):
            self.hinted.emit("This file brings no window of its own.")

    def set_colour_map(self, colour_map: ColourMap) -> None:
        """Show the series in the colours of ``colour_map``."""
        if self.source.series is not None:
            self.reading.set_colour_map(self.source.series, colour_map)

    @property
    def intensity_range(self) -> float:
        """Width of the automatic window: what a drag of window/level is scaled by."""
        return self.source.auto_window.width

    @property
    def inverted(self) -> bool:
        """Whether black is shown white."""
        return self.source.inverted

    def set_inverted(self, inverted: bool) -> None:
        """Show black white and white black, or not."""
        if self.source.series is not None:
            self.reading.set_inverted(self.source.series, inverted)

    def set_smooth(self, smooth: bool) -> None:
        """Show greys interpolated, or every voxel as it is; the mask is never smoothed."""
        self.smooth = smooth
        self.update()

    @property
    def overlay(self) -> OverlayOptions:
        """How the mask is drawn."""
        return self._overlay

    def set_overlay(self, options: OverlayOptions) -> None:
        """Draw the mask as ``options`` say."""
        if options != self._overlay:
            self._overlay = options
            self.update()

    @property
    def overlay_shown(self) -> bool:
        """Whether the mask can be seen now."""
        return self._overlay.visible and not self._peeking

    def set_peeking(self, *, peeking: bool) -> None:
        """Hide the mask for as long as a key is held."""
        if peeking != self._peeking:
            self._peeking = peeking
            self.update()

    @property
    def crosshair(self) -> bool:
        """Whether the crosshair is shown."""
        return self._crosshair

    def set_crosshair(self, *, shown: bool) -> None:
        """Show or hide the crosshair."""
        self._crosshair = shown
        self.update()

    def reset_view(self) -> None:
        """Fit the whole slice into the view."""
        self.viewport.reset()
        self.update()

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by pixels."""
        self.viewport.pan(dx, dy)
        self.update()

    def zoom_about(self, place: QPointF, factor: float) -> None:
        """Enlarge; what lies under ``place`` stays there."""
        self.viewport.zoom_about(place.x(), place.y(), factor)
        self.update()

    # -- places ------------------------------------------------------------------------------------------------

    def voxel_to_widget(self, k: float, j: float, i: float) -> QPoint:
        """Where the middle of voxel (k, j, i) is, or would be in its own slice."""
        if self.plane_view is None:
            return QPoint()
        _, row, column = self.plane_view.from_voxel((k, j, i))
        x, y = self.viewport.to_widget(row, column)
        return QPoint(math.floor(x), math.floor(y))

    def widget_to_voxel(self, place: QPoint) -> Voxel | None:
        """The voxel (k, j, i) of the shown slice under a widget position; None beside the image."""
        # The middle of the pixel, so that the inverse of voxel_to_widget is exact down to voxels of one pixel.
        return self.voxel_under(QPointF(place) + QPointF(0.5, 0.5))

    def voxel_under(self, place: QPointF) -> Voxel | None:
        """The voxel (k, j, i) of the shown slice under an exact position; None beside the image."""
        return self.source.voxel(self._index, *self.viewport.to_slice(place.x(), place.y()))

    def point_at(self, place: QPointF) -> None:
        """Put the crosshair on what lies under ``place``."""
        voxel = self.voxel_under(place)
        if voxel is not None:
            self.go_to(*voxel)

    # -- tools -------------------------------------------------------------------------------------------------

    @property
    def tool(self) -> Tool:
        """What the left button does."""
        return self._tool

    def abandon_drag(self) -> None:
        """End what the mouse is doing; what it did stays."""
        self._gestures.abandon()

    def set_tool(self, tool: Tool) -> None:
        """Navigate, paint or erase with the left button."""
        self.abandon_drag()
        self._tool = tool
        self.refresh_pointer()
        self.update()

    @property
    def mouse_preset(self) -> MousePreset:
        """What the buttons do."""
        return self._gestures.preset

    def set_mouse(self, preset: MousePreset) -> None:
        """Let the buttons do what ``preset`` says."""
        self.abandon_drag()
        self._gestures.preset = preset

    def scale_brush(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        self.session.set_brush(radius=self.session.brush.radius * factor)
        self.refresh_pointer()
        self.brush_radius_changed.emit(self.session.brush.radius)

    def begin_stroke(self, *, erase: bool) -> bool:
        """Start to paint; False, with a hint, where that cannot be."""
        hint = why_not_paint(self, erase=erase)
        mask = self.session.mask
        if hint or mask is None:
            self.hinted.emit(hint)
            return False
        self.session.begin_stroke(PlaneView.of(mask.geometry, self.plane), erase=erase)
        return True

    def stroke_to(self, place: QPointF) -> None:
        """Paint on to a place of the widget."""
        self.session.stroke_to(self._index, *self.viewport.to_slice(place.x(), place.y()))

    @property
    def notice(self) -> str:
        """What the user should know before the next stroke; empty while there is nothing."""
        return grid_notice(self) if self._tool is not Tool.NAVIGATE or not self.source.masks.placed else ""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), Qt.GlobalColor.black)
        self._canvas.paint(painter, self)

    def update_around(self, area: QRectF, margin: int = REPAINT_MARGIN) -> None:
        """Repaint a part of the widget."""
        if not area.isEmpty():
            self.update(area.toAlignedRect().adjusted(-margin, -margin, margin, margin))

    # -- the pointer -------------------------------------------------------------------------------------------

    def refresh_pointer(self) -> None:
        """Show the pointer and the brush's outline as they are now."""
        paints = self._tool is not Tool.NAVIGATE and self.plane_view is not None and not self._gestures.panning
        circle = QRectF()
        if paints and self._pointer is not None and self.source.masks.on_own_grid:
            radius = self.session.brush.radius * self.viewport.scale
            circle = QRectF(self._pointer.x() - radius, self._pointer.y() - radius, 2 * radius, 2 * radius)
        if circle != self.circle:
            for old_or_new in (self.circle, circle):
                self.update_around(old_or_new)
            self.circle = circle
        if self._gestures.panning:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor if paints else Qt.CursorShape.ArrowCursor)

    def _report_cursor(self) -> None:
        voxel = None if self._pointer is None else self.voxel_under(self._pointer)
        self.cursor_moved.emit(None if voxel is None else self.source.read(voxel))

    # -- events of Qt ------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # While a button is down, Esc ends the stroke; it must not reach the shortcut that puts the brush away.
        if event.type() == QEvent.Type.ShortcutOverride and self._gestures.dragging:
            key_event = event
            assert isinstance(key_event, QKeyEvent)
            if key_event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        self._gestures.press(event)
        self.refresh_pointer()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        self._gestures.move(event)
        self.refresh_pointer()
        self._report_cursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._gestures.release(event)
        self.refresh_pointer()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._tool is Tool.NAVIGATE:
            self.maximise_requested.emit()
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._pointer = event.position()
        self._gestures.wheel(event)
        self.refresh_pointer()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:  # the mouse's comes with the release
            self.menu_requested.emit(self.rect().center())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._gestures.press_key(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._gestures.release_key(event):
            super().keyReleaseEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        # The keys that are held (G, Space) belong to the view under the hand, but never to someone who types.
        if self.isActiveWindow() and not isinstance(QApplication.focusWidget(), TYPING):
            self.setFocus(Qt.FocusReason.MouseFocusReason)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._gestures.end_stroke()
        self._pointer = None
        self.refresh_pointer()
        self.cursor_moved.emit(None)
        super().leaveEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._gestures.let_go()
        self.refresh_pointer()
        super().focusOutEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.viewport.resize(self.width(), self.height())
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.FontChange:
            self._canvas.set_font(self.font())
            self.update()
        super().changeEvent(event)
