"""Keeps the 3D scene on what the session holds: surfaces from jobs, slices at the crosshair."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from tumorview.app.jobs import Job, JobContext, JobTag
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core import colour_maps, rendering
from tumorview.core.colour_maps import ColourMap
from tumorview.core.geometry import Geometry
from tumorview.core.head import Head, find_head
from tumorview.core.labels import STANDARD_OPACITY, Colour
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Series, same_place
from tumorview.core.surfaces import Surface, drawn_geometry, label_surfaces
from tumorview.core.volume import Volume
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.timing import Debounce
from tumorview.gui.views.layers import Recent
from tumorview.gui.views.session_follower import until_destroyed
from tumorview.gui.views.volume_values import Scene, Sheet, Solid

LABELS, HEAD = GROUPS = "surface_labels", "surface_head"  # exclusive jobs
REST_MS = 300  # without an edit before surfaces are computed again
KEPT_SHEETS = 12

# Axial red, sagittal yellow, coronal green, as in 3D Slicer; muted, since full colours belong to labels.
PLANE_COLOURS: dict[Plane, Colour] = {
    Plane.AXIAL: (205, 92, 92),
    Plane.SAGITTAL: (201, 187, 106),
    Plane.CORONAL: (120, 176, 128),
}
HEAD_COLOUR: Colour = (198, 202, 210)
HEAD_OPACITY = 0.34

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Look:
    """How a series' greys are shown."""

    window: rendering.Window
    inverted: bool
    colour_map: ColourMap


