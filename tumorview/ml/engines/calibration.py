"""``auto``: the fastest of several engines, by measurement, remembered for this machine.

Nothing is known at first: the most precise candidate answers the first slices (so the visible one is not kept
waiting), then every other candidate is timed on those same slices and its masks are compared with the answers
already given. A reduced precision that changes the mask is never used. When that takes too long, because the machine is
busy, the best so far serves this run, nothing is remembered and the next run measures again.
"""

import contextlib
import json
import os
import statistics
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from tumorview.core.progress import Progress
from tumorview.errors import EngineError
from tumorview.ml.engines.base import Engine, Floats

SAMPLE_SLICES = 3
AGREEING_DICE = 0.995
_SLACK_PIXELS = 8  # of a small lesion 0.5 % is less than a pixel
_ROUNDS = 3
_PATIENCE_SECONDS = 6.0  # on a busy machine the user's slices go before further candidates
_HOPELESS = 1.6  # a candidate this much slower at its first timed slice is not timed again


@dataclass(frozen=True)
class Candidate:
    """An engine that could be opened: the more precise ones come first in a list."""

    name: str
    device: str
    precision: str
    open: Callable[[], Engine]

    @property
    def label(self) -> str:
        """For files and messages."""
        return f"{self.name}/{self.device}/{self.precision}"


class AutoEngine:
    """The fastest of ``candidates`` whose masks agree with the first's; ``memory`` is the file that remembers it.

    Raises EngineError where no candidate can be opened.
    """

    def __init__(self, candidates: Sequence[Candidate], memory: Path | None = None) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._inputs: list[Floats] = []
        self._answers: list[Floats] = []
        self._failures: tuple[str, ...] = ()
        remembered = _recall(memory, candidates)
        self._decided = remembered is not None or len(candidates) == 1
        self._candidates = list(candidates)
        self._chosen, self._engine = _first_that_opens([*([remembered] if remembered else []), *candidates])
        if remembered is not None and self._chosen is not remembered:
            self._decided = False  # what was measured is gone: measure again

    @property
    def name(self) -> str:
        """Of the engine in use."""
        return self._engine.name

    @property
    def device(self) -> str:
        """Of the engine in use."""
        return self._engine.device

    @property
    def precision(self) -> str:
        """Of the engine in use."""
        return self._engine.precision

    @property
    def notices(self) -> tuple[str, ...]:
        """Which engines failed, and those of the engine in use."""
        return (*self._failures, *self._engine.notices)

    @property
    def decided(self) -> bool:
        """Whether the candidates were measured (now or in an earlier run)."""
        return self._decided

    def predict(self, slices: Floats, progress: Progress | None = None) -> Floats:
        """See Engine; once, after the first slices, this also takes the seconds that measuring needs."""
        progress = progress or Progress()
        with self._lock:
            if not self._decided and sum(map(len, self._inputs)) >= SAMPLE_SLICES:
                with contextlib.suppress(EngineError):  # one that fails now: the one in use goes on
                    self._decide(progress)
                self._decided, self._inputs, self._answers = True, [], []
            answer = self._answer(slices, progress)
            if not self._decided:
                self._inputs.append(slices.copy())
                self._answers.append(answer.copy())
            return answer

    def _answer(self, slices: Floats, progress: Progress) -> Floats:
        """Of the engine in use; where it fails, out of memory for one, the next candidate takes its place for good."""
        try:
            return self._engine.predict(slices, progress)
        except EngineError as error:
            self._candidates = [other for other in self._candidates if other.label != self._chosen.label]
            if not self._candidates:
                raise
            failed = self._chosen.label
            self._chosen, self._engine = _first_that_opens(self._candidates)
            self._failures += (f"{failed} failed; {self._chosen.label} went on. {error.message}",)
            return self._answer(slices, progress)

    def _decide(self, progress: Progress) -> None:
        inputs, answers = np.concatenate(self._inputs)[:SAMPLE_SLICES], np.concatenate(self._answers)[:SAMPLE_SLICES]
        progress.report(0.0, "Measuring which engine is fastest here")
        survivors = {self._chosen.label: (self._chosen, self._engine)}
        started, complete = perf_counter(), True
        best = _seconds(self._engine, inputs[:1], progress)
        for candidate in self._candidates:
            if candidate.label in survivors:
                continue
            progress.check()
            if perf_counter() - started > _PATIENCE_SECONDS:
                complete = False
                break
            with contextlib.suppress(EngineError, ImportError):
                engine = candidate.open()
                seconds = _trial(engine, inputs, answers, _HOPELESS * best, progress)
                if seconds is not None:
                    survivors[candidate.label] = (candidate, engine)
                    best = min(best, seconds)
        times = _interleaved({label: engine for label, (_, engine) in survivors.items()}, inputs[:1], progress)
        winner = min(times, key=lambda label: times[label])
        self._chosen, self._engine = survivors[winner]
        if complete:
            _remember(self._memory, winner, times)


def _trial(engine: Engine, inputs: Floats, answers: Floats, limit: float, progress: Progress) -> float | None:
    """Seconds a slice of a warm engine; None where it is slower than ``limit`` or marks something else."""
    engine.predict(inputs[:1], progress)  # the first run allocates and is slow
    seconds = _seconds(engine, inputs[:1], progress)
    if seconds > limit or not agrees(engine.predict(inputs, progress), answers):
        return None
    return seconds


def agrees(first: Floats, second: Floats) -> bool:
    """Whether two probability maps [n, classes, h, w] mark the same: Dice >= AGREEING_DICE for every tissue."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return False
    left, right = first.argmax(axis=1), second.argmax(axis=1)
    for label in range(1, first.shape[1]):
        one, other = left == label, right == label
        differing = np.count_nonzero(one != other)
        if differing > (1 - AGREEING_DICE) * (np.count_nonzero(one) + np.count_nonzero(other)) + _SLACK_PIXELS:
            return False
    return True


def _interleaved(engines: dict[str, Engine], one: Floats, progress: Progress) -> dict[str, float]:
    """Median seconds a slice; the engines take turns, so that other load on the machine hits all alike."""
    times: dict[str, list[float]] = {label: [] for label in engines}
    for _ in range(_ROUNDS):
        for label, engine in engines.items():
            times[label].append(_seconds(engine, one, progress))
    return {label: statistics.median(values) for label, values in times.items()}


def _seconds(engine: Engine, one: Floats, progress: Progress) -> float:
    started = perf_counter()
    engine.predict(one, progress)
    return perf_counter() - started


def _first_that_opens(candidates: Sequence[Candidate]) -> tuple[Candidate, Engine]:
    problem: Exception | None = None
    for candidate in candidates:
        try:
            return candidate, candidate.open()
        except (EngineError, ImportError) as error:
            problem = error
    raise EngineError(f"No inference engine works here ({problem}).", "Install TumorView again.") from problem


def _recall(memory: Path | None, candidates: Sequence[Candidate]) -> Candidate | None:
    if memory is None:
        return None
    try:
        label = json.loads(memory.read_text(encoding="utf-8"))["fastest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((candidate for candidate in candidates if candidate.label == label), None)


def _remember(memory: Path | None, fastest: str, times: dict[str, float]) -> None:
    """Write the verdict beside its place and rename it; a cache that cannot be written is no error."""
    if memory is None:
        return
    measured = {label: round(seconds * 1000, 2) for label, seconds in times.items()}
    text = json.dumps({"fastest": fastest, "ms_per_slice": measured}, indent=2)
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory.parent, delete=False, encoding="utf-8") as draft:
            draft.write(text)
        os.replace(draft.name, memory)  # noqa: PTH105 - the draft's name is a text
