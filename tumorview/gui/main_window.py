"""The window: menus and tools in one row on top, series on the left, the image, panels on the right, status below."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QPixmapCache,
)
from PySide6.QtWidgets import QDialog, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from tumorview.app import heap
from tumorview.app.measurements import Kind
from tumorview.app.model_store import ModelStore
from tumorview.app.program_log import ProgramLog
from tumorview.app.reading import Reading
from tumorview.app.segmenter import RunSegmentation
from tumorview.app.session import Session
from tumorview.app.settings_store import SettingsStore
from tumorview.app.tool_options import Tool
from tumorview.core.slicing import Plane
from tumorview.core.study import Study
from tumorview.gui import context_menu, diagnostics, messages
from tumorview.gui.action_set import ActionSet
from tumorview.gui.channels import ChannelController
from tumorview.gui.display import DisplayController
from tumorview.gui.docks.study_dock import StudyDock
from tumorview.gui.editing import TOOL_ACTIONS, EditController
from tumorview.gui.files import FileController
from tumorview.gui.geometry import GeometryController, show_passport
from tumorview.gui.handlers import handlers_of
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.measuring import MeasureController
from tumorview.gui.model_list import ModelList
from tumorview.gui.names import Names
from tumorview.gui.preferences import Preferences
from tumorview.gui.registering import RegisterController
from tumorview.gui.restoring import RestoreController
from tumorview.gui.segmenting import SegmentController
from tumorview.gui.side_panels import SidePanels
from tumorview.gui.status import StatusBar
from tumorview.gui.stepping import StepController
from tumorview.gui.timing import Debounce, Memory
from tumorview.gui.tool_column import ToolColumn
from tumorview.gui.top_row import TopRow
from tumorview.gui.viewing import ViewController
from tumorview.gui.views import SliceStrip, SliceView, ViewGrid
from tumorview.gui.views.volume_view import VolumeView, make_volume_view
from tumorview.gui.waiting import Waiting
from tumorview.gui.welcome import WelcomePage
from tumorview.gui.window_state import WindowState

if TYPE_CHECKING:
    from tumorview.gui.wizard.controller import TrainingController

DEFAULT_SIZE = (1440, 900)
STRIP_HEIGHT = 38
TIDY_MS = 500  # after a study came or went, when what it needed is freed


def give_back_memory() -> None:
    """Let go of what the last study needed: pictures of its controls, which nobody asks for again, and freed blocks."""
    QPixmapCache.clear()
    heap.give_back()


class MainWindow(QMainWindow):
    """One study at a time. Scripts hold on to ``session``, ``reading``, ``actions``, ``jobs`` and ``view(plane)``."""

    def __init__(
        self, store: SettingsStore, segmenter: RunSegmentation, models: ModelStore, program_log: ProgramLog
    ) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setAcceptDrops(True)
        self.session = Session()
        self.reading = Reading(self.session)
        self.program_log = program_log
        self.memory = Memory(store, self)
        self.jobs = JobRunner(self._study_id, self)
        self.action_set = ActionSet(self, handlers_of(self))
        self.actions: dict[str, QAction] = self.action_set.actions  # type: ignore[assignment]  # hides QWidget.actions
        self.grid = ViewGrid(self.session, self.reading, self._make_volume_view)
        self.strip = SliceStrip(self.session, Plane.AXIAL)
        self.tools = ToolColumn(self.actions, self.reading)
        self.series_list = StudyDock(self.session)
        self.status = StatusBar()
        panels = self.tools
        self.display = DisplayController(self.session, self.grid, panels.labels, panels.agreement, self.memory, self)
        self.editing = EditController(
            self.session, self.grid, self.jobs, panels.labels, panels.edit, panels.refine, self.memory, self
        )
        self.viewing = ViewController(
            self.session, self.reading, self.grid, self.strip, self.action_set, self.memory, self
        )
        self.segmenting = SegmentController(
            self.session, panels.segment, self.jobs, segmenter, self.memory, self.reading.reference_voxel, self
        )
        self.channels = ChannelController(self.session, panels.segment, self.series_list, self.jobs, self.memory, self)
        self.registering = RegisterController(self, self.session, self.jobs)
        self.geometry_guard = GeometryController(self, self.session, lambda then: self.files.before_losing(then))
        self.files = FileController(
            self,
            self.session,
            self.jobs,
            self.memory,
            settle=self.segmenting.settle,
            drawn_as=self.display.drawing,
            before_saving=self.geometry_guard.before_saving,
        )
        self.restoring = RestoreController(self, self.session, self.jobs, self.memory, self.files.sessions)
        self.measuring = MeasureController(
            self,
            self.session,
            self.grid,
            self.strip,
            panels.measure,
            self.action_set,
            self.jobs,
            folder=lambda: self.files.folders.suggested_path().parent,
        )
        self.stepping = StepController(
            self.session,
            self.reading,
            panels.history,
            panels.segment,
            self.status,
            self.action_set,
            self.memory,
            self.segmenting.settle,
            self,
        )
        self.waiting = Waiting(self.jobs, self.status, self)
        self.state = WindowState(self)
        self._tidy = Debounce(TIDY_MS, give_back_memory, self)
        self._closing = False
        self._build()
        self._connect()
        self.models = ModelList(models, self.segmenting, self)
        self._study_changed(None)

    @cached_property
    def training(self) -> "TrainingController":
        """The training wizard, imported when it is asked for: its pages would double the time to the visible window."""
        from tumorview.gui.wizard.controller import TrainingController

        return TrainingController(self, self.session, self.jobs, self.memory, lambda: self.models.reload())

    def view(self, plane: str = Plane.AXIAL) -> SliceView:
        """The view of that plane, e.g. ``view("axial")``; it works whether the layout shows it or not."""
        return self.grid.view(Plane(plane))

    def _make_volume_view(self, parent: QWidget) -> QWidget:
        view = make_volume_view(self.session, self.reading, self.jobs, parent)
        if isinstance(view, VolumeView):
            view.maximise_requested.connect(lambda: self.grid.toggle_maximised(view))
            view.export_requested.connect(self.actions["view.export_3d_picture"].trigger)
            view.set_overlay(self.display.overlay)
            self.display.overlay_changed.connect(view.set_overlay)
        return view

    def export_3d_picture(self) -> None:
        """Save the 3D view as a picture, where one is shown."""
        view = self.grid.volume_view
        if isinstance(view, VolumeView) and view.isVisible():
            self.files.pictures.export_picture(view.picture)
        elif view is not None and view.isVisible():
            self.status.tell("There is no 3D view on this display.")
        else:
            layout = self.actions["view.quad"].toolTip().partition("\n")[0]  # with its shortcut
            self.status.tell(f"The 3D view is part of the layout {layout}.")

    @property
    def views(self) -> tuple[SliceView, ...]:
        """Every slice view."""
        return self.grid.views

    # -- making the window -------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.top_row = TopRow(self.action_set)
        self.setMenuWidget(self.top_row)
        self.setStatusBar(self.status)
        self.welcome = WelcomePage([self.actions[f"file.{name}"] for name in ("open", "open_folder", "open_sample")])
        images = QWidget()
        column = QVBoxLayout(images)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.grid, 1)
        self.strip.setFixedHeight(STRIP_HEIGHT)
        column.addWidget(self.strip)
        self.names = Names(
            self,
            self.reading,
            self.memory,
            self.jobs,
            welcome=self.welcome,
            recent=self.top_row.recent,
            study_dock=self.series_list,
            privacy=self.program_log.privacy,
        )
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(images)
        centre = QWidget()
        bars = QVBoxLayout(centre)
        bars.setContentsMargins(0, 0, 0, 0)
        bars.setSpacing(0)
        for part in (self.restoring.bar, self.restoring.problem_bar, self.geometry_guard.bar, self.pages):
            bars.addWidget(part)
        self.setCentralWidget(centre)
        self.panels = SidePanels(self, self.series_list, self.tools, self.action_set, self.memory)
        group = QActionGroup(self)
        for name in (*TOOL_ACTIONS, *(f"measure.{kind}" for kind in Kind)):
            group.addAction(self.actions[name])
        self.action_set.check("edit.navigate", checked=True)
        self.action_set.check("view.toggle_overlay", checked=True)
        self.resize(*DEFAULT_SIZE)
        geometry = QByteArray.fromBase64(self.memory.settings.window_geometry.encode())
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)

    def _connect(self) -> None:
        session, grid = self.session, self.grid
        session.study_changed.connect(self._study_changed)
        grid.hinted.connect(self.status.tell)
        grid.alone_requested.connect(self.panels.toggle)
        self.viewing.told.connect(self.status.tell)
        self.series_list.menu_requested.connect(self.viewing.ask_where)
        self.series_list.passport_asked.connect(lambda series, badge: show_passport(series, session, badge))
        open_menu = partial(context_menu.open_menu, actions=self.actions, set_plane=grid.set_plane)
        grid.menu_requested.connect(open_menu)
        self.files.told.connect(self.status.tell)
        self.geometry_guard.told.connect(self.status.tell)
        self.registering.told.connect(self.status.tell)
        self.channels.told.connect(self.status.tell)
        self.restoring.told.connect(self.status.tell)
        self.measuring.told.connect(self.status.tell)
        self.restoring.restored.connect(self.stepping.look_at)
        self.editing.told.connect(self.status.tell)
        self.names.recent_chosen.connect(self.files.open_path)
        self.segmenting.failed.connect(lambda report: messages.show_error(self, report.error))
        self.preferences = Preferences(self)
        self.waiting.progressed.connect(self.welcome.show_progress)
        self.welcome.cancel_requested.connect(self.waiting.cancel)
        self.names.show_recent()
        self.welcome.show_notice(self.memory.store.notice)

    # -- opening from outside ----------------------------------------------------------------------------------

    def open_paths(self, paths: Sequence[Path], *, truth: Path | None = None, mask: Path | None = None) -> None:
        """Open what the command line named."""
        self.files.open_paths(paths, truth=truth, mask=mask)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders may be dropped anywhere."""
        if event.mimeData().hasUrls() and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.welcome.drop_area.set_ready(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It was carried away again."""
        self.welcome.drop_area.set_ready(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        self.welcome.drop_area.set_ready(False)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.files.drop(paths, self.mapToGlobal(event.position().toPoint()))

    # -- following the session ---------------------------------------------------------------------------------

    def _study_id(self) -> str | None:
        return self.session.study.id if self.session.study is not None else None

    def _study_changed(self, study: Study | None) -> None:
        shown = study is not None
        self.panels.set_wanted(wanted=shown)
        self.pages.setCurrentIndex(1 if shown else 0)
        self.actions["edit.navigate"].setChecked(True)
        self.editing.set_tool(Tool.NAVIGATE)
        self.names.show_study()
        self.state.start_over()
        self._tidy.request()
        (self.grid.active if shown else self.welcome).setFocus()

    def changeEvent(self, event: QEvent) -> None:
        """The window manager may leave full screen by itself."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.action_set.check("view.full_screen", checked=self.isFullScreen())

    # -- dialogs -----------------------------------------------------------------------------------------------

    def open_dialog(self, kind: type[QDialog], make: Callable[[], QDialog]) -> None:
        """Open a dialog, or bring the one that is open to the front."""
        dialog = self.findChild(kind) or make()
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    def copy_diagnostics(self) -> None:
        """Put the report for a bug on the clipboard."""
        QGuiApplication.clipboard().setText(diagnostics.report_of(self))
        self.status.tell("Diagnostic report copied: it holds no patient data.")

    # -- closing -----------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved work; then stop the jobs, remember the window and go."""
        if self._closing:
            event.accept()
            return
        self.segmenting.settle()
        if self.session.dirty:
            event.ignore()
            self.files.ask_unsaved(self._close_now)
            return
        self._leave()
        event.accept()

    def _close_now(self) -> None:
        self._leave()
        self.close()

    def _leave(self) -> None:
        self._closing = True
        self.panels.remember()
        self.memory.change(window_geometry=bytes(self.saveGeometry().toBase64().data()).decode())
        self.memory.flush()
        self.hide()
        if "training" in vars(self):
            self.training.close()
        self.jobs.shutdown()
        self.restoring.close()
        self.files.sessions.release()
        self.program_log.stop()
