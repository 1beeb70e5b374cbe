"""Random variation of training slices: geometry, intensity, missing and odd channels; vectorised over the batch.

Everything random comes from one generator, so a step's batch depends on (seed, step) alone and resuming needs no
saved generator state.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from tumorview.ml.preprocess import zscore
from tumorview.ml.recipes import AugmentSettings

T1, FLAIR, T1CE = range(3)
_ELASTIC_KNOTS: Final = 6
_FIELD_KNOTS: Final = 4
_CURVE_KNOTS: Final = 5
_FIELD_STRENGTH: Final = 0.18  # standard deviation of the logarithm at each knot


@dataclass(frozen=True, slots=True)
class Augmenter:
    """Turns raw uint8 slices into network input of the given size."""

    settings: AugmentSettings
    size: int

    def __call__(
        self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """[n, 3, s, s] and [n, s, s] uint8 -> z-scored float32 [n, 3, size, size] and int64 [n, size, size]."""
        settings, random = self.settings, generator
        values = torch.from_numpy(images).float().div_(255)
        values, target = self._move(values, torch.from_numpy(labels), random)
        head = soft_head(values)
        values, target = carve_mix(values, target, head, settings.carve, random)
        values = foreign_contrast(values, settings.foreign_contrast, random)
        values = tone(values, head, settings.gamma, settings.contrast, random)
        values = bias_field(values, settings.bias_field, random)
        values = blur(values, settings.blur, random)
        values = noise(values, settings.noise, settings.noise_probability, random)
        values = grey_air(values, head, settings.grey_air, random)
        values = choose_channels(values, settings, random)
        return torch.from_numpy(zscore(values.numpy())), target

    def _move(self, values: Tensor, labels: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Flip, rotate, scale, shift and bend; also brings the slices to the wanted size."""
        grid = sampling_grid(len(values), self.size, self.settings, random)
        moved = functional.grid_sample(values, grid, mode="bilinear", align_corners=False)
        target = functional.grid_sample(labels[:, None].float(), grid, mode="nearest", align_corners=False)
        return moved, target[:, 0].round().long()


