"""The menu of a view: a right click without a drag, or the menu key."""

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from tumorview.core.slicing import Plane
from tumorview.gui.views import SliceView

# Ids of the table, in groups; an id that does not exist is a mistake that a test finds.
ENTRIES: tuple[tuple[str, ...], ...] = (
    ("edit.navigate", "edit.brush", "edit.smart_brush", "edit.erase", "edit.polygon", "edit.grow_region"),
    ("measure.distance", "measure.ellipse", "measure.delete"),
    ("view.toggle_overlay", "view.boundary", "view.compare_truth"),
    ("view.auto_window", "view.invert", "view.reset"),
    ("view.flip_horizontal", "view.flip_vertical", "view.rotate"),
    ("view.maximise", "view.crosshair", "view.link", "view.cine"),
    ("segment.run", "help.palette"),
)


def open_menu(
    view: SliceView, place: QPoint, actions: Mapping[str, QAction], set_plane: Callable[[SliceView, Plane], None]
) -> QMenu:
    """Open the menu at ``place`` of ``view``; ``set_plane`` shows another plane in it."""
    menu = QMenu(view)
    menu.setObjectName("view_menu")
    menu.setToolTipsVisible(True)
    for group in ENTRIES:
        for name in group:
            menu.addAction(actions[name])
        menu.addSeparator()
    planes = QMenu("P&lane", menu)
    planes.setObjectName("plane_menu")
    menu.insertMenu(actions["view.flip_horizontal"], planes)
    for plane in Plane:
        entry = planes.addAction(plane.value.capitalize(), partial(set_plane, view, plane))
        entry.setCheckable(True)
        entry.setChecked(plane is view.plane)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(view.mapToGlobal(place))
    return menu
