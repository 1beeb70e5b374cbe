"""Comparing a run's model with the default in a process of its own, which makes way for the window.

Measured on one core that all of it shares: with the networks in the window's process a wheel step took twice as long
to be painted as without, beside a child of lower priority 1.4 times (benchmarks/scroll_beside_comparison.py). A second
core is left to the window.
"""

import json
from pathlib import Path
from typing import Any

from tumorview import errors
from tumorview.app.child_process import child
from tumorview.app.comparison import Comparison
from tumorview.app.jobs import JobContext
from tumorview.errors import TrainingError, TumorViewError


def compare_in_child(
    run_folder: Path,
    *,
    device: str,
    engine: str,
    models: Path,
    cache: Path,
    reference: Path | None = None,
    context: JobContext,
) -> Comparison:
    """A job: what ``tasks.compare_run`` gives. Raises what that raises, and TrainingError where the process dies."""
    words = ["models", "compare", str(run_folder), "--device", device, "--engine", engine]
    words += ["--models", str(models), "--cache", str(cache), "--background", "--json-lines"]
    if reference is not None:
        words += ["--reference", str(reference)]
    context.report(0.0, "Comparing")
    failure: TumorViewError | None = None
    with child(words) as comparing:
        for line in comparing.lines(context):
            told = _parsed(line)
            if "fraction" in told:
                context.report(float(told["fraction"]), str(told["text"]))
            elif "error" in told:
                failure = _error_of(told["error"])
        code, reason = comparing.process.returncode, comparing.last_words
    if failure is not None:
        raise failure
    found = Comparison.load(run_folder) if code == 0 else None
    if found is None:
        raise TrainingError(f"The comparison failed: {reason}", "Close other programs, and compare again.")
    return found


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:  # a library's own words
        return {}
    return document if isinstance(document, dict) else {}


def _error_of(told: object) -> TumorViewError:
    """The error that the process ended with, of its kind."""
    values = told if isinstance(told, dict) else {}
    kind = getattr(errors, str(values.get("kind")), TrainingError)
    known = isinstance(kind, type) and issubclass(kind, TumorViewError)
    make = kind if known else TrainingError
    return make(str(values.get("message", "The comparison failed.")), str(values.get("remedy", "")))
