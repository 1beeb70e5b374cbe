"""``models`` and ``evaluate-model``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tumorview.app import tasks
from tumorview.app.model_store import ModelStore, Purpose, StoredModel
from tumorview.cli import model_runs
from tumorview.cli.options import AsJson, Device, Engine, ModelId, Postprocess
from tumorview.cli.output import percent, print_json, print_line, print_table, progress_bar
from tumorview.errors import ModelError

InstalledModel = Annotated[str, typer.Argument(metavar="ID", show_default=False)]

models = typer.Typer(help="Bundled and imported models.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    model_runs.register(models)
    app.add_typer(models, name="models")
    app.command("evaluate-model")(evaluate_model)


@models.command("list")
def list_models(json: AsJson = False) -> None:
    """Every model with its status; the default, and candidates that may not be it."""
    _show(ModelStore.of_user().models(), json=json)


@models.command("verify")
def verify(json: AsJson = False) -> None:
    """Check every model's weights against the hash in its card."""
    found = ModelStore.of_user().models(verify=True)
    _show(found, json=json)
    broken = [model.id for model in found if not model.entry.ok]
    if broken:
        raise ModelError(f"Broken: {', '.join(broken)}.", "Install or import them again.")


@models.command("show")
def show(model: InstalledModel) -> None:
    """The card of a model, as JSON."""
    entry = tasks.model_registry().get(model)
    if entry.card is None:
        raise ModelError(entry.status)
    print_json(entry.card.to_dict())


@models.command("import")
def import_model(file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]) -> None:
    """Install a model from a folder or .tvmodel file; its hash is checked and no code in it is run."""
    print_line(f"Installed {ModelStore.of_user().import_file(file).id}")


@models.command("export")
def export_model(
    model: InstalledModel, file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]
) -> None:
    """Write a model as one .tvmodel file: weights and card, to give to somebody else."""
    print_line(f"Wrote {ModelStore.of_user().export(model, file)}")


@models.command("rename")
def rename(
    model: InstalledModel,
    title: Annotated[str, typer.Option("--name", help="The new name.")] = "",
    notes: Annotated[str | None, typer.Option("--notes", help="What to remember about it.")] = None,
) -> None:
    """Give a model of your own another name or other notes; its id stays."""
    print_line(f"{model} is {ModelStore.of_user().describe(model, title=title or None, notes=notes).title}")


@models.command("default")
def default(
    model: InstalledModel,
    vouch: Annotated[
        bool, typer.Option("--vouch", help="Answer for an imported model that was not compared here.")
    ] = False,
) -> None:
    """Make a model the default, if it was shown to be not worse than the default of now."""
    chosen = ModelStore.of_user().set_default(model, vouch=vouch)
    print_line(f"{chosen.id} is the default for {chosen.default_for}")


@models.command("rollback")
def rollback(
    purpose: Annotated[Purpose, typer.Option("--purpose", help="Whose default.")] = Purpose.WHOLE_TUMOUR,
) -> None:
    """Make the default before this one the default again."""
    print_line(f"{ModelStore.of_user().rollback(purpose).id} is the default for {purpose} again")


@models.command("history")
def history(json: AsJson = False) -> None:
    """Every change of a default, latest first."""
    rows = [change.to_dict() for change in ModelStore.of_user().history()]
    if json:
        print_json(rows)
    else:
        columns = ["when", "purpose", "before", "after", "why"]
        print_table(columns, [[row[column] for column in columns] for row in rows])


@models.command("delete")
def delete(
    model: InstalledModel,
    instead: Annotated[str, typer.Option("--instead", help="The default from then on, if this one is it.")] = "",
) -> None:
    """Delete a model of your own for good; the bundled ones stay."""
    ModelStore.of_user().delete(model, instead=instead)
    print_line(f"Deleted {model}")


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


def _show(found: list[StoredModel], *, json: bool) -> None:
    if json:
        print_json([model.to_dict() for model in found])
        return
    rows = [
        [model.id, model.title, str(model.to_dict()["width"] or ""), model.record.source.value, _standing(model)]
        for model in found
    ]
    print_table(["id", "title", "width", "source", "status"], rows)


def _standing(model: StoredModel) -> str:
    if not model.entry.ok:
        return model.entry.status
    if model.default_for is not None:
        return f"ok, default for {model.default_for}"
    return "ok, candidate" if model.candidate else "ok"
