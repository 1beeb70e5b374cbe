"""Name and notes of a model of one's own."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from tumorview.app.model_store import MAX_TITLE, StoredModel
from tumorview.gui import theme
from tumorview.gui.widgets import label, named

WIDTH = 460


class DescribeDialog(QDialog):
    """Stays open until whoever asked accepts it: ``save_requested`` may meet a full disk."""

    save_requested = Signal()

    def __init__(self, model: StoredModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("describe_model_dialog")
        self.setWindowTitle("Rename Model")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.name, self.notes = name_field(), notes_field()
        self.name.setText(model.title)
        self.name.selectAll()
        self.notes.setPlainText(model.own_notes)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        save = buttons.button(QDialogButtonBox.StandardButton.Save)
        named(save, "describe_model_save", "Save name and notes")
        self.name.textChanged.connect(lambda text: save.setEnabled(bool(text.strip())))
        buttons.accepted.connect(self.save_requested)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID)
        column.setSpacing(theme.GRID)
        for text, field in (("&Name", self.name), ("N&otes", self.notes)):
            head = label(text)
            head.setBuddy(field)
            column.addWidget(head)
            column.addWidget(field)
        column.addWidget(buttons)
        theme.grows(self, least_width=WIDTH)

    @property
    def values(self) -> tuple[str, str]:
        """Name and notes as they are now."""
        return self.name.text(), self.notes.toPlainText()


def name_field() -> QLineEdit:
    """For a model's name."""
    field = QLineEdit()
    named(field, "model_name", "Name of the model")
    field.setMaxLength(MAX_TITLE)
    field.setMinimumHeight(theme.TARGET)
    return field


def notes_field() -> QPlainTextEdit:
    """For what to remember about a model."""
    field = QPlainTextEdit()
    named(field, "model_notes", "Notes about the model", "They travel with the model: name no patients here")
    field.setPlaceholderText("Scanner, protocol, who outlined … no names of patients: notes travel with the model")
    field.setTabChangesFocus(True)
    field.setFixedHeight(84)
    return field
