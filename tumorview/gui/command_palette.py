"""Every action by a few letters of its name, with the keyboard alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QColor, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from tumorview.app.actions import ACTIONS, plain_title
from tumorview.app.fuzzy import ranked
from tumorview.gui import theme
from tumorview.gui.action_set import ActionSet
from tumorview.gui.widgets import cell, label, named

WIDTH, HEIGHT = 520, 380
STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}


@dataclass(frozen=True)
class _Entry:
    """One action as the palette lists it."""

    title: str
    menu: str
    action: QAction


class CommandPalette(QDialog):
    """Type, choose with the arrows, Enter does it; what makes no sense now is listed in grey."""

    def __init__(self, action_set: ActionSet, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("command_palette")
        self.setWindowTitle("Command Palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme.grows(self, width=WIDTH, height=HEIGHT)
        self._entries = [
            _Entry(spec.plain_title, plain_title(spec.menu), action_set[spec.id])
            for spec in ACTIONS
            if spec.id != "help.palette"
        ]
        self.search = QLineEdit()
        named(self.search, "palette_search", "Find an action", "A few letters of its name; Enter does it")
        self.search.setPlaceholderText("Find an action")
        self.search.setMinimumHeight(theme.TARGET + 8)
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._list)
        self.list = _table()
        self.list.itemClicked.connect(lambda _: self.run())
        self._hint = label("", dim=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.GRID, theme.GRID, theme.GRID, theme.GRID)
        column.setSpacing(theme.GRID)
        for part in (self.search, self.list, self._hint):
            column.addWidget(part)
        self._list("")

    @property
    def titles(self) -> list[str]:
        """What is listed, from top to bottom."""
        return [cell(self.list, line, 0).text() for line in range(self.list.rowCount())]

    def run(self) -> None:
        """Do the chosen action and close, unless it makes no sense now."""
        line = self.list.currentRow()
        if line < 0:
            return
        entry = self._listed[line]
        if not entry.action.isEnabled():
            self._hint.setText(f"“{entry.title}” is not possible now.")
            return
        self.close()
        # After the palette is gone: what is done may open a dialog, and keys belong to the window again.
        QTimer.singleShot(0, entry.action, entry.action.trigger)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The field has the keyboard; arrows and Enter go to the list."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = STEPS.get(Qt.Key(event.key()))
            if step is not None:
                self._move(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run()
                return True
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        """At the top of the window, where the eye returns to."""
        super().showEvent(event)
        parent = self.parentWidget()
        assert parent is not None
        self.move(parent.mapToGlobal(QPoint((parent.width() - self.width()) // 2, parent.height() // 8)))
        self.search.setFocus()

    def _move(self, step: int) -> None:
        count = self.list.rowCount()
        if count:
            at = self.list.currentRow() + step
            self.list.setCurrentCell(at % count if abs(step) == 1 else min(max(at, 0), count - 1), 0)

    def _list(self, query: str) -> None:
        found = ranked(query, [f"{entry.title} {entry.menu}" for entry in self._entries])
        self._listed: Sequence[_Entry] = [self._entries[index] for index in found]
        self.list.setRowCount(len(self._listed))
        for line, entry in enumerate(self._listed):
            self._show(line, entry)
        if self._listed:
            self.list.setCurrentCell(0, 0)
        self._hint.setText("" if self._listed else "No action is called like that.")

    def _show(self, line: int, entry: _Entry) -> None:
        keys = entry.action.shortcut().toString(entry.action.shortcut().SequenceFormat.NativeText)
        tick = "✓ " if entry.action.isCheckable() and entry.action.isChecked() else ""
        state = "" if entry.action.isEnabled() else ", not possible now"
        c = theme.colours()
        for column, text in enumerate((tick + entry.title, entry.menu, keys)):
            item = QTableWidgetItem(text)
            item.setToolTip(entry.action.toolTip())
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{entry.title}, {keys or 'no shortcut'}{state}")
            if not entry.action.isEnabled():
                item.setForeground(QColor(c.text_disabled))
            elif column:
                item.setForeground(QColor(c.text_dim))
            if column == 2:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.list.setItem(line, column, item)


def _table() -> QTableWidget:
    table = QTableWidget(0, 3)
    named(table, "palette_list", "Actions")
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the field keeps the keyboard
    table.horizontalHeader().hide()
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.verticalHeader().setDefaultSectionSize(theme.TARGET + 2)
    header = table.horizontalHeader()
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
    return table
