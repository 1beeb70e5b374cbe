"""``python -m tools.table4 run|report|measure``; `make table4` runs the first two in their own environment."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from tools.table4.rows import LONGER, PROTOCOLS, ROWS, Trial

ROOT = Path("runs/table4")


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line; 0 done, 1 a problem with the input, 3 stopped before the end."""
    chosen = _parser().parse_args(arguments)
    if chosen.command == "report":
        from tools.table4.report import write_report

        write_report(chosen.root)
        return 0
    if chosen.command == "measure":
        from tools.table4.measure import measure_all

        measure_all(chosen.row, steps=chosen.steps, compiled=chosen.compile, save=chosen.save)
        return 0
    return _run(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.table4", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    keys = [row.key for row in ROWS]
    longer = f"; {LONGER.key} is the longer run of docs/results.md"
    run = commands.add_parser("run", help="train and test every row that is not finished")
    run.add_argument("--data", type=Path, required=True, help="folder of the LGG collection (kaggle_3m)")
    run.add_argument("--root", type=Path, default=ROOT)
    run.add_argument(
        "--row", action="append", choices=[*keys, LONGER.key], default=[], help=f"only this row (repeatable){longer}"
    )
    run.add_argument("--protocol", action="append", choices=list(PROTOCOLS), default=[])
    run.add_argument("--steps", type=int, help="fewer steps, for a trial; give another --root with it")
    run.add_argument("--size", type=int, help="smaller slices, for a trial")
    run.add_argument("--compile", action="store_true", help="torch.compile the networks")
    report = commands.add_parser("report", help="write docs/results.md from the finished rows")
    report.add_argument("--root", type=Path, default=ROOT)
    measure = commands.add_parser("measure", help="time a training step of each architecture")
    measure.add_argument("--row", action="append", choices=keys, default=[])
    measure.add_argument("--steps", type=int, default=5)
    measure.add_argument("--compile", action="store_true")
    measure.add_argument("--save", action="store_true", help="write step_times.json, for docs/results.md")
    return parser


def _run(chosen: argparse.Namespace) -> int:
    if not chosen.compile:
        os.environ["TORCHDYNAMO_DISABLE"] = "1"  # read when torch is imported
    from tools.table4.run import run_rows
    from tumorview.errors import TumorViewError

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        done = run_rows(
            chosen.data, chosen.root, keys=chosen.row, protocols=chosen.protocol or list(PROTOCOLS),
            trial=Trial(chosen.steps, chosen.size), cancelled=stop.is_set, say=lambda text: print(text, flush=True),
        )  # fmt: skip
    except TumorViewError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0 if done else 3


if __name__ == "__main__":
    sys.exit(main())
