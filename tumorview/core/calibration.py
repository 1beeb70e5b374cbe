"""Whether probabilities mean what they say: reliability of voxelwise tumour probabilities (Guo et al. 2017).

Of the voxels that were given a probability of about p, a share of about p should be tumour.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

BINS: Final = 15
DOUBTFUL: Final = 0.01  # voxels below are background that nobody asks about; they would hide every error in the mean


@dataclass(frozen=True, eq=False)
class Reliability:
    """Voxels by predicted probability, in equal bins of 0..1: [bins] how many, how many are tumour, sum of p."""

    voxels: npt.NDArray[np.int64]
    tumour: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]

    @classmethod
    def empty(cls, bins: int = BINS) -> "Reliability":
        """No voxel yet."""
        return cls(np.zeros(bins, np.int64), np.zeros(bins, np.int64), np.zeros(bins))

    @classmethod
    def of(
        cls, probabilities: npt.NDArray[Any], truth: npt.NDArray[Any], *, lowest: float = 0.0, bins: int = BINS
    ) -> "Reliability":
        """Count voxels of any shape; only those with a probability of at least ``lowest``.

        Leaving voxels out by their probability, never by the truth, keeps every bin's share unbiased.
        """
        chosen = probabilities >= lowest
        p = np.clip(probabilities[chosen].astype(np.float64), 0.0, 1.0)
        index = np.minimum((p * bins).astype(np.int64), bins - 1)
        found = truth[chosen] > 0
        return cls(
            np.bincount(index, minlength=bins),
            np.bincount(index[found], minlength=bins),
            np.asarray(np.bincount(index, weights=p, minlength=bins), dtype=np.float64),
        )

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(self.voxels + other.voxels, self.tumour + other.tumour, self.probability + other.probability)

    @property
    def expected_error(self) -> float | None:
        """ECE: mean over voxels of |share that is tumour - mean probability| of their bin."""
        total = int(self.voxels.sum())
        return float(np.abs(self.tumour - self.probability).sum() / total) if total else None

    @property
    def largest_error(self) -> float | None:
        """MCE: the same of the worst bin."""
        used = self.voxels > 0
        if not used.any():
            return None
        return float((np.abs(self.tumour - self.probability)[used] / self.voxels[used]).max())

    def to_dict(self) -> dict[str, Any]:
        """JSON values: what a reliability diagram needs; null for bins without voxels."""
        rows = list(zip(self.voxels.tolist(), self.tumour.tolist(), self.probability.tolist(), strict=True))
        return {
            "expected_calibration_error": self.expected_error,
            "largest_calibration_error": self.largest_error,
            "voxels": self.voxels.tolist(),
            "mean_probability": [p / n if n else None for n, _, p in rows],
            "tumour_share": [t / n if n else None for n, t, _ in rows],
        }
