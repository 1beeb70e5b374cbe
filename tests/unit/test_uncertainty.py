"""Bootstrap intervals over patients: values by hand, seeded, paired, honest where something is undefined."""

import numpy as np
import pytest

from tumorview.core.metrics import Agreement, CohortAgreement, Counts
from tumorview.core.uncertainty import FIGURES, differences, estimates

EMPTY = Counts(0, 0, 0)


def cohort(*patients):
    return CohortAgreement(tuple(Agreement(tuple(slices)) for slices in patients))


TWO = cohort([Counts(2, 1, 1), EMPTY], [Counts(3, 0, 1), Counts(0, 2, 0)])


def test_values_are_those_of_the_cohort():
    found = estimates(TWO)
    assert found["dice_pooled"].value == pytest.approx(10 / 15)
    assert found["iou_pooled"].value == pytest.approx(5 / 10)
    assert found["dice_per_volume"].value == pytest.approx((4 / 6 + 6 / 9) / 2)
    assert found["dice_per_slice"].value == pytest.approx((4 / 6 + 6 / 7 + 0) / 3)
    assert found["dice_paper_protocol"].value == pytest.approx((4 / 6 + 1 + 6 / 7 + 0) / 4)
    assert found["iou_paper_protocol"].value == pytest.approx((2 / 4 + 1 + 3 / 4 + 0) / 4)


def test_they_agree_with_the_metrics_module():
    every = TWO.all_slices
    wanted = (
        TWO.dice_pooled,
        TWO.iou_pooled,
        TWO.dice_per_volume,
        every.dice_per_slice,
        every.dice_paper_protocol,
        every.iou_paper_protocol,
    )
    found = estimates(TWO)
    assert [found[name].value for name in FIGURES] == pytest.approx(list(wanted))


def test_intervals_of_two_patients_reach_both():
    """Drawing two of two gives either patient alone a quarter of the time, so both lie in the 95 % interval."""
    good, bad = [Counts(9, 1, 1)], [Counts(1, 9, 9)]
    interval = estimates(cohort(good, bad))["dice_per_volume"]
    assert (interval.low, interval.value, interval.high) == pytest.approx((0.1, 0.5, 0.9))


def test_the_interval_is_that_of_plain_resampling():
    random = np.random.default_rng(1)
    patients = [[Counts(int(tp), 10, 10)] for tp in random.integers(10, 200, 30)]
    dice = np.array([2 * slices[0].tp / (2 * slices[0].tp + 20) for slices in patients])
    means = dice[random.integers(0, 30, (20000, 30))].mean(1)
    found = estimates(cohort(*patients), resamples=20000)["dice_per_volume"]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.003)


def test_the_same_seed_gives_the_same_interval():
    patients = cohort(*([Counts(n, 3, n % 5)] for n in range(5, 25)))
    assert estimates(patients, seed=3) == estimates(patients, seed=3)
    assert estimates(patients, seed=3) != estimates(patients, seed=4)


def test_identical_patients_have_no_spread():
    found = estimates(cohort(*[[Counts(4, 1, 1)]] * 5))["dice_pooled"]
    assert found.low == found.value == found.high == pytest.approx(0.8)


def test_undefined_figures_stay_undefined():
    found = estimates(cohort([EMPTY], [EMPTY]))
    assert found["dice_pooled"].value is found["dice_per_volume"].low is None
    assert found["dice_paper_protocol"].value == 1.0
    assert estimates(CohortAgreement(()))["dice_pooled"].value is None


def test_an_empty_patient_counts_in_slices_but_not_in_the_mean_over_patients():
    found = estimates(cohort([Counts(1, 0, 0)], [EMPTY]))
    assert found["dice_per_volume"].value == 1.0


def test_differences_are_paired():
    """A constant loss per patient has no spread, however different the patients are."""
    first = cohort([Counts(8, 2, 2)], [Counts(4, 6, 6)])
    second = cohort([Counts(7, 3, 3)], [Counts(3, 7, 7)])
    found = differences(first, second)["dice_per_volume"]
    assert (found.low, found.value, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_different_patients_cannot_be_paired():
    with pytest.raises(ValueError, match="2 patients cannot be paired with 1"):
        differences(TWO, cohort([EMPTY]))
