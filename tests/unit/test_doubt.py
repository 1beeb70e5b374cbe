"""Doubt is what is expected to be wrong, slice by slice, and goes away where a person has looked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorview.core.doubt import entropy, most_doubtful_first, next_in, slice_doubts
from tumorview.core.mask import Provenance

SHAPE = (4, 6, 5)


def probabilities(values: dict[int, float]) -> np.ndarray:
    """One class; a 2x2 patch of ``values[k]`` in slice k."""
    result = np.zeros((1, *SHAPE), np.float16)
    for k, value in values.items():
        result[0, k, 1:3, 1:3] = value
    return result


def test_entropy_is_one_bit_at_a_half_and_none_where_sure() -> None:
    values = entropy(np.array([0.0, 0.5, 1.0, 0.11], np.float32))
    assert values[:3].tolist() == pytest.approx([0.0, 1.0, 0.0])
    assert values[3] == pytest.approx(0.49992, abs=1e-4)


@given(st.floats(0, 1, width=32))
def test_entropy_is_the_same_for_tumour_and_background(value: float) -> None:
    both = entropy(np.array([value, 1 - value], np.float32))
    assert 0 <= both[0] <= 1 + 1e-6
    assert both[0] == pytest.approx(both[1], abs=1e-3)


def test_missed_and_marked_voxels_both_count() -> None:
    given_ = probabilities({0: 0.25, 2: 0.75})
    mask = np.zeros(SHAPE, np.uint8)
    mask[2, 1:3, 1:3] = 1
    doubts = slice_doubts(given_, mask, np.zeros(SHAPE, np.uint8), 0)
    assert doubts.tolist() == pytest.approx([1.0, 0.0, 1.0, 0.0])


def test_what_a_person_has_set_is_certain() -> None:
    given_, mask = probabilities({1: 0.5}), np.zeros(SHAPE, np.uint8)
    provenance = np.zeros(SHAPE, np.uint8)
    provenance[1, 1:3, 1] = Provenance.BRUSH
    assert slice_doubts(given_, mask, provenance, 0)[1] == pytest.approx(1.0)
    provenance[1] = Provenance.TOOL
    assert slice_doubts(given_, mask, provenance, 0)[1] == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_doubts_are_counted_along_any_axis(axis: int) -> None:
    given_ = probabilities({1: 0.5, 2: 0.25})
    empty = np.zeros(SHAPE, np.uint8)
    doubts = slice_doubts(given_, empty, empty, axis)
    assert len(doubts) == SHAPE[axis]
    assert doubts.sum() == pytest.approx(3.0)


def test_classes_add_up_to_tumour() -> None:
    both = np.concatenate([probabilities({0: 0.25}), probabilities({0: 0.5})])
    mask = np.zeros(SHAPE, np.uint8)
    mask[0, 1:3, 1:3] = 2
    assert slice_doubts(both, mask, np.zeros(SHAPE, np.uint8), 0)[0] == pytest.approx(1.0)


def test_slices_are_visited_from_the_greatest_doubt_and_round_again() -> None:
    order = most_doubtful_first(np.array([0.2, 7.0, 0.0, 30.0, 7.0]))
    assert order == [3, 1, 4]
    assert next_in(order, 0) == 3
    assert next_in(order, 3) == 1
    assert next_in(order, 4) == 3
    assert next_in(order, 3, -1) == 4
    assert next_in([], 0) is None
