"""Background tasks as plain data: what a job is, how it reports, and when its outcome is stale.

A job is a pure function of plain data and a ``JobContext``. Who runs it on which thread is the front end's business
(``gui.job_runner``); the command line simply calls the same functions.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from tumorview.core.progress import Progress
from tumorview.errors import JobCancelled

T = TypeVar("T")


class CancelToken:
    """A flag that any thread may raise and that never falls again."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether the user asked to stop."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask to stop."""
        self._event.set()


class JobContext(Progress):
    """What a job is handed: reports progress and partial results, and raises JobCancelled when it should stop.

    ``on_progress`` and ``on_part`` are called on the job's thread.
    """

    def __init__(
        self,
        token: CancelToken | None = None,
        on_progress: Callable[[float, str], None] | None = None,
        on_part: Callable[[Any], None] | None = None,
    ) -> None:
        self.token = token or CancelToken()
        self._on_progress = on_progress
        self._on_part = on_part

    def report(self, fraction: float, text: str = "") -> None:
        """Say that ``fraction`` (0..1) of the work is done."""
        if self._on_progress is not None:
            self._on_progress(min(max(fraction, 0.0), 1.0), text)

    def check(self) -> None:
        """Raise JobCancelled when the user asked to stop."""
        if self.token.cancelled:
            raise JobCancelled

    def publish(self, part: object) -> None:
        """Hand over a part of the result before the rest is there."""
        if self._on_part is not None:
            self._on_part(part)


@dataclass(frozen=True)
class JobTag:
    """What a job was started for: its outcome is dropped when the session shows another study by then."""

    study_id: str | None = None


class Ending(StrEnum):
    """How a job ended."""

    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The end of a job: its value, or the error it failed with."""

    ending: Ending
    value: T | None = None
    error: Exception | None = None


@dataclass(frozen=True, eq=False)
class Job(Generic[T]):
    """One background task. ``exclusive`` names a group of which one job runs at a time: a new one cancels the old."""

    title: str
    work: Callable[[JobContext], T]
    tag: JobTag = JobTag()
    exclusive: str | None = None
    token: CancelToken = field(default_factory=CancelToken)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


def run_now(
    job: Job[T],
    on_progress: Callable[[float, str], None] | None = None,
    on_part: Callable[[Any], None] | None = None,
) -> Outcome[T]:
    """Do the work on this thread and return how it ended; no exception but a BaseException leaves."""
    context = JobContext(job.token, on_progress, on_part)
    try:
        context.check()
        value = job.work(context)
        context.check()
    except JobCancelled:
        return Outcome(Ending.CANCELLED)
    except Exception as error:  # noqa: BLE001 - the outcome carries it to whoever shows it
        return Outcome(Ending.FAILED, error=error)
    return Outcome(Ending.DONE, value=value)
