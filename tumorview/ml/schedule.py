"""Learning rate, speed and remaining work of a run, from its phases."""

import math
import time
from collections.abc import Sequence

from tumorview.ml.recipes import Phase


def learning_rate(phase: Phase, step: int) -> float:
    """The rate of one step (from 0): linear warm-up, then constant or a cosine down to ``final_share``."""
    if step < phase.warmup:
        return phase.lr * (step + 1) / phase.warmup
    if phase.schedule == "constant":
        return phase.lr
    done = min(1.0, (step - phase.warmup) / max(1, phase.steps - phase.warmup))
    return phase.lr * (phase.final_share + (1 - phase.final_share) * 0.5 * (1 + math.cos(math.pi * done)))


def work_left(phases: Sequence[Phase], step: int, width: int) -> float:
    """What is left from ``step`` of the first phase given, in images of that phase's size and width.

    Convolutions dominate: time goes with the square of the size and, roughly, of the width.
    """
    work, grown = 0.0, width
    for number, phase in enumerate(phases):
        steps = phase.steps - (step if number == 0 else 0)
        grown *= phase.grow if number else 1
        work += steps * phase.batch * (phase.size / phases[0].size) ** 2 * (grown / width) ** 2
    return work


class SpeedMeter:
    """Training images a second since the last restart."""

    def __init__(self, batch: int) -> None:
        self._batch, self._begun, self._from = batch, time.monotonic(), -1
        self.rate = 0.0

    def restart(self, step: int) -> None:
        """Leave what came before (validation, checkpoint) out of the rate."""
        self._begun, self._from = time.monotonic(), step

    def read(self, step: int) -> None:
        """Update ``rate``; the first reading only starts the clock, for compiling is no training speed."""
        if self._from < 0:
            self.restart(step)
        elif step > self._from:
            self.rate = (step - self._from) * self._batch / (time.monotonic() - self._begun)
