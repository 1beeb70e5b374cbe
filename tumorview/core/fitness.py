"""How fit a study is for the model: a light and its reasons. What finds them is ``ml.fitness``."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Light(StrEnum):
    """How fit a study is."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True)
class Remark:
    """One reason, as a sentence, and what can be done about it where something can."""

    light: Light
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Fitness:
    """All reasons, the gravest first; without any the study is like the training data."""

    remarks: tuple[Remark, ...] = ()

    @classmethod
    def of(cls, remarks: Iterable[Remark]) -> "Fitness":
        """These reasons, put in order."""
        gravest_first = list(reversed(Light))
        return cls(tuple(sorted(remarks, key=lambda remark: gravest_first.index(remark.light))))

    @property
    def light(self) -> Light:
        """That of the gravest reason."""
        return self.remarks[0].light if self.remarks else Light.GREEN
