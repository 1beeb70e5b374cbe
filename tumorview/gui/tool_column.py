"""The right dock: panels for all that is done with the image, under each other; every one folds."""

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from tumorview.app.reading import Reading
from tumorview.app.tool_options import Tool
from tumorview.core.labels import LABEL_PRESETS
from tumorview.gui import theme
from tumorview.gui.docks.agreement_dock import AgreementPanel
from tumorview.gui.docks.contrast_dock import ContrastPanel
from tumorview.gui.docks.edit_dock import EditPanel
from tumorview.gui.docks.history_dock import HistoryPanel
from tumorview.gui.docks.labels_dock import LabelsPanel
from tumorview.gui.docks.measure_dock import MeasurePanel
from tumorview.gui.docks.panel import Panel
from tumorview.gui.docks.refine_dock import RefinePanel
from tumorview.gui.docks.segment_dock import SegmentPanel
from tumorview.gui.keys import KeyGuard

WIDTH = 224
TOOL_ACTIONS = tuple(f"edit.{tool.value}" for tool in Tool)
LABEL_ACTIONS = ("add_label", "remove_label", *(f"labels_{preset.id}" for preset in LABEL_PRESETS))


class ToolColumn(KeyGuard):
    """``panels`` from top to bottom; a scroll bar appears only in windows that are too low for all of them."""

    def __init__(self, actions: Mapping[str, QAction], reading: Reading, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools_panel")
        self.segment = SegmentPanel(actions["segment.run"], actions["segment.cancel"])
        self.contrast = ContrastPanel(reading, actions["view.invert"])
        self.labels = LabelsPanel()
        self.labels.offer([actions[f"edit.{name}"] for name in LABEL_ACTIONS])
        self.edit = EditPanel([actions[name] for name in TOOL_ACTIONS])
        self.refine = RefinePanel(actions)
        self.measure = MeasurePanel(actions)
        self.history = HistoryPanel()
        self.agreement = AgreementPanel(actions["file.open_truth"], actions["view.compare_truth"])
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for panel in self.panels:
            column.addWidget(panel)
        column.addStretch(1)
        self.scroll_area = QScrollArea()
        self.scroll_area.setWidget(content)
        self.scroll_area.setWidgetResizable(True)
        self.scroll_area.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.scroll_area)
        theme.grows(self, least_width=WIDTH)

    @property
    def panels(self) -> tuple[Panel, ...]:
        """From top to bottom."""
        masks = (self.labels, self.edit, self.refine, self.history)
        return self.segment, self.contrast, *masks, self.measure, self.agreement

    def sizeHint(self) -> QSize:
        """As narrow as the controls allow: the image needs the room."""
        return QSize(self.minimumWidth(), 600)
