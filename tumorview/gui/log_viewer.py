"""The last lines of the program's log, as they come."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from tumorview.app.program_log import ProgramLog
from tumorview.gui import theme
from tumorview.gui.widgets import label, named

WIDTH, HEIGHT = 760, 480
REFRESH_MS = 500


class LogViewer(QDialog):
    """Shows what the log keeps in memory; paths and names are masked there already."""

    def __init__(self, log: ProgramLog, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("log_viewer")
        self.setWindowTitle("Log")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self._log = log
        self._shown: tuple[str, ...] = ()
        self.text = QPlainTextEdit()
        named(self.text, "log_text", "Log", "Paths and names of patients are masked")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setPlaceholderText("Nothing was noted yet.")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton("Copy")
        named(copy, "log_copy", "Copy the log", "Put these lines on the clipboard")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText("\n".join(log.lines)))
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        named(buttons.button(QDialogButtonBox.StandardButton.Close), "log_close", "Close the log")
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID)
        column.addWidget(self.text)
        if log.file is not None:
            column.addWidget(label(f"Also kept in {log.file}", dim=True))
        column.addWidget(buttons)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self.refresh()

    def refresh(self) -> None:
        """Show what came since; the view stays at the end if it was there."""
        lines = self._log.lines
        if lines == self._shown:
            return
        bar = self.text.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 1
        self.text.setPlainText("\n".join(lines))
        if at_end:
            bar.setValue(bar.maximum())
        self._shown = lines
