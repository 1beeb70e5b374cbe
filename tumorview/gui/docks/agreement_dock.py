"""The mask against ground truth: numbers of this slice and of the volume, beside how well human readers agree."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tumorview.core.metrics import Agreement, Counts
from tumorview.gui import theme
from tumorview.gui.docks.panel import Panel
from tumorview.gui.widgets import ElidedLabel, action_button, label, push_button, row

HUMAN_BAND = (0.74, 0.85)  # Dice between human readers on these tumours (Menze et al. 2015, BRATS)
DASH = "–"

Metric = Callable[[Counts], float | None]
_METRICS: tuple[tuple[str, str, Metric, str], ...] = (
    ("Dice", "2·TP / (2·TP + FP + FN)", lambda c: c.dice, "neither mask has tumour here"),
    ("IoU", "TP / (TP + FP + FN)", lambda c: c.iou, "neither mask has tumour here"),
    ("Precision", "TP / (TP + FP): how much of the mask is right", lambda c: c.precision, "the mask is empty here"),
    ("Recall", "TP / (TP + FN): how much of the tumour is found", lambda c: c.recall, "there is no tumour here"),
)
_MEAN_ROW = len(_METRICS)


class DiceScale(QWidget):
    """Dice from 0 to 1 with the band in which human readers agree with each other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dice: float | None = None
        self.setFixedHeight(14)
        self.setAccessibleName("Dice on a scale from 0 to 1")
        low, high = HUMAN_BAND
        self.setToolTip(f"Human readers agree with each other at Dice {low:.2f} to {high:.2f} (lighter band)")

    def show_dice(self, dice: float | None) -> None:
        """Put the mark at ``dice``; none where it is undefined."""
        self._dice = dice
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, band and mark."""
        c = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, middle = self.width() - 4, self.height() / 2
        painter.setBrush(QColor(c.control))
        painter.drawRoundedRect(QRectF(2, middle - 3, width, 6), 3, 3)
        painter.setBrush(QColor(c.text_disabled))
        low, high = HUMAN_BAND
        painter.drawRect(QRectF(2 + low * width, middle - 3, (high - low) * width, 6))
        if self._dice is not None:
            x = 2 + self._dice * width
            painter.setPen(QPen(QColor(c.text), 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(round(x), round(middle - 5), round(x), round(middle + 5))
        painter.end()


class AgreementPanel(Panel):
    """A hint while there is no ground truth, otherwise the table."""

    def __init__(self, load: QAction, compare: QAction, parent: QWidget | None = None) -> None:
        super().__init__("Agreement", "agreement", parent)
        self.table = _table()
        self.scale = DiceScale()
        self.sizes = ElidedLabel("")
        self.sizes.setObjectName("agreement_sizes")
        self.sizes.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        theme.tabular(self.sizes)
        empty = QWidget()
        hint = row(label("No ground truth", dim=True), 1, push_button(load, "load_truth_button", "Load…"))
        empty.setLayout(hint)
        hint.setContentsMargins(0, 0, 0, 0)
        compare_button = action_button(compare)
        compare_button.setObjectName("compare_button")
        compare_button.setFixedSize(theme.TARGET + 4, theme.TARGET)
        self.add_to_header(compare_button)
        self._full = QWidget()
        layout = QVBoxLayout(self._full)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.table)
        layout.addWidget(self.scale)
        sizes = row(label("Mask / truth"), self.sizes)
        sizes.setStretch(1, 1)
        sizes.setContentsMargins(3, 0, 3, 0)  # in line with the table's cells
        layout.addLayout(sizes)
        self._empty = empty
        self.content.addWidget(self._empty)
        self.content.addWidget(self._full)
        self._full.hide()

    def show_agreement(self, agreement: Agreement | None, here: Counts | None) -> None:
        """Show the volume's agreement and that of the slice in view (``here``)."""
        self._empty.setVisible(agreement is None)
        self._full.setVisible(agreement is not None)
        if agreement is None:
            return
        counts = agreement.counts
        for at, (_, _, metric, why) in enumerate(_METRICS):
            self._put(at, 1, None if here is None else metric(here), why)
            self._put(at, 2, metric(counts), why)
        self._put(_MEAN_ROW, 2, agreement.dice_per_slice, "no slice has tumour in either mask")
        self._text(_MEAN_ROW, 1, "", "")
        self._show_sizes(agreement)
        self.scale.show_dice(counts.dice)

    def _show_sizes(self, agreement: Agreement) -> None:
        marked, wanted = agreement.volume_ml_prediction, agreement.volume_ml_truth
        if marked is None or wanted is None:
            counts = agreement.counts
            text = f"{counts.tp + counts.fp:,} / {counts.tp + counts.fn:,} voxels"
        else:
            text = f"{marked:.1f} / {wanted:.1f} ml"
        self.sizes.set_text(text, f"Volume of the mask and of the ground truth: {text}")

    def _put(self, at: int, column: int, value: float | None, why: str) -> None:
        if value is None:
            self._text(at, column, DASH, f"Undefined: {why}")
        else:
            self._text(at, column, f"{value:.3f}", f"{value:.6f}")

    def _text(self, at: int, column: int, text: str, tip: str) -> None:
        item = self.table.item(at, column)
        assert item is not None
        if item.text() != text:
            item.setText(text)
        item.setToolTip(tip)


def _table() -> QTableWidget:
    table = QTableWidget(_MEAN_ROW + 1, 3)
    table.setObjectName("agreement_table")
    table.setAccessibleName("Agreement with ground truth")
    table.setHorizontalHeaderLabels(["", "Slice", "Volume"])
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    theme.tabular(table)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    titles = [(name, tip) for name, tip, _, _ in _METRICS]
    titles.append(("Mean Dice", "Mean Dice over the slices with tumour in either mask"))
    height = max(20, table.fontMetrics().height() + 4)
    for at, (title, tip) in enumerate(titles):
        table.setRowHeight(at, height)
        for column in range(3):
            item = QTableWidgetItem(title if column == 0 else "")
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            if column == 0:
                item.setToolTip(tip)
            else:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            table.setItem(at, column, item)
    header.setFixedHeight(height)
    table.setFixedHeight(height * (len(titles) + 1) + 2)
    return table
