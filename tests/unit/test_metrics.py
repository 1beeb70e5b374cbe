"""Agreement: hand-computed values, the four Dice variants, both-empty undefined, laws that always hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.metrics import (
    Agreement,
    CohortAgreement,
    Counts,
    count,
    evaluate,
    mean_defined,
    slice_counts,
    total,
)
from tumorview.errors import GeometryError

GRID = Geometry.from_spacing((3, 4, 5), (4.0, 0.5, 0.5))

masks = hnp.arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 2))


def _mask(*voxels: tuple[int, int, int], grid: Geometry = GRID) -> Mask:
    mask = Mask.empty(grid)
    for voxel in voxels:
        mask.data[voxel] = 1
    return mask


def test_counts_and_ratios_by_hand():
    counts = Counts(tp=3, fp=1, fn=2)
    assert counts.dice == pytest.approx(6 / 9)
    assert counts.iou == pytest.approx(3 / 6)
    assert counts.precision == pytest.approx(3 / 4)
    assert counts.recall == pytest.approx(3 / 5)
    assert counts + Counts(1, 0, 0) == Counts(4, 1, 2)


def test_both_empty_is_undefined_and_never_one():
    nothing = Counts(0, 0, 0)
    assert nothing.dice is nothing.iou is nothing.precision is nothing.recall is None
    assert Counts(0, 5, 0).dice == 0.0
    assert Counts(0, 0, 5).precision is None
    assert mean_defined([None, None]) is None
    assert mean_defined([None, 0.5, 1.0]) == 0.75


def test_volume_and_slice_variants_by_hand():
    # Slice 0: tp 1, fp 1, fn 0; slice 1: fn 2; slice 2: empty in both.
    prediction = _mask((0, 0, 0), (0, 0, 1))
    truth = _mask((0, 0, 0), (1, 1, 1), (1, 1, 2))
    agreement = evaluate(prediction, truth)
    assert [slice_.dice for slice_ in agreement.slices] == [pytest.approx(2 / 3), 0.0, None]
    assert agreement.counts == Counts(1, 1, 2)
    assert agreement.dice == pytest.approx(2 / 5)
    assert agreement.iou == pytest.approx(1 / 4)
    assert agreement.dice_per_slice == pytest.approx((2 / 3 + 0) / 2)
    assert agreement.dice_paper_protocol == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert agreement.iou_paper_protocol == pytest.approx((1 / 2 + 0 + 1) / 3)
    assert agreement.volume_ml_prediction == pytest.approx(2 * 1.0 / 1000)
    assert agreement.volume_ml_truth == pytest.approx(3 * 1.0 / 1000)


def test_any_label_above_zero_is_tumour():
    assert count(np.array([1, 2, 0, 4]), np.array([4, 0, 3, 1])) == Counts(2, 1, 1)


def test_volumes_are_unknown_without_spacing():
    grid = Geometry.uncalibrated((3, 4, 5))
    agreement = evaluate(_mask(grid=grid), _mask((0, 0, 0), grid=grid))
    assert agreement.volume_ml_prediction is None
    assert agreement.volume_ml_truth is None


def test_masks_of_different_images_are_refused_with_both_grids_named():
    other = Geometry.from_spacing((3, 4, 6), (4.0, 0.5, 0.5))
    with pytest.raises(GeometryError, match=r"5 x 4 x 3 voxels.*6 x 4 x 3 voxels"):
        evaluate(_mask(), _mask(grid=other))


def test_cohort_variants_by_hand():
    first = Agreement((Counts(8, 0, 0), Counts(0, 0, 0)))
    second = Agreement((Counts(1, 1, 2),))
    third = Agreement((Counts(0, 0, 0),))
    cohort = CohortAgreement((first, second, third))
    assert cohort.dice_pooled == pytest.approx(18 / 21)
    assert cohort.iou_pooled == pytest.approx(9 / 12)
    assert cohort.dice_per_volume == pytest.approx((1.0 + 2 / 5) / 2)
    assert cohort.dice_per_volume_median == pytest.approx((1.0 + 2 / 5) / 2)
    assert len(cohort.all_slices.slices) == 4
    assert cohort.all_slices.dice_per_slice == pytest.approx((1.0 + 2 / 5) / 2)
    assert cohort.all_slices.dice_paper_protocol == pytest.approx((1 + 1 + 2 / 5 + 1) / 4)


def test_cohort_of_nobody_is_undefined():
    nobody = CohortAgreement(())
    assert nobody.dice_pooled is nobody.dice_per_volume is nobody.dice_per_volume_median is None


@given(masks, masks)
def test_counts_add_up_and_dice_is_symmetric_and_follows_iou(first, second):
    counts = count(first, second)
    assert counts.tp + counts.fp == np.count_nonzero(first)
    assert counts.tp + counts.fn == np.count_nonzero(second)
    assert total(slice_counts(first, second)) == counts
    assert counts.dice == count(second, first).dice
    if counts.dice is not None and counts.iou is not None:
        assert 0 <= counts.iou <= counts.dice <= 1
        assert counts.dice == pytest.approx(2 * counts.iou / (1 + counts.iou))


@given(masks)
def test_a_mask_agrees_with_itself(mask):
    counts = count(mask, mask)
    assert counts.dice == (1.0 if mask.any() else None)
