"""Empty, hidden and broken: the welcome page, the recent list, the log, the report."""

import gc
import logging
import shutil
import threading
import weakref
from pathlib import Path

import pytest
from doubles import TIMEOUT, MakeWindow
from PySide6.QtCore import SIGNAL, QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDragLeaveEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QProgressBar, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from tumorview.app import tasks
from tumorview.app.jobs import JobContext
from tumorview.app.settings_store import SettingsStore
from tumorview.core.slicing import Plane
from tumorview.gui.log_viewer import LogViewer
from tumorview.gui.main_window import MainWindow
from tumorview.gui.widgets import action_button


def entries(window: MainWindow, name: str = "recent_entry") -> list[QToolButton]:
    return [entry for entry in window.welcome.findChildren(QToolButton, name) if entry.isVisible()]


def with_recent(make_window: MakeWindow, tmp_path: Path, *paths: Path) -> MainWindow:
    SettingsStore(tmp_path / "settings").change(recent=tuple(str(path) for path in paths))
    return make_window()


def test_a_recent_study_that_is_gone_is_listed_as_gone_and_can_be_removed(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.nii.gz"
    window = with_recent(make_window, tmp_path, gone, flair)
    qtbot.waitUntil(lambda: [entry.isEnabled() for entry in entries(window)] == [False, True])
    assert "no longer there" in entries(window)[0].accessibleName()
    assert [action.isEnabled() for action in window.top_row.recent.actions()] == [False, True]
    qtbot.mouseClick(entries(window, "recent_remove")[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(entries(window)) == 1)
    assert window.memory.settings.recent == (str(flair),)
    qtbot.mouseClick(entries(window)[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.session.study is not None, timeout=TIMEOUT)


def test_a_study_that_cannot_be_found_leaves_the_recent_list(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(flair, tmp_path / "copy_flair.nii.gz"))
    window = with_recent(make_window, tmp_path, copy)
    copy.unlink()
    window.files.open_path(copy)
    qtbot.waitUntil(lambda: window.memory.settings.recent == (), timeout=TIMEOUT)
    window.findChild(object, "error_dialog").close()


def test_the_drop_area_lights_up_while_something_is_held_over_the_window(make_window: MakeWindow, flair: Path) -> None:
    window = make_window()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(flair))])
    buttons, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, buttons, none))
    assert window.welcome.drop_area.ready
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window.welcome.drop_area.ready


def test_opening_that_takes_a_while_is_told_large_and_can_be_cancelled(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()

    def slow(path: Path, context: JobContext, opening: object) -> None:
        context.report(0.4, "Reading")
        while not stopped.wait(0.01):
            context.check()

    window = make_window()
    monkeypatch.setattr(tasks, "open_study", slow)
    window.files.open_path(flair)
    assert not window.welcome.progress.isVisible()  # what is done at once does not flicker
    qtbot.waitUntil(window.welcome.progress.isVisible)
    bar = window.welcome.findChild(QProgressBar, "welcome_progress")
    qtbot.waitUntil(lambda: bar.value() == 400)
    qtbot.mouseClick(window.welcome.findChild(QPushButton, "welcome_cancel"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    assert not window.welcome.progress.isVisible()
    assert not window.status.progress_shown
    assert window.session.study is None
    stopped.set()


def test_settings_of_a_newer_version_are_explained_on_the_welcome_page(make_window: MakeWindow, tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / "settings.json").write_text('{"version": 99}')
    notice = make_window().welcome.findChild(object, "welcome_notice")
    assert notice.isVisible()
    assert "settings.version-99.json" in notice.text()


def test_the_log_viewer_follows_the_log_and_names_no_study(qtbot: QtBot, window: MainWindow, flair: Path) -> None:
    window.actions["help.log"].trigger()
    viewer = window.findChild(LogViewer)
    logging.getLogger("tumorview.test").info("noted about %s", flair)
    qtbot.waitUntil(lambda: "noted about <path>" in viewer.text.toPlainText())
    logging.getLogger("tumorview.test").warning("patient_flair.nii.gz was odd")
    qtbot.waitUntil(lambda: "was odd" in viewer.text.toPlainText())
    assert "patient_flair" not in viewer.text.toPlainText()
    viewer.close()


def test_the_diagnostic_report_names_the_machine_and_no_study(window: MainWindow, flair: Path) -> None:
    logging.getLogger("tumorview.test").info("a line of the log")
    window.memory.set(theme="light", export_folder=str(flair.parent))
    window.actions["help.diagnostics"].trigger()
    text = QGuiApplication.clipboard().text()
    for said in ("Processor:", "OpenGL:", "Screen 1:", 'theme: "light"', "a line of the log"):
        assert said in text
    assert flair.name not in text
    assert str(flair.parent) not in text
    window.memory.set(theme="dark")


def test_nothing_listens_to_the_log_after_the_window_is_closed(make_window: MakeWindow) -> None:
    before = list(logging.getLogger().handlers)
    window = make_window()
    assert len(logging.getLogger().handlers) == len(before) + 1
    window.close()
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize("layout", ["view.axial_only", "view.one_plus_three", "view.quad", "view.hang_tumour"])
def test_a_closed_study_leaves_the_memory(qtbot: QtBot, window: MainWindow, layout: str) -> None:
    study = window.session.study
    assert study is not None
    volume, mask = weakref.ref(study.reference.volume), weakref.ref(window.session.mask)
    del study
    window.actions[layout].trigger()
    view = window.view(Plane.AXIAL)
    window.actions["edit.brush"].trigger()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.rect().center())
    window.session.undo()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    window.actions["file.close"].trigger()

    def gone() -> bool:
        gc.collect()
        return volume() is None and mask() is None

    qtbot.waitUntil(gone, timeout=TIMEOUT)


def test_a_button_follows_its_action(qtbot: QtBot) -> None:
    action = QAction("&Show && hide")
    button = action_button(action)
    qtbot.addWidget(button)
    listeners = action.receivers(SIGNAL("changed()"))
    action.setText("&Other")
    action.setToolTip("What it does")
    action.setCheckable(True)
    action.setChecked(True)
    action.setEnabled(False)
    assert (button.text(), button.toolTip()) == ("Other", "What it does")
    assert button.isCheckable()
    assert button.isChecked()
    assert not button.isEnabled()
    action.setEnabled(True)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not action.isChecked()
    assert not button.isChecked()
    assert action.receivers(SIGNAL("changed()")) == listeners  # a plain QToolButton adds one at every change
