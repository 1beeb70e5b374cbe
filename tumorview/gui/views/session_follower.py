"""Keeps a slice view on what the session holds."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QTimer

from tumorview.core.mask import Box
from tumorview.core.slicing import PlaneView
from tumorview.core.study import Series

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView

OTHERS_MS = 120
LINE_MARGIN = 4  # pixels around changed voxels that their boundary may reach, beside its own width


def until_destroyed(widget: QObject, stops: Sequence[Callable[[], None]]) -> None:
    """Call all ``stops`` when ``widget`` goes, so that no event reaches a widget that Qt has deleted."""

    def stop_listening() -> None:
        for stop in stops:
            stop()

    widget.destroyed.connect(stop_listening)


class SessionFollower:
    """Shows in ``view`` what the session opens and changes, where the Reading is."""

    def __init__(self, view: "SliceView") -> None:
        self._view = view
        # While a stroke goes on in one view the others follow less often: the frame belongs to the hand.
        self._later = QTimer(view)
        self._later.setSingleShot(True)
        self._later.setInterval(OTHERS_MS)
        self._later.timeout.connect(self._repaint_waiting)
        self._waiting = QRectF()
        session = view.session
        stops = [
            view.reading.position_changed.connect(lambda _: self._position_changed()),
            view.reading.window_changed.connect(self._greys_changed),
            view.reading.inverted_changed.connect(self._greys_changed),
            view.reading.identity_changed.connect(lambda _: view.update()),
            view.reading.colours_changed.connect(self._greys_changed),
            session.study_changed.connect(lambda _: self._study_changed()),
            session.series_changed.connect(lambda _: view.update()),  # its role may be another
            session.shown_changed.connect(self._shown_changed),
            session.labels_changed.connect(lambda _: self._labels_changed()),
            session.truth_changed.connect(lambda _: self._truth_changed()),
        ]
        until_destroyed(view, stops)
        self._study_changed()

    def _study_changed(self) -> None:
        view = self._view
        view.abandon_drag()
        view.show_series(view.session.active_series)
        view.start_over()
        view.refresh_pointer()
        if view.session.study is None:
            view.forget_pictures()
        view.update()

    def _position_changed(self) -> None:
        study, series = self._view.session.study, self._view.source.series
        if study is not None and any(series is one for one in study.series):  # not while another study is opened
            self._view.follow()

    def _greys_changed(self, series: Series) -> None:
        if series is self._view.source.series:
            self._view.update()
            self._view.window_changed.emit(self._view.window)

    def _shown_changed(self, box: Box) -> None:
        view, source = self._view, self._view.source
        source.forget_overlays()
        if view.plane_view is None or not source.touches(box, view.current_index):
            return
        area = QRectF(view.rect())
        if source.masks.on_own_grid and box != Box.whole(view.plane_view.geometry.shape):
            area = self._area(view.plane_view, box)
        if view.painting or not view.session.painting:
            self._repaint(area)
            return
        self._waiting = self._waiting.united(area)
        if not self._later.isActive():
            self._later.start()

    def _repaint(self, area: QRectF) -> None:
        self._view.update_around(area, LINE_MARGIN + self._view.overlay.boundary_width)

    def _repaint_waiting(self) -> None:
        area, self._waiting = self._waiting, QRectF()
        self._repaint(area)

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
