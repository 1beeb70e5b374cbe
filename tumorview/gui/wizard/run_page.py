"""The wizard's page of a training run: curves, samples, pause and resume, and what happened when it failed.

Everything that looks at the disk is a job; this page only draws what the jobs bring.
"""

import contextlib
import time
from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from tumorview.app.jobs import Job
from tumorview.app.training_events import (
    Offer,
    RunFailed,
    RunState,
    RunUpdate,
    Sampled,
    SampleSet,
    TrainProgress,
    Trouble,
)
from tumorview.app.training_process import StopKind
from tumorview.app.training_run import TrainingRun
from tumorview.app.training_trouble import AGAIN
from tumorview.errors import TumorViewError
from tumorview.gui import icons, theme
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.widgets import CheckBox, command_button, label, named, row
from tumorview.gui.wizard.curves import CurvesView
from tumorview.gui.wizard.page import WATCH_GROUP, WizardPage
from tumorview.gui.wizard.samples_view import SamplesView
from tumorview.gui.wizard.trouble_panel import TroublePanel

CONTROL, SAMPLES = "training_control", "training_samples"
LOOK_MS = 400
ANSWER_SECONDS = 30.0  # after which a run that was asked to stop may be ended at once

_TITLES = {
    RunState.NEW: "Ready to train",
    RunState.STARTING: "Reading the data and preparing the network",
    RunState.RUNNING: "Training",
    RunState.STOPPING: "Saving a checkpoint",
    RunState.PAUSED: "Paused",
    RunState.STOPPED: "Stopped; the best weights are kept",
    RunState.FINISHED: "Finished",
    RunState.FAILED: "Training stopped",
}


