"""What training by a recipe costs on this machine, as a few steps tell; plain values, torch only when measuring."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tumorview.core.progress import Progress
from tumorview.ml.recipes import Recipe

if TYPE_CHECKING:
    from torch import Tensor

_STEPS = 2  # timed ones, after one that allocates


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """Measured with slices of ``size`` in steps of ``batch``: seconds of a step, of one slice without learning, memory.

    ``memory_bytes`` is the most that the process held (on a GPU: that torch held there).
    """

    size: int
    batch: int
    step_seconds: float
    slice_seconds: float
    memory_bytes: int
    device: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "TrainingEstimate":
        """Back from JSON; TypeError or KeyError where it is none."""
        return cls(**{name: document[name] for name in cls.__slots__})


def measure(
    recipe: Recipe, device: Literal["auto", "cpu", "cuda"] = "auto", progress: Progress | None = None
) -> TrainingEstimate:
    """Time the last phase's step on made-up slices, as the trainer makes it but without compiling.

    In a process of its own, or the memory is that of everything else too.
    """
    import statistics
    import time

    import torch

    from tumorview.ml.losses import loss_by_name
    from tumorview.ml.model_setup import (
        first_model,
        frozen,
        launched_fabric,
        make_optimiser,
        placed,
        reshaped,
        take_step,
    )

    progress = progress or Progress()
    phase = recipe.phases[-1]
    fabric = launched_fabric(device=device)
    model = first_model(recipe)
    for one in recipe.phases:
        model = reshaped(model, one, recipe.seed)
    model = placed(frozen(model.train(), recipe), fabric.device)
    network, optimiser = fabric.setup(model, make_optimiser(model, recipe, phase))
    loss, clip = loss_by_name(recipe.optimiser.loss), recipe.optimiser.gradient_clip
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(phase.batch, recipe.model.in_channels, phase.size, phase.size, generator=generator)
    labels = (torch.rand(phase.batch, phase.size, phase.size, generator=generator) < 0.05).long()

    def timed(work: Any) -> float:  # noqa: ANN401 - any function without arguments
        progress.check()
        started = time.perf_counter()
        work()
        if fabric.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    def forward() -> "Tensor":
        with torch.no_grad(), fabric.autocast():
            return model.eval()(images.to(fabric.device))  # type: ignore[no-any-return]  # nn.Module.__call__ is Any

    spent = []
    for done in range(_STEPS + 1):
        spent.append(timed(lambda: take_step(fabric, network, optimiser, loss, (images, labels), clip)))
        progress.report((done + 1) / (_STEPS + 3), "Timing training steps")
    forward()
    return TrainingEstimate(
        phase.size, phase.batch, statistics.median(spent[1:]), timed(forward) / phase.batch,
        _peak_memory(fabric.device.type), fabric.device.type,
    )  # fmt: skip


def small(recipe: Recipe) -> Recipe:
    """The recipe with nothing but what a measurement depends on, so that it can be told whether one still holds."""
    phase = recipe.phases[-1]
    reduced = replace(phase, steps=1, lr=1e-4, warmup=0, evaluate_every=1)
    return Recipe("estimate", "Measuring", (*recipe.phases[:-1], reduced), model=recipe.model)


def _peak_memory(device: str) -> int:
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return 0
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
