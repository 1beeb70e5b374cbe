"""Training: a recipe's phases, step by step, on one CPU, one GPU or several processes under torchrun.

A run lives in one folder: ``last.safetensors`` (everything needed to go on), ``best.safetensors`` and
``model.safetensors`` (the best averaged weights, float16), ``metrics.jsonl``/``.csv``, ``recipe.toml`` and the cache of
slices. A step depends on (seed, phase, step) and the checkpoint alone, so resuming gives the same weights.
"""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tumorview.errors import JobCancelled, TrainingError
from tumorview.ml.augment import Augmenter
from tumorview.ml.averaging import WeightAverage
from tumorview.ml.batches import BatchMaker, SliceOrder
from tumorview.ml.checkpoint import (
    BEST,
    EXPORT,
    LAST,
    Checkpoint,
    RunState,
    export_model,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from tumorview.ml.data import discover, load_slices, split_patients
from tumorview.ml.evaluation import ValidationScores, Validator
from tumorview.ml.losses import loss_by_name
from tumorview.ml.models import UNetCBAM, build_model, grow_width, load_model
from tumorview.ml.models.weights import load_state
from tumorview.ml.recipes import Phase, Recipe, parse_recipe, recipe_text
from tumorview.ml.run_log import RunLog, write_text

_LOG_EVERY = 10  # steps between two readings of the loss, which make a GPU wait


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """Where a run is; ``validation`` is set on the step that validated. Phases and steps count from 1."""

    phase: int
    phases: int
    step: int
    steps: int
    total_step: int
    total_steps: int
    loss: float
    lr: float
    images_per_second: float
    eta_seconds: float
    validation: ValidationScores | None = None


@dataclass(frozen=True, slots=True)
class TrainReport:
    """How a run ended: ``completed`` is False when it was cancelled; ``model`` is the exported file, if any."""

    out: Path
    completed: bool
    total_step: int
    model: Path | None
    validation: ValidationScores | None


ProgressListener = Callable[[TrainProgress], None]


def train(
    data: Sequence[Path],
    out: Path,
    recipe: Recipe,
    *,
    resume: bool = False,
    progress: ProgressListener | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> TrainReport:
    """Train by ``recipe`` on the data sets into the folder ``out``; TrainingError says what stops it.

    Cancelling saves a checkpoint and returns. With ``resume`` the run goes on from its last checkpoint; step counts,
    rates and augmentation of the recipe may have changed since (the log says so), the network and the data may not.
    """
    fabric = _fabric()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"The folder {out} cannot be made ({error}).", "Choose another --out.") from error
    run = _Run(fabric, out, recipe, progress or (lambda _: None), cancelled or (lambda: False))
    run.prepare(data, resume=resume)
    try:
        return run.run()
    finally:
        run.log.note("stopped", total_step=run.state.total_step)


def _fabric() -> Fabric:
    """bf16 autocast everywhere; processes and nodes as torchrun set them, otherwise one device."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // local
    fabric = Fabric(accelerator="auto", devices=local, num_nodes=nodes, precision="bf16-mixed")
    fabric.launch()
    return fabric


class _Run:
    """One training run; its tensors belong to the present phase."""

    def __init__(
        self,
        fabric: Fabric,
        out: Path,
        recipe: Recipe,
        progress: ProgressListener,
        cancelled: Callable[[], bool],
    ) -> None:
        self.fabric, self.out, self.recipe = fabric, out, recipe
        self.progress, self.cancelled = progress, cancelled
        self.log = RunLog(out)
        self.state = RunState()
        self.scores: ValidationScores | None = None
        self._loss = loss_by_name(recipe.optimiser.loss)
        self._saved_at = 0.0

    # ---- before the first step ------------------------------------------------------------------------------------

    def prepare(self, data: Sequence[Path], *, resume: bool) -> None:
        """Read the data, split it, make or restore the network."""
        last = self.out / LAST
        if last.exists() and not resume:
            raise TrainingError(
                f"{self.out} already holds a training run.", "Use --resume to go on with it, or another --out."
            )
        patients = discover(data)
        settings = self.recipe.data
        self.training, self.validation = split_patients(
            patients, validation=settings.validation, share=settings.validation_share, seed=self.recipe.seed
        )
        self.slices = load_slices(patients, cache=self.out / "cache")
        self._check_labels()
        checkpoint = load_checkpoint(last) if resume and last.exists() else None
        if checkpoint is None:
            torch.manual_seed(self.recipe.seed)
            self.model = self._first_model()
        else:
            self.state = checkpoint.state
            self.model = build_model(checkpoint.metadata)
            load_state(self.model, checkpoint.part("model"), last.name)
        self._restored = checkpoint
        self._note_recipe(resumed=checkpoint is not None)

    def _first_model(self) -> UNetCBAM:
        """The network of the recipe: new, or from a weights file."""
        settings = self.recipe.model
        if settings.initial:
            return load_model(Path(settings.initial)).train()
        norm = None if settings.norm == "none" else settings.norm
        return UNetCBAM(settings.width, settings.in_channels, settings.classes, norm, settings.reduction)

    def _check_labels(self) -> None:
        """With two classes any label is tumour; with more, every label needs its class."""
        classes, highest = self.recipe.model.classes, int(self.slices.labels.max())
        if classes == 2 and highest > 1:
            self.slices = replace(self.slices, labels=(self.slices.labels > 0).astype("uint8"))
        elif highest >= classes:
            raise TrainingError(
                f"The masks hold label {highest}, but the recipe has {classes} classes.", "Raise model.classes."
            )

    def _note_recipe(self, *, resumed: bool) -> None:
        """Keep the recipe beside the run, and log how it changed since the run began."""
        path, text = self.out / "recipe.toml", recipe_text(self.recipe)
        values: dict[str, Any] = {"training": len(self.training), "validation": list(self.validation)}
        if resumed and path.exists():
            before = parse_recipe(path.read_text(encoding="utf-8"), path.name)
            changed = {
                key: {"before": value, "now": now}
                for key, value in asdict(before).items()
                if value != (now := asdict(self.recipe)[key])
            }
            values["recipe_changes"] = changed
        if self.fabric.is_global_zero:
            self.log.note("resumed" if resumed else "started", **values, state=asdict(self.state))
            write_text(path, text)

    # ---- phases and steps -----------------------------------------------------------------------------------------

    def run(self) -> TrainReport:
        """All phases that are left."""
        try:
            for number in range(self.state.phase, len(self.recipe.phases)):
                phase = self.recipe.phases[number]
                self._enter(number, phase)
                self._steps(phase)
        except JobCancelled:
            self._save_last()
            return self._report(completed=False)
        return self._report(completed=True)

    def _enter(self, number: int, phase: Phase) -> None:
        """Network, optimiser and average for a phase: restored, or taken over (and grown) from the phase before."""
        restored, self._restored = self._restored, None
        if number != self.state.phase:
            load_state(self.model, self._take_over(), "the phase before")
            self.state = replace(self.state, phase=number, step=0, best=-1.0)
            restored = None
        if phase.grow > 1 and self.state.step == 0 and restored is None:
            self.model = grow_width(self.model, phase.grow, seed=self.recipe.seed)
        self.model.train()
        model = self.model.to(self.fabric.device, memory_format=torch.channels_last)
        self.average = WeightAverage(model, self.recipe.optimiser.ema)
        optimiser = self._optimiser(model, phase)
        if restored is not None and restored.state.step:
            restore_optimiser(optimiser, restored.part("optimiser"))
            self.average.load(restored.part("ema"))
        self._averaged = type(model)(model.width, model.in_channels, model.classes, model.norm, model.reduction)
        self._averaged.to(self.fabric.device, memory_format=torch.channels_last)
        self._validator = Validator(
            self.slices, self.validation, phase.size, self.fabric.device, self.fabric.autocast, self.cancelled
        )
        self._compiled_average = _compiled(self._averaged)
        self._network, self._optimiser_wrapped = self.fabric.setup(_compiled(model), optimiser)

    def _take_over(self) -> dict[str, Tensor]:
        """The averaged weights of the phase before, its best ones where they were validated."""
        best = self.out / BEST
        if best.exists():
            return load_checkpoint(best).part("ema")
        return self.average.tensors

    def _optimiser(self, model: nn.Module, phase: Phase) -> torch.optim.Optimizer:
        """Adam or AdamW; weight decay acts on convolution weights only."""
        settings = self.recipe.optimiser
        groups = [
            {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
        return kind(groups, lr=phase.lr, fused=True)

    def _batches(self, phase: Phase) -> BatchMaker:
        chosen = self.slices.indices_of(self.training)
        tumour = self.slices.with_tumour()[chosen]
        if not tumour.any():
            raise TrainingError("No training patient has a marked tumour.", "Check the masks and the validation list.")
        order = SliceOrder(
            chosen[tumour], chosen[~tumour], self.recipe.data.empty_ratio, self.recipe.seed, self.state.phase
        )
        augmenter = Augmenter(self.recipe.augment, phase.size)
        return BatchMaker(self.slices, order, augmenter, phase.batch, self.fabric.global_rank, self.fabric.world_size)

    def _steps(self, phase: Phase) -> None:
        """The steps of a phase that are left, with validation, checkpoints and progress."""
        meter = _Meter(phase.batch)
        begun, before = time.monotonic(), self.state.seconds
        for inputs, labels in self._batches(phase).stream(self.state.step, phase.steps):
            if self.cancelled():
                raise JobCancelled
            lr = learning_rate(phase, self.state.step)
            loss = self._step(inputs, labels, lr)
            self.state = replace(
                self.state,
                step=self.state.step + 1,
                total_step=self.state.total_step + 1,
                seconds=before + time.monotonic() - begun,
            )
            self.average.update(self.model, self.state.step)
            due = self.state.step % phase.evaluate_every == 0 or self.state.step == phase.steps
            if due or self.state.step % _LOG_EVERY == 0:
                value = self._checked(loss)
                meter.read(self.state.step)
                scores = self._validate(phase, value, lr, meter.rate) if due else None
                self._tell(phase, value, lr, meter.rate, scores)
                if due:
                    self._save_last()
                    meter.restart(self.state.step)

    def _step(self, inputs: Tensor, labels: Tensor, lr: float) -> Tensor:
        """Forward, backward and update; the loss stays on the device."""
        for group in self._optimiser_wrapped.param_groups:
            group["lr"] = lr
        device = self.fabric.device
        inputs = inputs.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        self._network.train()
        loss = self._loss(self._network(inputs), labels.to(device, non_blocking=True))
        self._optimiser_wrapped.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if self.recipe.optimiser.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optimiser.gradient_clip)
        self._optimiser_wrapped.step()
        return loss.detach()

    def _checked(self, loss: Tensor) -> float:
        """The loss as a number; training stops before a checkpoint of broken weights is written."""
        value = float(loss)
        if not math.isfinite(value):
            raise TrainingError(
                f"The loss became {value} at step {self.state.total_step}.",
                "The last checkpoint is intact; resume with a lower learning rate.",
            )
        return value

    # ---- validation, checkpoints, reports ---------------------------------------------------------------------------

    def _validate(self, phase: Phase, loss: float, lr: float, rate: float) -> ValidationScores:
        """Score the averaged weights and keep them if they are this phase's best."""
        self._averaged.load_state_dict(self.average.tensors)
        scores = self.scores = self._validator(self._compiled_average)
        if self.fabric.is_global_zero:
            self.log.validation(
                total_step=self.state.total_step, phase=self.state.phase + 1, step=self.state.step, size=phase.size,
                width=self.model.width, loss=loss, lr=lr, images_per_second=rate, seconds=round(self.state.seconds, 1),
                score=scores.score, **asdict(scores),
            )  # fmt: skip
            if scores.score > self.state.best:
                self.state = replace(self.state, best=scores.score)
                self._save_best(scores)
        return scores

    def _save_best(self, scores: ValidationScores) -> None:
        """The averaged weights in full precision for going on, in float16 for use, and what they score."""
        named = {f"ema.{name}": tensor for name, tensor in self.average.tensors.items()}
        save_checkpoint(self.out / BEST, Checkpoint(self.state, self.model.metadata(), named))
        export_model(self.out / EXPORT, self.model, self.average.tensors)
        summary = {
            "recipe": self.recipe.name, "state": asdict(self.state), "validation": asdict(scores),
            "validation_patients": self.validation, "training_patients": self.training,
        }  # fmt: skip
        write_text(self.out / "model.json", json.dumps(summary, indent=1))

    def _save_last(self) -> None:
        """Everything that going on needs."""
        if not self.fabric.is_global_zero:
            return
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"ema.{name}": tensor for name, tensor in self.average.tensors.items()}
        slots = optimiser_tensors(self._optimiser_wrapped)
        tensors |= {f"optimiser.{name}": tensor for name, tensor in slots.items()}
        save_checkpoint(self.out / LAST, Checkpoint(self.state, self.model.metadata(), tensors))

    def _tell(self, phase: Phase, loss: float, lr: float, rate: float, scores: ValidationScores | None) -> None:
        """Progress to the listener."""
        phases = self.recipe.phases
        left = self._images_left(phase)
        if self.fabric.is_global_zero:
            self.progress(
                TrainProgress(
                    self.state.phase + 1, len(phases), self.state.step, phase.steps, self.state.total_step,
                    self.recipe.steps, loss, lr, rate, left / rate if rate else 0.0, scores,
                )
            )  # fmt: skip

    def _images_left(self, phase: Phase) -> float:
        """Work that is left, in images of the present phase's size and width."""
        work, width = 0.0, self.model.width
        for number, later in enumerate(self.recipe.phases[self.state.phase :]):
            steps = later.steps - (self.state.step if number == 0 else 0)
            width *= later.grow if number else 1
            work += steps * later.batch * (later.size / phase.size) ** 2 * (width / self.model.width) ** 2
        return work

    def _report(self, *, completed: bool) -> TrainReport:
        model = self.out / EXPORT
        return TrainReport(self.out, completed, self.state.total_step, model if model.exists() else None, self.scores)


