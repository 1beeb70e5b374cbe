"""Every control can be reached with the keyboard, says what it is, and shows that it has the focus."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QKeySequenceEdit,
    QLineEdit,
    QMenuBar,
    QPlainTextEdit,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tumorview.gui import theme
from tumorview.gui.main_window import MainWindow

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
)
SMALLEST = 20  # px: check boxes and spin boxes of Fusion at normal text
DIALOGS = (
    "file.settings", "segment.models", "help.palette", "help.edit_shortcuts", "help.log", "help.about",
    "help.shortcuts",
)  # fmt: skip
# A list whose field keeps the keyboard and moves through it.
LED_BY_A_FIELD = {"palette_list"}


def controls(root: QWidget) -> list[QWidget]:
    """What a hand can use in ``root``, without the parts that Qt puts inside of its own controls."""
    found = []
    for widget in root.findChildren(QWidget):
        inner = isinstance(widget.parent(), QAbstractSpinBox | QComboBox | QLineEdit | QKeySequenceEdit | QMenuBar)
        foreign = QWidget.window(widget) is not QWidget.window(root) or widget.objectName().startswith("qt_")
        hidden = not widget.isVisible() or isinstance(widget, QScrollBar)
        if isinstance(widget, CONTROLS) and not (inner or foreign or hidden) and _own(widget):
            found.append(widget)
    return found


def _own(widget: QWidget) -> bool:
    """Not a header or a corner button of a table."""
    parent = widget.parent()
    return not (isinstance(parent, QAbstractItemView) and isinstance(widget, QAbstractButton | QAbstractItemView))


def faults(root: QWidget) -> list[str]:
    """What is missing, one line for each control."""
    wrong = []
    for control in controls(root):
        name = f"{type(control).__name__} {control.objectName()}"
        if not control.accessibleName() and not (isinstance(control, QAbstractButton) and control.text()):
            wrong.append(f"{name}: no accessible name")
        if not control.toolTip() and not (isinstance(control, QAbstractButton) and control.text()):
            wrong.append(f"{name}: no tooltip")
        by_tab = control.focusPolicy() & Qt.FocusPolicy.TabFocus
        if not by_tab and control.objectName() not in LED_BY_A_FIELD:
            wrong.append(f"{name}: not reached by Tab")
        if min(control.width(), control.height()) < SMALLEST:
            wrong.append(f"{name}: {control.width()}x{control.height()} is too small to hit")
    return wrong


def visited(qtbot: QtBot, root: QWidget) -> set[QWidget]:
    """What the Tab key comes to, once round."""
    seen: set[QWidget] = set()
    for _ in range(200):
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus in seen and len(seen) > 3:
            break
        seen.add(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    return seen


@pytest.fixture
def open_dialog(qtbot: QtBot, window: MainWindow) -> Iterator[Callable[[str], QDialog]]:
    opened: list[QDialog] = []

    def open_(action_id: str) -> QDialog:
        window.actions[action_id].trigger()
        (dialog,) = (child for child in window.findChildren(QDialog) if child.isVisible())
        opened.append(dialog)
        return dialog

    yield open_
    for dialog in opened:
        dialog.close()


def test_every_control_of_the_window_can_be_used_without_mouse_and_without_eyes(window: MainWindow) -> None:
    assert len(controls(window)) > 40
    assert faults(window) == []


def test_every_control_of_the_welcome_page_can_be_used(window: MainWindow, qtbot: QtBot) -> None:
    window.actions["file.close"].trigger()
    assert len(controls(window.welcome)) >= 5
    assert faults(window) == []


@pytest.mark.parametrize("action_id", DIALOGS)
def test_every_control_of_a_dialog_can_be_used(
    qtbot: QtBot, window: MainWindow, open_dialog: Callable[[str], QDialog], action_id: str
) -> None:
    dialog = open_dialog(action_id)
    assert controls(dialog)
    assert faults(dialog) == []


def test_tab_goes_through_the_window(qtbot: QtBot, window: MainWindow) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.view().setFocus()
    seen = visited(qtbot, window)
    missed = [control.objectName() for control in controls(window) if control.isEnabled() and control not in seen]
    assert missed == []


def test_tab_goes_through_the_settings(qtbot: QtBot, window: MainWindow, open_dialog: Callable[[str], QDialog]) -> None:
    dialog = open_dialog("file.settings")
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    seen = visited(qtbot, dialog)
    missed = [control.objectName() for control in controls(dialog) if control.isEnabled() and control not in seen]
    assert missed == []


@pytest.mark.parametrize("name", ["dark", "light"])
@pytest.mark.parametrize("action_id", ["", "file.settings", "help.edit_shortcuts"])
def test_the_focus_can_be_seen(
    qtbot: QtBot, window: MainWindow, open_dialog: Callable[[str], QDialog], name: str, action_id: str
) -> None:
    window.memory.set(theme=name)
    root = open_dialog(action_id) if action_id else window
    root.activateWindow()
    qtbot.waitUntil(root.isActiveWindow)
    unseen = []
    for control in controls(root):
        if not control.isEnabled() or isinstance(control, QAbstractItemView):
            continue
        if QApplication.focusWidget() is not None:
            QApplication.focusWidget().clearFocus()
        plain = control.grab().toImage()
        control.setFocus(Qt.FocusReason.TabFocusReason)
        if control.grab().toImage() == plain:
            unseen.append(f"{type(control).__name__} {control.objectName()}")
    window.memory.set(theme="dark")
    assert "\n".join(unseen) == ""


@pytest.mark.parametrize("colours", theme.THEMES.values(), ids=theme.THEMES)
def test_text_stands_out_from_what_is_behind_it(colours: theme.Colours) -> None:
    """WCAG 2.1, 1.4.3: 4.5:1 for text; 1.4.11: 3:1 for what marks a control."""
    for back in (colours.window, colours.panel, colours.control):
        assert contrast(colours.text, back) >= 4.5
        assert contrast(colours.text_dim, back) >= 4.5
        assert contrast(colours.amber, back) >= 4.5
        assert contrast(colours.accent_hover, back) >= 3.0
    for back in (colours.window, colours.panel):
        assert contrast(colours.red, back) >= 4.5
    assert contrast(colours.on_accent, colours.accent) >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
