"""How a slice view draws: window/level, mask, crosshair and marks; what of it is one view's own and what is shared."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Preset
from tumorview.core.rendering import Window
from tumorview.core.slicing import Plane
from tumorview.core.study import Series
from tumorview.gui.views.slice_source import SliceSource
from tumorview.gui.views.values import OverlayOptions


class SliceLook(QWidget):
    """The drawing options of a view of ``series``; every change repaints."""

    window_changed = Signal(object)  # Window
    hinted = Signal(str)  # why a gesture did nothing

    def __init__(self, session: Session, reading: Reading, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.session = session
        self.reading = reading
        self.source = SliceSource(session, reading, plane)
        self.smooth = True
        self.active = False  # whether it is marked as the view that panels and keys belong to
        self.empty_text = ""  # what is written where there is no series
        self._overlay = OverlayOptions()
        self._crosshair = False
        self._peeking = False

    def sizeHint(self) -> QSize:
        return QSize(512, 512)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 120)

    @property
    def series(self) -> Series | None:
        """The series that is shown; None in an empty view."""
        return self.source.series

    @property
    def window(self) -> Window:  # type: ignore[override]  # hides QWidget.window(), which nobody needs of a view
        """Window/level of the shown series."""
        return self.source.window

    def set_window(self, window: Window) -> None:
        """Show the series with ``window`` from now on, in every view."""
        if self.series is not None:
            self.reading.set_window(self.series, window)

    def set_preset(self, preset: Preset) -> None:
        """Show the series with the window of ``preset``."""
        if self.series is not None and not self.reading.set_preset(self.series, preset):
            self.hinted.emit("This file brings no window of its own.")

    def set_colour_map(self, colour_map: ColourMap) -> None:
        """Show the series in the colours of ``colour_map``."""
        if self.series is not None:
            self.reading.set_colour_map(self.series, colour_map)

    @property
    def intensity_range(self) -> float:
        """Width of the automatic window: what a drag of window/level is scaled by."""
        return self.source.auto_window.width

    @property
    def inverted(self) -> bool:
        """Whether black is shown white."""
        return self.source.inverted

    def set_inverted(self, inverted: bool) -> None:
        """Show black white and white black, or not."""
        if self.series is not None:
            self.reading.set_inverted(self.series, inverted)

    def set_smooth(self, smooth: bool) -> None:
        """Show greys interpolated, or every voxel as it is; the mask is never smoothed."""
        self.smooth = smooth
        self.update()

    @property
    def overlay(self) -> OverlayOptions:
        """How the mask is drawn."""
        return self._overlay

    def set_overlay(self, options: OverlayOptions) -> None:
        """Draw the mask as ``options`` say."""
        if options != self._overlay:
            self._overlay = options
            self.update()

    @property
    def overlay_shown(self) -> bool:
        """Whether the mask can be seen now."""
        return self._overlay.visible and not self._peeking

    def set_peeking(self, *, peeking: bool) -> None:
        """Hide the mask for as long as a key is held."""
        if peeking != self._peeking:
            self._peeking = peeking
            self.update()

    @property
    def crosshair(self) -> bool:
        """Whether the crosshair is shown."""
        return self._crosshair

    def set_crosshair(self, *, shown: bool) -> None:
        """Show or hide the crosshair."""
        if shown != self._crosshair:
            self._crosshair = shown
            self.update()

    def set_active(self, active: bool) -> None:
        """Mark it as the view that panels and keys belong to, or not."""
        if active != self.active:
            self.active = active
            self.update()
