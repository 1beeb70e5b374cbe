"""Two answers of a network about the same slices, as they are and changed (mirrored, darker), made into one.

The network is sure of itself either way, so a mean of both at a threshold of one half keeps only what both see, and
loses what one of them missed. A union keeps it, and with it what only one of them took for tumour somewhere else.
So: the union within pieces on which both agree in part, the intersection in the other pieces.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorview.core.prediction import Probabilities

# Standard deviations. Tried on the validation patients: 0, 0.3, 0.6 (full model), -0.15 to 0.9 (lite).
DARKER = np.float32(0.45)
_AGREED = 0.1  # of a piece's voxels; anything from 1 to 20 % scores the same on the validation patients


def changed(slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Z-scored slices [n, c, h, w] as the second look sees them: mirrored, and darker by ``DARKER``."""
    return slices[..., ::-1] - DARKER


def combined(first: Probabilities, second: Probabilities, threshold: float) -> Probabilities:
    """Probabilities [class, k, j, i] of foreground classes from two answers of that shape.

    Pieces are the 3-D pieces (joined by faces) in which either answer's tumour (the sum of the classes) reaches
    ``threshold``. Outside of them the mean is taken. If no piece is agreed on, the one nearest to it counts as such.
    """
    tumour = [answer.sum(0, dtype=np.float32) for answer in (first, second)]
    surer = tumour[0] >= tumour[1]
    union, agreed = (compare(tumour[0], tumour[1]) >= threshold for compare in (np.maximum, np.minimum))
    pieces, count = ndimage.label(union)
    mean = ((first.astype(np.float32) + second) / 2).astype(np.float16)
    if not count:
        return mean
    kept = _agreed_pieces(pieces, agreed, count)[pieces]
    higher, lower = np.where(surer, first, second), np.where(surer, second, first)
    return np.where(kept, higher, np.where(union, lower, mean))


def _agreed_pieces(pieces: npt.NDArray[np.int32], agreed: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.bool_]:
    """[count + 1] which pieces both answers see; the background, 0, is none."""
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    share = np.bincount(pieces[agreed], minlength=count + 1) / np.maximum(sizes, 1)
    share[0] = -1
    seen: npt.NDArray[np.bool_] = share >= _AGREED
    if not seen.any():
        nearest = np.flatnonzero(share == share.max())
        seen[nearest[sizes[nearest].argmax()]] = True
    return seen
