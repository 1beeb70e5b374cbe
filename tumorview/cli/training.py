"""``train``."""

from pathlib import Path
from typing import Annotated

import typer

from tumorview.app import tasks
from tumorview.cli.output import print_line, progress_bar


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("train")(train)


def train(
    data: Annotated[list[Path], typer.Option("--data", help="A data set; may be given again.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.", show_default=False)],
    recipe: Annotated[str, typer.Option("--recipe", help="A named recipe or a TOML file.")] = "lgg",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.")] = False,
) -> None:
    """Train or fine-tune a network; every step is logged and the run can be resumed."""
    with progress_bar("Training") as context:
        summary = tasks.train(data, out, recipe=recipe, resume=resume, context=context)
    print_line(summary)
