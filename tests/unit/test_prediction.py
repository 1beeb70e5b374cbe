"""Predictions: thresholds at the edges, one class and several, labels as the model's card numbers them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorview.core.geometry import Geometry
from tumorview.core.prediction import ModelClass, Origin, Prediction, label_voxels

GRID = Geometry.from_spacing((1, 2, 3), (1, 1, 1))
ORIGIN = Origin("m", "0" * 64, "torch", "cpu", "float32", {"T1": None, "FLAIR": "f", "T1CE": None})
TUMOUR = ModelClass("Tumour", 1, (255, 0, 0))
CORE = ModelClass("Core", 4, (0, 255, 0))


def _prediction(values, classes=(TUMOUR,), threshold: float = 0.5) -> Prediction:
    return Prediction(np.asarray(values, np.float16), GRID, classes, ORIGIN, threshold)


def test_a_probability_at_the_threshold_is_tumour():
    prediction = _prediction([[[[0.0, 0.49, 0.5], [0.51, 1.0, 0.25]]]])
    np.testing.assert_array_equal(prediction.mask().data, [[[0, 0, 1], [1, 1, 0]]])
    np.testing.assert_array_equal(prediction.mask(0.25).data, [[[0, 1, 1], [1, 1, 1]]])
    assert prediction.mask().geometry is GRID
    assert [label.name for label in prediction.mask().labels] == ["Tumour"]


def test_the_default_threshold_is_the_predictions_own():
    assert _prediction(np.full((1, 1, 2, 3), 0.4), threshold=0.3).mask().data.all()


def test_masks_are_without_pieces_that_are_small_beside_the_largest():
    values = np.zeros((1, 1, 2, 3))
    values[0, 0, :, 0], values[0, 0, 0, 2] = 0.9, 0.9  # two voxels, and one apart
    assert _prediction(values).mask().data.sum() == 3
    slim = replace(_prediction(values), smallest_share=0.6)
    np.testing.assert_array_equal(slim.mask().data, [[[1, 0, 0], [1, 0, 0]]])
    assert slim.probabilities[0, 0, 0, 2] > 0.8  # the probabilities stay as the network gave them


def test_of_several_classes_the_likeliest_wins_where_their_sum_reaches_the_threshold():
    values = np.zeros((2, 1, 2, 3))
    values[:, 0, 0, 0] = 0.3, 0.25  # together tumour, oedema likelier
    values[:, 0, 0, 1] = 0.1, 0.7
    values[:, 0, 0, 2] = 0.2, 0.2  # together below
    prediction = _prediction(values, (TUMOUR, CORE))
    np.testing.assert_array_equal(prediction.mask().data, [[[1, 4, 0], [0, 0, 0]]])
    assert [label.number for label in prediction.labels] == [1, 4]


@pytest.mark.parametrize("classes", [1, 3])
@given(st.data())
def test_a_higher_threshold_never_adds_voxels(classes: int, data):
    values = data.draw(hnp.arrays(np.float16, (classes, 2, 3, 3), elements=st.floats(0, 1, width=16)))
    probabilities = values / max(1, classes)
    low, high = sorted(data.draw(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1))))
    numbers = list(range(1, classes + 1))
    loose = label_voxels(probabilities, numbers, low)
    strict = label_voxels(probabilities, numbers, high)
    assert loose.dtype == np.uint8
    np.testing.assert_array_equal(strict[strict > 0], loose[strict > 0])