def varied(
    settings: AugmentSettings, size: int, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """What training may make of some slices, to be looked at: network input [n, 3, size, size] and labels."""
    values, target = Augmenter(settings, size)(images, labels, torch.Generator().manual_seed(seed))
    return values.numpy(), target.numpy()


def sampling_grid(count: int, size: int, settings: AugmentSettings, random: torch.Generator) -> Tensor:
    """[count, size, size, 2] positions (x, y in -1..1) to sample from."""
    angle = _symmetric(count, random) * math.radians(settings.rotation_degrees)
    zoom = torch.exp(_symmetric(count, random) * math.log1p(settings.scale))
    mirror = torch.where(_event(count, settings.flip, random), -1.0, 1.0)
    cosine, sine = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift = 2 * settings.shift * torch.stack([_symmetric(count, random), _symmetric(count, random)], 1)
    rows = [torch.stack([cosine * mirror, -sine], 1), torch.stack([sine * mirror, cosine], 1)]
    affine = torch.cat([torch.stack(rows, 1), shift[:, :, None]], 2)
    grid = functional.affine_grid(affine, [count, 1, size, size], align_corners=False)
    if settings.elastic > 0:
        knots = 2 * torch.rand(count, 2, _ELASTIC_KNOTS, _ELASTIC_KNOTS, generator=random) - 1
        strength = settings.elastic * torch.rand(count, 1, 1, 1, generator=random)
        bend = functional.interpolate(knots * strength, size=(size, size), mode="bicubic", align_corners=True)
        grid = grid + bend.permute(0, 2, 3, 1)
    return grid


def soft_head(values: Tensor) -> Tensor:
    """[n, 1, s, s] in 0..1: where the head is, from the brightest channel, with small dark holes closed."""
    brightest = functional.avg_pool2d(values.amax(1, keepdim=True), 3, stride=1, padding=1)
    closed = -functional.max_pool2d(-functional.max_pool2d(brightest, 9, 1, 4), 9, 1, 4)
    return ((closed - 0.04) / 0.05).clamp_(0, 1)


def carve_mix(
    values: Tensor, target: Tensor, head: Tensor, probability: float, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Tumours carried over to the same place in other slices of the batch, with some of what surrounds them.

    Zhang et al. 2023, "CarveMix: A Simple Data Augmentation Method for Brain Lesion Segmentation": what is carved out
    ends at a random distance from the outline, outside or inside of it. Each channel is brought to the level of the
    head that it goes to; nothing lands outside that head.
    """
    mixed, labels = values, target
    for index in _chosen(len(values), probability, random).tolist():
        donor = int(torch.randint(len(values), (1,), generator=random))
        depth_share = float(torch.empty(1).uniform_(-0.5, 1.0, generator=random))
        if donor == index or not target[donor].any():
            continue
        if mixed is values:
            mixed, labels = values.clone(), target.clone()
        tumour = target[donor].numpy() > 0
        depth = ndimage.distance_transform_edt(tumour)
        signed = ndimage.distance_transform_edt(~tumour) - depth
        region = torch.from_numpy(signed <= depth_share * depth.max()) & (head[index, 0] > 0.5)
        level = _tissue(values[index], head[index]) / _tissue(values[donor], head[donor]).clamp(min=1e-3)
        mixed[index] = torch.where(region, values[donor] * level, values[index])
        labels[index] = torch.where(region, target[donor], target[index])
    return mixed, labels


def _tissue(values: Tensor, head: Tensor) -> Tensor:
    """[c, 1, 1] mean of each channel within the head."""
    return (values * head).sum((1, 2), keepdim=True) / head.sum().clamp(min=1)


def tone(values: Tensor, head: Tensor, gamma: float, contrast: float, random: torch.Generator) -> Tensor:
    """Gamma exp(+-gamma), contrast and brightness of the head against its air, each channel by itself.

    Brightness is relative to the slice's spread: beside bright scalp a brain can lie within the lowest fifth of the
    scale. Nothing is cut off at 1: bright tissue must not melt into one white area, and z-scoring follows anyway.
    """
    shape = (len(values), 3, 1, 1)
    if gamma > 0:
        values = values.clamp(min=1e-4) ** torch.exp(gamma * (2 * torch.rand(shape, generator=random) - 1))
    if contrast > 0:
        gain = 1 + contrast * (2 * torch.rand(shape, generator=random) - 1)
        offset = contrast * (2 * torch.rand(shape, generator=random) - 1) * spread(values)
        values = (values * gain + offset * head).clamp(min=0)
    return values


def bias_field(values: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """A smooth multiplicative shading, one of its own per channel."""
    chosen = _chosen(len(values), probability, random)
    if not len(chosen):
        return values
    knots = torch.randn(len(chosen), 3, _FIELD_KNOTS, _FIELD_KNOTS, generator=random) * _FIELD_STRENGTH
    field = functional.interpolate(knots, size=tuple(values.shape[2:]), mode="bilinear", align_corners=True)
    return values.index_put((chosen,), values[chosen] * torch.exp(field))


def blur(values: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """Lower resolution: down to 0.35..0.8 of the size along rows, columns or both, and back."""
    for index in _chosen(len(values), probability, random).tolist():
        factors = 0.35 + 0.45 * torch.rand(2, generator=random)
        axis = int(torch.randint(3, (1,), generator=random))
        if axis < 2:
            factors[axis] = 1
        height, width = (max(8, round(float(f) * s)) for f, s in zip(factors, values.shape[2:], strict=True))
        channels = torch.rand(3, generator=random) < 0.6
        if channels.any():
            part = values[index : index + 1, channels]
            small = functional.interpolate(part, size=(height, width), mode="area")
            values[index : index + 1, channels] = functional.interpolate(
                small, size=tuple(values.shape[2:]), mode="bilinear", align_corners=False
            )
    return values


def noise(values: Tensor, largest: float, probability: float, random: torch.Generator) -> Tensor:
    """Noise of a magnitude image: Gaussian on the signal, folded at zero, up to ``largest`` of the slice's spread."""
    chosen = _chosen(len(values), probability, random)
    if largest <= 0 or not len(chosen):
        return values
    sigma = largest * torch.rand(len(chosen), 3, 1, 1, generator=random) * spread(values[chosen])
    noisy = values[chosen] + sigma * torch.randn(len(chosen), *values.shape[1:], generator=random)
    return values.index_put((chosen,), noisy.abs())


def foreign_contrast(values: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """T1 or T1CE of another kind: a random tone curve that may invert tissues; zero stays zero."""
    count = len(values)
    for channel in (T1, T1CE):
        chosen = _chosen(count, probability, random)
        if len(chosen):
            knots = torch.rand(len(chosen), _CURVE_KNOTS, generator=random)
            knots[:, 0] = 0
            values[chosen, channel] = _curve(values[chosen, channel], knots)
    return values


def grey_air(values: Tensor, head: Tensor, probability: float, random: torch.Generator) -> Tensor:
    """T1 (seldom T1CE) as a real-valued inversion recovery: tissue above and below its air.

    Half of them keep the grey air, half have it at the head's dark end, as inference repairs it.
    """
    for channel, share in ((T1, probability), (T1CE, probability / 3)):
        chosen = _chosen(len(values), share, random)
        if not len(chosen):
            continue
        shape = (len(chosen), 1, 1)
        inside = head[chosen, 0]
        tissue = (values[chosen, channel] * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
        depth, gain = (low + range_ * torch.rand(shape, generator=random) for low, range_ in ((0.4, 0.8), (0.6, 0.7)))
        pivot = depth * tissue[:, None, None]
        level = 0.25 + 0.35 * torch.rand(shape, generator=random)
        signed = ((values[chosen, channel] - pivot) * gain + level).clamp(min=0)
        repaired = torch.rand(shape, generator=random) < 0.5
        air = torch.where(repaired, torch.zeros(()), level)
        values[chosen, channel] = inside * signed + (1 - inside) * air
    return values


def choose_channels(values: Tensor, settings: AugmentSettings, random: torch.Generator) -> Tensor:
    """Missing channels as joint events: at most one of them happens to a slice."""
    draw = torch.rand(len(values), generator=random)
    source = torch.arange(3).repeat(len(values), 1)
    edge = 0.0
    for share, channels in (
        (settings.all_flair, (FLAIR, FLAIR, FLAIR)),
        (settings.t1_missing, (FLAIR, FLAIR, T1CE)),
        (settings.t1ce_missing, (T1, FLAIR, FLAIR)),
        (settings.t1_alone, (T1, T1, T1)),
        (settings.t1ce_alone, (T1CE, T1CE, T1CE)),
    ):
        source[(draw >= edge) & (draw < edge + share)] = torch.tensor(channels)
        edge += share
    return values[torch.arange(len(values))[:, None], source]


def spread(values: Tensor) -> Tensor:
    """[n, 3, 1, 1] standard deviation of each channel of each slice."""
    return values.std((2, 3), keepdim=True)


def _curve(values: Tensor, knots: Tensor) -> Tensor:
    """Piecewise linear curve per slice: values [m, h, w] in 0..1, knots [m, k] over 0..1."""
    position = values.clamp(0, 1) * (knots.shape[1] - 1)
    below = position.long().clamp(max=knots.shape[1] - 2)
    flat = below.flatten(1)
    low, high = knots.gather(1, flat).view_as(values), knots.gather(1, flat + 1).view_as(values)
    return low + (high - low) * (position - below)


def _symmetric(count: int, random: torch.Generator) -> Tensor:
    """[count] uniform in -1..1."""
    return 2 * torch.rand(count, generator=random) - 1


def _event(count: int, probability: float, random: torch.Generator) -> Tensor:
    """[count] booleans, each true with the probability."""
    return torch.rand(count, generator=random) < probability


def _chosen(count: int, probability: float, random: torch.Generator) -> Tensor:
    """Indices of the slices that an event happens to."""
    return torch.nonzero(_event(count, probability, random))[:, 0]
