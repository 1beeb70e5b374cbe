"""Figures of two models side by side, with the paired difference and its interval."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from tumorview.app.card_facts import figure_title, number_text
from tumorview.app.comparison import Comparison
from tumorview.gui import theme
from tumorview.gui.widgets import named

_COLUMNS = ("", "Old", "New", "Difference", "95 % interval")


class FigureTable(QTableWidget):
    """A line for each figure, then calibration, then what the new model costs on other data."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        named(self, "comparison_table", "Figures of the old and the new model")
        self.setToolTip("")
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setTabKeyNavigation(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        theme.tabular(self)

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these figures."""
        rows = [
            (
                figure_title(name),
                pair.old.value,
                pair.new.value,
                pair.difference.value,
                _interval(pair.difference.low, pair.difference.high),
            )
            for name, pair in comparison.figures.items()
        ]
        old, new = comparison.calibration
        rows.append(("Calibration error, p of 0.01 or more", old, new, _minus(new, old), ""))
        rows += [
            (f"Dice on {cost.name}", cost.old, cost.new, _minus(cost.new, cost.old), "") for cost in comparison.original
        ]
        self.setRowCount(len(rows))
        for line, (title, before, after, change, interval) in enumerate(rows):
            texts = (title, number_text(before), number_text(after), _signed(change), interval)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                item.setTextAlignment(right if column else Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(title)
                self.setItem(line, column, item)
        self.resizeRowsToContents()


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _signed(value: float | None) -> str:
    if value is None:
        return "–"
    rounded = round(value, 3)
    return f"{rounded:+.3f}".replace("-", "−") if rounded else "0.000"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_signed(low)} to {_signed(high)}"
