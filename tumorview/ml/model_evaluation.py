"""How well a model does on a data set in the LGG layout: every slice of every patient, through the path of a study."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.metrics import Agreement, CohortAgreement, evaluate
from tumorview.core.prediction import Prediction
from tumorview.core.progress import Progress
from tumorview.core.study import MODEL_CHANNELS, Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import ModelError
from tumorview.ml.card import ModelCard
from tumorview.ml.data import PatientFiles, discover
from tumorview.ml.data_files import read_pair
from tumorview.ml.engines.base import Engine, Floats
from tumorview.ml.postprocess import NO_POSTPROCESS
from tumorview.ml.predictor import predict_study

Observer = Callable[[Study, Prediction, Mask], None]


@dataclass(frozen=True)
class PatientResult:
    """One patient's agreement with its ground truth."""

    id: str
    agreement: Agreement

    def to_dict(self) -> dict[str, Any]:
        """The entry of ``per_patient``."""
        slices = self.agreement.slices
        return {
            "id": self.id,
            "dice": self.agreement.dice,
            "iou": self.agreement.iou,
            "slices": len(slices),
            "tumour_slices": sum(1 for counts in slices if counts.tp + counts.fn),
        }


@dataclass(frozen=True)
class ModelReport:
    """The result of ``evaluate-model``. ``ms_per_slice`` is the median time of the engine alone, per slice it ran.

    ``engine_seconds`` is that time summed, second looks included.
    """

    model: str
    weights_sha256: str
    engine: str
    device: str
    precision: str
    channels: str
    threshold: float
    postprocess: tuple[str, ...]
    ms_per_slice: float | None
    engine_seconds: float
    patients: tuple[PatientResult, ...]

    @property
    def cohort(self) -> CohortAgreement:
        """All patients together."""
        return CohortAgreement(tuple(patient.agreement for patient in self.patients))

    def to_dict(self) -> dict[str, Any]:
        """The document of ``tumorview evaluate-model --json``; null where a ratio is undefined."""
        cohort = self.cohort
        every_slice = cohort.all_slices
        return {
            "model": self.model,
            "weights_sha256": self.weights_sha256,
            "engine": self.engine,
            "device": self.device,
            "precision": self.precision,
            "channels": self.channels,
            "threshold": self.threshold,
            "postprocess": list(self.postprocess),
            "patients": len(self.patients),
            "slices": len(every_slice.slices),
            "dice_pooled": cohort.dice_pooled,
            "iou_pooled": cohort.iou_pooled,
            "dice_per_volume": cohort.dice_per_volume,
            "dice_per_volume_median": cohort.dice_per_volume_median,
            "dice_per_slice": every_slice.dice_per_slice,
            "dice_paper_protocol": every_slice.dice_paper_protocol,
            "iou_paper_protocol": every_slice.iou_paper_protocol,
            "ms_per_slice": self.ms_per_slice,
            "engine_seconds": self.engine_seconds,
            "per_patient": [patient.to_dict() for patient in self.patients],
        }


@dataclass(frozen=True)
class EvaluationPlan:
    """What is evaluated: every patient under ``data`` in the LGG layout, or the ones named.

    ``patients`` is a file with a name a line, or the names; ``channels="FLAIR"`` feeds FLAIR into all channels;
    ``threshold`` None is the model's own; without ``postprocess`` the network's bare answer is judged.
    """

    data: Path
    patients: Path | Sequence[str] | None = None
    channels: str | None = None
    threshold: float | None = None
    postprocess: bool = True

    def __post_init__(self) -> None:
        if self.channels not in (None, Role.FLAIR.value):
            raise ModelError(f"Channels {self.channels!r} cannot be fed alone.", "Leave the option out, or use FLAIR.")

    @property
    def flair_only(self) -> "EvaluationPlan":
        """The same patients with FLAIR in all channels."""
        return replace(self, channels=Role.FLAIR.value)


