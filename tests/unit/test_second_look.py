"""Two answers become one: the union where they agree in part, the intersection where they do not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tumorview.ml.second_look import combined

SHAPE = (1, 3, 12, 12)
PROBABILITIES = arrays(np.float16, (2, 2, 4, 4), elements=st.floats(0, 0.5, width=16))


def answers():
    return np.zeros(SHAPE, np.float16), np.zeros(SHAPE, np.float16)


def test_a_piece_that_both_see_in_part_is_kept_whole():
    first, second = answers()
    first[0, 1, 1:5, 1:5] = 0.9
    second[0, 1, 3:7, 1:5] = 0.8
    found = combined(first, second, 0.5)
    assert (found[0, 1, 1:7, 1:5] >= 0.5).all()
    assert np.count_nonzero(found >= 0.5) == 24
    assert found[0, 1, 3, 1] == np.float16(0.9)  # the surer one where both say so


def test_a_piece_that_one_alone_sees_goes_beside_one_that_both_see():
    first, second = answers()
    first[0, :2, 1:4, 1:4] = second[0, :2, 1:4, 1:4] = 0.9
    first[0, :, 8:11, 8:11] = 0.99
    second[0, :, 8:11, 8:11] = 0.2
    found = combined(first, second, 0.5)
    assert (found[0, :2, 1:4, 1:4] >= 0.5).all()
    assert (found[0, :, 8:11, 8:11] == np.float16(0.2)).all()


def test_the_largest_stays_where_they_agree_on_nothing():
    first, second = answers()
    first[0, 0, 1:4, 1:4] = 0.9
    second[0, 2, 8:10, 8:10] = 0.9
    found = combined(first, second, 0.5) >= 0.5
    assert found[0, 0, 1:4, 1:4].all()
    assert np.count_nonzero(found) == 9


def test_below_the_threshold_it_is_the_mean():
    first, second = answers()
    first[0, 0, 0, 0], second[0, 0, 0, 0] = 0.4, 0.2
    assert abs(combined(first, second, 0.5)[0, 0, 0, 0] - 0.3) < 1e-3


def test_the_classes_of_a_voxel_come_from_one_answer():
    """Tumour is the sum of the classes; a mixture of two answers could exceed 1."""
    first, second = (np.zeros((2, 1, 2, 2), np.float16) for _ in range(2))
    first[:, 0, 0, 0], second[:, 0, 0, 0] = (0.9, 0.05), (0.1, 0.8)
    assert combined(first, second, 0.5)[:, 0, 0, 0].tolist() == [np.float16(0.9), np.float16(0.05)]


@given(PROBABILITIES, PROBABILITIES)
def test_it_lies_between_both_and_does_not_depend_on_their_order(first: np.ndarray, second: np.ndarray):
    first, second = (np.stack([answer, answer[::-1]]) for answer in (first[0], second[0]))
    found = combined(first, second, 0.5)
    sums = [answer.sum(0, dtype=np.float32) for answer in (first, second, found)]
    assert (sums[2] <= np.maximum(sums[0], sums[1]) + 2e-3).all()
    assert (sums[2] >= np.minimum(sums[0], sums[1]) - 2e-3).all()
    other = combined(second, first, 0.5).sum(0, dtype=np.float32)
    np.testing.assert_allclose(other, sums[2], atol=2e-3)
    np.testing.assert_array_equal(combined(first, first, 0.5), first)
