"""Palette, shortcut editor, presets and the menu of a view: all made from the one table."""

from collections.abc import Iterator

import pytest
import slices
from doubles import MakeWindow
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from tumorview.app.actions import ACTIONS
from tumorview.app.keymap import KEY_PRESETS, preset_keymap
from tumorview.gui.command_palette import CommandPalette
from tumorview.gui.context_menu import ENTRIES
from tumorview.gui.main_window import MainWindow
from tumorview.gui.shortcut_editor import ShortcutEditor


@pytest.fixture
def palette(qtbot: QtBot, window: MainWindow) -> Iterator[CommandPalette]:
    window.view().setFocus()
    qtbot.keyClick(window.view(), Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    found = window.findChild(CommandPalette)
    assert found is not None
    yield found
    if window.findChild(CommandPalette) is found:
        found.close()


@pytest.fixture
def editor(window: MainWindow) -> Iterator[ShortcutEditor]:
    window.actions["help.edit_shortcuts"].trigger()
    found = window.findChild(ShortcutEditor)
    assert found is not None
    yield found
    found.close()


def keys_of(window: MainWindow, action_id: str) -> list[str]:
    return [keys.toString() for keys in window.actions[action_id].shortcuts()]


def press(qtbot: QtBot, editor: ShortcutEditor, keys: str) -> None:
    """Choose new keys, without the wait of the field for a second chord."""
    editor.keys.setKeySequence(QKeySequence(keys))


def test_the_palette_does_what_was_typed_and_closes(qtbot: QtBot, window: MainWindow, palette: CommandPalette) -> None:
    qtbot.keyClicks(palette.search, "inv gr")
    assert palette.titles[0] == "Invert Greys"
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.view().inverted)
    assert window.findChild(CommandPalette) is None


def test_the_arrows_choose_and_a_disabled_action_is_told_and_not_done(
    qtbot: QtBot, window: MainWindow, palette: CommandPalette
) -> None:
    assert len(palette.titles) == len(ACTIONS) - 1
    qtbot.keyClicks(palette.search, "undo")
    assert not window.actions["edit.undo"].isEnabled()
    line = palette.titles.index("Undo")
    for _ in range(line):
        qtbot.keyClick(palette.search, Qt.Key.Key_Down)
    assert palette.list.currentRow() == line
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.search.clear()
    qtbot.keyClick(palette.search, Qt.Key.Key_Up)
    assert palette.list.currentRow() == palette.list.rowCount() - 1
    qtbot.keyClick(palette.search, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_the_palette_shows_keys_as_they_are_now(window: MainWindow) -> None:
    window.memory.set(key_preset="itksnap")
    palette = CommandPalette(window.action_set, window)
    texts = {palette.list.item(line, 0).text(): palette.list.item(line, 2).text() for line in range(len(ACTIONS) - 1)}
    assert texts["Brush"] == "4"
    palette.close()


def test_a_new_key_works_at_once_and_survives_a_restart(
    qtbot: QtBot, window: MainWindow, editor: ShortcutEditor, make_window: MakeWindow
) -> None:
    editor.choose("edit.brush")
    press(qtbot, editor, "Ctrl+B")
    assert editor.message.text() == ""
    qtbot.mouseClick(editor.assign, Qt.MouseButton.LeftButton)
    assert keys_of(window, "edit.brush") == ["Ctrl+B"]
    assert "Ctrl+B" in window.actions["edit.brush"].toolTip()
    editor.hide()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window.view(), Qt.Key.Key_B)
    assert not window.actions["edit.brush"].isChecked()
    qtbot.keyClick(window.view(), Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert window.actions["edit.brush"].isChecked()
    assert keys_of(make_window(), "edit.brush") == ["Ctrl+B"]


def test_a_clash_is_told_before_and_solved_by_assigning(
    qtbot: QtBot, window: MainWindow, editor: ShortcutEditor
) -> None:
    editor.choose("edit.erase")
    press(qtbot, editor, "R")
    assert "Reset View" in editor.message.text()
    editor.assign.click()
    assert keys_of(window, "edit.erase") == ["R"]
    assert keys_of(window, "view.reset") == []
    editor.choose("view.reset")
    editor.reset.click()
    assert keys_of(window, "view.reset") == ["R"]
    assert keys_of(window, "edit.erase") == []


def test_keys_that_are_held_in_the_image_cannot_be_assigned(qtbot: QtBot, editor: ShortcutEditor) -> None:
    editor.choose("edit.erase")
    press(qtbot, editor, "G")
    assert not editor.assign.isEnabled()
    assert "overlay" in editor.message.text()


@pytest.mark.parametrize("preset", KEY_PRESETS)
def test_a_preset_brings_its_keys_and_reset_all_brings_them_back(
    qtbot: QtBot, window: MainWindow, editor: ShortcutEditor, preset: str
) -> None:
    editor.preset.select(preset)
    editor.preset.activated.emit(editor.preset.currentIndex())
    expected = preset_keymap(preset)
    assert {id_: tuple(keys_of(window, id_)) for id_ in expected} == expected
    editor.choose("file.open")
    editor.clear.click()
    assert keys_of(window, "file.open") == []
    editor.findChild(object, "shortcut_reset_all").click()
    assert tuple(keys_of(window, "file.open")) == expected["file.open"]


def test_the_list_is_searched_by_name_and_key(qtbot: QtBot, editor: ShortcutEditor) -> None:
    qtbot.keyClicks(editor.search, "eraser")
    shown = [line for line in range(editor.table.rowCount()) if not editor.table.isRowHidden(line)]
    assert [editor.table.item(line, 0).text() for line in shown] == ["Eraser"]


def test_a_right_click_opens_the_menu_of_the_view(qtbot: QtBot, window: MainWindow) -> None:
    view = window.view()
    slices.drag(view, QPoint(200, 200), button=Qt.MouseButton.RightButton)
    menu = view.findChild(QMenu, "view_menu")
    listed = [action.objectName() for action in menu.actions() if not (action.isSeparator() or action.menu())]
    assert listed == [name for group in ENTRIES for name in group]
    menu.close()
    window.actions["edit.brush"].trigger()
    slices.drag(view, QPoint(200, 200), button=Qt.MouseButton.RightButton)
    assert not [menu for menu in view.findChildren(QMenu, "view_menu") if menu.isVisible()]
