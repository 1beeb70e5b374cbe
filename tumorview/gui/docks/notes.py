"""How many warnings there are, and the warnings when one asks."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout, QWidget

from tumorview.gui import icons, theme
from tumorview.gui.widgets import label

NOTES_WIDTH = 380


class Notes(QToolButton):
    """Amber, one line high: how many warnings there are; a click opens them, nothing is pushed aside."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notes: tuple[str, ...] = ()
        self.setObjectName("notes_button")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setMinimumHeight(theme.TARGET)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._open)
        self.hide()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is warned of."""
        return self._notes

    def show_notes(self, notes: Sequence[str]) -> None:
        """Offer these; hidden where there is none."""
        self._notes = tuple(notes)
        count = len(self._notes)
        self.setText(f" {count} warning{'s' if count > 1 else ''}")
        self.setIcon(icons.icon("warning", theme.colours().amber))
        self.setAccessibleName(". ".join(self._notes) or "No warnings")
        self.setToolTip("\n".join(self._notes))
        self.setVisible(bool(self._notes))

    def _open(self) -> None:
        popup = QFrame(self, Qt.WindowType.Popup)
        popup.setObjectName("notes_popup")
        popup.setFrameShape(QFrame.Shape.StyledPanel)
        popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(popup)
        for note in self._notes:
            line = label(note, warning=True, wrap=True)
            line.setFixedWidth(NOTES_WIDTH)
            column.addWidget(line)
        popup.move(self.mapToGlobal(self.rect().bottomLeft()))
        popup.show()
