"""Who plays which part: roles given by combo box or drop, remembered per protocol, and how fit the inputs are."""

from PySide6.QtCore import QObject, Signal

from tumorview.app import protocols
from tumorview.app.jobs import Job, JobTag
from tumorview.app.session import Session
from tumorview.core.study import Role, Series, Study
from tumorview.gui.docks.segment_dock import SegmentPanel
from tumorview.gui.docks.study_dock import StudyDock
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.sessions import tasks
from tumorview.gui.timing import Debounce, Memory

GROUP = "fitness"
LOOK_MS = 300  # after the study is on the screen


class ChannelController(QObject):
    """Between the series list, the inputs of the network and the session; ``told`` is for the status bar."""

    told = Signal(str)

    def __init__(
        self,
        session: Session,
        panel: SegmentPanel,
        dock: StudyDock,
        jobs: JobRunner,
        memory: Memory,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._dock, self._jobs, self._memory = session, dock, jobs, memory
        self._slots, self._light = panel.inputs, panel.fitness
        self._assessed: Study | None = None
        self._look_soon = Debounce(LOOK_MS, self._look, self)
        slots = panel.inputs
        slots.chosen.connect(lambda choice: self.feed(*choice))
        dock.role_chosen.connect(lambda choice: self.assign(*choice))
        session.study_changed.connect(lambda _: self.refresh())
        session.series_changed.connect(lambda _: self.refresh())

    def refresh(self) -> None:
        """Show what feeds the network now, and look soon how fit that is."""
        study = self._session.study
        self._slots.show_study(study)
        if study is not self._assessed:
            self._assessed = study
            self._jobs.cancel_group(GROUP)
            self._light.show_fitness(None)
            self._look_soon.request() if study is not None else self._look_soon.cancel()

    def _look(self) -> None:
        study = self._session.study
        if study is not None:
            job = Job("Looking at the inputs", lambda context: tasks().assess(study, context), JobTag(study.id), GROUP)
            # Without a verdict the light stays hollow: what is wrong with the study a run will say.
            self._jobs.start(job, Handlers(done=self._light.show_fitness, failed=lambda _: None))

    def feed(self, series: Series, role: Role) -> None:
        """Let ``series`` be the one that plays ``role``: another that the user gave this part before loses it."""
        study = self._session.study
        if study is None:
            return
        rival = study.channels[role]
        if rival is not None and rival.uid != series.uid and rival.uid in study.roles:
            self.assign(rival, rival.role if rival.role is not role else Role.OTHER)
        self.assign(series, role)

    def assign(self, series: Series, role: Role) -> None:
        """The user says that ``series`` is a ``role``; the next study of this protocol is opened like that."""
        study = self._session.study
        if study is None:
            return
        lines = self._memory.settings.protocol_roles
        self._memory.set(protocol_roles=protocols.with_correction(lines, study, series, role))
        self._session.set_role(series, role)
        self._dock.show_roles()
        remembered = "; remembered for this protocol" if series.protocol else ""
        self.told.emit(f"{series.description or 'The series'} is {role.value} now{remembered}")
