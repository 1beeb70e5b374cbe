"""What training tells the outside: plain values, without torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ValidationScores:
    """Dice of any foreground class; None where undefined. ``flair`` is FLAIR in all channels."""

    dice_pooled: float | None
    dice_per_volume: float | None
    flair_dice_pooled: float | None
    per_patient: dict[str, float | None]

    @property
    def score(self) -> float:
        """What "best" means: the mean of pooled and per-volume Dice, with FLAIR alone counting a quarter."""
        parts = (self.dice_pooled, self.dice_per_volume, self.flair_dice_pooled)
        pooled, volume, flair = (part or 0.0 for part in parts)
        return 0.75 * (pooled + volume) / 2 + 0.25 * flair


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """Where a run is; ``validation`` is set on the step that validated. Phases, steps and epochs count from 1.

    An epoch of a phase shows every slice with tumour once.
    """

    phase: int
    phases: int
    step: int
    steps: int
    total_step: int
    total_steps: int
    loss: float
    lr: float
    images_per_second: float
    eta_seconds: float
    validation: ValidationScores | None = None
    epoch: int = 0
    epochs: int = 0


@dataclass(frozen=True, slots=True)
class TrainReport:
    """How a run ended: ``completed`` is False when it was cancelled; ``model`` is the exported file, if any."""

    out: Path
    completed: bool
    total_step: int
    model: Path | None
    validation: ValidationScores | None


ProgressListener = Callable[[TrainProgress], None]
