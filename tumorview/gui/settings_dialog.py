"""The settings dialog, made from the table of settings: changes apply at once, each can be taken back by itself."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from tumorview.app.options import Kind, Option
from tumorview.app.settings import OPTIONS, Settings
from tumorview.gui import icons, theme
from tumorview.gui.timing import Memory
from tumorview.gui.widgets import CheckBox, ComboBox, label, named, row

WIDTH, HEIGHT = 640, 640
CONTROL_WIDTH = 220

Tell = Callable[[Any], object]


class _Control(QWidget):
    """Shows and reports the value of one setting; ``field`` is the widget that has the focus."""

    def __init__(self, option: Option, tell: Tell) -> None:
        super().__init__()
        self.option = option
        self._tell = tell
        theme.grows(self, width=CONTROL_WIDTH)
        self.field, self._show = _MAKERS[option.kind](option, self._report)
        named(self.field, f"setting_{option.name}", option.title, option.help)
        parts = [self.field]
        if option.kind is Kind.FOLDER:
            parts.append(self._browse_button())
        line = row(*parts)
        if option.kind is Kind.SWITCH:
            line.addStretch(1)
        self.setLayout(line)

    def show_value(self, value: object) -> None:
        """Show ``value`` without reporting it."""
        blocked = self.field.blockSignals(True)
        self._show(value)
        self.field.blockSignals(blocked)

    def _report(self, value: object) -> None:
        self._tell(value)

    def _browse_button(self) -> QPushButton:
        button = QPushButton("Choose…")
        named(button, f"choose_{self.option.name}", f"Choose the folder: {self.option.title}")

        button.setAutoDefault(False)

        def choose() -> None:
            start = self.field.text() if isinstance(self.field, QLineEdit) else ""
            chosen = QFileDialog.getExistingDirectory(self, self.option.title, start)
            if chosen:
                self._report(chosen)

        button.clicked.connect(choose)
        return button


def _choice(option: Option, report: Tell) -> tuple[QWidget, Tell]:
    box = ComboBox()
    for choice in option.choices:
        box.addItem(choice.title, choice.value)
    box.currentIndexChanged.connect(lambda _: report(box.currentData()))
    return box, box.select


def _switch(option: Option, report: Tell) -> tuple[QWidget, Tell]:
    box = CheckBox()
    box.toggled.connect(report)
    return box, box.setChecked


def _number(option: Option, report: Tell) -> tuple[QWidget, Tell]:
    spin = QSpinBox()
    spin.setRange(round(option.low * option.scale), round(option.high * option.scale))
    spin.setSingleStep(round(option.step * option.scale))
    spin.setSuffix(option.suffix)
    spin.setKeyboardTracking(False)
    spin.setMinimumHeight(theme.TARGET)
    kind = type(option.default)
    spin.valueChanged.connect(lambda shown: report(kind(shown / option.scale)))
    return spin, lambda value: spin.setValue(round(value * option.scale))


def _folder(option: Option, report: Tell) -> tuple[QWidget, Tell]:
    line = QLineEdit()
    line.setPlaceholderText("Standard")
    line.setMinimumHeight(theme.TARGET)
    line.editingFinished.connect(lambda: report(line.text().strip()))
    return line, line.setText


_MAKERS: dict[Kind, Callable[[Option, Tell], tuple[QWidget, Tell]]] = {
    Kind.CHOICE: _choice,
    Kind.SWITCH: _switch,
    Kind.NUMBER: _number,
    Kind.FOLDER: _folder,
}


class _Row(QWidget):
    """Title, control and reset button; the help below."""

    def __init__(self, option: Option, tell: Tell) -> None:
        super().__init__()
        self.option = option
        self.setObjectName(f"setting_row_{option.name}")
        title = QLabel(option.title)
        self.control = _Control(option, tell)
        title.setBuddy(self.control.field)
        self.reset = QToolButton()
        named(self.reset, f"reset_{option.name}", f"Reset {option.title}", "Back to the default")
        self.reset.setMinimumSize(theme.TARGET, theme.TARGET)
        self.reset.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.reset.clicked.connect(lambda: tell(option.default))
        kept = self.reset.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # the controls stay in line
        self.reset.setSizePolicy(kept)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, theme.GRID)
        grid.setVerticalSpacing(2)
        grid.addWidget(title, 0, 0)
        grid.addWidget(self.control, 0, 1)
        grid.addWidget(self.reset, 0, 2)
        help_text = label(option.help, dim=True, wrap=True)
        grid.addWidget(help_text, 1, 0, 1, 3)
        grid.setColumnStretch(0, 1)

    def show_value(self, value: object) -> None:
        """Show the value and whether it can be reset."""
        self.control.show_value(value)
        self.reset.setIcon(icons.icon("undo", theme.colours().text_dim))
        self.reset.setVisible(value != self.option.default)


class SettingsDialog(QDialog):
    """Follows and changes the settings of ``memory``."""

    def __init__(self, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settings_dialog")
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        memory.flush()
        self._memory = memory
        self.rows = {option.name: _Row(option, self._teller(option)) for option in OPTIONS.values()}
        self._headings: dict[str, QLabel] = {}
        self.search = QLineEdit()
        named(self.search, "settings_search", "Search settings", "Words of a setting or of its explanation")
        self.search.setPlaceholderText("Search")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumHeight(theme.TARGET + 4)
        self.search.textChanged.connect(self._filter)
        self._nothing = label("No setting is called like that.", dim=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID)
        column.setSpacing(theme.GRID)
        column.addWidget(self.search)
        column.addWidget(self._list(), 1)
        column.addWidget(self._buttons())
        self._filter("")
        self._follow(memory.settings)
        self.destroyed.connect(memory.store.changed.connect(self._follow))

    def _list(self) -> QScrollArea:
        content = QWidget()
        lines = QVBoxLayout(content)
        lines.setContentsMargins(0, 0, theme.GRID, 0)
        lines.setSpacing(theme.GRID // 2)
        for entry in self.rows.values():
            section = entry.option.section
            if section not in self._headings:
                heading = label(section)
                theme.scaled(heading, 1.15, bold=True)
                heading.setContentsMargins(0, theme.GRID if self._headings else 0, 0, theme.GRID // 2)
                self._headings[section] = heading
                lines.addWidget(heading)
            lines.addWidget(entry)
        lines.addWidget(self._nothing)
        lines.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return scroll

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close | QDialogButtonBox.StandardButton.RestoreDefaults)
        close = box.button(QDialogButtonBox.StandardButton.Close)
        named(close, "settings_close", "Close the settings")
        close.setAutoDefault(False)
        defaults = box.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        named(defaults, "settings_defaults", "Restore all defaults", "Every setting of this dialog back to its default")
        defaults.setAutoDefault(False)
        defaults.clicked.connect(
            lambda: self._memory.set(**{option.name: option.default for option in OPTIONS.values()})
        )
        box.rejected.connect(self.close)
        return box

    def _teller(self, option: Option) -> Tell:
        return lambda value: self._memory.set(**{option.name: value})

    def _follow(self, settings: Settings) -> None:
        for name, entry in self.rows.items():
            entry.show_value(getattr(settings, name))

    def _filter(self, words: str) -> None:
        shown = {name: entry.option.matches(words) for name, entry in self.rows.items()}
        sections = {self.rows[name].option.section for name, found in shown.items() if found}
        for name, entry in self.rows.items():
            entry.setVisible(shown[name])
        for section, heading in self._headings.items():
            heading.setVisible(section in sections)
        self._nothing.setVisible(not sections)
