"""The test of a trained row: every slice of the test patients, compared on the original 256x256 grid."""

import base64
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from tumorview.core.metrics import Counts, count, total
from tumorview.ml.data import SliceSet, site_of
from tumorview.ml.preprocess import zscore

_BATCH = 16
_FLAIR = 1
WORST = 4


@dataclass(frozen=True, eq=False)
class ScoredSlice:
    """One slice: ``patient`` and number from 1, counts, FLAIR and both masks [h, w]."""

    patient: str
    number: int
    counts: Counts
    flair: npt.NDArray[np.uint8]
    found: npt.NDArray[np.bool_]
    truth: npt.NDArray[np.bool_]

    @property
    def wrong(self) -> int:
        """Pixels that differ."""
        return self.counts.fp + self.counts.fn


def score(network: nn.Module, slices: SliceSet, units: Sequence[str], size: int) -> dict[str, Any]:
    """``patients`` with the counts of their test slices, and the ``worst`` of them as pictures."""
    scored: dict[str, list[ScoredSlice]] = defaultdict(list)
    for one in _scored(network, slices, units, size):
        scored[one.patient].append(one)
    patients = [
        {
            "id": patient,
            "site": site_of(patient),
            "slices": [[one.counts.tp, one.counts.fp, one.counts.fn] for one in group],
        }
        for patient, group in sorted(scored.items())
    ]
    return {"patients": patients, "worst": [_case(scored[patient]) for patient in _lowest(scored)]}


def _scored(network: nn.Module, slices: SliceSet, units: Sequence[str], size: int) -> Iterator[ScoredSlice]:
    network.eval()
    chosen = slices.indices_of(units)
    for start in range(0, len(chosen), _BATCH):
        part = chosen[start : start + _BATCH]
        images = np.ascontiguousarray(slices.images[part])
        for index, image, found in zip(part, images, _found(network, images, size), strict=True):
            patient, number = _place(slices, int(index))
            truth = slices.labels[index] > 0
            yield ScoredSlice(patient, number, count(found, truth), image[_FLAIR], found, truth)


@torch.no_grad()
def _found(network: nn.Module, images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.bool_]:
    """[n, h, w] of images [n, 3, h, w]: scaled down as in training, logits scaled back before the threshold of 0.5."""
    side = images.shape[-1]
    small = functional.interpolate(torch.from_numpy(images).float() / 255, size=(size, size), mode="area")
    inputs = torch.from_numpy(zscore(small.numpy())).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(inputs)
    logits = functional.interpolate(logits.float(), size=(side, side), mode="bilinear", align_corners=False)
    return (logits.softmax(1)[:, 0] < 0.5).numpy()


def _place(slices: SliceSet, index: int) -> tuple[str, int]:
    """Patient and slice number; with a split by slice the unit's name is ``<patient>/<number>``."""
    unit, _, number = slices.patients[slices.owner[index]].partition("/")
    if number:
        return unit, int(number)
    return unit, index - int(np.searchsorted(slices.owner, slices.owner[index])) + 1


def _lowest(scored: dict[str, list[ScoredSlice]]) -> list[str]:
    """The patients of lowest Dice that have tumour."""
    dice = {patient: total(one.counts for one in group).dice for patient, group in scored.items()}
    return sorted((patient for patient in dice if dice[patient] is not None), key=lambda p: (dice[p] or 0.0, p))[:WORST]


def _case(group: Sequence[ScoredSlice]) -> dict[str, Any]:
    worst = max(group, key=lambda one: one.wrong)
    return {
        "patient": worst.patient,
        "dice": total(one.counts for one in group).dice,
        "slice": worst.number,
        "picture": _encoded(worst),
    }


def _encoded(one: ScoredSlice) -> str:
    """A PNG in base64 whose red is FLAIR, green the truth and blue what was found (0 or 255)."""
    layers = np.stack([one.flair, one.truth * np.uint8(255), one.found * np.uint8(255)], axis=-1)
    file = io.BytesIO()
    Image.fromarray(layers).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
