"""Which sequence a Series is: from DICOM's sequence parameters first, then from what it is called.

Confidence: 0.95 and above where the file states the contrast or parameters and name agree, about 0.8 where one source
speaks alone, 0.5 where they disagree, less for what only resembles the role.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tumorview.core.study import Role

AGREED = 0.99  # parameters and name say the same
STATED = 0.95  # the file says the contrast in so many words
MEASURED = 0.85  # from echo, repetition and inversion times alone
NAMED = 0.8  # from text alone
DISPUTED = 0.5  # parameters and text disagree
UNLIKE = 0.4  # of the role's family but unlike what a network was trained on, e.g. with magnetisation transfer

# Milliseconds. A FLAIR nulls fluid (T1 about 4 s): inversion time from 1.4 s, long echo. T1-weighted inversion recovery
# (MPRAGE, T1 FLAIR) has 0.35 to 1.4 s and a short echo; STIR nulls fat at 0.1 to 0.3 s.
_FLUID_TI, _FLUID_TE = 1400.0, 60.0
_T1_TI, _T1_TE, _T1_TR = 350.0, 35.0, 1300.0
_T2_TE, _T2_TR = 65.0, 1800.0
_GRADIENT_T1_TE, _GRADIENT_T1_TR = 12.0, 60.0

_NOT_ANATOMY = frozenset(
    {
        "LOCALIZER",
        "SCOUT",
        "DIFFUSION",
        "ADC",
        "FA",
        "TRACEW",
        "PERFUSION",
        "ASL",
        "CBF",
        "CBV",
        "MTT",
        "TTP",
        "DSC",
        "METABOLITE_MAP",
        "VELOCITY",
        "MIP",
        "MNIP",
        "PHASE_CONTRAST",
        "TIME_OF_FLIGHT",
        "FLOW_ENCODED",
        "TAGGING",
        "TEMPERATURE",
        "FMRI",
        "SWI",
        "T2_STAR",
        "STIR",
        "PROTON_DENSITY",
        "SUBTRACT",
        "SUBTRACTION",
        "MAX_IP",
        "MIN_IP",
        "T1_MAP",
        "T2_MAP",
        "PHASE",
    }
)
_STATED = {"FLUID_ATTENUATED": Role.FLAIR, "T1": Role.T1, "T2": Role.T2}

_OTHER_TEXT = re.compile(
    r"\b(dwi|adc|swi|dti|diff\w*|trace\w*|perf\w*|asl|loc|localizer|localiser|scout|survey|mip|cbv|cbf|stir|tof|angio"
    r"|mra|mrv|bold|fmri|spectro\w*|pd|pdw|dp|map|r?cbv|t1map|t2map|t1rho|t2star|gre|hemo|haemo)\b|t2\*|\bt[12] star\b"
)
_FLAIR_TEXT = re.compile(r"flair|\bt2f\b|\bfla\b|dark ?fluid|fluid atten")
_T1_TEXT = re.compile(r"\b(e?t1\w*|mp ?rage|bravo|spgr|3d ?tfe|tfl3d\w*)\b|t1w?\b")
_T2_TEXT = re.compile(r"\bt2\w*\b|t2w?\b")
_T1_FLAIR_TEXT = re.compile(r"\bt1w? ?flair")
# English, German, French, Spanish, Italian, Portuguese habits.
_WITH_AGENT = re.compile(
    r"\b(post|postcontrast|postgad\w*|postgd|gad\w*|gd|dotarem|gadavist|multihance|prohance|km|mit km|ce|contrast"
    r"|contraste|contrasto|kontrast\w*|enhanced|inj\w*|t1w?ce?|t1w?gd|t1w?post|t1w?km|apres|nach)\b|\+ ?(c|gd|km)\b"
    r"|\bc ?\+|\+ ?$"
)
_PLAIN_T1 = re.compile(r"\bt1w?\b")
_WITHOUT_AGENT = re.compile(
    r"\b(pre|precontrast|pregad\w*|nativ\w*|sans|ohne|sin|sem|senza|without|w o|wo|non contrast|no contrast|plain|avant"
    r"|vor|unenhanced|noncontrast|t1w?n|t1w?pre)\b"
)
_UNLIKE_TEXT = re.compile(r"\b(mag\w* transfer|mt|mtc|mt on|subtr|subtraction|sub)\b")

_PROTOCOL_WORD = re.compile(
    r"\b(?:flair|t2f|fla|tirm?|t1\w{0,4}|t2\w{0,4}|mprage|bravo|spgr|tfe|dwi|adc|swi|pd|ax|axial|tra|cor|coronal|sag"
    r"|sagittal|se|tse|fse|gre|ir|2d|3d|pre|post|gad|gd|km|ce|mr|mrhr|dark|fluid|contrast|native?)\b|\+ ?c\b"
)


@dataclass(frozen=True)
class Acquisition:
    """What a DICOM header says about how a series was made; times in ms, None where it does not say.

    ``sequence`` holds the codes of ScanningSequence (SE, GR, IR, EP); ``kinds`` the values of ImageType;
    ``contrast_agent`` is None where the header says nothing about one.
    """

    text: str = ""
    echo_time: float | None = None
    repetition_time: float | None = None
    inversion_time: float | None = None
    sequence: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    stated_contrast: str = ""
    contrast_agent: bool | None = None


def role_from_text(text: str) -> tuple[Role, float]:
    """The role that a description or file name tells, and its confidence (0 where it tells nothing)."""
    words = normalised(text)
    role = _weighting(words)
    if role is None:
        return Role.OTHER, 0.0
    if role is Role.T1 and _agent_in(words):
        role = Role.T1CE
    if role in (Role.OTHER, Role.FLAIR, Role.T2):
        return role, NAMED
    return role, UNLIKE if _UNLIKE_TEXT.search(words) else NAMED


def role_of(acquisition: Acquisition) -> tuple[Role, float]:
    """The role and its confidence, from parameters and text together."""
    if acquisition.kinds & _NOT_ANATOMY or acquisition.stated_contrast in _NOT_ANATOMY:
        return Role.OTHER, STATED
    words = normalised(acquisition.text)
    named = _weighting(words)
    measured, confidence = _parameters(acquisition)
    if named is Role.OTHER or (measured is None and named is None):
        return Role.OTHER, NAMED if named else 0.0
    if measured is None:
        role, confidence = named or Role.OTHER, NAMED
    else:
        role = measured
        if named is not None:
            confidence = AGREED if named is measured else DISPUTED
    if role is Role.T1:
        role, sure = _with_agent(acquisition.contrast_agent, _agent_in(words))
        confidence = min(confidence, AGREED if sure else DISPUTED)
    if role is not Role.OTHER and _UNLIKE_TEXT.search(words):
        confidence = min(confidence, UNLIKE)
    return role, confidence


def protocol_of(acquisition: Acquisition) -> str:
    """A hash of how a series was acquired, the same for every patient of one protocol; "" where nothing is known.

    Only what the scanner's protocol sets goes in. Times are rounded: scanners vary them by a little with the patient.
    """
    times = (acquisition.echo_time, acquisition.repetition_time, acquisition.inversion_time)
    known = [
        normalised(acquisition.text),
        *("-" if time is None else f"{time:.2g}" for time in times),
        *sorted(acquisition.sequence),
        acquisition.stated_contrast,
        str(acquisition.contrast_agent),
    ]
    return _hash(known) if normalised(acquisition.text) or any(times) else ""


def protocol_of_name(name: str) -> str:
    """The same for a file that says nothing but its name: only words of the field count, never a patient's."""
    return _hash(["name", *words]) if (words := _PROTOCOL_WORD.findall(normalised(name))) else ""


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def normalised(text: str) -> str:
    """Lower case with every separator a blank; ``+`` and ``*`` mean something and stay."""
    return re.sub(r"[^a-z0-9+*]+", " ", text.casefold()).strip()


