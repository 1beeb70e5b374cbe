"""What augmentation makes of the training slices, as pictures for the recipe page; only the jobs load torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorview.app.jobs import JobContext
from tumorview.app.training_store import prepared_folder
from tumorview.core.labels import LabelTable
from tumorview.core.rendering import OverlayStyle, composite, overlay
from tumorview.ml.data import discover
from tumorview.ml.data_files import read_pair
from tumorview.ml.recipes import AugmentSettings

Bytes = npt.NDArray[np.uint8]

_LOW, _HIGH = 1.0, 99.5  # percentiles that are shown black and white


@dataclass(frozen=True, eq=False)
class PreviewSlices:
    """Slices with tumour: images [n, 3, s, s] and labels [n, s, s], one of each case."""

    images: Bytes
    labels: Bytes


def load_preview(run_folder: Path, case_ids: Sequence[str], context: JobContext) -> PreviewSlices:
    """A job: of each case the slice with most tumour."""
    images, labels = [], []
    for done, case_id in enumerate(case_ids):
        context.check()
        context.report(done / len(case_ids), "Reading slices")
        (patient,) = discover([prepared_folder(run_folder, case_id)])
        slices = [read_pair(pair) for pair in patient.pairs]
        image, label = max(slices, key=lambda pair: int(np.count_nonzero(pair[1])))
        images.append(image)
        labels.append(label)
    return PreviewSlices(np.concatenate(images), np.concatenate(labels))


def augmented(
    slices: PreviewSlices, settings: AugmentSettings, size: int, seed: int, context: JobContext
) -> list[Bytes]:
    """A job: the FLAIR of each slice as the network may see it in training, RGB [size, size, 3], the mask outlined."""
    from tumorview.ml.augment import varied

    context.check()
    values, labels = varied(settings, size, slices.images, slices.labels, seed)
    pictures = []
    for image, label in zip(values[:, 1], labels, strict=True):
        context.check()
        low, high = np.percentile(image, (_LOW, _HIGH))
        grey = np.clip((image - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
        mask = (label > 0).astype(np.uint8)
        outline = overlay(mask, LabelTable.whole_tumour(), OverlayStyle(fill=False, boundary_width=2))
        pictures.append(np.ascontiguousarray(composite(grey, outline)[..., :3]))
    return pictures
