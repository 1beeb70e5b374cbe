"""Sample predictions beside ground truth: always the same slices, after any validation of the run."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from tumorview.app.training_events import SampleSet
from tumorview.core.colour_maps import ColourMap, table
from tumorview.core.labels import LabelTable
from tumorview.core.rendering import BoundaryStyle
from tumorview.gui import theme
from tumorview.gui.views.layers import OverlayPicture, grey_image, overlay_picture, truth_path
from tumorview.gui.views.values import OverlayOptions
from tumorview.gui.widgets import Slider, label, named, row

_COLUMNS = ("Ground truth", "Network")
_GAP = 4  # pixels
_MOST = 220  # pixels of a picture's side


@dataclass(frozen=True, eq=False)
class _Pair:
    """One slice: its greys, and what lies over them on the left and on the right."""

    image: QImage
    overlays: tuple[OverlayPicture, OverlayPicture]


class _Pictures(QWidget):
    """A row for each slice: the dashed ground truth alone, and what the network finds under it."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "training_samples", "Sample predictions beside ground truth")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 160)
        self._pairs: list[_Pair] = []

    def sizeHint(self) -> QSize:
        """Two columns."""
        return QSize(2 * 140 + _GAP, 4 * (140 + _GAP))

    def show_samples(self, samples: SampleSet) -> None:
        """Draw these slices."""
        self._pairs = [_pair(samples, index) for index in range(len(samples.images))]
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pictures as large as there is room."""
        painter = QPainter(self)
        painter.setPen(QColor(theme.colours().text_dim))
        if not self._pairs:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Samples appear with the first validation")
            painter.end()
            return
        head = self.fontMetrics().height() + _GAP
        side = min(
            (self.width() - _GAP) / 2, (self.height() - head) / len(self._pairs) - _GAP, _MOST * theme.text_scale()
        )
        left = (self.width() - 2 * side - _GAP) / 2
        for column, title in enumerate(_COLUMNS):
            place = QRectF(left + column * (side + _GAP), 0, side, head)
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, title)
        for line, pair in enumerate(self._pairs):
            for column, overlay in enumerate(pair.overlays):
                place = QRectF(left + column * (side + _GAP), head + line * (side + _GAP), side, side)
                _draw(painter, place, pair.image, overlay)
        painter.end()


class SamplesView(QWidget):
    """The pictures, and a slider back through the validations; ``step_chosen`` asks for another one."""

    step_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pictures = _Pictures()
        self._steps: tuple[int, ...] = ()
        self.shown: int | None = None
        self._when = label("", dim=True)
        self._when.setObjectName("training_samples_step")
        theme.tabular(self._when)
        self._slider = Slider(0, 0)
        named(self._slider, "training_samples_slider", "Sample predictions after an earlier validation")
        self._slider.valueChanged.connect(self._chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID // 2)
        layout.addWidget(self._pictures, 1)
        layout.addLayout(row(self._when, self._slider))
        self._slider.hide()

    def clear(self) -> None:
        """Nothing is there yet."""
        self._steps, self.shown = (), None
        self._pictures._pairs = []
        self._pictures.update()
        self._when.setText("")
        self._slider.hide()

    def show_newest(self, samples: SampleSet, steps: tuple[int, ...]) -> None:
        """A new validation: shown, unless an earlier one is being looked at."""
        looking_back = bool(self._steps) and self._slider.value() < len(self._steps) - 1
        place = steps.index(self.shown) if looking_back and self.shown in steps else len(steps) - 1
        self._steps = steps
        self._slider.blockSignals(True)
        self._slider.setRange(0, len(steps) - 1)
        self._slider.setValue(place)
        self._slider.blockSignals(False)
        self._slider.setVisible(len(steps) > 1)
        if place == len(steps) - 1:
            self.show_samples(samples)

    def show_samples(self, samples: SampleSet) -> None:
        """Show what an earlier validation has left."""
        self.shown = samples.step
        self._pictures.show_samples(samples)
        self._when.setText(f"step {samples.step}" if samples.step else "before training")

    def _chosen(self, place: int) -> None:
        if place < len(self._steps):
            self.step_chosen.emit(self._steps[place])


def _pair(samples: SampleSet, index: int) -> _Pair:
    truth = samples.truth[index].astype(np.uint8)
    found = (samples.probability[index] > 127).astype(np.uint8)
    outline = truth_path(truth, BoundaryStyle.SMOOTH)
    image = samples.images[index]
    brightest = max(float(np.percentile(image, 99.5)), 1.0)
    levels = np.rint(image * min(255 / brightest, 8.0)).clip(0, 255).astype(np.uint8)
    overlays = (
        OverlayPicture(truth=outline),
        overlay_picture(found, LabelTable.whole_tumour(), OverlayOptions(boundary_width=1), outline),
    )
    return _Pair(grey_image(levels, table(ColourMap.GREY)), overlays)


def _draw(painter: QPainter, place: QRectF, image: QImage, overlay: OverlayPicture) -> None:
    painter.save()
    painter.setClipRect(place)
    painter.translate(place.topLeft())
    painter.scale(place.width() / image.width(), place.height() / image.height())
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(0, 0, image.width(), image.height()), image)
    overlay.paint(painter, 1)
    painter.restore()
