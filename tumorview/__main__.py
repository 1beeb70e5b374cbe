"""The composition root: a window with no arguments or a path, otherwise the command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tumorview.cli import COMMANDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``tumorview`` with ``arguments`` (the process's own if None) and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and (words[0] in COMMANDS or words[0] in ("--help", "-h", "--version")):
        # Loaded here: the command line knows every file format, and the window should not wait for that.
        from tumorview.cli.application import main as run_command

        return run_command(words, window_rows=_window_rows)
    return _open_window(words)


def _open_window(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tumorview", description="Open the window. 'tumorview --help' lists the commands.", add_help=False
    )
    parser.add_argument("path", nargs="?", type=Path, help="a file or folder to open")
    parser.add_argument("--truth", type=Path, help="a reference segmentation to compare with")
    parser.add_argument("--mask", type=Path, help="a mask to edit")
    parser.add_argument("--sample", action="store_true", help="open the study that comes with the program")
    chosen = parser.parse_args(words)
    path = chosen.path
    if chosen.sample:
        from tumorview.app.tasks import sample_path

        path = sample_path()
    if path is None and (chosen.truth or chosen.mask):
        parser.error("--truth and --mask need the image they belong to: tumorview PATH --truth FILE")
    # Qt is loaded here and not above: the command line works on machines without its libraries.
    from tumorview.gui.application import run

    return run([path] if path else [], truth=chosen.truth, mask=chosen.mask)


def _window_rows() -> list[object]:
    from tumorview.gui import bench, bench_program

    return [*bench.rows(), *bench_program.rows()]


if __name__ == "__main__":
    sys.exit(main())
