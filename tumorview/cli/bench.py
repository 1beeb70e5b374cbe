"""``bench``: the project's own performance table, every row a measurement of this run on this machine."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Annotated

import typer

from tumorview.app import tasks
from tumorview.cli.options import AsJson
from tumorview.cli.output import print_json, print_table, progress_bar

# The window's own rows need Qt, which this package must not know: the composition root hands them in.
window_rows: ContextVar[Callable[[], list[object]] | None] = ContextVar("window_rows", default=None)


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("bench")(bench)


def bench(
    json: AsJson = False,
    inference: Annotated[bool, typer.Option(help="Measure the engines against each other.")] = True,
    training: Annotated[
        bool, typer.Option("--training", help="Measure a training step too; takes minutes and some 8 GB of memory.")
    ] = False,
    opening: Annotated[bool, typer.Option(help="Measure finding and opening studies.")] = True,
    window: Annotated[bool, typer.Option(help="Measure scrolling and painting in the window.")] = True,
) -> None:
    """Measure this machine: inference engines side by side, opening studies, and the window's frames."""
    rows: list[dict[str, object]] = []
    if inference:
        with progress_bar("Inference") as context:
            rows += tasks.inference_benchmark(context)
    if training:
        with progress_bar("Training") as context:
            rows += tasks.training_benchmark(context)
    if opening:
        with progress_bar("Opening studies") as context:
            rows += tasks.opening_benchmark(context)
    measure = window_rows.get()
    if window and measure is not None:
        rows += [tasks.bench_document(row) for row in measure()]
    if json:
        print_json(rows)
        return
    print_table(
        ["measured", "value", "unit", "against", "ratio"],
        [
            [
                str(row["name"]),
                "-" if row["value"] is None else f"{row['value']:.1f}",
                str(row["unit"]),
                str(row["against"] or ""),
                "" if row["ratio"] is None else f"{row['ratio']:.2f}",
            ]
            for row in rows
        ],
    )
