"""What a user decides about a path that can be opened in more than one way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tumorview.errors import ReadError


class Irregular(StrEnum):
    """What becomes of a stack whose slices are missing, unevenly spaced or shifted against each other."""

    AS_IS = "as-is"  # every slice as it was acquired; missing ones blank, uneven ones at their mean distance
    RESAMPLE = "resample"  # interpolated onto a regular grid at right angles
    PART = "part"  # the longest run of slices that is regular


@dataclass(frozen=True)
class StudyChoice:
    """One of several studies at a path. ``title`` may name the patient: for the eye, never for a log.

    ``key`` is what ``Opening.study`` takes; ``content`` says what is in it.
    """

    key: str
    title: str
    content: str = ""


@dataclass(frozen=True)
class Opening:
    """How to open: the ``key`` of one study of several ("" for the fullest), and what ambiguous geometry means.

    ``alone`` takes a single DICOM slice without those that lie beside it. With ``ask`` several studies of which none is
    the fullest raise SeveralStudiesError before any voxel is read.
    ``qform`` prefers a NIfTI file's qform where it disagrees with the sform.
    """

    study: str = ""
    irregular: Irregular = Irregular.AS_IS
    qform: bool = False
    ask: bool = False
    alone: bool = False

    def naming(self, key: str) -> "Opening":
        """How to open the very same study again: ``key`` is the one that was opened, "" where there is only one."""
        return replace(self, study=key, ask=False)


class SeveralStudiesError(ReadError):
    """A path with several studies, and nobody has said which one is meant."""

    def __init__(self, name: str, choices: Sequence[StudyChoice]) -> None:
        self.choices = tuple(choices)
        super().__init__(f"'{name}' holds {len(self.choices)} studies.", "Say which one to open.")


def chosen(choices: Sequence[StudyChoice], opening: Opening, name: str, ranks: Sequence[tuple[int, ...]]) -> int:
    """The index of the study to open: the one that ``opening`` names, otherwise the fullest.

    The fullest has the highest of ``ranks``. Where another one has the same first number and ``opening`` says to ask,
    SeveralStudiesError is raised; a key that is not there is a ReadError.
    """
    if opening.study:
        for index, choice in enumerate(choices):
            if choice.key == opening.study:
                return index
        known = ", ".join(choice.key for choice in choices[:10])
        raise ReadError(f"'{name}' holds no study {opening.study!r}.", f"Choose one of: {known}.")
    fullest = max(range(len(choices)), key=lambda index: ranks[index])
    alike = sum(1 for rank in ranks if rank[0] == ranks[fullest][0])
    if opening.ask and alike > 1:
        raise SeveralStudiesError(name, choices)
    return fullest
