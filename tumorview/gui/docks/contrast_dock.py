"""Window/level of the active series: presets, histogram with handles, numbers and colours."""

import math

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QIcon, QPixmap, QStandardItemModel
from PySide6.QtWidgets import QDoubleSpinBox, QMenu, QToolButton, QWidget

from tumorview.app.actions import by_id
from tumorview.app.reading import Reading
from tumorview.core import colour_maps
from tumorview.core.colour_maps import TITLES, ColourMap
from tumorview.core.contrast import Preset
from tumorview.core.rendering import Window
from tumorview.core.study import Series
from tumorview.gui import theme
from tumorview.gui.docks.histogram import Histogram
from tumorview.gui.docks.panel import Panel
from tumorview.gui.views.layers import grey_image
from tumorview.gui.views.session_follower import until_destroyed
from tumorview.gui.widgets import ComboBox, action_button, compact_spin, label, named, row

CUSTOM = "Custom"
PRESET_TITLES = {
    Preset.AUTO: "Automatic",
    Preset.CONTRAST: "High contrast",
    Preset.WIDE: "Wide",
    Preset.LESION: "Lesion",
    Preset.FILE: "From the file",
}
SPIN_WIDTH = 70
LIMIT = 1e9
RAMP_SIZE = QSize(28, 10)


