"""The light beside Run: whether this study is what the model was made for, and why not."""

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout, QWidget

from tumorview.core.fitness import Fitness, Light
from tumorview.gui import theme
from tumorview.gui.docks.notes import NOTES_WIDTH
from tumorview.gui.widgets import focus_ring, label, named

DIAMETER = 12
WORDS = {
    Light.GREEN: "The study is like the training data",
    Light.AMBER: "The result may be worse than usual",
    Light.RED: "The model cannot work on this study",
}


class FitnessLight(QToolButton):
    """Green, amber or red with another shape for each; hollow while nothing is known. A click gives the reasons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fitness: Fitness | None = None
        self.setFixedSize(QSize(theme.TARGET + 2, 30))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._open)
        self.show_fitness(None)

    def show_fitness(self, fitness: Fitness | None) -> None:
        """Show it; None: nothing is known yet."""
        self.fitness = fitness
        words = "The study was not looked at yet" if fitness is None else WORDS[fitness.light]
        reasons = "" if fitness is None else "\n".join(f"• {remark.text}" for remark in fitness.remarks)
        named(self, "fitness_light", f"Input fitness: {words}", "\n".join(filter(None, (words, reasons))))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A disc, a triangle or a square: colour alone would not tell everybody."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = theme.colours()
        centre, half = self.rect().center(), DIAMETER // 2
        box = (centre.x() - half, centre.y() - half, DIAMETER, DIAMETER)
        if self.fitness is None:
            painter.setPen(QPen(QColor(c.text_dim), 1.5))
            painter.drawEllipse(*box)
        else:
            light = self.fitness.light
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor({Light.GREEN: c.green, Light.AMBER: c.amber, Light.RED: c.red}[light]))
            if light is Light.GREEN:
                painter.drawEllipse(*box)
            elif light is Light.AMBER:
                points = ((0, -half - 1), (half + 1, half), (-half - 1, half))
                painter.drawPolygon([centre + QPoint(*point) for point in points])
            else:
                painter.drawRect(*box)
        painter.end()
        focus_ring(self)

    def _open(self) -> None:
        if self.fitness is None:
            return
        popup = QFrame(self, Qt.WindowType.Popup)
        popup.setObjectName("fitness_popup")
        popup.setFrameShape(QFrame.Shape.StyledPanel)
        popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(popup)
        title = label(WORDS[self.fitness.light])
        theme.scaled(title, 1.0, bold=True)
        column.addWidget(title)
        for remark in self.fitness.remarks:
            line = label(remark.text, warning=remark.light is not Light.GREEN, wrap=True)
            line.setFixedWidth(NOTES_WIDTH)
            column.addWidget(line)
            if remark.remedy:
                column.addWidget(label(remark.remedy, dim=True))
        if self.fitness.light is Light.AMBER:
            column.addWidget(label("You can run the model all the same.", dim=True))
        popup.adjustSize()
        place = self.mapToGlobal(self.rect().bottomLeft())
        right = self.screen().availableGeometry().right()
        popup.move(min(place.x(), right - popup.width()), place.y())
        popup.show()
