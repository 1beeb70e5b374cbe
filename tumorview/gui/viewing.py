"""Between the view grid, the slice strip, the actions of the views and what is remembered of them."""

from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu

from tumorview.app import looks
from tumorview.app.layouts import Layout, default_layout, hung_by_role, is_fine
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Preset
from tumorview.core.doubt import most_doubtful_first, next_in, slice_doubts
from tumorview.core.slicing import PlaneView, Turn
from tumorview.core.study import Series, Study
from tumorview.gui.action_set import ActionSet
from tumorview.gui.timing import Debounce, Memory
from tumorview.gui.views import Cine, SliceStrip, SliceView, ViewGrid
from tumorview.gui.views.slice_areas import amount_text

HANGING = "hang_tumour"  # is remembered like a layout
LOOKS_INTERVAL_MS = 300


class ViewController(QObject):
    """Layouts, linking, cine and what turns a view; ``told`` carries a sentence for the status bar."""

    told = Signal(str)

    def __init__(
        self,
        session: Session,
        reading: Reading,
        grid: ViewGrid,
        strip: SliceStrip,
        action_set: ActionSet,
        memory: Memory,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._reading, self._grid, self._strip = session, reading, grid, strip
        self._actions, self._memory = action_set, memory
        self.cine = Cine(self)
        self._doubted: int | None = None  # the slice that the keys for doubt led to last
        self._looks = Debounce(LOOKS_INTERVAL_MS, lambda: looks.keep(reading), self)
        self._group = QActionGroup(self)
        for layout in Layout:
            self._group.addAction(action_set[_action(layout)])
        settings = memory.settings
        grid.set_crosshair_of_several(settings.crosshair)
        self.cine.set_rate(settings.cine_rate)
        action_set.check("view.link", checked=reading.linked)
        self._connect()
        self._layout_changed(grid.arrangement)

    def _connect(self) -> None:
        session, grid, strip = self._session, self._grid, self._strip
        session.study_changed.connect(self._study_changed)
        session.series_changed.connect(lambda _: self._show_look())
        session.history_changed.connect(lambda _: self.cine.stop())
        for changed in (self._reading.window_changed, self._reading.colours_changed, self._reading.inverted_changed):
            changed.connect(lambda _: self._looks.request())
            changed.connect(lambda _: self._show_look())
        session.records.restored.connect(lambda _: looks.bring_back(self._reading))
        grid.layout_changed.connect(self._layout_changed)
        grid.active_changed.connect(self._active_changed)
        grid.slice_changed.connect(strip.set_current)
        strip.slice_selected.connect(lambda index: grid.active.show_slice(index))
        self.cine.playing_changed.connect(lambda on: self._actions.check("view.cine", checked=on))
        self.cine.rate_changed.connect(self._rate_changed)

    # -- layouts -----------------------------------------------------------------------------------------------

    def choose_layout(self, layout: Layout) -> None:
        """Arrange the views so, now and for the next study of this kind."""
        if layout is not self._grid.arrangement:
            self._grid.set_layout(layout)
        self._remember(layout.value)

    def hang_tumour(self) -> None:
        """FLAIR, T1, T1CE and T2 beside each other, now and for the next study of this kind."""
        self._grid.hang_tumour()
        self._remember(HANGING)

    def set_crosshair(self, shown: bool) -> None:
        """Show or hide the crosshair."""
        self._grid.set_crosshair(shown)
        self._memory.change(crosshair=self._grid.crosshair_of_several)

    def _remember(self, name: str) -> None:
        study = self._session.study
        if study is not None:
            kept = "" if name == default_layout(study).value else name
            fine = is_fine(study.reference.volume.geometry)
            self._memory.change(**{"layout_fine" if fine else "layout_thick": kept})

    def _layout_changed(self, layout: Layout) -> None:
        self.cine.stop()
        self._actions.check(_action(layout), checked=True)
        self._actions.check("view.crosshair", checked=self._grid.crosshair)

    def _study_changed(self, study: Study | None) -> None:
        self.cine.stop()
        if study is None:
            return
        settings = self._memory.settings
        wanted = settings.layout_fine if is_fine(study.reference.volume.geometry) else settings.layout_thick
        several = len(study.series) > 1
        if wanted == HANGING and sum(series is not None for series in hung_by_role(study)) > 1:
            self._grid.hang_tumour()
        elif wanted in list(Layout) and (several or not Layout(wanted).compares):
            self._grid.set_layout(Layout(wanted))
        else:
            self._grid.set_layout(default_layout(study))
        self._active_changed(self._grid.active)

    def _active_changed(self, view: SliceView) -> None:
        self._strip.set_plane(view.plane)
        self._strip.set_current(view.current_index)
        self._show_look()
        if self.cine.view is not view:
            self.cine.stop()

    def _show_look(self) -> None:
        """Mark in the menu how the active series is shown."""
        series = self._session.active_series
        if series is None:
            return
        reading = self._reading
        shown = {"view.invert": reading.inverted(series)}
        shown |= {f"view.{preset}_window": preset is reading.preset_of(series) for preset in Preset}
        shown |= {f"view.{colours}_colours": colours is reading.colour_map_of(series) for colours in ColourMap}
        for name, on in shown.items():
            if self._actions[name].isChecked() != on:
                self._actions.check(name, checked=on)

    def ask_where(self, series: Series, place: QPoint) -> None:
        """A menu at ``place`` (global) of the views that ``series`` can be shown in."""
        menu = QMenu(self._grid)
        menu.setObjectName("series_menu")
        menu.addAction("Show", lambda: self._session.show_series(series))
        menu.addSeparator()
        for number, view in enumerate(self._grid.shown):
            name = "nothing" if view.series is None else self._role(view.series)
            text = f"Show in View &{number + 1} ({view.plane.value}, {name})"
            menu.addAction(text, partial(self._grid.show_in, view, series))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _role(self, series: Series) -> str:
        study = self._session.study
        return (series.role if study is None else study.role_of(series)).value

    # -- the view under the hand -------------------------------------------------------------------------------

    @property
    def view(self) -> SliceView:
        """The view that keys belong to."""
        return self._grid.under_hand

    def turn(self, turn: Turn) -> None:
        """Flip or rotate the view under the hand."""
        self.view.set_turn(turn)

    def toggle_inverted(self) -> None:
        """Turn the greys of the series under the hand round."""
        self.view.set_inverted(not self.view.inverted)
        self._show_look()

    def set_preset(self, preset: Preset) -> None:
        """Show the series under the hand with a preset."""
        self.view.set_preset(preset)
        self._show_look()

    def set_colour_map(self, colours: ColourMap) -> None:
        """Show the series under the hand in colours."""
        self.view.set_colour_map(colours)
        self._show_look()

    def show_largest(self) -> None:
        """Go to the slice with the largest labelled area in the active view."""
        largest = self._strip.largest
        if largest is None:
            self.told.emit("There is no tumour in the mask yet.")
        else:
            self._grid.active.show_tumour(largest)

    def show_doubtful(self, step: int) -> None:
        """Go to the slice that is next in doubt, or the one before; what was corrected by hand is out of doubt."""
        session, active = self._session, self._grid.active
        prediction, mask = session.prediction, session.mask
        here = self._reading.index_in(session.study.reference) if session.study is not None else None
        if prediction is None or mask is None or here is None or not prediction.geometry.same_grid(mask.geometry):
            return
        view = PlaneView.of(mask.geometry, active.plane)
        axis = view.normal_axis
        doubts = slice_doubts(prediction.probabilities, mask.data, mask.provenance, axis)
        order = most_doubtful_first(doubts)
        place = np.array(here)
        current = round(place[axis])
        # Whoever comes from elsewhere begins with the greatest doubt.
        index = next_in(order, current, step) if current == self._doubted else next(iter(order), None)
        self._doubted = index
        if index is None:
            self.told.emit("No slice is in doubt.")
            return
        place[axis] = index
        self._reading.move_to(mask.geometry.index_to_world(place).tolist())
        amount = amount_text(view, float(doubts[index]))
        rank = f"{order.index(index) + 1} of {len(order)}"
        self.told.emit(f"Doubt {rank}: slice {index + 1}, {amount} in doubt")

    # -- cine --------------------------------------------------------------------------------------------------

    def play(self, on: bool) -> None:
        """Play the slices of the view under the hand, or stop."""
        if on:
            self.cine.play(self.view)
        else:
            self.cine.stop()
        self._actions.check("view.cine", checked=self.cine.playing)

    def _rate_changed(self, rate: float) -> None:
        self._memory.change(cine_rate=rate)
        self.told.emit(f"Cine: {rate:.0f} slices a second")


def _action(layout: Layout) -> str:
    return f"view.{layout.value}"
