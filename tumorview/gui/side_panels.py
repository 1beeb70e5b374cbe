"""The docks beside the image: shown with a study, stowed for the image alone, remembered for the next start."""

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from tumorview.gui.action_set import ActionSet
from tumorview.gui.timing import Memory
from tumorview.gui.tool_column import ToolColumn

STATE_VERSION = 1
ROOMY = 900  # pixels of a screen on which every panel fits


class SidePanels(QObject):
    """``study`` on the left and ``tools`` on the right of ``window``."""

    def __init__(
        self, window: QMainWindow, series_list: QWidget, tools: ToolColumn, action_set: ActionSet, memory: Memory
    ) -> None:
        super().__init__(window)
        self._window, self._tools, self._actions, self._memory = window, tools, action_set, memory
        self._wanted = False
        self._stowed: list[QDockWidget] = []  # hidden while the image is alone
        self._state = QByteArray.fromBase64(memory.settings.window_state.encode())
        self.study = self._dock("study_dock", "Study", series_list, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.tools = self._dock("tools_dock", "Tools", tools, Qt.DockWidgetArea.RightDockWidgetArea)
        for name, dock in (("view.study_panel", self.study), ("view.tools_panel", self.tools)):
            dock.visibilityChanged.connect(lambda _, name=name, dock=dock: self._toggled(name, dock))
        folded = memory.settings.folded_panels
        if not memory.settings.window_geometry and window.screen().availableGeometry().height() < ROOMY:
            folded = (*folded, tools.contrast.objectName())  # the first start on a laptop: no scroll bar
        for panel in tools.panels:
            panel.set_folded(panel.objectName() in folded)

    def toggle(self) -> None:
        """The image alone, or with the panels beside it."""
        shown = [dock for dock in self._docks if not dock.isHidden()]
        if shown:
            self._stowed = shown
            for dock in shown:
                dock.hide()
        else:
            self._unstow(self._stowed or self._docks)

    def set_wanted(self, *, wanted: bool) -> None:
        """Whether there is a study whose panels make sense."""
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if not wanted:
            self._remember_state()
            for dock in self._docks:
                dock.hide()
        elif not self._window.restoreState(self._state, STATE_VERSION):
            for dock in self._docks:
                dock.show()
            widths = [dock.widget().sizeHint().width() for dock in self._docks]
            self._window.resizeDocks(list(self._docks), widths, Qt.Orientation.Horizontal)

    def remember(self) -> None:
        """Keep places and folds for the next start."""
        if self._wanted:
            self._remember_state()
        self._memory.change(
            folded_panels=tuple(panel.objectName() for panel in self._tools.panels if panel.folded),
            window_state=bytes(self._state.toBase64().data()).decode(),
        )

    @property
    def _docks(self) -> tuple[QDockWidget, QDockWidget]:
        return self.study, self.tools

    def _dock(self, name: str, title: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(name)
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setTitleBarWidget(QWidget())  # the panels have headers of their own; a second one costs image
        dock.setWidget(content)
        self._window.addDockWidget(area, dock)
        dock.hide()  # until a study is open
        return dock

    def _unstow(self, docks: Sequence[QDockWidget]) -> None:
        for dock in docks:
            dock.show()
        self._stowed = []

    def _remember_state(self) -> None:
        self._unstow(self._stowed)  # "the image alone" is for a moment, not for the next start
        self._state = self._window.saveState(STATE_VERSION)

    def _toggled(self, name: str, dock: QDockWidget) -> None:
        self._actions.check(name, checked=not dock.isHidden())
