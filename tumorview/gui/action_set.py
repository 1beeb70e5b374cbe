"""The table of actions as QActions: made once, enabled together, shared by menus, toolbar and docks."""

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from tumorview.app.actions import ACTIONS, ActionSpec, ActionState, by_id
from tumorview.app.keymap import Keymap, Keys
from tumorview.gui import icons

Handler = Callable[..., Any]


class ActionSet:
    """``actions`` by id; every action of the table must have a handler, and no handler may be without an action."""

    def __init__(self, parent: QWidget, handlers: Mapping[str, Handler]) -> None:
        ids = {spec.id for spec in ACTIONS}
        if set(handlers) != ids:
            raise ValueError(f"actions and handlers differ: {sorted(ids ^ set(handlers))}")
        self.actions = {spec.id: _action(spec, parent, handlers[spec.id]) for spec in ACTIONS}
        self.keymap: Keymap = {}
        self.set_keymap({spec.id: spec.shortcuts for spec in ACTIONS})
        self.refresh_icons()

    def __getitem__(self, action_id: str) -> QAction:
        return self.actions[action_id]

    def update(self, state: ActionState) -> None:
        """Enable what makes sense now."""
        for spec in ACTIONS:
            self.actions[spec.id].setEnabled(spec.enabled(state))

    def check(self, action_id: str, checked: bool) -> None:
        """Show a checkable action as on or off, without doing it."""
        action = self.actions[action_id]
        blocked = action.blockSignals(True)
        action.setChecked(checked)
        action.blockSignals(blocked)
        action.changed.emit()  # buttons and menus follow

    def name_object(self, action_id: str, what: str) -> None:
        """Say what an action would be done to, as in "Undo Brush"; "" takes it away again."""
        action, spec = self.actions[action_id], by_id(action_id)
        shown = what.replace("&", "&&")
        action.setText(f"{spec.title} {shown}" if what else spec.title)
        _give_tip(action, spec, self.keymap[action_id], what)

    def set_keymap(self, keys: Keymap) -> None:
        """Give every action its keys; menus and tooltips follow."""
        self.keymap = keys
        for spec in ACTIONS:
            _give_keys(self.actions[spec.id], spec, keys[spec.id])

    def refresh_icons(self) -> None:
        """Tint every icon in the theme's colours."""
        for spec in ACTIONS:
            self.actions[spec.id].setIcon(icons.icon(spec.icon, quiet=is_quiet(spec)))

    def menus(self) -> dict[str, list[QAction | None]]:
        """Actions by menu title in the order of the table; None is a dividing line."""
        result: dict[str, list[QAction | None]] = {}
        for spec in ACTIONS:
            entries = result.setdefault(spec.menu, [])
            entries.append(self.actions[spec.id])
            if spec.ends_group:
                entries.append(None)
        return result


def is_quiet(spec: ActionSpec) -> bool:
    """Whether it switches something shown: the accent is for the tool in the hand, not for everything that is on."""
    return spec.checkable and spec.id.startswith("view.")


def native_shortcut(shortcut: str) -> str:
    """A portable shortcut as this system writes it."""
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)


def _action(spec: ActionSpec, parent: QWidget, handler: Handler) -> QAction:
    action = QAction(spec.title, parent)
    action.setObjectName(spec.id)
    action.setCheckable(spec.checkable)
    action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
    if spec.checkable:
        action.toggled.connect(handler)
    else:
        action.triggered.connect(lambda _checked=False: handler())
    parent.addAction(action)
    return action


def _give_keys(action: QAction, spec: ActionSpec, keys: Keys) -> None:
    action.setShortcuts([QKeySequence(key) for key in keys])
    _give_tip(action, spec, keys)


def _give_tip(action: QAction, spec: ActionSpec, keys: Keys, what: str = "") -> None:
    title = f"{spec.plain_title} {what}".strip()
    heading = f"{title} ({native_shortcut(keys[0])})" if keys else title
    action.setToolTip(f"{heading}\n{spec.tip}" if spec.tip else heading)
