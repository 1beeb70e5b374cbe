"""The typer application: its commands, exit codes and error messages."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from tumorview import __version__
from tumorview.cli import bench, inspect, models, segment, training, training_plan
from tumorview.cli.output import print_error, print_line
from tumorview.errors import TumorViewError

app = typer.Typer(
    name="tumorview",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Look at, segment and correct brain-tumour MRI. Research use only: not a medical device.",
    epilog="tumorview [PATH] [--truth FILE] [--mask FILE] opens the window; --sample opens the study it comes with.",
)
for module in (inspect, segment, models, training, training_plan, bench):
    module.register(app)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print_line(f"tumorview {__version__}")
        raise typer.Exit


def main(arguments: Sequence[str], *, window_rows: Callable[[], list[object]] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 an error about the input, 2 wrong usage.

    ``window_rows`` measures the window for ``bench``; the composition root hands it in.
    """
    bench.window_rows.set(window_rows)
    try:
        app(list(arguments))
    except SystemExit as ending:  # how typer says done (0), stopped (1) and wrong usage (2)
        return ending.code if isinstance(ending.code, int) else 0
    except TumorViewError as error:
        print_error(str(error))
        return 1
    return 0
