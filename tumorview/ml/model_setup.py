"""What a training step works with (devices, network, optimiser), and the step itself."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tumorview.errors import TrainingError
from tumorview.ml.models import Network, NetworkBuilder, UNetCBAM, build_model, grow_width, load_model, prune_deepest
from tumorview.ml.recipes import Phase, Recipe
from tumorview.ml.registry import ModelRegistry
from tumorview.resources import resource_path

Device = Literal["auto", "cpu", "cuda"]


def launched_fabric(precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed", device: Device = "auto") -> Fabric:
    """bf16 autocast everywhere by default; processes and nodes as torchrun set them, otherwise one device."""
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("There is no CUDA device on this machine.", "Train on the processor (cpu).")
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // local
    accelerator = "cuda" if torch.cuda.is_available() and device != "cpu" else "cpu"
    fabric = Fabric(accelerator=accelerator, devices=local, num_nodes=nodes, precision=precision)
    fabric.launch()
    return fabric


def first_model(recipe: Recipe, networks: NetworkBuilder = build_model) -> Network:
    """The network that a recipe starts from: new, from a weights file, or a bundled model by its id."""
    initial = recipe.model.initial
    if not initial:
        return networks(recipe.model.metadata())
    model = load_model(_initial_weights(initial))
    if (model.in_channels, model.classes) != (recipe.model.in_channels, recipe.model.classes):
        raise TrainingError(
            f"{initial} has {model.in_channels} channels and {model.classes} classes, the recipe "
            f"{recipe.model.in_channels} and {recipe.model.classes}.",
            "Change model.in_channels and model.classes, or start from other weights.",
        )
    return model


def _initial_weights(initial: str) -> Path:
    """A file, one that lies beside the bundled recipes, or the weights of a bundled model."""
    path = Path(initial)
    if path.suffix != ".safetensors":
        return ModelRegistry(user=None).usable(initial).weights
    beside = resource_path("recipes") / path
    return beside if not path.exists() and beside.exists() else path


def make_optimiser(model: nn.Module, recipe: Recipe, phase: Phase) -> torch.optim.Optimizer:
    """Adam or AdamW; weight decay acts on convolution weights only."""
    settings = recipe.optimiser
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=phase.lr, fused=True)


def reshaped(model: Network, phase: Phase, seed: int) -> Network:
    """The network as the phase wants it: wider, or slimmer at its deepest level, or as it is."""
    if phase.grow == 1 and phase.slim == 1:
        return model
    if not isinstance(model, UNetCBAM):
        raise TrainingError(
            f"A {model.metadata()['architecture']} network can neither grow nor be pruned.",
            "Leave 'grow' and 'slim' out.",
        )
    if phase.slim < 1:
        model = prune_deepest(model, round(phase.slim * model.deepest))
    return grow_width(model, phase.grow, seed=seed) if phase.grow > 1 else model


def frozen(model: Network, recipe: Recipe) -> Network:
    """The network with the levels of its encoder frozen that the recipe wants to stay as they are."""
    levels = recipe.model.freeze
    if levels and not isinstance(model, UNetCBAM):
        raise TrainingError(
            f"No level of a {model.metadata()['architecture']} network can be frozen.", "Leave 'freeze' out."
        )
    if levels and isinstance(model, UNetCBAM):
        model.freeze(levels)
    return model


def placed(model: Network, device: torch.device) -> Network:
    """On the device, in the memory layout that convolutions are fastest in."""
    return cast(Network, nn.Module.to(model, device=device, memory_format=torch.channels_last))  # type: ignore[call-overload]  # torch's stubs lack memory_format here


def compiler_found(device: torch.device) -> bool:
    """Whether torch.compile can work: for a CPU it needs a C++ compiler."""
    return device.type == "cuda" or any(map(shutil.which, ("g++", "c++", "clang++", "cl")))


def compiled(model: nn.Module) -> nn.Module:
    """The network behind torch.compile, which compiles at the first step."""
    return cast(nn.Module, torch.compile(model))


def take_step(
    fabric: Fabric, network: nn.Module, optimiser: torch.optim.Optimizer, loss: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor], gradient_clip: float = 0.0,
) -> Tensor:  # fmt: skip
    """Forward, backward and update on images [n, c, h, w] and labels [n, h, w]; the loss stays on the device."""
    images, labels = batch
    images = images.to(fabric.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
    value = loss(network.train()(images), labels.to(fabric.device, non_blocking=True))
    optimiser.zero_grad(set_to_none=True)
    fabric.backward(value)
    if gradient_clip:
        nn.utils.clip_grad_norm_(network.parameters(), gradient_clip)
    optimiser.step()
    return value.detach()
