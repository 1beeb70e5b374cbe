"""Registration in the window: a job that can be cancelled, a check by eye, and the way back."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from tumorview.app import registrations
from tumorview.app.jobs import Job, JobContext, JobTag
from tumorview.app.registration import Registration, register
from tumorview.app.session import Session
from tumorview.core.study import Series
from tumorview.gui import messages, segmenting
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.registration_check import RegistrationCheck

GROUP = "registration"


class RegisterController(QObject):
    """``told`` carries a line for the status bar."""

    told = Signal(str)

    def __init__(self, window: QWidget, session: Session, jobs: JobRunner) -> None:
        super().__init__(window)
        self._window, self._session, self._jobs = window, session, jobs
        session.study_changed.connect(lambda _: self._close_check())

    def start(self) -> None:
        """Find how the series that is shown (or the first doubtful input) must be moved onto the FLAIR."""
        study = self._session.study
        if study is None:
            return
        fixed = study.reference
        moving = registrations.candidate(study, self._session.active_series)
        if moving is None:
            self.told.emit("There is only one series: nothing to register.")
            return

        def work(context: JobContext) -> Registration:
            return register(fixed, moving, context)

        def failed(error: Exception) -> None:
            messages.show_error(self._window, error)

        job = Job(f"Registering {study.role_of(moving)} onto {study.role_of(fixed)}", work, JobTag(study.id), GROUP)
        self._jobs.start(job, Handlers(done=self._check, failed=failed))

    def take_back(self) -> None:
        """Let the series that is shown, or else every registered one, lie where its file says."""
        study, active = self._session.study, self._session.active_series
        if study is None:
            return
        registered = [one for one in study.series if one.acquired is not None]
        chosen = [one for one in registered if active is not None and one.uid == active.uid] or registered
        if not chosen:
            self.told.emit("No series was registered.")
        for series in chosen:
            self._leave_old_run()
            registrations.take_back(self._session, series)
            self.told.emit(f"{self._name(series)} lies where its file says again")

    def _check(self, found: Registration) -> None:
        self._close_check()
        dialog = RegistrationCheck(found, self._window)
        dialog.accepted.connect(lambda: self._accept(found))
        dialog.rejected.connect(lambda: self.told.emit("Registration discarded: nothing was moved"))
        dialog.show()

    def _accept(self, found: Registration) -> None:
        study = self._session.study
        if study is None or found.moving not in study.series:
            return  # another study, or it was moved meanwhile
        self._leave_old_run()
        registrations.accept(self._session, found)
        self.told.emit(f"{self._name(found.moving)} moved by {found.shift_mm:.1f} mm and {found.angle_degrees:.1f}°")

    def _leave_old_run(self) -> None:
        """A run that began with the old places must not end as if it had the new ones."""
        self._jobs.cancel_group(segmenting.GROUP)

    def _name(self, series: Series) -> str:
        study = self._session.study
        return str(series.role if study is None else study.role_of(series))

    def _close_check(self) -> None:
        dialog = self._window.findChild(RegistrationCheck)
        if dialog is not None:
            dialog.close()
