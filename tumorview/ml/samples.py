"""Sample predictions: what the network finds on a few slices of the validation patients, kept at each validation.

``samples/step-000250.npz`` in the run's folder holds FLAIR, ground truth and probability of always the same slices; no
name or id of a patient. This module needs no torch, so that a front end can read what the trainer wrote.
"""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorview.ml.data import SliceSet

Bytes = npt.NDArray[np.uint8]

FOLDER = "samples"
COUNT = 4  # slices
KEEP = 24  # validations
_NAME = re.compile(r"step-(\d+)\.npz")


@dataclass(frozen=True, slots=True, eq=False)
class SampleSet:
    """Some slices after ``step``: FLAIR [n, s, s], ground truth [n, s, s] and probability [n, s, s], all 0..255."""

    step: int
    images: Bytes
    truth: npt.NDArray[np.bool_]
    probability: Bytes


def choose_samples(slices: SliceSet, patients: Sequence[str], count: int = COUNT) -> npt.NDArray[np.int64]:
    """Slices to look at: the largest tumour of as many patients as there are, then smaller ones of the same."""
    ranked = []
    for name in patients:
        chosen = slices.indices_of([name])
        areas = np.fromiter((np.count_nonzero(slices.labels[index]) for index in chosen), np.int64, len(chosen))
        with_tumour = chosen[areas > 0][np.argsort(-areas[areas > 0], kind="stable")]
        if len(with_tumour):
            ranked.append(with_tumour)
    step = max(1, len(ranked) // count)
    found: list[int] = []
    for depth in range(count):
        for order in ranked[::step]:
            place = int(order[min(len(order) - 1, depth * len(order) // count)])
            if place not in found and len(found) < count:
                found.append(place)
    return np.asarray(found, dtype=np.int64)


def write_samples(run: Path, samples: SampleSet) -> None:
    """Write beside and rename; then let go of old ones. Raises OSError, which a caller may take lightly."""
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    partial = folder / f".step-{samples.step:06d}.part"
    try:
        with partial.open("wb") as file:
            np.savez_compressed(
                file, images=samples.images, truth=np.packbits(samples.truth, axis=-1), probability=samples.probability
            )
        partial.replace(folder / f"step-{samples.step:06d}.npz")
    finally:
        partial.unlink(missing_ok=True)
    steps = sample_steps(run)
    for step in steps[1 : max(1, len(steps) - KEEP + 1)]:  # the first one stays, to compare with
        _path(run, step).unlink(missing_ok=True)


def read_samples(run: Path, step: int) -> SampleSet | None:
    """The samples of one validation; None where they cannot be read."""
    try:
        with _path(run, step).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            images, probability = stored["images"], stored["probability"]
            truth = np.unpackbits(stored["truth"], axis=-1, count=images.shape[-1]).astype(np.bool_)
    except (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
        return None
    if not images.shape == truth.shape == probability.shape or images.ndim != 3:
        return None
    return SampleSet(step, images.astype(np.uint8), truth, probability.astype(np.uint8))


def sample_steps(run: Path) -> list[int]:
    """Steps of which there are samples, in order."""
    try:
        names = [path.name for path in (run / FOLDER).iterdir()]
    except OSError:
        return []
    return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))


def forget_samples(run: Path, after: int) -> None:
    """Remove samples of steps that a resumed run takes again, and what was being written when it was killed."""
    for step in sample_steps(run):
        if step > after:
            _path(run, step).unlink(missing_ok=True)
    for torn in (run / FOLDER).glob(".*.part"):
        torn.unlink(missing_ok=True)


def _path(run: Path, step: int) -> Path:
    return run / FOLDER / f"step-{step:06d}.npz"
