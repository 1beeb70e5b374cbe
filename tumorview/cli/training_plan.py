"""``train-prepare`` and ``train-estimate``: the wizard's way from a folder of cases to ``train``, without a window."""

from pathlib import Path
from typing import Annotated

import typer

from tumorview.app import tasks
from tumorview.app.training_process import stay_in_background
from tumorview.cli.output import print_json, print_line, print_table, print_warning, progress_bar
from tumorview.cli.training import TrainDevice


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("train-prepare")(prepare)
    app.command("train-estimate")(estimate)


def prepare(
    data: Annotated[list[Path], typer.Argument(help="Folders of cases, or .tvsession files.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder in which the run gets a folder.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="What the new model will be called.")] = "Own model",
    base: Annotated[str, typer.Option("--base", help="Model to start from; empty: random weights.")] = "unet-cbam-lgg",
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="How often each tumour slice comes up.")] = 10,
    minutes: Annotated[
        int, typer.Option("--minutes", min=0, help="Length as time instead; a few steps are timed for it.")
    ] = 0,
    validation: Annotated[
        list[str] | None, typer.Option("--validation", help="A case to validate on; may be given again.")
    ] = None,
    test: Annotated[list[str] | None, typer.Option("--test", help="A case to keep for the test; again.")] = None,
    freeze: Annotated[int, typer.Option("--freeze", min=0, max=5, help="Encoder levels that stay as they are.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Draws another split.")] = 0,
    device: Annotated[TrainDevice, typer.Option("--device", help="Where to compute.")] = TrainDevice.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find, check and prepare cases of any layout, split them by patient, and say how to train on them."""
    wish = tasks.PrepareOptions(
        name, base, epochs, freeze, seed, device.value, minutes, tuple(validation or ()), tuple(test or ())
    )
    with progress_bar("Reading cases") as context:
        document = tasks.prepare_training(data, out, wish, context)
    if as_json:
        print_json(document)
        return
    rows = [
        [case["title"], case["side"] or "left out", str(case["slices"]), str(case["tumour_slices"])]
        for case in document["cases"]
    ]
    print_table(["case", "side", "slices", "with tumour"], rows)
    for case in document["cases"]:
        for problem in case["problems"]:
            print_warning(f"{case['title']}: {problem['text']} {problem['remedy']}".strip())
    print_line(f"Train with:\n{document['command']}")


def estimate(
    recipe: Annotated[str, typer.Option("--recipe", help="A named recipe or a TOML file.")] = "finetune",
    device: Annotated[TrainDevice, typer.Option("--device", help="Where to compute.")] = TrainDevice.AUTO,
    background: Annotated[
        bool, typer.Option("--background", help="Leave one core and the right of way to other programs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Time a few training steps of a recipe and see how much memory they take."""
    if background:
        stay_in_background()
    with progress_bar("Timing training steps") as context:
        document = tasks.estimate_training(recipe, device.value, context)
    if as_json:
        print_json(document)
        return
    print_line(
        f"{document['step_seconds']:.2f} s a step of {document['batch']} slices of {document['size']} pixels,"
        f" {document['memory_bytes'] / 1e9:.1f} GB, on {document['device']}"
    )
