"""``train``: for people a progress bar, for the training wizard's child process JSON lines."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tumorview.app import tasks
from tumorview.app.training_process import StopWatch, speaks_for_all, stay_in_background
from tumorview.cli.output import percent, print_line, stderr, told_errors, write_line

Listener = Callable[[tasks.TrainProgress], None]


class TrainDevice(StrEnum):
    """Devices that training runs on."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("train")(train)


def train(
    data: Annotated[list[Path], typer.Option("--data", help="A data set; may be given again.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.", show_default=False)],
    recipe: Annotated[str, typer.Option("--recipe", help="A named recipe or a TOML file.")] = "lgg",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in OUT.")] = False,
    device: Annotated[TrainDevice, typer.Option("--device", help="Where to compute.")] = TrainDevice.AUTO,
    background: Annotated[
        bool, typer.Option("--background", help="Leave one core and the right of way to other programs.")
    ] = False,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="Progress as one JSON document a line.")] = False,
) -> None:
    """Train a network. Ctrl+C saves a checkpoint and stops; --resume goes on."""
    if background:
        stay_in_background()
    stop = StopWatch(out)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with _lines() if json_lines else _bar() as listener:
        report = tasks.train(
            data, out, recipe=recipe, resume=resume, device=device.value, on_progress=listener, cancelled=stop
        )
    if not speaks_for_all():
        return
    if json_lines:
        write_line({"completed": report.completed, "total_step": report.total_step, "asked": stop.kind})
    else:
        print_line(f"{'Finished' if report.completed else 'Stopped'} at step {report.total_step}; the run is in {out}")
    stop.clear()


@contextmanager
def _lines() -> Iterator[Listener]:
    """Progress as lines."""
    with told_errors():
        yield lambda state: write_line(asdict(state))


@contextmanager
def _bar() -> Iterator[Listener]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("Reading the data", total=None, left="")

        def show(state: tasks.TrainProgress) -> None:
            text = f"phase {state.phase}/{state.phases} step {state.step}/{state.steps} loss {state.loss:.3f}"
            left = f"{state.images_per_second:.1f} images/s, {state.eta_seconds / 60:.0f} min left"
            bar.update(task, total=state.total_steps, completed=state.total_step, description=text, left=left)
            if state.validation is not None:
                scores = state.validation
                stderr.print(
                    f"{text}: Dice pooled {percent(scores.dice_pooled)}, per volume {percent(scores.dice_per_volume)}, "
                    f"FLAIR only {percent(scores.flair_dice_pooled)}; {left}"
                )

        yield show
