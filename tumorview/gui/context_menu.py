"""The menu of a view: a right click without a drag, or the menu key."""

from collections.abc import Mapping

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

# Ids of the table, in groups; an id that does not exist is a mistake that a test finds.
ENTRIES: tuple[tuple[str, ...], ...] = (
    ("edit.navigate", "edit.brush", "edit.erase"),
    ("view.toggle_overlay", "view.boundary", "view.compare_truth"),
    ("view.auto_window", "view.invert", "view.reset"),
    ("segment.run", "help.palette"),
)


def open_menu(view: QWidget, place: QPoint, actions: Mapping[str, QAction]) -> QMenu:
    """Open the menu at ``place`` of ``view``."""
    menu = QMenu(view)
    menu.setObjectName("view_menu")
    menu.setToolTipsVisible(True)
    for group in ENTRIES:
        for name in group:
            menu.addAction(actions[name])
        menu.addSeparator()
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(view.mapToGlobal(place))
    return menu
