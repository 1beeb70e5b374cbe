"""One plane of a series with the mask over it.

Painted by hand with QPainter from QImages instead of a plotting library's scene: every pixel is where the geometry
puts it, boundaries are screen pixels wide at any zoom, a brush move repaints only what it touched, and nothing but
Qt and the core renderer (which writes the PNG export too) stands between a voxel and the screen.
"""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from tumorview.app.mouse import MousePreset
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.app.tool_options import Tool
from tumorview.core.slicing import Plane, PlaneView
from tumorview.gui.views.canvas import Canvas
from tumorview.gui.views.gestures import Gestures
from tumorview.gui.views.paint_hints import grid_notice, why_not_paint
from tumorview.gui.views.series_drag import dragged_series
from tumorview.gui.views.session_follower import SessionFollower
from tumorview.gui.views.slice_pane import SlicePane
from tumorview.gui.views.view_layer import ViewLayer

TYPING = (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit)
REPAINT_MARGIN = 4  # pixels around a changed place that lines may reach


class SliceView(SlicePane):
    """A SlicePane that is painted, and that a hand steers and paints into."""

    cursor_moved = Signal(object)  # CursorInfo, or None outside the image
    brush_radius_changed = Signal(float)  # mm
    maximise_requested = Signal()
    menu_requested = Signal(QPoint)  # a right click without a drag, or the menu key
    touched = Signal()  # a button went down or the wheel turned
    resized = Signal()
    series_dropped = Signal(object)  # Series

    def __init__(
        self, session: Session, reading: Reading, plane: Plane = Plane.AXIAL, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, reading, plane, parent)
        self.setObjectName(f"view_{plane.value}")
        self.setAccessibleName(f"{plane.value.capitalize()} view")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self._gestures = Gestures(self)
        self._canvas = Canvas(self.font())
        self._tool = Tool.NAVIGATE
        self._pointer: QPointF | None = None
        self.layers: list[ViewLayer] = []  # over the picture, the last on top
        self.circle = QRectF()  # the outline of the brush under the pointer
        self.painting = False  # whether the stroke that is under way is this view's
        self.drop_target = False  # whether a series hovers over it
        self.slice_changed.connect(lambda _: self._report_cursor() if self._pointer is not None else None)
        self._follower = SessionFollower(self)

    # -- tools -------------------------------------------------------------------------------------------------

    @property
    def tool(self) -> Tool:
        """What the left button does."""
        return self._tool

    def left_slice(self) -> None:
        """A stroke belongs to one slice."""
        self._gestures.end_stroke()
        for layer in self.layers:
            layer.leave(self)

    def point_at(self, place: QPointF) -> None:
        """Put the crosshair on what lies under ``place``."""
        voxel = self.voxel_under(place)
        if voxel is not None:
            self.go_to(*voxel)

    def abandon_drag(self) -> None:
        """End what the mouse is doing; what it did stays."""
        self._gestures.abandon()

    @property
    def panning(self) -> bool:
        """Whether the left button pans for now."""
        return self._gestures.panning

    def set_tool(self, tool: Tool) -> None:
        """What the left button does from now on."""
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
        self.painting = True
        smart = self._tool is Tool.SMART_BRUSH and not erase and self.series is not None
        greys = self.series.volume.data if smart and self.series is not None else None
        self.session.begin_stroke(PlaneView.of(mask.geometry, self.plane, self.turn), erase=erase, smart_on=greys)
        return True

    def end_stroke(self) -> None:
        """End the stroke: one step that can be undone."""
        self.session.end_stroke()
        self.painting = False

    def stroke_to(self, place: QPointF) -> None:
        """Paint on to a place of the widget."""
        self.session.stroke_to(self._index, *self.viewport.to_slice(place.x(), place.y()))

    @property
    def notice(self) -> str:
        """What the user should know before the next stroke; empty while there is nothing."""
        return grid_notice(self) if self._tool is not Tool.NAVIGATE or not self.source.masks.placed else ""

    def forget_pictures(self) -> None:
        """Free what was kept for quick repaints."""
        self._canvas.forget()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._canvas.paint(painter, self, whole=event.rect() == self.rect())

    def update_around(self, area: QRectF, margin: int = REPAINT_MARGIN) -> None:
        """Repaint a part of the widget."""
        if not area.isEmpty():
            self.update(area.toAlignedRect().adjusted(-margin, -margin, margin, margin))

    # -- the pointer -------------------------------------------------------------------------------------------

    def refresh_pointer(self) -> None:
        """Show the pointer and the brush's outline as they are now."""
        works = self._tool is not Tool.NAVIGATE and self.plane_view is not None and not self._gestures.panning
        circle = QRectF()
        if works and self._tool.paints and self._pointer is not None and self.source.masks.on_own_grid:
            radius = self.session.brush.radius * self.viewport.scale
            circle = QRectF(self._pointer.x() - radius, self._pointer.y() - radius, 2 * radius, 2 * radius)
        if circle != self.circle:
            for old_or_new in (self.circle, circle):
                self.update_around(old_or_new)
            self.circle = circle
        if self._gestures.panning:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            shapes = [shape for layer in reversed(self.layers) if (shape := layer.cursor(self)) is not None]
            self.setCursor(next(iter(shapes), Qt.CursorShape.CrossCursor if works else Qt.CursorShape.ArrowCursor))

    def _escape_ends_something(self) -> bool:
        return self._gestures.dragging or any(layer.wants_escape(self) for layer in self.layers)

    def _report_cursor(self) -> None:
        voxel = None if self._pointer is None else self.voxel_under(self._pointer)
        self.cursor_moved.emit(None if voxel is None else self.source.read(voxel))

    # -- events of Qt ------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # What Esc ends here must not reach the shortcut that puts the tool away.
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape and self._escape_ends_something():
                event.accept()
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.touched.emit()
        self._pointer = event.position()
        if self._gestures.dragging or not any(layer.press(self, event) for layer in reversed(self.layers)):
            self._gestures.press(event)
        self.refresh_pointer()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._gestures.dragging or not any(layer.move(self, event) for layer in reversed(self.layers)):
            self._gestures.move(event)
        self.refresh_pointer()
        self._report_cursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._gestures.dragging or not any(layer.release(self, event) for layer in reversed(self.layers)):
            self._gestures.release(event)
        self.refresh_pointer()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if any(layer.press(self, event) for layer in reversed(self.layers)):
            self.refresh_pointer()
        elif event.button() == Qt.MouseButton.LeftButton and self._tool is Tool.NAVIGATE:
            self.maximise_requested.emit()
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.touched.emit()
        self._pointer = event.position()
        self._gestures.wheel(event)
        self.refresh_pointer()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:  # the mouse's comes with the release
            self.menu_requested.emit(self.rect().center())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not (any(layer.press_key(self, event) for layer in self.layers) or self._gestures.press_key(event)):
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
        for layer in self.layers:
            layer.leave(self)
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
        self.resized.emit()

    # -- a series is dragged over --------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dragged_series(event.mimeData(), self.session.study) is None:
            event.ignore()  # files are the window's
            return
        event.acceptProposedAction()
        self._mark_drop(target=True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._mark_drop(target=False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._mark_drop(target=False)
        series = dragged_series(event.mimeData(), self.session.study)
        if series is not None:
            event.acceptProposedAction()
            self.series_dropped.emit(series)

    def _mark_drop(self, *, target: bool) -> None:
        self.drop_target = target
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.FontChange:
            self._canvas.set_font(self.font())
            self.update()
        super().changeEvent(event)
