"""Tools that are not brushes, in the views: outlines that are drawn, places that are clicked, regions that grow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF

from tumorview.app.tool_options import Tool
from tumorview.app.tools import Tools
from tumorview.core.slicing import PlaneView
from tumorview.gui.views.view_layer import ViewLayer

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

Place = tuple[float, float]  # row and column of a slice

SHADOW = QColor(0, 0, 0, 170)
LINE = QColor(255, 255, 255)
LASSO_STEP = 2.0  # pixels from one point of a freehand outline to the next
CORNER = 5.0  # pixels across the mark of a corner
CLOSING = 8.0  # pixels around the first corner in which a click closes the outline
TOLERANCE_PIXELS = 150.0  # a drag this long makes the tolerance 2.7 times as large


class Growth(Protocol):
    """A region that follows the hand."""

    def scale(self, factor: float) -> None:
        """Take more (above 1) or fewer greys."""

    def finish(self) -> None:
        """The hand let go."""

    def abandon(self) -> None:
        """Take it back."""


class Hands(Protocol):
    """Who does what the layer asks for."""

    tools: Tools

    def may_use(self, view: "SliceView") -> bool:
        """Whether a tool can be used in ``view``; the user is told why not."""

    def outline(self, view: "SliceView", points: Sequence[Place], *, subtract: bool) -> None:
        """An outline was closed."""

    def click(self, view: "SliceView", row: float, column: float) -> None:
        """A place was clicked."""

    def grow(self, view: "SliceView", row: float, column: float) -> Growth | None:
        """A region begins to grow."""


@dataclass
class Outline:
    """An outline that is being drawn on slice ``index`` of a view; freehand while ``button`` is held."""

    view: "SliceView"
    plane_view: PlaneView
    index: int
    button: Qt.MouseButton | None
    subtract: bool
    points: list[Place] = field(default_factory=list)

    def lies_in(self, view: "SliceView") -> bool:
        """Whether ``view`` shows the slice it is drawn on, as it was then."""
        return view is self.view and view.plane_view == self.plane_view and view.current_index == self.index


class ToolLayer(ViewLayer):
    """One for all views: one outline or one region at a time."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self.outline: Outline | None = None
        self._growth: Growth | None = None
        self._last = QPointF()

    def drop(self) -> None:
        """Forget the outline and take back the region that were begun."""
        outline, self.outline = self.outline, None
        growth, self._growth = self._growth, None
        if growth is not None:
            growth.abandon()
        if outline is not None:
            outline.view.update()

    # -- the hand ----------------------------------------------------------------------------------------------

    def press(self, view: "SliceView", event: QMouseEvent) -> bool:
        tool, button = view.tool, event.button()
        if tool is Tool.NAVIGATE or tool.paints or view.panning or event.modifiers() & _HELD:
            return False
        cuts = tool in (Tool.LASSO, Tool.THRESHOLD) and view.mouse_preset.right_erases
        if button != Qt.MouseButton.LeftButton and not (cuts and button == Qt.MouseButton.RightButton):
            return False
        if self._growth is not None or (self.outline is not None and self.outline.button is not None):
            return True  # another button while one is held
        place = _place(view, event.position())
        drawn = self.outline
        if drawn is not None and drawn.lies_in(view):
            self._next_corner(drawn, event)
        elif self._hands.may_use(view):
            self._begin(view, event, place)
        return True

    def _begin(self, view: "SliceView", event: QMouseEvent, place: Place) -> None:
        self.drop()
        if view.tool.outlines:
            subtract = self._hands.tools.options.subtract != (event.button() == Qt.MouseButton.RightButton)
            held = None if view.tool is Tool.POLYGON else event.button()
            assert view.plane_view is not None
            self.outline = Outline(view, view.plane_view, view.current_index, held, subtract, [place])
            self._last = event.position()
            view.update()
        elif view.tool is Tool.GROW_REGION:
            self._last = event.position()
            self._growth = self._hands.grow(view, *place)
        else:
            self._hands.click(view, *place)

    def _next_corner(self, drawn: Outline, event: QMouseEvent) -> None:
        near_start = _far(_pixel(drawn.view, drawn.points[0]) - event.position()) <= CLOSING
        twice = _far(_pixel(drawn.view, drawn.points[-1]) - event.position()) <= CORNER / 2
        if len(drawn.points) >= 3 and (near_start or twice):
            self._close()
        elif not twice:
            drawn.points.append(_place(drawn.view, event.position()))
            drawn.view.update()

    def move(self, view: "SliceView", event: QMouseEvent) -> bool:
        if self._growth is not None:
            if not event.buttons() & Qt.MouseButton.LeftButton:
                self._let_growth_go()  # the release went to another window
                return True
            way = event.position() - self._last
            self._last = event.position()
            if way.x():
                self._growth.scale(math.exp(way.x() / TOLERANCE_PIXELS))
            return True
        drawn = self.outline
        if drawn is None or drawn.view is not view:
            return False
        if drawn.button is None:
            self._last = event.position()
            view.update()
            return False  # the crosshair and the status line go on
        if not event.buttons() & drawn.button:
            self.drop()
        elif _far(event.position() - self._last) >= LASSO_STEP:
            self._last = event.position()
            drawn.points.append(_place(view, event.position()))
            view.update()
        return True

    def release(self, view: "SliceView", event: QMouseEvent) -> bool:
        if self._growth is not None and event.button() == Qt.MouseButton.LeftButton:
            self._let_growth_go()
            return True
        drawn = self.outline
        if drawn is None or drawn.button is None or event.button() != drawn.button:
            return False
        if drawn.lies_in(view) and len(drawn.points) >= 3:
            self._close()
        else:
            self.drop()
        return True

    def leave(self, view: "SliceView") -> None:
        if self._growth is not None:
            self._let_growth_go()
        if self.outline is not None and self.outline.button is not None and self.outline.view is view:
            self.drop()

    def wants_escape(self, view: "SliceView") -> bool:
        return self.outline is not None or self._growth is not None

    def press_key(self, view: "SliceView", event: QKeyEvent) -> bool:
        key, drawn = event.key(), self.outline
        if key == Qt.Key.Key_Escape and self.wants_escape(view):
            self.drop()
        elif drawn is None or drawn.button is not None:
            return False
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._close()
        elif key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            drawn.points.pop()
            if drawn.points:
                drawn.view.update()
            else:
                self.drop()
        else:
            return False
        return True

    def cursor(self, view: "SliceView") -> Qt.CursorShape | None:
        clicks = view.tool in (Tool.FILL, Tool.RELABEL, Tool.DELETE)
        return Qt.CursorShape.PointingHandCursor if clicks else None

    def _close(self) -> None:
        drawn, self.outline = self.outline, None
        assert drawn is not None
        drawn.view.update()
        if len(drawn.points) >= 3:
            self._hands.outline(drawn.view, drawn.points, subtract=drawn.subtract)

    def _let_growth_go(self) -> None:
        growth, self._growth = self._growth, None
        if growth is not None:
            growth.finish()

    # -- the picture -------------------------------------------------------------------------------------------

    def notes(self, view: "SliceView") -> tuple[str, ...]:
        drawn = self.outline
        if drawn is None or drawn.button is not None or drawn.view is not view:
            return ()
        return ("Enter closes · Backspace takes the last corner back · Esc cancels",)

    def paint(self, painter: QPainter, view: "SliceView") -> None:
        drawn = self.outline
        if drawn is None or not drawn.lies_in(view):
            return
        corners = [_pixel(view, place) for place in drawn.points]
        line = [*corners, self._last] if drawn.button is None else corners
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        style = Qt.PenStyle.DashLine if drawn.subtract else Qt.PenStyle.SolidLine
        for colour, width in ((SHADOW, 3.0), (LINE, 1.4)):
            painter.setPen(QPen(colour, width, style if colour is LINE else Qt.PenStyle.SolidLine))
            painter.drawPolyline(QPolygonF(line))
        painter.setPen(QPen(LINE, 1.0, Qt.PenStyle.DotLine))
        painter.drawLine(line[-1], line[0])
        if drawn.button is None:
            painter.setPen(QPen(SHADOW, 1.0))
            painter.setBrush(LINE)
            for corner in corners:
                painter.drawRect(QRectF(corner.x() - CORNER / 2, corner.y() - CORNER / 2, CORNER, CORNER))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)


_HELD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def _place(view: "SliceView", spot: QPointF) -> Place:
    return view.viewport.to_slice(spot.x(), spot.y())


def _pixel(view: "SliceView", place: Place) -> QPointF:
    return QPointF(*view.viewport.to_widget(*place))


def _far(way: QPointF) -> float:
    return math.hypot(way.x(), way.y())
