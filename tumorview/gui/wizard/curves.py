"""The curves of a training run: Dice on the validation patients, loss and learning rate over the steps."""

import math
from collections.abc import Mapping

import pyqtgraph
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from tumorview.app.training_events import Curves
from tumorview.gui import theme
from tumorview.gui.widgets import named

_AXIS_WIDTH = 66  # of all plots, so that their steps are above each other
_LABEL_ROOM = 8  # above the axis, for the upper half of its highest number
_STYLES = {  # told apart by their line too
    "pooled": Qt.PenStyle.SolidLine,
    "per_volume": Qt.PenStyle.DashLine,
    "flair": Qt.PenStyle.DotLine,
    "loss": Qt.PenStyle.SolidLine,
    "lr": Qt.PenStyle.SolidLine,
}


class _Plot(pyqtgraph.PlotWidget):
    """One plot without menus and zooming: it always shows everything."""

    def __init__(self, name: str, title: str, axis: str) -> None:
        super().__init__()
        named(self, name, title)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(64)
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(False, False)
        item.getAxis("left").setWidth(_AXIS_WIDTH)
        item.getAxis("left").enableAutoSIPrefix(False)
        item.getAxis("left").setStyle(maxTickLevel=0)
        item.setLabel("left", axis)
        item.layout.setContentsMargins(0, _LABEL_ROOM, 0, 0)
        self.lines: dict[str, pyqtgraph.PlotDataItem] = {}

    def wheelEvent(self, event: QEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()

    def line(self, name: str, title: str | None = None) -> None:
        """Add a curve."""
        self.lines[name] = self.plot([], [], name=title)

    def show_points(self, name: str, points: Mapping[int, float | None]) -> None:
        """Draw a curve; a single point gets a dot."""
        known = {step: value for step, value in points.items() if value is not None and math.isfinite(value)}
        self.lines[name].setData(list(known), list(known.values()), symbol="o" if len(known) < 40 else None)

    def dress(self, colours: Mapping[str, str], background: str, text: str) -> None:
        """Take over the theme's colours."""
        self.setBackground(QColor(background))
        item = self.getPlotItem()
        for side in ("left", "bottom"):
            item.getAxis(side).setPen(QColor(text))
            item.getAxis(side).setTextPen(QColor(text))
        for name, line in self.lines.items():
            colour = QColor(colours[name])
            line.setPen(pyqtgraph.mkPen(colour, width=2, style=_STYLES[name]))
            line.setSymbolBrush(colour)
            line.setSymbolPen(None)
            line.setSymbolSize(4)
        if item.legend is not None:
            for _, title in item.legend.items:
                title.setText(title.text, color=text)


class CurvesView(QWidget):
    """Three plots above each other with the same steps: Dice, loss, learning rate."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_curves")
        self.dice = _Plot("dice_curve", "Dice on the validation patients", "Dice")
        self.dice.addLegend(offset=(-8, -8), labelTextSize="9pt")
        self.dice.line("pooled", "all slices together")
        self.dice.line("per_volume", "mean of patients")
        self.dice.line("flair", "FLAIR alone")
        self.dice.setYRange(0.0, 1.0, padding=0.02)
        self.loss = _Plot("loss_curve", "Loss of the training slices", "Loss")
        self.loss.line("loss")
        self.rate = _Plot("rate_curve", "Learning rate", "Rate")
        self.rate.line("lr")
        self.rate.setLabel("bottom", "step")
        self._best = pyqtgraph.InfiniteLine(angle=90, movable=False)
        self._best.setVisible(False)
        self.dice.addItem(self._best)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID // 2)
        for plot, share in ((self.dice, 5), (self.loss, 3), (self.rate, 2)):
            layout.addWidget(plot, share)
            if plot is not self.dice:
                plot.setXLink(self.dice)
        self._dressed: theme.Colours | None = None
        self._dress()

    def show_curves(self, curves: Curves, total_steps: int | None) -> None:
        """Draw everything that is known, over all steps of the run."""
        found = {step: one.scores for step, one in curves.validations.items()}
        self.dice.show_points("pooled", {step: one.dice_pooled for step, one in found.items()})
        self.dice.show_points("per_volume", {step: one.dice_per_volume for step, one in found.items()})
        self.dice.show_points("flair", {step: one.flair_dice_pooled for step, one in found.items()})
        # A run of the command line has said both at its validations only.
        scored = {step: one for step, one in curves.validations.items() if one.loss is not None}
        losses = {step: one.loss for step, one in scored.items()} | curves.loss
        rates = {step: one.lr for step, one in scored.items()} | curves.lr
        self.loss.show_points("loss", dict(sorted(losses.items())))
        self.rate.show_points("lr", dict(sorted(rates.items())))
        last = max([1, *curves.loss, *found, total_steps or 1])
        self.dice.setXRange(0, last, padding=0.02)
        best = curves.best
        self._best.setVisible(best is not None)
        if best is not None:
            self._best.setValue(best.total_step)
            self.dice.setAccessibleDescription(_dice_text(curves))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._dress()

    def _dress(self) -> None:
        c = theme.colours()
        if c is self._dressed:
            return
        self._dressed = c
        colours = {
            "pooled": c.accent_hover,
            "per_volume": c.text,
            "flair": c.text_dim,
            "loss": c.text,
            "lr": c.text_dim,
        }
        for plot in (self.dice, self.loss, self.rate):
            plot.dress(colours, c.panel, c.text_dim)
        self._best.setPen(pyqtgraph.mkPen(QColor(c.border), width=1))


def _dice_text(curves: Curves) -> str:
    """The curve in words, for a screen reader."""
    step, last = next(reversed(curves.validations.items()))
    best = curves.best
    assert best is not None
    return f"Dice after step {step}: {_two(last.scores.dice_pooled)}; best after step {best.total_step}"


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
