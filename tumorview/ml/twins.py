"""Finding the same patient under two names: slices that are nearly identical."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorview.ml.data import SliceSet

Floats = npt.NDArray[np.float32]

_GRID = 32
# Measured on the 115 patients of lgg and brats18: different patients reach .90 at most; copies that were
# re-encoded, shifted by a pixel, rescaled or toned stay above .97.
TWIN_CORRELATION = 0.95
TWIN_SLICES = 2  # a single alike pair may be chance
_CONTENT = 0.15  # share of pixels above air
_ABOVE_AIR = 20


def find_twins(slices: SliceSet, training: Sequence[str], validation: Sequence[str]) -> list[str]:
    """Training patients with slices nearly identical to a validation patient's: one patient under two names."""
    trained, validated = (_with_content(slices, slices.indices_of(names)) for names in (training, validation))
    alike = fingerprints(slices.images[trained, 1]) @ fingerprints(slices.images[validated, 1]).T >= TWIN_CORRELATION
    counts = np.bincount(slices.owner[trained[alike.any(1)]], minlength=len(slices.patients))
    return [slices.patients[index] for index in np.flatnonzero(counts >= TWIN_SLICES)]


def fingerprints(images: npt.NDArray[np.uint8]) -> Floats:
    """[n, s, s] -> unit vectors [n, 1024]: thumbnails without their coarse brightness, to be correlated."""
    count, side = len(images), images.shape[1] // _GRID
    cut = images[:, : _GRID * side, : _GRID * side].reshape(count, _GRID, side, _GRID, side)
    thumbnails = cut.mean((2, 4), dtype=np.float32)
    detail = (thumbnails - ndimage.uniform_filter(thumbnails, (0, 5, 5))).reshape(count, -1)
    unit: Floats = detail / (np.linalg.norm(detail, axis=1, keepdims=True) + np.float32(1e-6))
    return unit


def shows_head(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """[n, s, s] -> [n] whether there is enough of a head to tell the slice from others."""
    shown: npt.NDArray[np.bool_] = (images[:, ::4, ::4] > _ABOVE_AIR).mean((1, 2)) > _CONTENT
    return shown


def alike(first: Floats, second: Floats) -> bool:
    """Whether two cases, each by the fingerprints [n, 1024] of its slices with a head, are one patient's image."""
    if not (len(first) and len(second)):
        return False
    near = (first @ second.T >= TWIN_CORRELATION).any(1)
    return int(np.count_nonzero(near)) >= min(TWIN_SLICES, len(first))


def _with_content(slices: SliceSet, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return chosen[shows_head(slices.images[chosen, 1])]
