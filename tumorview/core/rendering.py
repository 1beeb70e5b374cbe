"""Grey slices and mask overlays as RGBA pixels: the one renderer behind the views, thumbnails and PNG exports."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.colour_maps import ColourTable
from tumorview.core.contours import smooth_field
from tumorview.core.labels import STANDARD_OPACITY, Colour, Label, LabelTable
from tumorview.core.mask import MaskArray

Grey = npt.NDArray[np.uint8]
RGBA = npt.NDArray[np.uint8]
Slice2D = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

# Agreement with ground truth: apart from each other and from greys for every common colour vision, as labels are.
TRUE_POSITIVE: Colour = (120, 230, 120)
FALSE_POSITIVE: Colour = (213, 94, 0)
FALSE_NEGATIVE: Colour = (86, 180, 233)
AGREEMENT = LabelTable(
    (
        Label(1, "too much (FP)", FALSE_POSITIVE),
        Label(2, "missed (FN)", FALSE_NEGATIVE),
        Label(3, "found (TP)", TRUE_POSITIVE),
    )
)

HEAT_FADE = 0.1  # probability from which a heat map is as strong as it gets
_NEAR = 2.0  # pixels


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


def grey(pixels: Slice2D, window: Window, *, inverted: bool = False) -> Grey:
    """Window/level: [h, w] intensities as uint8 greys; not-a-number is black."""
    scaled = (pixels.astype(np.float32) - np.float32(window.low)) * np.float32(255.0 / window.width)
    if not np.issubdtype(pixels.dtype, np.integer):
        scaled = np.nan_to_num(scaled, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    levels = np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)
    return np.ascontiguousarray(255 - levels if inverted else levels)


class BoundaryStyle(StrEnum):
    """Where outlines run: ``SMOOTH`` below voxel size through the half level, ``VOXEL`` along the voxels' edges."""

    SMOOTH = "smooth"
    VOXEL = "voxel"


@dataclass(frozen=True)
class OverlayStyle:
    """How every label is drawn: ``opacity`` scales each label's fill, the boundary is opaque, ``boundary_width`` wide.

    A fill never gets more than opaque, so ``opacity`` may exceed 1 to make faint labels solid.

    The width is in pixels of the picture that is drawn: see ``scale`` of ``overlay``. The boundary lies on the outline,
    half inside the label and half outside; fills end at the outline.
    """

    opacity: float = 1.0
    fill: bool = True
    boundary: bool = True
    boundary_width: int = 2
    outline: BoundaryStyle = BoundaryStyle.SMOOTH


def overlay(mask: MaskArray, labels: LabelTable, style: OverlayStyle, *, scale: int = 1) -> RGBA:
    """Labels [h, w] as straight-alpha RGBA [h * scale, w * scale, 4]; background and hidden labels are transparent.

    ``scale`` draws each voxel as scale x scale pixels, so that a boundary can be thinner than a voxel. Boundaries
    lie over all fills.
    """
    picture = np.zeros((mask.shape[0] * scale, mask.shape[1] * scale, 4), np.uint8)
    found = bounds(mask)
    if found is None:
        return picture
    # Lines reach beyond the label.
    reach = 1 + math.ceil(style.boundary_width / 2 / scale)
    top, bottom = max(found[0] - reach, 0), min(found[1] + reach, mask.shape[0])
    left, right = max(found[2] - reach, 0), min(found[3] + reach, mask.shape[1])
    part = mask[top:bottom, left:right]
    present = set(np.unique(part).tolist())
    shown = [(label, _distance(part == label.number, style.outline, scale)) for label in labels.shown(present)]
    layer = Layer(part.shape[0] * scale, part.shape[1] * scale)
    for label, distance in shown:
        covered = (distance + 0.5).clip(0, 1) if style.outline is BoundaryStyle.SMOOTH else distance > 0
        layer.add(label.colour, covered * min(label.opacity * style.opacity * style.fill, 1.0))
    for label, distance in shown if style.boundary and style.boundary_width > 0 else ():
        layer.add(label.colour, _line(distance, style))
    picture[top * scale : bottom * scale, left * scale : right * scale] = layer.rgba()
    return picture


