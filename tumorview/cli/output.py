"""What a command prints: one JSON document or a few lines on stdout, progress and errors on stderr."""

import contextlib
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from tumorview.app.jobs import JobContext
from tumorview.errors import TumorViewError

_NO_LIMIT = 10_000  # characters of a line that nobody looks at

stderr = Console(stderr=True)


def print_json(document: object) -> None:
    """The document on stdout; numbers that are not finite become null, as JSON has none."""
    sys.stdout.write(json.dumps(_finite(document), indent=2, ensure_ascii=False) + "\n")


def print_line(text: str) -> None:
    """A line for people on stdout."""
    sys.stdout.write(text + "\n")


def print_error(text: str) -> None:
    """An error on stderr."""
    stderr.print(text, style="bold red", highlight=False, markup=False, soft_wrap=True)


def print_warning(text: str) -> None:
    """A warning on stderr."""
    stderr.print(f"warning: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """A table for people on stdout: whole uids, since they are there to be copied, and in a file no broken line."""
    table = Table(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # brackets in a description are no markup
    console = Console()
    (console if console.is_terminal else Console(width=_NO_LIMIT)).print(table)


def percent(value: float | None) -> str:
    """A ratio for people; a dash where it is undefined."""
    return "-" if value is None else f"{value:.3f}"


@contextmanager
def progress_bar(title: str) -> Iterator[JobContext]:
    """A context for a task, drawn as a bar on a terminal and silent elsewhere."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=stderr, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield JobContext(
            on_progress=lambda fraction, text: bar.update(task, completed=fraction, description=text or title)
        )


@contextmanager
def progress_lines() -> Iterator[JobContext]:
    """A context for a task whose progress is read by a program."""
    with told_errors():
        yield JobContext(on_progress=lambda fraction, text: write_line({"fraction": fraction, "text": text}))


@contextmanager
def told_errors() -> Iterator[None]:
    """An error as one more line, so that whoever follows knows its kind."""
    try:
        yield
    except TumorViewError as error:
        write_line({"error": {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}})
        raise


def write_line(document: dict[str, object]) -> None:
    """One JSON document on a line of its own, at once."""
    with contextlib.suppress(OSError):  # work is worth more than the lines about it
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value
