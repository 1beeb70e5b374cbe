"""Structured pruning of the deepest level: the channels that matter least go, the rest stays as it was.

A channel's importance is the size of what it sends on: root mean square of its activation, as batch norm predicts it,
times the norm of the weights that read it (as Li et al. 2017, "Pruning Filters for Efficient ConvNets", with the
activation taken into account). The mean of what is lost is put into the next layer's offset, so that only the variation
about it is missing; a short fine-tuning makes up for that.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tumorview.errors import ModelError
from tumorview.ml.models.unet_cbam import LEVELS, BatchNorm, Block, UNetCBAM

_DEEPEST = f"encoder.{LEVELS - 1}"
_UP = f"decoder.{LEVELS - 2}.up"


@dataclass(frozen=True)
class _Activation:
    """Mean and root mean square [c] of the ReLU of batch-normalised values, which are taken to be normal."""

    mean: Tensor
    size: Tensor

    @classmethod
    def of(cls, norm: BatchNorm) -> "_Activation":
        scale, offset = norm.weight.detach().double().abs().clamp(min=1e-12), norm.bias.detach().double()
        ratio = offset / scale
        density = torch.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
        share = 0.5 * (1 + torch.erf(ratio / math.sqrt(2)))
        mean = offset * share + scale * density
        square = (scale**2 + offset**2) * share + scale * offset * density
        return cls(mean, square.clamp(min=0).sqrt())


def prune_deepest(model: UNetCBAM, channels: int) -> UNetCBAM:
    """A network with ``channels`` at its deepest level and nearly the same output; ``model`` is left as it is."""
    if model.norm is None:
        raise ModelError("A network without batch norm cannot be pruned.", "Prune it before batch norm is folded away.")
    if not model.reduction <= channels <= model.deepest:
        raise ModelError(
            f"The deepest level has {model.deepest} channels and cannot be pruned to {channels}.",
            f"Keep between {model.reduction} and {model.deepest}.",
        )
    block, slim = model.encoder[-1], _empty_like(model, channels)
    assert isinstance(block, Block)
    state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    _prune_between_the_convolutions(state, block, channels)
    _prune_output(state, block, channels)
    _prune_attention(state, channels // model.reduction)
    slim.load_state_dict(state, strict=True)
    return slim.to(next(model.parameters()).device).train(model.training)


def _empty_like(model: UNetCBAM, channels: int) -> UNetCBAM:
    return UNetCBAM(model.width, model.in_channels, model.classes, model.norm, model.reduction, channels)


def _prune_between_the_convolutions(state: dict[str, Tensor], block: Block, channels: int) -> None:
    """Channels that the first convolution gives to the second."""
    assert isinstance(block.norm1, BatchNorm)
    activation = _Activation.of(block.norm1)
    readers = state[f"{_DEEPEST}.conv2.weight"].double()
    kept, lost = _chosen(activation.size * readers.flatten(2).norm(dim=(0, 2)), channels)
    # What batch norm subtracts falls by what no longer arrives.
    offset = readers[:, lost].sum((2, 3)) @ activation.mean[lost]
    state[f"{_DEEPEST}.norm2.running_mean"] -= offset.to(torch.float32)
    _keep_layer(state, "conv1", "norm1", kept)
    state[f"{_DEEPEST}.conv2.weight"] = state[f"{_DEEPEST}.conv2.weight"][:, kept]


def _prune_output(state: dict[str, Tensor], block: Block, channels: int) -> None:
    """Channels that the block gives to the decoder, through its attention."""
    assert isinstance(block.norm2, BatchNorm)
    activation = _Activation.of(block.norm2)
    readers = state[f"{_UP}.weight"].double()  # [in, out, 2, 2]
    before = len(readers)
    kept, _ = _chosen(activation.size * readers.flatten(1).norm(dim=1), channels)
    _keep_layer(state, "conv2", "norm2", kept)
    state[f"{_UP}.weight"] = state[f"{_UP}.weight"][kept]
    attention = f"{_DEEPEST}.cbam.channel"
    state[f"{attention}.reduce.weight"] = state[f"{attention}.reduce.weight"][:, kept]
    state[f"{attention}.expand.weight"] = state[f"{attention}.expand.weight"][kept]
    state[f"{attention}.expand.bias"] = state[f"{attention}.expand.bias"][kept]
    # Nearly the same sum over the channels is now divided by fewer of them.
    state[f"{_DEEPEST}.cbam.spatial.conv.weight"][:, 0] *= channels / before


def _prune_attention(state: dict[str, Tensor], hidden: int) -> None:
    """Hidden units of the channel attention's MLP."""
    attention = f"{_DEEPEST}.cbam.channel"
    reduce, expand = state[f"{attention}.reduce.weight"], state[f"{attention}.expand.weight"]
    size = torch.hypot(reduce.flatten(1).norm(dim=1), state[f"{attention}.reduce.bias"])
    kept, _ = _chosen(size * expand.flatten(2).norm(dim=(0, 2)), hidden)
    state[f"{attention}.reduce.weight"] = reduce[kept]
    state[f"{attention}.reduce.bias"] = state[f"{attention}.reduce.bias"][kept]
    state[f"{attention}.expand.weight"] = expand[:, kept]


def _keep_layer(state: dict[str, Tensor], conv: str, norm: str, kept: Tensor) -> None:
    """Only the ``kept`` outputs of a convolution and its batch norm."""
    for key in [key for key in state if key.startswith((f"{_DEEPEST}.{conv}.", f"{_DEEPEST}.{norm}."))]:
        state[key] = state[key][kept]


def _chosen(importance: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Indices of the ``count`` most important channels, and of the others, each in their old order."""
    order = importance.argsort(descending=True, stable=True)
    return order[:count].sort().values, order[count:].sort().values
