"""Takes the pictures of the window that the documentation shows, with the sample study and the bundled network.

usage: .venv/bin/python docs/make_screenshots.py [FOLDER]

Everything goes through the actions and widgets that a user has; nothing is drawn for the picture.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

if not os.environ.get("DISPLAY") and sys.platform == "linux":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox, QSlider, QWidget

from tumorview.gui.application import create_window
from tumorview.gui.main_window import MainWindow
from tumorview.gui.views.volume_view import VolumeView

SIZE = (1600, 1000)
COLOURS = 256
SETTLE_SECONDS = 0.5
WAIT_SECONDS = 900.0


def wait(true: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Let the window work until ``true``; TimeoutError after ``seconds``."""
    until = time.monotonic() + seconds
    while not true():
        QApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > until:
            raise TimeoutError("the window did not get there")


def settle(window: MainWindow) -> None:
    """Let jobs end and throttled read-outs catch up."""
    wait(lambda: not window.jobs.running)
    until = time.monotonic() + SETTLE_SECONDS
    wait(lambda: time.monotonic() > until)


def take(window: QWidget, folder: Path, name: str, *, over: QWidget | None = None) -> None:
    """Save the window or a part of it (with a dialog ``over`` it) as a PNG of few colours, which is enough here."""
    picture = window.grab()
    if over is not None:
        _paste(picture, over.grab())
    path = folder / f"{name}.png"
    picture.save(str(path))
    quantized(path)


def quantized(path: Path) -> None:
    """Make the PNG there one of few colours."""
    with Image.open(path) as image:
        full = image.convert("RGB")
    # Maximum coverage keeps the few pixels of a label's colour, which the commonest greys would crowd out.
    small = full.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    sys.stdout.write(f"{path}  {path.stat().st_size / 1024:.0f} KB\n")


def _paste(picture: QPixmap, dialog: QPixmap) -> None:
    painter = QPainter(picture)
    painter.fillRect(picture.rect(), QColor(0, 0, 0, 90))
    left, top = (picture.width() - dialog.width()) // 2, (picture.height() - dialog.height()) // 3
    painter.setPen(QColor("#3b3e44"))
    painter.drawPixmap(left, top, dialog)
    painter.drawRect(left - 1, top - 1, dialog.width() + 1, dialog.height() + 1)
    painter.end()


def fullest_slice(window: MainWindow) -> int:
    """The slice with the most of the mask."""
    assert window.session.mask is not None
    return int(window.session.mask.data.sum(axis=(1, 2)).argmax())


def paint(window: MainWindow) -> None:
    """Draw one stroke along the upper edge of the mask and leave the pointer there."""
    view = window.view()
    assert window.session.mask is not None
    rows, columns = window.session.mask.data[view.current_index].nonzero()
    top = int(rows.min())
    middle = int(columns[rows == top].mean())
    window.actions["edit.brush"].trigger()
    points = [view.voxel_to_widget(view.current_index, top - 2, middle + step) for step in range(-12, 13, 3)]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        QTest.mouseMove(view, point)
        QApplication.processEvents()
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=points[-1])
    QTest.mouseMove(view, points[-1] + QPoint(2, 0))


def tour(window: MainWindow, folder: Path) -> None:
    """Walk through the main states."""
    take(window, folder, "window-empty")
    window.actions["file.open_sample"].trigger()
    settle(window)
    take(window, folder, "window-study")
    window.actions["segment.run"].trigger()
    settle(window)
    window.view().go_to(fullest_slice(window), 128, 128)
    settle(window)
    take(window, folder, "window-mask")
    window.actions["view.compare_truth"].setChecked(True)
    settle(window)
    take(window, folder, "window-truth")
    window.actions["view.compare_truth"].setChecked(False)
    contrast(window, folder)
    three_d(window, folder)
    layouts(window, folder)
    slider = window.findChild(QSlider, "threshold_slider")
    slider.setValue(30)
    settle(window)
    paint(window)
    settle(window)
    take(window, folder, "window-paint")
    window.actions["view.history_panel"].trigger()
    settle(window)
    take(window, folder, "window-history")
    window.actions["view.history_panel"].trigger()
    window.files.open_path(Path("/somewhere/not-an-image.nii.gz"))
    unsaved = window.findChild(QMessageBox, "unsaved_dialog")
    take(window, folder, "window-unsaved", over=unsaved)
    unsaved.button(QMessageBox.StandardButton.Discard).click()
    settle(window)
    error = window.findChild(QMessageBox, "error_dialog")
    take(window, folder, "window-error", over=error)
    error.close()
    dialogs(window, folder)
    window.actions["view.light_theme"].setChecked(True)
    settle(window)
    take(window, folder, "window-light")
    window.actions["view.light_theme"].setChecked(False)
    measure(window, folder)


