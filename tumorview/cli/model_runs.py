"""``models compare`` and ``models install``: from a finished training run to a model that segments."""

from pathlib import Path
from typing import Annotated

import typer

from tumorview.app import tasks
from tumorview.app.comparison import Comparison
from tumorview.app.model_comparison import RunContents
from tumorview.app.model_store import ModelStore
from tumorview.app.training_process import stay_in_background
from tumorview.cli.options import AsJson, Device, Engine
from tumorview.cli.output import percent, print_json, print_line, print_table, progress_bar, progress_lines

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.", show_default=False)]
Data = Annotated[
    Path | None, typer.Option("--data", help="The run's data set, where the run was not planned by the wizard.")
]


def register(models: typer.Typer) -> None:
    """Add the commands to the group ``models``."""
    models.command("compare")(compare)
    models.command("install")(install)


def compare(
    run: Run,
    data: Data = None,
    reference: Annotated[
        Path | None, typer.Option("--reference", help="Data like the old model's own: what does the new one cost?")
    ] = None,
    reference_patients: Annotated[
        Path | None, typer.Option("--reference-patients", help="A file with one patient folder name a line.")
    ] = None,
    device: Device = "auto",
    engine: Engine = "auto",
    models: Annotated[Path | None, typer.Option("--models", help="Another folder of models.", hidden=True)] = None,
    cache: Annotated[Path | None, typer.Option("--cache", help="Where converted networks are.", hidden=True)] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Leave one core and the right of way to other programs.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="Progress as one JSON document a line.")] = False,
    json: AsJson = False,
) -> None:
    """Compare a run's model with the default on the run's held-out patients; kept as RUN/comparison.json."""
    if background:
        stay_in_background(awaited=True)
    with progress_lines() if json_lines else progress_bar("Comparing") as context:
        result = tasks.compare_run(
            run,
            data=data,
            reference=reference,
            reference_patients=reference_patients,
            device=device,
            engine=engine,
            models=None if models is None else ModelStore.in_folder(models).registry,
            cache=cache,
            context=context,
        )
    if json_lines:
        return
    if json:
        print_json(result.to_dict())
    else:
        _tell(result)


def install(
    run: Run,
    name: Annotated[str, typer.Option("--name", help="What to call the model; the run's own name otherwise.")] = "",
    notes: Annotated[str, typer.Option("--notes", help="What to remember about it.")] = "",
    as_default: Annotated[bool, typer.Option("--default", help="Make it the default, if it passed.")] = False,
    data: Data = None,
) -> None:
    """Install a run's best weights; without a comparison that it passed it is a candidate."""
    contents = RunContents.read(run, data or run)
    store = ModelStore.of_user()
    model = store.install_run(
        run,
        title=name or contents.name or contents.run.recipe.name,
        notes=notes,
        comparison=Comparison.load(run),
        parent=contents.base_model,
    )
    print_line(f"Installed {model.id}{' as a candidate' if model.candidate else ''}")
    if as_default:
        print_line(f"{model.id} is the default for {store.set_default(model.id).default_for}")


def _tell(result: Comparison) -> None:
    print_table(
        ["patient", "old", "new", "difference"],
        [[pair.title, percent(pair.old), percent(pair.new), _signed(pair.difference)] for pair in result.pairs],
    )
    print_table(
        ["figure", "old", "new", "difference", "95 % interval"],
        [
            [
                name,
                percent(figure.old.value),
                percent(figure.new.value),
                _signed(figure.difference.value),
                f"{_signed(figure.difference.low)} to {_signed(figure.difference.high)}",
            ]
            for name, figure in result.figures.items()
        ],
    )
    for cost in result.original:
        print_line(f"On {cost.name}: {percent(cost.old)} before, {percent(cost.new)} now (mean Dice)")
    print_line(f"Old: {result.old.title}. New: {result.new.title}.")
    for line in (*result.test.sentences, *result.notes):
        print_line(line)


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"
