"""The window as a whole: empty, with a study, its actions and panels."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from doubles import MakeWindow, run_segmentation
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tumorview.app.actions import ACTIONS
from tumorview.core.study import Role
from tumorview.gui.application import fit_on_screen
from tumorview.gui.main_window import MainWindow
from tumorview.gui.status import NOTICE
from tumorview.gui.wizard import GROUP_PREFIX
from tumorview.gui.wizard.page import GROUPS


def test_an_empty_window_shows_the_welcome_page_and_no_panels(make_window: MakeWindow) -> None:
    window = make_window()
    assert window.session.study is None
    assert window.welcome.isVisible()
    assert not window.panels.study.isVisible()
    assert not window.panels.tools.isVisible()
    assert not window.actions["segment.run"].isEnabled()
    assert not window.actions["file.save_mask"].isEnabled()
    assert window.actions["file.open"].isEnabled()
    assert window.status.notice.text() == NOTICE


def test_a_path_is_opened_in_the_background(make_window: MakeWindow, flair: Path) -> None:
    window = make_window(flair)
    assert window.session.study is not None
    assert window.session.study.path == flair
    assert window.view("axial").isVisible()
    assert window.panels.tools.isVisible()
    assert window.actions["segment.run"].isEnabled()
    assert "patient_flair" in window.windowTitle()
    assert not window.isWindowModified()


def test_truth_and_mask_of_the_command_line_are_loaded(make_window: MakeWindow, flair: Path, truth: Path) -> None:
    window = make_window(flair, truth=truth, mask=truth)
    assert window.session.agreement is not None
    assert window.session.agreement.dice == 1.0
    assert not window.session.dirty


def test_every_action_has_a_handler_and_no_two_share_a_shortcut(window: MainWindow) -> None:
    assert set(window.actions) == {spec.id for spec in ACTIONS}
    keys = [QKeySequence(shortcut).toString() for spec in ACTIONS for shortcut in spec.shortcuts]
    assert all(keys)
    assert len(keys) == len(set(keys))


def test_every_action_can_be_reached_from_a_menu(window: MainWindow) -> None:
    listed = set()
    for menu in window.top_row.bar.actions():
        listed |= {action.objectName() for action in menu.menu().actions()}
    assert set(window.actions) <= listed


def test_every_control_has_a_name_and_a_tooltip(window: MainWindow) -> None:
    kinds = QAbstractButton | QAbstractSlider | QAbstractSpinBox | QComboBox
    for control in window.findChildren(object):
        if not isinstance(control, kinds) or isinstance(control, QScrollBar):
            continue
        if control.parent() is None or control.objectName().startswith("qt_") or not control.isVisible():
            continue
        if isinstance(control.parent(), QAbstractSpinBox | QLineEdit):
            continue
        assert control.accessibleName(), control.objectName() or type(control)
        assert control.toolTip(), control.objectName() or type(control)
        assert min(control.height(), control.width()) >= 20, control.objectName()


@pytest.mark.parametrize("size", [(1366, 768), (1600, 1000)])
def test_panels_need_no_scroll_bar(make_window: MakeWindow, flair: Path, truth: Path, size: tuple[int, int]) -> None:
    window = make_window(flair, truth=truth)
    window.resize(*size)
    content = window.tools.scroll_area.widget()
    assert content.minimumSizeHint().height() <= window.tools.scroll_area.viewport().height()
    assert not window.tools.scroll_area.verticalScrollBar().isVisible()
    assert content.minimumSizeHint().width() <= window.tools.scroll_area.viewport().width()


def test_nothing_makes_the_window_wider_than_a_small_screen(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path
) -> None:
    long = flair.rename(tmp_path / f"{'very_' * 30}long_flair.nii.gz")
    window = make_window(long)
    window.status.show_progress(0.5, f"Saving {long.name}")
    assert window.minimumSizeHint().width() <= 1366
    assert window.minimumSizeHint().height() <= 768
    parts = [
        window.status.findChild(QWidget, name) for name in ("status_task", "status_progress", "status_cancel_button")
    ]
    qtbot.waitUntil(lambda: all(part.isVisible() for part in parts))
    places = [part.geometry() for part in parts]
    assert all(left.right() < right.left() for left, right in pairwise(places)), "one lies on another"
    task = window.status.findChild(QLabel, "status_task")
    assert task.text().endswith("…")
    assert task.fontMetrics().horizontalAdvance(task.text()) <= task.contentsRect().width()
    window.status.hide_progress()
    window.status.tell(f"Saved: {long}")
    assert window.minimumSizeHint().width() <= 1366


def test_the_image_has_seven_tenths_of_a_large_window(qtbot: QtBot, window: MainWindow) -> None:
    window.resize(1600, 1000)
    view = window.view()
    qtbot.waitUntil(lambda: view.width() * view.height() >= 0.7 * 1600 * 1000)


def test_keys_reach_the_image_and_not_a_field_in_use(qtbot: QtBot, window: MainWindow) -> None:
    view = window.view()
    window.activateWindow()
    view.setFocus()
    before = view.current_index
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.current_index == before + 1
    qtbot.keyClick(view, Qt.Key.Key_B)
    assert window.actions["edit.brush"].isChecked()
    name = window.tools.labels.rows[0].name
    name.setFocus()
    name.clear()
    qtbot.keyClicks(name, "We")
    assert name.text() == "We"
    assert window.actions["edit.brush"].isChecked()
    spin = window.tools.edit.radius_spin
    spin.setFocus()
    at = view.current_index
    qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert view.current_index == at


def test_a_label_is_renamed_and_hidden(qtbot: QtBot, window: MainWindow) -> None:
    entry = window.tools.labels.rows[0]
    entry.name.setFocus()
    entry.name.setText("Oedema")
    entry.name.editingFinished.emit()
    assert window.session.mask is not None
    assert window.session.mask.labels[1].name == "Oedema"
    assert window.tools.edit.label.currentText() == "Oedema"
    entry.visible.click()
    assert not window.session.mask.labels[1].visible


def test_overlay_controls_and_actions_agree_and_are_remembered(qtbot: QtBot, window: MainWindow) -> None:
    labels = window.tools.labels
    labels.opacity.setValue(70)
    assert window.view().overlay.opacity == pytest.approx(0.7)
    labels.boundary_width.setValue(4)
    assert window.view().overlay.boundary_width == 4
    window.actions["view.boundary"].setChecked(False)
    assert not labels.boundary.isChecked()
    assert not window.view().overlay.boundary
    window.memory.flush()
    stored = window.memory.settings
    assert (stored.overlay_opacity, stored.boundary, stored.boundary_width) == (pytest.approx(0.7), False, 4)


def test_brush_size_follows_panel_keys_and_image(window: MainWindow) -> None:
    window.tools.edit.radius_spin.setValue(8.0)
    assert window.session.brush.radius == 8.0
    window.actions["edit.brush_larger"].trigger()
    assert window.session.brush.radius == pytest.approx(10.0)
    assert window.tools.edit.radius_spin.value() == pytest.approx(10.0)


def test_the_role_of_a_series_can_be_corrected(window: MainWindow) -> None:
    study = window.session.study
    assert study is not None
    card = window.series_list.cards[0]
    card.role.select(Role.T2)
    card.role.activated.emit(card.role.currentIndex())
    assert window.session.study is not None
    assert window.session.study.role_of(card.series) is Role.T2


def test_panels_fold_and_hide(window: MainWindow) -> None:
    panel = window.tools.labels
    panel.header.click()
    assert panel.folded
    panel.header.click()
    assert not panel.folded
    window.actions["view.tools_panel"].setChecked(False)
    assert not window.panels.tools.isVisible()
    window.panels.toggle()
    assert not window.panels.study.isVisible()
    window.panels.toggle()
    assert window.panels.study.isVisible()
    assert not window.panels.tools.isVisible()  # as it was before
    window.actions["view.tools_panel"].setChecked(True)
    assert window.panels.tools.isVisible()


def test_light_theme_and_back(window: MainWindow) -> None:
    window.actions["view.light_theme"].setChecked(True)
    assert window.palette().window().color().lightness() > 200
    window.actions["view.light_theme"].setChecked(False)
    assert window.palette().window().color().lightness() < 60


def test_panels_and_recent_studies_are_remembered(make_window: MakeWindow, flair: Path) -> None:
    window = make_window(flair)
    window.actions["view.study_panel"].setChecked(False)
    window.tools.edit.header.click()
    window.panels.toggle()  # the image alone: only for now
    window.close()
    again = make_window(flair)
    assert again.memory.settings.recent == (str(flair),)
    assert not again.panels.study.isVisible()
    assert again.panels.tools.isVisible()
    folded = [panel.objectName() for panel in again.tools.panels if panel.folded]
    assert folded == ["contrast_panel", "edit_panel", "refine_panel"]


def test_about_says_what_it_is_not(window: MainWindow) -> None:
    window.actions["help.about"].trigger()
    about = window.findChild(object, "about_dialog")
    assert about is not None
    texts = " ".join(child.text() for child in about.children() if hasattr(child, "text"))
    assert "not a medical device" in texts
    about.close()
    window.actions["help.shortcuts"].trigger()
    shortcuts = window.findChild(object, "shortcuts_dialog")
    assert shortcuts is not None
    shortcuts.close()


def test_closing_a_study_goes_back_to_the_welcome_page(qtbot: QtBot, window: MainWindow) -> None:
    run_segmentation(qtbot, window)
    assert window.status.currentMessage()
    window.session.mark_saved()
    window.actions["file.close"].trigger()
    assert window.session.study is None
    assert not window.status.currentMessage(), "it was about the study that is gone"
    assert window.welcome.isVisible()
    assert not window.panels.tools.isVisible()


def test_the_window_of_the_program_fits_on_its_screen(window: MainWindow) -> None:
    room = window.screen().availableSize()
    window.resize(room.width() + 300, room.height() // 2)
    fit_on_screen(window)
    assert window.height() == room.height() // 2
    assert window.width() <= max(room.width(), window.minimumSizeHint().width())


def test_the_window_is_shown_quickly_and_without_torch() -> None:
    script = (
        "import sys, tempfile, time\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from tumorview.gui.application import create_window\n"
        "application = QApplication([])\n"
        "window = create_window(settings_dir=tempfile.mkdtemp())\n"
        "window.show()\n"
        "application.processEvents()\n"
        "seconds = time.process_time()\n"  # of this process, whatever else the machine does
        "print(sorted({'torch', 'openvino', 'scipy', 'nibabel', 'pydicom', 'pyqtgraph'} & set(sys.modules)), seconds)\n"
        "window.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded, seconds = done.stdout.rsplit(maxsplit=1)
    assert loaded == "[]"
    assert float(seconds) < 1.5


def test_jobs_of_the_training_wizard_are_told_by_its_pages() -> None:
    assert all(group.startswith(GROUP_PREFIX) for group in GROUPS)
