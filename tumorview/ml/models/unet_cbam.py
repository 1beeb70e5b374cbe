"""UNet with CBAM attention after every block: Table 3 of the paper, with the width as a parameter.

The names of the tensors are part of the file format of the weights (``encoder.0.conv1.weight`` ...); level 0 is
full resolution on both sides.
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorview.errors import ModelError
from tumorview.ml.models.network import Network

Norm = Literal["batch"]
LEVELS = 5
STRIDE = 2 ** (LEVELS - 1)


class LayerRow(NamedTuple):
    """One row of the architecture table, as the paper prints it."""

    name: str
    type: str
    kernel: str
    stride: int | None
    padding: int | None
    output_channels: int
    activation: str


class BatchNorm(nn.Module):
    """Batch normalisation with exactly the four tensors that the weights file holds (no batch counter)."""

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.frozen = False  # then the statistics stay as they are, in training mode too

    def forward(self, x: Tensor) -> Tensor:
        measuring = self.training and not self.frozen
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, measuring, self.momentum, self.eps
        )


class ChannelAttention(nn.Module):
    """Scale every channel by sigmoid(MLP(average) + MLP(maximum)); the MLP is two 1x1 convolutions."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        average = self.expand(functional.relu(self.reduce(x.mean((2, 3), keepdim=True))))
        maximum = self.expand(functional.relu(self.reduce(x.amax((2, 3), keepdim=True))))
        return x * torch.sigmoid(average + maximum)


class SpatialAttention(nn.Module):
    """Scale every pixel by sigmoid(7x7 convolution over [mean; maximum] of the channels)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(summary))


class CBAM(nn.Module):
    """Channel attention, then spatial attention, each multiplied in."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, reduction)
        self.spatial = SpatialAttention()

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(self.channel(x))  # type: ignore[no-any-return]  # nn.Module.__call__ is Any


class Block(nn.Module):
    """(3x3 convolution, optional norm, ReLU) twice, then CBAM."""

    def __init__(self, inputs: int, outputs: int, norm: Norm | None, reduction: int) -> None:
        super().__init__()
        bias = norm is None
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
        self.norm1 = nn.Identity() if bias else BatchNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.norm2 = nn.Identity() if bias else BatchNorm(outputs)
        self.cbam = CBAM(outputs, reduction)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm1(self.conv1(x)))
        x = functional.relu(self.norm2(self.conv2(x)))
        return self.cbam(x)  # type: ignore[no-any-return]  # nn.Module.__call__ is Any

    def row(self, name: str) -> LayerRow:
        conv = self.conv2
        norm = "" if isinstance(self.norm2, nn.Identity) else "Norm + "
        kind = f"Conv + {norm}ReLU + Conv + {norm}ReLU + CBAM"
        return _row(name, kind, conv, "ReLU")


class UpBlock(Block):
    """Transposed 2x2 convolution (stride 2), concatenation [skip, up], then a Block."""

    def __init__(self, inputs: int, outputs: int, norm: Norm | None, reduction: int) -> None:
        super().__init__(2 * outputs, outputs, norm, reduction)
        self.up = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        assert skip is not None, "a decoder block needs the skip connection"
        return super().forward(torch.cat([skip, self.up(x)], 1))


class UNetCBAM(Network):
    """[n, in_channels, h, w] z-scored slices -> [n, classes, h, w] logits; h and w are multiples of 16.

    ``deepest`` is the number of channels of the deepest level: the paper's 16 times ``width`` if None, fewer in a
    network that was pruned there. ``channels`` lists all levels, full resolution first.
    """

    def __init__(
        self,
        width: int = 64,
        in_channels: int = 3,
        classes: int = 2,
        norm: Norm | None = "batch",
        reduction: int = 16,
        deepest: int | None = None,
    ) -> None:
        super().__init__()
        deepest = width * STRIDE if deepest is None else deepest
        if min(width, in_channels, reduction, deepest) < 1 or classes < 2 or norm not in ("batch", None):
            raise ModelError(
                f"A UNet+CBAM of width {width}, {deepest} channels at its deepest level, {in_channels} input channels, "
                f"{classes} classes and norm {norm!r} cannot be built.",
                "Check the model card or the recipe.",
            )
        self.width, self.in_channels, self.classes = width, in_channels, classes
        self.norm, self.reduction = norm, reduction
        self.channels: tuple[int, ...] = (*(width * 2**level for level in range(LEVELS - 1)), deepest)
        widths = list(self.channels)
        self.encoder = nn.ModuleList(
            Block(inputs, outputs, norm, reduction)
            for inputs, outputs in zip([in_channels, *widths[:-1]], widths, strict=True)
        )
        self.decoder = nn.ModuleList(UpBlock(inputs, outputs, norm, reduction) for outputs, inputs in pairwise(widths))
        self.head = nn.Conv2d(width, classes, 1)

    @property
    def deepest(self) -> int:
        """Channels of the deepest level."""
        return self.channels[-1]

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            skips.append(x)
        for level in reversed(range(LEVELS - 1)):
            x = self.decoder[level](x, skips[level])
        return self.head(x)  # type: ignore[no-any-return]  # nn.Module.__call__ is Any

    def freeze(self, levels: int) -> None:
        """Keep the weights and statistics of the first ``levels`` of the encoder as they are."""
        for block in self.encoder[:levels]:
            block.requires_grad_(False)
            for module in block.modules():
                if isinstance(module, BatchNorm):
                    module.frozen = True

    def layer_table(self) -> list[LayerRow]:
        """The architecture as the paper's Table 3 lists it, read from the layers themselves."""
        rows = [LayerRow("Input", "-", "-", None, None, self.in_channels, "-")]
        for number, block in enumerate(self.encoder, 1):
            assert isinstance(block, Block)
            rows.append(block.row(f"Downsample {number}"))
        for number, block in enumerate(reversed(list(self.decoder)), 1):
            assert isinstance(block, UpBlock)
            rows.append(_row(f"Transposed {number}", "Transpose Conv", block.up, "-"))
            rows.append(block.row(f"Upsample {number}"))
        rows.append(_row("Output", "Conv", self.head, "Softmax"))
        return rows

    def metadata(self) -> dict[str, str]:
        """What a weights file says about itself; ``build_model`` reads it back."""
        return {
            "architecture": "unet-cbam",
            "width": str(self.width),
            "in_channels": str(self.in_channels),
            "classes": str(self.classes),
            "norm": self.norm or "none",
            "reduction": str(self.reduction),
            "deepest": str(self.deepest),
        }


def _row(name: str, kind: str, conv: nn.Conv2d | nn.ConvTranspose2d, activation: str) -> LayerRow:
    height, width = conv.kernel_size
    padding = conv.padding[0]
    assert isinstance(padding, int)
    return LayerRow(name, kind, f"{height}x{width}", conv.stride[0], padding, conv.out_channels, activation)
