"""The worst cases of a comparison: image, ground truth, old and new model side by side on the slice most wrong."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from tumorview.app.comparison import WorstSlice
from tumorview.core.contrast import auto_window
from tumorview.core.labels import LabelTable
from tumorview.core.rendering import (
    AGREEMENT,
    OverlayStyle,
    agreement_overlay,
    composite,
    grey,
    overlay,
)
from tumorview.gui import theme
from tumorview.gui.widgets import ComboBox, Swatch, label, named, row

_GAP = 6  # pixels
_SCALE = 2  # pixels of a picture for each of the slice, so that outlines are thinner than a voxel
_SMALLEST = 120


class _Pictures(QWidget):
    """Four pictures in a row, as large as there is room, each with its title above it."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "worst_pictures", "Image, ground truth, old and new model")
        self.setToolTip("")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(4 * _SMALLEST + 3 * _GAP, _SMALLEST + 20)
        self._shown: list[tuple[str, QImage]] = []

    def sizeHint(self) -> QSize:
        """Four in a row."""
        return QSize(4 * 200 + 3 * _GAP, 224)

    def show_case(self, case: WorstSlice | None) -> None:
        """Draw this one."""
        self._shown = [] if case is None else _pictures(case)
        self.setAccessibleDescription("" if case is None else _in_words(case))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Titles and pictures."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(QColor(theme.colours().text))
        head = self.fontMetrics().height() + _GAP
        count = max(len(self._shown), 1)
        side = min((self.width() - (count - 1) * _GAP) / count, self.height() - head)
        left = (self.width() - count * side - (count - 1) * _GAP) / 2
        for place, (title, picture) in enumerate(self._shown):
            x = left + place * (side + _GAP)
            painter.drawText(QRectF(x, 0, side, head), Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, title)
            painter.drawImage(QRectF(x, head, side, side), picture)
        painter.end()


class WorstCasesView(QWidget):
    """The pictures of one case, and which one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("worst_cases")
        self._cases: tuple[WorstSlice, ...] = ()
        self.choice = ComboBox()
        named(self.choice, "worst_case", "Worst case", "Patients that lost most first, then those of lowest Dice")
        self.choice.currentIndexChanged.connect(self._show)
        self.back = _step("worst_previous", "<", "The case before", lambda: self._step(-1))
        self.forth = _step("worst_next", ">", "The next case", lambda: self._step(1))
        self.pictures = _Pictures()
        legend: list[QWidget | int] = []
        for entry in AGREEMENT:
            legend += [Swatch(entry.colour), label(entry.name, dim=True)]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(_GAP)
        column.addLayout(row(label("Worst cases"), self.choice, self.back, self.forth, 1, *legend))
        column.addWidget(self.pictures, 1)
        self.choice.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.choice.setMinimumContentsLength(26)

    def show_cases(self, cases: Sequence[WorstSlice]) -> None:
        """Offer these; nothing is drawn where there is none."""
        self._cases = tuple(cases)
        blocked = self.choice.blockSignals(True)
        self.choice.clear()
        for case in self._cases:
            self.choice.addItem(f"{case.title}, slice {case.slice + 1}")
        self.choice.blockSignals(blocked)
        self._show()

    def _show(self) -> None:
        index = self.choice.currentIndex()
        shown = 0 <= index < len(self._cases)
        self.pictures.show_case(self._cases[index] if shown else None)
        self.back.setEnabled(index > 0)
        self.forth.setEnabled(shown and index < len(self._cases) - 1)

    def _step(self, by: int) -> None:
        self.choice.setCurrentIndex(self.choice.currentIndex() + by)


def _step(name: str, text: str, tip: str, action: object) -> QPushButton:
    button = QPushButton(text)
    named(button, name, tip)
    button.setAutoDefault(False)
    button.setFixedWidth(34)
    button.clicked.connect(action)
    return button


def _pictures(case: WorstSlice) -> list[tuple[str, QImage]]:
    base = grey(case.flair, auto_window(case.flair[None])).repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
    truth = overlay(case.truth, LabelTable.whole_tumour(), OverlayStyle(), scale=_SCALE)
    plain = np.repeat(base[..., None], 3, axis=2)
    return [
        ("FLAIR", _image(plain)),
        ("Ground truth", _image(composite(base, truth))),
        (f"Old, Dice {_two(case.old_dice)}", _judged(base, case.old, case)),
        (f"New, Dice {_two(case.new_dice)}", _judged(base, case.new, case)),
    ]


def _judged(base: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], case: WorstSlice) -> QImage:
    return _image(composite(base, agreement_overlay(mask, case.truth, scale=_SCALE)))


def _image(pixels: npt.NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()  # the array may go


def _in_words(case: WorstSlice) -> str:
    return f"{case.title}: Dice {_two(case.old_dice)} with the old model, {_two(case.new_dice)} with the new one"


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
