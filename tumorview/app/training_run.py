"""A training run in a process of its own: started, followed through its folder, paused, resumed, found again.

The process writes into files of the run's folder and knows nothing of who follows it, so it outlives the window; a
window that is opened later, or again, finds it by the same files. ``read`` looks at the disk and may be called from any
thread, one at a time; ``tell`` hands what it found to the listeners, on the front end's thread.

Pausing saves a checkpoint and ends the process. It could be frozen instead (SIGSTOP), which would resume faster; but it
would hold its gigabytes of memory while somebody reads, and a restart of the computer would lose what it had not saved.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tumorview.app import training_trouble as trouble
from tumorview.app.training_events import (
    Curves,
    Offer,
    RunEnded,
    RunEvent,
    RunFailed,
    RunState,
    RunUpdate,
    Sampled,
    Validated,
)
from tumorview.app.training_feed import ERRORS_NAME, OUTPUT_NAME, RunFeed, checkpoint_step
from tumorview.app.training_plan import TrainingPlan
from tumorview.app.training_process import STOP_NAME, StopKind, request_stop, requested_stop, trainer_of
from tumorview.core.event import Event
from tumorview.errors import TrainingStorageError
from tumorview.ml.recipes import load_recipe, recipe_text
from tumorview.ml.samples import SampleSet, read_samples
from tumorview.ml.training_report import TrainProgress

RECIPE_NAME = "recipe.toml"  # what the run was trained by last
NEXT_NAME = "next.toml"  # what it goes on with


class TrainingRun:
    """One run's folder and the process that works on it. ``command`` starts the program, for tests of it."""

    def __init__(
        self, folder: Path, data: Sequence[Path], recipe: Path, *, device: str = "auto",
        command: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.data, self.recipe, self.device = folder, tuple(data), recipe, device
        self.state = RunState.NEW
        self.curves = Curves()
        self.progress: TrainProgress | None = None
        self.failure: RunFailed | None = None
        self.state_changed: Event[RunState] = Event()
        self.progressed: Event[TrainProgress] = Event()
        self.validated: Event[Validated] = Event()
        self.sampled: Event[Sampled] = Event()
        self.finished: Event[RunEnded] = Event()
        self.failed: Event[RunFailed] = Event()
        self._command = list(command or program())
        self._child: subprocess.Popen[bytes] | None = None
        self._kills: int | None = None
        self._feed = RunFeed(folder)
        self._fresh = False  # started since the last look: the same end again is news
        self._lock = threading.Lock()  # starting and looking are jobs

    @classmethod
    def of(cls, plan: TrainingPlan) -> "TrainingRun":
        """The run of a plan."""
        return cls(plan.run_folder, [plan.data_folder], plan.recipe_file, device=plan.device)

    # -- what it does, on any thread -------------------------------------------------------------------------------

    def start(self, offer: Offer | None = None) -> None:
        """Begin, or go on from the last checkpoint, with the change of an offer; a run under way is left alone."""
        with self._lock:
            if self._alive():
                return
            recipe = self._recipe_for(offer)
            resume = (self.folder / "last.safetensors").exists()
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                (self.folder / STOP_NAME).unlink(missing_ok=True)
                with (self.folder / OUTPUT_NAME).open("ab") as output, (self.folder / ERRORS_NAME).open("wb") as errors:
                    # On a line of its own, whatever a killed process left of its last one.
                    output.write(b"\n" + json.dumps({"begun": time.strftime("%Y-%m-%dT%H:%M:%S")}).encode() + b"\n")
                    output.flush()
                    self._fresh = True
                    self._kills = trouble.killed_for_memory()
                    self._child = self._spawn([*self._words(recipe), *(["--resume"] if resume else [])], output, errors)
            except OSError as error:
                raise TrainingStorageError(
                    f"Training could not be started in {self.folder} ({error}).", "Check the disk and try again."
                ) from error

    def ask(self, kind: StopKind) -> None:
        """Have it save a checkpoint and go: to be resumed (PAUSE), or done with the best weights so far (STOP)."""
        if not self._alive():
            self._note(kind)
            return
        try:
            request_stop(self.folder, kind)
        except OSError:  # a full disk: a signal needs no room
            trainer = trainer_of(self.folder)
            if trainer is None or not trainer.terminate():
                raise TrainingStorageError(
                    f"The training in {self.folder} could not be asked to stop.", "Free some disk space."
                ) from None

    def kill(self) -> None:
        """End it at once, without another checkpoint: it is paused where it saved last."""
        trainer = trainer_of(self.folder)
        if trainer is None or not trainer.kill():
            with contextlib.suppress(OSError):
                if self._child is not None:
                    self._child.kill()
        self._note(StopKind.PAUSE)

    def read(self) -> RunUpdate:
        """What happened since the last look."""
        with self._lock:
            alive = self._alive()  # first: what it wrote before it ended is then complete
            events: list[RunEvent] = list(self._feed.read())
            state = self._state(alive)
            changed = state is not self.state or self._fresh
            self._fresh = False
            if changed:
                if state in {RunState.PAUSED, RunState.STOPPED, RunState.FINISHED} and self._feed.ended is not None:
                    events.append(self._feed.ended)
                elif state is RunState.FAILED:
                    events.append(self._explain())
            return RunUpdate(state, tuple(events), changed)

    def samples(self, step: int) -> SampleSet | None:
        """Sample predictions of an earlier validation."""
        return read_samples(self.folder, step)

    # -- what is told, on the front end's thread -------------------------------------------------------------------

    def tell(self, update: RunUpdate) -> None:
        """Hand an update to the listeners."""
        for event in update.events:
            self.curves.add(event)
            match event:
                case TrainProgress():
                    self.progress = event
                    self.progressed.emit(event)
                case Validated():
                    self.validated.emit(event)
                case Sampled():
                    self.sampled.emit(event)
        if update.changed:
            self.state = update.state
            self.failure = next((event for event in update.events if isinstance(event, RunFailed)), None)
            self.state_changed.emit(update.state)
        for event in update.events:
            match event:
                case RunEnded():
                    self.finished.emit(event)
                case RunFailed():
                    self.failed.emit(event)

    def poll(self) -> RunState:
        """Look and tell at once, for front ends without threads."""
        self.tell(self.read())
        return self.state

    def release(self) -> None:
        """Let go of the process; it goes on by itself."""
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # that it still runs is what is wanted
                del child

    # -- inside ----------------------------------------------------------------------------------------------------

    def _alive(self) -> bool:
        if self._child is not None and self._child.poll() is None:
            return True
        trainer = trainer_of(self.folder)
        return trainer is not None and trainer.alive

    def _state(self, alive: bool) -> RunState:
        feed = self._feed
        if alive:
            if requested_stop(self.folder) is not None:
                return RunState.STOPPING
            return RunState.RUNNING if feed.begun else RunState.STARTING
        if feed.error is not None:
            return RunState.FAILED
        if feed.ended is not None:
            if feed.ended.completed:
                return RunState.FINISHED
            return RunState.STOPPED if feed.ended.asked is StopKind.STOP else RunState.PAUSED
        return RunState.FAILED if feed.started else RunState.NEW

    def _explain(self) -> RunFailed:
        before, now = self._kills, trouble.killed_for_memory()
        starved = before is not None and now is not None and now > before
        code = None if self._child is None else self._child.returncode
        step = checkpoint_step(self.folder)
        evidence = trouble.Evidence(self.folder, self.data, code, starved, step)
        if self._feed.error is not None:
            return trouble.explain_error(self._feed.error, evidence)
        return trouble.explain_death(evidence)

    def _recipe_for(self, offer: Offer | None) -> Path:
        """The recipe to go on with: the one it was trained by last, changed as was offered."""
        present = self.folder / RECIPE_NAME
        recipe = present if present.exists() else self.recipe
        if offer is None or offer.change is None:
            return recipe
        changed = self.folder / NEXT_NAME
        try:
            changed.write_text(recipe_text(offer.change(load_recipe(recipe))), encoding="utf-8")
        except OSError as error:
            raise TrainingStorageError(f"{changed} could not be written ({error}).", "Check the disk.") from error
        return changed

    def _words(self, recipe: Path) -> list[str]:
        words = [*self._command, "train", "--json-lines", "--background", "--device", self.device]
        words += ["--out", str(self.folder), "--recipe", str(recipe)]
        return [*words, *(word for path in self.data for word in ("--data", str(path)))]

    def _spawn(self, words: list[str], output: IO[bytes], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
        """A process that neither the terminal's Ctrl+C nor the window's end reaches."""
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=os.name != "nt",
            creationflags=flags,
        )  # fmt: skip

    def _note(self, kind: StopKind) -> None:
        """How a run is to be taken whose process cannot say so any more."""
        step = checkpoint_step(self.folder) or 0
        line = json.dumps({"completed": False, "total_step": step, "asked": kind})
        try:
            with (self.folder / OUTPUT_NAME).open("a", encoding="utf-8") as file:
                file.write("\n" + line + "\n")
        except OSError as error:
            raise TrainingStorageError(f"{self.folder} cannot be written ({error}).", "Check the disk.") from error


def program() -> list[str]:
    """How this program starts itself: from source or installed, and as one frozen file."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "tumorview"]
