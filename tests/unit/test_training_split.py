"""The split: by patient, balanced by source and size of tumour, without leaks."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorview.app.training_cases import CaseRecord, Layout
from tumorview.app.training_plan import Side
from tumorview.app.training_split import (
    SplitWish,
    faults,
    moved,
    proposed,
    short_of_test_patients,
    summaries,
    with_named,
)
from tumorview.errors import TrainingError


def case(number: int, *, group: str = "", site: str = "A", burden: float = 0.0, excluded: bool = False) -> CaseRecord:
    return CaseRecord(
        f"case_{number:03}", f"Case {number}", Layout.LGG, f"/data/{number}", group or f"p{number}", site,
        ("FLAIR",), 20, 8, None, burden or number / 100, excluded=excluded,
    )  # fmt: skip


def test_shares_are_kept_and_nobody_is_on_two_sides():
    cases = [case(number) for number in range(1, 21)]
    sides = proposed(cases, SplitWish(0.15, 0.2))
    assert Counter(sides.values()) == {Side.TRAINING: 13, Side.VALIDATION: 3, Side.TEST: 4}
    assert faults(cases, sides) == []


@pytest.mark.parametrize("seed", range(5))
def test_every_source_and_small_and_large_tumours_are_on_each_side(seed: int):
    cases = [case(number, site="AB"[number % 2], burden=number / 40) for number in range(1, 41)]
    sides = proposed(cases, SplitWish(0.2, 0.2, seed))
    for side in Side:
        here = [one for one in cases if sides[one.id] is side]
        assert {one.site for one in here} == {"A", "B"}
        assert min(one.burden for one in here) < 0.35
        assert max(one.burden for one in here) > 0.65


def test_another_seed_draws_others_and_the_same_seed_the_same():
    cases = [case(number) for number in range(1, 31)]
    drawn = [proposed(cases, SplitWish(seed=seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


@given(st.integers(3, 40), st.integers(0, 5), st.floats(0, 0.6), st.floats(0, 0.6), st.integers(0, 100))
def test_any_shares_leave_somebody_on_every_side(count: int, twins: int, validation: float, test: float, seed: int):
    cases = [case(number) for number in range(1, count + 1)]
    cases += [case(100 + number, group="p1") for number in range(twins)]
    sides = proposed(cases, SplitWish(validation, test, seed))
    assert faults(cases, sides) == []
    assert len({sides[one.id] for one in cases if one.group == "p1"}) == 1


def test_excluded_cases_are_on_no_side():
    cases = [case(1), case(2), case(3), case(4, excluded=True)]
    assert set(proposed(cases, SplitWish())) == {"case_001", "case_002", "case_003"}


def test_two_patients_are_too_few_even_with_many_cases():
    cases = [case(number, group=f"p{number % 2}") for number in range(1, 9)]
    with pytest.raises(TrainingError, match="There are 2 patients"):
        proposed(cases, SplitWish())
    assert len(faults(cases, {})) == 1


def test_moving_a_case_moves_its_patient():
    cases = [case(1, group="x"), case(2, group="x"), case(3), case(4)]
    sides = moved(cases, proposed(cases, SplitWish()), "case_001", Side.TEST)
    assert sides["case_001"] is sides["case_002"] is Side.TEST


def test_a_leak_and_an_empty_side_are_named():
    cases = [case(1, group="x"), case(2, group="x"), case(3), case(4)]
    sides = {"case_001": Side.TRAINING, "case_002": Side.TEST, "case_003": Side.TRAINING, "case_004": Side.TRAINING}
    texts = [str(fault) for fault in faults(cases, sides)]
    assert "one patient (x) is on two sides" in texts[0]
    assert "no validation patient" in texts[1]


def test_a_split_of_other_cases_is_out_of_date():
    cases = [case(1), case(2), case(3)]
    sides = proposed(cases, SplitWish())
    assert "since the split was made" in str(faults([*cases, case(4)], sides)[0])


def test_the_summary_counts_patients_cases_and_slices():
    cases = [case(1, group="x"), case(2, group="x"), case(3), case(4, site="B")]
    sides = {"case_001": Side.TRAINING, "case_002": Side.TRAINING, "case_003": Side.VALIDATION, "case_004": Side.TEST}
    training, validation, test = summaries(cases, sides)
    assert (training.patients, training.cases, training.slices, training.tumour_slices) == (1, 2, 40, 16)
    assert training.burden == pytest.approx(np.median([0.01, 0.02]))
    assert (validation.sites, test.sites) == ((("A", 1),), (("B", 1),))


def test_cases_named_for_a_side_are_the_only_ones_there_and_take_their_patients_other_cases_along():
    cases = [case(number) for number in range(1, 11)] + [case(11, group="p2")]
    drawn = proposed(cases, SplitWish(0.2, 0.3))
    sides = with_named(cases, drawn, test=["Case 1", "Case 2"], validation=["Case 5"])
    by_side = {side: {name for name, at in sides.items() if at is side} for side in Side}
    assert by_side[Side.TEST] == {"case_001", "case_002", "case_011"}
    assert by_side[Side.VALIDATION] == {"case_005"}
    assert faults(cases, sides) == []
    assert with_named(cases, drawn) == drawn


def test_naming_nobody_or_one_patient_twice_is_refused():
    cases = [case(number) for number in range(1, 6)] + [case(6, group="p2")]
    drawn = proposed(cases, SplitWish())
    with pytest.raises(TrainingError, match=r"is called Case 9\..*Case 1, Case 2"):
        with_named(cases, drawn, test=["Case 1", "Case 9"])
    with pytest.raises(TrainingError, match=r"Case 2: one patient is asked for on two sides"):
        with_named(cases, drawn, validation=["Case 2"], test=["Case 6"])


@pytest.mark.parametrize(
    ("tests", "said"), [(4, "it would stay a candidate"), (5, "says little"), (9, "says little"), (10, "")]
)
def test_too_few_test_patients_are_said_before_hours_of_training(tests: int, said: str):
    cases = [case(number) for number in range(1, 21)]
    sides = dict.fromkeys((one.id for one in cases), Side.TRAINING)
    sides |= dict.fromkeys((one.id for one in cases[:tests]), Side.TEST)
    found = short_of_test_patients(cases, sides)
    assert said in found
    assert bool(found) == bool(said)
