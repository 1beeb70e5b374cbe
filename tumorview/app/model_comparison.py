"""Compares the model of a finished run with the one it would take the place of, on patients that neither trained on.

Old and new go through the path of a study, each as its card recommends, on the run's held-out patients; the verdict is
``core.paired``'s. What the new model gives up on data like the old one's own is measured on the bundled sample patient,
and on a reference data set where one is named. Runs for minutes: with progress, and cancellable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from tumorview.app.comparison import Comparison, FigurePair, ModelReference, OriginalCost, PatientPair, WorstSlice
from tumorview.app.training_plan import PLAN_NAME, TrainingPlan
from tumorview.core.calibration import DOUBTFUL, Reliability
from tumorview.core.mask import Mask
from tumorview.core.metrics import CohortAgreement, slice_counts, total
from tumorview.core.paired import MARGIN, paired_test
from tumorview.core.prediction import Prediction
from tumorview.core.progress import Progress
from tumorview.core.study import Study
from tumorview.core.uncertainty import differences, estimates
from tumorview.errors import ReadError, TrainingError
from tumorview.ml.card import ModelCard
from tumorview.ml.model_state import Purpose
from tumorview.ml.registry import DEFAULT_MODEL, ModelRegistry, UsableModel, sha256_of
from tumorview.ml.run_card import FinishedRun
from tumorview.resources import resource_path

if TYPE_CHECKING:
    from tumorview.ml.engines.base import Engine
    from tumorview.ml.model_evaluation import ModelReport, Observer

WORST: Final = 6
_SAMPLE: Final = "the sample patient that comes with TumorView"


@dataclass(frozen=True)
class ComparisonPlan:
    """What is compared on what: held-out ``patients`` (ids) of the data set in ``data``; ``titles`` are for the eye.

    ``reference`` is a data set like the old model's own, of which ``reference_patients`` (ids, or a file that names
    them; None all) are used. ``cache`` keeps converted networks.
    """

    data: Path
    patients: tuple[str, ...]
    titles: Mapping[str, str]
    cache: Path | None = None
    device: str = "auto"
    engine: str = "auto"
    reference: Path | None = None
    reference_patients: Path | Sequence[str] | None = None
    sample: bool = True


@dataclass(frozen=True)
class RunContents:
    """A finished run with what its plan says: where its data is, who was held out, what it was fine-tuned from."""

    run: FinishedRun
    data: Path
    titles: Mapping[str, str]
    name: str = ""
    base_model: str = ""

    @classmethod
    def read(cls, run_folder: Path, data: Path | None = None) -> "RunContents":
        """The run of a wizard, or one of ``tumorview train`` with the ``data`` it was given; raises TrainingError."""
        run = FinishedRun.read(run_folder)
        if not (run_folder / PLAN_NAME).is_file():
            if data is None:
                raise TrainingError(f"The run in {run_folder} does not say where its data is.", "Name it with --data.")
            return cls(run, data, {})
        plan = TrainingPlan.load(run_folder)
        return cls(run, data or plan.data_folder, plan.titles, plan.name, plan.base_model)

    def held_out(self) -> tuple[str, ...]:
        """The test patients; TrainingError where one of them was trained on or chose the weights."""
        seen = sorted(set(self.run.test) & {*self.run.training, *self.run.validation})
        if seen:
            raise TrainingError(
                f"{self.titles.get(seen[0], seen[0])} is a test patient, and was trained on.",
                "A comparison on it would flatter the new model: split the data anew and train again.",
            )
        return self.run.test


def rival(registry: ModelRegistry, contents: RunContents) -> UsableModel:
    """The model that the run's would take the place of: the default of its purpose.

    Where that is the run's own, installed earlier, it is the one that was fine-tuned, or the bundled default.
    """
    new = new_model(registry, contents).card
    entries = registry.list()
    ids = [registry.default_of(Purpose.of(new), entries), contents.base_model, DEFAULT_MODEL]
    others = {entry.id for entry in entries if entry.card and entry.card.weights_sha256 != new.weights_sha256}
    return registry.usable(next((model for model in ids if model in others), None))


def new_model(registry: ModelRegistry, contents: RunContents) -> UsableModel:
    """The run's model, not installed yet."""
    title = contents.name or contents.run.recipe.title or contents.run.recipe.name
    return contents.run.model("new-model", title, _base_card(registry, contents))


