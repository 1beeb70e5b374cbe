"""Lines of the model manager: a model of the list, a change of the default."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QIcon
from PySide6.QtWidgets import QApplication, QHeaderView, QListWidgetItem, QTableWidget, QTableWidgetItem

from tumorview.app.model_store import DefaultChange, Source, StoredModel
from tumorview.gui import icons, theme
from tumorview.gui.widgets import named

_SOURCES = {Source.BUNDLED: "bundled", Source.TRAINED: "own", Source.IMPORTED: "imported"}
ICON = 18


def model_item(model: StoredModel, *, broken: bool) -> QListWidgetItem:
    """A model with its standing under its name; its id is the item's data."""
    c = theme.colours()
    item = QListWidgetItem(f"{model.title}\n{_subtitle(model, broken=broken)}")
    if broken:
        item.setIcon(_icon("error", c.red))
    elif model.default_for is not None:
        item.setIcon(_icon("default", c.accent_hover))
    else:
        item.setIcon(_icon("candidate" if model.candidate else "brain", c.text_dim))
    item.setSizeHint(QSize(0, 2 * QFontMetrics(QApplication.font()).height() + 2 * theme.GRID))
    item.setData(Qt.ItemDataRole.UserRole, model.id)
    item.setToolTip(model.id)
    return item


def _subtitle(model: StoredModel, *, broken: bool) -> str:
    if broken:
        return "cannot be used"
    parts = ["default"] if model.default_for is not None else ["candidate"] if model.candidate else []
    parts.append(_SOURCES[model.record.source])
    if model.entry.card is not None:
        parts.append(f"width {model.entry.card.width}")
    return ", ".join(parts)


def _icon(name: str, colour: str) -> QIcon:
    """In its colour, and in that of chosen text while its line is chosen."""
    icon = QIcon()
    for mode, tint in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Selected, theme.colours().on_accent)):
        icon.addPixmap(icons.icon(name, tint).pixmap(ICON, ICON), mode)
    return icon


class DefaultHistory(QTableWidget):
    """Every change of a default, latest first."""

    def __init__(self) -> None:
        super().__init__(0, 4)
        named(self, "model_history", "Defaults so far, latest first", "Times are UTC")
        self.setHorizontalHeaderLabels(["When (UTC)", "Before", "From then on", "Why"])
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setStretchLastSection(True)
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)

    def show_changes(self, changes: Sequence[DefaultChange], title: Callable[[str], str]) -> None:
        """Show these; ``title`` gives a model's name by its id."""
        self.setRowCount(len(changes))
        for line, change in enumerate(changes):
            when = change.when.replace("T", " ").rstrip("Z")
            for column, text in enumerate((when, title(change.before), title(change.after), change.why)):
                self.setItem(line, column, QTableWidgetItem(text))
        self.resizeColumnsToContents()
