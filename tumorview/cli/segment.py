"""``segment``, ``evaluate`` and ``demo``."""

from pathlib import Path
from typing import Annotated

import typer

from tumorview.app import documents, tasks
from tumorview.cli.options import (
    Alone,
    AsJson,
    Device,
    Engine,
    InputPath,
    IrregularSlices,
    ModelId,
    OwnRoles,
    Postprocess,
    QForm,
    SecondLook,
    StudyKey,
)
from tumorview.cli.output import percent, print_json, print_line, print_warning, progress_bar
from tumorview.core.mask import Mask
from tumorview.core.opening import Irregular, Opening
from tumorview.core.prediction import Prediction
from tumorview.core.study import Study


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("segment")(segment)
    app.command("evaluate")(evaluate)
    app.command("demo")(demo)


def segment(
    path: InputPath,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="OUT.nii.gz, or a folder for PNG slices.", show_default=False)
    ],
    model: ModelId = "",
    device: Device = "auto",
    engine: Engine = "auto",
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0.0, max=1.0, help="Probability from which a voxel is tumour.")
    ] = None,
    postprocess: Postprocess = True,
    second_look: SecondLook = None,
    study_key: StudyKey = "",
    irregular: IrregularSlices = Irregular.AS_IS,
    qform: QForm = False,
    alone: Alone = False,
    own_roles: OwnRoles = True,
    json: AsJson = False,
) -> None:
    """Segment the tumour of a study and write the mask."""
    tasks.check_output(out)
    options = tasks.SegmentOptions(
        model=model,
        device=device,
        engine=engine,
        threshold=threshold,
        postprocess=postprocess,
        second_look=second_look,
    )
    opening = Opening(study_key, irregular, qform, alone=alone)
    study, prediction, mask = _predict(path, options, opening, own_roles=own_roles)
    output = tasks.export(study, mask, out)
    document = documents.segmentation(prediction, mask, output)
    document["warnings"] = _warnings(study, prediction)
    if json:
        print_json(document)
        return
    _warn(study, prediction)
    volume = document["volume_ml"]
    print_line(f"{output}: {'volume unknown' if volume is None else f'{volume:.1f} ml'} in {document['seconds']:.1f} s")
    print_line(f"{document['model']} on {document['engine']} ({document['device']}, {document['precision']})")


def evaluate(
    pred: Annotated[Path, typer.Option("--pred", help="The mask to judge.", show_default=False)],
    truth: Annotated[Path, typer.Option("--truth", help="The reference mask.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Compare a mask with ground truth: Dice and IoU, per volume and per slice."""
    document = documents.evaluation(tasks.evaluate_files(pred, truth))
    if json:
        print_json(document)
        return
    for name in ("dice", "iou", "dice_per_slice", "dice_paper_protocol", "iou_paper_protocol"):
        print_line(f"{name:22}{percent(document[name])}")


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for pictures and mask.")] = Path("demo-output"),
) -> None:
    """Segment the bundled sample study, compare with its ground truth and save pictures."""
    study, prediction, mask = _predict(tasks.sample_path(), tasks.SegmentOptions())
    print_line(f"Sample study: {mask.data.shape[0]} slices, {len(study.series)} series")
    _warn(study, prediction)
    origin = prediction.origin
    print_line(f"{origin.model_id} on {origin.engine} ({origin.device}, {origin.precision}): {origin.seconds:.1f} s")
    if study.truth is not None:
        agreement = tasks.evaluate(mask, study.truth)
        print_line(f"Dice {percent(agreement.dice)}  IoU {percent(agreement.iou)} against the ground truth")
    with progress_bar("Pictures") as context:
        written = tasks.export_png(study, mask, out, context=context)
    print_line(f"Mask      {tasks.export_nifti(mask, out / 'mask.nii.gz')}")
    print_line(f"Pictures  {len(written)} in {out / 'masks'} and {out / 'overlays'}")


def _predict(
    path: Path, options: tasks.SegmentOptions, opening: Opening | None = None, *, own_roles: bool = False
) -> tuple[Study, Prediction, Mask]:
    with progress_bar("Reading") as context:
        study = tasks.open_study(path, context, opening)
        study = tasks.with_own_roles(study) if own_roles else study
    with progress_bar("Segmenting") as context:
        prediction = tasks.segment(study, options, context)
    return study, prediction, prediction.mask()


def _warnings(study: Study, prediction: Prediction) -> list[str]:
    """What the user should know about the study, the series that were used and the prediction."""
    used = [series for series in study.series if series.uid in prediction.origin.channels.values()]
    own = [text for series in used for text in series.warnings]
    return list(dict.fromkeys((*study.warnings, *own, *prediction.origin.warnings)))


def _warn(study: Study, prediction: Prediction) -> None:
    for warning in _warnings(study, prediction):
        print_warning(warning)
