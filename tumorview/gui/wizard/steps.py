"""The list of steps beside the pages: where one is, what is done, what is still closed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from tumorview.app.training_flow import PAGES, PageId
from tumorview.gui import theme
from tumorview.gui.widgets import named

TITLES = {
    PageId.DATA: "1  Cases",
    PageId.SPLIT: "2  Split",
    PageId.RECIPE: "3  Recipe",
    PageId.RUN: "4  Training",
    PageId.RESULT: "5  Result",
}
WIDTH = 150


class Steps(QFrame):
    """``chosen`` carries the page of a step that was pressed; only steps that may be gone back to can be."""

    chosen = Signal(object)  # PageId

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_steps")
        theme.grows(self, width=WIDTH)
        self.buttons: dict[PageId, QPushButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 2 * theme.GRID, 0)
        column.setSpacing(4)
        for page in PAGES:
            button = QPushButton(TITLES[page])
            named(button, f"training_step_{page}", TITLES[page])
            button.setProperty("step", "closed")
            button.setAutoDefault(False)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, page=page: self.chosen.emit(page))
            column.addWidget(button)
            self.buttons[page] = button
        column.addStretch(1)

    def show_page(self, current: PageId, reachable: frozenset[PageId]) -> None:
        """Mark the current step; those before it can be pressed where they are reachable."""
        here = PAGES.index(current)
        for number, (page, button) in enumerate(self.buttons.items()):
            state = "current" if number == here else "done" if number < here else "closed"
            button.setEnabled(page in reachable or page is current)
            button.setProperty("step", state)
            button.style().unpolish(button)
            button.style().polish(button)
