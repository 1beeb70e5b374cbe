"""What was measured by hand in the open study: values with their places in the patient, kept with the session."""

import math
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tumorview.app.state_records import StateRecords
from tumorview.core import measure
from tumorview.core.event import Event
from tumorview.core.measure import Point
from tumorview.core.session_state import Document
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Series

RECORD = "measurements"
FORMAT = 1
LABEL_LIMIT = 200  # characters


class Kind(StrEnum):
    """What is measured; ``points`` are given in this order.

    distance: two ends. angle: end, vertex, end. ellipse: centre, end of one semi-axis, end of the other. rectangle:
    centre, middle of a side, middle of the side next to it. freehand: corners of a closed outline. probe: one place.
    """

    DISTANCE = "distance"
    ANGLE = "angle"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    FREEHAND = "freehand"
    PROBE = "probe"


POINTS = {Kind.DISTANCE: 2, Kind.ANGLE: 3, Kind.ELLIPSE: 3, Kind.RECTANGLE: 3, Kind.PROBE: 1}  # freehand: 3 or more
REGIONS = (Kind.ELLIPSE, Kind.RECTANGLE, Kind.FREEHAND)


@dataclass(frozen=True)
class Quantity:
    """One number that was measured; None where it is undefined."""

    name: str
    value: float | None
    unit: str = ""

    @property
    def text(self) -> str:
        """The number with the digits that mean something, and its unit."""
        return amount(self.value, self.unit)


@dataclass(frozen=True)
class Measurement:
    """``points`` are LPS mm in the space of the series ``series_uid`` (its pixels where it is uncalibrated)."""

    kind: Kind
    series_uid: str
    plane: Plane
    points: tuple[Point, ...]
    quantities: tuple[Quantity, ...] = ()
    label: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def headline(self) -> str:
        """The number that matters most, in words."""
        if self.kind in REGIONS:
            return f"{self.quantity('area').text}, {self.spread}"
        return self.quantities[0].text if self.quantities else "–"

    @property
    def spread(self) -> str:
        """Mean and standard deviation of a region, with three digits of the larger."""
        mean, sd = (self.quantity(name).value for name in ("mean", "sd"))
        if mean is None:
            return "–"
        largest = max(abs(mean), sd or 0.0, 1e-9)
        decimals = min(max(2 - math.floor(math.log10(largest)), 0), 4)
        return f"{mean:.{decimals}f} ± {'–' if sd is None else f'{sd:.{decimals}f}'}"

    def quantity(self, name: str) -> Quantity:
        """The quantity of that name; an undefined one where there is none."""
        return next((one for one in self.quantities if one.name == name), Quantity(name, None))


def amount(value: float | None, unit: str = "") -> str:
    """A number as it is shown: about four digits, whole ones as they are, a dash where it is undefined."""
    if value is None:
        return "–"
    if unit in ("", "voxels") and value.is_integer():
        return f"{value:.0f} {unit}".rstrip()
    decimals = 1 if unit in ("mm", "°", "px") else max(0, min(3, 3 - math.floor(math.log10(max(abs(value), 1e-9)))))
    text = f"{value:.{decimals}f}"
    return text + (unit if unit == "°" else f" {unit}" if unit else "")


def measured(kind: Kind, series: Series, plane: Plane, points: Sequence[Point]) -> tuple[Quantity, ...]:
    """What ``points`` of ``series`` measure; lengths in mm, or in px where the series is uncalibrated."""
    geometry = series.volume.geometry
    length, area = ("mm", "mm²") if geometry.calibrated else ("px", "px²")
    if kind is Kind.DISTANCE:
        return (Quantity("length", measure.distance(*points), length),)
    if kind is Kind.ANGLE:
        return (Quantity("angle", measure.angle(*points), "°"),)
    if kind is Kind.PROBE:
        return (Quantity("value", measure.value_at(series.volume, points[0])),)
    view = PlaneView.of(geometry, plane)
    areas, regions = _AREAS[kind], _IN_REGION[kind]
    index = measure.slice_of(view, points)
    found = measure.Statistics(0)
    if index is not None:
        found = measure.statistics_in(series.volume, view, index, regions(view, points))
    return (
        Quantity("area", areas(points), area),
        Quantity("mean", found.mean),
        Quantity("sd", found.sd),
        Quantity("minimum", found.minimum),
        Quantity("maximum", found.maximum),
        Quantity("count", float(found.voxels), "voxels"),
    )