def measure(window: MainWindow, folder: Path) -> None:
    """A distance, an angle and two regions beside the diameters of the lesion."""
    view = window.view()
    window.actions["view.largest_tumour"].trigger()
    window.actions["measure.lesions"].setChecked(True)
    for tool, places in (
        ("distance", ((0.46, 0.27), (0.46, 0.64))),
        ("angle", ((0.55, 0.35), (0.5, 0.48), (0.62, 0.5))),
        ("ellipse", ((0.68, 0.3), (0.78, 0.42))),
        ("probe", ((0.8, 0.6),)),
    ):
        measure_with(window, tool, places)
    window.session.measurements.rename(window.session.measurements.items[0].id, "Width")
    window.actions["edit.navigate"].trigger()
    settle(window)
    take(window, folder, "measuring")
    view.step(-1)
    settle(window)
    take(window.strip, folder, "slice-strip")


def measure_with(window: MainWindow, tool: str, places: Sequence[tuple[float, float]]) -> None:
    """Click with a measuring tool on places of the slice, in shares of its rows and columns."""
    view = window.view()
    window.actions[f"measure.{tool}"].trigger()
    for row, column in places:
        spot = QPointF(*view.viewport.to_widget(row * view.viewport.rows, column * view.viewport.columns)).toPoint()
        QTest.mouseMove(view, spot)
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=spot)
        QApplication.processEvents()


def contrast(window: MainWindow, folder: Path) -> None:
    """The lesion's window with the histogram, and the probabilities as a heat map."""
    folded = window.tools.contrast.folded
    window.tools.contrast.set_folded(False)
    window.actions["view.lesion_window"].trigger()
    settle(window)
    take(window, folder, "window-contrast")
    window.actions["view.auto_window"].trigger()
    window.actions["view.heat_map"].setChecked(True)
    settle(window)
    take(window, folder, "window-heat-map")
    window.actions["view.heat_map"].setChecked(False)
    window.tools.contrast.set_folded(folded)


def three_d(window: MainWindow, folder: Path) -> None:
    """The four views with the 3D view, where this display has OpenGL."""
    window.actions["view.quad"].trigger()
    view = window.grid.volume_view
    if isinstance(view, VolumeView):
        wait(lambda: view.keeper.up_to_date and view.stage.drawn and not window.jobs.running)
        take(window, folder, "view-3d")
    else:
        sys.stdout.write("view-3d.png is taken under xvfb-run, where there is OpenGL\n")
    window.actions["view.axial_only"].trigger()
    settle(window)


def layouts(window: MainWindow, folder: Path) -> None:
    """Series beside each other, a view that is zoomed, and one that is flipped."""
    window.actions["view.hang_tumour"].trigger()
    settle(window)
    take(window, folder, "layout-hanging")
    window.actions["view.side_by_side"].trigger()
    settle(window)
    view = window.grid.active
    view.zoom_about(QPointF(view.voxel_to_widget(*view.current_voxel)), 2.2)
    window.actions["view.flip_horizontal"].trigger()
    settle(window)
    take(window, folder, "layout-two-series")
    window.actions["view.reset"].trigger()
    window.actions["view.axial_only"].trigger()
    settle(window)


def dialogs(window: MainWindow, folder: Path) -> None:
    """The dialogs that are made from the tables."""
    for action_id, name, words in (
        ("file.settings", "settings", ""),
        ("help.palette", "command-palette", "slice"),
        ("help.edit_shortcuts", "shortcut-editor", ""),
    ):
        window.actions[action_id].trigger()
        (dialog,) = (child for child in window.findChildren(QDialog) if child.isVisible())
        dialog.search.setText(words)
        settle(window)
        take(window, folder, name, over=dialog)
        dialog.close()


def after_a_crash(window: MainWindow, folder: Path) -> None:
    """What the next start offers when a window with work dies."""
    window.actions["view.light_theme"].setChecked(False)
    window.actions["file.open_sample"].trigger()
    settle(window)
    window.actions["segment.run"].trigger()
    settle(window)
    window.restoring.journal.close(keep=True)  # as a process that is killed leaves it
    again = create_window(settings_dir=window.memory.store.folder)
    again.resize(*SIZE)
    again.show()
    settle(again)
    take(again, folder, "window-restore")
    again.close()


def photograph(work: Callable[[MainWindow, Path], object], studies: Sequence[Path] = ()) -> int:
    """Open the window on ``studies`` and let ``work`` put its pictures into the folder of the command line."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    folder.mkdir(parents=True, exist_ok=True)
    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory() as settings:
        window = create_window(studies, settings_dir=settings)
        window.resize(*SIZE)
        window.show()
        settle(window)
        try:
            work(window, folder)
        finally:
            window.session.mark_saved()
            window.close()
    application.quit()
    return 0


def whole_tour(window: MainWindow, folder: Path) -> None:
    """All pictures of the whole window."""
    tour(window, folder)
    after_a_crash(window, folder)


if __name__ == "__main__":
    raise SystemExit(photograph(whole_tour))
