"""What every inference engine is: one method and four facts. Doubles for tests are one line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from tumorview.core.progress import Progress

Floats = npt.NDArray[np.float32]


@runtime_checkable
class Engine(Protocol):
    """Runs one network on one device. Engines may be shared between threads; calls are then served one by one."""

    @property
    def name(self) -> str:
        """Kind of engine: torch, openvino."""

    @property
    def device(self) -> str:
        """Where it computes: cpu, cuda, mps."""

    @property
    def precision(self) -> str:
        """Of the convolutions: float32, bfloat16, float16."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences the user should read about how it ran, e.g. that it fell back to another device."""

    def predict(self, slices: Floats, progress: Progress | None = None) -> Floats:
        """Z-scored ``slices`` [n, c, h, w] -> softmax probabilities [n, classes, h, w], background first.

        ``progress.check()`` is called between parts of the work, so that a cancel is answered within about 0.2 s.
        Raises EngineError where the engine failed and JobCancelled where the user asked to stop.
        """


@dataclass(frozen=True)
class FunctionEngine:
    """An engine made of any function of slices: the double for tests, and the way to plug in something else."""

    function: Callable[[Floats], Floats]
    name: str = "function"
    device: str = "cpu"
    precision: str = "float32"
    notices: tuple[str, ...] = ()

    def predict(self, slices: Floats, progress: Progress | None = None) -> Floats:
        """``function`` of the slices."""
        if progress is not None:
            progress.check()
        return self.function(slices)


def softmax(logits: Floats) -> Floats:
    """Softmax over axis 1 of [n, classes, h, w], computed in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
