"""The window: menus and tools in one row on top, series on the left, the image, panels on the right, status below."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, Qt
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from tumorview.app.actions import ActionState
from tumorview.app.reading import Reading
from tumorview.app.segmenter import RunSegmentation
from tumorview.app.session import Session
from tumorview.app.settings import SettingsStore
from tumorview.core.prediction import Prediction
from tumorview.core.slicing import Plane
from tumorview.core.study import Study
from tumorview.gui import files, messages, names, segmenting, theme
from tumorview.gui.action_set import ActionSet
from tumorview.gui.display import DisplayController, tool_ids
from tumorview.gui.docks.segment_dock import ModelChoice
from tumorview.gui.docks.study_dock import StudyDock
from tumorview.gui.files import FileController
from tumorview.gui.handlers import handlers_of
from tumorview.gui.job_runner import JobEnded, JobProgress, JobRunner
from tumorview.gui.names import Names
from tumorview.gui.preferences import Preferences
from tumorview.gui.segmenting import SegmentController
from tumorview.gui.settings_dialog import SettingsDialog
from tumorview.gui.status import StatusBar
from tumorview.gui.timing import Memory
from tumorview.gui.tool_column import ToolColumn
from tumorview.gui.top_row import TopRow
from tumorview.gui.viewing import ViewController
from tumorview.gui.views import CursorInfo, OverlayOptions, SliceStrip, SliceView, Tool, ViewGrid
from tumorview.gui.welcome import WelcomePage

STATE_VERSION = 1
DEFAULT_SIZE = (1440, 900)
STRIP_HEIGHT = 38
CANCELLABLE = files.CANCELLABLE | {segmenting.GROUP}
QUIET_JOBS = frozenset((segmenting.GROUP, names.CHECK))  # not told in the status bar


class MainWindow(QMainWindow):
    """One study at a time. Scripts hold on to ``session``, ``reading``, ``actions``, ``jobs`` and ``view(plane)``."""

    def __init__(self, store: SettingsStore, segmenter: RunSegmentation, models: Sequence[ModelChoice]) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setAcceptDrops(True)
        self.session = Session()
        self.reading = Reading(self.session)
        self.memory = Memory(store, self)
        self.jobs = JobRunner(self._study_id, self)
        self.action_set = ActionSet(self, handlers_of(self))
        self.actions: dict[str, QAction] = self.action_set.actions  # type: ignore[assignment]  # hides QWidget.actions
        self.grid = ViewGrid(self.session, self.reading)
        self.strip = SliceStrip(self.session, Plane.AXIAL)
        self.tools = ToolColumn(self.actions)
        self.series_list = StudyDock(self.session)
        self.status = StatusBar()
        panels = self.tools
        self.display = DisplayController(
            self.session, self.grid, panels.labels, panels.edit, panels.agreement, self.memory, self
        )
        self.viewing = ViewController(
            self.session, self.reading, self.grid, self.strip, self.action_set, self.memory, self
        )
        self.segmenting = SegmentController(
            self.session, panels.segment, self.jobs, segmenter, self.memory, self._first_voxel, self
        )
        self.files = FileController(
            self, self.session, self.jobs, self.memory, settle=self.segmenting.settle, drawn_as=self.display.drawing
        )
        self._closing = False
        self._panels_wanted = False
        self._stowed: list[QDockWidget] = []  # hidden while the image is alone
        self._dock_state = QByteArray.fromBase64(store.current.window_state.encode())
        self._build()
        self._connect()
        self.segmenting.set_models(list(models))
        self._study_changed(None)

    def view(self, plane: str = Plane.AXIAL) -> SliceView:
        """The view of that plane, e.g. ``view("axial")``; it works whether the layout shows it or not."""
        return self.grid.view(Plane(plane))

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
        )
        self.pages = QStackedWidget()
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(images)
        self.setCentralWidget(self.pages)
        self.study_panel = self._dock("study_dock", "Study", self.series_list, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.tools_panel = self._dock("tools_dock", "Tools", self.tools, Qt.DockWidgetArea.RightDockWidgetArea)
        group = QActionGroup(self)
        for name, _ in tool_ids():
            group.addAction(self.actions[name])
        self.action_set.check("edit.navigate", checked=True)
        self.action_set.check("view.toggle_overlay", checked=True)
        self._show_choices()
        for panel in self.tools.panels:
            panel.set_folded(panel.objectName() in self.memory.settings.folded_panels)
        self.resize(*DEFAULT_SIZE)
        geometry = QByteArray.fromBase64(self.memory.settings.window_geometry.encode())
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)

    def _dock(self, name: str, title: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(name)
        dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
        dock.setTitleBarWidget(QWidget())  # the panels have headers of their own; a second one costs image
        dock.setWidget(content)
        self.addDockWidget(area, dock)
        dock.hide()  # until a study is open
        return dock

    def _connect(self) -> None:
        session, grid, jobs = self.session, self.grid, self.jobs
        session.study_changed.connect(self._study_changed)
        session.history_changed.connect(lambda _: self._refresh())
        session.truth_changed.connect(lambda _: self._refresh())
        jobs.started.connect(self._job_started)
        jobs.progressed.connect(self._job_progressed)
        jobs.ended.connect(self._job_ended)
        grid.cursor_moved.connect(self._cursor_moved)
        grid.hinted.connect(self.status.tell)
        grid.alone_requested.connect(self.toggle_panels)
        self.viewing.told.connect(self.status.tell)
        self.series_list.menu_requested.connect(self.viewing.ask_where)
        self.display.overlay_changed.connect(self._overlay_changed)
        self.files.told.connect(self.status.tell)
        self.names.recent_chosen.connect(self.files.open_path)
        self.segmenting.failed.connect(lambda report: messages.show_error(self, report.error))
        self.segmenting.finished.connect(self._segmented)
        self.status.cancel_requested.connect(self.cancel_running)
        for name, dock in (("view.study_panel", self.study_panel), ("view.tools_panel", self.tools_panel)):
            dock.visibilityChanged.connect(lambda _, name=name, dock=dock: self._panel_toggled(name, dock))
        self._overlay_changed(self.display.overlay)
        self.preferences = Preferences(self)
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

    def _first_voxel(self) -> tuple[int, int, int]:
        """The voxel of the reference that is looked at."""
        study = self.session.study
        index = None if study is None else self.reading.index_in(study.reference)
        if study is None or index is None:
            return 0, 0, 0
        k, j, i = (
            min(max(round(place), 0), extent - 1)
            for place, extent in zip(index, study.reference.volume.geometry.shape, strict=True)
        )
        return k, j, i

    def _study_id(self) -> str | None:
        return self.session.study.id if self.session.study is not None else None

    def _study_changed(self, study: Study | None) -> None:
        shown = study is not None
        if shown != self._panels_wanted:
            self._show_panels(shown=shown)
        self.pages.setCurrentIndex(1 if shown else 0)
        self.actions["edit.navigate"].setChecked(True)
        self.display.set_tool(Tool.NAVIGATE)
        self.status.show_cursor(None, None)
        self.status.device.clear()
        self.names.show_study()
        self._refresh()
        (self.grid.active if shown else self.welcome).setFocus()

    def _refresh(self) -> None:
        session = self.session
        history = session.history
        self.action_set.update(
            ActionState(
                has_study=session.study is not None,
                has_truth=session.truth is not None,
                has_mask=history is not None and bool(history.steps),
                running=any(job.exclusive in CANCELLABLE for job in self.jobs.active),
                can_undo=history is not None and history.can_undo,
                can_redo=history is not None and history.can_redo,
            )
        )
        self.setWindowModified(session.dirty)
        saved = "" if history is None or not (history.steps or session.dirty) else "Saved"
        self.status.saved.setText("Unsaved changes" if session.dirty else saved)

    def _overlay_changed(self, options: OverlayOptions) -> None:
        self.action_set.check("view.toggle_overlay", checked=options.visible)
        self.action_set.check("view.boundary", checked=options.boundary)
        self.action_set.check("view.compare_truth", checked=options.compare)

    def _cursor_moved(self, info: CursorInfo | None) -> None:
        mask = self.session.mask
        self.status.show_cursor(info, None if mask is None else mask.labels)

    def _segmented(self, prediction: Prediction) -> None:
        origin = prediction.origin
        self.status.device.setText(f"{origin.engine} · {origin.device}")
        slices = self.display.labelled_slices()
        where = "no tumour found" if not slices else f"tumour on slices {slices[0] + 1}–{slices[-1] + 1}, N jumps there"
        self.status.tell(f"Segmented in {origin.seconds:.1f} s: {where}")

    # -- jobs --------------------------------------------------------------------------------------------------

    def cancel_running(self) -> None:
        """Stop what the user is waiting for; a save that was asked for is finished."""
        for group in CANCELLABLE:
            self.jobs.cancel_group(group)

    def _job_started(self, job: object) -> None:
        self._refresh()
        self._show_progress(0.0, "")

    def _job_progressed(self, report: JobProgress) -> None:
        if report.job.exclusive not in QUIET_JOBS:
            self._show_progress(report.fraction, report.job.title)

    def _job_ended(self, _: JobEnded) -> None:
        self._refresh()
        self._show_progress(1.0, "")

    def _show_progress(self, fraction: float, text: str) -> None:
        waiting = [job for job in self.jobs.active if job.exclusive not in QUIET_JOBS]
        if waiting:
            self.status.show_progress(fraction, text or waiting[-1].title)
        else:
            self.status.hide_progress()

    def changeEvent(self, event: QEvent) -> None:
        """The window manager may leave full screen by itself."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.action_set.check("view.full_screen", checked=self.isFullScreen())

    # -- panels and look ---------------------------------------------------------------------------------------

    def toggle_panels(self) -> None:
        """The image alone, or with the panels beside it."""
        docks = (self.study_panel, self.tools_panel)
        shown = [dock for dock in docks if not dock.isHidden()]
        if shown:
            self._stowed = shown
            for dock in shown:
                dock.hide()
        else:
            self._unstow(self._stowed or docks)

    def _unstow(self, docks: Sequence[QDockWidget]) -> None:
        for dock in docks:
            dock.show()
        self._stowed = []

    def _show_panels(self, *, shown: bool) -> None:
        docks = (self.study_panel, self.tools_panel)
        self._panels_wanted = shown
        if not shown:
            self._remember_docks()
            for dock in docks:
                dock.hide()
        elif not self.restoreState(self._dock_state, STATE_VERSION):
            for dock in docks:
                dock.show()
            self.resizeDocks(
                list(docks), [dock.widget().sizeHint().width() for dock in docks], Qt.Orientation.Horizontal
            )

    def _remember_docks(self) -> None:
        self._unstow(self._stowed)  # "the image alone" is for a moment, not for the next start
        self._dock_state = self.saveState(STATE_VERSION)

    def _panel_toggled(self, name: str, dock: QDockWidget) -> None:
        self.action_set.check(name, checked=not dock.isHidden())

    def apply_look(self, name: str, font_scale: float) -> None:
        """Dark or light surroundings and the size of the text; the image stays on black."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        theme.apply(application, name, font_scale)
        self.action_set.refresh_icons()
        for panel in self.tools.panels:
            panel.refresh_icons()
        self.display.refresh()
        self.names.show_recent()
        self._show_choices()

    def show_identity(self) -> None:
        """Names as the settings want them."""
        self._show_choices()
        self.names.show_study()
        self.names.show_recent()

    def _show_choices(self) -> None:
        settings = self.memory.settings
        self.action_set.check("view.light_theme", checked=theme.effective(settings.theme) == "light")
        self.action_set.check("view.hide_identity", checked=settings.hide_identity)

    def open_settings(self) -> None:
        """Open the settings, or bring them to the front."""
        dialog = self.findChild(SettingsDialog) or SettingsDialog(self.memory, self)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    # -- closing -----------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved work; then stop the jobs, remember the window and go."""
        if self._closing:
            event.accept()
            return
        self.segmenting.settle()
        if self.session.dirty:
            event.ignore()
            messages.ask_unsaved(self, save=lambda: self.files.save_mask(self._close_now), discard=self._close_now)
            return
        self._leave()
        event.accept()

    def _close_now(self) -> None:
        self._leave()
        self.close()

    def _leave(self) -> None:
        self._closing = True
        if self.session.study is not None:
            self._remember_docks()
        self.memory.change(
            folded_panels=tuple(panel.objectName() for panel in self.tools.panels if panel.folded),
            window_geometry=_text(self.saveGeometry()),
            window_state=_text(self._dock_state),
        )
        self.memory.flush()
        self.hide()
        self.jobs.shutdown()


def _text(data: QByteArray) -> str:
    return bytes(data.toBase64().data()).decode()
