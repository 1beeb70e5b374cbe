"""The settings dialog: made from the table, live, searchable, every setting can be taken back."""

from pathlib import Path

import pytest
from doubles import MakeWindow
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from tumorview.app.mouse import SLICER
from tumorview.app.settings import OPTIONS, Settings
from tumorview.gui import theme
from tumorview.gui.main_window import MainWindow
from tumorview.gui.names import HIDDEN
from tumorview.gui.settings_dialog import SettingsDialog


@pytest.fixture
def dialog(window: MainWindow) -> SettingsDialog:
    window.actions["file.settings"].trigger()
    found = window.findChild(SettingsDialog)
    assert found is not None
    yield found
    found.close()


def test_every_setting_of_the_table_has_a_control_that_shows_it(dialog: SettingsDialog) -> None:
    assert set(dialog.rows) == set(OPTIONS)
    for name, row in dialog.rows.items():
        assert row.control.field.objectName() == f"setting_{name}"
        assert row.control.field.accessibleName()
        assert not row.reset.isVisible()


def test_a_choice_applies_at_once_and_is_remembered(
    qtbot: QtBot, window: MainWindow, dialog: SettingsDialog, make_window: MakeWindow
) -> None:
    box = dialog.rows["mouse_preset"].control.field
    assert isinstance(box, QComboBox)
    box.setFocus()
    qtbot.keyClicks(box, "3")  # 3D Slicer
    assert window.memory.settings.mouse_preset == SLICER.id
    assert all(view.mouse_preset is SLICER for view in window.views)
    interpolation = dialog.rows["interpolation"].control.field
    assert isinstance(interpolation, QComboBox)
    interpolation.setCurrentIndex(1)
    assert not any(view.smooth for view in window.views)
    again = make_window()
    assert again.view().mouse_preset is SLICER
    assert not again.view().smooth


def test_the_dialog_and_the_panels_say_the_same(qtbot: QtBot, window: MainWindow, dialog: SettingsDialog) -> None:
    spin = dialog.rows["overlay_opacity"].control.field
    assert isinstance(spin, QSpinBox)
    spin.setValue(75)
    assert window.display.overlay.opacity == 0.75
    assert window.tools.labels.opacity.value() == 75
    window.tools.labels.opacity.setValue(20)
    qtbot.waitUntil(lambda: spin.value() == 20)
    assert window.memory.settings.overlay_opacity == 0.2
    qtbot.mouseClick(dialog.rows["overlay_opacity"].reset, Qt.MouseButton.LeftButton)
    assert window.display.overlay.opacity == Settings().overlay_opacity
    assert not dialog.rows["overlay_opacity"].reset.isVisible()


def test_theme_and_text_size_follow_at_once(window: MainWindow, dialog: SettingsDialog) -> None:
    box, size = dialog.rows["theme"].control.field, dialog.rows["font_scale"].control.field
    assert isinstance(box, QComboBox)
    assert isinstance(size, QSpinBox)
    before = QApplication.font().pointSizeF()
    title = next(heading for heading in dialog.findChildren(QLineEdit))
    box.setCurrentIndex(box.findData("light"))
    size.setValue(150)
    try:
        assert theme.colours() is theme.LIGHT
        assert window.actions["view.light_theme"].isChecked()
        assert QApplication.font().pointSizeF() == pytest.approx(1.5 * before)
        assert title.font().pointSizeF() == pytest.approx(1.5 * before)
    finally:
        dialog.findChild(object, "settings_defaults").click()
    assert theme.colours() is theme.DARK
    assert QApplication.font().pointSizeF() == pytest.approx(before)
    assert window.memory.settings == Settings(**{**_state(window), **{o.name: o.default for o in OPTIONS.values()}})


def _state(window: MainWindow) -> dict[str, object]:
    return {name: getattr(window.memory.settings, name) for name in vars(Settings())}


def test_a_search_leaves_what_fits(qtbot: QtBot, dialog: SettingsDialog) -> None:
    qtbot.keyClicks(dialog.search, "slicer")
    assert [name for name, row in dialog.rows.items() if row.isVisible()] == ["mouse_preset", "key_preset"]
    dialog.search.clear()
    assert all(row.isVisible() for row in dialog.rows.values())


def seen(window: MainWindow) -> list[str]:
    """Every text that the window shows or would say."""
    texts = [window.windowTitle()]
    texts += [entry.text() + entry.toolTip() for entry in window.top_row.recent.actions()]
    for widget in window.findChildren(QWidget):
        texts += [widget.toolTip(), widget.accessibleName()]
        if isinstance(widget, QComboBox):
            texts.append(widget.currentText())
        elif isinstance(widget, QLabel | QAbstractButton | QLineEdit):
            texts.append(widget.text())
    return texts


def test_hiding_the_identity_masks_every_place_that_names_it(qtbot: QtBot, window: MainWindow, flair: Path) -> None:
    named = flair.name
    qtbot.waitUntil(lambda: not window.jobs.running)
    assert named in window.windowTitle()
    assert window.reading.identity == named
    window.view().setFocus()
    qtbot.keyClick(window.view(), Qt.Key.Key_H)
    assert window.memory.settings.hide_identity
    assert window.reading.identity == ""
    assert HIDDEN in window.windowTitle()
    qtbot.waitUntil(lambda: not window.jobs.running)
    qtbot.waitUntil(lambda: [text for text in seen(window) if named in text or str(flair.parent) in text] == [])
    qtbot.keyClick(window.view(), Qt.Key.Key_H)
    assert named in window.windowTitle()


def test_the_title_can_do_without_the_name(window: MainWindow, flair: Path) -> None:
    window.memory.set(name_in_title=False)
    assert flair.name not in window.windowTitle()
    assert window.reading.identity == flair.name


def test_recent_studies_are_forgotten_where_none_are_kept(window: MainWindow) -> None:
    assert window.memory.settings.recent
    window.memory.set(keep_recent=False)
    assert window.memory.settings.recent == ()
    assert not window.top_row.recent.isEnabled()
