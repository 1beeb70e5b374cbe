"""What a recipe costs on this machine, measured in a process of its own, as the training itself will run."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from tumorview.app.child_process import child
from tumorview.app.jobs import JobContext
from tumorview.errors import TrainingError
from tumorview.ml.recipes import Recipe, recipe_text
from tumorview.ml.training_estimate import TrainingEstimate, small

_REMEDY = "Choose smaller slices, a smaller batch or a narrower network, and measure again."


def measured_for(recipe: Recipe, device: str) -> str:
    """What a measurement depends on but slice size and batch, by which it can be scaled."""
    reduced = small(recipe)
    last = replace(reduced.phases[-1], size=256, batch=1)
    return f"{recipe_text(replace(reduced, phases=(*reduced.phases[:-1], last)))}\n{device}"


def measure_recipe(recipe: Recipe, device: str, context: JobContext) -> TrainingEstimate:
    """A job: a few steps in a child process; TrainingError where they fail, for lack of memory above all."""
    context.report(0.0, "Timing training steps")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "recipe.toml"
        file.write_text(recipe_text(small(recipe)), encoding="utf-8")
        words = ["train-estimate", "--recipe", str(file), "--device", device, "--background", "--json"]
        with child(words) as measuring:
            output = b"".join(measuring.lines(context))
            code, reason = measuring.process.returncode, measuring.last_words
    if code:
        raise TrainingError(f"The measurement failed: {reason}", _REMEDY)
    try:
        return TrainingEstimate.from_dict(json.loads(output))
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"The measurement gave no answer ({error}).", _REMEDY) from error
