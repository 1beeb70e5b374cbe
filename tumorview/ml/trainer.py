"""Training: a recipe's phases, step by step, on one CPU, one GPU or several processes under torchrun.

A run lives in one folder: ``last.safetensors`` (everything needed to go on), ``best.safetensors`` and
``model.safetensors`` (the best averaged weights, float16), ``metrics.jsonl``/``.csv``, ``recipe.toml``, ``samples`` and
the cache of slices. A step depends on (seed, phase, step) and the checkpoint alone, so resuming gives the same weights.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from tumorview.errors import JobCancelled
from tumorview.ml.augment import Augmenter
from tumorview.ml.averaging import WeightAverage, estimate_statistics
from tumorview.ml.batches import BatchMaker, SliceOrder
from tumorview.ml.checkpoint import Checkpoint, RunState, load_checkpoint, optimiser_tensors, restore_optimiser
from tumorview.ml.corpus import Corpus, load_corpus
from tumorview.ml.evaluation import Validator
from tumorview.ml.losses import loss_by_name
from tumorview.ml.model_setup import (
    Device,
    compiled,
    compiler_found,
    first_model,
    frozen,
    launched_fabric,
    make_optimiser,
    placed,
    reshaped,
    take_step,
)
from tumorview.ml.models import NetworkBuilder, build_model
from tumorview.ml.models.weights import load_state
from tumorview.ml.recipes import Phase, Recipe
from tumorview.ml.run_folder import RunFolder
from tumorview.ml.samples import choose_samples, write_samples
from tumorview.ml.schedule import SpeedMeter, learning_rate, work_left
from tumorview.ml.training_report import ProgressListener, TrainProgress, TrainReport, ValidationScores
from tumorview.ml.trouble import check_finite, explained

__all__ = ["ProgressListener", "TrainProgress", "TrainReport", "train"]

_STATISTICS_BATCHES = 12
_LOG_EVERY = 10  # steps between two readings of the loss, which make a GPU wait
_LOG_SECONDS = 3  # and more of them where steps are slow
_SAVE_SECONDS = 600  # a crash costs ten minutes at most
_COMPILE_WORTH = 300  # slices of 256x256 at width 32 after which compiling has paid for itself


def train(
    data: Sequence[Path],
    out: Path,
    recipe: Recipe,
    *,
    resume: bool = False,
    progress: ProgressListener | None = None,
    cancelled: Callable[[], bool] | None = None,
    networks: NetworkBuilder = build_model,
    device: Device = "auto",
) -> TrainReport:
    """Train by ``recipe`` on the data sets into the folder ``out``; TrainingError says what stops it.

    Cancelling saves a checkpoint and returns. With ``resume`` the run goes on from its last checkpoint; step counts,
    rates and augmentation of the recipe may have changed since (the log says so), the network and the data may not.
    ``networks`` builds the network from the recipe's ``[model]``; a comparison of architectures brings its own.
    """
    fabric = launched_fabric(device=device)
    folder = RunFolder(out)
    folder.create(resume=resume)
    checkpoint = folder.restore()
    state = checkpoint.state if checkpoint else RunState()
    with explained(lambda: state.total_step):
        corpus = load_corpus(data, recipe, folder.cache, fabric)
    if fabric.is_global_zero:
        folder.note_start(recipe, corpus, state, resumed=checkpoint is not None)
    run = _Run(fabric, folder, recipe, corpus, progress or (lambda _: None), cancelled or (lambda: False), networks)
    with explained(lambda: run.state.total_step):
        return run.run(checkpoint)


def _due(phase: Phase, step: int) -> bool:
    """Whether the phase validates after this step."""
    return step % phase.evaluate_every == 0 or step == phase.steps


class _Run:
    """One training run; network, average and optimiser belong to the present phase."""

    def __init__(
        self,
        fabric: Fabric,
        folder: RunFolder,
        recipe: Recipe,
        corpus: Corpus,
        progress: ProgressListener,
        cancelled: Callable[[], bool],
        networks: NetworkBuilder = build_model,
    ) -> None:
        self.fabric, self.folder, self.recipe, self.corpus = fabric, folder, recipe, corpus
        self.progress, self.cancelled, self.networks = progress, cancelled, networks
        self.state = RunState()
        self.scores: ValidationScores | None = None
        self._loss = loss_by_name(recipe.optimiser.loss)
        self._saved_at = self._told_at = time.monotonic()
        self._shown = choose_samples(corpus.slices, corpus.validation) if fabric.is_global_zero else None

    def run(self, checkpoint: Checkpoint | None) -> TrainReport:
        """All phases that are left, from the checkpoint or from the start."""
        if checkpoint is None:
            torch.manual_seed(self.recipe.seed)
            self.model = first_model(self.recipe, self.networks)
        else:
            self.state = checkpoint.state
            self.model = self.networks(checkpoint.metadata)
            load_state(self.model, checkpoint.part("model"), self.folder.last.name)
        completed = True
        try:
            for number in range(self.state.phase, len(self.recipe.phases)):
                self._enter(number, checkpoint)
                checkpoint = None
                self._steps(self.recipe.phases[number])
                self._blend(self.recipe.phases[number])
        except JobCancelled:
            completed = False
            self._save_last()
        if self.fabric.is_global_zero:
            self.folder.log.note("finished" if completed else "cancelled", total_step=self.state.total_step)
        model = self.folder.model if self.folder.model.exists() else None
        return TrainReport(self.folder.path, completed, self.state.total_step, model, self.scores)

    # ---- entering a phase ------------------------------------------------------------------------------------------

    def _enter(self, number: int, checkpoint: Checkpoint | None) -> None:
        """Network, optimiser and average for a phase: restored, or taken over (and reshaped) from the phase before."""
        phase = self.recipe.phases[number]
        if number != self.state.phase:
            load_state(self.model, self._best_of_phase(), "the phase before")
            self.state = replace(self.state, phase=number, step=0, best=-1.0)
        if checkpoint is None:
            self.model = reshaped(self.model, phase, self.recipe.seed)
        self.model = placed(frozen(self.model.train(), self.recipe), self.fabric.device)
        self.average = WeightAverage(self.model, self.recipe.optimiser.ema)
        optimiser = make_optimiser(self.model, self.recipe, phase)
        if checkpoint is not None:
            restore_optimiser(optimiser, checkpoint.part("optimiser"))
            self.average.load(checkpoint.part("ema"))
        elif phase.blend and self.fabric.is_global_zero:
            self.folder.save_start(self.model, self.average.tensors)
        self._averaged = placed(frozen(self.networks(self.model.metadata()), self.recipe), self.fabric.device)
        compiling = self._compiling_pays(phase)
        network, scored = (compiled(part) if compiling else part for part in (self.model, self._averaged))
        self._scored = scored
        self._network, self._stepper = self.fabric.setup(network, optimiser)
        self._validator = Validator(
            self.corpus.slices, self.corpus.validation, phase.size, self.fabric.device, self.fabric.autocast,
            self.cancelled if self.fabric.world_size == 1 else (lambda: False), self.recipe.data.validation_stride,
        )  # fmt: skip

    def _best_of_phase(self) -> dict[str, Tensor]:
        """The averaged weights that the phase before validated best."""
        if self.folder.best.exists():
            return load_checkpoint(self.folder.best).part("ema")
        return self.average.tensors

    def _compiling_pays(self, phase: Phase) -> bool:
        """Whether the phase is long enough, and a compiler is there where one is needed."""
        work = (phase.steps - self.state.step) * phase.batch * (phase.size / 256) ** 2 * (self.model.width / 32) ** 2
        return work >= _COMPILE_WORTH and compiler_found(self.fabric.device)

    def _batches(self, phase: Phase) -> BatchMaker:
        slices, settings = self.corpus.slices, self.recipe.data
        chosen = slices.indices_of(self.corpus.training)
        tumour = slices.with_tumour()[chosen]
        order = SliceOrder(chosen[tumour], chosen[~tumour], settings.empty_ratio, self.recipe.seed, self.state.phase)
        augmenter = Augmenter(self.recipe.augment, phase.size)
        return BatchMaker(slices, order, augmenter, phase.batch, self.fabric.global_rank, self.fabric.world_size)

    # ---- steps -----------------------------------------------------------------------------------------------------

    def _steps(self, phase: Phase) -> None:
        """The steps of a phase that are left, with validation, checkpoints and progress."""
        if self.recipe.model.initial and self.state.total_step == 0:
            self._validate(phase, None, 0.0, 0.0)  # what fine-tuning has to beat; otherwise the start is kept
        if self.state.step and _due(phase, self.state.step) and self.state.scored != self.state.total_step:
            self._validate(phase, None, 0.0, 0.0)  # the stop came in the middle of it
        meter = SpeedMeter(phase.batch)
        begun, before = time.monotonic(), self.state.seconds
        maker = self._batches(phase)
        self._order = maker.order
        for batch in maker.stream(self.state.step, phase.steps):
            if self._stop():
                raise JobCancelled
            lr = learning_rate(phase, self.state.step)
            loss = self._step(batch, lr)
            step, total = self.state.step + 1, self.state.total_step + 1
            seconds = before + time.monotonic() - begun
            self.state = replace(self.state, step=step, total_step=total, seconds=seconds)
            self.average.update(self.model, step)
            due = _due(phase, step)
            if due or step % _LOG_EVERY == 0 or self._long_silent():
                value = self._checked(loss)
                meter.read(step)
                scores = self._validate(phase, value, lr, meter.rate) if due else None
                self._tell(phase, value, lr, meter.rate, scores)
                if due or time.monotonic() - self._saved_at > _SAVE_SECONDS:
                    self._save_last()
                    meter.restart(step)

    def _blend(self, phase: Phase) -> None:
        """A last candidate of the phase: its final averaged weights, averaged with those that it began with.

        Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT): what the weights knew before is kept.
        """
        if phase.blend and self.state.blended != self.state.phase:
            self.fabric.barrier()
            start = load_checkpoint(self.folder.start).part("ema")
            for name, tensor in self.average.tensors.items():
                if tensor.is_floating_point():
                    tensor.lerp_(start[name].to(tensor.device), phase.blend)
            self._validate(phase, None, 0.0, 0.0)
            self.state = replace(self.state, blended=self.state.phase)

    def _step(self, batch: tuple[Tensor, Tensor], lr: float) -> Tensor:
        """One step at this learning rate; the loss stays on the device."""
        for group in self._stepper.param_groups:
            group["lr"] = lr
        clip = self.recipe.optimiser.gradient_clip
        return take_step(self.fabric, self._network, self._stepper, self._loss, batch, clip)

    def _stop(self) -> bool:
        """Whether the user cancelled; all processes stop on the same step."""
        stop = self.cancelled()
        return stop if self.fabric.world_size == 1 else bool(self.fabric.broadcast(stop))

    def _checked(self, loss: Tensor) -> float:
        """The mean loss of all processes; training stops before a checkpoint of broken weights is written."""
        mean = self.fabric.all_reduce(loss, reduce_op="mean")
        assert isinstance(mean, Tensor)
        value = float(mean)
        check_finite(value, self.model, self.state.total_step)
        return value

    def _long_silent(self) -> bool:
        """Whether somebody waits for a sign of life; several processes would have to agree on the moment."""
        return self.fabric.world_size == 1 and time.monotonic() - self._told_at > _LOG_SECONDS

    # ---- validation, checkpoints, progress -------------------------------------------------------------------------

    def _validate(self, phase: Phase, loss: float | None, lr: float, rate: float) -> ValidationScores | None:
        """Score the averaged weights and keep them if they are this phase's best; one process does it for all."""
        if self.fabric.is_global_zero:
            weights = self._averaged_weights(phase)
            scores = self.scores = self._validator(self._scored)
            self.folder.log.validation(
                total_step=self.state.total_step, phase=self.state.phase + 1, step=self.state.step, size=phase.size,
                width=self.model.width, loss=loss, lr=lr, images_per_second=rate, seconds=round(self.state.seconds, 1),
                score=scores.score, **asdict(scores),
            )  # fmt: skip
            if scores.score > self.state.best:
                self.state = replace(self.state, best=scores.score)
                self.folder.save_best(self.model, self.state, weights, scores, self.recipe, self.corpus)
            if self._shown is not None and len(self._shown):
                samples = self._validator.samples(self._scored, self._shown, self.state.total_step)
                with contextlib.suppress(OSError):  # to look at only; what cannot be missed fails loudly below
                    write_samples(self.folder.path, samples)
        self.fabric.barrier()
        self.state = replace(self.state, scored=self.state.total_step)
        return self.scores

    def _averaged_weights(self, phase: Phase) -> dict[str, Tensor]:
        """Bring the averaged network up to date, with statistics of its own on the phase's first batches."""
        self._averaged.load_state_dict(self.average.tensors)
        maker = self._batches(phase)
        with self.fabric.autocast():
            estimate_statistics(
                self._averaged, (maker.make(step)[0].to(self.fabric.device) for step in range(_STATISTICS_BATCHES))
            )
        return self._averaged.state_dict()

    def _save_last(self) -> None:
        """A checkpoint of finite weights; a broken one would be all that is left."""
        check_finite(0.0, self.model, self.state.total_step)
        self._saved_at = time.monotonic()
        if self.fabric.is_global_zero:
            parts = {
                "model": self.model.state_dict(),
                "ema": self.average.tensors,
                "optimiser": optimiser_tensors(self._stepper),
            }
            self.folder.save_last(self.model, self.state, parts)

    def _tell(self, phase: Phase, loss: float, lr: float, rate: float, scores: ValidationScores | None) -> None:
        """Progress to the listener of the first process."""
        self._told_at = time.monotonic()
        if self.fabric.is_global_zero:
            phases, state = self.recipe.phases, self.state
            left = work_left(phases[state.phase :], state.step, self.model.width)
            self.progress(
                TrainProgress(
                    state.phase + 1, len(phases), state.step, phase.steps, state.total_step, self.recipe.steps,
                    loss, lr, rate, left / rate if rate else 0.0, scores,
                    self._order.epochs(state.step * phase.batch), self._order.epochs(phase.steps * phase.batch),
                )
            )  # fmt: skip