def _weighting(words: str) -> Role | None:
    """FLAIR, T1 or T2 by name; OTHER for another kind of image; None where the words say nothing."""
    if _T1_FLAIR_TEXT.search(words):
        return Role.T1
    if _FLAIR_TEXT.search(words):
        return Role.FLAIR
    if _OTHER_TEXT.search(words):
        return Role.OTHER
    if _T1_TEXT.search(words):
        return Role.T1
    return Role.T2 if _T2_TEXT.search(words) else None


def _agent_in(words: str) -> bool | None:
    """Whether the words tell of contrast agent; None where they say nothing or both."""
    without = bool(_WITHOUT_AGENT.search(words))
    given = bool(_WITH_AGENT.search(_PLAIN_T1.sub(" ", words)))
    if without:
        return None if re.search(r"\bpost", words) else False
    return True if given else None


def _with_agent(tagged: bool | None, named: bool | None) -> tuple[Role, bool]:
    """T1 or T1CE, and whether tags and name do not contradict each other. A name that says "pre" is believed."""
    given = named if named is not None else bool(tagged)
    agree = tagged is None or named is None or tagged is named
    return Role.T1CE if given else Role.T1, agree


def _parameters(made: Acquisition) -> tuple[Role | None, float]:
    """FLAIR, T1, T2 or OTHER from the stated contrast or the times; None where they do not tell."""
    if made.stated_contrast in _STATED:
        return _STATED[made.stated_contrast], STATED
    if "EP" in made.sequence:
        return Role.OTHER, MEASURED
    te, tr, ti = made.echo_time, made.repetition_time, made.inversion_time
    if te is None or tr is None:
        return None, 0.0
    inverted = "IR" in made.sequence or bool(ti)
    if inverted and ti:
        return _inversion_recovery(te, ti)
    if "GR" in made.sequence:
        t1 = te <= _GRADIENT_T1_TE and (tr <= _GRADIENT_T1_TR or inverted)
        return (Role.T1, MEASURED) if t1 else (Role.OTHER, DISPUTED)
    if te <= _T1_TE and tr <= _T1_TR:
        return Role.T1, MEASURED
    if te >= _T2_TE and tr >= _T2_TR and not inverted:
        return Role.T2, MEASURED
    return None, 0.0


def _inversion_recovery(te: float, ti: float) -> tuple[Role | None, float]:
    if ti >= _FLUID_TI:
        return (Role.FLAIR, MEASURED) if te >= _FLUID_TE else (None, 0.0)
    if ti >= _T1_TI:
        return (Role.T1, MEASURED) if te <= _T1_TE else (None, 0.0)
    return Role.OTHER, MEASURED