def evaluate_data_set(
    plan: EvaluationPlan,
    card: ModelCard,
    engine: Engine,
    *,
    progress: Progress | None = None,
    observe: Observer | None = None,
) -> ModelReport:
    """Evaluate a model on the patients of ``plan``. Any tissue counts as tumour, as in the ground truth.

    ``observe`` is called after each patient with its study, the prediction and the mask that was compared.
    Raises ModelError for unknown patients, TrainingError for data that cannot be read, JobCancelled.
    """
    progress = progress or Progress()
    chosen = _chosen(discover([plan.data]), plan.patients)
    level = card.threshold if plan.threshold is None else plan.threshold
    after = card.postprocess if plan.postprocess else NO_POSTPROCESS
    timed = _Timed(engine)
    results = []
    for number, patient in enumerate(chosen):
        part = progress.part(number / len(chosen), (number + 1) / len(chosen))
        study = lgg_study(patient, flair_only=plan.channels is not None)
        prediction = predict_study(study, card, timed, progress=part, postprocess=after)
        assert study.truth is not None
        mask = prediction.mask(level)
        results.append(PatientResult(patient.id, evaluate(mask, study.truth)))
        if observe is not None:
            observe(study, prediction, mask)
    return ModelReport(
        model=card.id,
        weights_sha256=card.weights_sha256,
        engine=engine.name,
        device=engine.device,
        precision=engine.precision,
        channels=plan.channels or "+".join(MODEL_CHANNELS),
        threshold=level,
        postprocess=after.sentences,
        ms_per_slice=timed.ms_per_slice,
        engine_seconds=timed.seconds,
        patients=tuple(results),
    )


def lgg_study(patient: PatientFiles, *, flair_only: bool = False) -> Study:
    """One patient of the data set as a Study with ground truth; slices keep the framing they have."""
    pairs = [read_pair(pair) for pair in patient.pairs]
    images = np.concatenate([image for image, _ in pairs])  # [k, c, 256, 256]
    labels = np.concatenate([label for _, label in pairs])
    geometry = Geometry.uncalibrated(labels.shape, oriented=True)
    series = tuple(
        Series(
            uid=f"{patient.id}.{role.value}",
            volume=Volume(np.ascontiguousarray(images[:, position]), geometry),
            role=role,
            role_confidence=1.0,
            framed=True,
        )
        for position, role in enumerate(MODEL_CHANNELS)
        if role is Role.FLAIR or not flair_only
    )
    return Study(patient.pairs[0].image.parent, series, title=patient.id, truth=Mask(labels, geometry))


def _chosen(found: list[PatientFiles], wanted: Path | Sequence[str] | None) -> list[PatientFiles]:
    """The patients named, each by its folder's name or an unambiguous part of it ("CS_6188")."""
    if wanted is None:
        return found
    chosen = {}
    for name in _names(wanted):
        exact = [patient for patient in found if patient.id == name]
        matches = exact or [patient for patient in found if f"_{name}_" in f"_{patient.id}_"]
        if len(matches) != 1:
            problem = "is not in the data set" if not matches else "is the name of several patients"
            raise ModelError(f"The patient {name!r} {problem}.", "Use the names of the patients' folders.")
        chosen[matches[0].id] = matches[0]
    if not chosen:
        raise ModelError("The list of patients is empty.", "Write one folder name a line.")
    return list(chosen.values())


def _names(wanted: Path | Sequence[str]) -> list[str]:
    if not isinstance(wanted, Path):
        return list(wanted)
    try:
        lines = wanted.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"The list of patients {wanted} cannot be read.", "Give a text file, one name a line."
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


class _Timed:
    """An engine with a stopwatch; the median hides the first slices, in which ``auto`` still measures."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seconds: list[float] = []

    name = property(lambda self: self._engine.name)
    device = property(lambda self: self._engine.device)
    precision = property(lambda self: self._engine.precision)
    notices = property(lambda self: self._engine.notices)

    @property
    def ms_per_slice(self) -> float | None:
        """Median over the slices; None where nothing ran."""
        return 1000 * statistics.median(self._seconds) if self._seconds else None

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum(self._seconds)

    def predict(self, slices: Floats, progress: Progress | None = None) -> Floats:
        """The engine's answer, timed."""
        started = time.perf_counter()
        answer = self._engine.predict(slices, progress)
        self._seconds += [(time.perf_counter() - started) / len(slices)] * len(slices)
        return answer
