"""The training row of ``tumorview bench``: our step beside a plain eager float32 loop, in turns, on this machine."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from tumorview.core.progress import Progress
from tumorview.ml.benchmark import FULL_WIDTH, BenchRow
from tumorview.ml.losses import loss_by_name
from tumorview.ml.model_setup import compiled, compiler_found, launched_fabric, make_optimiser, placed, take_step
from tumorview.ml.models import UNetCBAM
from tumorview.ml.recipes import Phase, load_recipe

_SIZE = 256
_BATCH = 4  # half of what the recipes take: the ratio is the same, the plain loop needs half the time and memory
_ROUNDS = 3

Step = Callable[[], object]


def training_rows(*, progress: Progress | None = None) -> list[BenchRow]:
    """Slices a second at full width and 256x256, forward, backward and update; median of interleaved steps."""
    progress = progress or Progress()
    phase = Phase(size=_SIZE, steps=1, batch=_BATCH, lr=1e-4)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(_BATCH, 3, _SIZE, _SIZE, generator=generator)
    labels = (torch.rand(_BATCH, _SIZE, _SIZE, generator=generator) < 0.05).long()
    progress.report(0.0, "Compiling the training step")
    ours, how = _our_step(phase, (images, labels))
    seconds = _seconds({"ours": ours, "plain": _plain_step(phase, (images, labels))}, progress)
    title = f"training: full width, {_SIZE}x{_SIZE}, batches of {_BATCH}"
    plain, fast = (_BATCH / seconds[name] for name in ("plain", "ours"))
    return [
        BenchRow(f"{title}: plain eager float32 loop", plain, "slices/s"),
        BenchRow(f"{title}: {how}", fast, "slices/s", "plain eager float32 loop", fast / plain),
    ]


def _our_step(phase: Phase, batch: tuple[Tensor, Tensor]) -> tuple[Step, str]:
    """The trainer's own step, and what is special about it."""
    recipe = load_recipe("lgg")
    fabric = launched_fabric()
    model = placed(UNetCBAM(FULL_WIDTH), fabric.device)
    compiling = compiler_found(fabric.device)
    network, optimiser = fabric.setup(compiled(model) if compiling else model, make_optimiser(model, recipe, phase))
    loss, clip = loss_by_name(recipe.optimiser.loss), recipe.optimiser.gradient_clip
    how = "bfloat16 autocast, channels last, " + ("compiled, " if compiling else "") + "fused AdamW"
    return lambda: take_step(fabric, network, optimiser, loss, batch, clip), how


def _plain_step(phase: Phase, batch: tuple[Tensor, Tensor]) -> Step:
    """The loop of a tutorial: default layout and precision, AdamW as it comes."""
    model = UNetCBAM(FULL_WIDTH).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=phase.lr)
    loss = loss_by_name(load_recipe("lgg").optimiser.loss)
    images, labels = batch

    def step() -> None:
        optimiser.zero_grad()
        loss(model(images), labels).backward()  # type: ignore[no-untyped-call]  # torch's stub
        optimiser.step()

    return step


def _seconds(steps: dict[str, Step], progress: Progress) -> dict[str, float]:
    """Median seconds of each step; they take turns, and the first turn (compiling, allocating) does not count."""
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for done in range(_ROUNDS + 1):
        for name, step in steps.items():
            progress.check()
            started = time.perf_counter()
            step()
            spent[name].append(time.perf_counter() - started)
        progress.report((done + 1) / (_ROUNDS + 1), "Timing training steps")
    return {name: statistics.median(values[1:]) for name, values in spent.items()}
