"""Who made a mask: voxels by provenance, and the share that was set by hand."""

from dataclasses import dataclass

import numpy as np

from tumorview.core.mask import HUMAN, Mask, MaskArray, Provenance

_NONE = (0,) * len(Provenance)


@dataclass(frozen=True)
class Tally:
    """Voxels that carry a label or were erased by hand, counted by Provenance (``counts[provenance]``)."""

    counts: tuple[int, ...] = _NONE

    @property
    def total(self) -> int:
        """All of these voxels."""
        return sum(self.counts)

    @property
    def human(self) -> int:
        """Those whose present value was set by hand, erased ones included."""
        return sum(self.counts[provenance] for provenance in HUMAN)

    @property
    def human_share(self) -> float | None:
        """``human`` / ``total``; None where there is none."""
        return self.human / self.total if self.total else None

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(tuple(a - b for a, b in zip(self.counts, other.counts, strict=True)))


def tally(labels: MaskArray, provenance: MaskArray) -> Tally:
    """Count labels and their provenance (arrays of one shape)."""
    counted = provenance[(labels != 0) | np.isin(provenance, HUMAN)]
    return Tally(tuple(np.bincount(counted, minlength=len(Provenance)).tolist()))


def tally_of(mask: Mask) -> Tally:
    """Count a whole mask."""
    return tally(mask.data, mask.provenance)
