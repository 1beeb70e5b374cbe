"""The views of a study: which are shown where, which is active, and what links them."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QWidget

from tumorview.app.layouts import (
    HANGING,
    Cell,
    Layout,
    Slot,
    Volume3D,
    cells,
    hung_by_role,
    hung_in_order,
)
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.slicing import Plane, acquisition_plane
from tumorview.core.study import Series, Study
from tumorview.gui.views.cell_layout import CellLayout
from tumorview.gui.views.framing_links import FramingLinks
from tumorview.gui.views.session_follower import until_destroyed
from tumorview.gui.views.slice_view import SliceView

EXTRA_VIEWS = 4
EMPTY_TEXT = "Drag a series here"

MakeVolumeView = Callable[[QWidget], QWidget]


class ViewGrid(QWidget):
    """Three views of the active series, one for each plane, and more for other series and planes.

    A click on a series shows it in every view; in a layout that compares series, in the active view. The three views
    outlive every layout, so that ``view(plane)`` always answers.
    """

    active_changed = Signal(object)  # SliceView
    layout_changed = Signal(object)  # Layout
    slice_changed = Signal(int)  # of the active view
    cursor_moved = Signal(object)  # CursorInfo, or None
    hinted = Signal(str)
    brush_radius_changed = Signal(float)  # mm
    menu_requested = Signal(object, QPoint)  # the SliceView and the place in it
    alone_requested = Signal()  # a double click on the only view

    def __init__(
        self,
        session: Session,
        reading: Reading,
        make_volume_view: MakeVolumeView | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("view_grid")
        self._session, self._reading, self._make_volume_view = session, reading, make_volume_view
        self._volume_view: QWidget | None = None
        self._planes = {plane: self._new_view(plane, f"view_{plane.value}") for plane in Plane}
        self._extra = [self._new_view(Plane.AXIAL, f"view_extra_{number + 1}") for number in range(EXTRA_VIEWS)]
        self._replaced: dict[int, SliceView] = {}  # cells whose plane the user chose
        self._layout = Layout.AXIAL
        self._main = Plane.AXIAL
        self._maximised: QWidget | None = None
        self._cells: list[QWidget] = []
        self._activating = False
        self._study: Study | None = None
        self._crosshair_in = {False: False, True: True}  # one view, several views
        self.active = self._planes[Plane.AXIAL]
        self._grid = CellLayout(self)
        self._links = FramingLinks(reading, lambda: self.shown, self)
        stops = [
            session.study_changed.connect(self._study_changed),
            session.series_changed.connect(self._series_chosen),
            session.series_replaced.connect(self._series_replaced),
            reading.linked_changed.connect(self._linked_changed),
        ]
        until_destroyed(self, stops)
        self._arrange()

    # -- the views ---------------------------------------------------------------------------------------------

    def view(self, plane: Plane) -> SliceView:
        """The view of ``plane``; it works whether the layout shows it or not."""
        standing = self._planes[plane]
        found = (view for view in self.shown if view.plane is plane and view.series is not None)
        return standing if standing in self.shown else next(found, standing)

    @property
    def views(self) -> tuple[SliceView, ...]:
        """Every slice view, shown or not."""
        return (*self._planes.values(), *self._extra)

    @property
    def shown(self) -> tuple[SliceView, ...]:
        """The slice views of the layout, the most important first; the maximised one alone."""
        widgets = self._cells if self._maximised is None else [self._maximised]
        return tuple(widget for widget in widgets if isinstance(widget, SliceView))

    @property
    def volume_view(self) -> QWidget | None:
        """The 3D view, or the panel that says why there is none; None until a layout first shows it."""
        return self._volume_view

    @property
    def cells(self) -> tuple[QWidget, ...]:
        """What the layout shows, slice views and others."""
        return tuple(self._cells)

    @property
    def under_hand(self) -> SliceView:
        """The view that keys belong to: the one under the pointer, otherwise the active one."""
        return next((view for view in self.shown if view.hasFocus()), self.active)

    def activate(self, view: SliceView) -> None:
        """Make ``view`` the one that panels and the slice strip belong to."""
        if view is self.active or view not in self.shown:
            return
        self.active = view
        self._mark_active()
        if view.series is not None and view.series is not self._session.active_series:
            self._activating = True
            self._session.show_series(view.series)
            self._activating = False
        self.active_changed.emit(view)

    def _new_view(self, plane: Plane, name: str) -> SliceView:
        view = SliceView(self._session, self._reading, plane, self)
        view.setObjectName(name)
        view.hide()
        view.slice_changed.connect(lambda index: self.slice_changed.emit(index) if view is self.active else None)
        view.cursor_moved.connect(self.cursor_moved)
        view.hinted.connect(self.hinted)
        view.brush_radius_changed.connect(self.brush_radius_changed)
        view.touched.connect(lambda: self.activate(view))
        view.maximise_requested.connect(lambda: self.toggle_maximised(view))
        view.menu_requested.connect(lambda place: self.menu_requested.emit(view, place))
        view.framing_changed.connect(lambda: self._links.framed(view))
        view.resized.connect(self._fit_soon)
        view.series_dropped.connect(lambda series: self.show_in(view, series))
        return view

    # -- layouts -----------------------------------------------------------------------------------------------

    @property
    def arrangement(self) -> Layout:
        """The layout that is shown."""
        return self._layout

    def set_layout(self, layout: Layout) -> None:
        """Arrange the views anew; the layouts that compare begin with the active series."""
        study, first = self._session.study, self.active.series
        hung: Sequence[Series | None] = ()
        if layout.compares and study is not None:
            count = len(cells(layout, self._main))
            hung = hung_in_order(study, first or study.reference, count)
        self._show(layout, hung)

    def hang_tumour(self) -> None:
        """FLAIR, T1, T1CE and T2 beside each other."""
        if self._session.study is not None:
            self._show(Layout.FOUR_SERIES, hung_by_role(self._session.study))
            for view, role in zip(self._cells, HANGING, strict=True):
                assert isinstance(view, SliceView)
                view.empty_text = f"No {role.value} in this study. {EMPTY_TEXT}"

    def toggle_maximised(self, widget: QWidget | None = None) -> None:
        """One cell (by default the view under the hand) alone, or all of them again."""
        widget = widget or self.under_hand
        if self._maximised is not None:
            self._maximised = None
        elif len(self._cells) > 1:
            self._maximised = widget
            if isinstance(widget, SliceView):
                self.activate(widget)
        else:
            self.alone_requested.emit()
            return
        self._arrange()

    def show_in(self, view: SliceView, series: Series) -> None:
        """Show ``series`` in ``view`` alone and make that the active view."""
        view.show_series(series)
        if view is self.active:
            self._tell_session()
        else:
            self.activate(view)
        self._fit_soon()

    def set_plane(self, view: SliceView, plane: Plane) -> None:
        """Show ``plane`` in the cell of ``view``."""
        if view.plane is plane or view not in self._cells:
            return
        number = self._cells.index(view)
        series = view.series
        self._replaced.pop(number, None)
        if view in self._extra:
            view.set_plane(plane)
            self._replaced[number] = view
        else:
            other = next(one for one in self._extra if one not in self._cells)
            other.set_plane(plane)
            other.show_series(series)
            self._replaced[number] = other
        self._arrange()
        self.activate(self._replaced[number])

    def step_series(self, step: int) -> None:
        """Show the next (1) or previous (-1) series of the study in the active view, or in all that show one series."""
        study, series = self._session.study, self.active.series
        if study is None:
            return
        number = next((n for n, one in enumerate(study.series) if one is series), 0)
        self._session.show_series(study.series[(number + step) % len(study.series)])

    # -- what all views share ----------------------------------------------------------------------------------

    @property
    def crosshair(self) -> bool:
        """Whether the views show the crosshair."""
        return self._crosshair_in[len(self._cells) > 1]

    def set_crosshair(self, shown: bool) -> None:
        """Show or hide the crosshair; a single view and several views each remember it."""
        self._crosshair_in[len(self._cells) > 1] = shown
        for view in self.views:
            view.set_crosshair(shown=shown)

    @property
    def crosshair_of_several(self) -> bool:
        """Whether layouts with several views show the crosshair."""
        return self._crosshair_in[True]

    def set_crosshair_of_several(self, shown: bool) -> None:
        """As ``set_crosshair`` would in a layout with several views."""
        self._crosshair_in[True] = shown

    # -- inside ------------------------------------------------------------------------------------------------

    def _show(self, layout: Layout, hung: Sequence[Series | None]) -> None:
        self._maximised = None
        self._replaced.clear()
        changed, self._layout = layout is not self._layout, layout
        self._arrange()
        for view in self._planes.values():
            view.show_series(self._session.active_series)
        for view, one in zip(self.shown, hung, strict=False):
            view.show_series(one)
            view.empty_text = EMPTY_TEXT
        self.activate(next((view for view in self.shown if view.series is not None), self.active))
        self._tell_session()
        self._fit_soon()
        if changed:
            self.layout_changed.emit(layout)

    def _arrange(self) -> None:
        """Put the widgets of the layout in their places."""
        plan = cells(self._layout, self._main)
        self._cells = [self._widget_of(number, cell.content) for number, cell in enumerate(plan)]
        shown = self._cells if self._maximised is None else [self._maximised]
        if self._maximised is not None:
            plan = (Cell(Slot(0)),)
        self._grid.show_cells(plan, shown)
        self.set_crosshair(self.crosshair)
        if self.active not in self.shown and self.shown:
            self.active = self.shown[0]
            self._tell_session()
            self.active_changed.emit(self.active)
        self._mark_active()
        self._fit_soon()

    def _widget_of(self, number: int, content: Plane | Slot | Volume3D) -> QWidget:
        if number in self._replaced:
            return self._replaced[number]
        if isinstance(content, Plane):
            return self._planes[content]
        if isinstance(content, Volume3D) and self._make_volume_view is not None:
            if self._volume_view is None:
                self._volume_view = self._make_volume_view(self)
            return self._volume_view
        if isinstance(content, Slot) and content.number == 0:
            return self._planes[self._main]
        view, series = self._extra[number], self._session.active_series
        view.set_plane(self._main)
        if isinstance(content, Volume3D) and self._session.study is not None and series is not None:
            view.show_series(hung_in_order(self._session.study, series, 2)[1] or series)
        return view

    def _mark_active(self) -> None:
        several = len(self.shown) > 1
        for view in self.views:
            view.set_active(several and view is self.active)

    def _tell_session(self) -> None:
        series = self.active.series
        if series is not None and series is not self._session.active_series:
            self._activating = True
            self._session.show_series(series)
            self._activating = False

    def _study_changed(self, study: Study | None) -> None:
        self._study = study
        self._replaced.clear()
        self._maximised = None
        if study is not None:
            self._main = acquisition_plane(study.reference.volume.geometry)
            for view in self._extra:
                view.set_plane(self._main)
        self._arrange()

    def _series_chosen(self, series: Series) -> None:
        renamed, self._study = self._study is not self._session.study, self._session.study
        if self._activating or renamed:  # only the active view or a role is another
            return
        if self._layout.compares:
            self.active.show_series(series)
        else:
            for view in (*self._planes.values(), *self._replaced.values()):
                view.show_series(series)
        self._fit_soon()

    def _series_replaced(self, series: Series) -> None:
        self._study = self._session.study
        for view in self.views:
            if view.series is not None and view.series.uid == series.uid:
                view.show_series(series)

    def _fit_soon(self) -> None:
        self._links.fit_soon(self.active)

    def _linked_changed(self, linked: bool) -> None:
        if linked:
            self.active.publish()
            self._fit_soon()
