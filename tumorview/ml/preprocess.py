"""From acquired intensities to network input and back: the same functions in training and in inference.

Volumes are ``[k, j, i]`` (slice, row, column); network input is ``[n, c, h, w]`` in the channel order T1, FLAIR, T1CE.
Only numpy and scipy: the window uses some of this without loading torch.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorview.core.air import TOP_PERCENTILE, air_level, sample

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

CHANNELS: Final = ("T1", "FLAIR", "T1CE")
FRAME: Final = 256
HEAD_SIDE: Final = 232
STD_OFFSET: Final = 1e-3

_PLAUSIBLE = 0.6


@dataclass(frozen=True, slots=True)
class Framing:
    """The square frame that a study is fed in: isotropic scale and centre per in-plane axis, and the way back.

    ``scale`` is source pixels per framed pixel (row, column), ``origin`` the source position (row, column, in pixel
    edges: pixel 0 spans 0..1) of the frame's top left corner.
    """

    shape: tuple[int, int]
    size: int
    scale: tuple[float, float]
    origin: tuple[float, float]

    @property
    def is_identity(self) -> bool:
        """Whether framing leaves slices exactly as they are."""
        return self.shape == (self.size, self.size) and self.scale == (1.0, 1.0) and self.origin == (0.0, 0.0)

    @staticmethod
    def identity(size: int = FRAME) -> "Framing":
        """For slices of ``size`` x ``size`` that are framed already (LGG layout)."""
        return Framing((size, size), size, (1.0, 1.0), (0.0, 0.0))

    def apply(self, volume: npt.NDArray[Any]) -> Floats:
        """[k, j, i] of ``shape`` -> [k, size, size], linear, smoothed when it shrinks; outside the source is 0."""
        if volume.shape[1:] != self.shape:
            raise ValueError(f"the framing is for slices of {self.shape}, not {volume.shape[1:]}")
        source = np.asarray(volume, dtype=np.float32)
        if self.is_identity:
            return source.copy()
        rows = _resampling(self.shape[0], self.size, self.scale[0], self.origin[0])
        columns = _resampling(self.shape[1], self.size, self.scale[1], self.origin[1])
        return _separable(source, rows, columns)

    def invert(self, probability: npt.NDArray[Any], shape: tuple[int, int, int] | None = None) -> Floats:
        """[k, size, size] -> [k, j, i] on the source grid, linear; 0 where the frame did not reach."""
        if shape is not None and tuple(shape) != (len(probability), *self.shape):
            raise ValueError(f"the framing leads back to {(len(probability), *self.shape)}, not {tuple(shape)}")
        framed = np.asarray(probability, dtype=np.float32)
        if self.is_identity:
            return framed.copy()
        (row, column), (top, left) = self.scale, self.origin
        rows = _resampling(self.size, self.shape[0], 1 / row, -top / row)
        columns = _resampling(self.size, self.shape[1], 1 / column, -left / column)
        return _separable(framed, rows, columns)


def zscore(slices: npt.NDArray[Any]) -> Floats:
    """Eq. 3 of the paper: each channel of each slice [n, c, h, w] minus its mean, over its deviation + 1e-3."""
    values = np.asarray(slices, dtype=np.float32)
    mean = values.mean((-2, -1), keepdims=True)
    centred = values - mean
    deviation = np.sqrt(np.mean(np.square(centred), axis=(-2, -1), keepdims=True))
    scored: Floats = centred / (deviation + np.float32(STD_OFFSET))
    return scored


def head_mask(volume: npt.NDArray[Any]) -> Bools:
    """[k, j, i] -> the head: the largest connected part that differs from air, holes filled slice by slice."""
    values = np.asarray(volume, dtype=np.float32)
    air = air_level(values)
    difference = np.abs(values - np.float32(air.level))
    if not np.isfinite(difference).all():
        difference[~np.isfinite(difference)] = 0
    top = float(np.percentile(sample(difference), TOP_PERCENTILE))
    if top <= 0:
        return np.zeros(values.shape, dtype=np.bool_)
    smooth = ndimage.uniform_filter(difference, size=(1, 3, 3), mode="nearest")
    mask = smooth > max(0.06 * top, 3 * air.noise)
    mask = ndimage.binary_opening(mask, structure=np.ones((1, 3, 3)))
    labels, count = ndimage.label(mask)
    if not count:
        return np.zeros(values.shape, dtype=np.bool_)
    sizes = np.bincount(labels.ravel())[1:]
    # Slices far apart may be disconnected: keep every part that is no speck beside the largest.
    keep = np.flatnonzero(sizes >= 0.02 * sizes.max()) + 1
    mask = np.isin(labels, keep)
    return np.stack([ndimage.binary_fill_holes(part) for part in mask])


def normalise_series(volume: npt.NDArray[Any], head: Bools | None = None) -> Floats:
    """[k, j, i] of any type -> float32 in 0..1 with air at 0.

    uint8 without grey air is divided by 255 and otherwise left alone (LGG layout). Everything else is scaled from the
    air's level to the 99.8th percentile of the head. Where air is grey (real-valued inversion recovery, z-scored
    volumes), everything outside ``head`` (from FLAIR where given, else found here) gets the head's low end.
    """
    values = np.asarray(volume)
    air = air_level(values)
    if values.dtype == np.uint8 and not air.grey:
        return values.astype(np.float32) / np.float32(255)
    source = values.astype(np.float32)
    source[~np.isfinite(source)] = air.level
    inside = head if head is not None else head_mask(source)
    tissue = sample(source[inside]) if inside.any() else source.ravel()
    low, high = (float(v) for v in np.percentile(tissue, (0.5, TOP_PERCENTILE)))
    if air.grey:
        source = np.where(inside, source, np.float32(low))
    else:
        low = air.level
    if high - low <= 0:
        return np.zeros(values.shape, dtype=np.float32)
    source -= np.float32(low)
    source /= np.float32(high - low)
    return np.clip(source, 0, 1, out=source)


def frame_of(
    head: Bools,
    *,
    pixel_spacing: tuple[float, float] = (1.0, 1.0),
    size: int = FRAME,
    head_side: int = HEAD_SIDE,
) -> Framing:
    """The framing in which the head's box over the whole study has its longer in-plane side ``head_side`` pixels.

    ``pixel_spacing`` (row, column) matters only by its ratio: the frame's pixels are square. Without a head the whole
    slice is taken.
    """
    shape = (int(head.shape[1]), int(head.shape[2]))
    rows, columns = np.flatnonzero(head.any(axis=(0, 2))), np.flatnonzero(head.any(axis=(0, 1)))
    box = [(0, shape[0]), (0, shape[1])]
    if rows.size and columns.size:
        box = [(int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)]
    sides = [(high - low) * spacing for (low, high), spacing in zip(box, pixel_spacing, strict=True)]
    frame_spacing = max(sides) / head_side
    scale = (frame_spacing / pixel_spacing[0], frame_spacing / pixel_spacing[1])
    origin = tuple((low + high) / 2 - step * size / 2 for (low, high), step in zip(box, scale, strict=True))
    return Framing(shape, size, scale, (origin[0], origin[1]))


def plausibility(flair: npt.NDArray[Any], other: npt.NDArray[Any], head: Bools | None = None) -> float:
    """0..1: how well ``other`` [k, j, i] can be another channel of the head in ``flair`` (same grid).

    The overlap (Dice) of the two heads, and 0 for a channel whose air is grey. ``head`` is FLAIR's, if known already.
    """
    if air_level(other).grey:
        return 0.0
    first, second = head_mask(flair) if head is None else head, head_mask(other)
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 0.0


def channel_plausible(flair: npt.NDArray[Any], other: npt.NDArray[Any], head: Bools | None = None) -> bool:
    """Whether ``other`` may stand beside ``flair``; if not, FLAIR takes its place."""
    return plausibility(flair, other, head) >= _PLAUSIBLE


def _resampling(source: int, target: int, scale: float, origin: float) -> Floats:
    """[target, source] weights of a triangle filter: output pixel t is centred on ``origin + (t + .5) * scale``."""
    centres = origin + (np.arange(target) + 0.5) * scale - 0.5
    reach = max(1.0, scale)
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(source)[None] - centres[:, None]) / reach)
    # Normalised by the whole filter, not by what lies inside: the source fades to 0 (air) at its edge.
    return (weights / reach).astype(np.float32)


def _separable(volume: Floats, rows: Floats, columns: Floats) -> Floats:
    """Resample [k, j, i] along j and i by two weight matrices, each with a few neighbouring weights a row.

    Not as matrix products: the linear algebra library's threads go on spinning for a while after each, on the cores
    that the network needs next.
    """
    return _weighted(_weighted(volume, rows, 1), columns, 2)


def _weighted(volume: Floats, weights: Floats, axis: int) -> Floats:
    """Sum of the source places that [target, source] ``weights`` name, along ``axis``."""
    used = weights != 0
    taps = max(1, int(used.sum(axis=1).max()))
    first = np.minimum(used.argmax(axis=1), max(0, weights.shape[1] - taps))
    shape = [1, 1, 1]
    shape[axis] = len(weights)
    total: Floats | None = None
    for tap in range(min(taps, weights.shape[1])):
        part = volume.take(first + tap, axis=axis)
        part *= weights[np.arange(len(weights)), first + tap].reshape(shape)
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    return total
