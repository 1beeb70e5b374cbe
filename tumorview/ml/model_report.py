"""What a ModelCard says about a model's quality: figures with intervals, institutions, calibration, worst cases."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.calibration import DOUBTFUL, Reliability
from tumorview.core.mask import Mask, MaskArray
from tumorview.core.metrics import CohortAgreement, Counts, slice_counts, total
from tumorview.core.prediction import Prediction
from tumorview.core.progress import Progress
from tumorview.core.study import Study
from tumorview.core.uncertainty import LEVEL, RESAMPLES, Estimate, differences, estimates
from tumorview.errors import ModelError
from tumorview.ml.card import ModelCard
from tumorview.ml.data import site_of
from tumorview.ml.engines.base import Engine
from tumorview.ml.model_evaluation import EvaluationPlan, ModelReport, evaluate_data_set

REPORT_VERSION = 1
WORST = 6

Figures = dict[str, float | int | str | None]


@dataclass(frozen=True, eq=False)
class WorstCase:
    """A patient that went badly: ``counts`` of the whole volume, and the slice (from 0) with most wrong pixels.

    ``flair``, ``mask`` and ``truth`` are that slice, [rows, columns].
    """

    patient: str
    counts: Counts
    slice: int
    flair: npt.NDArray[Any]
    mask: MaskArray
    truth: MaskArray

    @property
    def failure(self) -> str:
        """In what way most pixels are wrong."""
        tp, fp, fn = self.counts.tp, self.counts.fp, self.counts.fn
        if tp == 0:
            return "nothing found" if fp == 0 else "found elsewhere"
        if max(fp, fn) < 2 * min(fp, fn):
            return "boundary differs both ways"
        return "marks too much" if fp > fn else "misses a part"

    def to_dict(self) -> dict[str, Any]:
        """JSON values, without the pixels."""
        return {
            "patient": self.patient,
            "dice": self.counts.dice,
            "tp": self.counts.tp,
            "fp": self.counts.fp,
            "fn": self.counts.fn,
            "slice": self.slice,
            "failure": self.failure,
        }


@dataclass(frozen=True)
class SiteResult:
    """The patients of one institution."""

    site: str
    cohort: CohortAgreement

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        found = estimates(self.cohort)
        return {
            "site": self.site,
            "patients": len(self.cohort.patients),
            "dice_pooled": self.cohort.dice_pooled,
            "dice_per_volume": found["dice_per_volume"].to_dict(),
        }


@dataclass(frozen=True, eq=False)
class DetailedReport:
    """A model over a data set. ``flair_only`` is the same patients with FLAIR in all channels.

    ``everywhere`` is the reliability over all voxels, ``doubtful`` over those with a probability of 0.01 or more.
    """

    main: ModelReport
    flair_only: ModelReport | None
    everywhere: Reliability
    doubtful: Reliability
    worst: tuple[WorstCase, ...]

    @property
    def figures(self) -> dict[str, Estimate]:
        """Each metric with its interval."""
        return estimates(self.main.cohort)

    @property
    def sites(self) -> list[SiteResult]:
        """Institutions by name."""
        by_site: dict[str, list[Any]] = {}
        for patient in self.main.patients:
            by_site.setdefault(site_of(patient.id), []).append(patient.agreement)
        return [SiteResult(site, CohortAgreement(tuple(by_site[site]))) for site in sorted(by_site)]

    def to_dict(self) -> dict[str, Any]:
        """The document ``report.json``."""
        return {
            "version": REPORT_VERSION,
            "interval": {"level": LEVEL, "method": "bootstrap over patients, percentiles", "resamples": RESAMPLES},
            **self.main.to_dict(),
            "figures": _dicts(self.figures),
            "institutions": [site.to_dict() for site in self.sites],
            "calibration": {"all_voxels": self.everywhere.to_dict(), "p_at_least_0.01": self.doubtful.to_dict()},
            "flair_only": self._flair_dict(),
            "worst": [case.to_dict() for case in self.worst],
        }

    def _flair_dict(self) -> dict[str, Any] | None:
        if self.flair_only is None:
            return None
        cohort = self.flair_only.cohort
        return {
            "figures": _dicts(estimates(cohort)),
            "loss": _dicts(differences(self.main.cohort, cohort)),
            "per_patient": [patient.to_dict() for patient in self.flair_only.patients],
        }


def detailed_report(
    plan: EvaluationPlan, card: ModelCard, engine: Engine, *, progress: Progress | None = None, worst: int = WORST
) -> DetailedReport:
    """Evaluate a model with everything its card should say; FLAIR alone is run too unless the plan is that already.

    Raises what ``evaluate_data_set`` raises.
    """
    progress = progress or Progress()
    watcher = _Watcher()
    both = plan.channels is None
    parts = (progress.part(0.0, 0.5), progress.part(0.5, 1.0)) if both else (progress, progress)
    main = evaluate_data_set(plan, card, engine, progress=parts[0], observe=watcher)
    flair = evaluate_data_set(plan.flair_only, card, engine, progress=parts[1]) if both else None
    return DetailedReport(main, flair, watcher.everywhere, watcher.doubtful, watcher.worst(worst))


def card_metrics(name: str, document: Mapping[str, Any]) -> dict[str, Figures]:
    """A report's document as entries of a card's ``metrics``, under ``name`` and names that begin with it."""
    calibration = document["calibration"]
    main: Figures = {
        **{key: document[key] for key in ("patients", "slices", "channels", "threshold")},
        "dice_per_volume_median": _rounded(document["dice_per_volume_median"]),
        **_flat(document["figures"]),
        "expected_calibration_error": _rounded(calibration["all_voxels"]["expected_calibration_error"]),
        "expected_calibration_error_p_at_least_0.01": _rounded(
            calibration["p_at_least_0.01"]["expected_calibration_error"]
        ),
    }
    entries = {name: main}
    sites = document["institutions"]
    if len(sites) > 1:
        entries[f"{name}, dice_per_volume by institution"] = {
            f"{site['site']} ({site['patients']})": _rounded(site["dice_per_volume"]["value"]) for site in sites
        }
    flair = document["flair_only"]
    if flair is not None:
        lost = {"dice_pooled_lost": flair["loss"]["dice_pooled"]}
        entries[f"{name}, FLAIR only"] = {**_flat(flair["figures"]), **_flat(lost)}
    return entries


def with_metrics(card: ModelCard, name: str, document: Mapping[str, Any]) -> ModelCard:
    """The card with a report's figures in place of what it said under ``name``; ModelError for another model's."""
    if document["weights_sha256"] != card.weights_sha256:
        raise ModelError(f"The report is about other weights than those of {card.id}.", "Evaluate the model again.")
    kept = {key: value for key, value in card.metrics.items() if key != name and not key.startswith(f"{name}, ")}
    return replace(card, metrics={**kept, **card_metrics(name, document)})


class _Watcher:
    """Collects calibration, and of every patient the worst slice."""

    def __init__(self) -> None:
        self.everywhere, self.doubtful = Reliability.empty(), Reliability.empty()
        self._cases: list[WorstCase] = []

    def __call__(self, study: Study, prediction: Prediction, mask: Mask) -> None:
        assert study.truth is not None
        truth = study.truth.data
        probability = prediction.probabilities.sum(0, dtype=np.float32)
        self.everywhere += Reliability.of(probability, truth)
        self.doubtful += Reliability.of(probability, truth, lowest=DOUBTFUL)
        slices = slice_counts(mask.data, truth)
        k = int(np.argmax([counts.fp + counts.fn for counts in slices]))
        flair = study.reference.volume.data[k]
        self._cases.append(WorstCase(study.title, total(slices), k, flair.copy(), mask.data[k].copy(), truth[k].copy()))

    def worst(self, count: int) -> tuple[WorstCase, ...]:
        """The patients of lowest Dice, worst first."""
        defined = [case for case in self._cases if case.counts.dice is not None]
        return tuple(sorted(defined, key=lambda case: (case.counts.dice or 0.0, case.patient))[:count])


def _dicts(found: dict[str, Estimate]) -> dict[str, dict[str, float | None]]:
    return {name: estimate.to_dict() for name, estimate in found.items()}


def _flat(found: Mapping[str, Mapping[str, float | None]]) -> Figures:
    """``NAME``, ``NAME_low`` and ``NAME_high``, as a card holds plain values."""
    flat: Figures = {}
    for name, estimate in found.items():
        flat[name] = _rounded(estimate["value"])
        flat[f"{name}_low"], flat[f"{name}_high"] = _rounded(estimate["low"]), _rounded(estimate["high"])
    return flat


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
