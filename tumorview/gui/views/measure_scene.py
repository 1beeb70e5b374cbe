"""Which measurements a view shows, and how they are painted: no hand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QPainter, QPainterPath

from tumorview.app.measurements import REGIONS, Kind, Measurement, take
from tumorview.app.session import Session
from tumorview.core.lesions import Burden, Lesion
from tumorview.core.measure import Point, slice_of
from tumorview.core.slicing import PlaneView
from tumorview.core.study import Series, same_place
from tumorview.gui.views import measure_drawing as drawing
from tumorview.gui.views import measure_shapes as shapes
from tumorview.gui.views.annotations import AnnotationPainter
from tumorview.gui.views.layers import Recent
from tumorview.gui.views.measure_shapes import Projection

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

KEPT_SLICES = 2048
BAR = 4.0  # pixels to either side of a diameter's end


@dataclass
class Draft:
    """A measurement under way in ``view``: the places that were set, and where the pointer is."""

    kind: Kind
    view: "SliceView"
    index: int
    places: list[Point]
    pointer: Point
    pressed_at: QPointF | None


@dataclass(frozen=True)
class Found:
    """What lies under the pointer: a measurement, and which of its handles."""

    id: str
    handle: int | None = None


class MeasureScene:
    """``session.measurements`` as the views show them: what is marked, held or being drawn stands out.

    ``held`` is shown in the place of the measurement with its id; ``burden`` are the lesions whose diameters are drawn.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.shown = True
        self.burden: Burden | None = None
        self.selected: str | None = None
        self.hovered: Found | None = None
        self.held: Measurement | None = None
        self.draft: Draft | None = None
        self._font = QFont()
        self._texts = AnnotationPainter(self._font)
        self._places: dict[int, dict[str, QRectF]] = {}  # of the texts in the last frame of each view
        self._slices: Recent[int | None] = Recent(KEPT_SLICES)

    # -- what is shown where -----------------------------------------------------------------------------------

    def visible_in(self, view: "SliceView") -> list[Measurement]:
        """The measurements of the slice that ``view`` shows."""
        if not self.shown or view.plane_view is None:
            return []
        found = [one for one in self.session.measurements.items if self._index_in(view, one) == view.current_index]
        held = self.held
        return [held if held is not None and one.id == held.id else one for one in found]

    def slices_in(self, series: Series, view: PlaneView) -> list[int]:
        """The slices of ``view`` on ``series`` that have measurements."""
        found = {self._index(series, view, one) for one in self.session.measurements.items}
        return sorted(index for index in found if index is not None)

    def _index_in(self, view: "SliceView", one: Measurement) -> int | None:
        plane_view, series = view.plane_view, view.series
        return None if plane_view is None or series is None else self._index(series, plane_view, one)

    def _index(self, series: Series, view: PlaneView, one: Measurement) -> int | None:
        study = self.session.study
        if one.plane is not view.plane or study is None:
            return None
        # Asked for every measurement in every frame; hashing is much faster than geometry.
        return self._slices.get(
            (one, series.uid, id(view.geometry)), lambda: self._found_index(study.series, series, view, one)
        )

    @staticmethod
    def _found_index(known: Sequence[Series], series: Series, view: PlaneView, one: Measurement) -> int | None:
        own = next((other for other in known if other.uid == one.series_uid), None)
        return slice_of(view, one.points) if own is not None and same_place(own, series) else None

    def notes(self, view: "SliceView") -> tuple[str, ...]:
        indices = [self._index_in(view, one) for one in self.session.measurements.items] if self.shown else []
        elsewhere = sum(index is not None and index != view.current_index for index in indices)
        return (f"{elsewhere} measured on other slices",) if elsewhere else ()

    def text_places(self, view: "SliceView") -> dict[str, QRectF]:
        """Where the texts of measurements, by id, were written in ``view`` last."""
        return self._places.get(id(view), {})

    # -- drawing -----------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, view: "SliceView") -> None:
        visible, lesions = self.visible_in(view), self._lesions_in(view)
        texts = self._places[id(view)] = {}
        draft = self.draft if self.draft is not None and self.draft.view is view else None
        if not visible and not lesions and draft is None:
            return
        assert view.plane_view is not None
        if view.font() != self._font:
            self._font = QFont(view.font())
            self._texts.set_font(self._font)
        painter.save()
        projection = Projection.of(view)
        labels = view.source.masks.labels(view.plane_view, view.current_index) if view.overlay_shown else None
        paths = {one.id: shapes.outline(one.kind, projection.to_widget(one.points)) for one in visible}
        callipers = [_callipers(projection, lesion) for lesion in lesions]
        labelling = drawing.Labelling(view, self._texts, labels, [*paths.values(), *callipers])
        for lesion, path in zip(lesions, callipers, strict=True):
            drawing.stroke(painter, path, drawing.LESION)
            labelling.write(painter, path.boundingRect(), (self._lesion_text(lesion),), drawing.LESION)
        for one in visible:
            texts[one.id] = self._paint_one(painter, projection, labelling, one, paths[one.id])
        if draft is not None and draft.index == view.current_index:
            self._paint_draft(painter, projection, labelling, draft)
        painter.restore()

    def _paint_one(
        self,
        painter: QPainter,
        projection: Projection,
        labelling: drawing.Labelling,
        one: Measurement,
        path: QPainterPath,
    ) -> QRectF:
        marked = one.id == self.selected or (self.hovered is not None and self.hovered.id == one.id)
        colour = drawing.SELECTED if marked else drawing.COLOUR
        drawing.stroke(painter, path, colour)
        if marked:
            drawing.dots(painter, projection.to_widget(shapes.handles(one.kind, one.points)), colour)
        elif one.kind in (Kind.DISTANCE, Kind.ANGLE):
            drawing.dots(painter, projection.to_widget(one.points), colour, 2.0)
        return labelling.write(painter, path.boundingRect(), _texts_of(one), colour)

    def _paint_draft(
        self, painter: QPainter, projection: Projection, labelling: drawing.Labelling, draft: Draft
    ) -> None:
        points = points_of(draft, projection)
        path = shapes.outline(draft.kind, projection.to_widget(points))
        drawing.stroke(painter, path, drawing.SELECTED)
        series = draft.view.series
        if series is not None and (len(points) >= 3 or draft.kind in (Kind.DISTANCE, Kind.PROBE)):
            unfinished = take(draft.kind, series, draft.view.plane, points)
            labelling.write(painter, path.boundingRect(), _texts_of(unfinished), drawing.SELECTED)

    def _lesions_in(self, view: "SliceView") -> list[Lesion]:
        study, plane_view, series = self.session.study, view.plane_view, view.series
        if self.burden is None or plane_view is None or series is None or study is None:
            return []
        if not view.source.masks.placed:
            return []
        return [
            lesion
            for lesion in self.burden.lesions
            if lesion.plane is view.plane and self._lesion_slice(plane_view, lesion) == view.current_index
        ]

    def _lesion_slice(self, view: PlaneView, lesion: Lesion) -> int | None:
        return self._slices.get((lesion, id(view.geometry)), lambda: slice_of(view, lesion.longest))

    def _lesion_text(self, lesion: Lesion) -> str:
        unit = "mm" if self.burden is not None and self.burden.calibrated else "px"
        return f"{lesion.longest_length:.1f} × {lesion.perpendicular_length:.1f} {unit}"


