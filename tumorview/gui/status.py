"""The line at the bottom: what just happened, what lies under the pointer, where the network computes, saved or not."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton, QWidget

from tumorview.core.labels import LabelTable
from tumorview.core.tally import Tally
from tumorview.gui import icons, theme
from tumorview.gui.views.values import CursorInfo
from tumorview.gui.widgets import ElidedLabel

MESSAGE_MS = 12_000
TASK_WIDTH = 220
NOTICE = "Research use only: not a medical device"


class StatusBar(QStatusBar):
    """Reports through ``cancel_requested`` that the small cross beside the progress was pressed."""

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        theme.grows(self, height=22)
        self.setContentsMargins(4, 0, 4, 0)
        self._text = ElidedLabel()  # a long file name must not widen the window
        self._text.setObjectName("status_task")
        theme.grows(self._text, width=TASK_WIDTH)
        # An elided label asks to be ignored: the layout would leave it no room and lay the bar on it.
        self._text.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._bar = QProgressBar()
        self._bar.setObjectName("status_progress")
        self._bar.setAccessibleName("Progress")
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(140, 6)
        self._cancel = QToolButton()
        self._cancel.setObjectName("status_cancel_button")
        self._cancel.setAccessibleName("Cancel")
        self._cancel.setToolTip("Cancel (Shift+F5)")
        self._cancel.setIcon(icons.icon("close"))
        self._cancel.setIconSize(QSize(12, 12))
        self._cancel.clicked.connect(self.cancel_requested)
        for part in (self._text, self._bar, self._cancel):
            self.addWidget(part)
        self.position = self._reading("status_voxel", "IJK 000, 000, 000", "Voxel: column, row, slice (from 0)")
        self.world = self._reading("status_mm", "L 000.0  P 000.0  S 000.0 mm", "Place in the patient, mm")
        self.value = self._reading("status_value", "Value 00000", "Intensity under the pointer")
        self.label = self._reading("status_label", "Tumour", "Label under the pointer")
        self.device = self._reading("status_device", "", "Where the network computed")
        self.by_hand = self._reading("status_by_hand", "", "")
        self.saved = self._reading("status_saved", "", "Whether the mask is on disk")
        self.notice = self._reading("status_notice", NOTICE, "Not for diagnosis")
        self.notice.setText(NOTICE)
        self.hide_progress()

    def tell(self, text: str) -> None:
        """Say what happened, for a while; a long path loses its middle and is whole in the tooltip."""
        room = self.position.x() - 2 * theme.GRID
        shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room) if room > 0 else text
        self.setToolTip(text)
        self.showMessage(shown, MESSAGE_MS)

    @property
    def progress_shown(self) -> bool:
        """Whether a background task is told of."""
        return not self._bar.isHidden()

    def show_progress(self, fraction: float, text: str) -> None:
        """A background task is under way."""
        self.clearMessage()
        self._text.set_text(text)
        self._bar.setValue(round(1000 * fraction))
        for part in (self._text, self._bar, self._cancel):
            part.show()

    def hide_progress(self) -> None:
        """No background task is under way."""
        self._text.set_text("")
        for part in (self._text, self._bar, self._cancel):
            part.hide()

    def show_share(self, tally: Tally) -> None:
        """Say how much of the mask was made by hand; nothing while there is no mask."""
        share = tally.human_share
        self.by_hand.setText("" if share is None else f"{percent(share)} by hand")
        told = f"{tally.human:,} of {tally.total:,} voxels of the mask were set or erased by hand"
        self.by_hand.setToolTip("" if share is None else told)

    def show_cursor(self, info: CursorInfo | None, labels: LabelTable | None) -> None:
        """Say what lies under the pointer."""
        if info is None:
            for part in (self.position, self.world, self.value, self.label):
                part.clear()
            return
        k, j, i = info.voxel
        self.position.setText(f"IJK {i}, {j}, {k}")
        self.world.setText("" if info.world is None else _place(info.world))
        self.value.setText(f"Value {info.value:.4g}" if abs(info.value) < 1e4 else f"Value {info.value:.0f}")
        entry = labels.get(info.label) if labels is not None and info.label else None
        self.label.setText("Background" if entry is None else entry.name)

    def _reading(self, name: str, widest: str, tip: str) -> QLabel:
        reading = QLabel()
        reading.setObjectName(name)
        reading.setToolTip(tip)
        reading.setAccessibleName(tip)
        theme.tabular(reading)
        if widest:
            reading.setMinimumWidth(reading.fontMetrics().horizontalAdvance(widest) + 12)
        self.addPermanentWidget(reading)
        return reading


def percent(share: float) -> str:
    """A share in whole percent; what is neither nothing nor everything never looks so."""
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{round(100 * share)} %"


def _place(world: tuple[float, float, float]) -> str:
    letters = ("LR", "PA", "SI")
    return "  ".join(f"{pair[mm < 0]} {abs(mm):.1f}" for pair, mm in zip(letters, world, strict=True)) + " mm"
