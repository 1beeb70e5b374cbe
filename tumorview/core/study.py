"""What is opened together: series with their roles, masks, and which series feed the model."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.opening import Opening, StudyChoice
from tumorview.core.placing import Placing
from tumorview.core.rendering import Window
from tumorview.core.slicing import Plane, acquisition_plane
from tumorview.core.volume import Volume


class Role(StrEnum):
    """The part a Series plays in a tumour study."""

    FLAIR = "FLAIR"
    T1 = "T1"
    T1CE = "T1CE"
    T2 = "T2"
    OTHER = "OTHER"


MODEL_CHANNELS = (Role.T1, Role.FLAIR, Role.T1CE)  # the order in which the network was trained
LIKELY = 0.5  # role confidence below which any other series of that role is preferred
FINE_SPACING_MM = 2.0  # volumes with no coarser spacing look the same in every plane


@dataclass(frozen=True, eq=False)
class Series:
    """One acquired image stack. ``role_confidence`` is 0..1; ``window`` is the file's own, if it has a sane one.

    ``frame_of_reference`` is DICOM's UID: series that share it are in the same place without registration.
    ``framed`` is True where the slices already have the training data's framing (``ml.preprocess``).
    ``inverted`` is True where low values are meant to be shown bright (DICOM's MONOCHROME1): the voxels keep what they
    mean, the display turns them round.
    ``irregular`` says why the slices are not just at one distance behind one another ("" where they are): missing,
    unevenly spaced, tilted. Voxels from ``padding[0]`` to ``padding[1]`` are outside the image, not measured.
    ``placing`` is what the file says about its place, ``files`` where its headers can be read again. ``protocol`` is a
    hash of how it was acquired, without anything of the patient ("" unknown). ``registered_to`` says in words onto what
    the user had it moved, and ``acquired`` is the series as it was before.
    """

    uid: str
    volume: Volume
    role: Role = Role.OTHER
    role_confidence: float = 0.0
    description: str = ""
    modality: str = "MR"
    window: Window | None = None
    frame_of_reference: str | None = None
    framed: bool = False
    inverted: bool = False
    warnings: tuple[str, ...] = ()
    irregular: str = ""
    padding: tuple[float, float] | None = None
    placing: Placing = field(default_factory=Placing)
    files: tuple[Path, ...] = ()
    protocol: str = ""
    registered_to: str = ""
    acquired: "Series | None" = None

    def measured(self) -> Volume:
        """The volume with its padding at the lowest value that was measured, so that it counts as air."""
        if self.padding is None:
            return self.volume
        data = self.volume.data
        outside = (data >= self.padding[0]) & (data <= self.padding[1])
        if not outside.any() or outside.all():
            return self.volume
        return Volume(np.where(outside, data[~outside].min(), data), self.volume.geometry)


@dataclass(frozen=True, eq=False)
class Study:
    """Series of one patient and date, from ``path``; ``truth`` is the ground truth that came with them.

    ``patient`` is who the file says it is (name, id and date as one line for the eye): shown on the screen where the
    user lets it, and nowhere else. ``title`` is the file's or folder's name, which may tell as much.

    ``choices`` are all studies at ``path`` where there are several; ``opening`` leads to this one again.

    ``id`` is made anew at each opening, so that a result of an earlier opening is recognised as stale.
    """

    path: Path
    series: tuple[Series, ...]
    title: str = ""
    patient: str = ""
    truth: Mask | None = None
    warnings: tuple[str, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    choices: tuple[StudyChoice, ...] = ()
    opening: Opening = field(default_factory=Opening)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def by_uid(self, uid: str) -> Series:
        """The series of that uid; KeyError where there is none."""
        for series in self.series:
            if series.uid == uid:
                return series
        raise KeyError(uid)

    def with_role(self, series: Series, role: Role) -> "Study":
        """This very study (same id) with the user's word on what ``series`` is."""
        return replace(self, roles={**self.roles, series.uid: role})

    def with_series(self, changed: Series) -> "Study":
        """Another study (new id: results of the old one are stale) in which ``changed`` stands in its uid's place."""
        series = tuple(changed if one.uid == changed.uid else one for one in self.series)
        return replace(self, series=series, id=uuid.uuid4().hex)

    def with_geometry(self, series: Series, geometry: Geometry, placing: Placing) -> "Study":
        """Another study in which the voxels of ``series`` lie elsewhere; ground truth on its grid goes with it."""
        moved = replace(series, volume=Volume(series.volume.data, geometry), placing=placing)
        study, truth = self.with_series(moved), self.truth
        if truth is not None and truth.geometry.same_grid(series.volume.geometry):
            study = replace(study, truth=Mask(truth.data, geometry, truth.labels))
        return study

    def role_of(self, series: Series) -> Role:
        """The role the user gave to ``series``, otherwise the one that was recognised."""
        return self.roles.get(series.uid, series.role)

    def best(self, role: Role, near: Series | None = None) -> Series | None:
        """The series that plays ``role`` best beside ``near``, or on its own where ``near`` is None.

        A role given by the user goes before a recognised one, a likely one before an unlikely one; then one in the
        frame of reference of ``near``, then one that can be shown in its slices without losing resolution (axial
        slices where ``near`` is None, as models are trained on them), then the surest, then the largest.
        """
        candidates = [series for series in self.series if self.role_of(series) is role]
        return max(candidates, key=lambda one: (one.uid in self.roles, *_suitability(one, near)), default=None)

    @property
    def channels(self) -> dict[Role, Series | None]:
        """What feeds the model's channels T1, FLAIR, T1CE; None where it is missing and FLAIR steps in.

        The one series of a study that names no FLAIR is taken for it.
        """
        flair = self.best(Role.FLAIR)
        channels = {role: flair if role is Role.FLAIR else self.best(role, flair) for role in MODEL_CHANNELS}
        if channels[Role.FLAIR] is None and len(self.series) == 1:
            return {Role.T1: None, Role.FLAIR: self.series[0], Role.T1CE: None}
        return channels

    @property
    def reference(self) -> Series:
        """The series shown first, on whose grid masks live: FLAIR, otherwise the first."""
        return self.channels[Role.FLAIR] or self.series[0]


def moved(series: Series, matrix: npt.NDArray[np.float64], fixed: Series) -> Series:
    """``series`` moved by ``matrix`` (4x4, LPS mm to LPS mm) into the frame of reference of ``fixed``."""
    geometry = series.volume.geometry
    there = Geometry(geometry.shape, matrix @ geometry.affine, geometry.calibrated, geometry.oriented)
    return replace(
        series,
        volume=Volume(series.volume.data, there),
        frame_of_reference=fixed.frame_of_reference,
        registered_to=f"rigidly onto {fixed.description or fixed.role.value}, accepted by you",
        acquired=series.acquired or series,
    )


def shares_space(first: Series, second: Series) -> bool:
    """Whether millimetres of one series mean the same place in the other."""
    if not (first.volume.geometry.calibrated and second.volume.geometry.calibrated):
        return False
    frames = first.frame_of_reference, second.frame_of_reference
    return None in frames or frames[0] == frames[1]


def same_place(first: Series, second: Series) -> bool:
    """Whether it is known which place of one series lies where in the other: by millimetres or by the same voxels."""
    return first is second or shares_space(first, second) or first.volume.geometry.same_grid(second.volume.geometry)


def _suitability(series: Series, near: Series | None) -> tuple[bool, bool, bool, bool, float, int]:
    """Sort key of ``Study.best``: the greatest is the best."""
    geometry = series.volume.geometry
    plane = Plane.AXIAL if near is None else acquisition_plane(near.volume.geometry)
    frames = (series.frame_of_reference, near.frame_of_reference if near else None)
    return (
        series.role_confidence >= LIKELY,
        None in frames or frames[0] == frames[1],
        acquisition_plane(geometry) is plane or max(geometry.spacing) <= FINE_SPACING_MM,
        near is not None and geometry.same_grid(near.volume.geometry),
        series.role_confidence,
        series.volume.data.size,
    )