def compare_run(
    contents: RunContents, registry: ModelRegistry, plan: ComparisonPlan, progress: Progress | None = None
) -> Comparison:
    """Compare a run's model with its rival and keep the result in the run's folder.

    Raises ModelError, TrainingError, EngineError, WriteError and JobCancelled; a result from before stays until then.
    """
    notes = []
    if contents.run.step == 0:
        notes.append(
            "No step of this training did better on the validation patients than what it began with: these are the "
            "weights it began with."
        )
    new, old = new_model(registry, contents), rival(registry, contents)
    if contents.base_model and contents.base_model != old.card.id:
        notes.append(f"Trained on from {contents.base_model}; compared with the default, {old.card.title}.")
    comparison = compare(old, new, plan, progress, notes=tuple(notes))
    comparison.save(contents.run.folder)
    return comparison


def kept_comparison(contents: RunContents) -> Comparison | None:
    """The comparison kept with a run, if it is sound and about the run's weights of now."""
    try:
        found = Comparison.load(contents.run.folder)
    except ReadError:
        return None
    return found if found is not None and found.new.weights_sha256 == sha256_of(contents.run.weights) else None


def plan_of(contents: RunContents, cache: Path | None = None, **choices: Any) -> ComparisonPlan:  # noqa: ANN401 - fields by name
    """The plan for a run's held-out patients; ``choices`` are other fields of ComparisonPlan."""
    return ComparisonPlan(contents.data, contents.held_out(), contents.titles, cache, **choices)


def compare(
    old: UsableModel,
    new: UsableModel,
    plan: ComparisonPlan,
    progress: Progress | None = None,
    *,
    notes: tuple[str, ...] = (),
) -> Comparison:
    """Compare two models on the plan's patients; raises what ``evaluate_data_set`` raises."""
    progress = progress or Progress()
    before, after = _Opened.of(old, plan, progress.part(0.0, 0.03)), _Opened.of(new, plan, progress.part(0.03, 0.06))
    watcher = _Watcher(plan.titles)
    agreements = []
    if plan.patients:  # none, and the data set would be taken whole
        agreements = [
            before.evaluate(plan.data, plan.patients, progress.part(0.06, 0.45), watcher.see_old),
            after.evaluate(plan.data, plan.patients, progress.part(0.45, 0.84), watcher.see_new),
        ]
    original = _original_costs(before, after, plan, progress.part(0.84, 1.0))
    progress.report(1.0)
    old_report, new_report = agreements or (None, None)
    pairs = _pairs(old_report, new_report, plan.titles)
    return Comparison(
        when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        old=before.reference,
        new=after.reference,
        pairs=pairs,
        test=paired_test([pair.old for pair in pairs], [pair.new for pair in pairs]),
        figures=_figures(old_report, new_report),
        calibration=(watcher.old.expected_error, watcher.new.expected_error),
        original=original,
        worst=watcher.worst(),
        notes=notes,
    )


@dataclass(frozen=True)
class _Opened:
    """A model with its engine."""

    model: UsableModel
    engine: "Engine"

    @classmethod
    def of(cls, model: UsableModel, plan: ComparisonPlan, progress: Progress) -> "_Opened":
        from tumorview.ml.engines import open_engine

        progress.report(0.0, f"Loading {model.card.title}")
        engine = open_engine(model, engine=plan.engine, device=plan.device, cache=plan.cache, progress=progress)
        return cls(model, engine)

    @property
    def reference(self) -> ModelReference:
        card = self.model.card
        return ModelReference(card.id, card.title, card.weights_sha256)

    def evaluate(
        self,
        data: Path,
        patients: Path | Sequence[str] | None,
        progress: Progress,
        observe: "Observer | None" = None,
    ) -> "ModelReport":
        from tumorview.ml.model_evaluation import EvaluationPlan, evaluate_data_set

        named = _Named(progress, f"Segmenting with {self.model.card.title}")
        plan = EvaluationPlan(data, patients)
        return evaluate_data_set(plan, self.model.card, self.engine, progress=named, observe=observe)


class _Named(Progress):
    """Progress that always says the same: the predictor tells of slices, here patients and models matter."""

    def __init__(self, whole: Progress, text: str) -> None:
        self._whole, self._text = whole, text

    def report(self, fraction: float, text: str = "") -> None:
        self._whole.report(fraction, self._text)

    def check(self) -> None:
        self._whole.check()


