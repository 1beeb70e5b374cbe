"""Other keys for the actions of the table: presets, single keys, clashes told before they happen."""

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tumorview.app.actions import ACTIONS, by_id, plain_title
from tumorview.app.keymap import (
    KEY_PRESETS,
    RESERVED,
    Keymap,
    Keys,
    changes_between,
    keymap,
    preset_keymap,
    users_of,
    with_keys,
)
from tumorview.app.settings import Settings
from tumorview.gui import theme
from tumorview.gui.action_set import native_shortcut
from tumorview.gui.timing import Memory
from tumorview.gui.widgets import ComboBox, cell, command_button, label, named, row

WIDTH, HEIGHT = 640, 600


class ShortcutEditor(QDialog):
    """Follows and changes the keys in the settings of ``memory``; every change applies at once."""

    def __init__(self, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcut_editor")
        self.setWindowTitle("Edit Shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self._memory = memory
        self.preset = ComboBox()
        named(self.preset, "key_preset", "Preset", "The keys of another program; your own changes are dropped")
        for preset in KEY_PRESETS.values():
            self.preset.addItem(preset.title, preset.id)
        self.preset.activated.connect(self._choose_preset)
        self.search = QLineEdit()
        named(self.search, "shortcut_search", "Search actions", "Words of an action, or a key")
        self.search.setPlaceholderText("Search")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumHeight(theme.TARGET)
        self.search.textChanged.connect(self._filter)
        self.table = _table()
        self.table.currentCellChanged.connect(lambda *_: self._show_chosen())
        self.keys = QKeySequenceEdit()
        named(self.keys, "shortcut_keys", "New shortcut", "Press the new keys here")
        self.keys.setMaximumSequenceLength(1)
        self.keys.setClearButtonEnabled(True)
        self.keys.keySequenceChanged.connect(lambda _: self._show_clash())
        self.message = label("", warning=True, wrap=True)
        self.message.setObjectName("shortcut_message")
        self.assign = command_button("Assign", "shortcut_assign", "Give the chosen action these keys", self._assign)
        self.clear = command_button("Remove", "shortcut_clear", "The chosen action goes without keys", self._remove)
        self.reset = command_button("Reset", "shortcut_reset", "The chosen action as in the preset", self._reset)
        self._lay_out()
        self._follow(memory.settings)
        self.table.setCurrentCell(0, 0)
        self.destroyed.connect(memory.store.changed.connect(self._follow))

    @property
    def keymap(self) -> Keymap:
        """The keys of every action as they are now."""
        return self._keymap

    @property
    def chosen(self) -> str:
        """The id of the chosen action."""
        item = self.table.item(self.table.currentRow(), 0)
        return "" if item is None else item.data(Qt.ItemDataRole.UserRole)

    def choose(self, action_id: str) -> None:
        """Choose an action of the list."""
        line = next(n for n in range(self.table.rowCount()) if self._id(n) == action_id)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.setCurrentCell(line, 0, flags)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        margin = 2 * theme.GRID
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(theme.GRID)
        top = row(label("Preset"), self.preset, self.search)
        top.setStretch(2, 2)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addLayout(row(label("New keys"), self.keys, self.assign, self.clear, self.reset))
        column.addWidget(self.message)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        everything = command_button(
            "Reset All", "shortcut_reset_all", "Every action as in the preset", lambda: self._memory.set(shortcuts=())
        )
        buttons.addButton(everything, QDialogButtonBox.ButtonRole.ResetRole)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        named(close, "shortcut_close", "Close the shortcut editor")
        close.setAutoDefault(False)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)

    # -- showing -----------------------------------------------------------------------------------------------

    def _follow(self, settings: Settings) -> None:
        self._keymap = keymap(settings.key_preset, settings.shortcuts)
        self._standard = preset_keymap(settings.key_preset)
        self.preset.select(settings.key_preset)
        for line in range(self.table.rowCount()):
            action_id = self._id(line)
            keys = self._keymap[action_id]
            item = cell(self.table, line, 2)
            item.setText(", ".join(native_shortcut(key) for key in keys))
            font = item.font()
            font.setBold(keys != self._standard[action_id])
            item.setFont(font)
        self._show_chosen()

    def _show_chosen(self) -> None:
        chosen = self.chosen
        self.keys.clear()
        self.message.clear()
        self.assign.setEnabled(False)
        self.clear.setEnabled(bool(chosen and self._keymap[chosen]))
        self.reset.setEnabled(bool(chosen and self._keymap[chosen] != self._standard[chosen]))

    def _pressed(self) -> str:
        return self.keys.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _show_clash(self) -> None:
        key, chosen = self._pressed(), self.chosen
        told = ""
        if key in RESERVED:
            told = f"{native_shortcut(key)} cannot be assigned: {RESERVED[key]}."
        elif users := users_of(self._keymap, key, but=chosen) if key else []:
            names = " and ".join(f"“{by_id(user).plain_title}”" for user in users)
            told = f"{native_shortcut(key)} belongs to {names}. Assign takes it from there."
        self.message.setText(told)
        self.assign.setEnabled(bool(key and chosen) and key not in RESERVED)

    def _filter(self, words: str) -> None:
        for line in range(self.table.rowCount()):
            said = " ".join(cell(self.table, line, column).text() for column in range(3)).casefold()
            self.table.setRowHidden(line, not all(word in said for word in words.casefold().split()))

    # -- changing ----------------------------------------------------------------------------------------------

    def _assign(self) -> None:
        self._change((self._pressed(),))

    def _remove(self) -> None:
        self._change(())

    def _reset(self) -> None:
        self._change(self._standard[self.chosen])

    def _change(self, keys: Keys) -> None:
        wanted = with_keys(self._keymap, self.chosen, keys)
        self._memory.set(shortcuts=changes_between(self._memory.settings.key_preset, wanted))

    def _choose_preset(self) -> None:
        self._memory.set(key_preset=self.preset.currentData(), shortcuts=())

    def _id(self, line: int) -> str:
        return str(cell(self.table, line, 0).data(Qt.ItemDataRole.UserRole))


def _table() -> QTableWidget:
    table = QTableWidget(len(ACTIONS), 3)
    named(table, "shortcut_table", "Actions and their shortcuts")
    table.setHorizontalHeaderLabels(["Action", "Menu", "Shortcut"])
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for column in (1, 2):
        table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    for line, spec in enumerate(ACTIONS):
        first = QTableWidgetItem(spec.plain_title)
        first.setData(Qt.ItemDataRole.UserRole, spec.id)
        first.setToolTip(spec.tip)
        table.setItem(line, 0, first)
        table.setItem(line, 1, QTableWidgetItem(plain_title(spec.menu)))
        table.setItem(line, 2, QTableWidgetItem(""))
    return table