class RunPage(WizardPage):
    """Watches and steers a TrainingRun; ``revise_requested`` asks for the page of the recipe."""

    title = "Training"
    lead = "The network learns in a process of its own; the viewer stays free for reading."
    revise_requested = Signal()

    def __init__(self, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_run_page")
        self.run: TrainingRun | None = None
        self._jobs = jobs
        self._looking = self._busy = False
        self._asked_at: float | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._build()
        self._show_state()

    # -- the page's protocol ---------------------------------------------------------------------------------------

    @property
    def first_control(self) -> QWidget | None:
        """Start or Resume, where there is something to start."""
        return self._start if self._start.isVisibleTo(self) else None

    @property
    def complete(self) -> bool:
        """Whether the run is over and has left a model."""
        run = self.run
        return run is not None and run.state.over and bool(run.curves.validations)

    def set_run(self, run: TrainingRun) -> None:
        """Show another run; one that is under way is found again."""
        if self.run is not None:
            self.run.release()
        self.run = run
        run.sampled.connect(self._show_samples)
        self._samples.clear()
        self._trouble.show_failure(None)
        self._asked_at = None
        self._refresh()
        self._look()

    def enter(self) -> None:
        """Follow the run."""
        self._timer.start()
        self._look()

    def leave(self) -> None:
        """Look no longer; the run goes on."""
        self._timer.stop()

    def retire(self) -> None:
        """The program ends: the run goes on without it, or saves and waits, as the user wants it."""
        self.leave()
        run, self.run = self.run, None  # what jobs still bring is for nobody
        if run is None:
            return
        if run.state.alive and not self._goes_on.isChecked():
            with contextlib.suppress(TumorViewError):  # a disk that is full: it goes on
                run.ask(StopKind.PAUSE)
        run.release()

    # -- widgets ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._state = label("")
        self._state.setObjectName("training_state")
        theme.scaled(self._state, 1.15, bold=True)
        self._start = command_button("Start training", "training_start_button", "Start training", self._start_pressed)
        self._start.setProperty("primary", True)
        self._start.setIcon(icons.icon("run", theme.colours().on_accent))
        self._pause = command_button(
            "Pause", "training_pause_button",
            "Save a checkpoint and free the processor and the memory; Resume goes on",
            lambda: self._ask(StopKind.PAUSE),
        )  # fmt: skip
        self._stop = command_button(
            "Stop, keep the best", "training_stop_button",
            "End the training here; the weights that validated best are kept", lambda: self._ask(StopKind.STOP),
        )  # fmt: skip
        self._end = command_button(
            "End now", "training_end_button",
            "Do not wait for another checkpoint: what was saved before is kept", self._end_pressed,
        )  # fmt: skip
        self._bar = QProgressBar()
        named(self._bar, "training_progress", "Progress of the training")
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._numbers = label("", dim=True)
        self._numbers.setObjectName("training_numbers")
        theme.tabular(self._numbers)
        self._goes_on = CheckBox("Goes on when TumorView is closed")
        named(self._goes_on, "training_goes_on", "Training goes on when TumorView is closed",
              "Otherwise it saves a checkpoint and waits to be resumed")  # fmt: skip
        self._goes_on.setChecked(True)
        self._trouble = TroublePanel()
        self._trouble.chosen.connect(self._offer_chosen)
        self._curves = CurvesView()
        self._samples = SamplesView()
        self._samples.step_chosen.connect(self._fetch_samples)
        body = QHBoxLayout()
        body.setSpacing(theme.GRID * 2)
        body.addWidget(self._curves, 3)
        body.addWidget(self._samples, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GRID)
        layout.addLayout(row(self._state, 1, self._start, self._pause, self._stop, self._end, spacing=theme.GRID))
        layout.addWidget(self._bar)
        layout.addLayout(row(self._numbers, 1, self._goes_on))
        layout.addWidget(self._trouble)
        layout.addLayout(body, 1)

    # -- looking ---------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        run = self.run
        if run is None or self._looking:
            return
        self._looking = True
        self._jobs.start(
            Job("Following the training", lambda _: run.read(), exclusive=WATCH_GROUP),
            Handlers(done=lambda update: self._looked(run, update), failed=self._failed, cancelled=self._not_looked),
        )

    def _looked(self, run: TrainingRun, update: RunUpdate) -> None:
        self._looking = False
        if run is not self.run:
            return
        if update.changed or update.events:
            run.tell(update)
            self._refresh()
        self._show_waiting()

    def _not_looked(self) -> None:
        self._looking = False

    def _failed(self, error: Exception) -> None:
        self._looking = self._busy = False
        if self.run is None:
            return
        if not isinstance(error, TumorViewError):
            raise error
        self._show_error(error)

    def _refresh(self) -> None:
        run = self.run
        assert run is not None
        progress = run.progress
        self._curves.show_curves(run.curves, None if progress is None else progress.total_steps)
        if run.state is RunState.STARTING:
            self._bar.setRange(0, 0)  # nobody knows how long
        else:
            self._bar.setRange(0, 1 if progress is None else progress.total_steps)
            self._bar.setValue(0 if progress is None else progress.total_step)
        if not run.state.alive:
            self._asked_at = None
        self._trouble.show_failure(run.failure)
        self._show_state()
        self.changed.emit()

    # -- steering --------------------------------------------------------------------------------------------------

    def _start_pressed(self) -> None:
        self._control("Starting the training", lambda run: run.start())

    def _offer_chosen(self, offer: Offer) -> None:
        if offer.revise:
            self.revise_requested.emit()
        else:
            self._control("Starting the training", lambda run: run.start(offer))

    def _ask(self, kind: StopKind) -> None:
        self._asked_at = time.monotonic()
        self._control("Stopping the training", lambda run: run.ask(kind))

    def _end_pressed(self) -> None:
        self._control("Ending the training", lambda run: run.kill())

    def _control(self, title: str, do: Callable[[TrainingRun], None]) -> None:
        run = self.run
        if run is None or self._busy:
            return
        self._busy = True
        self._show_state()
        self._jobs.start(
            Job(title, lambda _: do(run), exclusive=CONTROL),
            Handlers(done=lambda _: self._controlled(), failed=self._failed, cancelled=self._controlled),
        )

    def _controlled(self) -> None:
        self._busy = False
        if self.run is not None:
            self._show_state()
            self._look()

    # -- showing ---------------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        run = self.run
        state = RunState.NEW if run is None else run.state
        scored = run is not None and bool(run.curves.validations)
        free = run is not None and not self._busy
        going = state in {RunState.STARTING, RunState.RUNNING}
        self._state.setText(_TITLES[state])
        self._start.setText("Start training" if state is RunState.NEW else "Resume")
        self._start.setVisible(state in {RunState.NEW, RunState.PAUSED, RunState.STOPPED})
        self._start.setEnabled(free)
        self._pause.setVisible(going)
        self._pause.setEnabled(free)
        self._stop.setVisible(not state.over and state not in {RunState.NEW, RunState.STOPPING})
        self._stop.setEnabled(free and scored)
        self._trouble.set_busy(self._busy)
        self._numbers.setText("" if run is None else _numbers(run))
        self._show_waiting()

    def _show_waiting(self) -> None:
        """Offer to end a run that has been asked to stop and does not answer."""
        waited = 0.0 if self._asked_at is None else time.monotonic() - self._asked_at
        stopping = self.run is not None and self.run.state is RunState.STOPPING
        self._end.setVisible(stopping and waited > ANSWER_SECONDS)
        self._end.setEnabled(not self._busy)

    def _show_error(self, error: TumorViewError) -> None:
        """A failure of the page's own: the process could not be started or asked."""
        self._busy = False
        self._show_state()
        self._trouble.show_failure(RunFailed(Trouble.OTHER, error.message, error.remedy, (AGAIN,)))

    def _show_samples(self, sampled: Sampled) -> None:
        self._samples.show_newest(sampled.samples, sampled.steps)

    def _fetch_samples(self, step: int) -> None:
        run = self.run
        if run is None:
            return

        def show(samples: SampleSet | None) -> None:
            if samples is not None and run is self.run:
                self._samples.show_samples(samples)

        self._jobs.start(
            Job("Reading sample predictions", lambda _: run.samples(step), exclusive=SAMPLES), Handlers(done=show)
        )


def _numbers(run: TrainingRun) -> str:
    """Where the run is, in a line."""
    parts = []
    progress, best = run.progress, run.curves.best
    if progress is not None:
        parts.append(f"step {progress.total_step} of {progress.total_steps}")
        if progress.phases > 1:
            parts.append(f"phase {progress.phase} of {progress.phases}")
        if progress.epochs:
            parts.append(f"epoch {progress.epoch} of {progress.epochs}")
        if run.state is RunState.RUNNING and progress.images_per_second:
            parts += [f"{progress.images_per_second:.1f} slices/s", _left(progress)]
    if best is not None and best.scores.dice_pooled is not None:
        parts.append(f"best Dice {best.scores.dice_pooled:.3f} (step {best.total_step})")
    return "  ·  ".join(parts)


def _left(progress: TrainProgress) -> str:
    """The time that is left, as exactly as it is known."""
    minutes = progress.eta_seconds / 60
    if minutes < 1:
        return "less than a minute left"
    if minutes < 90:
        return f"about {minutes:.0f} min left"
    return f"about {minutes / 60:.1f} h left"
