"""The layer that measurements are drawn and changed on, in all views of a window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter

from tumorview.app.measurements import Kind, Measurement, measured, take
from tumorview.app.session import Session
from tumorview.app.tool_options import Tool
from tumorview.core.event import Event
from tumorview.core.lesions import Burden
from tumorview.core.measure import Point
from tumorview.core.study import Series
from tumorview.gui.views import measure_shapes as shapes
from tumorview.gui.views.measure_scene import Draft, Found, MeasureScene, points_of
from tumorview.gui.views.measure_shapes import HANDLE_REACH, Projection
from tumorview.gui.views.view_layer import ViewLayer

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

CLICK_PIXELS = 3.0
FREEHAND_PIXELS = 3.0  # between corners
CLICKS = {Kind.DISTANCE: 2, Kind.ANGLE: 3, Kind.ELLIPSE: 2, Kind.RECTANGLE: 2, Kind.PROBE: 1, Kind.FREEHAND: 1}
MODIFIED = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier


@dataclass
class Hold:
    """A measurement in the hand: by a handle, or (``handle`` None) as a whole, taken at ``start``."""

    view: "SliceView"
    index: int
    before: Measurement
    now: Measurement
    handle: int | None
    start: Point
    pressed_at: QPointF
    dragging: bool = False


class MeasuringLayer(ViewLayer):
    """Draws ``session.measurements`` on the slices they belong to, makes new ones of ``kind`` and changes old ones.

    While ``kind`` is None a press beside every measurement is the view's own. ``selection_changed`` carries the id of
    the selected one, or None.
    """

    def __init__(self, session: Session, views: Sequence["SliceView"]) -> None:
        self.session = session
        self.selection_changed: Event[str | None] = Event()
        self.kind: Kind | None = None
        self.scene = MeasureScene(session)
        self._views = tuple(views)
        self._hold: Hold | None = None
        for view in self._views:
            view.layers.append(self)
        session.measurements.changed.connect(lambda _: self._list_changed())

    # -- what the window tells ---------------------------------------------------------------------------------

    def set_kind(self, kind: Kind | None) -> None:
        """What the left button measures from now on."""
        self.cancel()
        self.kind = kind
        self._repaint()

    def set_shown(self, shown: bool) -> None:
        """Show or hide all measurements."""
        self.cancel()
        self.scene.shown = shown
        self._repaint()

    def show_burden(self, burden: Burden | None) -> None:
        """Draw the diameters of these lesions; None draws none."""
        self.scene.burden = burden
        self._repaint()

    def select(self, measurement_id: str | None) -> None:
        """Mark one measurement."""
        if measurement_id != self.scene.selected:
            self.scene.selected = measurement_id
            self.selection_changed.emit(measurement_id)
            self._repaint()

    @property
    def selected(self) -> str | None:
        """The id of the marked measurement."""
        return self.scene.selected

    def cancel(self) -> None:
        """Forget what is under way; a measurement in the hand goes back to where it was."""
        if self.scene.draft is not None or self._hold is not None:
            self.scene.draft = self.scene.held = self._hold = None
            self._repaint()

    # -- the views ask -----------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, view: "SliceView") -> None:
        self.scene.paint(painter, view)

    def notes(self, view: "SliceView") -> tuple[str, ...]:
        return self.scene.notes(view)

    def _repaint(self) -> None:
        for view in self._views:
            if view.isVisible():
                view.update()

    def _list_changed(self) -> None:
        if self.scene.selected is not None and self.session.measurements.get(self.scene.selected) is None:
            self.select(None)
        if self._hold is not None and self.session.measurements.get(self._hold.before.id) is None:
            self._hold = self.scene.held = None
        self._repaint()

    # -- the hand ----------------------------------------------------------------------------------------------

    def press(self, view: "SliceView", event: QMouseEvent) -> bool:
        if self.scene.draft is not None and event.button() == Qt.MouseButton.RightButton:
            self.cancel()
            return True
        free = view.tool is Tool.NAVIGATE and view.plane_view is not None and not view.panning
        if event.button() != Qt.MouseButton.LeftButton or not free or event.modifiers() & MODIFIED:
            return False
        self._drop_stale(view)
        place = event.position()
        if self.scene.draft is not None:
            self.scene.draft.pressed_at = place
            return self._set_place(self.scene.draft, place)
        found = self._found(view, place)
        if found is not None and (self.kind is None or found.handle is not None):
            self._take_hold(view, found, place)
            return True
        if self.kind is None:
            self.select(None)
            return False
        self._begin(self.kind, view, place)
        return True

    def move(self, view: "SliceView", event: QMouseEvent) -> bool:
        self._drop_stale(view)
        place = event.position()
        if self._hold is not None and self._hold.view is view:
            if not event.buttons() & Qt.MouseButton.LeftButton:  # the release went to another window
                self._let_go()
                return False
            self._drag(self._hold, place)
            return True
        draft = self.scene.draft
        if draft is not None and draft.view is view:
            draft.pointer = Projection.of(view).to_world(place)
            if draft.kind is Kind.FREEHAND and draft.pressed_at is not None:
                last = Projection.of(view).to_widget(draft.places[-1:])[0]
                if _far(place - last, FREEHAND_PIXELS):
                    draft.places.append(draft.pointer)
            view.update()
            return True
        if not event.buttons():
            self._hover(view, place)
        return False

    def release(self, view: "SliceView", event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        self._drop_stale(view)
        if self._hold is not None and self._hold.view is view:
            self._let_go()
            return True
        draft = self.scene.draft
        if draft is None or draft.view is not view or draft.pressed_at is None:
            return False
        pressed_at, draft.pressed_at = draft.pressed_at, None
        at_once = draft.kind in (Kind.FREEHAND, Kind.PROBE)
        if at_once or _far(event.position() - pressed_at, CLICK_PIXELS):
            self._set_place(draft, event.position(), last=at_once)
        return True

    def leave(self, view: "SliceView") -> None:
        if self.scene.hovered is not None:
            self.scene.hovered = None
            self._repaint()

    def wants_escape(self, view: "SliceView") -> bool:
        return self.scene.draft is not None or self._hold is not None

    def press_key(self, view: "SliceView", event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self.wants_escape(view):
            self.cancel()
            return True
        return False

    def cursor(self, view: "SliceView") -> Qt.CursorShape | None:
        if self._hold is not None and self._hold.view is view:
            return Qt.CursorShape.ClosedHandCursor
        if self.scene.hovered is not None and view.tool is Tool.NAVIGATE and view.underMouse():
            return (
                Qt.CursorShape.SizeAllCursor if self.scene.hovered.handle is not None else Qt.CursorShape.OpenHandCursor
            )
        return Qt.CursorShape.CrossCursor if self.kind is not None and view.plane_view is not None else None

    def _drop_stale(self, view: "SliceView") -> None:
        """What was begun belongs to a slice: another one ends it."""
        draft, hold = self.scene.draft, self._hold
        if draft is not None and (draft.view is not view or draft.index != view.current_index):
            self.cancel()
        if hold is not None and (hold.view is not view or hold.index != view.current_index):
            self._let_go()

    # -- new ones ----------------------------------------------------------------------------------------------

    def _begin(self, kind: Kind, view: "SliceView", place: QPointF) -> None:
        point = Projection.of(view).to_world(place)
        self.select(None)
        self.scene.draft = Draft(kind, view, view.current_index, [point], point, place)
        view.update()

    def _set_place(self, draft: Draft, place: QPointF, *, last: bool = False) -> bool:
        """Fix the next point; the last one ends the measurement."""
        projection = Projection.of(draft.view)
        draft.pointer = projection.to_world(place)
        points = points_of(draft, projection)
        near = projection.to_widget(draft.places[-1:])[0]
        if draft.kind is Kind.PROBE or (draft.kind is Kind.FREEHAND and last):
            self._finish(draft, points)
        elif draft.kind is not Kind.FREEHAND and _far(place - near, CLICK_PIXELS):
            draft.places.append(draft.pointer)
            if len(draft.places) == CLICKS[draft.kind]:
                self._finish(draft, points)
        draft.view.update()
        return True

    def _finish(self, draft: Draft, points: tuple[Point, ...]) -> None:
        self.scene.draft = None
        series = draft.view.series
        if series is None or (draft.kind is Kind.FREEHAND and len(points) < 3):
            return
        made = take(draft.kind, series, draft.view.plane, points)
        self.session.measurements.add(made)
        self.select(made.id)

    # -- old ones ----------------------------------------------------------------------------------------------

    def _found(self, view: "SliceView", place: QPointF) -> Found | None:
        """The measurement under ``place``: handles first, then texts and lines, the newest first."""
        visible = self.scene.visible_in(view)[::-1]
        if not visible:
            return None
        projection = Projection.of(view)
        for one in visible:
            for number, handle in enumerate(projection.to_widget(shapes.handles(one.kind, one.points))):
                if not _far(place - handle, HANDLE_REACH):
                    return Found(one.id, number)
        texts = self.scene.text_places(view)
        for one in visible:
            path = shapes.outline(one.kind, projection.to_widget(one.points))
            if texts.get(one.id, QRectF()).contains(place) or shapes.is_on(path, place):
                return Found(one.id)
        return None

    def _hover(self, view: "SliceView", place: QPointF) -> None:
        found = self._found(view, place) if view.tool is Tool.NAVIGATE else None
        if found != self.scene.hovered:
            self.scene.hovered = found
            self._repaint()

    def _take_hold(self, view: "SliceView", found: Found, place: QPointF) -> None:
        one = self.session.measurements.get(found.id)
        assert one is not None
        start = Projection.of(view).to_world(place)
        self._hold = Hold(view, view.current_index, one, one, found.handle, start, place)
        self.select(one.id)

    def _drag(self, hold: Hold, place: QPointF) -> None:
        hold.dragging = hold.dragging or _far(place - hold.pressed_at, CLICK_PIXELS)
        series = self._series_of(hold.before)
        if not hold.dragging or series is None:
            return
        before, target = hold.before, Projection.of(hold.view).to_world(place)
        if hold.handle is None:
            points = shapes.moved(before.points, hold.start, target)
        else:
            # By as much as the pointer moved: what is drawn in another series keeps its own depth.
            handle = shapes.handles(before.kind, before.points)[hold.handle]
            to = shapes.moved((handle,), hold.start, target)[0]
            points = shapes.with_handle(before.kind, before.points, hold.handle, to)
        hold.now = self.scene.held = replace(
            before, points=points, quantities=measured(before.kind, series, before.plane, points)
        )
        self._repaint()

    def _let_go(self) -> None:
        hold, self._hold, self.scene.held = self._hold, None, None
        if hold is not None and hold.now != hold.before:
            self.session.measurements.replace(hold.now)
        self._repaint()

    def _series_of(self, one: Measurement) -> Series | None:
        study = self.session.study
        return None if study is None else next((each for each in study.series if each.uid == one.series_uid), None)


def _far(way: QPointF, pixels: float) -> bool:
    return math.hypot(way.x(), way.y()) > pixels
