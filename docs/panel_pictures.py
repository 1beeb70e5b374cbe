"""Takes a picture of every panel of the window, filled as it is after a run on the sample study.

usage: .venv/bin/python docs/panel_pictures.py [FOLDER]
"""

from pathlib import Path

from make_screenshots import fullest_slice, measure_with, paint, photograph, settle, take
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tumorview.gui.log_viewer import LogViewer
from tumorview.gui.main_window import MainWindow


def fill(window: MainWindow) -> None:
    """A mask of the network with a stroke of the brush, measured, with ground truth beside it."""
    window.actions["segment.run"].trigger()
    settle(window)
    window.view().go_to(fullest_slice(window), 128, 128)
    paint(window)
    measure_with(window, "distance", ((0.46, 0.27), (0.46, 0.64)))
    measure_with(window, "ellipse", ((0.68, 0.3), (0.78, 0.42)))
    window.actions["measure.lesions"].setChecked(True)
    window.actions["view.history_panel"].trigger()
    window.actions["edit.smart_brush"].trigger()
    for panel in window.tools.panels:
        panel.set_folded(False)
    settle(window)


def panels(window: MainWindow, folder: Path) -> None:
    """Every panel of the right dock, the dock on the left, and the lines above and below the image."""
    window.actions["file.open_sample"].trigger()
    settle(window)
    take(window.tools.segment, folder, "panel-segment")  # before the run: its seconds are those of this machine
    fill(window)
    view = window.view()
    for panel in window.tools.panels[1:]:
        take(panel, folder, f"panel-{panel.objectName().removesuffix('_panel')}")
    take(window.series_list, folder, "panel-study")
    take(window.top_row, folder, "panel-top-row")
    window.actions["edit.navigate"].trigger()
    QTest.mouseMove(view, view.rect().center())
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.voxel_to_widget(*view.current_voxel))
    settle(window)
    take(window.status, folder, "panel-status")
    take(window.strip, folder, "panel-strip")
    window.actions["help.log"].trigger()
    settle(window)
    log = window.findChild(LogViewer)
    take(log, folder, "panel-log")
    log.close()


if __name__ == "__main__":
    raise SystemExit(photograph(panels))
