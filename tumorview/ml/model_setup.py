"""The network and optimiser that a training phase works with."""

from pathlib import Path
from typing import cast

import torch
from torch import nn

from tumorview.errors import TrainingError
from tumorview.ml.models import Network, NetworkBuilder, UNetCBAM, build_model, grow_width, load_model
from tumorview.ml.recipes import Phase, Recipe
from tumorview.ml.registry import ModelRegistry


def first_model(recipe: Recipe, networks: NetworkBuilder = build_model) -> Network:
    """The network that a recipe starts from: new, from a weights file, or a bundled model by its id."""
    initial = recipe.model.initial
    if not initial:
        return networks(recipe.model.metadata())
    given = Path(initial).suffix == ".safetensors"
    model = load_model(Path(initial) if given else ModelRegistry(user=None).usable(initial).weights)
    if (model.in_channels, model.classes) != (recipe.model.in_channels, recipe.model.classes):
        raise TrainingError(
            f"{initial} has {model.in_channels} channels and {model.classes} classes, the recipe "
            f"{recipe.model.in_channels} and {recipe.model.classes}.",
            "Change model.in_channels and model.classes, or start from other weights.",
        )
    return model


def make_optimiser(model: nn.Module, recipe: Recipe, phase: Phase) -> torch.optim.Optimizer:
    """Adam or AdamW; weight decay acts on convolution weights only."""
    settings = recipe.optimiser
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=phase.lr, fused=True)


def grown(model: Network, factor: int, seed: int) -> Network:
    """A wider network of the same function; only our own architecture knows how to grow."""
    if not isinstance(model, UNetCBAM):
        raise TrainingError(f"A {model.metadata()['architecture']} network cannot grow.", "Leave 'grow' out.")
    return grow_width(model, factor, seed=seed)


def placed(model: Network, device: torch.device) -> Network:
    """On the device, in the memory layout that convolutions are fastest in."""
    return cast(Network, nn.Module.to(model, device=device, memory_format=torch.channels_last))  # type: ignore[call-overload]  # torch's stubs lack memory_format here


def compiled(model: nn.Module) -> nn.Module:
    """The network behind torch.compile, which compiles at the first step."""
    return cast(nn.Module, torch.compile(model))
