"""Net2Net growth: a wider network that computes the same function, to go on training from.

Every channel is repeated ``factor`` times and the weights that read it are shared out among the copies. Equal
sharing would leave the copies with equal gradients for ever, so the shares are made unequal by noise that sums to
zero over the copies of a channel: the function stays the same whatever the noise.
"""

import torch
from torch import Tensor

from tumorview.errors import ModelError
from tumorview.ml.models.unet_cbam import LEVELS, UNetCBAM


def grow_width(model: UNetCBAM, factor: int = 2, noise: float = 0.5, seed: int = 0) -> UNetCBAM:
    """A network ``factor`` times as wide with the same output; ``noise`` is relative to each tensor's spread."""
    if factor < 2:
        raise ModelError(f"A network cannot be grown by a factor of {factor}.", "Use 2 or more.")
    wide = UNetCBAM(
        model.width * factor, model.in_channels, model.classes, model.norm, model.reduction, model.deepest * factor
    )
    growth = _Growth(model.state_dict(), wide.state_dict(), noise, torch.Generator().manual_seed(seed))
    below = model.in_channels
    for level, channels in enumerate(model.channels):
        source = torch.arange(below) if level == 0 else _repeat(below, factor)
        growth.block(f"encoder.{level}", source, channels, factor)
        below = channels
    for level in reversed(range(LEVELS - 1)):
        channels, below = model.channels[level : level + 2]
        name = f"decoder.{level}"
        growth.weight(f"{name}.up.weight", _repeat(channels, factor), _repeat(below, factor), transposed=True)
        growth.vectors(f"{name}.up", _repeat(channels, factor))
        skip = _repeat(channels, factor)
        growth.block(name, torch.cat([skip, skip + channels]), channels, factor)
    growth.weight("head.weight", torch.arange(model.classes), _repeat(model.width, factor))
    growth.vectors("head", torch.arange(model.classes))
    wide.load_state_dict(growth.grown, strict=True)
    return wide.to(next(model.parameters()).device).train(model.training)


class _Growth:
    """Collects the grown tensors; maps are new channel -> old channel."""

    def __init__(
        self, old: dict[str, Tensor], template: dict[str, Tensor], noise: float, generator: torch.Generator
    ) -> None:
        self.old = {name: tensor.detach().cpu() for name, tensor in old.items()}
        self.template, self.noise, self.generator = template, noise, generator
        self.grown: dict[str, Tensor] = {}

    def block(self, name: str, source: Tensor, channels: int, factor: int) -> None:
        """conv1, norm1, conv2, norm2 and CBAM of one block whose input channels map by ``source``."""
        copies = _repeat(channels, factor)
        self.weight(f"{name}.conv1.weight", copies, source)
        self.weight(f"{name}.conv2.weight", copies, copies)
        for part in ("conv1", "norm1", "conv2", "norm2"):
            self.vectors(f"{name}.{part}", copies)
        reduce, expand = f"{name}.cbam.channel.reduce", f"{name}.cbam.channel.expand"
        # The hidden width is channels // reduction, which need not grow by the same factor.
        hidden = torch.arange(len(self.template[f"{reduce}.bias"])) % len(self.old[f"{reduce}.bias"])
        self.weight(f"{reduce}.weight", hidden, copies)
        self.vectors(reduce, hidden)
        self.weight(f"{expand}.weight", copies, hidden)
        self.vectors(expand, copies)
        for part in ("weight", "bias"):  # reads [mean; maximum] over the channels, which repetition does not change
            key = f"{name}.cbam.spatial.conv.{part}"
            self.grown[key] = self.old[key].clone()

    def vectors(self, name: str, outputs: Tensor) -> None:
        """Repeat whatever one-dimensional tensors the layer has (bias, norm scale, running statistics)."""
        for key, tensor in self.old.items():
            if key.rpartition(".")[0] == name and tensor.ndim == 1:
                self.grown[key] = tensor[outputs].clone()

    def weight(self, key: str, outputs: Tensor, inputs: Tensor, *, transposed: bool = False) -> None:
        """Share the weights of each old input channel out among its copies."""
        old = self.old[key].transpose(0, 1) if transposed else self.old[key]
        counts = torch.bincount(inputs, minlength=old.shape[1])
        wide = old[outputs][:, inputs].double() / counts[inputs].reshape(1, -1, 1, 1)
        spread = self.noise * wide.std()
        wide += self._balanced_noise(wide.shape, inputs, counts) * spread
        wide = wide.to(old.dtype)
        self.grown[key] = (wide.transpose(0, 1) if transposed else wide).contiguous()

    def _balanced_noise(self, shape: torch.Size, inputs: Tensor, counts: Tensor) -> Tensor:
        """Noise [o, i, h, w] that sums to zero over the copies of every old input channel."""
        noise = torch.randn(shape, generator=self.generator, dtype=torch.float64)
        sums = torch.zeros(shape[0], len(counts), *shape[2:], dtype=torch.float64).index_add_(1, inputs, noise)
        return noise - (sums / counts.clamp(min=1).reshape(1, -1, 1, 1))[:, inputs]


def _repeat(channels: int, factor: int) -> Tensor:
    """[0, 1, ..., channels-1] ``factor`` times over."""
    return torch.arange(channels).repeat(factor)
