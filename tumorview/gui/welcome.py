"""What the window shows while no study is open: ways in, recent studies and the notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QToolButton, QVBoxLayout, QWidget

from tumorview import __version__
from tumorview.app.actions import plain_title
from tumorview.gui import icons, theme
from tumorview.gui.status import NOTICE
from tumorview.gui.widgets import ElidedLabel, label, named, row

WIDTH = 560
SHOWN_RECENT = 6


@dataclass(frozen=True)
class RecentEntry:
    """A study that was opened before; ``missing`` is it no longer there, ``hidden`` shows no names."""

    path: Path
    title: str
    missing: bool = False
    hidden: bool = False


class _DropArea(QFrame):
    """A dashed frame: files may be dropped anywhere in the window, this is where one looks."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("drop_area")
        self.ready = False

    def set_ready(self, ready: bool) -> None:
        """Light up while something that can be opened is held over the window."""
        self.ready = ready
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dashes; a full line and a tint of the accent while it is ready."""
        c = theme.colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tint = QColor(c.accent)
        tint.setAlphaF(0.15 if self.ready else 0.0)
        painter.setBrush(tint)
        line = Qt.PenStyle.SolidLine if self.ready else Qt.PenStyle.DashLine
        painter.setPen(QPen(QColor(c.accent if self.ready else c.border), 2.0 if self.ready else 1.5, line))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -2, -2), 8, 8)
        painter.end()


class WelcomePage(QWidget):
    """``recent_chosen`` and ``recent_removed`` carry the path that was clicked."""

    recent_chosen = Signal(object)  # Path
    recent_removed = Signal(object)  # Path
    cancel_requested = Signal()

    def __init__(self, ways_in: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome_page")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._lines: list[QWidget] = []
        self._buttons: list[QPushButton] = []
        column = QVBoxLayout()
        column.setSpacing(theme.GRID)
        title = label("TumorView")
        theme.scaled(title, 2.4, bold=True)
        column.addWidget(title)
        column.addWidget(label("Look at, segment and correct brain-tumour MRI", dim=True))
        column.addSpacing(2 * theme.GRID)
        self._notice = label("", warning=True, wrap=True)
        self._notice.setObjectName("welcome_notice")
        self._notice.hide()
        column.addWidget(self._notice)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GRID)
        for number, action in enumerate(ways_in):
            button = _big_button(action, primary=number == 0)
            self._buttons.append(button)
            buttons.addWidget(button, 1)
        column.addLayout(buttons)
        self.drop_area = self._drop_area()
        column.addWidget(self.drop_area)
        column.addWidget(self._progress_line())
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
        theme.grows(middle, width=WIDTH)
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
        self.refresh_icons()

    def refresh_icons(self) -> None:
        """Tint the icons in the theme's colours."""
        for button in self._buttons:
            _tint(button)
        drop = icons.icon("drop", theme.colours().text_dim)
        self._drop_picture.setPixmap(drop.pixmap(QSize(28, 28), self.devicePixelRatioF()))

    def show_progress(self, title: str, fraction: float) -> None:
        """What is being opened and how far it is; an empty title hides it."""
        self.progress.setVisible(bool(title))
        self._task.set_text(title)
        self._bar.setValue(round(1000 * fraction))

    def _progress_line(self) -> QWidget:
        self._task, self._bar = ElidedLabel(""), QProgressBar()
        named(self._bar, "welcome_progress", "Progress of opening")
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        cancel = QPushButton("Cancel")
        named(cancel, "welcome_cancel", "Cancel opening", "Stop; nothing is changed (Shift+F5)")
        cancel.setMinimumHeight(theme.TARGET)
        cancel.clicked.connect(self.cancel_requested)
        self.progress = QWidget()
        line = row(self._task, self._bar, cancel, spacing=theme.GRID)
        line.setStretch(0, 2)
        line.setStretch(1, 3)
        self.progress.setLayout(line)
        self.progress.hide()
        return self.progress

    def show_notice(self, text: str) -> None:
        """Something to know before the first study; empty hides it."""
        self._notice.setText(text)
        self._notice.setVisible(bool(text))

    def show_recent(self, entries: Sequence[RecentEntry]) -> None:
        """List the studies that were opened last."""
        for line in self._lines:
            self._recent.removeWidget(line)
            line.deleteLater()
        self._lines = [self._recent_line(entry) for entry in entries[:SHOWN_RECENT]]
        for line in self._lines:
            self._recent.addWidget(line)
        self._recent_title.setVisible(bool(entries))

    def _recent_line(self, entry: RecentEntry) -> QWidget:
        path = entry.path
        button = QToolButton()
        where = entry.title if entry.hidden else str(path)
        title = f"{entry.title} is no longer there" if entry.missing else f"Open {entry.title}"
        named(button, "recent_entry", title, f"{where}\nNo longer there" if entry.missing else where)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIcon(icons.icon("warning" if entry.missing else "recent", theme.colours().text_dim))
        button.setText(f" {button.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideMiddle, 240)}")
        button.setMinimumHeight(theme.TARGET + 4)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setEnabled(not entry.missing)
        button.clicked.connect(lambda: self.recent_chosen.emit(path))
        folder = ElidedLabel("no longer there" if entry.missing else "" if entry.hidden else str(path.parent))
        folder.setProperty("dim", True)
        remove = QToolButton()
        named(remove, "recent_remove", f"Take {entry.title} from the list", "From this list; no file is touched")
        remove.setIcon(icons.icon("close", theme.colours().text_dim))
        remove.setMinimumSize(theme.TARGET, theme.TARGET)
        remove.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        remove.clicked.connect(lambda: self.recent_removed.emit(path))
        line = QWidget()
        across = QHBoxLayout(line)
        across.setContentsMargins(0, 0, 0, 0)
        across.addWidget(button)
        across.addWidget(folder, 1)
        across.addWidget(remove)
        return line

    def _drop_area(self) -> _DropArea:
        area = _DropArea()
        area.setMinimumHeight(96)
        picture = self._drop_picture = QLabel()
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
    button.setProperty("glyph", {"file.open": "open", "file.open_folder": "folder"}.get(action.objectName(), "sample"))
    _tint(button)
    button.setIconSize(QSize(18, 18))
    button.setMinimumHeight(40)
    button.clicked.connect(lambda: action.trigger())
    action.changed.connect(lambda: button.setToolTip(action.toolTip()))
    return button


def _tint(button: QPushButton) -> None:
    colour = theme.colours().on_accent if button.property("primary") else None
    button.setIcon(icons.icon(button.property("glyph"), colour))