class ContrastPanel(Panel):
    """Follows ``reading``: what is chosen here is seen in every view, and what is dragged in a view is seen here."""

    def __init__(self, reading: Reading, invert: QAction, parent: QWidget | None = None) -> None:
        super().__init__("Contrast", "contrast", parent)
        self._reading = reading
        self.preset = ComboBox()
        named(self.preset, "window_preset", "Window preset", "What the greys are spent on; keys 1 to 5 in the image")
        for preset in Preset:
            spec = by_id(f"view.{preset}_window")
            self.preset.addItem(f"{spec.shortcut}  {PRESET_TITLES[preset]}", preset)
            self.preset.setItemData(self.preset.count() - 1, spec.tip, Qt.ItemDataRole.ToolTipRole)
        self.colours = QToolButton()
        named(self.colours, "colour_map", "Colours", "Colours of the intensities, while this study is open")
        self.colours.setIconSize(RAMP_SIZE)
        self.colours.setFixedHeight(theme.TARGET)
        self.colours.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.colours.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.colours.setMenu(QMenu(self))
        self._ramps = {colour_map: _ramp_icon(colour_map) for colour_map in ColourMap}
        for colour_map, icon in self._ramps.items():
            entry = self.colours.menu().addAction(icon, TITLES[colour_map])
            entry.triggered.connect(lambda _=False, chosen=colour_map: self._choose_colours(chosen))
        inverted = action_button(invert, size=16)
        inverted.setObjectName("contrast_invert")
        inverted.setFixedSize(theme.TARGET + 4, theme.TARGET)
        self.histogram = Histogram()
        self.level = self._number("window_level", "Level: the intensity in the middle of the greys")
        self.width_ = self._number("window_width", "Window: how many intensities lie between black and white")
        self.width_.setMinimum(0.0)
        self.content.addLayout(row(self.preset, self.colours, inverted, spacing=2))
        self.content.addWidget(self.histogram)
        self.content.addLayout(row(label("W"), self.width_, 1, label("L"), self.level))
        self._connect()
        self.refresh()

    def _number(self, name: str, tip: str) -> QDoubleSpinBox:
        spin = QDoubleSpinBox()
        spin.setRange(-LIMIT, LIMIT)
        named(spin, name, tip.split(":")[0], tip)
        compact_spin(spin, SPIN_WIDTH)
        spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return spin

    def _connect(self) -> None:
        reading, session = self._reading, self._reading.session
        stops = [
            session.series_changed.connect(lambda _: self.refresh()),
            session.study_changed.connect(lambda _: self.refresh()),
            reading.window_changed.connect(self._series_changed),
            reading.inverted_changed.connect(self._series_changed),
            reading.colours_changed.connect(self._series_changed),
        ]
        until_destroyed(self, stops)
        self.folded_changed.connect(lambda _: self.refresh())
        self.preset.activated.connect(lambda _: self._choose_preset(self._chosen_preset()))
        self.histogram.window_chosen.connect(self._choose_window)
        self.histogram.auto_chosen.connect(lambda: self._choose_preset(Preset.AUTO))
        for spin in (self.level, self.width_):
            spin.valueChanged.connect(lambda _: self._choose_numbers())

    # -- showing -----------------------------------------------------------------------------------------------

    @property
    def series(self) -> Series | None:
        """Whose window is shown."""
        return self._reading.session.active_series

    def refresh(self) -> None:
        """Show the active series; nothing is counted while the panel is folded."""
        series = self.series
        self.body.setEnabled(series is not None)
        if self.folded:
            return
        self.histogram.show_series(None if series is None else self._reading.intensities_of(series))
        if series is not None:
            self._show_window(series)

    def refresh_icons(self) -> None:
        """Draw what has the theme's colours again."""
        super().refresh_icons()
        if hasattr(self, "histogram"):
            self.histogram.update()

    def _series_changed(self, series: Series) -> None:
        if series is self.series and not self.folded:
            self._show_window(series)

    def _show_window(self, series: Series) -> None:
        reading = self._reading
        window, colour_map = reading.window_of(series), reading.colour_map_of(series)
        turned = reading.inverted(series) != series.inverted
        self.histogram.show_window(window, colour_maps.table(colour_map), inverted=turned)
        self._show_preset(reading.preset_of(series))
        model = self.preset.model()
        assert isinstance(model, QStandardItemModel)
        model.item(self.preset.findData(Preset.FILE)).setEnabled(series.window is not None)
        self.colours.setIcon(self._ramps[colour_map])
        self.colours.setAccessibleDescription(TITLES[colour_map])
        self._show_numbers(window, series)

    def _show_preset(self, preset: Preset | None) -> None:
        custom = self.preset.findText(CUSTOM)
        if preset is None and custom < 0:
            self.preset.addItem(CUSTOM, None)
            custom = self.preset.count() - 1
        elif preset is not None and custom >= 0:
            self.preset.removeItem(custom)
        self.preset.setCurrentIndex(custom if preset is None else self.preset.findData(preset))

    def _show_numbers(self, window: Window, series: Series) -> None:
        span = max(self._reading.auto_window_of(series).width, 1e-9)
        decimals = min(max(0, 3 - math.floor(math.log10(span))), 9)
        for spin, value in ((self.width_, window.width), (self.level, window.centre)):
            spin.blockSignals(True)
            spin.setDecimals(decimals)
            spin.setSingleStep(span / 100)
            spin.setValue(value)
            spin.blockSignals(False)

    # -- choosing ----------------------------------------------------------------------------------------------

    def _chosen_preset(self) -> Preset | None:
        data = self.preset.currentData()  # Qt keeps a plain string
        return None if data is None else Preset(data)

    def _choose_preset(self, preset: Preset | None) -> None:
        if self.series is not None and preset is not None:
            self._reading.set_preset(self.series, preset)

    def _choose_colours(self, colour_map: ColourMap) -> None:
        if self.series is not None:
            self._reading.set_colour_map(self.series, colour_map)

    def _choose_window(self, window: Window) -> None:
        if self.series is not None:
            self._reading.set_window(self.series, window)

    def _choose_numbers(self) -> None:
        least = 10.0 ** -self.width_.decimals()
        self._choose_window(Window(self.level.value(), max(self.width_.value(), least)))


def _ramp_icon(colour_map: ColourMap) -> QIcon:
    pixels = grey_image(colour_maps.LEVELS[None], colour_maps.table(colour_map))
    ramp = pixels.scaled(RAMP_SIZE, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    return QIcon(QPixmap.fromImage(ramp))
