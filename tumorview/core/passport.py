"""The geometry passport of a Series: where its place in the patient comes from, and what about that is not certain.

Wrong geometry is silent: a mirrored mask looks as good as a right one. So everything a reader relied on is said in
plain words, and what the file leaves open is a ``doubt`` that somebody has to answer before a mask is saved.
"""

from dataclasses import dataclass

import numpy as np

from tumorview.core.geometry import DIRECTION_TOLERANCE, SHEAR_DEGREES, Geometry
from tumorview.core.slicing import acquisition_plane
from tumorview.core.study import Series, Study, shares_space

OBLIQUE_DEGREES = 1.0  # less is the rounding of headers and the hand that planned the scan

_SIDES = {"L": "left", "R": "right", "P": "back", "A": "front", "S": "head", "I": "feet"}


@dataclass(frozen=True)
class Fact:
    """One line of a passport; ``doubtful`` is shown in amber."""

    name: str
    value: str
    doubtful: bool = False


@dataclass(frozen=True)
class Passport:
    """``badge`` is the whole in a word or two; ``doubt`` asks for an answer and is "" where nothing is open."""

    badge: str
    facts: tuple[Fact, ...]
    doubt: str = ""


def passport_of(series: Series, study: Study | None = None) -> Passport:
    """The passport of ``series``; with ``study`` it says which other series share its frame of reference."""
    geometry = series.volume.geometry
    facts = [_source(series), _sides(geometry)]
    if geometry.calibrated:
        facts += [_voxels(geometry), _slices(series), _obliquity(geometry), _handedness(geometry)]
        facts += _second_statement(series)
        facts += [] if study is None else [_frame(series, study)]
    return Passport(badge_of(geometry), tuple(facts), doubt_of(series))


def badge_of(geometry: Geometry) -> str:
    """Plane and obliquity, or what is missing, in two or three words."""
    if not geometry.calibrated:
        return "Uncalibrated"
    if not geometry.oriented:
        return "Sides unknown"
    plane = str(acquisition_plane(geometry)).capitalize()
    degrees = geometry.obliquity_degrees
    return f"{plane}, {degrees:.0f}° oblique" if degrees >= OBLIQUE_DEGREES else plane


def doubt_of(series: Series) -> str:
    """What the file leaves open about where ``series`` lies, as one sentence; "" where it says all."""
    geometry, placing = series.volume.geometry, series.placing
    if placing.other is not None:
        return (
            f"{placing.source} and {placing.second} place this image differently, by up to"
            f" {disagreement_mm(geometry, placing.other):.1f} mm."
        )
    if geometry.calibrated and not geometry.oriented:
        return "The file does not say which side of the patient is which."
    return ""  # irregular slices were asked about when the study was opened


def disagreement_mm(first: Geometry, second: Geometry) -> float:
    """The largest distance between the places that two geometries of one shape give to a corner, mm."""
    apart = first.index_to_world(first.corners()) - second.index_to_world(second.corners())
    return float(np.linalg.norm(apart, axis=1).max())


def _source(series: Series) -> Fact:
    geometry = series.volume.geometry
    if not geometry.calibrated:
        return Fact("Place from", "nothing: the format has no spacing or position", doubtful=True)
    return Fact("Place from", series.placing.source or "the file's header", doubtful=series.placing.other is not None)


def _sides(geometry: Geometry) -> Fact:
    if not geometry.oriented:
        return Fact("Sides", "unknown: no letters are shown", doubtful=True)
    i, j, k = (_SIDES[code] for code in geometry.axis_codes)
    return Fact("Sides", f"columns run to the {i}, rows to the {j}, slices to the {k} ({geometry.axis_codes})")


def _voxels(geometry: Geometry) -> Fact:
    k, j, i = geometry.spacing
    return Fact("Voxels", f"{i:.3f} × {j:.3f} × {k:.3f} mm")


def _slices(series: Series) -> Fact:
    geometry = series.volume.geometry
    if series.irregular:
        return Fact("Slices", series.irregular, doubtful=True)
    return Fact("Slices", f"{geometry.shape[0]}, {geometry.spacing[0]:.2f} mm from centre to centre")


def _obliquity(geometry: Geometry) -> Fact:
    shear = geometry.shear_degrees
    if shear > SHEAR_DEGREES:
        return Fact("Angle", f"voxel axes are {shear:.1f}° off their right angles", doubtful=True)
    degrees = geometry.obliquity_degrees
    if degrees < OBLIQUE_DEGREES:
        return Fact("Angle", "straight in the patient")
    return Fact("Angle", f"{degrees:.1f}° oblique; planes are those of the acquisition")


def _handedness(geometry: Geometry) -> Fact:
    right = np.linalg.det(geometry.directions) > DIRECTION_TOLERANCE
    return Fact("Storage", "right-handed" if right else "left-handed: stored mirrored, shown as it lies in the patient")


def _second_statement(series: Series) -> list[Fact]:
    placing = series.placing
    if not placing.second:
        return []
    if placing.other is None:
        return [Fact("Agreement", f"{placing.source} and {placing.second} agree")]
    apart = disagreement_mm(series.volume.geometry, placing.other)
    codes = placing.other.axis_codes if placing.other.axis_codes != series.volume.geometry.axis_codes else ""
    mirrored = f", sides {codes}" if codes else ""
    return [Fact("Agreement", f"{placing.second} says otherwise: up to {apart:.1f} mm apart{mirrored}", doubtful=True)]


def _frame(series: Series, study: Study) -> Fact:
    """Which series need no registration to be compared; the UID itself would lead to the patient."""
    others = [one for one in study.series if one is not series]
    if series.registered_to:
        return Fact("Registered", series.registered_to)
    if series.frame_of_reference is None:
        return Fact("Frame", "the file names none: that series lie in one place is assumed", doubtful=bool(others))
    same = _roles(study, [one for one in others if one.frame_of_reference and shares_space(series, one)])
    apart = _roles(study, [one for one in others if not shares_space(series, one)])
    if not apart:
        return Fact("Frame", "shared with every series of the study" if others else "named by the file")
    shared = f"shared with {same}; " if same else ""
    return Fact("Frame", f"{shared}another than {apart}: not registered", doubtful=True)


def _roles(study: Study, series: list[Series]) -> str:
    return ", ".join(dict.fromkeys(str(study.role_of(one)) for one in series))
