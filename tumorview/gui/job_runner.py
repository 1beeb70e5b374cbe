"""Runs jobs on worker threads and reports on the GUI thread; the only module that knows Qt's threads.

A cancelled job is over for the window at once, even if its thread still needs a moment to notice. What it delivers
after that, and what belongs to a study that is no longer open, is dropped.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal, Slot

from tumorview.app.jobs import Ending, Job, Outcome, run_now

PROGRESS_INTERVAL_SECONDS = 1 / 30
THREADS = 4  # a cancelled job that is still winding down must not hold up the next one
SHUTDOWN_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobProgress:
    """``fraction`` (0..1) of a job is done; ``text`` says what it does now."""

    job: Job[Any]
    fraction: float
    text: str


@dataclass(frozen=True)
class JobPart:
    """A part of a job's result, before the rest."""

    job: Job[Any]
    part: Any


@dataclass(frozen=True)
class JobEnded:
    """How a job ended, as far as the window is concerned."""

    job: Job[Any]
    outcome: Outcome[Any]


@dataclass(frozen=True)
class Handlers:
    """What to do on the GUI thread when a job reports; every one is optional."""

    done: Callable[[Any], None] | None = None
    failed: Callable[[Exception], None] | None = None
    cancelled: Callable[[], None] | None = None
    part: Callable[[Any], None] | None = None


class JobRunner(QObject):
    """Starts jobs, keeps those that run, and hands their reports to the GUI thread.

    ``current_study`` gives the id of the open study: the outcome of a job that was tagged with another is dropped.
    """

    started = Signal(object)  # Job
    progressed = Signal(object)  # JobProgress
    ended = Signal(object)  # JobEnded
    idle = Signal()
    _reported = Signal(object)  # from worker threads

    def __init__(self, current_study: Callable[[], str | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._current_study = current_study
        self._jobs: dict[str, tuple[Job[Any], Handlers]] = {}
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(THREADS)
        self._closing = False
        self._reported.connect(self._receive, Qt.ConnectionType.QueuedConnection)

    @property
    def running(self) -> bool:
        """Whether any job is under way."""
        return bool(self._jobs)

    @property
    def active(self) -> tuple[Job[Any], ...]:
        """The jobs under way, oldest first."""
        return tuple(job for job, _ in self._jobs.values())

    def is_running(self, group: str) -> bool:
        """Whether a job of that exclusive group is under way."""
        return any(job.exclusive == group for job in self.active)

    def start(self, job: Job[Any], handlers: Handlers | None = None) -> None:
        """Run ``job``; one of the same exclusive group that is under way is cancelled first."""
        if self._closing:
            return
        if job.exclusive is not None:
            self.cancel_group(job.exclusive)
        self._jobs[job.id] = (job, handlers or Handlers())
        self.started.emit(job)
        self._pool.start(partial(self._work, job))

    def cancel(self, job: Job[Any]) -> None:
        """Stop ``job``: the window goes on at once, whatever its thread still does."""
        job.token.cancel()
        self._end(job, Outcome(Ending.CANCELLED))

    def cancel_group(self, group: str) -> None:
        """Cancel the job of that exclusive group, if there is one."""
        for job in self.active:
            if job.exclusive == group:
                self.cancel(job)

    def cancel_all(self) -> None:
        """Cancel every job."""
        for job in self.active:
            self.cancel(job)

    def cancel_stale(self) -> None:
        """Cancel the jobs that were started for a study that is no longer open."""
        for job in self.active:
            if self._stale(job):
                self.cancel(job)

    def shutdown(self) -> bool:
        """Cancel every job, take no new one and wait for the threads; False where one did not stop."""
        self._closing = True
        self.cancel_all()
        stopped = self._pool.waitForDone(int(SHUTDOWN_SECONDS * 1000))
        if not stopped:
            log.error("a background job did not stop within %.0f s", SHUTDOWN_SECONDS)
        return stopped

    # -- on the worker's thread --------------------------------------------------------------------------------

    def _work(self, job: Job[Any]) -> None:
        last = 0.0

        def progress(fraction: float, text: str) -> None:
            nonlocal last
            now = time.monotonic()
            if fraction < 1.0 and now - last < PROGRESS_INTERVAL_SECONDS:
                return
            last = now
            self._reported.emit(JobProgress(job, fraction, text))

        def part(value: object) -> None:
            self._reported.emit(JobPart(job, value))

        try:
            outcome = run_now(job, progress, part)
        except BaseException as error:  # noqa: BLE001 - even a SystemExit in a library must not leave the job running
            outcome = Outcome(Ending.FAILED, error=RuntimeError(f"{type(error).__name__} in a job"))
        if isinstance(outcome.error, Exception):
            log.info("a job failed: %s", type(outcome.error).__name__)  # its title may name a patient
        self._reported.emit(JobEnded(job, outcome))

    # -- on the GUI thread -------------------------------------------------------------------------------------

    @Slot(object)
    def _receive(self, report: JobProgress | JobPart | JobEnded) -> None:
        entry = self._jobs.get(report.job.id)
        if entry is None:
            return  # cancelled meanwhile
        if self._stale(report.job):
            self.cancel(report.job)
            return
        match report:
            case JobProgress():
                self.progressed.emit(report)
            case JobPart():
                if entry[1].part is not None:
                    entry[1].part(report.part)
            case JobEnded():
                self._end(report.job, report.outcome)

    def _stale(self, job: Job[Any]) -> bool:
        return job.tag.study_id is not None and job.tag.study_id != self._current_study()

    def _end(self, job: Job[Any], outcome: Outcome[Any]) -> None:
        entry = self._jobs.pop(job.id, None)
        if entry is None:
            return
        handlers = entry[1]
        try:
            if outcome.ending is Ending.DONE and handlers.done is not None:
                handlers.done(outcome.value)
            elif outcome.ending is Ending.FAILED and handlers.failed is not None:
                handlers.failed(outcome.error or RuntimeError("a job failed without an error"))
            elif outcome.ending is Ending.CANCELLED and handlers.cancelled is not None:
                handlers.cancelled()
        finally:
            self.ended.emit(JobEnded(job, outcome))
            if not self._jobs:
                self.idle.emit()
