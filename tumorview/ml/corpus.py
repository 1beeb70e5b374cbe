"""What a run trains and validates on: slices read once, split by patient, and free of twins across the split."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric

from tumorview.errors import TrainingError
from tumorview.ml.data import PatientFiles, SliceSet, discover, draw_test_patients, load_slices, split_patients
from tumorview.ml.recipes import Recipe
from tumorview.ml.twins import find_twins


@dataclass(frozen=True, slots=True)
class Corpus:
    """Slices and the ids of training, validation and test patients; ``twins`` were left out of training.

    With ``split = "slice"`` in the recipe every slice counts as a patient of its own, ``<patient>/<n>``.
    """

    slices: SliceSet
    training: list[str]
    validation: list[str]
    twins: list[str]
    test: list[str] = field(default_factory=list)


def load_corpus(data: Sequence[Path], recipe: Recipe, cache: Path, fabric: Fabric) -> Corpus:
    """Read, check and split the data sets of a run."""
    patients = discover(data)
    by_slice = recipe.data.split == "slice"
    split = _Split.of(patients, recipe)
    with fabric.rank_zero_first():  # the others find the cache
        slices = load_slices(patients, cache=cache)
    slices = checked_labels(slices, recipe.model.classes)
    if by_slice:
        slices = slice_by_slice(slices)
        split = _Split.of([PatientFiles(name, "local", ()) for name in slices.patients], recipe)
    # Neighbouring slices are twins of a kind: a split by slice is asked for with them.
    twins = [] if by_slice else find_twins(slices, split.training, split.validation + split.test)
    training = [name for name in split.training if name not in twins]
    if not slices.with_tumour()[slices.indices_of(training)].any():
        raise TrainingError("No training patient has a marked tumour.", "Check the masks and the validation list.")
    return Corpus(slices, training, split.validation, twins, split.test)


@dataclass(frozen=True, slots=True)
class _Split:
    training: list[str]
    validation: list[str]
    test: list[str]

    @classmethod
    def of(cls, patients: Sequence[PatientFiles], recipe: Recipe) -> "_Split":
        """The recipe's shares of the patients; the test ones are drawn first."""
        settings = recipe.data
        test = draw_test_patients(patients, settings.test_share, recipe.seed, named=settings.test)
        rest = [patient for patient in patients if patient.id not in set(test)]
        training, validation = split_patients(
            rest, validation=settings.validation, share=settings.validation_share, seed=recipe.seed
        )
        return cls(training, validation, test)


def slice_by_slice(slices: SliceSet) -> SliceSet:
    """The same slices, each as a patient of its own."""
    first: dict[int, int] = {}
    names = []
    for index, owner in enumerate(slices.owner.tolist()):
        start = first.setdefault(owner, index)
        names.append(f"{slices.patients[owner]}/{index - start + 1}")
    return replace(slices, patients=tuple(names), owner=np.arange(len(names), dtype=np.int64))


def checked_labels(slices: SliceSet, classes: int) -> SliceSet:
    """With two classes any label is tumour; with more, every label needs its class."""
    highest = int(slices.labels.max())
    if classes == 2 and highest > 1:
        return replace(slices, labels=(slices.labels > 0).astype(np.uint8))
    if highest >= classes:
        raise TrainingError(
            f"The masks hold label {highest}, but the recipe has {classes} classes.", "Raise model.classes."
        )
    return slices
