"""Keeps a slice view on what the session holds."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QRectF

from tumorview.core.mask import Box
from tumorview.core.slicing import PlaneView
from tumorview.core.study import Series, same_place

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

LINE_MARGIN = 4  # pixels around changed voxels that their boundary may reach, beside its own width

Place = npt.NDArray[np.float64]  # LPS mm


def until_destroyed(widget: QObject, stops: Sequence[Callable[[], None]]) -> None:
    """Call all ``stops`` when ``widget`` goes, so that no event reaches a widget that Qt has deleted."""

    def stop_listening() -> None:
        for stop in stops:
            stop()

    widget.destroyed.connect(stop_listening)


class SessionFollower:
    """Shows in ``view`` what the session opens, chooses and changes."""

    def __init__(self, view: "SliceView") -> None:
        self._view = view
        session = view.session
        stops = [
            view.reading.position_changed.connect(lambda _: self._position_changed()),
            view.reading.window_changed.connect(self._greys_changed),
            view.reading.inverted_changed.connect(self._greys_changed),
            view.reading.identity_changed.connect(lambda _: view.update()),
            view.reading.colours_changed.connect(self._greys_changed),
            session.study_changed.connect(lambda _: self._study_changed()),
            session.series_changed.connect(self._series_changed),
            session.shown_changed.connect(self._shown_changed),
            session.labels_changed.connect(lambda _: self._labels_changed()),
            session.truth_changed.connect(lambda _: self._truth_changed()),
        ]
        until_destroyed(view, stops)
        self._study_changed()

    def _study_changed(self) -> None:
        view = self._view
        view.abandon_drag()
        view.source.show(None)
        if view.session.active_series is not None:
            self._series_changed(view.session.active_series)
            view.start_over()
        view.refresh_pointer()
        view.update()

    def _series_changed(self, series: Series) -> None:
        view = self._view
        if series is view.source.series:
            view.update()  # its role may be another
            return
        view.abandon_drag()
        before, scale = view.source.series, view.viewport.scale
        middle, cross = self._world(*view.viewport.centre), self._world(*view.place)
        view.source.show(series)
        plane_view = view.plane_view
        assert plane_view is not None
        view.viewport.set_slice(plane_view.size, plane_view.pixel_spacing)
        if before is not None and middle is not None and cross is not None:
            if same_place(before, series):
                self._stay_at(plane_view, cross, middle, scale)
            else:
                view.viewport.reset()
                view.show_slice(view.current_index)
        view.window_changed.emit(view.window)
        view.refresh_pointer()
        view.update()

    def _position_changed(self) -> None:
        study, series = self._view.session.study, self._view.source.series
        if study is not None and any(series is one for one in study.series):  # not while another study is opened
            self._view.follow()

    def _greys_changed(self, series: Series) -> None:
        if series is self._view.source.series:
            self._view.update()
            self._view.window_changed.emit(self._view.window)

    def _world(self, row: float, column: float) -> Place | None:
        view = self._view.plane_view
        if view is None:
            return None
        return view.geometry.index_to_world(view.to_voxel(self._view.current_index, row, column))

    def _stay_at(self, plane_view: PlaneView, cross: Place, middle: Place, scale: float) -> None:
        # Another series of the study: the same place of the patient at the same magnification.
        viewport, geometry = self._view.viewport, plane_view.geometry
        viewport.zoom *= scale / viewport.scale
        _, row, column = plane_view.from_voxel(geometry.world_to_index(middle).tolist())
        viewport.look_at(row, column)
        self._view.look_at(geometry.world_to_index(cross).tolist())

    def _shown_changed(self, box: Box) -> None:
        view, source = self._view, self._view.source
        source.forget_overlays()
        if view.plane_view is None or not source.touches(box, view.current_index):
            return
        if source.masks.on_own_grid and box != Box.whole(view.plane_view.geometry.shape):
            view.update_around(self._area(view.plane_view, box), LINE_MARGIN + view.overlay.boundary_width)
        else:
            view.update()

    def _area(self, plane_view: PlaneView, box: Box) -> QRectF:
        last = [stop - 1 for stop in box.stop]
        corners = [plane_view.from_voxel(corner) for corner in (box.start, last)]
        rows, columns = [corner[1] for corner in corners], [corner[2] for corner in corners]
        left, top = self._view.viewport.to_widget(min(rows) - 0.5, min(columns) - 0.5)
        right, bottom = self._view.viewport.to_widget(max(rows) + 0.5, max(columns) + 0.5)
        return QRectF(left, top, right - left, bottom - top)

    def _labels_changed(self) -> None:
        self._view.source.forget_overlays()
        self._view.update()

    def _truth_changed(self) -> None:
        self._view.source.forget_truth()
        self._view.update()
