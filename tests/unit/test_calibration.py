"""Reliability of probabilities: bins and errors by hand."""

import numpy as np
import pytest

from tumorview.core.calibration import Reliability


def test_bins_and_errors_by_hand():
    p = np.array([0.1, 0.2, 0.7, 0.8, 1.0])
    truth = np.array([0, 1, 1, 0, 1])
    found = Reliability.of(p, truth, bins=2)
    assert found.voxels.tolist() == [2, 3]
    assert found.tumour.tolist() == [1, 2]
    assert found.probability.tolist() == pytest.approx([0.3, 2.5])
    assert found.expected_error == pytest.approx((0.7 + 0.5) / 5)
    assert found.largest_error == pytest.approx(0.7 / 2)


def test_calibrated_probabilities_have_no_error():
    p = np.repeat([0.25, 0.75], 4)
    truth = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    assert Reliability.of(p, truth, bins=4).expected_error == pytest.approx(0.0)


def test_parts_add_up_to_the_whole():
    random = np.random.default_rng(0)
    p, truth = random.random((2, 8, 8)).astype(np.float16), random.integers(0, 2, (2, 8, 8))
    parts = Reliability.of(p[0], truth[0]) + Reliability.of(p[1], truth[1])
    whole = Reliability.of(p, truth)
    assert parts.to_dict()["voxels"] == whole.to_dict()["voxels"]
    assert parts.expected_error == pytest.approx(whole.expected_error)


def test_background_nobody_asks_about_can_be_left_out():
    p = np.array([0.0, 0.0, 0.0, 0.5])
    truth = np.array([0, 0, 0, 1])
    assert Reliability.of(p, truth).expected_error == pytest.approx(0.125)
    assert Reliability.of(p, truth, lowest=0.01).expected_error == pytest.approx(0.5)


def test_nothing_counted_is_undefined():
    empty = Reliability.empty()
    assert empty.expected_error is empty.largest_error is None
    assert empty.to_dict()["tumour_share"] == [None] * 15
    assert (empty + Reliability.of(np.array([1.0]), np.array([1]))).expected_error == 0.0
