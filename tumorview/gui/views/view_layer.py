"""What lies over the picture of slice views and can be taken hold of: measurements, outlines being drawn."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView


class ViewLayer:
    """One layer may lie over several views (``SliceView.layers``, the last on top); it is told which.

    It is asked before the view's own gestures. What it answers with True is its own: nothing below hears of it.
    """

    def paint(self, painter: QPainter, view: "SliceView") -> None:
        """Draw over the slice that ``view`` shows, in widget pixels; the texts at the edges come on top."""

    def notes(self, view: "SliceView") -> tuple[str, ...]:
        """Quiet lines for the corner of ``view``."""
        return ()

    def press(self, view: "SliceView", event: QMouseEvent) -> bool:
        """A button goes down (also the second time of a double click)."""
        return False

    def move(self, view: "SliceView", event: QMouseEvent) -> bool:
        """The pointer moves, with or without a button."""
        return False

    def release(self, view: "SliceView", event: QMouseEvent) -> bool:
        """A button goes up."""
        return False

    def leave(self, view: "SliceView") -> None:
        """The pointer has left ``view``, or it shows another slice."""

    def wants_escape(self, view: "SliceView") -> bool:
        """Whether Esc would end something here; then it does not reach the window's shortcuts."""
        return False

    def press_key(self, view: "SliceView", event: QKeyEvent) -> bool:
        """A key that no shortcut took goes down."""
        return False

    def cursor(self, view: "SliceView") -> Qt.CursorShape | None:
        """The pointer's shape; None where the layer does not mind."""
        return None
