"""Connected pieces of a mask."""

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import MaskArray


def without_small(voxels: MaskArray, share: float) -> MaskArray:
    """Labels [k, j, i] without the 3-D pieces (joined by faces) that hold less than ``share`` of the largest's voxels.

    The largest always stays, so a mask never becomes empty. Labels that touch are one piece.
    """
    from scipy import ndimage  # a third of a second that a window which predicts nothing should not wait for

    box = _box_of(voxels > 0)
    if share <= 0 or box is None:
        return voxels

    inside = voxels[box]
    pieces, count = ndimage.label(inside)
    if count == 1:
        return voxels
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept = np.zeros_like(voxels)
    kept[box] = np.where((sizes >= share * sizes.max())[pieces], inside, np.uint8(0))
    return kept


def _box_of(found: npt.NDArray[np.bool_]) -> tuple[slice, slice, slice] | None:
    """The smallest box around what is found; labelling it alone is much faster than the volume."""
    spans = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(found.any(axis=others))
        if not len(places):
            return None
        spans.append(slice(int(places[0]), int(places[-1]) + 1))
    return spans[0], spans[1], spans[2]
