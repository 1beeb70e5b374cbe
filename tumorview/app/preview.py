"""What the mask would become: shown while a prediction arrives or a threshold moves, and gone without a trace."""

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
        self._put(part.box, label_voxels(part.probabilities, numbers, threshold))

    def put_prediction(self, prediction: Prediction, threshold: float) -> None:
        """Show a whole prediction cut at ``threshold``."""
        self._put(Box.whole(self.mask.geometry.shape), prediction.mask(threshold).data)

    def follow(self, box: Box) -> None:
        """The mask changed in ``box`` (a stroke while slices arrive): show its own voxels, and only those."""
        now, base = self.mask.data[box.slices], self._base[box.slices]
        np.copyto(self.voxels[box.slices], now, where=now != base)
        base[...] = now

    def _put(self, box: Box, voxels: MaskArray) -> None:
        target = self.voxels[box.slices]
        target[...] = voxels
        if not self.replace_human:
            np.copyto(target, self.mask.data[box.slices], where=self.mask.human(box))
