"""What the mask would become: shown while a prediction arrives or a threshold moves, and gone without a trace."""

from collections.abc import Sequence

import numpy as np

from tumorview.core.mask import Box, Mask, MaskArray
from tumorview.core.prediction import Prediction, PredictionPart, label_voxels


class Preview:
    """Labels ``voxels`` [k, j, i] over ``mask`` that are not in it yet.

    Voxels set by hand show through, unless ``replace_human`` says that the prediction takes their place.
    """

    def __init__(self, mask: Mask, *, replace_human: bool = False) -> None:
        self.mask = mask
        self.replace_human = replace_human
        self.voxels: MaskArray = mask.data.copy()
        self._base: MaskArray = mask.data.copy()  # the mask as this preview knows it

    def put_part(self, part: PredictionPart, threshold: float) -> None:
        """Show slices of a prediction that is under way."""
        numbers = [model_class.label for model_class in part.classes]
        self._put(part.box, label_voxels(part.probabilities, numbers, threshold), numbers)

    def put_prediction(self, prediction: Prediction, threshold: float) -> None:
        """Show a whole prediction cut at ``threshold``."""
        numbers = [model_class.label for model_class in prediction.classes]
        self._put(Box.whole(self.mask.geometry.shape), prediction.mask(threshold).data, numbers)

    def follow(self, box: Box) -> None:
        """The mask changed in ``box`` (a stroke while slices arrive): show its own voxels, and only those."""
        now, base = self.mask.data[box.slices], self._base[box.slices]
        np.copyto(self.voxels[box.slices], now, where=now != base)
        base[...] = now

    def _put(self, box: Box, voxels: MaskArray, numbers: Sequence[int]) -> None:
        self.voxels[box.slices] = merged(self.mask, box, voxels, numbers, replace_human=self.replace_human)


def merged(mask: Mask, box: Box, voxels: MaskArray, numbers: Sequence[int], *, replace_human: bool) -> MaskArray:
    """What ``box`` of ``mask`` becomes when a prediction that writes the labels ``numbers`` finds ``voxels`` there.

    Those labels are as predicted; other labels stay where nothing is predicted. Locked labels stay, and are not
    written; so do voxels set by hand, unless ``replace_human``.
    """
    now = mask.data[box.slices]
    locked = np.zeros(256, bool)
    locked[[label.number for label in mask.labels if label.locked]] = True
    fresh = np.zeros(256, bool)
    fresh[list(numbers)] = True
    found = np.where(voxels > 0, voxels, np.where(fresh[now], np.uint8(0), now))
    kept = locked[now] | locked[found]
    if not replace_human:
        kept |= mask.human(box)
    return np.where(kept, now, found)
