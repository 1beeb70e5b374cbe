"""Which keys belong to the control in use and which to the window's shortcuts."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QWidget,
)

_MOVING_KEYS = frozenset(
    (
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_Escape,
    )
)
_COMMAND = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def keeps_key(widget: QWidget | None, event: QKeyEvent) -> bool:
    """Whether a key belongs to the control that has the focus and not to a shortcut of the window."""
    if widget is None or event.modifiers() & _COMMAND:
        return False
    moving = event.key() in _MOVING_KEYS
    if isinstance(widget, QLineEdit | QAbstractSpinBox):
        return moving or bool(event.text())
    if isinstance(widget, QComboBox | QAbstractItemView):
        return (moving and event.key() != Qt.Key.Key_Escape) or event.text().isalnum()
    return isinstance(widget, QAbstractSlider) and moving and event.key() != Qt.Key.Key_Escape


class KeyGuard(QWidget):
    """A container in which shortcuts without Ctrl or Alt stay quiet while a field or slider has the focus."""

    def event(self, event: QEvent) -> bool:
        """Take keys that are being typed from the shortcuts."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and keeps_key(QApplication.focusWidget(), event)
        ):
            event.accept()
            return True
        return super().event(event)