def points_of(draft: Draft, projection: Projection) -> tuple[Point, ...]:
    """The points of what is being drawn, with the pointer as the next one."""
    if draft.kind is Kind.PROBE:
        return (draft.pointer,)
    if draft.kind is Kind.FREEHAND:
        return tuple(draft.places)
    if draft.kind in REGIONS:
        return projection.between(*projection.to_widget((draft.places[0], draft.pointer)))
    return (*draft.places, draft.pointer)


def _texts_of(one: Measurement) -> tuple[str, ...]:
    """What is written beside a measurement."""
    lines = [one.label] if one.label else []
    if one.kind in REGIONS:
        lines += [one.quantity("area").text, one.spread]
    else:
        lines.append(one.headline)
    return tuple(lines)


def _callipers(projection: Projection, lesion: Lesion) -> QPainterPath:
    """Both diameters with short bars across their ends."""
    path = QPainterPath()
    for ends in (lesion.longest, lesion.perpendicular):
        start, stop = projection.to_widget(ends)
        path.moveTo(start)
        path.lineTo(stop)
        way = stop - start
        across = QPointF(-way.y(), way.x()) * (BAR / (math.hypot(way.x(), way.y()) or 1.0))
        for end in (start, stop):
            path.moveTo(end - across)
            path.lineTo(end + across)
    return path
