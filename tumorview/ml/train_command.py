"""``python -m tumorview.ml.train_command``: training in a process of its own, with a progress bar and clean stopping.

The window starts its training child this way; ``tumorview train`` calls the same ``train``.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tumorview.errors import TrainingError
from tumorview.ml.recipes import load_recipe
from tumorview.ml.trainer import TrainProgress, TrainReport, train


def run(data: list[Path], out: Path, recipe: str, *, resume: bool = False) -> TrainReport:
    """Train with a progress bar on stderr; SIGINT and SIGTERM save a checkpoint and stop."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the data", total=None, left="")

        def show(state: TrainProgress) -> None:
            text = f"phase {state.phase}/{state.phases} step {state.step}/{state.steps} loss {state.loss:.3f}"
            left = f"{state.images_per_second:.1f} images/s, {state.eta_seconds / 60:.0f} min left"
            bar.update(task, total=state.total_steps, completed=state.total_step, description=text, left=left)
            if state.validation is not None:
                scores = state.validation
                console.print(
                    f"{text}: Dice pooled {_shown(scores.dice_pooled)}, per volume {_shown(scores.dice_per_volume)}, "
                    f"FLAIR only {_shown(scores.flair_dice_pooled)}; {left}"
                )

        return train(data, out, load_recipe(recipe), resume=resume, progress=show, cancelled=stop.is_set)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, train, explain errors in a sentence."""
    parser = argparse.ArgumentParser(prog="python -m tumorview.ml.train_command", description="Train a network.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="data set folder (repeatable)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", default="lgg", help="name of a bundled recipe, or a TOML file")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    chosen = parser.parse_args(arguments)
    try:
        report = run(chosen.data, chosen.out, chosen.recipe, resume=chosen.resume)
    except TrainingError as error:
        Console(stderr=True).print(f"Error: {error}", style="red")
        return 1
    Console(stderr=True).print(f"{'finished' if report.completed else 'stopped'} at step {report.total_step}")
    return 0


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
