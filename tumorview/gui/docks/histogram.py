"""The intensities of a series as bars, with the window/level over them as three handles."""

from enum import StrEnum

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from tumorview.core.colour_maps import LEVELS, ColourTable
from tumorview.core.contrast import Intensities
from tumorview.core.rendering import Window
from tumorview.gui import theme
from tumorview.gui.views.layers import grey_image

HEIGHT = 58
RAMP = 8  # pixels under the bars: the colours that the intensities get
EDGE = 6  # pixels left and right, for handles at the ends
GRIP = 5  # half the width of a handle's grip, pixels
REACH = 12  # pixels from a handle at which it is still taken
KEYS = frozenset(
    (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter)
)
STEPS = 100  # arrow keys across the whole axis


class Handle(StrEnum):
    """What can be moved."""

    LOWER = "lower"
    LEVEL = "level"
    UPPER = "upper"


class Histogram(QWidget):
    """Bars (logarithm of the counts) and handles for the lower end, the level and the upper end of the window.

    Drag a handle, or anywhere between them to move the level. With the keyboard: Up and Down choose a handle, Left and
    Right move it (Shift: finely), Enter is the automatic window.
    """

    window_chosen = Signal(object)  # Window
    auto_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("contrast_histogram")
        self.setAccessibleName("Histogram with window and level")
        self.setToolTip("Drag the ends or the middle of the window; double click: automatic")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFixedHeight(HEIGHT + RAMP)
        self.intensities: Intensities | None = None
        self.window_shown = Window(0.5, 1.0)
        self.handle = Handle.LEVEL
        self._table: ColourTable | None = None
        self._inverted = False
        self._bars: QPolygonF | None = None
        self._grabbed: float | None = None  # pixels from the handle to the pointer while it is dragged

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(200, HEIGHT + RAMP)

    def show_series(self, intensities: Intensities | None) -> None:
        """Draw the intensities of a series; None draws no bars."""
        self.intensities = intensities
        self._bars = None
        self.update()

    def show_window(self, window: Window, table: ColourTable, *, inverted: bool) -> None:
        """Put the handles on ``window``; the ramp shows the colours of ``table`` [256, 3], turned round or not."""
        self.window_shown, self._table, self._inverted = window, table, inverted
        self.setAccessibleDescription(f"From {window.low:.4g} to {window.high:.4g}, level {window.centre:.4g}")
        self.update()

    # -- places ------------------------------------------------------------------------------------------------

    @property
    def axis(self) -> tuple[float, float]:
        """The intensities at the two ends of the widget."""
        return (0.0, 1.0) if self.intensities is None else (self.intensities.low, self.intensities.high)

    def x_of(self, intensity: float) -> float:
        """Where an intensity lies; beyond the axis at its end."""
        low, high = self.axis
        part = min(max((intensity - low) / (high - low), 0.0), 1.0)
        return EDGE + part * (self.width() - 2 * EDGE)

    def x_of_handle(self, handle: Handle) -> float:
        """Where a handle is drawn."""
        window = self.window_shown
        places = {Handle.LOWER: window.low, Handle.LEVEL: window.centre, Handle.UPPER: window.high}
        return self.x_of(places[handle])

    def intensity_at(self, x: float) -> float:
        """The intensity at a place; the axis goes on beyond the widget."""
        low, high = self.axis
        return low + (x - EDGE) / max(self.width() - 2 * EDGE, 1) * (high - low)

    def _handle_at(self, place: QPointF) -> Handle:
        # The grip of the level is at the top, those of the ends at the bottom; so they stay apart in a narrow window.
        if place.y() < HEIGHT / 3 and abs(place.x() - self.x_of_handle(Handle.LEVEL)) <= REACH:
            return Handle.LEVEL
        left, right = self.x_of_handle(Handle.LOWER), self.x_of_handle(Handle.UPPER)
        to_left, to_right = abs(place.x() - left), abs(place.x() - right)
        if min(to_left, to_right) > REACH and left < place.x() < right:
            return Handle.LEVEL
        if to_left == to_right:
            return Handle.LOWER if place.x() < left else Handle.UPPER
        return Handle.LOWER if to_left < to_right else Handle.UPPER

    # -- moving ------------------------------------------------------------------------------------------------

    def move_handle(self, handle: Handle, intensity: float) -> None:
        """Put a handle on an intensity; the other end stays where it is, the level takes both along."""
        window = self.window_shown
        low, high = self.axis
        least = (high - low) / 1000
        if handle is Handle.LEVEL:
            chosen = Window(intensity, window.width)
        elif handle is Handle.LOWER:
            chosen = Window.of_range(min(intensity, window.high - least), window.high)
        else:
            chosen = Window.of_range(window.low, max(intensity, window.low + least))
        if chosen != window:
            self.window_chosen.emit(chosen)

    def _step(self, steps: float) -> None:
        low, high = self.axis
        window = self.window_shown
        places = {Handle.LOWER: window.low, Handle.LEVEL: window.centre, Handle.UPPER: window.high}
        self.move_handle(self.handle, places[self.handle] + steps * (high - low) / STEPS)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take a handle."""
        if event.button() == Qt.MouseButton.LeftButton and self.intensities is not None:
            self.handle = self._handle_at(event.position())
            self._grabbed = event.position().x() - self.x_of_handle(self.handle)
            if abs(self._grabbed) > REACH and self.handle is not Handle.LEVEL:
                self._grabbed = 0.0  # the end comes to the pointer
                self.move_handle(self.handle, self.intensity_at(event.position().x()))
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the handle that was taken."""
        if self._grabbed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self.move_handle(self.handle, self.intensity_at(event.position().x() - self._grabbed))
        elif self.intensities is not None:
            level = self._handle_at(event.position()) is Handle.LEVEL
            self.setCursor(Qt.CursorShape.SizeAllCursor if level else Qt.CursorShape.SplitHCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the handle go."""
        self._grabbed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The automatic window."""
        self._grabbed = None
        self.auto_chosen.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """No menu of the window around it."""
        event.accept()

    def event(self, event: QEvent) -> bool:
        """The keys of the handles come here, not to the window's shortcuts for them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose a handle and move it."""
        fine = 0.1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        order, key = list(Handle), event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step(fine if key == Qt.Key.Key_Right else -fine)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if key == Qt.Key.Key_Up else -1
            self.handle = order[(order.index(self.handle) + step) % len(order)]
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.auto_chosen.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show which handle the keys move."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the keys go elsewhere."""
        super().focusOutEvent(event)
        self.update()

    # -- painting ----------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars, ramp, the line from black to white and the handles."""
        c = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(0, 0, self.width(), HEIGHT)
        painter.fillRect(frame, QColor(c.window))
        left, middle, right = (self.x_of_handle(handle) for handle in Handle)
        if self.intensities is not None:
            painter.fillRect(QRectF(left, 0, right - left, HEIGHT), QColor(c.control))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.text_dim))
            painter.drawPolygon(self._polygon(self.intensities))
        self._paint_ramp(painter, left, right)
        painter.setPen(QPen(QColor(c.accent_hover), 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawLine(QPointF(left, HEIGHT - 1), QPointF(right, 1))
        for handle, x in zip(Handle, (left, middle, right), strict=True):
            self._paint_handle(painter, handle, x)
        if self.hasFocus():
            painter.setPen(QPen(QColor(c.accent_hover), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_handle(self, painter: QPainter, handle: Handle, x: float) -> None:
        c = theme.colours()
        taken = handle is self.handle and (self.hasFocus() or self._grabbed is not None)
        colour = QColor(c.accent_hover if taken else c.text)
        painter.setPen(QPen(colour, 1.5 if taken else 1))
        if handle is not Handle.LEVEL:
            painter.drawLine(QPointF(x, 0), QPointF(x, HEIGHT))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        tip, base = (2 * GRIP, 0) if handle is Handle.LEVEL else (HEIGHT - 2 * GRIP, HEIGHT)
        painter.drawPolygon(QPolygonF([QPointF(x - GRIP, base), QPointF(x + GRIP, base), QPointF(x, tip)]))

    def _paint_ramp(self, painter: QPainter, left: float, right: float) -> None:
        if self._table is None:
            return
        table = self._table[::-1] if self._inverted else self._table
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(QRectF(0, HEIGHT, left, RAMP), QColor(*table[0].tolist()))
        painter.fillRect(QRectF(right, HEIGHT, self.width() - right, RAMP), QColor(*table[-1].tolist()))
        ramp: QImage = grey_image(LEVELS[None], table)
        painter.drawImage(QRectF(left, HEIGHT, right - left, RAMP), ramp, QRectF(0, 0, len(LEVELS), 1))

    def _polygon(self, intensities: Intensities) -> QPolygonF:
        if self._bars is None or abs(self._bars.boundingRect().right() - (self.width() - EDGE)) > 0.5:
            # The air of a whole head has a hundred times the voxels of any tissue.
            heights = np.log1p(intensities.counts)
            heights = heights / max(heights.max(), 1.0) * (HEIGHT - 14)
            ends = np.linspace(EDGE, self.width() - EDGE, len(heights) + 1)
            x, y = ends.repeat(2)[1:-1], HEIGHT - heights.repeat(2)
            points = [QPointF(*place) for place in zip(x.tolist(), y.tolist(), strict=True)]
            self._bars = QPolygonF([QPointF(EDGE, HEIGHT), *points, QPointF(self.width() - EDGE, HEIGHT)])
        return self._bars
