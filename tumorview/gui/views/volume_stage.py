"""The picture of the 3D view and the hands on it: turn, pan, zoom, and letters on a cube."""

import time
from typing import Protocol

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from tumorview.gui import theme
from tumorview.gui.timing import Debounce
from tumorview.gui.views.orientation_cube import SIZE as CUBE_SIZE
from tumorview.gui.views.orientation_cube import paint_cube
from tumorview.gui.views.volume_camera import DIRECTIONS, START, Camera
from tumorview.gui.views.volume_scene import SceneKeeper
from tumorview.gui.views.volume_values import NoOpenGLError, Scene

REST_MS = 250  # without a move before a picture is drawn with all its samples
SLOW_SECONDS = 0.012  # pictures that take longer are not drawn while the reader scrolls
TOO_SLOW_SECONDS = 0.1  # pictures that take longer are drawn coarser while they move
DEGREES_PER_PIXEL = 0.45
KEY_DEGREES = 15.0
WHEEL_ZOOM = 1.15
DRAG_ZOOM = 1.006  # a pixel
PICTURE_WIDTH = 1600  # pixels of an exported picture
TEXT = QColor(164, 168, 176)
SHADE = QColor(0, 0, 0, 150)  # behind texts
KEYS = "Arrow keys turn, plus and minus zoom, Home resets; Shift with A, P, L, R, S or I looks from that side"
RESEARCH_USE = "TumorView · research use only"

_DIRECTION_KEYS = {getattr(Qt.Key, f"Key_{direction.name[0]}"): direction for direction in DIRECTIONS}


_ZOOM_KEYS = {Qt.Key.Key_Plus: WHEEL_ZOOM, Qt.Key.Key_Equal: WHEEL_ZOOM, Qt.Key.Key_Minus: 1 / WHEEL_ZOOM}


class Draws(Protocol):
    """What draws the scene: a Renderer, or a test's double."""

    def draw(self, scene: Scene, camera: Camera, size: QSize, *, smooth: bool = True) -> QImage:
        """``scene`` as ``camera`` sees it."""

    def rest(self) -> None:
        """Give back what the last scene needed."""

    def close(self) -> None:
        """Give everything back."""


