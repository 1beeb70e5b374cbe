"""Tools, brush size and the label that is painted."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QWidget

from tumorview.core.labels import LabelTable
from tumorview.gui import icons
from tumorview.gui.widgets import ComboBox, Panel, Slider, action_button, compact_spin, label, named, row

# Slider positions are spaced evenly in the logarithm: 0.5 mm to 50 mm.
SMALLEST, LARGEST, POSITIONS = 0.5, 50.0, 100


@dataclass(frozen=True)
class BrushChoice:
    """A new radius (mm, voxels where uncalibrated) or label; None stays as it is."""

    radius: float | None = None
    label: int | None = None


class EditPanel(Panel):
    """Tool buttons follow the actions of the table."""

    brush_chosen = Signal(object)  # BrushChoice

    def __init__(self, tools: Sequence[QAction], steps: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__("Edit", "edit", parent)
        self.radius = Slider(0, POSITIONS)
        named(self.radius, "brush_radius_slider", "Brush radius", "Brush radius; [ and ] or Shift+wheel in the image")
        self.radius_spin = QDoubleSpinBox()
        self.radius_spin.setRange(SMALLEST, LARGEST)
        self.radius_spin.setDecimals(1)
        self.radius_spin.setSuffix(" mm")
        self.radius_spin.setSingleStep(0.5)
        named(self.radius_spin, "brush_radius", "Brush radius")
        compact_spin(self.radius_spin, 64)
        self.radius_spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.label = ComboBox()
        named(self.label, "brush_label", "Label to paint", "The label that the brush paints")
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for action in tools:
            buttons.addWidget(action_button(action, size=20))
        buttons.addStretch(1)
        for action in steps:
            buttons.addWidget(action_button(action, size=20))
        self.content.addLayout(buttons)
        self.content.addLayout(row(label("Radius"), self.radius, self.radius_spin))
        paint = row(label("Paint"), self.label)
        paint.setStretch(1, 1)
        self.content.addLayout(paint)
        self.radius.valueChanged.connect(lambda at: self.brush_chosen.emit(BrushChoice(radius=_radius(at))))
        self.radius_spin.valueChanged.connect(lambda mm: self.brush_chosen.emit(BrushChoice(radius=mm)))
        self.label.activated.connect(lambda: self.brush_chosen.emit(BrushChoice(label=self.label.currentData())))

    def show_brush(self, radius: float, number: int, *, calibrated: bool) -> None:
        """Show the brush as it is."""
        for control in (self.radius, self.radius_spin):
            control.blockSignals(True)
        self.radius_spin.setSuffix(" mm" if calibrated else " px")
        self.radius_spin.setValue(radius)
        self.radius.setValue(_position(radius))
        for control in (self.radius, self.radius_spin):
            control.blockSignals(False)
        self.label.select(number)

    def show_labels(self, labels: LabelTable | None, number: int) -> None:
        """Offer the labels that can be painted; a locked or hidden one is greyed."""
        self.label.clear()
        for index, entry in enumerate(labels or ()):
            self.label.addItem(icons.swatch(entry.colour), entry.name, entry.number)
            if entry.locked or not entry.visible:
                self.label.disable(index)
        self.label.select(number)
        self.label.setEnabled(labels is not None)


def _radius(position: int) -> float:
    mm = SMALLEST * (LARGEST / SMALLEST) ** (position / POSITIONS)
    return round(mm * 2) / 2 if mm >= 2 else round(mm, 1)


def _position(radius: float) -> int:
    return round(POSITIONS * log(max(radius, SMALLEST) / SMALLEST) / log(LARGEST / SMALLEST))
