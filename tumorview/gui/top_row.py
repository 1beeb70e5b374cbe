"""Menus and the most used actions in one row, so that the image gets the height of a second one."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QMenuBar, QWidget

from tumorview.gui import theme
from tumorview.gui.action_set import ActionSet
from tumorview.gui.widgets import action_button

TOOLS: tuple[tuple[str, ...], ...] = (
    ("file.open", "file.open_folder", "file.save_mask"),
    ("edit.undo", "edit.redo"),
    ("edit.navigate", "edit.brush", "edit.erase"),
    ("measure.distance", "measure.ellipse", "measure.lesions"),
    ("view.toggle_overlay", "view.compare_truth"),
    ("view.quad", "view.side_by_side", "view.hang_tumour", "view.crosshair"),
    ("view.reset", "view.invert"),
)
PANELS = ("view.study_panel", "view.tools_panel")
RECENT_AFTER = "file.open_sample"


class TopRow(QWidget):
    """``recent`` is the menu of recent studies, filled by the window."""

    def __init__(self, action_set: ActionSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("top_row")
        theme.grows(self, height=32)
        self.bar = QMenuBar()
        self.recent = QMenu("Open &Recent")
        self.recent.setObjectName("recent_menu")
        self.recent.setToolTipsVisible(True)
        self._fill(action_set.menus())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 1, 6, 1)
        layout.setSpacing(2)
        layout.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignVCenter)
        for group in TOOLS:
            layout.addWidget(_line())
            self._add_buttons(layout, action_set.actions, group)
        layout.addStretch(1)
        self._add_buttons(layout, action_set.actions, PANELS)

    def _fill(self, menus: Mapping[str, Sequence[QAction | None]]) -> None:
        for title, entries in menus.items():
            menu = self.bar.addMenu(title)
            menu.setToolTipsVisible(True)
            for entry in entries:
                if entry is None:
                    menu.addSeparator()
                    continue
                menu.addAction(entry)
                if entry.objectName() == RECENT_AFTER:
                    menu.addMenu(self.recent)

    @staticmethod
    def _add_buttons(layout: QHBoxLayout, actions: Mapping[str, QAction], names: Sequence[str]) -> None:
        for name in names:
            button = action_button(actions[name])
            button.setObjectName(f"tool_{name.replace('.', '_')}")
            button.setFixedSize(theme.TARGET + 4, theme.TARGET + 4)
            layout.addWidget(button)


def _line() -> QFrame:
    line = QFrame()
    line.setFixedSize(1, 18)
    line.setObjectName("top_line")
    return line