class SceneKeeper(QObject):
    """``scene`` is what the 3D view draws. Surfaces are computed while ``active`` only, never during a stroke."""

    changed = Signal()  # something is drawn differently
    bounds_changed = Signal()  # another study, or its head was found

    def __init__(self, session: Session, reading: Reading, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._reading, self._jobs = session, reading, jobs
        self.planes = set(Plane)
        self.head_shown = True
        self.labels_shown = True
        self.problem = ""
        self._active = False
        self._stale = True
        self._surfaces: dict[int, Surface] = {}
        self._head: Head | None = None
        self._head_sought = False
        self._sheets: Recent[Sheet] = Recent(KEPT_SHEETS)
        self._later = Debounce(REST_MS, self._update_labels, self)
        stops = [
            session.study_changed.connect(lambda _: self._study_changed()),
            session.series_changed.connect(lambda _: self._slices_changed()),
            session.shown_changed.connect(lambda _: self._shown_changed()),
            session.labels_changed.connect(lambda _: self.changed.emit()),
            reading.position_changed.connect(lambda _: self._slices_changed()),
            reading.window_changed.connect(lambda _: self._slices_changed()),
            reading.inverted_changed.connect(lambda _: self._slices_changed()),
            reading.colours_changed.connect(lambda _: self._slices_changed()),
        ]
        until_destroyed(self, stops)

    # -- what is shown -----------------------------------------------------------------------------------------

    @property
    def scene(self) -> Scene:
        """Surfaces and slices as they are to be drawn now."""
        return Scene(tuple(self._solids()), tuple(self._slices()))

    @property
    def geometry(self) -> Geometry | None:
        """The grid of the study's reference as it is drawn; None while nothing is open."""
        study = self._session.study
        return None if study is None else drawn_geometry(study.reference.volume.geometry)

    @property
    def bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Lowest and highest corner of the head, or of the volume until it is found; None while nothing is open."""
        geometry = self.geometry
        if geometry is None:
            return None
        points = geometry.index_to_world(geometry.corners()) if self._head is None else self._head.surface.vertices
        return points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)

    @property
    def surfaces(self) -> dict[int, Surface]:
        """The surfaces of the labels by number, as they were computed last."""
        return self._surfaces

    @property
    def up_to_date(self) -> bool:
        """Whether the labels' surfaces are those of the mask that is shown."""
        return not self._stale and not self._jobs.is_running(LABELS)

    def set_active(self, active: bool) -> None:
        """Whether anybody looks: without a spectator nothing is computed."""
        self._active = active
        if active:
            self._catch_up()

    def show_plane(self, plane: Plane, shown: bool) -> None:
        """Show or hide the slice of ``plane``."""
        (self.planes.add if shown else self.planes.discard)(plane)
        self.changed.emit()

    def show_head(self, shown: bool) -> None:
        """Show or hide the head."""
        self.head_shown = shown
        self.changed.emit()

    def show_labels(self, shown: bool) -> None:
        """Show or hide all labels."""
        self.labels_shown = shown
        self.changed.emit()

    # -- making the scene --------------------------------------------------------------------------------------

    def _solids(self) -> list[Solid]:
        solids = []
        mask = self._session.mask
        if mask is not None and self.labels_shown:
            for number, surface in self._surfaces.items():
                label = mask.labels.get(number)
                if label is not None and label.visible and label.opacity > 0:
                    solids.append(Solid(surface, label.colour, min(label.opacity / STANDARD_OPACITY, 1.0)))
        if self._head is not None and self.head_shown:
            solids.append(Solid(self._head.surface, HEAD_COLOUR, HEAD_OPACITY, shell=True))
        return solids

    def _slices(self) -> list[Sheet]:
        series = self._sliced_series()
        index = None if series is None else self._reading.index_in(series)
        if series is None or index is None:
            return []
        reading = self._reading
        inverted = reading.inverted(series) != series.inverted
        look = _Look(reading.window_of(series), inverted, reading.colour_map_of(series))
        sheets = []
        for plane in Plane:
            if plane in self.planes:
                view = PlaneView.of(drawn_geometry(series.volume.geometry), plane)
                number = min(max(round(view.from_voxel(index)[0]), 0), view.count - 1)
                make = partial(_sheet, series, view, number, self._head, look)
                place = series.uid, series.volume.geometry, plane, number
                sheets.append(self._sheets.get((*place, look, self._head), make))
        return sheets

    def _sliced_series(self) -> Series | None:
        """The active series where it lies in the space of the mask, otherwise the one that the mask lies on."""
        study, active = self._session.study, self._session.active_series
        if study is None:
            return None
        return active if active is not None and same_place(active, study.reference) else study.reference

    # -- following the session ---------------------------------------------------------------------------------

    def _study_changed(self) -> None:
        self._surfaces, self._head, self._head_sought = {}, None, False
        self._sheets.clear()
        self.problem = ""
        self._stale = True
        self._later.cancel()
        self.bounds_changed.emit()
        self.changed.emit()
        self._catch_up()

    def _slices_changed(self) -> None:
        if self._active and self.planes:
            self.changed.emit()

    def _shown_changed(self) -> None:
        self._stale = True
        if self._active:
            self._later.request()

    def _catch_up(self) -> None:
        study = self._session.study
        if not self._active or study is None:
            return
        if self._stale:
            self._later.request()
        if not self._head_sought:
            self._head_sought = True
            self._start("Finding the head", HEAD, partial(_find_head, study.reference), self._head_found)

    def _update_labels(self) -> None:
        shown, mask = self._session.shown, self._session.mask
        if shown is None or mask is None or not self._active:
            return
        if self._session.painting:
            self._later.request()  # a surface half way through a stroke is of no use, and would make it stutter
            return
        self._stale = False
        work = partial(_label_surfaces, shown.copy(), drawn_geometry(mask.geometry))
        self._start("Computing surfaces", LABELS, work, self._labels_found)

    def _start(self, title: str, group: str, work: Any, done: Any) -> None:  # noqa: ANN401 - a job's work and outcome
        study = self._session.study
        assert study is not None
        job: Job[Any] = Job(title, work, JobTag(study.id), exclusive=group)
        self._jobs.start(job, Handlers(done=done, failed=self._failed))

    def _labels_found(self, surfaces: dict[int, Surface]) -> None:
        self._surfaces = surfaces
        self.problem = ""
        self.changed.emit()

    def _head_found(self, head: Head | None) -> None:
        self._head = head
        self.bounds_changed.emit()
        self.changed.emit()

    def _failed(self, error: Exception) -> None:
        log.warning("3D view: %s", type(error).__name__)
        self.problem = f"The surface could not be computed: {error}"
        self.changed.emit()


def _label_surfaces(mask: npt.NDArray[np.uint8], geometry: Geometry, context: JobContext) -> dict[int, Surface]:
    return label_surfaces(mask, geometry, progress=context)


def _find_head(series: Series, context: JobContext) -> Head | None:
    return find_head(Volume(series.volume.data, drawn_geometry(series.volume.geometry)), progress=context)


def _sheet(series: Series, view: PlaneView, number: int, head: Head | None, look: _Look) -> Sheet:
    """Slice ``number`` of ``view`` in space, in the colours of the slice views and cut out along the head."""
    grey = rendering.grey(view.extract(series.volume.data, number), look.window, inverted=look.inverted)
    pixels = np.full((*grey.shape, 4), 255, np.uint8)
    pixels[..., :3] = rendering.coloured(grey, colour_maps.table(look.colour_map))
    if head is not None:
        pixels[..., 3] = np.round(255 * head.coverage(view, number))
    rows, columns = view.size
    corners = ((-0.5, -0.5), (-0.5, columns - 0.5), (rows - 0.5, columns - 0.5), (rows - 0.5, -0.5))
    places = view.geometry.index_to_world([view.to_voxel(number, row, column) for row, column in corners])
    return Sheet(pixels, places, PLANE_COLOURS[view.plane])
