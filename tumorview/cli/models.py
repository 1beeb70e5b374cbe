"""``models`` and ``evaluate-model``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tumorview.app import tasks
from tumorview.cli.options import AsJson, Device, Engine, ModelId, Postprocess
from tumorview.cli.output import percent, print_json, print_line, print_table, progress_bar
from tumorview.errors import ModelError

models = typer.Typer(help="Bundled and imported models.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.add_typer(models, name="models")
    app.command("evaluate-model")(evaluate_model)


@models.command("list")
def list_models(json: AsJson = False) -> None:
    """Every model with its status."""
    _show([entry.to_dict() for entry in tasks.model_registry().list()], json=json)


@models.command("verify")
def verify(json: AsJson = False) -> None:
    """Check every model's weights against the hash in its card."""
    entries = tasks.model_registry().verify()
    _show([entry.to_dict() for entry in entries], json=json)
    broken = [entry.id for entry in entries if not entry.ok]
    if broken:
        raise ModelError(f"Broken: {', '.join(broken)}.", "Install or import them again.")


@models.command("show")
def show(model: Annotated[str, typer.Argument(metavar="ID", show_default=False)]) -> None:
    """The card of a model, as JSON."""
    entry = tasks.model_registry().get(model)
    if entry.card is None:
        raise ModelError(entry.status)
    print_json(entry.card.to_dict())


@models.command("import")
def import_model(file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]) -> None:
    """Install a model from a folder or .tvmodel file; its hash is checked and no code in it is run."""
    print_line(f"Installed {tasks.model_registry().import_file(file).id}")


def evaluate_model(
    data: Annotated[Path, typer.Option("--data", help="A data set in the LGG layout.", show_default=False)],
    model: ModelId = "",
    patients: Annotated[
        Path | None, typer.Option("--patients", help="A file with one patient folder name a line.")
    ] = None,
    channels: Annotated[str, typer.Option("--channels", help="FLAIR feeds FLAIR into all three channels.")] = "",
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Folder for intervals, institutions, calibration, FLAIR alone and worst cases."),
    ] = None,
    device: Device = "auto",
    engine: Engine = "auto",
    postprocess: Postprocess = True,
    json: AsJson = False,
) -> None:
    """Dice and IoU of a model over a data set, pooled, per patient and as slice-level papers report."""
    options = tasks.SegmentOptions(model=model, device=device, engine=engine, postprocess=postprocess)
    with progress_bar("Evaluating") as context:
        document = tasks.evaluate_model(
            data, options, patients=patients, channels=channels or None, report=report, context=context
        )
    if json:
        print_json(document)
        return
    print_table(
        ["patient", "dice", "iou", "slices", "with tumour"],
        [
            [row["id"], percent(row["dice"]), percent(row["iou"]), str(row["slices"]), str(row["tumour_slices"])]
            for row in document["per_patient"]
        ],
    )
    for name in (
        "dice_pooled",
        "iou_pooled",
        "dice_per_volume",
        "dice_per_volume_median",
        "dice_per_slice",
        "dice_paper_protocol",
        "iou_paper_protocol",
    ):
        print_line(f"{name:24}{percent(document[name])}{_interval(document, name)}")
    if report is not None:
        print_line(f"The report is in {report}")
    print_line(f"{document['engine']}: {document['ms_per_slice']:.0f} ms a slice")


def _interval(document: dict[str, Any], name: str) -> str:
    """The 95 % interval that a detailed report adds."""
    figure = document.get("figures", {}).get(name)
    return f"  ({percent(figure['low'])} to {percent(figure['high'])})" if figure else ""


def _show(rows: list[dict[str, object]], *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    print_table(
        ["id", "title", "width", "bundled", "status"],
        [[str(row[key]) for key in ("id", "title", "width", "bundled", "status")] for row in rows],
    )
