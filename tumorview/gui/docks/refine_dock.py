"""What changes the chosen label as a whole: buttons for actions of the Mask menu, with their numbers beside them."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QWidget

from tumorview.app.tool_options import ToolOptions
from tumorview.gui import theme
from tumorview.gui.docks.edit_dock import ToolChoice
from tumorview.gui.docks.panel import Panel
from tumorview.gui.widgets import ComboBox, action_button, compact_spin, label, named, push_button, row

ICONS = ("fill_holes", "keep_largest", "interpolate", "copy_previous", "copy_next", "mirror")
FIELD = 68


class RefinePanel(Panel):
    """``chosen`` carries a ToolChoice when a number or the reach was set."""

    chosen = Signal(object)  # ToolChoice

    def __init__(self, actions: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__("Refine", "refine", parent)
        self.margin = self._spin("margin", "Margin", " mm", 0.1, 50.0, 0.5, 1)
        self.softness = self._spin("smoothing", "Smoothing", " mm", 0.1, 20.0, 0.5, 1)
        self.softness.setToolTip("Standard deviation of the smoothing: what is smaller is rounded off")
        self.island = self._spin("island_volume", "Smallest part", " ml", 0.001, 1000.0, 0.05, 3)
        theme.grows(self.island, width=84)
        self.margin.valueChanged.connect(lambda mm: self._set(margin_mm=mm))
        self.softness.valueChanged.connect(lambda mm: self._set(smooth_mm=mm))
        self.island.valueChanged.connect(lambda ml: self._set(island_ml=ml))
        self.reach = ComboBox()
        named(self.reach, "refine_reach", "Where", "Where the label is changed")
        self.reach.addItem("In the whole volume", True)
        self.reach.addItem("In the slice in view", False)
        self.reach.activated.connect(lambda: self._set(shape_deep=self.reach.currentData()))
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for name in ICONS:
            buttons.addWidget(action_button(actions[f"edit.{name}"], size=20))
        buttons.addStretch(1)
        self.content.addLayout(buttons)
        self.content.addWidget(self.reach)
        grow, shrink = (self._button(actions, name) for name in ("grow", "shrink"))
        self.content.addLayout(row(grow, shrink, self.margin))
        self.content.addLayout(row(self._button(actions, "smooth"), self.softness))
        self.content.addLayout(row(self._button(actions, "remove_islands", "Remove islands"), label("<"), self.island))

    def show_options(self, options: ToolOptions, *, calibrated: bool) -> None:
        """Show the numbers as they are, without reporting them."""
        values = (
            (self.margin, options.margin_mm),
            (self.softness, options.smooth_mm),
            (self.island, options.island_ml),
        )
        for spin, value in values:
            spin.blockSignals(True)
            spin.setValue(value)
            spin.blockSignals(False)
        for spin in (self.margin, self.softness):
            spin.setSuffix(" mm" if calibrated else " px")
        self.island.setSuffix(" ml" if calibrated else " kvox")
        self.reach.select(options.shape_deep)

    def _set(self, **options: Any) -> None:  # noqa: ANN401 - one keyword per field of ToolOptions
        self.chosen.emit(ToolChoice(options=options))

    @staticmethod
    def _button(actions: Mapping[str, QAction], name: str, text: str = "") -> QWidget:
        return push_button(actions[f"edit.{name}"], f"refine_{name}", text or name.capitalize())

    @staticmethod
    def _spin(
        name: str, accessible: str, suffix: str, low: float, high: float, step: float, decimals: int
    ) -> QDoubleSpinBox:
        spin = QDoubleSpinBox()
        spin.setDecimals(decimals)
        spin.setRange(low, high)
        spin.setSingleStep(step)
        spin.setSuffix(suffix)
        named(spin, f"refine_{name}_value", accessible)
        compact_spin(spin, FIELD)
        spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.tabular(spin)
        return spin
