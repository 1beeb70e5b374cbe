"""Label numbers from what files store them as: 0/255 pictures, label numbers, booleans, whole floats."""

from pathlib import Path

import numpy as np

from tumorview.core.labels import LabelTable
from tumorview.core.mask import MaskArray
from tumorview.errors import ReadError
from tumorview.io.pixels import Pixels, to_grey

MAX_LABELS = 64  # distinct values; a mask with more is an image
_WHOLE_TOLERANCE = 1e-3  # label numbers that were stored as scaled floats come back a little off


def labels_of(values: Pixels, path: Path, *, spatial_dimensions: int = 3) -> MaskArray:
    """uint8 label numbers of mask voxels; a 0/255 picture becomes label 1.

    Colour pictures must be grey. Raises ReadError where the values are not label numbers 0..255.
    """
    if values.ndim == spatial_dimensions + 1:
        values, coloured = to_grey(values)
        if coloured:
            raise _not_a_mask(path, "it is a colour picture")
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    whole = np.rint(values) if values.dtype.kind == "f" else values
    if values.dtype.kind == "f" and not np.allclose(values, whole, rtol=0, atol=_WHOLE_TOLERANCE):
        raise _not_a_mask(path, "its values are not whole numbers")
    numbers = np.unique(whole)
    if numbers.size > MAX_LABELS:
        raise _not_a_mask(path, f"it has {numbers.size} different values")
    if numbers[0] < 0 or (numbers[-1] > 255 and numbers.size > 2):
        raise _not_a_mask(path, f"its values run from {numbers[0]:g} to {numbers[-1]:g}")
    if numbers[0] == 0 and numbers.size == 2 and numbers[-1] >= 255:  # a black and white picture, 8 or 16 bits
        return (whole > 0).astype(np.uint8)
    if numbers.size == 1 and numbers[0] >= 255:
        return np.ones(whole.shape, np.uint8)
    return whole.astype(np.uint8)


def table_for(data: MaskArray) -> LabelTable:
    """The label table of a mask that came without one: "Tumour" where label 1 stands alone, otherwise numbers."""
    numbers = set(np.unique(data).tolist()) - {0}
    return LabelTable.whole_tumour() if numbers <= {1} else LabelTable(()).covering(numbers)


def looks_like_labels(values: Pixels) -> bool:
    """Whether voxels are few whole numbers from 0 up, as a mask has them."""
    try:
        labels_of(values, Path(), spatial_dimensions=values.ndim)
    except ReadError:
        return False
    return True


def _not_a_mask(path: Path, reason: str) -> ReadError:
    return ReadError(f"'{path.name}' is not a mask: {reason}.", "Open a file of label numbers 0 to 255.")
