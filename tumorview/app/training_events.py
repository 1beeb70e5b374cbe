"""What a front end learns about a training run: states, scores, ends, and what may be done about a failure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from tumorview.app.training_process import StopKind
from tumorview.ml.recipes import Recipe
from tumorview.ml.samples import SampleSet
from tumorview.ml.training_report import TrainProgress, ValidationScores

T = TypeVar("T")

__all__ = [
    "Curves",
    "Offer",
    "RunEnded",
    "RunEvent",
    "RunFailed",
    "RunState",
    "RunUpdate",
    "SampleSet",
    "Sampled",
    "TrainProgress",
    "Trouble",
    "Validated",
    "ValidationScores",
    "half_batch",
    "lower_rate",
]


class RunState(StrEnum):
    """Where a run is, as the window shows it."""

    NEW = "new"
    STARTING = "starting"  # reading data, building the network, compiling
    RUNNING = "running"
    STOPPING = "stopping"  # asked to pause or stop, saving
    PAUSED = "paused"
    STOPPED = "stopped"  # ended early by the user; the best weights count
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def alive(self) -> bool:
        """Whether a process works on it."""
        return self in {RunState.STARTING, RunState.RUNNING, RunState.STOPPING}

    @property
    def over(self) -> bool:
        """Whether the run is done with, by itself or by the user."""
        return self in {RunState.STOPPED, RunState.FINISHED}


class Trouble(StrEnum):
    """Why a run failed."""

    DIVERGED = "diverged"
    MEMORY = "memory"
    STORAGE = "storage"
    DATA = "data"
    MODEL = "model"
    KILLED = "killed"
    CRASHED = "crashed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a button under a failure does: go on from the last checkpoint, with the recipe changed or as it is.

    ``change`` is None where the recipe stays. ``revise`` goes back to the recipe page instead.
    """

    name: str
    text: str
    change: Callable[[Recipe], Recipe] | None = None
    revise: bool = False


@dataclass(frozen=True, slots=True)
class Validated:
    """One validation. ``loss`` and ``lr`` are those of the step before it, None where there was none."""

    total_step: int
    phase: int
    loss: float | None
    lr: float
    scores: ValidationScores


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Sample predictions of the last validation, and the steps of which there are more."""

    samples: SampleSet
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run came to an end that it knows of: completed, or asked to pause or stop."""

    completed: bool
    total_step: int
    asked: StopKind | None
    model: Path | None


@dataclass(frozen=True, slots=True)
class RunFailed:
    """What happened, what to do, and what can be done with one press; ``details`` is for whoever reports it."""

    trouble: Trouble
    message: str
    remedy: str
    offers: tuple[Offer, ...]
    details: str = ""


RunEvent = TrainProgress | Validated | Sampled | RunEnded | RunFailed


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """Everything that happened since the last look, and the state after it; ``changed`` if it is a new one."""

    state: RunState
    events: tuple[RunEvent, ...] = ()
    changed: bool = False


@dataclass
class Curves:
    """Points of a run's curves by step; what a resumed run does again replaces what it did before."""

    loss: dict[int, float] = field(default_factory=dict)
    lr: dict[int, float] = field(default_factory=dict)
    validations: dict[int, Validated] = field(default_factory=dict)

    def add(self, event: RunEvent) -> None:
        """Take a point over from progress or a validation."""
        match event:
            case TrainProgress():
                _put(self.loss, event.total_step, event.loss)
                _put(self.lr, event.total_step, event.lr)
            case Validated():
                _put(self.validations, event.total_step, event)

    @property
    def best(self) -> Validated | None:
        """The validation that scored best in the last phase, whose weights are kept."""
        if not self.validations:
            return None
        last = max(one.phase for one in self.validations.values())
        return max((one for one in self.validations.values() if one.phase == last), key=lambda one: one.scores.score)


def half_batch(recipe: Recipe) -> Recipe:
    """The recipe with half as many slices a step."""
    return replace(recipe, phases=tuple(replace(one, batch=max(1, one.batch // 2)) for one in recipe.phases))


def lower_rate(recipe: Recipe) -> Recipe:
    """The recipe with a third of the learning rate."""
    return replace(recipe, phases=tuple(replace(one, lr=one.lr / 3) for one in recipe.phases))


def _put(points: dict[int, T], step: int, value: T) -> None:
    """Add a point; later ones belong to a run that was cut off and has gone back since."""
    while points and next(reversed(points)) >= step:
        points.popitem()
    points[step] = value
