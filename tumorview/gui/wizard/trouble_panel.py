"""What went wrong with a training run, what to do, and buttons that do it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from tumorview.app.training_events import Offer, RunFailed
from tumorview.gui import icons, theme
from tumorview.gui.widgets import label, named


class TroublePanel(QFrame):
    """Hidden while all is well; ``chosen`` carries the Offer whose button was pressed."""

    chosen = Signal(object)  # Offer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_failure")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._message = label("", wrap=True)
        self._message.setObjectName("training_failure_message")
        self._message.setProperty("error", True)
        self._remedy = label("", wrap=True)
        self._remedy.setObjectName("training_failure_remedy")
        self._details = QPlainTextEdit()
        named(self._details, "training_failure_details", "What the training program wrote")
        self._details.setReadOnly(True)
        self._details.setMaximumHeight(120)
        self._more = QPushButton("Details")
        named(self._more, "training_details_button", "Show what the training program wrote")
        self._more.setCheckable(True)
        self._more.toggled.connect(self._details.setVisible)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(theme.GRID)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, theme.GRID, 12, theme.GRID)
        for part in (self._message, self._remedy):
            layout.addWidget(part)
        layout.addLayout(self._buttons)
        layout.addWidget(self._details)
        self.hide()

    def show_failure(self, failure: RunFailed | None) -> None:
        """Say it and offer what helps; None hides the panel."""
        self.setVisible(failure is not None)
        while (item := self._buttons.takeAt(0)) is not None:
            old = item.widget()
            if old is not None and old is not self._more:
                old.hide()
                old.deleteLater()
        if failure is None:
            return
        self._message.setText(failure.message)
        self._remedy.setText(failure.remedy)
        for number, offer in enumerate(failure.offers):
            self._buttons.addWidget(self._button(offer, primary=number == 0))
        self._buttons.addWidget(self._more)
        self._buttons.addStretch(1)
        self._details.setPlainText(failure.details)
        self._more.setVisible(bool(failure.details))
        self._more.setChecked(False)
        self._details.hide()
        self.setAccessibleName(f"{failure.message} {failure.remedy}")

    def set_busy(self, busy: bool) -> None:
        """While an offer is being carried out, none can be pressed."""
        for button in self.findChildren(QPushButton):
            button.setEnabled(not busy)

    def _button(self, offer: Offer, *, primary: bool) -> QPushButton:
        button = QPushButton(offer.text)
        named(button, f"training_offer_{offer.name}", offer.text)
        button.setProperty("primary", primary)
        if primary:
            button.setIcon(icons.icon("run", theme.colours().on_accent))
        button.setMinimumHeight(theme.TARGET)
        button.clicked.connect(lambda: self.chosen.emit(offer))
        return button
