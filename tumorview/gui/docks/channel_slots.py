"""The inputs of the network, a row each for T1, FLAIR and T1CE; a series is dropped on one, or chosen in its menu."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QMenu, QPushButton, QSizePolicy, QWidget

from tumorview.core.study import MODEL_CHANNELS, Role, Series, Study
from tumorview.gui import theme
from tumorview.gui.views.series_drag import dragged_series
from tumorview.gui.widgets import label, named

MISSING = "missing"
PADDING = 6  # of the stylesheet
TITLES = {Role.T1: "T1", Role.FLAIR: "FLAIR", Role.T1CE: "T1CE"}


class ChannelSlot(QPushButton):
    """One input: the series that feeds it."""

    chosen = Signal(object)  # (Series, Role)

    def __init__(self, role: Role, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.role = role
        self._study: Study | None = None
        self._feeds = ""
        self.setObjectName(f"channel_{role.value.lower()}")
        self.setProperty("slot", True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # as narrow as the dock wants
        self.clicked.connect(self._open_menu)
        self.show_feed(None, None)

    def show_feed(self, study: Study | None, series: Series | None) -> None:
        """``series`` feeds this input; None: nothing does, and FLAIR takes its place."""
        self._study = study
        role = TITLES[self.role]
        if series is None:
            self._feeds = MISSING if study is not None else "–"
            tip = "No series: FLAIR takes its place" if self.role is not Role.FLAIR else "The network needs a FLAIR"
        else:
            self._feeds = series.description or role
            tip = f"{role}: {self._feeds}" + (" (you said so)" if study and series.uid in study.roles else "")
        named(self, self.objectName(), f"{role} input: {self._feeds}", f"{tip}. Drop a series here, or click to choose")
        self.setProperty("warning", series is None and study is not None)
        self.style().polish(self)
        self._elide()

    def feeds(self) -> str:
        """What is written there, whole."""
        return self._feeds

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the text anew."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = max(self.width() - 2 * PADDING - 2, 0)
        text = self.fontMetrics().elidedText(self._feeds, Qt.TextElideMode.ElideRight, room)
        self.setText(text.replace("&", "&&"))

    def _open_menu(self) -> None:
        study = self._study
        if study is None:
            return
        menu = QMenu(self)
        menu.setObjectName("channel_menu")
        feeding = study.channels[self.role]
        for series in study.series:
            text = f"{study.role_of(series).value}  {series.description}".replace("&", "&&")
            entry = menu.addAction(text, partial(self.chosen.emit, (series, self.role)))
            entry.setCheckable(True)
            entry.setChecked(series is feeding)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.mapToGlobal(self.rect().bottomLeft()))

    # -- drops -------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a series of this study."""
        if dragged_series(event.mimeData(), self._study) is not None:
            event.acceptProposedAction()
            self._ready(ready=True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It was carried away again."""
        self._ready(ready=False)

    def dropEvent(self, event: QDropEvent) -> None:
        """The series plays this part."""
        self._ready(ready=False)
        series = dragged_series(event.mimeData(), self._study)
        if series is not None:
            event.acceptProposedAction()
            self.chosen.emit((series, self.role))

    def _ready(self, *, ready: bool) -> None:
        self.setProperty("ready", ready)
        self.style().polish(self)


class ChannelSlots(QWidget):
    """The inputs one under the other; ``chosen`` carries a Series and the Role it shall play."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("channel_slots")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(theme.GRID)
        layout.setVerticalSpacing(1)
        layout.setColumnStretch(1, 1)
        self.slots_of = {role: ChannelSlot(role) for role in MODEL_CHANNELS}
        for line, (role, slot) in enumerate(self.slots_of.items()):
            slot.chosen.connect(self.chosen)
            layout.addWidget(label(TITLES[role]), line, 0)
            layout.addWidget(slot, line, 1)

    def show_study(self, study: Study | None) -> None:
        """What feeds each input now."""
        channels = {} if study is None else study.channels
        for role, slot in self.slots_of.items():
            slot.show_feed(study, channels.get(role))
