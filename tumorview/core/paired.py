"""Is a new model worse than an old one on the same patients? A non-inferiority test on paired Dice.

The margin says how much worse still counts as "not worse"; it is stated before anything is measured. The test is
Fisher's randomization test for pairs (The Design of Experiments, 1935, section 21; as sign flipping in Nichols &
Holmes, Human Brain Mapping 2002;15:1-25) of the hypothesis that the new model is worse by the margin or more, as
the CONSORT extension for non-inferiority trials frames it (Piaggio et al., JAMA 2012;308:2594-2604): under it
differences plus margin are symmetric about zero, so each sign is as likely as the other. Up to EXACT_PATIENTS every
combination of signs is counted; above, random ones with the observed one among them (Phipson & Smyth, Stat Appl
Genet Mol Biol 2010;9:39).
The test assumes nothing about the distribution but that symmetry, and with n patients its p cannot be below 2 ** -n:
that is why four patients or fewer can never show anything at the 5 % level.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MARGIN: Final = 0.02  # of Dice, mean over patients; human readers of these tumours agree at Dice 0.74 to 0.85
ALPHA: Final = 0.05  # one-sided
EXACT_PATIENTS: Final = 14
RANDOM_FLIPS: Final = 20_000
_TINY: Final = 1e-12  # sums of the same numbers in another order

FEWEST_PATIENTS: Final = math.ceil(-math.log2(ALPHA))  # 5: below, no outcome could pass

Floats = npt.NDArray[np.float64]


class Verdict(StrEnum):
    """What a comparison showed."""

    BETTER = "better"
    NOT_WORSE = "not worse"
    NOT_SHOWN = "not shown"
    WORSE = "worse"
    TOO_FEW = "too few"

    @property
    def passes(self) -> bool:
        """Whether the new model may take the old one's place."""
        return self in (Verdict.BETTER, Verdict.NOT_WORSE)


@dataclass(frozen=True)
class PairedTest:
    """New minus old over ``patients``: ``mean`` and ``worst`` difference of Dice, None without patients.

    ``p_not_worse`` is the probability of a mean at least this good if the new model were worse by the margin;
    ``p_better`` the same if both were equally good. ``left_out`` counts patients on whom a Dice is undefined.
    """

    verdict: Verdict
    patients: int
    left_out: int
    mean: float | None
    worst: float | None
    p_not_worse: float | None
    p_better: float | None
    margin: float = MARGIN
    alpha: float = ALPHA

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "verdict": self.verdict.value,
            "patients": self.patients,
            "left_out": self.left_out,
            "mean": self.mean,
            "worst": self.worst,
            "p_not_worse": self.p_not_worse,
            "p_better": self.p_better,
            "margin": self.margin,
            "alpha": self.alpha,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "PairedTest":
        """The inverse of ``to_dict``; KeyError, TypeError or ValueError for anything else."""
        return cls(**{**values, "verdict": Verdict(values["verdict"])})

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, in plain words: the verdict first, then what it rests on."""
        return (_headline(self), *_grounds(self))


def paired_test(
    old: Sequence[float | None],
    new: Sequence[float | None],
    *,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    seed: int = 0,
) -> PairedTest:
    """Compare Dice of the same patients in the same order; a patient without Dice on either side is left out."""
    pairs = [(a, b) for a, b in zip(old, new, strict=True) if a is not None and b is not None]
    left_out = len(old) - len(pairs)
    if not pairs:
        return PairedTest(Verdict.TOO_FEW, 0, left_out, None, None, None, None, margin, alpha)
    differences = np.array([b - a for a, b in pairs], dtype=np.float64)
    not_worse, better = sign_flip_p(differences + margin, seed=seed), sign_flip_p(differences, seed=seed)
    mean = float(differences.mean())
    if 0.5 ** len(pairs) > alpha:
        verdict = Verdict.TOO_FEW
    elif not_worse <= alpha:
        verdict = Verdict.BETTER if better <= alpha else Verdict.NOT_WORSE
    else:
        verdict = Verdict.WORSE if mean < -margin else Verdict.NOT_SHOWN
    return PairedTest(verdict, len(pairs), left_out, mean, float(differences.min()), not_worse, better, margin, alpha)


def sign_flip_p(differences: Floats, *, seed: int = 0) -> float:
    """One-sided p of a mean this large, if each of ``differences`` [n] were as likely with the other sign."""
    count = len(differences)
    if count <= EXACT_PATIENTS:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        reached = (1 - 2 * bits) @ differences >= differences.sum() - _TINY
        return float(reached.mean())
    signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), size=(RANDOM_FLIPS, count))
    reached = signs @ differences >= differences.sum() - _TINY
    return float((1 + np.count_nonzero(reached)) / (1 + RANDOM_FLIPS))


def _headline(test: PairedTest) -> str:
    match test.verdict:
        case Verdict.BETTER:
            return "Better: the new model does better on patients it has not seen, and may become the default."
        case Verdict.NOT_WORSE:
            return "Not worse: the new model holds its own on patients it has not seen, and may become the default."
        case Verdict.WORSE:
            return "Worse: on patients it has not seen, the new model loses."
        case Verdict.NOT_SHOWN:
            return "Not shown: these patients do not rule out that the new model is worse."
        case Verdict.TOO_FEW:
            return "Too few patients to tell whether the new model is worse."


def _grounds(test: PairedTest) -> list[str]:
    lines = []
    if test.mean is not None and test.p_not_worse is not None:
        lines.append(
            f"Mean Dice {_change(test.mean)} on {test.patients} held-out patient{'s' * (test.patients != 1)}; "
            f"{_drop(test.worst)}."
        )
    else:
        lines.append("No patient was held out on whom both models could be compared.")
    if test.verdict is Verdict.TOO_FEW:
        lines.append(
            f"With fewer than {math.ceil(-math.log2(test.alpha))} patients no result can be told from chance: "
            "hold more out, or collect more."
        )
    elif test.p_not_worse is not None:
        lines.append(
            f"If it were {test.margin:g} worse, a result this good would come up with a probability of "
            f"{_percent(test.p_not_worse)} (paired sign-flip test; at most {_percent(test.alpha)} is asked for)."
        )
    if test.left_out:
        lines.append(f"Left out, because a model marked nothing where nothing is: {test.left_out}.")
    return lines


def _change(mean: float) -> str:
    if abs(mean) < 0.0005:
        return "unchanged"
    return f"{'up' if mean > 0 else 'down'} by {abs(mean):.3f}"


def _drop(worst: float | None) -> str:
    return "no patient falls" if worst is None or worst >= 0 else f"the largest drop is {-worst:.3f}"


def _percent(share: float) -> str:
    if share < 0.001:
        return "less than 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"
