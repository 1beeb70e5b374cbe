"""The tool in the hand: which one, what it paints over what, and its own options."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QGridLayout, QPushButton, QVBoxLayout, QWidget

from tumorview.app.session import BrushSettings
from tumorview.app.tool_options import GROW_RADIUS_LIMIT, Greys, Tool, ToolOptions
from tumorview.core.labels import LabelTable
from tumorview.core.tools import Over, PaintRule, Shape
from tumorview.gui import icons, theme
from tumorview.gui.docks.panel import Panel
from tumorview.gui.widgets import ComboBox, Slider, action_button, compact_spin, label, named, row

# Slider positions are spaced evenly in the logarithm: 0.5 mm to 50 mm.
SMALLEST, LARGEST, POSITIONS = 0.5, 50.0, 100
COLUMNS = 6  # tool buttons beside each other
CAPTION = 66  # pixels of the names of the options, so that the fields stand in line
FIELD = 68


@dataclass(frozen=True)
class ToolChoice:
    """What the user has set: fields of the BrushSettings and of the ToolOptions."""

    brush: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


class EditPanel(Panel):
    """Tool buttons follow the actions of the table; below them only what the tool in the hand can use."""

    chosen = Signal(object)  # ToolChoice
    whole_volume_asked = Signal()  # the threshold everywhere

    def __init__(self, tools: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__("Edit", "edit", parent)
        grid = QGridLayout()
        grid.setSpacing(1)
        for number, action in enumerate(tools):
            grid.addWidget(action_button(action, size=20), number // COLUMNS, number % COLUMNS)
        grid.setColumnStretch(COLUMNS, 1)
        self.content.addLayout(grid)
        self._groups: list[tuple[QWidget, frozenset[Tool]]] = []
        self._make_target()
        self._make_brush()
        self._make_outline()
        self._make_threshold()
        self._make_fill()
        self._make_growing()
        self.show_tool(Tool.NAVIGATE)

    # -- making it ---------------------------------------------------------------------------------------------

    def _make_target(self) -> None:
        body = self._group([tool for tool in Tool if tool is not Tool.NAVIGATE])
        self.label = ComboBox()
        named(self.label, "brush_label", "Label to paint", "The label that is painted (Shift+1 … Shift+9)")
        self.over = ComboBox()
        self.over.setMinimumContentsLength(3)
        named(self.over, "paint_over", "Paint over", "Which voxels may be changed; locked labels never are")
        self.label.activated.connect(lambda: self._send(label=self.label.currentData()))
        self.over.activated.connect(lambda: self._send(rule=self.over.currentData()))
        both = row(self.label, label("over"), self.over)
        both.setStretch(0, 3)
        both.setStretch(2, 2)
        body.addLayout(both)

    def _make_brush(self) -> None:
        body = self._group([tool for tool in Tool if tool.paints])
        self.radius = Slider(0, POSITIONS)
        named(self.radius, "brush_radius_slider", "Brush radius", "Brush radius; [ and ] or Shift+wheel in the image")
        self.radius_spin = _spin("brush_radius", "Brush radius", SMALLEST, LARGEST, 0.5)
        self.radius.valueChanged.connect(lambda at: self._send(radius=_radius(at)))
        self.radius_spin.valueChanged.connect(lambda mm: self._send(radius=mm))
        self.shape = ComboBox()
        named(self.shape, "brush_shape", "Shape of the brush", "Round or square")
        self.shape.addItem("Round", Shape.ROUND)
        self.shape.addItem("Square", Shape.SQUARE)
        self.shape.activated.connect(lambda: self._send(shape=Shape(self.shape.currentData())))
        self.ball = _check("brush_3d", "3D", "A ball or a cube: paints into the neighbouring slices too")
        self.ball.toggled.connect(lambda on: self._send(ball=on))
        radius = row(label("Radius"), self.radius, self.radius_spin)
        body.addLayout(radius)
        body.addLayout(_captioned("Shape", self.shape, self.ball))
        smart = self._group([Tool.SMART_BRUSH])
        self.sensitivity = _spin("smart_sensitivity", "Sensitivity", 0.5, 10.0, 0.5)
        self.sensitivity.setToolTip(
            "How different a grey may be from the middle of the brush, in standard deviations around it"
        )
        self.sensitivity.valueChanged.connect(lambda value: self._send(sensitivity=value))
        smart.addLayout(_captioned("Sensitivity", 1, self.sensitivity))

    def _make_outline(self) -> None:
        body = self._group([tool for tool in Tool if tool.outlines])
        self.mode = ComboBox()
        named(self.mode, "outline_mode", "Add or cut out", "What becomes of the inside; a right drag does the other")
        self.mode.addItem("Add the inside", False)
        self.mode.addItem("Cut the inside out", True)
        self.mode.activated.connect(lambda: self._set(subtract=self.mode.currentData()))
        body.addLayout(_captioned("Outline", self.mode))

    def _make_threshold(self) -> None:
        body = self._group([Tool.THRESHOLD])
        self.greys = ComboBox()
        named(self.greys, "threshold_greys", "Greys", "Bright and dark part where the two tissues do, or a range")
        for greys, text in ((Greys.BRIGHT, "Bright"), (Greys.DARK, "Dark")):
            self.greys.addItem(text, greys)
        self.greys.addItem("Range", Greys.RANGE)
        self.greys.activated.connect(lambda: self._set(greys=Greys(self.greys.currentData())))
        self.low = _spin("threshold_low", "Lowest grey", -1e6, 1e6, 1.0)
        self.high = _spin("threshold_high", "Highest grey", -1e6, 1e6, 1.0)
        self.low.valueChanged.connect(lambda value: self._set(low=value))
        self.high.valueChanged.connect(lambda value: self._set(high=value))
        self.everywhere = QPushButton("Whole Volume")
        named(
            self.everywhere,
            "threshold_everywhere",
            "Threshold the whole volume",
            "Paint the greys wherever may be painted over, without an outline",
        )
        self.everywhere.setMinimumHeight(theme.TARGET)
        self.everywhere.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.everywhere.clicked.connect(self.whole_volume_asked)
        body.addLayout(_captioned("Greys", self.greys))
        self._range = QWidget()
        between = _captioned("From … to", self.low, self.high)
        between.setContentsMargins(0, 0, 0, 0)
        self._range.setLayout(between)
        body.addWidget(self._range)
        body.addWidget(self.everywhere)

    def _make_fill(self) -> None:
        body = self._group([Tool.FILL])
        self.fill_deep = _check("fill_3d", "In all slices (3D)", "Otherwise in the slice in view")
        self.fill_deep.toggled.connect(lambda on: self._set(fill_deep=on))
        body.addWidget(self.fill_deep)

    def _make_growing(self) -> None:
        body = self._group([Tool.GROW_REGION])
        self.tolerance = _spin("grow_tolerance", "Tolerance", 0.5, 200.0, 1.0)
        self.tolerance.setSuffix(" %")
        self.tolerance.setToolTip("How different a grey may be, as a share of the window; drag in the image to change")
        self.tolerance.valueChanged.connect(lambda percent: self._set(grow_tolerance=percent / 100))
        self.reach = _spin("grow_radius", "Largest distance", 1.0, GROW_RADIUS_LIMIT, 5.0)
        self.reach.setToolTip("No further from the place that was pressed than this")
        self.reach.valueChanged.connect(lambda mm: self._set(grow_radius=mm))
        self.grow_deep = _check("grow_3d", "3D", "Otherwise in the slice in view")
        self.grow_deep.toggled.connect(lambda on: self._set(grow_deep=on))
        body.addLayout(_captioned("Tolerance", 1, self.tolerance))
        body.addLayout(_captioned("Within", self.grow_deep, 1, self.reach))

    def _group(self, tools: Sequence[Tool]) -> QVBoxLayout:
        """A block of options that is shown with some tools; its layout."""
        block = QWidget()
        layout = QVBoxLayout(block)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.content.addWidget(block)
        self._groups.append((block, frozenset(tools)))
        return layout

    def _send(self, **brush: Any) -> None:  # noqa: ANN401 - one keyword per field of BrushSettings
        self.chosen.emit(ToolChoice(brush=brush))

    def _set(self, **options: Any) -> None:  # noqa: ANN401 - one keyword per field of ToolOptions
        self.chosen.emit(ToolChoice(options=options))

    # -- showing -----------------------------------------------------------------------------------------------

    def show_tool(self, tool: Tool) -> None:
        """Show the options of ``tool``."""
        for block, tools in self._groups:
            block.setVisible(tool in tools)

    def show_options(self, options: ToolOptions, brush: BrushSettings, *, calibrated: bool) -> None:
        """Show everything as it is, without reporting it."""
        controls: tuple[QWidget, ...] = (
            *(self.radius, self.radius_spin, self.ball, self.sensitivity, self.low, self.high),
            *(self.fill_deep, self.tolerance, self.reach, self.grow_deep),
        )
        for control in controls:
            control.blockSignals(True)
        for spin in (self.radius_spin, self.reach):
            spin.setSuffix(" mm" if calibrated else " px")
        self.radius_spin.setValue(brush.radius)
        self.radius.setValue(_position(brush.radius))
        self.shape.select(brush.shape)
        self.ball.setChecked(brush.ball)
        self.sensitivity.setValue(brush.sensitivity)
        self.label.select(brush.label)
        self._select_rule(brush.rule)
        self.mode.select(options.subtract)
        self.greys.select(options.greys)
        self._range.setVisible(options.greys is Greys.RANGE)
        self.low.setValue(options.low)
        self.high.setValue(options.high)
        self.fill_deep.setChecked(options.fill_deep)
        self.tolerance.setValue(options.grow_tolerance * 100)
        self.reach.setValue(options.grow_radius)
        self.grow_deep.setChecked(options.grow_deep)
        for control in controls:
            control.blockSignals(False)

    def show_labels(self, labels: LabelTable | None, brush: BrushSettings) -> None:
        """Offer the labels that can be painted; a locked or hidden one is greyed."""
        self.label.clear()
        self.over.clear()
        self.over.addItem("all", PaintRule())
        self.over.addItem("background", PaintRule(Over.BACKGROUND))
        for index, entry in enumerate(labels or ()):
            swatch = icons.swatch(entry.colour)
            self.label.addItem(swatch, entry.name, entry.number)
            self.over.addItem(swatch, entry.name, PaintRule(Over.LABEL, entry.number))
            if entry.locked or not entry.visible:
                self.label.disable(index)
        self.label.select(brush.label)
        self._select_rule(brush.rule)
        self.label.setEnabled(labels is not None)
        self.over.setEnabled(labels is not None)

    def _select_rule(self, rule: PaintRule) -> None:
        # The combo box compares data by identity where Python values are concerned.
        found = (n for n in range(self.over.count()) if _same(self.over.itemData(n), rule))
        self.over.setCurrentIndex(next(found, 0))


def _same(a: PaintRule, b: PaintRule) -> bool:
    return a.over is b.over and (a.over is not Over.LABEL or a.label == b.label)


def _captioned(caption: str, *items: QWidget | int) -> Any:  # noqa: ANN401 - a QHBoxLayout
    text = label(caption)
    theme.grows(text, width=CAPTION)
    text.setMaximumWidth(CAPTION)
    return row(text, *items)


def _check(name: str, text: str, tip: str) -> QCheckBox:
    check = QCheckBox(text)
    named(check, name, text, tip)
    check.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    check.setMinimumHeight(theme.TARGET)
    return check


def _spin(name: str, accessible: str, low: float, high: float, step: float) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setDecimals(1)
    spin.setSingleStep(step)
    named(spin, name, accessible)
    compact_spin(spin, FIELD)
    spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return spin


def _radius(position: int) -> float:
    mm = SMALLEST * (LARGEST / SMALLEST) ** (position / POSITIONS)
    return round(mm * 2) / 2 if mm >= 2 else round(mm, 1)


def _position(radius: float) -> int:
    return round(POSITIONS * log(max(radius, SMALLEST) / SMALLEST) / log(LARGEST / SMALLEST))
