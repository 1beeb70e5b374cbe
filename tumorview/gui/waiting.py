"""What the user waits for: told in the status bar, large on the welcome page, always with a way to cancel."""

from PySide6.QtCore import QObject, QTimer, Signal

from tumorview.gui import (
    channels,
    editing,
    files,
    measuring,
    model_manager,
    names,
    registering,
    segmenting,
    tags_viewer,
)
from tumorview.gui.job_runner import JobEnded, JobProgress, JobRunner
from tumorview.gui.status import StatusBar
from tumorview.gui.views import volume_scene
from tumorview.gui.wizard import GROUP_PREFIX as OF_WIZARD

CANCELLABLE = files.CANCELLABLE | {segmenting.GROUP, editing.GROUP, registering.GROUP}
# Told elsewhere, or not worth a word.
QUIET = frozenset((
    segmenting.GROUP, channels.GROUP, names.CHECK, model_manager.CHECK, measuring.LESIONS, editing.PREVIEW,
    tags_viewer.GROUP, *volume_scene.GROUPS,
))  # fmt: skip
DELAY_MS = 300  # what is done sooner only flickers


class Waiting(QObject):
    """``progressed`` carries (title, fraction) of a task that takes a while, and ("", 1.0) when there is none."""

    progressed = Signal(str, float)

    def __init__(self, jobs: JobRunner, status: StatusBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._status = jobs, status
        self._fraction = 0.0
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(DELAY_MS)
        self._delay.timeout.connect(self._show)
        jobs.started.connect(lambda _: self._started())
        jobs.progressed.connect(self._progressed)
        jobs.ended.connect(self._ended)
        status.cancel_requested.connect(self.cancel)

    @property
    def running(self) -> bool:
        """Whether there is something to cancel."""
        return any(job.exclusive in CANCELLABLE for job in self._jobs.active)

    def cancel(self) -> None:
        """Stop what the user is waiting for; a save that was asked for is finished."""
        for group in CANCELLABLE:
            self._jobs.cancel_group(group)

    @property
    def _titles(self) -> list[str]:
        return [job.title for job in self._jobs.active if not _quiet(job.exclusive)]

    def _started(self) -> None:
        if self._titles and not self._delay.isActive() and not self._status.progress_shown:
            self._fraction = 0.0
            self._delay.start()

    def _progressed(self, report: JobProgress) -> None:
        if not _quiet(report.job.exclusive):
            self._fraction = report.fraction
            if not self._delay.isActive():
                self._show()

    def _ended(self, _: JobEnded) -> None:
        if not self._titles:
            self._delay.stop()
            self._status.hide_progress()
            self.progressed.emit("", 1.0)

    def _show(self) -> None:
        titles = self._titles
        if titles:
            self._status.show_progress(self._fraction, titles[-1])
            self.progressed.emit(titles[-1], self._fraction)


def _quiet(group: str | None) -> bool:
    return group is not None and (group in QUIET or group.startswith(OF_WIZARD))