class Layer:
    """Colours [h, w] that are laid over each other, before they are laid over greys."""

    def __init__(self, height: int, width: int) -> None:
        self._colours = np.zeros((height, width, 3), np.float32)  # times their alpha
        self._alpha = np.zeros((height, width, 1), np.float32)

    def add(self, colour: Colour, alpha: npt.NDArray[Any]) -> None:
        """Lay ``colour`` over what is there, as strong as ``alpha`` [h, w] (0..1)."""
        over = alpha[..., None].astype(np.float32)
        self._colours += over * (np.asarray(colour, np.float32) - self._colours)
        self._alpha += over * (1 - self._alpha)

    def rgba(self) -> RGBA:
        """Straight-alpha RGBA [h, w, 4]."""
        straight = self._colours / np.maximum(self._alpha, np.float32(1e-6))
        straight = np.concatenate([straight, 255 * self._alpha], axis=-1)
        return np.asarray(np.rint(straight).clip(0, 255), dtype=np.uint8)


def fills(mask: MaskArray, labels: LabelTable, opacity: float) -> RGBA:
    """Labels [h, w] as straight-alpha RGBA [h, w, 4] without boundaries: one look-up, for a view that is painted on."""
    table = np.zeros((256, 4), np.uint8)
    for label in labels.shown(range(1, 256)):
        table[label.number] = (*label.colour, round(255 * min(label.opacity * opacity, 1.0)))
    return np.asarray(table[mask])


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
    picture = fills(agreement_labels(mask, truth), AGREEMENT, opacity / STANDARD_OPACITY)
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def heat(probabilities: Slice2D, table: ColourTable, opacity: float) -> RGBA:
    """Probabilities [h, w] (0..1) as straight-alpha RGBA [h, w, 4] in the colours of ``table`` [256, 3].

    Where the model sees next to nothing the greys stay clear: up to HEAT_FADE the colour fades in.
    Not-a-number is clear.
    """
    levels = np.arange(256)
    colours = np.empty((256, 4), np.uint8)
    colours[:, :3] = table
    colours[:, 3] = np.rint(255 * min(opacity, 1.0) * (levels / (255 * HEAT_FADE)).clip(0, 1))
    scaled = np.nan_to_num(probabilities.astype(np.float32), copy=False) * np.float32(255)
    return np.asarray(colours[np.rint(scaled).clip(0, 255).astype(np.uint8)])


def coloured(levels: Grey, table: ColourTable) -> RGBA:
    """Greys [h, w] in the colours of ``table`` [256, 3]: RGB [h, w, 3]."""
    return np.asarray(table[levels])


def composite(base: Grey | RGBA, layer: RGBA) -> npt.NDArray[np.uint8]:
    """A straight-alpha RGBA layer [h, w, 4] over greys [h, w] or colours [h, w, 3] as RGB [h, w, 3]."""
    colours = (base[..., None] if base.ndim == 2 else base).astype(np.uint16)
    alpha = layer[..., 3:].astype(np.uint16)
    mixed = colours * (255 - alpha) + layer[..., :3].astype(np.uint16) * alpha
    return np.asarray((mixed + 127) // 255, dtype=np.uint8)


def _distance(inside: npt.NDArray[np.bool_], outline: BoundaryStyle, scale: int) -> Floats:
    """How far each pixel [h * scale, w * scale] lies inside the outline of ``inside`` [h, w]; negative outside."""
    from scipy import ndimage  # a third of a second that a window which writes no pictures should not wait for

    if outline is BoundaryStyle.VOXEL:
        return _to_edges(np.pad(inside, 1).repeat(scale, axis=0).repeat(scale, axis=1), scale)
    field = ndimage.zoom(smooth_field(inside), scale, order=1, mode="nearest", grid_mode=True)
    far = _to_edges(field > 0.5, 2 * scale)
    down, right = np.gradient(field)
    # Close to the outline a fraction of a pixel counts: what a field that rises evenly says.
    near = (field - np.float32(0.5)) / np.maximum(np.hypot(down, right), np.float32(1e-3))
    return np.asarray(np.where(np.abs(far) < _NEAR, near[2 * scale : -2 * scale, 2 * scale : -2 * scale], far))


def _to_edges(inside: npt.NDArray[np.bool_], margin: int) -> Floats:
    """How far each pixel is from the edges of ``inside``, without ``margin`` pixels on each side; negative outside."""
    from scipy import ndimage

    far = np.where(inside, ndimage.distance_transform_edt(inside) - 0.5, 0.5 - ndimage.distance_transform_edt(~inside))
    return np.asarray(far[margin:-margin, margin:-margin], dtype=np.float32)


def _line(distance: Floats, style: OverlayStyle) -> Floats:
    """How much of each pixel a line on the outline covers (0..1)."""
    half = style.boundary_width / 2
    if style.outline is BoundaryStyle.SMOOTH:
        return np.asarray((half + 0.5 - np.abs(distance)).clip(0, 1))
    # Whole pixels: of an odd number the one more lies inside.
    return np.asarray((distance > -half) & (distance <= half), dtype=np.float32)