class VolumeStage(QWidget):
    """Shows what ``keeper`` has, drawn by ``renderer`` when something changed and at no other time."""

    maximise_requested = Signal()

    def __init__(self, keeper: SceneKeeper, renderer: Draws, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("view_3d_stage")
        self.setAccessibleName("3D picture")
        self.setAccessibleDescription(KEYS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._keeper, self._renderer = keeper, renderer
        self.camera = Camera()
        self.problem = ""
        self._picture = QImage()
        self._due = True
        self._smooth = True
        self._cost = 0.0  # seconds that a picture took lately
        self._moved = False  # the camera, by hand
        self._grip: QPointF | None = None
        self._rest = Debounce(REST_MS, self._finish, self)
        self._pause = Debounce(REST_MS // 2, self._redraw, self)
        keeper.changed.connect(self._scene_changed)
        keeper.bounds_changed.connect(self._bounds_changed)
        self._bounds_changed()

    def sizeHint(self) -> QSize:
        return QSize(512, 480)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 96)

    # -- looking -----------------------------------------------------------------------------------------------

    def look(self, camera: Camera) -> None:
        """See the patient as ``camera`` does."""
        self._moved = True
        self._set_camera(camera)

    def reset(self) -> None:
        """Everything in the picture, from in front and a little above."""
        self._moved = False
        self._fit()

    def _set_camera(self, camera: Camera) -> None:
        if camera != self.camera:
            self.camera = camera
            self._redraw()

    def _fit(self) -> None:
        bounds = self._keeper.bounds
        if bounds is None:
            return
        low, high = bounds
        x, y, z = ((low + high) / 2).tolist()
        self._set_camera(Camera((x, y, z), max(float(np.linalg.norm(high - low)) * 0.38, 1.0)).from_side(START))

    def _bounds_changed(self) -> None:
        if self._keeper.bounds is None:
            self._moved = False
            self._picture, self._due = QImage(), True
            self._renderer.rest()
        if not self._moved:
            self._fit()

    # -- drawing -----------------------------------------------------------------------------------------------

    @property
    def drawn(self) -> bool:
        """Whether the picture shows the scene as it is now, with all its samples."""
        return not self._due and self._smooth

    def picture(self, width: int = PICTURE_WIDTH) -> QImage:
        """The view as a picture of its own for export, with the cube and the notice of research use."""
        scale = max(width / max(self.width(), 1), self.devicePixelRatioF())
        size = QSize(round(self.width() * scale), round(self.height() * scale))
        result = self._renderer.draw(self._keeper.scene, self.camera, size)
        result.setDevicePixelRatio(scale)
        painter = QPainter(result)
        self._paint_over(painter)
        painter.setPen(TEXT)
        area = QRectF(self.rect()).adjusted(theme.GRID, theme.GRID, -theme.GRID, -theme.GRID)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, RESEARCH_USE)
        painter.end()
        result.setDevicePixelRatio(1.0)
        return result

    def _scene_changed(self) -> None:
        if self._cost > SLOW_SECONDS:
            self._pause.request()  # scrolling in the slices comes first
        else:
            self._redraw()

    def _redraw(self) -> None:
        self._due, self._smooth = True, False
        self._rest.request()
        self.update()

    def _finish(self) -> None:
        if not self._smooth:
            self._due = self._smooth = True
            self.update()

    def _draw(self) -> None:
        ratio = self.devicePixelRatioF()
        if not self._smooth and self._cost > TOO_SLOW_SECONDS:
            ratio = min(ratio, 1.0) * 0.6
        size = QSize(max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1))
        began = time.perf_counter()
        try:
            self._picture = self._renderer.draw(self._keeper.scene, self.camera, size, smooth=self._smooth)
            self.problem = ""
        except NoOpenGLError as error:
            self._picture, self.problem = QImage(), str(error)
        if not self._smooth:
            self._cost = 0.7 * self._cost + 0.3 * (time.perf_counter() - began)
        self._due = False

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture, drawn anew if it is out of date, and what is written over it."""
        if self._due and self._keeper.geometry is not None:
            self._draw()
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if self._keeper.geometry is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            if not self._picture.isNull():
                painter.drawImage(self.rect(), self._picture)
            self._paint_over(painter)
            if self.hasFocus():
                painter.setPen(QColor(theme.colours().accent_hover))
                painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_over(self, painter: QPainter) -> None:
        geometry = self._keeper.geometry
        if geometry is None:
            return
        painter.setFont(self.font())
        area = self.rect().adjusted(theme.GRID, theme.GRID, -theme.GRID, -theme.GRID)
        place = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        notes = "\n".join(self.notes)
        if notes:
            painter.fillRect(painter.boundingRect(area, place, notes), SHADE)
        painter.setPen(TEXT)
        painter.drawText(area, place, notes)
        if geometry.oriented and min(self.width(), self.height()) > 6 * CUBE_SIZE:
            reach = 1.9 * CUBE_SIZE
            paint_cube(painter, self.camera, QPointF(self.width() - reach, self.height() - reach), self.font())

    @property
    def notes(self) -> list[str]:
        """What the reader must know about the picture."""
        geometry, keeper = self._keeper.geometry, self._keeper
        if geometry is None:
            return []
        notes = [text for text in (self.problem, keeper.problem) if text]
        if not geometry.calibrated:
            notes.append("Slice distance unknown: depth is assumed")
        if not keeper.surfaces and keeper.up_to_date:
            notes.append("No tumour marked yet")
        return notes

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A picture of the new size."""
        super().resizeEvent(event)
        self._redraw()

    # -- hands -------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        self._grip = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Left turns, middle (or left with Shift) pans, right zooms."""
        if self._grip is None:
            return
        way = event.position() - self._grip
        self._grip = event.position()
        buttons, shifted = event.buttons(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        side = max(min(self.width(), self.height()), 1)
        if buttons & Qt.MouseButton.MiddleButton or (buttons & Qt.MouseButton.LeftButton and shifted):
            self.look(self.camera.panned(way.x() / side, way.y() / side))
        elif buttons & Qt.MouseButton.LeftButton:
            self.look(self.camera.turned(-DEGREES_PER_PIXEL * way.x(), DEGREES_PER_PIXEL * way.y()))
        elif buttons & Qt.MouseButton.RightButton:
            self.look(self.camera.zoomed(DRAG_ZOOM ** -way.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """This view alone, or all of them again."""
        self._grip = None
        if event.button() == Qt.MouseButton.LeftButton:
            self.maximise_requested.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        notches = event.angleDelta().y() / 120
        self.look(self.camera.zoomed(WHEEL_ZOOM**notches))
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Keys that mean something here are not taken for the window's shortcuts."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._camera_for(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows turn, plus and minus zoom, Home resets, Shift with a letter looks from that side."""
        camera = self._camera_for(event)
        if camera is None:
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Home:
            self.reset()
        else:
            self.look(camera)

    def _camera_for(self, event: QKeyEvent) -> Camera | None:
        """What the camera would be after that key; None for a key without a meaning here."""
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        camera = self.camera
        if modifiers == Qt.KeyboardModifier.ShiftModifier and key in _DIRECTION_KEYS:
            geometry = self._keeper.geometry
            return camera.from_side(_DIRECTION_KEYS[key]) if geometry is not None and geometry.oriented else None
        if modifiers & ~Qt.KeyboardModifier.ShiftModifier:
            return None
        if key in _ZOOM_KEYS:  # plus needs Shift on many keyboards
            return camera.zoomed(_ZOOM_KEYS[Qt.Key(key)])
        if modifiers:
            return None
        turns = {
            Qt.Key.Key_Left: (KEY_DEGREES, 0.0),
            Qt.Key.Key_Right: (-KEY_DEGREES, 0.0),
            Qt.Key.Key_Up: (0.0, KEY_DEGREES),
            Qt.Key.Key_Down: (0.0, -KEY_DEGREES),
            Qt.Key.Key_Home: (0.0, 0.0),
        }
        return camera.turned(*turns[Qt.Key(key)]) if key in turns else None

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the focus."""
        super().focusOutEvent(event)
        self.update()