_AREAS: dict[Kind, Callable[[Sequence[Point]], float]] = {
    Kind.ELLIPSE: lambda points: measure.ellipse_area(*points),
    Kind.RECTANGLE: lambda points: measure.rectangle_area(*points),
    Kind.FREEHAND: measure.polygon_area,
}
_IN_REGION: dict[Kind, Callable[[PlaneView, Sequence[Point]], measure.Pixels]] = {
    Kind.ELLIPSE: measure.in_ellipse,
    Kind.RECTANGLE: measure.in_rectangle,
    Kind.FREEHAND: measure.in_polygon,
}


def take(kind: Kind, series: Series, plane: Plane, points: Sequence[Point], label: str = "") -> Measurement:
    """A new measurement of ``points`` in ``series``."""
    return Measurement(kind, series.uid, plane, tuple(points), measured(kind, series, plane, points), label)


class Measurements:
    """The measurements of the open study in the order they were made; ``changed`` is emitted after every change.

    They live in ``records``, so that the journal and the session file keep them, and begin anew with every study.
    """

    def __init__(self, records: StateRecords) -> None:
        self.changed: Event[None] = Event()
        self._records = records
        self._items: tuple[Measurement, ...] = ()
        self._before: list[tuple[Measurement, ...]] = []  # the lists that deletions can be taken back to
        records.restored.connect(lambda _: self._restore())

    @property
    def items(self) -> tuple[Measurement, ...]:
        """All of them, oldest first."""
        return self._items

    def get(self, measurement_id: str) -> Measurement | None:
        """The measurement of that id; None where there is none."""
        return next((one for one in self._items if one.id == measurement_id), None)

    def add(self, measurement: Measurement) -> None:
        """Keep another one."""
        self._set((*self._items, measurement))

    def replace(self, measurement: Measurement) -> None:
        """Put ``measurement`` in the place of the one with its id; ignored where there is none."""
        self._set(measurement if one.id == measurement.id else one for one in self._items)

    def rename(self, measurement_id: str, label: str) -> None:
        """Give one a label of the user's own."""
        found = self.get(measurement_id)
        if found is not None:
            self.replace(replace(found, label=label.strip()[:LABEL_LIMIT]))

    def remove(self, ids: Iterable[str]) -> None:
        """Delete those; ``bring_back`` takes it back."""
        gone = set(ids)
        kept = tuple(one for one in self._items if one.id not in gone)
        if kept != self._items:
            self._before.append(tuple(one for one in self._items if one.id in gone))
            self._set(kept)

    @property
    def can_bring_back(self) -> bool:
        """Whether any was deleted since the study was opened."""
        return bool(self._before)

    def bring_back(self) -> None:
        """Undo the last deletion."""
        if self._before:
            self._set((*self._items, *self._before.pop()))

    def _set(self, items: Iterable[Measurement]) -> None:
        new = tuple(items)
        if new == self._items:
            return
        self._items = new
        self._records.put(RECORD, document(new) if new else None, work=True)
        self.changed.emit(None)

    def _restore(self) -> None:
        self._items = from_document(self._records.get(RECORD))
        self._before = []
        self.changed.emit(None)


# -- as JSON -----------------------------------------------------------------------------------------------------------


def document(items: Iterable[Measurement]) -> dict[str, Any]:
    """The measurements as plain JSON."""
    return {
        "version": FORMAT,
        "items": [
            {
                "id": one.id,
                "kind": str(one.kind),
                "series": one.series_uid,
                "plane": str(one.plane),
                "points": [list(point) for point in one.points],
                "label": one.label,
                "quantities": [{"name": q.name, "value": q.value, "unit": q.unit} for q in one.quantities],
            }
            for one in items
        ],
    }


def from_document(value: Document) -> tuple[Measurement, ...]:
    """The measurements in what ``document`` made; entries that are not measurements are left out."""
    if not isinstance(value, dict) or value.get("version") != FORMAT or not isinstance(value.get("items"), list):
        return ()
    found = (_from_entry(entry) for entry in value["items"])
    return tuple(one for one in found if one is not None)


def _from_entry(entry: Document) -> Measurement | None:
    try:
        kind, plane = Kind(entry["kind"]), Plane(entry["plane"])
        points = tuple(_point(point) for point in entry["points"])
        quantities = tuple(
            Quantity(str(one["name"]), None if one["value"] is None else _finite(one["value"]), str(one["unit"]))
            for one in entry["quantities"]
        )
        label = str(entry["label"])[:LABEL_LIMIT]
        if len(points) < 3 if kind is Kind.FREEHAND else len(points) != POINTS[kind]:
            return None
        return Measurement(kind, str(entry["series"]), plane, points, quantities, label, str(entry["id"]))
    except (KeyError, TypeError, ValueError):
        return None


def _point(value: Document) -> Point:
    x, y, z = (_finite(mm) for mm in value)
    return x, y, z


def _finite(value: Document) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number
