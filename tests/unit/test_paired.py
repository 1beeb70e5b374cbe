"""The gate's test: exact for few patients, honest about too few, and it holds its error rate."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorview.core.paired import ALPHA, FEWEST_PATIENTS, MARGIN, PairedTest, Verdict, paired_test, sign_flip_p

DIFFERENCES = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=8)


def by_hand(differences):
    """All combinations of signs, one by one."""
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(total >= sum(differences) - 1e-12 for total in sums) / len(sums)


@given(DIFFERENCES)
def test_the_exact_p_counts_every_combination_of_signs(differences):
    assert sign_flip_p(np.array(differences)) == pytest.approx(by_hand(differences), abs=1e-9)


def test_a_published_example_of_fishers_test_is_reproduced():
    """Darwin's maize, 15 pairs (Fisher 1935, section 21): 863 of 32768 sums are at least as extreme, one-sided."""
    maize = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], float)
    assert by_hand(maize) == 863 / 32768
    assert sign_flip_p(maize) == pytest.approx(863 / 32768, abs=0.005)


@pytest.mark.parametrize("patients", range(1, FEWEST_PATIENTS))
def test_too_few_patients_never_pass_however_good_they_look(patients):
    test = paired_test([0.1] * patients, [0.9] * patients)
    assert test.verdict is Verdict.TOO_FEW
    assert not test.verdict.passes
    assert any(str(FEWEST_PATIENTS) in line for line in test.sentences)


def test_nobody_held_out_is_too_few():
    test = paired_test([None], [0.5])
    assert (test.verdict, test.patients, test.left_out) == (Verdict.TOO_FEW, 0, 1)
    assert test.sentences


def test_five_patients_pass_only_if_none_falls_below_the_margin():
    old = [0.6, 0.7, 0.8, 0.5, 0.9]
    assert paired_test(old, [value - MARGIN / 2 for value in old]).verdict is Verdict.NOT_WORSE
    assert paired_test(old, [*(value + 0.05 for value in old[:4]), 0.7]).verdict is Verdict.NOT_SHOWN


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(0.1, Verdict.BETTER), (0.0, Verdict.NOT_WORSE), (-0.03, Verdict.WORSE), (-0.019, Verdict.NOT_WORSE)],
)
def test_a_shift_of_every_patient_is_judged_against_the_margin(shift, verdict):
    old = np.linspace(0.5, 0.8, 9)
    assert paired_test(old.tolist(), (old + shift).tolist()).verdict is verdict


def test_one_catastrophe_among_small_gains_does_not_pass():
    old = [0.8] * 8
    assert not paired_test(old, [0.82] * 7 + [0.2]).verdict.passes


def test_a_model_that_is_worse_by_the_margin_passes_no_more_often_than_promised():
    random = np.random.default_rng(1)
    old = random.uniform(0.5, 0.9, (400, 9))
    new = old - MARGIN + random.normal(0, 0.06, old.shape)
    passed = np.mean([paired_test(a.tolist(), b.tolist()).verdict.passes for a, b in zip(old, new, strict=True)])
    assert passed <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / len(old))


def test_many_patients_use_random_flips_near_the_normal_limit():
    random = np.random.default_rng(2)
    differences = random.normal(0.02, 0.1, 40)
    z = differences.sum() / np.sqrt((differences**2).sum())
    from scipy.stats import norm

    assert sign_flip_p(differences) == pytest.approx(norm.sf(z), abs=0.01)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=7))
def test_json_brings_every_result_back(pairs):
    test = paired_test([a for a, _ in pairs], [b for _, b in pairs])
    assert PairedTest.from_dict(json.loads(json.dumps(test.to_dict(), allow_nan=False))) == test
