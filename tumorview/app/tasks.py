"""The use cases: the window, the command line and scripts all call these functions, so they cannot disagree."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tumorview.app import model_comparison, protocols
from tumorview.app.comparison import Comparison
from tumorview.app.conversion import convert, convert_all, convert_every_study, study_with_series
from tumorview.app.jobs import JobContext
from tumorview.app.model_comparison import RunContents, plan_of
from tumorview.app.model_reports import write_model_report
from tumorview.app.outputs import check_output, export, export_mask_note, export_nifti, export_picture, export_png
from tumorview.app.segmenter import RunSegmentation, Segmenter, SegmentOptions
from tumorview.app.session_files import bring_back, open_session, save_session
from tumorview.app.settings_store import SettingsStore, default_folder
from tumorview.core import metrics
from tumorview.core.fitness import Fitness
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.metrics import Agreement
from tumorview.core.opening import Opening
from tumorview.core.prediction import Prediction
from tumorview.core.study import Study
from tumorview.core.tags import HeaderTag
from tumorview.io import registry
from tumorview.io.atomic import make_folder
from tumorview.io.dicom_phantom import write_phantom
from tumorview.ml.registry import ModelRegistry
from tumorview.ml.training_report import TrainProgress, TrainReport
from tumorview.resources import resource_path

SAMPLE_FOLDER = "sample"

__all__ = [
    "RunSegmentation",
    "SegmentOptions",
    "Segmenter",
    "TrainProgress",
    "TrainReport",
    "bring_back",
    "check_output",
    "convert",
    "convert_all",
    "convert_every_study",
    "export",
    "export_mask_note",
    "export_nifti",
    "export_picture",
    "export_png",
    "open_session",
    "save_session",
    "study_with_series",
]


# -- reading ---------------------------------------------------------------------------------------------------


def open_study(path: Path | str, context: JobContext | None = None, opening: Opening | None = None) -> Study:
    """Open a file, folder or zip archive; ReadError with a remedy where it holds no image that can be read.

    ``opening`` says which study of several is meant and what becomes of irregular slices.
    """
    return registry.open_study(Path(path), context or JobContext(), opening)


def with_own_roles(study: Study, store: SettingsStore | None = None) -> Study:
    """``study`` with the roles that the user corrected in the window for its protocol; a warning names them."""
    known = (store or SettingsStore(default_folder())).current.protocol_roles
    corrected = protocols.remembered(known, study)
    if not corrected.roles:
        return study
    return replace(corrected, warnings=(*study.warnings, f"{protocols.sentence(corrected)}."))


def open_mask(path: Path | str, grid: Geometry, *, resample: bool = False) -> Mask:
    """Open a mask as voxels of ``grid``; GeometryError naming both where it lies elsewhere.

    One that must be resampled is an OtherGridError, unless ``resample`` allows it.
    """
    return registry.open_mask(Path(path), grid, resample=resample)


def read_tags(path: Path | str) -> list[HeaderTag]:
    """Every entry of the header of a DICOM or NIfTI file; ReadError where there is none."""
    from tumorview.io import tags

    return tags.read_tags(Path(path))


def sample_path() -> Path:
    """The folder of the study that comes with the program."""
    return next(path for path in sorted(resource_path(SAMPLE_FOLDER).iterdir()) if path.is_dir())


# -- segmenting ------------------------------------------------------------------------------------------------


def model_registry(folder: Path | None = None) -> ModelRegistry:
    """Bundled models and those in the user's ``folder`` (the platform's place if None)."""
    return (Segmenter.of_user() if folder is None else Segmenter(folder)).registry


def assess(study: Study, context: JobContext | None = None) -> Fitness:
    """Whether ``study`` is what the model was made for, with reasons; JobCancelled when cancelled."""
    from tumorview.ml import fitness

    return fitness.assess(study, context)


def segment(
    study: Study,
    options: SegmentOptions | None = None,
    context: JobContext | None = None,
    *,
    segmenter: RunSegmentation | None = None,
) -> Prediction:
    """Segment the tumour of ``study``; raises ModelError, EngineError and JobCancelled."""
    run = segmenter or Segmenter.of_user()
    return run(study, options or SegmentOptions(), context or JobContext())


def evaluate(prediction: Mask, truth: Mask) -> Agreement:
    """Compare two masks of one grid; GeometryError naming both grids where they differ."""
    return metrics.evaluate(prediction, truth)


def evaluate_files(prediction: Path, truth: Path) -> Agreement:
    """Compare two masks from files; the ground truth's grid is the one that counts."""
    wanted = registry.open_mask(truth)
    return evaluate(registry.open_mask(prediction, wanted.geometry), wanted)


def evaluate_model(
    data: Path,
    options: SegmentOptions | None = None,
    *,
    patients: Path | None = None,
    channels: str | None = None,
    report: Path | None = None,
    context: JobContext | None = None,
) -> dict[str, Any]:
    """Evaluate a model over a data set in the LGG layout: the document of ``tumorview evaluate-model``.

    With ``report`` everything that a model card should say is measured too and written into that folder.
    """
    from tumorview.ml.engines import open_engine
    from tumorview.ml.model_evaluation import EvaluationPlan, evaluate_data_set
    from tumorview.ml.model_report import detailed_report

    options, context = options or SegmentOptions(), context or JobContext()
    plan = EvaluationPlan(data, patients, channels, options.threshold, options.postprocess)
    model = model_registry().usable(options.model or None)
    engine = open_engine(model, engine=options.engine, device=options.device, cache=default_folder() / "cache")
    if report is not None:
        make_folder(report)
        detailed = detailed_report(plan, model.card, engine, progress=context)
        write_model_report(detailed, report)
        return detailed.to_dict()
    return evaluate_data_set(plan, model.card, engine, progress=context).to_dict()


