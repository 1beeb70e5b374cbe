"""Real studies as they come, segmented directly: raw series on their own grids, one cohort's volumes without a T1."""

from pathlib import Path

import numpy as np
import pytest

from tumorview.app import tasks
from tumorview.core.prediction import Prediction
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Study
from tumorview.ml.inputs import presented
from tumorview.ml.preprocess import head_mask

# Of the mask that the LGG data set has for this patient (26 slices as well), as the axial view presents it: its slices,
# and the middle of the lesion as shares of the head's box from the lowest slice, the front and the patient's right.
LGG_SLICES = range(14, 21)
LGG_MIDDLE = (0.663, 0.384, 0.208)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> tasks.Segmenter:
    return tasks.Segmenter(tmp_path_factory.mktemp("user"))


def segmented(study: Study, segmenter: tasks.Segmenter) -> Prediction:
    # Not "auto": it measures every engine in a fresh folder.
    return tasks.segment(study, tasks.SegmentOptions(engine="torch"), segmenter=segmenter)


@pytest.fixture(scope="module")
def raw_lesion(shared_data: Path, segmenter: tasks.Segmenter) -> tuple[np.ndarray, list[float]]:
    """The mask [slice, row, column] as presented, and its middle as shares of the head's box."""
    study = tasks.open_study(shared_data / "nifti" / "TCGA-FG-6692_raw")
    channels = {role: series and series.role for role, series in study.channels.items()}
    assert channels == {Role.T1: Role.T1, Role.FLAIR: Role.FLAIR, Role.T1CE: Role.T1CE}
    prediction = segmented(study, segmenter)
    assert all(prediction.origin.channels.values())  # none was replaced by FLAIR
    mask = prediction.mask()
    view = PlaneView.of(mask.geometry, Plane.AXIAL)
    lesion = np.asarray(presented(mask.data, view)) > 0
    head = head_mask(np.asarray(presented(study.reference.volume.data, view)))
    places, box = np.nonzero(lesion), np.nonzero(head)
    middle = [(one.mean() - all_.min()) / (np.ptp(all_) + 1) for one, all_ in zip(places, box, strict=True)]
    return lesion, middle


def test_raw_series_on_their_own_grids_give_the_lesion_in_the_slices_of_the_lgg_mask(raw_lesion) -> None:
    lesion, _ = raw_lesion
    there = lesion[LGG_SLICES.start : LGG_SLICES.stop]
    assert there.any(axis=(1, 2)).sum() >= len(LGG_SLICES) - 1
    assert there.sum() > lesion.sum() / 2


def test_raw_series_on_their_own_grids_give_next_to_nothing_else(raw_lesion) -> None:
    lesion, middle = raw_lesion
    assert middle == pytest.approx(LGG_MIDDLE, abs=0.08)
    assert lesion[LGG_SLICES.start : LGG_SLICES.stop].sum() / lesion.sum() > 0.8
