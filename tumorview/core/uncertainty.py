"""How sure figures over patients are: bootstrap confidence intervals, with patients as the unit that is drawn.

Slices of one patient belong together, so drawing slices would make every interval too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tumorview.core.metrics import Agreement, CohortAgreement

Floats = npt.NDArray[np.float64]

FIGURES: Final = (
    "dice_pooled",
    "iou_pooled",
    "dice_per_volume",
    "dice_per_slice",
    "dice_paper_protocol",
    "iou_paper_protocol",
)
RESAMPLES: Final = 2000
LEVEL: Final = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure with its confidence interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, float | None]:
        """JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


def estimates(
    cohort: CohortAgreement, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> dict[str, Estimate]:
    """Each of FIGURES with its percentile interval over ``resamples`` drawings of as many patients."""
    table = _table(cohort.patients)
    drawn = _drawings(len(table), resamples, seed)
    return {name: _estimate(_figure(name, table.sum(0)), _figure(name, drawn @ table), level) for name in FIGURES}


def differences(
    first: CohortAgreement,
    second: CohortAgreement,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Estimate]:
    """``first`` minus ``second`` on the same patients in the same order; both are drawn together."""
    if len(first.patients) != len(second.patients):
        raise ValueError(f"{len(first.patients)} patients cannot be paired with {len(second.patients)}")
    tables = _table(first.patients), _table(second.patients)
    drawn = _drawings(len(tables[0]), resamples, seed)
    result = {}
    for name in FIGURES:
        one, other = (_figure(name, table.sum(0)) for table in tables)
        ones, others = (_figure(name, drawn @ table) for table in tables)
        result[name] = _estimate(one - other, ones - others, level)
    return result


def _drawings(patients: int, resamples: int, seed: int) -> Floats:
    """[resamples, patients] how often each patient was drawn, with replacement."""
    if patients == 0:
        return np.zeros((resamples, 0))
    counts = np.random.default_rng(seed).multinomial(patients, np.full(patients, 1 / patients), size=resamples)
    return np.asarray(counts, dtype=np.float64)


# Every figure is a ratio of sums over patients; one row a patient holds its share of each sum.
_COLUMNS: Final = (
    "tp", "fp", "fn", "volume_dice", "volumes", "slice_dice", "slices_with_tumour", "paper_dice", "paper_iou", "slices",
)  # fmt: skip


def _table(patients: Sequence[Agreement]) -> Floats:
    """[patients, columns]."""
    return np.array([_row(patient) for patient in patients], dtype=np.float64).reshape(-1, len(_COLUMNS))


def _row(patient: Agreement) -> tuple[float, ...]:
    counts, dice = patient.counts, patient.dice
    defined = [value for value in (part.dice for part in patient.slices) if value is not None]
    ious = [1.0 if part.iou is None else part.iou for part in patient.slices]
    empty = len(patient.slices) - len(defined)
    return (
        counts.tp, counts.fp, counts.fn, dice or 0.0, float(dice is not None), sum(defined), len(defined),
        sum(defined) + empty, sum(ious), len(patient.slices),
    )  # fmt: skip


def _figure(name: str, sums: Floats) -> Floats:
    """The figure of sums [..., columns]; NaN where undefined."""
    of = dict(zip(_COLUMNS, np.moveaxis(sums, -1, 0), strict=True))
    ratios = {
        "dice_pooled": (2 * of["tp"], 2 * of["tp"] + of["fp"] + of["fn"]),
        "iou_pooled": (of["tp"], of["tp"] + of["fp"] + of["fn"]),
        "dice_per_volume": (of["volume_dice"], of["volumes"]),
        "dice_per_slice": (of["slice_dice"], of["slices_with_tumour"]),
        "dice_paper_protocol": (of["paper_dice"], of["slices"]),
        "iou_paper_protocol": (of["paper_iou"], of["slices"]),
    }
    above, below = ratios[name]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(above / below)


def _estimate(value: Floats, drawn: Floats, level: float) -> Estimate:
    """Percentile interval; drawings in which the figure is undefined are left out."""
    defined = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not defined.size:
        return Estimate(None, None, None)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))
