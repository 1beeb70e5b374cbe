"""How unsure a model is, voxel by voxel and slice by slice, so that the reader looks first where it matters most.

A slice's doubt is the area that is wrong by the model's own probabilities: that of tumour where the mask has none, and
what is left to 1 where it has some. Networks are too sure of themselves: the order of slices means something, the
amount does not. What a person has set or loaded is certain: what was corrected leaves the list.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import MaskArray, Provenance
from tumorview.core.prediction import Probabilities

Floats = npt.NDArray[np.float32]

_NATURAL_TO_BITS = np.float32(1 / np.log(2))
_FAINT = 0.02  # probabilities below it are the network's background, and there are very many of them
_FAINT_BITS = np.float16(_FAINT).view(np.uint16)  # non-negative halves order like their bits, and those compare faster


def entropy(tumour: npt.NDArray[np.float32]) -> Floats:
    """Bits of doubt (0 sure, 1 a coin's) of probabilities of tumour [...] in 0..1."""
    inside = np.clip(tumour.astype(np.float32), 1e-6, 1 - 1e-6)
    outside = 1 - inside
    doubt = -(inside * np.log(inside) + outside * np.log(outside)) * _NATURAL_TO_BITS
    return np.asarray(np.where((tumour <= 0) | (tumour >= 1), np.float32(0), doubt), dtype=np.float32)


def slice_doubts(
    probabilities: Probabilities, mask: MaskArray, provenance: MaskArray, axis: int
) -> npt.NDArray[np.float64]:
    """Voxels expected to be wrong in each slice along array axis ``axis`` (0 k, 1 j, 2 i).

    ``probabilities`` [class, k, j, i] of the foreground classes, ``mask`` and ``provenance`` [k, j, i] as they are now.
    """
    doubts = np.zeros(mask.shape[axis])
    for index in range(mask.shape[axis]):
        place = _slice(axis, index)
        part = probabilities[(slice(None), *place)]
        labelled = mask[place] > 0
        if not labelled.any() and part.view(np.uint16).max() < _FAINT_BITS:
            continue
        tumour = part.astype(np.float32).sum(axis=0).clip(0, 1)
        tumour[tumour < _FAINT] = 0
        wrong = np.where(labelled, 1 - tumour, tumour)
        doubts[index] = float(wrong[provenance[place] <= Provenance.AI].sum())
    return doubts


def most_doubtful_first(doubts: npt.NDArray[np.float64], least: float = 1.0) -> list[int]:
    """The slices with at least ``least`` voxels of doubt, the greatest first."""
    order = np.argsort(-doubts, kind="stable").tolist()
    return [int(index) for index in order if doubts[index] >= least]


def next_in(order: Sequence[int], current: int, step: int = 1) -> int | None:
    """The slice after ``current`` in ``order`` (or before it), around its ends; None where there is none."""
    if not order:
        return None
    return order[(order.index(current) + step) % len(order)] if current in order else order[0]


def _slice(axis: int, index: int) -> tuple[slice | int, ...]:
    return tuple(index if axis == one else slice(None) for one in range(3))
