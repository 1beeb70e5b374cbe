"""How long a training step of each architecture takes here: the arithmetic behind the number of steps.

``step_times.json`` holds the last measurement that was saved; docs/results.md is written from it.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from tools.table4.networks import build, cost_of
from tools.table4.rows import ROWS, STEP_TIMES, Row, recipe_of
from tools.table4.run import processor_name
from tumorview.ml.losses import loss_by_name
from tumorview.ml.model_setup import make_optimiser, placed
from tumorview.ml.recipes import Recipe


@dataclass(frozen=True)
class StepTime:
    """One architecture: cost of a slice, and seconds of a step by the clock and as processor time."""

    key: str
    parameters: int
    gflop: float
    seconds: float
    processor_seconds: float


def measure(row: Row, *, steps: int, compiled: bool) -> StepTime:
    """Time forward, backward and update on random slices, after one step that is not counted.

    Processor time is the better figure on a machine that does other work meanwhile.
    """
    recipe = recipe_of(row, "patients")
    phase = recipe.phases[0]
    cost = cost_of(recipe.model.metadata(), phase.size)
    step = _stepper(recipe, compiled=compiled)
    step()
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    spent = (time.perf_counter() - wall) / steps, (time.process_time() - processor) / steps
    return StepTime(row.key, cost.parameters, cost.gflop, *spent)


def _stepper(recipe: Recipe, *, compiled: bool) -> Callable[[], None]:
    phase = recipe.phases[0]
    network = placed(build(recipe.model.metadata()).train(), torch.device("cpu"))
    optimiser, loss = make_optimiser(network, recipe, phase), loss_by_name(recipe.optimiser.loss)
    forward = torch.compile(network) if compiled else network
    images = torch.randn(phase.batch, 3, phase.size, phase.size).contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(phase.batch, phase.size, phase.size, dtype=torch.long)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(forward(images), labels)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]  # torch's stub
        optimiser.step()

    return step


def measure_all(keys: list[str], *, steps: int, compiled: bool, save: bool) -> None:
    """A table on stdout, and on request ``step_times.json``."""
    times = []
    print(f"{'model':12}{'Mparam':>8}{'GFLOP':>8}{'ms/step':>9}{'CPU ms':>9}")
    for row in ROWS:
        if not keys or row.key in keys:
            t = measure(row, steps=steps, compiled=compiled)
            times.append(t)
            print(
                f"{row.title:12}{t.parameters / 1e6:8.1f}{t.gflop:8.2f}"
                f"{1000 * t.seconds:9.0f}{1000 * t.processor_seconds:9.0f}",
                flush=True,
            )
    if save:
        facts = {
            "machine": processor_name(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "compiled": compiled,
            "rows": [asdict(t) for t in times],
        }
        Path(STEP_TIMES).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
