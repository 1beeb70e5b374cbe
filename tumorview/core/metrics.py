"""Overlap of a mask with ground truth. Counts first, ratios last; both-empty is undefined (None), never 1.

Dice = 2 TP / (2 TP + FP + FN), IoU = TP / (TP + FP + FN) (the paper's equations 7 and 8).
Any label above 0 is tumour here. Distances (HD95, ASSD, NSD) belong in this module's neighbour ``distances``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Mask
from tumorview.errors import GeometryError


@dataclass(frozen=True)
class Counts:
    """Voxels found rightly, found wrongly and missed."""

    tp: int
    fp: int
    fn: int

    @property
    def dice(self) -> float | None:
        """Dice coefficient; None where both masks are empty."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else None

    @property
    def iou(self) -> float | None:
        """Intersection over union; None where both masks are empty."""
        total = self.tp + self.fp + self.fn
        return self.tp / total if total else None

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP); None where nothing was marked."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN); None where there is nothing to find."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(self.tp - other.tp, self.fp - other.fp, self.fn - other.fn)


def count(prediction: npt.NDArray[Any], truth: npt.NDArray[Any]) -> Counts:
    """Counts of two label arrays of the same shape (any dimension)."""
    found, wanted = prediction > 0, truth > 0
    tp = int(np.count_nonzero(found & wanted))
    return Counts(tp, int(np.count_nonzero(found)) - tp, int(np.count_nonzero(wanted)) - tp)


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of many counts."""
    return sum(counts, Counts(0, 0, 0))


def mean_defined(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are defined; None where none is."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


@dataclass(frozen=True)
class Agreement:
    """A mask against ground truth: ``slices`` holds the counts of every slice along k.

    ``ml_per_voxel`` is None where the image has no spacing.
    """

    slices: tuple[Counts, ...]
    ml_per_voxel: float | None = None

    @property
    def counts(self) -> Counts:
        """Counts over the whole volume."""
        return total(self.slices)

    @property
    def dice(self) -> float | None:
        """Dice of the whole volume (counts summed over its slices)."""
        return self.counts.dice

    @property
    def iou(self) -> float | None:
        """IoU of the whole volume."""
        return self.counts.iou

    @property
    def dice_per_slice(self) -> float | None:
        """Mean Dice over the slices with tumour in either mask."""
        return mean_defined(counts.dice for counts in self.slices)

    @property
    def dice_paper_protocol(self) -> float:
        """Mean Dice over all slices, both-empty counted as 1: how slice-level papers report."""
        return float(np.mean([1.0 if counts.dice is None else counts.dice for counts in self.slices]))

    @property
    def iou_paper_protocol(self) -> float:
        """Mean IoU over all slices, both-empty counted as 1."""
        return float(np.mean([1.0 if counts.iou is None else counts.iou for counts in self.slices]))

    @property
    def volume_ml_prediction(self) -> float | None:
        """Volume of the mask, ml."""
        counts = self.counts
        return None if self.ml_per_voxel is None else (counts.tp + counts.fp) * self.ml_per_voxel

    @property
    def volume_ml_truth(self) -> float | None:
        """Volume of the ground truth, ml."""
        counts = self.counts
        return None if self.ml_per_voxel is None else (counts.tp + counts.fn) * self.ml_per_voxel


def slice_counts(prediction: npt.NDArray[Any], truth: npt.NDArray[Any]) -> tuple[Counts, ...]:
    """Counts of every slice of two label arrays [k, j, i]."""
    return tuple(count(prediction[k], truth[k]) for k in range(truth.shape[0]))


def require_same_grid(prediction: Mask, truth: Mask) -> None:
    """Raise GeometryError, naming both grids, unless the masks share one."""
    if not prediction.geometry.same_grid(truth.geometry):
        raise GeometryError(
            f"The two masks lie on different grids: {prediction.geometry.describe()}, and {truth.geometry.describe()}.",
            "Use a mask that was made on this image.",
        )


def evaluate(prediction: Mask, truth: Mask) -> Agreement:
    """Compare two masks of the same grid; raises GeometryError naming both grids where they differ."""
    require_same_grid(prediction, truth)
    geometry = truth.geometry
    ml = geometry.voxel_volume_mm3 / 1000.0 if geometry.calibrated else None
    return Agreement(slice_counts(prediction.data, truth.data), ml)


@dataclass(frozen=True)
class CohortAgreement:
    """Agreement over many patients: the four Dice variants of docs/results.md and their IoU."""

    patients: tuple[Agreement, ...]

    @property
    def counts(self) -> Counts:
        """Counts over all slices of all patients."""
        return total(patient.counts for patient in self.patients)

    @property
    def dice_pooled(self) -> float | None:
        """Dice of the counts summed over all patients."""
        return self.counts.dice

    @property
    def iou_pooled(self) -> float | None:
        """IoU of the counts summed over all patients."""
        return self.counts.iou

    @property
    def dice_per_volume(self) -> float | None:
        """Mean over patients of their Dice."""
        return mean_defined(patient.dice for patient in self.patients)

    @property
    def dice_per_volume_median(self) -> float | None:
        """Median over patients of their Dice."""
        defined = [patient.dice for patient in self.patients if patient.dice is not None]
        return float(np.median(defined)) if defined else None

    @property
    def all_slices(self) -> Agreement:
        """Every slice of every patient, as one stack."""
        slices: Sequence[Counts] = [counts for patient in self.patients for counts in patient.slices]
        return Agreement(tuple(slices))
