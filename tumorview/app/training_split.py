"""Who is trained on, who chooses the best weights and who is kept for the test: by patient, balanced, without leaks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorview.app.training_cases import CaseRecord
from tumorview.app.training_plan import Side
from tumorview.core.paired import FEWEST_PATIENTS as FEWEST_PATIENTS_COMPARED
from tumorview.errors import TrainingError

Sides = Mapping[str, Side]  # by case id

FEWEST_PATIENTS = 3
TEST_ENOUGH = 10
VALIDATION_SHARE, TEST_SHARE = 0.15, 0.2


@dataclass(frozen=True, slots=True)
class SplitWish:
    """About which share of the patients goes where; ``seed`` draws others."""

    validation_share: float = VALIDATION_SHARE
    test_share: float = TEST_SHARE
    seed: int = 0


@dataclass(frozen=True, slots=True)
class SideSummary:
    """What is on one side; ``burden`` is the median share of the head that the tumour takes."""

    side: Side
    patients: int
    cases: int
    slices: int
    tumour_slices: int
    burden: float | None
    sites: tuple[tuple[str, int], ...]


def patients_of(cases: Iterable[CaseRecord]) -> dict[str, list[CaseRecord]]:
    """The chosen cases by patient."""
    groups: dict[str, list[CaseRecord]] = defaultdict(list)
    for case in cases:
        if case.chosen:
            groups[case.group].append(case)
    return dict(groups)


def proposed(cases: Sequence[CaseRecord], wish: SplitWish) -> dict[str, Side]:
    """A split of the chosen cases: every source and every size of tumour on each side, as far as numbers allow.

    Patients are lined up by source and tumour size, and those for one side are taken at even distances. TrainingError
    where there are fewer than three patients.
    """
    groups = patients_of(cases)
    if len(groups) < FEWEST_PATIENTS:
        raise too_few(len(groups))
    order = sorted(groups, key=lambda name: (groups[name][0].site, max(case.burden for case in groups[name]), name))
    random = np.random.default_rng(wish.seed)
    total = len(order)
    tests = min(max(1, round(wish.test_share * total)), total - 2)
    validations = min(max(1, round(wish.validation_share * total)), total - tests - 1)
    chosen: dict[str, Side] = {}
    for side, count in ((Side.TEST, tests), (Side.VALIDATION, validations)):
        free = [name for name in order if name not in chosen]
        start = random.uniform()
        for number in range(count):
            chosen[free[int((number + start) * len(free) / count)]] = side
    return {case.id: chosen.get(name, Side.TRAINING) for name in order for case in groups[name]}


def moved(cases: Sequence[CaseRecord], sides: Sides, case_id: str, side: Side) -> dict[str, Side]:
    """The split with a case on another side, and with it all cases of its patient and its copies."""
    group = next(case.group for case in cases if case.id == case_id)
    together = {case.id for case in cases if case.group == group}
    return {name: side if name in together else old for name, old in sides.items()}


def with_named(
    cases: Sequence[CaseRecord], sides: Sides, *, validation: Sequence[str] = (), test: Sequence[str] = ()
) -> dict[str, Side]:
    """The split with just the cases of these titles on a side, where any are named; who was drawn for it trains.

    TrainingError where a title belongs to no chosen case, or one patient is named for both.
    """
    result = dict(sides)
    ids = {case.title: case.id for case in cases if case.id in sides}
    if unknown := [title for title in (*validation, *test) if title not in ids]:
        raise TrainingError(
            f"No case that can be used is called {', '.join(unknown)}.", f"There are {', '.join(sorted(ids))}."
        )
    wishes = ((Side.VALIDATION, validation), (Side.TEST, test))
    for side, titles in wishes:
        if titles:
            result = {name: Side.TRAINING if old is side else old for name, old in result.items()}
        for title in titles:
            result = moved(cases, result, ids[title], side)
    torn = [title for side, titles in wishes for title in titles if result[ids[title]] is not side]
    if torn:
        raise TrainingError(
            f"{', '.join(torn)}: one patient is asked for on two sides.", "All cases of a patient are on one side."
        )
    return result


def faults(cases: Sequence[CaseRecord], sides: Sides) -> list[TrainingError]:
    """What is wrong with a split; nothing where it can be trained on."""
    groups = patients_of(cases)
    if len(groups) < FEWEST_PATIENTS:
        return [too_few(len(groups))]
    found = []
    chosen = {case.id for case in cases if case.chosen}
    if set(sides) != chosen:
        found.append(TrainingError("Cases were added or excluded since the split was made.", "Draw it anew."))
        return found
    for name, members in groups.items():
        if len({sides[case.id] for case in members}) > 1:
            titles = ", ".join(case.title for case in members)
            found.append(
                TrainingError(
                    f"{titles}: one patient ({name}) is on two sides, so that scores would flatter.",
                    "Put all of them on one side.",
                )
            )
    missing = [side for side in Side if side not in sides.values()]
    found += [
        TrainingError(f"There is no {side.value} patient.", "Move a patient there, or draw anew.") for side in missing
    ]
    return found


def summaries(cases: Sequence[CaseRecord], sides: Sides) -> list[SideSummary]:
    """What each side holds."""
    result = []
    for side in Side:
        here = [case for case in cases if case.chosen and sides.get(case.id) is side]
        sites: dict[str, int] = defaultdict(int)
        for _, members in sorted(patients_of(here).items()):
            sites[members[0].site] += 1
        result.append(
            SideSummary(
                side,
                len({case.group for case in here}),
                len(here),
                sum(case.slices for case in here),
                sum(case.tumour_slices for case in here),
                float(np.median([case.burden for case in here])) if here else None,
                tuple(sorted(sites.items())),
            )
        )
    return result


def short_of_test_patients(cases: Iterable[CaseRecord], sides: Sides) -> str:
    """Why so few test patients will not show enough, as far as a split can tell; "" where there are ten or more."""
    count = len(patients_of(case for case in cases if sides.get(case.id) is Side.TEST))
    if count < FEWEST_PATIENTS_COMPARED:
        return (
            f"With fewer than {FEWEST_PATIENTS_COMPARED} test patients no result can show that the new model is not"
            " worse: it would stay a candidate. Keep more of them for the test, or add cases."
        )
    return "With fewer than ten test patients the comparison at the end says little." if count < TEST_ENOUGH else ""


def too_few(count: int) -> TrainingError:
    """The error where there are not enough patients to compare on unseen ones."""
    if not count:
        return TrainingError(
            "Add cases of three patients or more.", "Training, validation and test each need one of their own."
        )
    return TrainingError(
        f"There are {count} patients that can be used; training, validation and test each need one of their own.",
        "Add cases, or solve the problems of those that are listed.",
    )
