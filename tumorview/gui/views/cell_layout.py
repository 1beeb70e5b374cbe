"""Puts widgets into the cells of a layout; all rows are of one height, all columns of one width."""

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QWidget

from tumorview.app.layouts import Cell

GAP = 2  # pixels between views
MOST_LINES = 3  # rows or columns that a layout has at most


class CellLayout(QGridLayout):
    """Shows some widgets and hides those that it showed before."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(GAP)
        self._placed: list[QWidget] = []

    def show_cells(self, cells: Sequence[Cell], widgets: Sequence[QWidget]) -> None:
        """Show one widget in each of ``cells``."""
        for widget in self._placed:
            self.removeWidget(widget)
            if widget not in widgets:
                widget.hide()
        for line in range(MOST_LINES):  # those that an earlier layout used
            self.setRowStretch(line, 0)
            self.setColumnStretch(line, 0)
        self._placed = list(widgets)
        for cell, widget in zip(cells, widgets, strict=True):
            self.addWidget(widget, cell.row, cell.column, cell.rows, cell.columns)
            for row in range(cell.row, cell.row + cell.rows):
                self.setRowStretch(row, 1)
            for column in range(cell.column, cell.column + cell.columns):
                self.setColumnStretch(column, 1)
            widget.show()
