"""The cases of a training: what is known about each, what is wrong with it, and who is the same patient."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.app.jobs import JobContext
from tumorview.core.mask import Mask
from tumorview.core.study import Study
from tumorview.io.case_finder import CaseFiles, Layout, find_cases
from tumorview.ml import twins
from tumorview.ml.data import site_of

__all__ = ["CaseFiles", "CaseRecord", "Layout", "OpenCase", "Problem", "ProblemKind", "find_cases"]

_PATIENT = re.compile(r"(TCGA[_-][A-Z0-9]{2}[_-][A-Z0-9]{4})|(sub-[A-Za-z0-9]+)")
_TRAILING_DATE = re.compile(r"[_\s-]+(?:19|20)\d{6}$")


class ProblemKind(StrEnum):
    """What can be wrong with a case."""

    UNREADABLE = "unreadable"
    NO_MASK = "no mask"
    OTHER_GEOMETRY = "other geometry"
    EMPTY_MASK = "empty mask"
    NO_FLAIR = "no FLAIR"
    DUPLICATE = "duplicate"
    ALIKE = "near-duplicate"
    NOTE = "note"


BLOCKING = frozenset((
    ProblemKind.UNREADABLE, ProblemKind.NO_MASK, ProblemKind.OTHER_GEOMETRY, ProblemKind.EMPTY_MASK,
    ProblemKind.NO_FLAIR,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a case that the user should know, and what to do about it."""

    kind: ProblemKind
    text: str
    remedy: str = ""

    @property
    def blocking(self) -> bool:
        """Whether the case cannot be trained on as it is."""
        return self.kind in BLOCKING


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One case as it was read. ``id`` names its prepared files; ``group`` is shared by cases of one patient.

    ``burden`` is the share of the head that the tumour takes, by which the split is balanced; ``volume_ml`` is None
    where the image has no millimetres. ``excluded`` is the user's word (a copy of another case starts excluded).
    """

    id: str
    title: str
    layout: Layout
    source: str
    group: str
    site: str
    roles: tuple[str, ...] = ()
    slices: int = 0
    tumour_slices: int = 0
    volume_ml: float | None = None
    burden: float = 0.0
    problems: tuple[Problem, ...] = ()
    excluded: bool = False

    @property
    def usable(self) -> bool:
        """Whether nothing stands in the way of training on it."""
        return not any(problem.blocking for problem in self.problems)

    @property
    def chosen(self) -> bool:
        """Whether it takes part."""
        return self.usable and not self.excluded

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "CaseRecord":
        """Back from JSON; KeyError, TypeError or ValueError where it is none."""
        problems = tuple(Problem(ProblemKind(one["kind"]), one["text"], one["remedy"]) for one in document["problems"])
        values = {"layout": Layout(document["layout"]), "roles": tuple(document["roles"]), "problems": problems}
        return cls(**{**document, **values})


@dataclass(frozen=True, eq=False)
class OpenCase:
    """The study that is open in the window with its mask as it is now (copied)."""

    title: str
    study: Study
    mask: Mask


def patient_of(title: str) -> str:
    """The patient that a case's name speaks of: dates and sessions of one patient share it."""
    match = _PATIENT.search(title)
    return match[0] if match else _TRAILING_DATE.sub("", title)


def source_site(title: str, added: Path) -> str:
    """Where a case comes from, to balance the split: the institution in its name, otherwise the folder added."""
    site = site_of(title)
    return added.name if site == "local" else site


Fingerprints = Mapping[str, npt.NDArray[np.float32]]


def marked_twins(
    cases: Sequence[CaseRecord], fingerprints: Fingerprints, context: JobContext | None = None
) -> list[CaseRecord]:
    """The cases with duplicates and near-duplicates named, and each group of them made one patient's.

    Of identical cases all but the first are excluded, unless the user has decided otherwise before.
    """
    context = context or JobContext()
    kept = [_without_twins(case) for case in cases]
    by_id = {case.id: case for case in kept}
    groups = {case.id: case.group for case in kept}
    known = [case.id for case in kept if len(fingerprints.get(case.id, ()))]
    copies = {case.id for case in cases if any(one.kind is ProblemKind.DUPLICATE for one in case.problems)}
    for done, (first, second) in enumerate(combinations(known, 2)):
        if done % 100 == 0:
            context.check()
        one, other = fingerprints[first], fingerprints[second]
        same = one.shape == other.shape and np.array_equal(one, other)
        if not same and not (twins.alike(one, other) or twins.alike(other, one)):
            continue
        problem = _twin_problem(by_id[first].title, by_id[second].title, same=same)
        case = by_id[second]
        excluded = case.excluded or (same and second not in copies)
        by_id[second] = replace(case, problems=(*case.problems, problem), excluded=excluded)
        old, new = groups[second], groups[first]
        groups = {name: new if group == old else group for name, group in groups.items()}
    return [replace(by_id[case.id], group=groups[case.id]) for case in kept]


def _without_twins(case: CaseRecord) -> CaseRecord:
    kinds = (ProblemKind.DUPLICATE, ProblemKind.ALIKE)
    return replace(case, problems=tuple(problem for problem in case.problems if problem.kind not in kinds))


def _twin_problem(first: str, second: str, *, same: bool) -> Problem:
    other = f"“{first}”" + (", which has the same name" if first == second else "")
    if same:
        return Problem(
            ProblemKind.DUPLICATE, f"The images are the same as those of {other}.", "Leave one of the two excluded."
        )
    return Problem(
        ProblemKind.ALIKE,
        f"The images are nearly the same as those of {other}.",
        "Exclude one of them; if you keep both, they stay on one side of the split.",
    )


def next_id(cases: Iterable[CaseRecord]) -> str:
    """An id that no case has; it tells nothing about the patient."""
    numbers = [int(case.id.removeprefix("case_")) for case in cases]
    return f"case_{max(numbers, default=0) + 1:03d}"
