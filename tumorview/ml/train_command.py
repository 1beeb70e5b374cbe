"""``python -m tumorview.ml.train_command``: training in a process of its own.

The window's training child: progress as JSON lines on stdout, one error sentence on stderr, SIGINT and SIGTERM save a
checkpoint and stop. ``tumorview train`` calls the same ``train``.
"""

import argparse
import json
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from tumorview.errors import TumorViewError
from tumorview.ml.recipes import load_recipe
from tumorview.ml.trainer import train
from tumorview.ml.training_report import TrainProgress


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, train, explain errors in a sentence."""
    parser = argparse.ArgumentParser(prog="python -m tumorview.ml.train_command", description="Train a network.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="data set folder (repeatable)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", default="lgg", help="name of a bundled recipe, or a TOML file")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    chosen = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        report = train(
            chosen.data, chosen.out, load_recipe(chosen.recipe),
            resume=chosen.resume, progress=_write, cancelled=stop.is_set,
        )  # fmt: skip
    except TumorViewError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps({"completed": report.completed, "total_step": report.total_step}) + "\n")
    return 0


def _write(progress: TrainProgress) -> None:
    sys.stdout.write(json.dumps(asdict(progress)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
