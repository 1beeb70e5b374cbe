"""The folder of a training run: checkpoints, exported model, recipe and log."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from tumorview.errors import TrainingError, TrainingStorageError
from tumorview.ml.checkpoint import Checkpoint, RunState, export_model, load_checkpoint, save_checkpoint
from tumorview.ml.corpus import Corpus
from tumorview.ml.models import Network
from tumorview.ml.recipes import Recipe, parse_recipe, recipe_text
from tumorview.ml.run_log import RunLog, write_text
from tumorview.ml.samples import forget_samples
from tumorview.ml.training_report import ValidationScores


class RunFolder:
    """Paths and writers; one process of a run uses it to write, all to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last, self.best = path / "last.safetensors", path / "best.safetensors"
        self.start = path / "start.safetensors"
        self.model, self.summary = path / "model.safetensors", path / "model.json"
        self.recipe, self.cache = path / "recipe.toml", path / "cache"
        self.log = RunLog(path)

    def create(self, *, resume: bool) -> None:
        """Make the folder; a run that is there already is never overwritten by accident."""
        if self.last.exists() and not resume:
            raise TrainingError(
                f"{self.path} already holds a training run.", "Use --resume to go on with it, or another --out."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for torn in self.path.glob(".*.part"):  # a run was killed while it wrote
                torn.unlink(missing_ok=True)
        except OSError as error:
            raise TrainingStorageError(
                f"The folder {self.path} cannot be made ({error}).", "Choose another --out."
            ) from error

    def restore(self) -> Checkpoint | None:
        """The last checkpoint, if there is one."""
        return load_checkpoint(self.last) if self.last.exists() else None

    def note_start(self, recipe: Recipe, corpus: Corpus, state: RunState, *, resumed: bool) -> None:
        """Keep the recipe beside the run, and log how it changed since the run began."""
        changes: dict[str, object] = {}
        if resumed and self.recipe.exists():
            before = asdict(parse_recipe(self.recipe.read_text(encoding="utf-8"), self.recipe.name))
            now = asdict(recipe)
            changes = {key: {"before": before[key], "now": now[key]} for key in now if before[key] != now[key]}
        self.log.note(
            "resumed" if resumed else "started",
            training=len(corpus.training),
            validation=corpus.validation,
            test=corpus.test,
            left_out_twins=corpus.twins,
            state=asdict(state),
            recipe_changes=changes,
        )
        write_text(self.recipe, recipe_text(recipe))
        forget_samples(self.path, state.total_step if resumed else -1)

    def save_last(self, model: Network, state: RunState, tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Everything that going on needs: ``tensors`` by part (model, ema, optimiser)."""
        named = {f"{part}.{name}": tensor for part, group in tensors.items() for name, tensor in group.items()}
        save_checkpoint(self.last, Checkpoint(state, model.metadata(), named))

    def save_start(self, model: Network, average: Mapping[str, Tensor]) -> None:
        """The weights that a phase begins with, for a phase that blends them in at its end."""
        named = {f"ema.{name}": tensor for name, tensor in average.items()}
        save_checkpoint(self.start, Checkpoint(RunState(), model.metadata(), named))

    def save_best(
        self, model: Network, state: RunState, average: dict[str, Tensor], scores: ValidationScores, recipe: Recipe,
        corpus: Corpus,
    ) -> None:  # fmt: skip
        """The averaged weights in full precision for going on, in float16 for use, and what they score."""
        named = {f"ema.{name}": tensor for name, tensor in average.items()}
        save_checkpoint(self.best, Checkpoint(state, model.metadata(), named))
        export_model(self.model, model, average)
        summary = {
            "recipe": recipe.name, "state": asdict(state), "size": recipe.phases[state.phase].size,
            **model.metadata(), "validation": asdict(scores),
            "validation_patients": corpus.validation, "training_patients": corpus.training,
            "test_patients": corpus.test,
        }  # fmt: skip
        write_text(self.summary, json.dumps(summary, indent=1))