def compare_run(
    run_folder: Path,
    *,
    data: Path | None = None,
    reference: Path | None = None,
    reference_patients: Path | None = None,
    device: str = "auto",
    engine: str = "auto",
    models: ModelRegistry | None = None,
    cache: Path | None = None,
    context: JobContext | None = None,
) -> Comparison:
    """Compare a finished run's model with the default on the patients that the run held out; kept in its folder.

    ``data`` is needed for runs that the wizard did not plan. Raises TrainingError, ModelError, EngineError, WriteError.
    """
    contents = RunContents.read(run_folder, data)
    plan = plan_of(
        contents,
        cache or default_folder() / "cache",
        device=device,
        engine=engine,
        reference=reference,
        reference_patients=reference_patients,
    )
    return model_comparison.compare_run(contents, models or model_registry(), plan, context)


# -- training and measuring ------------------------------------------------------------------------------------


def train(
    data: Sequence[Path],
    out: Path,
    *,
    recipe: str = "lgg",
    resume: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    on_progress: Callable[[TrainProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TrainReport:
    """Train by a named recipe or a TOML file into the folder ``out``; TrainingError says what stops it."""
    from tumorview.app.training_process import claimed
    from tumorview.ml import trainer
    from tumorview.ml.recipes import load_recipe

    loaded = load_recipe(recipe)
    with claimed(out):
        return trainer.train(data, out, loaded, resume=resume, device=device, progress=on_progress, cancelled=cancelled)


@dataclass(frozen=True)
class PrepareOptions:
    """What the training wizard asks for, for ``prepare_training``."""

    name: str = "Own model"
    base_model: str = "unet-cbam-lgg"
    epochs: int = 10
    freeze: int = 0
    seed: int = 0
    device: str = "auto"
    minutes: int = 0  # 0: the length is in epochs
    validation: tuple[str, ...] = ()  # titles of cases; () draws
    test: tuple[str, ...] = ()


def prepare_training(
    data: Sequence[Path], out: Path, options: PrepareOptions, context: JobContext | None = None
) -> dict[str, Any]:
    """The training wizard's way without a window: the document of ``tumorview train-prepare``.

    Cases are found, checked and prepared in a new folder below ``out``, split by patient, and the plan is saved there.
    """
    from tumorview.app.training_flow import PageId, TrainingFlow
    from tumorview.app.training_import import import_cases
    from tumorview.app.training_measure import measure_recipe
    from tumorview.app.training_recipe import Budget, RecipeChoices, base_models
    from tumorview.app.training_split import SplitWish, with_named

    context = context or JobContext()
    flow = TrainingFlow.create(out, options.name, lambda: base_models(model_registry()))
    flow.imported(import_cases(flow.run_folder, (), list(data), context))
    choices = RecipeChoices(
        base_model=options.base_model, epochs=options.epochs, freeze=options.freeze, device=options.device,
        budget=Budget.MINUTES if options.minutes else Budget.EPOCHS, minutes=options.minutes or 1,
    )  # fmt: skip
    flow.change(wish=SplitWish(seed=options.seed), choices=choices)
    flow.next()
    sides = with_named(flow.state.cases, flow.state.sides, validation=options.validation, test=options.test)
    flow.change(sides=sides)
    if options.minutes:
        estimate = measure_recipe(flow.recipe_to_measure, options.device, context)
        flow.change(estimate=estimate, measured=flow.measuring)
    while flow.state.page is not PageId.RUN:
        flow.next()
    plan = flow.plan()
    return {
        "run": str(flow.run_folder),
        "command": shlex.join(["tumorview", *plan.arguments()]),
        "cases": [{**case.to_dict(), "side": flow.state.sides.get(case.id)} for case in flow.state.cases],
    }


def estimate_training(recipe: str, device: Literal["auto", "cpu", "cuda"], context: JobContext) -> dict[str, Any]:
    """Time a few steps of a recipe in this process: the document of ``tumorview train-estimate``."""
    from tumorview.ml.recipes import load_recipe
    from tumorview.ml.training_estimate import measure

    return measure(load_recipe(recipe), device, context).to_dict()


def inference_benchmark(context: JobContext | None = None) -> list[dict[str, object]]:
    """Time every engine side by side on this machine: rows of ``tumorview bench``."""
    from tumorview.ml.benchmark import inference_rows

    return [bench_document(row) for row in inference_rows(model_registry(), progress=context or JobContext())]


def opening_benchmark(context: JobContext | None = None) -> list[dict[str, object]]:
    """Time finding and opening DICOM studies beside plain loops: rows of ``tumorview bench``."""
    from tumorview.io.benchmark import opening_rows

    return [bench_document(row) for row in opening_rows(context or JobContext())]


def write_example_series(folder: Path, slices: int, side: int) -> None:
    """A synthetic DICOM series of ``slices`` files of ``side`` x ``side`` pixels, to measure opening with."""
    write_phantom(folder, slices, side)


def training_benchmark(context: JobContext | None = None) -> list[dict[str, object]]:
    """Time a training step of full width beside a plain float32 loop: rows of ``tumorview bench --training``."""
    from tumorview.ml.training_benchmark import training_rows

    return [bench_document(row) for row in training_rows(progress=context or JobContext())]


def bench_document(row: Any) -> dict[str, object]:  # noqa: ANN401 - rows of ml and of gui, which do not know each other
    """One measurement as the JSON of ``tumorview bench``."""
    return {name: getattr(row, name, None) for name in ("name", "value", "unit", "against", "ratio")}
