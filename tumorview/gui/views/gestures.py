"""What the mouse, wheel and keys do in a slice view; which button drags what is the mouse preset's to say."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from tumorview.app import mouse
from tumorview.app.tool_options import Tool
from tumorview.core.rendering import Window

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

NOTCH = 120  # angle delta of one step of a wheel, eighths of a degree times 15
TOUCHPAD_STEP = 24  # touchpad pixels to the next slice
ZOOM_PER_NOTCH = 1.2
ZOOM_PER_PIXEL = 1.006
WINDOW_DRAG_PIXELS = 400.0  # a drag this long changes the window by the whole range of the image
CLICK_PIXELS = 3.0
BRUSH_STEP = 1.15

Key = Qt.Key
Button = Qt.MouseButton
Modifier = Qt.KeyboardModifier


class Drag(Protocol):
    """What happens between pressing a button and letting it go."""

    def move(self, place: QPointF) -> None:
        """The pointer moved to ``place`` of the widget."""

    def finish(self) -> None:
        """The button was let go, or the drag cannot go on."""


class PanDrag:
    """Moves the picture with the pointer."""

    def __init__(self, view: "SliceView", start: QPointF) -> None:
        self._view, self._last = view, start

    def move(self, place: QPointF) -> None:
        step = place - self._last
        self._last = place
        self._view.pan(step.x(), step.y())

    def finish(self) -> None:
        pass


class ZoomDrag:
    """Enlarges about the point that was pressed: up is larger; a press without a drag asks for the view's menu."""

    def __init__(self, view: "SliceView", start: QPointF) -> None:
        self._view, self._start, self._last = view, start, start
        self._dragging = False

    def move(self, place: QPointF) -> None:
        self._dragging = self._dragging or _far(place - self._start)
        if not self._dragging:
            return
        up = self._last.y() - place.y()
        self._last = place
        self._view.zoom_about(self._start, ZOOM_PER_PIXEL**up)

    def finish(self) -> None:
        if not self._dragging:
            self._view.menu_requested.emit(self._start.toPoint())


class PointDrag:
    """Takes the crosshair along."""

    def __init__(self, view: "SliceView", start: QPointF) -> None:
        self._view = view
        self.move(start)

    def move(self, place: QPointF) -> None:
        self._view.point_at(place)

    def finish(self) -> None:
        pass


class WindowDrag:
    """Right is wider, down is a higher level (darker); a press without a drag points the crosshair."""

    def __init__(self, view: "SliceView", start: QPointF) -> None:
        self._view, self._start = view, start
        self._window = view.window
        # The gain follows the image and the window in use, so that 12-bit, float and z-scored images feel alike.
        self._gain = max(view.intensity_range, view.window.width) / WINDOW_DRAG_PIXELS
        self._dragging = False

    def move(self, place: QPointF) -> None:
        way = place - self._start
        self._dragging |= _far(way)
        if self._dragging:
            width = max(self._window.width + way.x() * self._gain, self._gain)
            self._view.set_window(Window(self._window.centre + way.y() * self._gain, width))

    def finish(self) -> None:
        if not self._dragging:
            self._view.point_at(self._start)


class PaintDrag:
    """One stroke of the brush."""

    def __init__(self, view: "SliceView", start: QPointF, *, erase: bool) -> None:
        self._view = view
        self._open = view.begin_stroke(erase=erase)
        self.move(start)

    def move(self, place: QPointF) -> None:
        if self._open:
            self._view.stroke_to(place)

    def finish(self) -> None:
        if self._open:
            self._open = False
            self._view.end_stroke()


def _far(way: QPointF) -> bool:
    return math.hypot(way.x(), way.y()) > CLICK_PIXELS


_DRAGS: dict[mouse.Drag, Callable[["SliceView", QPointF], Drag]] = {
    mouse.Drag.WINDOW: WindowDrag,
    mouse.Drag.PAN: PanDrag,
    mouse.Drag.ZOOM: ZoomDrag,
    mouse.Drag.POINT: PointDrag,
}
_BUTTONS = {Button.LeftButton: "left", Button.MiddleButton: "middle", Button.RightButton: "right"}


