"""What a model gave for a study: probabilities on the source grid, and where they came from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tumorview.core.components import without_small
from tumorview.core.geometry import Geometry
from tumorview.core.labels import Colour, Label, LabelTable
from tumorview.core.mask import Box, Mask, MaskArray

Probabilities = npt.NDArray[np.float16]


@dataclass(frozen=True)
class ModelClass:
    """One foreground class of a model: its name, colour and the label number it is written as."""

    name: str
    label: int
    colour: Colour


@dataclass(frozen=True)
class Origin:
    """What made a Prediction; ``channels`` maps T1, FLAIR, T1CE to a series uid, or None where FLAIR stepped in.

    ``postprocess`` are sentences about what was done with the network's probabilities.
    """

    model_id: str
    weights_sha256: str
    engine: str
    device: str
    precision: str
    channels: dict[str, str | None]
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    postprocess: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PredictionPart:
    """Slices that are ready before the rest: foreground ``probabilities`` [class, *box.shape] of the source grid."""

    box: Box
    probabilities: Probabilities
    classes: tuple[ModelClass, ...]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Softmax ``probabilities`` [class, k, j, i] (float16) of the foreground ``classes`` on ``geometry``.

    The background's is what is left to 1. ``threshold`` is the model card's default. Masks are without 3-D pieces
    that hold less than ``smallest_share`` of the largest one's voxels.
    """

    probabilities: Probabilities
    geometry: Geometry
    classes: tuple[ModelClass, ...]
    origin: Origin
    threshold: float = 0.5
    study_id: str = field(default="")
    smallest_share: float = 0.0

    @property
    def labels(self) -> LabelTable:
        """The label table that a mask of this prediction has."""
        return labels_of(self.classes)

    def mask(self, threshold: float | None = None) -> Mask:
        """The Mask at ``threshold`` (the default one if None)."""
        voxels = label_voxels(
            self.probabilities, [c.label for c in self.classes], self.threshold if threshold is None else threshold
        )
        return Mask(without_small(voxels, self.smallest_share), self.geometry, self.labels)


def labels_of(classes: Sequence[ModelClass]) -> LabelTable:
    """The label table of a mask that a model with these foreground classes gives."""
    return LabelTable.of(Label(c.label, c.name, c.colour) for c in classes)


def label_voxels(probabilities: Probabilities, numbers: Sequence[int], threshold: float) -> MaskArray:
    """Labels [...] of foreground probabilities [class, ...]: the likeliest class where their sum >= ``threshold``."""
    if len(numbers) == 1:
        # Non-negative halves order like their bit patterns, and integers compare ten times faster than halves.
        level = np.float16(threshold).view(np.uint16)
        return np.asarray((probabilities[0].view(np.uint16) >= level) * np.uint8(numbers[0]))
    tumour = probabilities.astype(np.float32).sum(axis=0) >= np.float32(threshold)
    likeliest = np.asarray(numbers, np.uint8)[probabilities.argmax(axis=0)]
    return np.where(tumour, likeliest, np.uint8(0))
