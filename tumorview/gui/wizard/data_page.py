"""The first page: cases are added, looked at, and left out; each problem comes with its remedy."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QPixmap
from PySide6.QtWidgets import QFileDialog, QLabel, QProgressBar, QVBoxLayout, QWidget

from tumorview.app.jobs import Job, JobContext
from tumorview.app.training_cases import CaseRecord, OpenCase
from tumorview.app.training_flow import FlowState, TrainingFlow
from tumorview.app.training_import import import_cases
from tumorview.app.training_split import patients_of
from tumorview.app.training_store import thumbnail_path
from tumorview.core.mask import Mask
from tumorview.errors import TumorViewError
from tumorview.gui import theme
from tumorview.gui.job_runner import Handlers, JobProgress
from tumorview.gui.widgets import command_button, label, named, row
from tumorview.gui.wizard.case_table import CaseTable, volume_text
from tumorview.gui.wizard.page import IMPORT_GROUP, WizardPage, WizardServices

SESSION_FILTER = "TumorView sessions (*.tvsession)"


class DataPage(WizardPage):
    """Between the flow's cases, the table and the job that reads them."""

    title = "Cases"
    lead = "Images with a mask that you trust. Files are read only; prepared copies go into the training's own folder."

    def __init__(self, flow: TrainingFlow, services: WizardServices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_data_page")
        self.setAcceptDrops(True)
        self.flow, self.services = flow, services
        self._arrived: list[CaseRecord] = []
        self.table = CaseTable(lambda case_id: thumbnail_path(flow.run_folder, case_id), services)
        self._build()
        self.table.excluded_changed.connect(self._exclude)
        self.table.remove_asked.connect(self._remove)
        self.table.picked.connect(self._show_details)
        services.jobs.progressed.connect(self._progressed)
        self._disconnect = [
            flow.changed.connect(lambda state: self._show(state)),
            services.session.study_changed.connect(lambda _: self._enable()),
            services.session.history_changed.connect(lambda _: self._enable()),
        ]
        self._show(flow.state)

    def _build(self) -> None:
        self.add_folder = command_button(
            "Add &Folder…", "training_add_folder", "Add every case in a folder", self.choose_folder
        )
        self.add_session = command_button(
            "Add &Session…", "training_add_session", "Add saved sessions", self.choose_sessions
        )
        self.add_open = command_button(
            "Add &Open Study", "training_add_open", "Add the study in the window with its mask as it is", self.add_study
        )
        self.toggle = command_button(
            "&Exclude", "training_exclude", "Leave the selected cases out, or take them in again (Space)",
            self.table.toggle_selected,
        )  # fmt: skip
        self.remove = command_button(
            "Re&move", "training_remove", "Take the selected cases off the list (Delete); your files stay",
            lambda: self._remove(self.table.selected_ids),
        )  # fmt: skip
        self.bar = QProgressBar()
        named(self.bar, "training_import_progress", "Reading cases")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar_text = label("", dim=True)
        self.cancel = command_button(
            "Cancel", "training_import_cancel", "Stop reading; what was read stays",
            lambda: self.services.jobs.cancel_group(IMPORT_GROUP),
        )  # fmt: skip
        self.waiting = QWidget()
        self.waiting.setLayout(row(self.bar, self.bar_text, self.cancel, spacing=theme.GRID))
        self.waiting.hide()
        self.summary = label("", dim=True)
        self.summary.setObjectName("training_data_summary")
        self.picture = QLabel()
        self.picture.setObjectName("training_case_picture")
        self.picture.setFixedSize(128, 128)
        self.details = label("", wrap=True)
        self.details.setObjectName("training_case_details")
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        below = QWidget()
        below.setFixedHeight(136)
        line = row(self.picture, self.details, spacing=2 * theme.GRID)
        line.setStretch(1, 1)
        below.setLayout(line)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID)
        column.addLayout(row(self.add_folder, self.add_session, self.add_open, 1, self.toggle, self.remove))
        column.addWidget(self.waiting)
        column.addWidget(self.table, 1)
        column.addWidget(self.summary)
        column.addWidget(below)

    # -- the page's protocol -----------------------------------------------------------------------------------------

    @property
    def first_control(self) -> QWidget:
        """Adding, as long as there is nothing."""
        return self.table if self.flow.state.cases else self.add_folder

    @property
    def complete(self) -> bool:
        """Not while cases are being read."""
        return not self.importing

    def retire(self) -> None:
        """Stop reading, listen no more."""
        self.services.jobs.cancel_group(IMPORT_GROUP)
        for disconnect in self._disconnect:
            disconnect()

    @property
    def importing(self) -> bool:
        """Whether cases are being read."""
        return self.services.jobs.is_running(IMPORT_GROUP)

    # -- adding ------------------------------------------------------------------------------------------------------

    def choose_folder(self) -> None:
        """Ask for a folder and add what is in it."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder of cases", self._start())
        if chosen:
            self.add([Path(chosen)])

    def choose_sessions(self) -> None:
        """Ask for session files and add them."""
        chosen, _ = QFileDialog.getOpenFileNames(self, "Sessions", self._start(), SESSION_FILTER)
        if chosen:
            self.add([Path(path) for path in chosen])

    def add_study(self) -> None:
        """Add the study that is open, with a copy of its mask."""
        session = self.services.session
        if session.study is not None and session.mask is not None:
            mask = Mask(session.mask.data.copy(), session.mask.geometry, session.mask.labels)
            self.add([OpenCase(session.study.title or session.study.path.name, session.study, mask)])

    def add(self, sources: Sequence[Path | OpenCase]) -> None:
        """Read the cases in these folders, session files and open studies, in a job."""
        flow, cases = self.flow, self.flow.state.cases
        self._arrived = []

        def work(context: JobContext) -> list[CaseRecord]:
            return import_cases(flow.run_folder, cases, sources, context)

        handlers = Handlers(done=self._done, failed=self._failed, cancelled=self._stopped, part=self._arrived.append)
        self.services.jobs.start(Job("Reading training cases", work, exclusive=IMPORT_GROUP), handlers)
        self._show_progress(0.0, "Looking for cases")
        self._enable()

    def _done(self, cases: list[CaseRecord]) -> None:
        self._finish(cases)

    def _stopped(self) -> None:
        """What had been read by then stays."""
        known = {case.id for case in self.flow.state.cases}
        self._finish([*self.flow.state.cases, *(case for case in self._arrived if case.id not in known)])

    def _failed(self, error: Exception) -> None:
        self._stopped()
        self.failed.emit(error)

    def _finish(self, cases: Sequence[CaseRecord]) -> None:
        self.waiting.hide()
        self._try(lambda: self.flow.imported(cases))
        self._enable()
        self.changed.emit()

    def _progressed(self, report: JobProgress) -> None:
        if report.job.exclusive == IMPORT_GROUP:
            self._show_progress(report.fraction, report.text)

    def _show_progress(self, fraction: float, text: str) -> None:
        self.bar.setValue(round(1000 * fraction))
        if text.startswith(("Case", "Look")):
            self.bar_text.setText(text)
        self.waiting.show()

    # -- taking out --------------------------------------------------------------------------------------------------

    def _exclude(self, case_id: str, excluded: bool) -> None:
        self._try(lambda: self.flow.exclude(case_id, excluded=excluded))

    def _remove(self, case_ids: Sequence[str]) -> None:
        if case_ids and not self.importing:
            self._try(lambda: self.flow.remove(case_ids))

    def _try(self, change: Callable[[], object]) -> None:
        try:
            change()
        except TumorViewError as error:
            self._show(self.flow.state)
            self.failed.emit(error)

    # -- showing -----------------------------------------------------------------------------------------------------

    def _show(self, state: FlowState) -> None:
        self.table.show_cases(state.cases)
        chosen = [case for case in state.cases if case.chosen]
        patients = len(patients_of(state.cases))
        left = len(state.cases) - len(chosen)
        text = f"{len(chosen)} cases of {patients} patients take part" + (f", {left} do not" if left else "")
        self.summary.setText(text if state.cases else "")
        self._enable()
        self.changed.emit()

    def _show_details(self, case_id: str) -> None:
        case = next((case for case in self.flow.state.cases if case.id == case_id), None)
        self.toggle.setText("&Include" if case is not None and case.excluded else "&Exclude")
        if case is None:
            self.picture.clear()
            self.details.clear()
            return
        picture = QPixmap(str(thumbnail_path(self.flow.run_folder, case_id)))
        self.picture.setPixmap(picture)
        self.picture.setVisible(not picture.isNull())  # what could not be read has none
        lines = [f"{self.services.title_of(case)}: {case.layout}"]
        if case.slices:
            lines[0] += f", {case.slices} slices, {case.tumour_slices} with tumour, {volume_text(case)}"
        lines += [f"• {self.services.problem_text(problem)}" for problem in case.problems]
        self.details.setText("\n".join(lines))

    def _enable(self) -> None:
        free = not self.importing and not self.flow.begun
        session = self.services.session
        for button in (self.add_folder, self.add_session):
            button.setEnabled(free)
        self.add_open.setEnabled(free and session.mask is not None and session.mask.has_labels)
        for button in (self.toggle, self.remove):
            button.setEnabled(free and bool(self.flow.state.cases))

    def _start(self) -> str:
        return self.services.settings().last_folder or str(Path.home())

    # -- dropping ----------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Folders and sessions are welcome."""
        if event.mimeData().hasUrls() and not self.importing and not self.flow.begun:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.add(paths)