class Gestures:
    """Turns events of one view into its methods; holds the drag that is under way and the keys that are held."""

    def __init__(self, view: "SliceView") -> None:
        self._view = view
        self.preset = mouse.PACS
        self._drag: Drag | None = None
        self._button: Button | None = None
        self._space = False
        self._scrolled = 0.0

    @property
    def panning(self) -> bool:
        """Whether the left button pans."""
        return self._space or isinstance(self._drag, PanDrag)

    @property
    def dragging(self) -> bool:
        """Whether a drag is under way."""
        return self._drag is not None

    def end_stroke(self) -> None:
        """End the stroke that is under way; other drags go on."""
        if isinstance(self._drag, PaintDrag):
            self.abandon()

    def press(self, event: QMouseEvent) -> None:
        """A button goes down: start its drag unless another button's is under way."""
        if self._drag is not None:
            return
        drag = self._drag_of(event.button(), event.modifiers(), event.position())
        if drag is not None:
            self._drag, self._button = drag, event.button()

    def move(self, event: QMouseEvent) -> None:
        """The pointer moves."""
        if self._drag is None:
            if self.preset.shift_points and event.modifiers() & Modifier.ShiftModifier:
                self._view.point_at(event.position())
            return
        if self._button is not None and not event.buttons() & self._button:
            self.abandon()  # the release went to another window
            return
        self._drag.move(event.position())

    def release(self, event: QMouseEvent) -> None:
        """A button goes up."""
        if event.button() == self._button:
            self.abandon()

    def abandon(self) -> None:
        """End the drag that is under way; what it did stays."""
        drag, self._drag, self._button = self._drag, None, None
        if drag is not None:
            drag.finish()

    def let_go(self) -> None:
        """Forget drags and held keys: the view has lost the user's hands."""
        self.abandon()
        self._space = False
        self._view.set_peeking(peeking=False)

    def wheel(self, event: QWheelEvent) -> None:
        """Slices; zoom with Ctrl; brush size with Shift."""
        notches = self._notches(event)
        event.accept()
        if event.modifiers() & Modifier.ControlModifier:
            self._view.zoom_about(event.position(), ZOOM_PER_NOTCH**notches)
        elif event.modifiers() & Modifier.ShiftModifier and self._view.tool.paints:
            self._view.scale_brush(BRUSH_STEP**notches)
        else:
            self._scroll(notches)

    def press_key(self, event: QKeyEvent) -> bool:
        """A key goes down; False where it means nothing here."""
        view, key = self._view, event.key()
        if key == Key.Key_Escape and self._drag is not None:
            self.abandon()
        elif event.modifiers() & (Modifier.ControlModifier | Modifier.AltModifier | Modifier.MetaModifier):
            return False
        elif key in _STEPS:
            view.step(_STEPS[key])
        elif key == Key.Key_Space:
            self._space = True
            view.refresh_pointer()
        elif key == Key.Key_G:
            view.set_peeking(peeking=True)
        elif key == Key.Key_R:
            view.reset_view()
        elif key in (Key.Key_BracketLeft, Key.Key_BracketRight):
            view.scale_brush(BRUSH_STEP if key == Key.Key_BracketRight else 1 / BRUSH_STEP)
        else:
            return False
        return True

    def release_key(self, event: QKeyEvent) -> bool:
        """A key goes up; False where it means nothing here."""
        if event.isAutoRepeat():
            return event.key() in (Key.Key_Space, Key.Key_G)
        if event.key() == Key.Key_Space:
            self._space = False
            self._view.refresh_pointer()
            return True
        if event.key() == Key.Key_G:
            self._view.set_peeking(peeking=False)
            return True
        return False

    def _drag_of(self, button: Button, modifiers: Modifier, place: QPointF) -> Drag | None:
        view, name = self._view, _BUTTONS.get(button, "")
        if button == Button.LeftButton and self._space:
            return PanDrag(view, place)
        held = "Ctrl" if modifiers & Modifier.ControlModifier else "Shift" if modifiers & Modifier.ShiftModifier else ""
        does = self.preset.drags.get(f"{held}+{name}")
        if does is None:
            if view.tool.paints and button == Button.LeftButton:
                return PaintDrag(view, place, erase=view.tool is Tool.ERASE)
            if view.tool.paints and button == Button.RightButton and self.preset.right_erases:
                return PaintDrag(view, place, erase=True)
            does = self.preset.drags.get(name)
        return None if does is None else _DRAGS[does](view, place)

    def _notches(self, event: QWheelEvent) -> float:
        # Some systems turn Shift+wheel into a sideways wheel.
        angle = event.angleDelta().y() or event.angleDelta().x()
        pixels = event.pixelDelta().y() or event.pixelDelta().x()
        if pixels and event.phase() != Qt.ScrollPhase.NoScrollPhase:
            return pixels / TOUCHPAD_STEP
        return angle / NOTCH

    def _scroll(self, notches: float) -> None:
        if self._scrolled * notches < 0:
            self._scrolled = 0.0  # turning back answers at once
        self._scrolled += notches
        steps = math.trunc(self._scrolled)
        self._scrolled -= steps
        if steps:
            self._view.step(-steps)


_STEPS: dict[int, int] = {Key.Key_Up: -1, Key.Key_PageUp: -1, Key.Key_Down: 1, Key.Key_PageDown: 1}
