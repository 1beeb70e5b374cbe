"""What the window shows while no study is open: ways in, recent studies and the notice."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from tumorview import __version__
from tumorview.app.actions import plain_title
from tumorview.gui import icons, theme
from tumorview.gui.status import NOTICE
from tumorview.gui.widgets import ElidedLabel, label

WIDTH = 560
SHOWN_RECENT = 6


class _DropArea(QFrame):
    """A dashed frame: files may be dropped anywhere in the window, this is where one looks."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dashes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.colours().border), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -2, -2), 8, 8)
        painter.end()


class WelcomePage(QWidget):
    """``recent_chosen`` carries the path that was clicked."""

    recent_chosen = Signal(object)  # Path

    def __init__(self, ways_in: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome_page")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._lines: list[QWidget] = []
        column = QVBoxLayout()
        column.setSpacing(theme.GRID)
        title = label("TumorView")
        theme.scaled(title, 2.4, bold=True)
        column.addWidget(title)
        column.addWidget(label("Look at, segment and correct brain-tumour MRI", dim=True))
        column.addSpacing(2 * theme.GRID)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GRID)
        for number, action in enumerate(ways_in):
            buttons.addWidget(_big_button(action, primary=number == 0), 1)
        column.addLayout(buttons)
        column.addWidget(self._drop_area())
        column.addSpacing(theme.GRID)
        self._recent_title = label("Recent")
        theme.scaled(self._recent_title, 1.0, bold=True)
        column.addWidget(self._recent_title)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        column.addLayout(self._recent)
        column.addStretch(1)
        notice = label(f"{NOTICE}.   Version {__version__}", dim=True)
        column.addWidget(notice)
        middle = QWidget()
        middle.setFixedWidth(WIDTH)
        middle.setLayout(column)
        column.setContentsMargins(0, 0, 0, 2 * theme.GRID)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        across = QHBoxLayout()
        across.addStretch(1)
        across.addWidget(middle)
        across.addStretch(1)
        outer.addLayout(across, 5)
        self.show_recent(())

    def show_recent(self, paths: Sequence[str]) -> None:
        """List the studies that were opened last."""
        for line in self._lines:
            self._recent.removeWidget(line)
            line.deleteLater()
        self._lines = []
        self._recent_title.setVisible(bool(paths))
        for text in paths[:SHOWN_RECENT]:
            path = Path(text)
            entry = QToolButton()
            entry.setObjectName("recent_entry")
            entry.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            entry.setIcon(icons.icon("recent", theme.colours().text_dim))
            entry.setText(f" {entry.fontMetrics().elidedText(path.name, Qt.TextElideMode.ElideMiddle, 240)}")
            entry.setToolTip(str(path))
            entry.setAccessibleName(f"Open {path.name}")
            entry.setMinimumHeight(theme.TARGET + 4)
            entry.clicked.connect(lambda _=False, path=path: self.recent_chosen.emit(path))
            line = QWidget()
            across = QHBoxLayout(line)
            across.setContentsMargins(0, 0, 0, 0)
            across.addWidget(entry)
            folder = ElidedLabel(str(path.parent))
            folder.setProperty("dim", True)
            across.addWidget(folder, 1)
            self._recent.addWidget(line)
            self._lines.append(line)

    def _drop_area(self) -> QWidget:
        area = _DropArea()
        area.setMinimumHeight(96)
        picture = QLabel()
        picture.setPixmap(icons.icon("drop", theme.colours().text_dim).pixmap(QSize(28, 28)))
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text = label("Drop a DICOM folder, NIfTI, TIFF or PNG here", dim=True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(area)
        layout.addStretch(1)
        layout.addWidget(picture)
        layout.addWidget(text)
        layout.addStretch(1)
        return area


def _big_button(action: QAction, *, primary: bool) -> QPushButton:
    button = QPushButton(plain_title(action.text()))
    button.setObjectName(f"welcome_{action.objectName().split('.')[1]}")
    button.setToolTip(action.toolTip())
    button.setAccessibleName(action.text().replace("&", ""))
    button.setProperty("primary", primary)
    colour = theme.colours().on_accent if primary else None
    button.setIcon(icons.icon({"open": "open", "open_folder": "folder"}.get(button.objectName()[8:], "sample"), colour))
    button.setIconSize(QSize(18, 18))
    button.setMinimumHeight(40)
    button.clicked.connect(lambda: action.trigger())
    return button
