"""What a slice view shows and where: series, plane, slice, crosshair and framing; no painting, no hand."""

import math
from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QRect, Signal
from PySide6.QtWidgets import QWidget

from tumorview.app.reading import Place, Reading
from tumorview.app.session import Session
from tumorview.core.slicing import UPRIGHT, Plane, PlaneView, Turn
from tumorview.core.study import Series, same_place
from tumorview.gui.views.slice_look import SliceLook
from tumorview.gui.views.values import CROSSHAIR_REACH, Voxel
from tumorview.gui.views.viewport import Viewport


class SlicePane(SliceLook):
    """Shows ``series`` in ``plane`` at the Reading's position."""

    slice_changed = Signal(int)
    series_changed = Signal(object)  # Series, or None
    framing_changed = Signal()  # the user zoomed, panned or fitted the slice

    def __init__(self, session: Session, reading: Reading, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(session, reading, plane, parent)
        self.viewport = Viewport()
        self.place = (0.0, 0.0)  # row and column of the crosshair
        self.off_slice = False  # whether the crosshair lies before the first or behind the last slice
        self._index = 0
        self._publishing = False

    def left_slice(self) -> None:
        """Another slice is about to be shown: what the hand was doing belongs to this one."""
        raise NotImplementedError

    # -- series, plane and turn --------------------------------------------------------------------------------

    @property
    def plane(self) -> Plane:
        """The plane that is shown."""
        return self.source.plane

    @property
    def turn(self) -> Turn:
        """How the picture is turned away from radiological convention."""
        return self.source.turn

    @property
    def plane_view(self) -> PlaneView | None:
        """How the shown series is laid on the screen; None while nothing is open."""
        return self.source.view

    def show_series(self, series: Series | None) -> None:
        """Show ``series`` from now on: in the same place of the patient at the same magnification, if that is known."""
        if series is not self.series:
            self._change(series, self.plane, self.turn)
            self.series_changed.emit(series)
            self.window_changed.emit(self.window)

    def set_plane(self, plane: Plane) -> None:
        """Show another plane at the same place of the patient."""
        if plane is not self.plane:
            self._change(self.series, plane, UPRIGHT)

    def set_turn(self, turn: Turn) -> None:
        """Show the picture flipped or rotated; the letters follow."""
        if turn != self.turn:
            self._change(self.series, self.plane, turn)

    def start_over(self) -> None:
        """Another study: its middle slice, fitted and upright."""
        self.source.show(self.series, self.plane)
        view = self.plane_view
        if view is not None:
            self.viewport.set_slice(view.size, view.pixel_spacing)
            self._index = -1  # so that listeners hear of the slice whatever its number
            self._look_at_middle(view)
            self.follow()
        self.viewport.reset()

    def _change(self, series: Series | None, plane: Plane, turn: Turn) -> None:
        self.left_slice()
        before, middle, cross, scale = self.series, self.middle, self._world(*self.place), self.viewport.scale
        self.source.show(series, plane, turn)
        view = self.plane_view
        if series is not None and view is not None:
            self.viewport.set_slice(view.size, view.pixel_spacing)
            if before is not None and middle is not None and cross is not None and same_place(before, series):
                self.frame(middle, scale)
                self.look_at(view.geometry.world_to_index(cross).tolist())
            else:
                self.viewport.reset()
                self._look_at_middle(view)
                self.follow()
        self.update()

    # -- slice and crosshair -----------------------------------------------------------------------------------

    @property
    def current_index(self) -> int:
        """Slice number along the plane's normal, from 0."""
        return self._index

    @property
    def current_voxel(self) -> Voxel:
        """Voxel (k, j, i) under the crosshair; the nearest one where the crosshair lies beside the image."""
        if self.plane_view is None:
            return 0, 0, 0
        kji = self.plane_view.to_voxel(self._index, *self.place)
        k, j, i = (
            min(max(math.floor(place + 0.5), 0), extent - 1)
            for place, extent in zip(kji, self.plane_view.geometry.shape, strict=True)
        )
        return k, j, i

    def go_to(self, k: float, j: float, i: float) -> None:
        """Show the slice of voxel (k, j, i) of the shown series and put the crosshair on it."""
        self.look_at((k, j, i))
        self.publish()

    def show_slice(self, index: int) -> None:
        """Show slice ``index``; beyond the ends the first or last."""
        if self.plane_view is not None and self._look(min(max(index, 0), self.plane_view.count - 1), self.place):
            self.publish()

    def step(self, n: int) -> None:
        """Go ``n`` slices on (back if negative)."""
        self.show_slice(self._index + n)

    def next_tumour(self, step: int) -> None:
        """Jump to the nearest slice with a label, forward (1) or back (-1)."""
        found = self.source.next_labelled(self._index, step)
        if found is None:
            self.hinted.emit("No further slice with tumour in this direction.")
        else:
            self.show_tumour(found)

    def show_tumour(self, index: int) -> None:
        """Show slice ``index`` with the crosshair on its labels, so that the other planes show them too."""
        self._look(index, self.source.on_label(index, self.place))
        self.publish()

    def look_at(self, kji: Sequence[float]) -> None:
        """As ``go_to``, for this view alone."""
        if self.plane_view is not None:
            index, row, column = self.plane_view.from_voxel(kji)
            self._look(index, (row, column))

    def follow(self) -> None:
        """Show where the crosshair is for all views."""
        found = None if self.series is None else self.reading.index_in(self.series)
        if found is not None and not self._publishing:
            self.look_at(found)

    def _look_at_middle(self, view: PlaneView) -> None:
        self.look_at([(extent - 1) // 2 for extent in view.geometry.shape])

    def _look(self, index: float, place: tuple[float, float]) -> bool:
        """Show the nearest slice, with the crosshair at ``place`` (row, column); False where it was shown before."""
        assert self.plane_view is not None
        wanted = math.floor(index + 0.5 + 1e-6)  # halfway places all go the same way, whatever their last bits
        nearest = min(max(wanted, 0), self.plane_view.count - 1)
        before = self.place, self.off_slice
        self.place, self.off_slice = place, wanted != nearest
        if nearest == self._index:
            if before != (self.place, self.off_slice):
                self._update_crosshair(before[0])
            return False
        self.left_slice()
        self._index = nearest
        self.update()
        self.slice_changed.emit(nearest)
        return True

    def publish(self) -> None:
        """Take the crosshair of all views along, unless views keep to themselves."""
        place = self._world(*self.place)
        if self.series is None or place is None or not self.reading.linked:
            return
        self._publishing = True  # what is shown here is exact; following oneself would only add rounding
        self.reading.move_to(place, self.series)
        self._publishing = False

    def _world(self, row: float, column: float) -> Place | None:
        view = self.plane_view
        if view is None:
            return None
        x, y, z = view.geometry.index_to_world(view.to_voxel(self._index, row, column)).tolist()
        return x, y, z

    def _update_crosshair(self, old_place: tuple[float, float]) -> None:
        # Another view scrolled: two lines move, the picture under them is the same.
        if not self._crosshair:
            return
        for place in (old_place, self.place):
            x, y = (math.floor(value) for value in self.viewport.to_widget(*place))
            self.update(QRect(0, y - CROSSHAIR_REACH, self.width(), 2 * CROSSHAIR_REACH + 1))
            self.update(QRect(x - CROSSHAIR_REACH, 0, 2 * CROSSHAIR_REACH + 1, self.height()))

    # -- framing -----------------------------------------------------------------------------------------------

    @property
    def middle(self) -> Place | None:
        """What lies in the widget's middle, LPS mm."""
        return self._world(*self.viewport.centre)

    def frame(self, middle: Place, scale: float) -> None:
        """Show ``middle`` (LPS mm) in the widget's middle with ``scale`` pixels a mm; for this view alone."""
        view = self.plane_view
        if view is None:
            return
        self.viewport.zoom *= scale / self.viewport.scale
        _, row, column = view.from_voxel(view.geometry.world_to_index(middle).tolist())
        self.viewport.look_at(row, column)
        self.update()

    def reset_view(self) -> None:
        """Fit the whole slice into the view, upright."""
        self.set_turn(UPRIGHT)
        self.viewport.reset()
        self.update()
        self.framing_changed.emit()

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by pixels."""
        self.viewport.pan(dx, dy)
        self.update()
        self.framing_changed.emit()

    def zoom_about(self, place: QPointF, factor: float) -> None:
        """Enlarge; what lies under ``place`` stays there."""
        self.viewport.zoom_about(place.x(), place.y(), factor)
        self.update()
        self.framing_changed.emit()

    # -- places ------------------------------------------------------------------------------------------------

    def voxel_to_widget(self, k: float, j: float, i: float) -> QPoint:
        """Where the middle of voxel (k, j, i) is, or would be in its own slice."""
        if self.plane_view is None:
            return QPoint()
        _, row, column = self.plane_view.from_voxel((k, j, i))
        x, y = self.viewport.to_widget(row, column)
        return QPoint(math.floor(x), math.floor(y))

    def widget_to_voxel(self, place: QPoint) -> Voxel | None:
        """The voxel (k, j, i) of the shown slice under a widget position; None beside the image."""
        # The middle of the pixel, so that the inverse of voxel_to_widget is exact down to voxels of one pixel.
        return self.voxel_under(QPointF(place) + QPointF(0.5, 0.5))

    def voxel_under(self, place: QPointF) -> Voxel | None:
        """The voxel (k, j, i) of the shown slice under an exact position; None beside the image."""
        return self.source.voxel(self._index, *self.viewport.to_slice(place.x(), place.y()))
