"""Grey slices and mask overlays as RGBA pixels: the one renderer behind the views, thumbnails and PNG exports."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.labels import STANDARD_OPACITY, Colour, Label, LabelTable
from tumorview.core.mask import MaskArray

Grey = npt.NDArray[np.uint8]
RGBA = npt.NDArray[np.uint8]
Slice2D = npt.NDArray[Any]

# Agreement with ground truth; blue and orange stay apart for every common colour vision (Okabe & Ito 2008).
TRUE_POSITIVE: Colour = (0, 158, 115)
FALSE_POSITIVE: Colour = (213, 94, 0)
FALSE_NEGATIVE: Colour = (86, 180, 233)
AGREEMENT = LabelTable(
    (
        Label(1, "too much (FP)", FALSE_POSITIVE),
        Label(2, "missed (FN)", FALSE_NEGATIVE),
        Label(3, "found (TP)", TRUE_POSITIVE),
    )
)

_MAX_SAMPLE = 1_000_000


@dataclass(frozen=True)
class Window:
    """Window/level: intensities from ``centre - width/2`` to ``centre + width/2`` span black to white."""

    centre: float
    width: float

    @property
    def low(self) -> float:
        """Intensity shown black."""
        return self.centre - self.width / 2

    @property
    def high(self) -> float:
        """Intensity shown white."""
        return self.centre + self.width / 2

    @classmethod
    def of_range(cls, low: float, high: float) -> "Window":
        """The window from ``low`` to ``high``, at least a hair wide."""
        width = max(high - low, 1e-6 * max(abs(low), abs(high), 1.0))
        return cls((low + high) / 2, width)

    @classmethod
    def auto(cls, data: npt.NDArray[Any], low_percentile: float = 0.1, high_percentile: float = 99.9) -> "Window":
        """The window between two percentiles of the voxels that are finite and not padding (the commonest minimum).

        A volume above a million voxels is sampled evenly.
        """
        step = max(1, data.size // _MAX_SAMPLE)
        sample = data.reshape(-1)[::step].astype(np.float32)
        sample = sample[np.isfinite(sample)]
        if sample.size == 0:
            return cls(0.5, 1.0)
        tissue = sample[sample > sample.min()]
        low, high = np.percentile(tissue if tissue.size else sample, [low_percentile, high_percentile])
        return cls.of_range(float(low), float(high))


def grey(pixels: Slice2D, window: Window, *, inverted: bool = False) -> Grey:
    """Window/level: [h, w] intensities as uint8 greys; not-a-number is black."""
    scaled = (pixels.astype(np.float32) - np.float32(window.low)) * np.float32(255.0 / window.width)
    if not np.issubdtype(pixels.dtype, np.integer):
        scaled = np.nan_to_num(scaled, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    levels = np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)
    return np.ascontiguousarray(255 - levels if inverted else levels)


@dataclass(frozen=True)
class OverlayStyle:
    """How every label is drawn: ``opacity`` scales each label's fill, the boundary is opaque, ``boundary_width`` wide.

    A fill never gets more than opaque, so ``opacity`` may exceed 1 to make faint labels solid.

    The width is in pixels of the picture that is drawn: see ``scale`` of ``overlay``.
    """

    opacity: float = 1.0
    fill: bool = True
    boundary: bool = True
    boundary_width: int = 2


def overlay(mask: MaskArray, labels: LabelTable, style: OverlayStyle, *, scale: int = 1) -> RGBA:
    """Labels [h, w] as straight-alpha RGBA [h * scale, w * scale, 4]; background and hidden labels are transparent.

    ``scale`` draws each voxel as scale x scale pixels, so that a boundary can be thinner than a voxel.
    The boundary runs inside the label, along voxel edges.
    """
    picture = np.zeros((mask.shape[0] * scale, mask.shape[1] * scale, 4), np.uint8)
    found = bounds(mask)
    if found is None:
        return picture
    top, bottom, left, right = found
    part = _enlarged(mask[top:bottom, left:right], scale)
    target = picture[top * scale : bottom * scale, left * scale : right * scale]
    target[:] = _lookup(labels, style)[part]
    if style.boundary and style.boundary_width > 0:
        edge = boundary(part, style.boundary_width)
        target[edge] = _lookup(labels, OverlayStyle(boundary=False), solid=True)[part[edge]]
    return picture


def bounds(labels: Slice2D) -> tuple[int, int, int, int] | None:
    """(top, bottom, left, right), half-open, around everything but zeros in [h, w]; None where there is nothing."""
    rows, columns = np.flatnonzero(labels.any(axis=1)), np.flatnonzero(labels.any(axis=0))
    if rows.size == 0:
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def agreement_labels(mask: MaskArray, truth: MaskArray) -> MaskArray:
    """Two label slices [h, w] as the numbers of AGREEMENT: 1 too much, 2 missed, 3 found; 0 elsewhere."""
    return np.asarray((mask > 0) + 2 * (truth > 0).astype(np.uint8), dtype=np.uint8)


def agreement_overlay(mask: MaskArray, truth: MaskArray, *, opacity: float = 0.5, scale: int = 1) -> RGBA:
    """True positives, false positives and false negatives of two label slices [h, w] as RGBA [h*scale, w*scale, 4]."""
    style = OverlayStyle(opacity=opacity / STANDARD_OPACITY, boundary=False)
    return overlay(agreement_labels(mask, truth), AGREEMENT, style, scale=scale)


def boundary(labels: MaskArray, width: int) -> npt.NDArray[np.bool_]:
    """Pixels [h, w] of a label that lie within ``width`` pixels of another label, of background or of the border."""
    # A pixel is inside when all pixels within ``width`` (city-block, by repeated 4-neighbour steps) have its label.
    inside = labels > 0
    padded = np.pad(labels, 1)
    same = inside.copy()
    for neighbour in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        same &= neighbour == labels
    for _ in range(width - 1):
        grown = np.pad(same, 1)
        same = same & grown[:-2, 1:-1] & grown[2:, 1:-1] & grown[1:-1, :-2] & grown[1:-1, 2:]
    return np.asarray(inside & ~same)


def composite(base: Grey, layer: RGBA) -> npt.NDArray[np.uint8]:
    """A straight-alpha RGBA layer [h, w, 4] over greys [h, w] as RGB [h, w, 3]."""
    alpha = layer[..., 3:].astype(np.uint16)
    mixed = base[..., None].astype(np.uint16) * (255 - alpha) + layer[..., :3].astype(np.uint16) * alpha
    return np.asarray((mixed + 127) // 255, dtype=np.uint8)


def _enlarged(labels: npt.NDArray[np.uint8], scale: int) -> MaskArray:
    if scale == 1:
        return labels
    return np.asarray(labels.repeat(scale, axis=0).repeat(scale, axis=1), dtype=np.uint8)


def _lookup(labels: LabelTable, style: OverlayStyle, *, solid: bool = False) -> RGBA:
    table = np.zeros((256, 4), np.uint8)
    for label in labels:
        if not label.visible:
            continue
        opacity = 1.0 if solid else min(label.opacity * style.opacity * style.fill, 1.0)
        table[label.number] = (*label.colour, round(255 * opacity))
    return table
