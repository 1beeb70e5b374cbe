"""Dice of each held-out patient with the old and with the new model: a line a patient, from left to right."""

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from tumorview.app.comparison import PatientPair
from tumorview.core.paired import MARGIN
from tumorview.gui import theme
from tumorview.gui.widgets import named

_NEAR = 14  # pixels: how far the pointer may be from a line that it names
_OLD, _NEW = 0.0, 1.0


class PairedPlot(pyqtgraph.PlotWidget):
    """Lines that rise are in the accent, those that fall by more than the margin in amber; the mean is thick."""

    _made = False  # Qt tells of a first palette before there is anything to dress

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs: tuple[PatientPair, ...] = ()
        self._margin = MARGIN
        self._name = pyqtgraph.TextItem(anchor=(0.5, 1.2))
        self._made = True
        named(self, "paired_plot", "Dice of each patient with the old and the new model")
        self.setToolTip("")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(220, 170)
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(False, False)
        item.setLabel("left", "Dice")
        item.getAxis("left").enableAutoSIPrefix(False)
        item.getAxis("bottom").setTicks([[(_OLD, "old"), (_NEW, "new")]])
        self.setXRange(_OLD, _NEW, padding=0.25)
        self.setYRange(0.0, 1.0, padding=0.02)
        self.scene().sigMouseMoved.connect(self._moved)
        self._dress()

    def show_pairs(self, pairs: Sequence[PatientPair], margin: float) -> None:
        """Draw these patients; one without Dice on a side is left out."""
        self._pairs = tuple(pair for pair in pairs if pair.difference is not None)
        self._margin = margin
        values = [value for pair in self._pairs for value in (pair.old, pair.new) if value is not None]
        lowest = min(values, default=0.0)
        self.setYRange(0.0 if lowest < 0.4 else lowest - 0.1, 1.0, padding=0.02)
        self._draw()
        up = sum(1 for pair in self._pairs if (pair.difference or 0.0) > 0)
        down = sum(1 for pair in self._pairs if (pair.difference or 0.0) < 0)
        self.setAccessibleDescription(f"{up} patients rise, {down} fall, of {len(self._pairs)}")

    def _draw(self) -> None:
        c = theme.colours()
        self.clear()
        self._name.setColor(QColor(c.text))
        for pair in self._pairs:
            change = pair.difference or 0.0
            colour = QColor(c.amber if change < -self._margin else c.accent_hover if change > 0 else c.text_dim)
            self._line(pair, colour, 1.5)
        if len(self._pairs) > 1:
            count = len(self._pairs)
            old, new = (sum(getattr(pair, side) for pair in self._pairs) / count for side in ("old", "new"))
            self._line(PatientPair("", "mean", 0, old, new), QColor(c.text), 3.5)
        self.addItem(self._name, ignoreBounds=True)
        self._name.hide()

    def _line(self, pair: PatientPair, colour: QColor, width: float) -> None:
        pen = pyqtgraph.mkPen(colour, width=width)
        self.plot([_OLD, _NEW], [pair.old, pair.new], pen=pen, symbol="o", symbolSize=6, symbolBrush=colour,
                  symbolPen=None, antialias=True)  # fmt: skip

    def _moved(self, place: QPointF) -> None:
        """Name the patient whose line is under the pointer."""
        nearest = self.pair_at(place)
        self._name.setVisible(nearest is not None)
        if nearest is None:
            return
        at = self.getPlotItem().vb.mapSceneToView(place)
        self._name.setText(f"{nearest.title}: {nearest.old:.2f} to {nearest.new:.2f}")
        self._name.setPos(at)

    def pair_at(self, place: QPointF) -> PatientPair | None:
        """The patient whose line passes that place of the scene."""
        box = self.getPlotItem().vb
        at = box.mapSceneToView(place)
        if not self._pairs or not _OLD - 0.1 <= at.x() <= _NEW + 0.1:
            return None
        share = min(max(at.x(), _OLD), _NEW)

        def distance(pair: PatientPair) -> float:
            old, new = pair.old or 0.0, pair.new or 0.0
            line = box.mapViewToScene(QPointF(at.x(), old + share * (new - old)))
            return abs(line.y() - place.y())

        nearest = min(self._pairs, key=distance)
        return nearest if distance(nearest) <= _NEAR else None

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if self._made and event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._dress()

    def _dress(self) -> None:
        c = theme.colours()
        self.setBackground(QColor(c.panel))
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(QColor(c.text_dim))
            axis.setTextPen(QColor(c.text_dim))
        self._draw()
