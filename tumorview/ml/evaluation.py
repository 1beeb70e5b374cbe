"""Validation during training: Dice of the averaged weights on patients that are never trained on."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorview.core.metrics import Counts, count, mean_defined, total
from tumorview.errors import JobCancelled
from tumorview.ml.data import SliceSet
from tumorview.ml.preprocess import zscore
from tumorview.ml.samples import SampleSet
from tumorview.ml.training_report import ValidationScores

_BATCH = 16


@dataclass(frozen=True, slots=True)
class Validator:
    """Scores a network on the slices of some patients at one size."""

    slices: SliceSet
    patients: Sequence[str]
    size: int
    device: torch.device
    autocast: Callable[[], AbstractContextManager[Any]]
    cancelled: Callable[[], bool] = lambda: False
    stride: int = 1

    def __call__(self, model: nn.Module) -> ValidationScores:
        """Scores with the channels as they are and with FLAIR in all of them."""
        model.eval()
        counts = self._counts(model, flair_only=False)
        flair = self._counts(model, flair_only=True)
        per_patient = {name: counts[name].dice for name in counts}
        return ValidationScores(
            total(counts.values()).dice,
            mean_defined(per_patient.values()),
            total(flair.values()).dice,
            per_patient,
        )

    def samples(self, model: nn.Module, chosen: npt.NDArray[np.int64], step: int) -> SampleSet:
        """What the network finds on some slices, at this size, beside the truth; channels as they are."""
        model.eval()
        found, truths, images = [], [], []
        for start in range(0, len(chosen), _BATCH):
            part = chosen[start : start + _BATCH]
            raw, truth = self._raw(part)
            background = self._background(model, torch.from_numpy(zscore(raw.numpy())))
            found.append(np.rint((1 - background) * 255).astype(np.uint8))
            images.append(np.rint(raw[:, 1].numpy() * 255).astype(np.uint8))
            truths.append(truth)
        return SampleSet(step, np.concatenate(images), np.concatenate(truths), np.concatenate(found))

    def _counts(self, model: nn.Module, *, flair_only: bool) -> dict[str, Counts]:
        """Counts of each patient, summed over its slices."""
        chosen = self.slices.indices_of(self.patients)[:: self.stride * (2 if flair_only else 1)]
        owner = self.slices.owner[chosen]
        counts = {name: Counts(0, 0, 0) for name in self.patients}
        for start in range(0, len(chosen), _BATCH):
            if self.cancelled():
                raise JobCancelled
            part = chosen[start : start + _BATCH]
            images, truth = self._slices(part, flair_only)
            found = self._background(model, images) < 0.5
            for index in np.unique(owner[start : start + _BATCH]):
                rows = owner[start : start + _BATCH] == index
                counts[self.slices.patients[index]] += count(found[rows], truth[rows])
        return counts

    def _slices(self, chosen: npt.NDArray[np.int64], flair_only: bool) -> tuple[Tensor, npt.NDArray[np.bool_]]:
        """Network input and where the truth marks tumour."""
        images, truth = self._raw(chosen)
        if flair_only:
            images = images[:, [1, 1, 1]]
        return torch.from_numpy(zscore(images.numpy())), truth

    def _raw(self, chosen: npt.NDArray[np.int64]) -> tuple[Tensor, npt.NDArray[np.bool_]]:
        """Raw slices at the phase's size, in 0..1, and where the truth marks tumour."""
        images = torch.from_numpy(np.ascontiguousarray(self.slices.images[chosen])).float() / 255
        truth = torch.from_numpy(np.ascontiguousarray(self.slices.labels[chosen])) > 0
        if images.shape[-1] != self.size:
            images = functional.interpolate(images, size=(self.size, self.size), mode="area")
            resized = functional.interpolate(truth[:, None].float(), size=(self.size, self.size), mode="area")
            truth = resized[:, 0] >= 0.5
        return images, truth.numpy()

    @torch.no_grad()
    def _background(self, model: nn.Module, images: Tensor) -> npt.NDArray[np.float32]:
        """Probability [n, h, w] of background; one batch size keeps compiled code warm."""
        given = len(images)
        if given < _BATCH:
            images = torch.cat([images, images.new_zeros(_BATCH - given, *images.shape[1:])])
        images = images.to(self.device).contiguous(memory_format=torch.channels_last)
        with self.autocast():
            logits = model(images)
        background: npt.NDArray[np.float32] = logits[:given].float().softmax(1)[:, 0].cpu().numpy()
        return background