class _Meter:
    """Images a second since the last validation."""

    def __init__(self, batch: int) -> None:
        self._batch, self._begun, self._from = batch, time.monotonic(), -1
        self.rate = 0.0

    def restart(self, step: int) -> None:
        """Leave what came before (validation, checkpoint) out of the rate."""
        self._begun, self._from = time.monotonic(), step

    def read(self, step: int) -> None:
        """Update ``rate``; the first reading only starts the clock, for compiling is no training speed."""
        if self._from < 0:
            self.restart(step)
        elif step > self._from:
            self.rate = (step - self._from) * self._batch / (time.monotonic() - self._begun)


def learning_rate(phase: Phase, step: int) -> float:
    """The rate of one step (from 0): linear warm-up, then constant or a cosine down to ``final_share``."""
    if step < phase.warmup:
        return phase.lr * (step + 1) / phase.warmup
    if phase.schedule == "constant":
        return phase.lr
    done = min(1.0, (step - phase.warmup) / max(1, phase.steps - phase.warmup))
    return phase.lr * (phase.final_share + (1 - phase.final_share) * 0.5 * (1 + math.cos(math.pi * done)))


def _compiled(model: nn.Module) -> nn.Module:
    """torch.compile where a compiler is at hand and it was not turned off (TUMORVIEW_COMPILE=0)."""
    if os.environ.get("TUMORVIEW_COMPILE", "1") == "0":
        return model
    compiled: nn.Module = torch.compile(model)
    return compiled