class _Watcher:
    """Sees every patient with both models: calibration, and the slice on which the new one is most wrong."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.old, self.new = Reliability.empty(), Reliability.empty()
        self._titles = titles
        self._masks: dict[str, tuple[npt.NDArray[np.uint8], tuple[int, ...]]] = {}
        self._cases: list[WorstSlice] = []

    def see_old(self, study: Study, prediction: Prediction, mask: Mask) -> None:
        """Keep the old model's mask, a bit a voxel, until the new one's is there."""
        self.old += _reliability(study, prediction)
        self._masks[study.title] = np.packbits(mask.data > 0), mask.data.shape

    def see_new(self, study: Study, prediction: Prediction, mask: Mask) -> None:
        """Put the two beside each other."""
        assert study.truth is not None
        self.new += _reliability(study, prediction)
        bits, shape = self._masks.pop(study.title)
        old = np.unpackbits(bits, count=mask.data.size).reshape(shape)
        truth = study.truth.data
        counts = slice_counts(mask.data, truth)
        k = int(np.argmax([found.fp + found.fn for found in counts]))
        self._cases.append(
            WorstSlice(
                patient=study.title,
                title=self._titles.get(study.title, study.title),
                slice=k,
                old_dice=total(slice_counts(old, truth)).dice,
                new_dice=total(counts).dice,
                flair=study.reference.volume.data[k].copy(),
                truth=(truth[k] > 0).astype(np.uint8),
                old=old[k].copy(),
                new=(mask.data[k] > 0).astype(np.uint8),
            )
        )

    def worst(self) -> tuple[WorstSlice, ...]:
        """The patients that lost more than the margin, the most first, then those of lowest Dice."""
        by_loss = sorted(self._cases, key=_loss)
        lost = [case for case in by_loss if _loss(case) < -MARGIN][: WORST // 2]
        poor = sorted((case for case in self._cases if case not in lost), key=lambda case: case.new_dice or 0.0)
        return tuple([*lost, *poor][:WORST])


def _loss(case: WorstSlice) -> float:
    return (case.new_dice or 0.0) - (case.old_dice or 0.0)


def _reliability(study: Study, prediction: Prediction) -> Reliability:
    assert study.truth is not None
    return Reliability.of(prediction.probabilities.sum(0, dtype=np.float32), study.truth.data, lowest=DOUBTFUL)


def _pairs(old: "ModelReport | None", new: "ModelReport | None", titles: Mapping[str, str]) -> tuple[PatientPair, ...]:
    if old is None or new is None:
        return ()
    return tuple(
        PatientPair(a.id, titles.get(a.id, a.id), len(a.agreement.slices), a.agreement.dice, b.agreement.dice)
        for a, b in zip(old.patients, new.patients, strict=True)
    )


def _figures(old: "ModelReport | None", new: "ModelReport | None") -> dict[str, FigurePair]:
    """Each metric of both, and the paired difference; patients without Dice on one side count for neither mean."""
    if old is None or new is None:
        return {}
    both = [
        (a.agreement, b.agreement)
        for a, b in zip(old.patients, new.patients, strict=True)
        if a.agreement.dice is not None and b.agreement.dice is not None
    ]
    cohorts = [CohortAgreement(tuple(side)) for side in zip(*both, strict=True)]
    if not cohorts:
        return {}
    first, second = (estimates(cohort) for cohort in cohorts)
    gained = differences(cohorts[1], cohorts[0])
    return {name: FigurePair(first[name], second[name], gained[name]) for name in first}


def _original_costs(old: _Opened, new: _Opened, plan: ComparisonPlan, progress: Progress) -> tuple[OriginalCost, ...]:
    sets: list[tuple[str, Path, Path | Sequence[str] | None]] = []
    if plan.sample:
        sets.append((_SAMPLE, resource_path("sample"), None))
    if plan.reference is not None:
        sets.append((plan.reference.name, plan.reference, plan.reference_patients))
    costs = []
    for number, (name, data, patients) in enumerate(sets):
        part = progress.part(number / len(sets), (number + 1) / len(sets))
        reports = old.evaluate(data, patients, part.part(0.0, 0.5)), new.evaluate(data, patients, part.part(0.5, 1.0))
        before, after = (report.cohort.dice_per_volume for report in reports)
        costs.append(OriginalCost(name, len(reports[0].patients), before, after))
    return tuple(costs)


def _base_card(registry: ModelRegistry, contents: RunContents) -> ModelCard | None:
    """The card of the model that was fine-tuned; None where it was none, or is no longer here."""
    found = (entry.card for entry in registry.list() if entry.id == contents.base_model)
    return next(found, None)
