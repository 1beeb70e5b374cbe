"""The main states of the window look as they did: structure and colours, with a tolerance."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import screens
from doubles import TIMEOUT, MakeWindow, run_segmentation
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from tumorview.errors import ReadError
from tumorview.gui import messages
from tumorview.gui.main_window import MainWindow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="menus and text are drawn differently elsewhere")

STILL = 30  # looks that have to be alike, some 10 ms apart, before a picture is kept
Look = Callable[[str, QWidget], None]


@pytest.fixture(autouse=True)
def _same_font(qapp: QApplication) -> Iterator[None]:
    before, flash = qapp.property("tumorview_system_font"), qapp.cursorFlashTime()
    screens.use_font(qapp, screens.install_font())
    qapp.setCursorFlashTime(0)
    yield
    qapp.setCursorFlashTime(flash)
    qapp.setProperty("tumorview_system_font", before)


@pytest.fixture
def look(qtbot: QtBot) -> Look:
    """``look(name, widget)``: wait until it looks as it did, and fail with a picture if it never does."""
    kept: set[str] = set()

    def look_(name: str, widget: QWidget) -> None:
        # Throttled read-outs may lag behind.
        if screens.updating() and name not in kept:
            kept.add(name)
            seen: list[bytes] = []

            def still() -> bool:
                seen.append(screens.pixels(widget).tobytes())
                return len(seen) >= STILL and len(set(seen[-STILL:])) == 1

            qtbot.waitUntil(still)
            screens.keep(name, widget)

        def alike() -> None:
            message = screens.compared(name, widget, screens.FAILURES).message
            assert not message, message

        qtbot.waitUntil(alike, timeout=2000)

    return look_


def open_dialog(window: MainWindow, action_id: str) -> QDialog:
    window.actions[action_id].trigger()
    (dialog,) = (child for child in window.findChildren(QDialog) if child.isVisible())
    return dialog


def test_the_welcome_page(make_window: MakeWindow, look: Look) -> None:
    look("welcome", make_window())


def test_a_study_is_open(window: MainWindow, look: Look) -> None:
    look("study", window)


def test_the_light_theme(window: MainWindow, look: Look) -> None:
    window.memory.set(theme="light")
    look("study_light", window)
    window.memory.set(theme="dark")


def test_large_text(window: MainWindow, look: Look) -> None:
    window.memory.set(font_scale=1.4)
    look("study_large_text", window)
    window.memory.set(font_scale=1.0)


def test_a_mask_beside_the_ground_truth(
    qtbot: QtBot, make_window: MakeWindow, look: Look, flair: Path, truth: Path
) -> None:
    window = make_window(flair, truth=truth)
    run_segmentation(qtbot, window)
    window.view().go_to(3, 15, 18)
    window.actions["view.compare_truth"].setChecked(True)
    look("mask", window)


def test_two_series_beside_each_other(window: MainWindow, look: Look) -> None:
    window.actions["view.side_by_side"].trigger()
    look("two_views", window)


def test_a_run_that_is_under_way(qtbot: QtBot, window: MainWindow, look: Look, segmenter: object) -> None:
    segmenter.hold = True
    window.actions["segment.run"].trigger()
    segmenter.release(3)
    qtbot.waitUntil(lambda: window.session.shown is not None and window.session.shown.any(), timeout=TIMEOUT)
    look("running", window)


@pytest.mark.parametrize(
    ("action_id", "name"),
    [("file.settings", "settings"), ("help.palette", "palette"), ("help.edit_shortcuts", "shortcuts")],
)
def test_dialogs(window: MainWindow, look: Look, action_id: str, name: str) -> None:
    dialog = open_dialog(window, action_id)
    # A few lines alone: not every new action or setting shall make a new picture.
    dialog.search.setText("theme" if name == "settings" else "next slice with")
    try:
        look(name, dialog)
    finally:
        dialog.close()


def test_an_error(window: MainWindow, look: Look) -> None:
    messages.show_error(window, ReadError("The file is broken.", "Copy it again from where it came."))
    box = window.findChild(QMessageBox, "error_dialog")
    try:
        look("error", box)
    finally:
        box.close()


def test_a_folded_panel_is_noticed_and_pictured(window: MainWindow, look: Look, tmp_path: Path) -> None:
    look("study", window)
    window.tools.labels.set_folded(True)
    found = screens.compared("study", window, tmp_path / "failed")
    assert found.share > screens.SHARE_TOLERANCE
    assert "_panel" in found.message
    assert (tmp_path / "failed" / "study.png").stat().st_size > 1000


def test_another_rendering_of_the_text_is_not_noticed(qapp: QApplication, make_window: MakeWindow, look: Look) -> None:
    font = screens.install_font()
    font.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
    screens.use_font(qapp, font)
    look("welcome", make_window())
