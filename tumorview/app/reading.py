"""How the open study is looked at: the crosshair's place in the patient, and how each series is shown.

One Reading is shared by everything that shows the Session, so that all views agree. Nothing here knows a window.
"""

from collections.abc import Mapping, Sequence

from tumorview.app.session import Session
from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Intensities, Preset, preset_window
from tumorview.core.event import Event
from tumorview.core.rendering import Window
from tumorview.core.study import Role, Series, Study, same_place

Place = tuple[float, float, float]


class Reading:
    """What the reader looks at and how; begins anew with each study, at the middle of its reference Series.

    ``position`` is in patient LPS mm (in the reference's own index space where it is uncalibrated). Series of another
    frame of reference have a crosshair of their own: see ``position_in``. While ``linked`` is False views keep to
    themselves where they scroll.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.position_changed: Event[Place | None] = Event()
        self.window_changed: Event[Series] = Event()
        self.inverted_changed: Event[Series] = Event()
        self.colours_changed: Event[Series] = Event()
        self.linked_changed: Event[bool] = Event()
        self.identity_changed: Event[str] = Event()
        self.identity = ""  # who is looked at, as the corner of a view says it; empty where that is hidden
        self.linked = True
        self._positions: list[tuple[Series, Place]] = []  # one for each space, with a series that lies in it
        self._windows: dict[str, Window] = {}
        self._presets: dict[str, Preset] = {}
        self._role_presets: dict[Role, Preset] = {}
        self._colour_maps: dict[str, ColourMap] = {}
        self._intensities: dict[str, Intensities] = {}
        self._preset_windows: dict[tuple[str, Preset, Role], Window | None] = {}
        self._inverted: set[str] = set()
        session.study_changed.connect(self._study_changed)
        session.series_replaced.connect(self._series_replaced)
        self._study_changed(session.study)

    # -- the crosshair -----------------------------------------------------------------------------------------

    @property
    def position(self) -> Place | None:
        """The crosshair in the space of the study's reference, LPS mm; None while nothing is open."""
        study = self.session.study
        return None if study is None else self.position_in(study.reference)

    def position_in(self, series: Series) -> Place | None:
        """The crosshair in the space of ``series``, LPS mm; None where nothing was pointed at in that space."""
        return next((place for anchor, place in self._positions if same_place(anchor, series)), None)

    def index_in(self, series: Series) -> tuple[float, float, float] | None:
        """The crosshair as fractional voxel (k, j, i) of ``series``, perhaps outside it; None as ``position_in``."""
        place = self.position_in(series)
        if place is None:
            return None
        k, j, i = series.volume.geometry.world_to_index(place).tolist()
        return k, j, i

    def reference_voxel(self) -> tuple[int, int, int]:
        """The voxel (k, j, i) of the reference that is looked at, the nearest one where that is beside the image."""
        study = self.session.study
        index = None if study is None else self.index_in(study.reference)
        if study is None or index is None:
            return 0, 0, 0
        shape = study.reference.volume.geometry.shape
        k, j, i = (min(max(round(place), 0), extent - 1) for place, extent in zip(index, shape, strict=True))
        return k, j, i

    def move_to(self, position: Sequence[float], series: Series | None = None) -> None:
        """Put the crosshair on ``position`` (LPS mm) of the space of ``series``, by default that of the reference."""
        study = self.session.study
        if study is None:
            return
        anchor = study.reference if series is None else series
        x, y, z = (float(mm) for mm in position)
        if self.position_in(anchor) == (x, y, z):
            return
        others = [(other, place) for other, place in self._positions if not same_place(other, anchor)]
        self._positions = [*others, (anchor, (x, y, z))]
        self.position_changed.emit(self.position)

    def set_linked(self, linked: bool) -> None:
        """Whether scrolling, zooming and panning one view moves the others."""
        if linked != self.linked:
            self.linked = linked
            self.linked_changed.emit(linked)

    def show_identity(self, identity: str) -> None:
        """Say in the corner of the views who is looked at; empty says nothing."""
        if identity != self.identity:
            self.identity = identity
            self.identity_changed.emit(identity)

    # -- greys -------------------------------------------------------------------------------------------------

    def window_of(self, series: Series) -> Window:
        """Window/level of ``series``: the user's, otherwise that of ``preset_of``."""
        own = self._windows.get(series.uid)
        if own is not None:
            return own
        preset = self.preset_of(series) or Preset.AUTO
        return self.preset_window(series, preset) or self.auto_window_of(series)

    def set_window(self, series: Series, window: Window) -> None:
        """Show ``series`` with ``window`` in every view from now on."""
        if window != self.window_of(series):
            self._windows[series.uid] = window
            self.window_changed.emit(series)

    def preset_of(self, series: Series) -> Preset | None:
        """The preset that ``series`` is shown with; None where the user set a window of their own.

        Until one is chosen it is the default of the series' role, then the file's own window, then the automatic one.
        """
        if series.uid in self._windows:
            return None
        chosen = self._presets.get(series.uid) or self._role_presets.get(self._role_of(series))
        if chosen is None or (chosen is Preset.FILE and series.window is None):
            return Preset.AUTO if series.window is None else Preset.FILE
        return chosen

    def chosen_preset_of(self, series: Series) -> Preset | None:
        """The preset that the user chose for ``series``; None where it is shown with a default."""
        return self._presets.get(series.uid)

    def set_preset(self, series: Series, preset: Preset) -> bool:
        """Show ``series`` with the window of ``preset``; False where the file has no window of its own."""
        if self.preset_window(series, preset) is None:
            return False
        self._windows.pop(series.uid, None)
        self._presets[series.uid] = preset
        self.window_changed.emit(series)
        return True

    def preset_window(self, series: Series, preset: Preset) -> Window | None:
        """The window that ``preset`` gives ``series``; None where it is the file's and the file has none."""
        if preset is Preset.FILE:
            return series.window
        key = series.uid, preset, self._role_of(series)
        if key not in self._preset_windows:
            self._preset_windows[key] = preset_window(preset, key[2], self.intensities_of(series))
        return self._preset_windows[key]

    def auto_window_of(self, series: Series) -> Window:
        """Window/level from the percentiles of ``series``."""
        window = self.preset_window(series, Preset.AUTO)
        assert window is not None
        return window

    def intensities_of(self, series: Series) -> Intensities:
        """Air, percentiles and histogram of ``series``, counted once."""
        if series.uid not in self._intensities:
            self._intensities[series.uid] = Intensities.of(series.measured().data)
        return self._intensities[series.uid]

    def set_role_presets(self, presets: Mapping[Role, Preset]) -> None:
        """Show series of these roles with these presets unless something was chosen for them."""
        self._role_presets = dict(presets)
        for series in self.session.study.series if self.session.study is not None else ():
            self.window_changed.emit(series)

    @property
    def role_presets(self) -> Mapping[Role, Preset]:
        """The presets of ``set_role_presets``."""
        return self._role_presets

    def colour_map_of(self, series: Series) -> ColourMap:
        """The colours that ``series`` is shown in: greys unless the user chose others."""
        return self._colour_maps.get(series.uid, ColourMap.GREY)

    def set_colour_map(self, series: Series, colour_map: ColourMap) -> None:
        """Show ``series`` in other colours, in every view, while the study is open."""
        if colour_map != self.colour_map_of(series):
            self._colour_maps[series.uid] = colour_map
            self.colours_changed.emit(series)

    def inverted(self, series: Series) -> bool:
        """Whether the user turned the greys of ``series`` round (beside what the file asks for)."""
        return series.uid in self._inverted

    def set_inverted(self, series: Series, inverted: bool) -> None:
        """Show black white and white black in ``series``, or not."""
        if inverted != self.inverted(series):
            self._inverted ^= {series.uid}
            self.inverted_changed.emit(series)

    # -- inside ------------------------------------------------------------------------------------------------

    def _role_of(self, series: Series) -> Role:
        return series.role if self.session.study is None else self.session.study.role_of(series)

    def _series_replaced(self, series: Series) -> None:
        self._positions = [(anchor, place) for anchor, place in self._positions if anchor.uid != series.uid]
        self.position_changed.emit(self.position)

    def _study_changed(self, study: Study | None) -> None:
        # A closed study and one that is opened again are both new: nothing is known of their greys.
        for known in (self._windows, self._presets, self._colour_maps, self._intensities, self._preset_windows):
            known.clear()
        self._inverted.clear()
        self._positions = []
        if study is not None:
            geometry = study.reference.volume.geometry
            middle = [(extent - 1) // 2 for extent in geometry.shape]
            x, y, z = geometry.index_to_world(middle).tolist()
            self._positions = [(study.reference, (x, y, z))]
        self.position_changed.emit(self.position)
