"""Everything of a session that must survive its window: what the journal and the session file hold."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tumorview.core.edits import Edit
from tumorview.core.geometry import Geometry
from tumorview.core.labels import LabelTable
from tumorview.core.mask import MaskArray
from tumorview.core.opening import Opening
from tumorview.core.study import Study
from tumorview.core.volume import Volume

Document = Any  # of JSON: dict, list, str, int, float, bool or None


@dataclass(frozen=True)
class ImageReference:
    """The study that a mask was made on, by place and by content; no voxel of it is kept.

    ``series_uid`` names the Series whose ``geometry`` the mask has. ``fingerprint`` is ``fingerprint(volume)`` of that
    Series, "" where it is not known. ``opening`` says how the study at ``path`` was opened.
    """

    path: Path
    series_uid: str
    geometry: Geometry
    title: str = ""
    fingerprint: str = ""
    opening: Opening = field(default_factory=Opening)

    @classmethod
    def of(cls, study: Study, geometry: Geometry) -> "ImageReference":
        """The reference of ``study`` for a mask on ``geometry``, without a fingerprint."""
        uid = next((one.uid for one in study.series if one.volume.geometry.same_grid(geometry)), study.reference.uid)
        title = study.title or study.path.name
        return cls(study.path.absolute(), uid, geometry, title, opening=study.opening)


@dataclass(frozen=True, eq=False)
class SessionState:
    """A mask with its history, as it was at one moment.

    ``data`` and ``provenance`` [k, j, i] are the mask as it is after ``done`` (oldest first); ``undone`` are the steps
    that can be made again, the next one first. ``saved`` is the number of steps that were in the mask when it was last
    saved, None where no step leads there any more. ``documents`` are JSON values by name: measurements and the like.
    """

    image: ImageReference
    data: MaskArray
    provenance: MaskArray
    labels: LabelTable
    done: tuple[Edit, ...] = ()
    undone: tuple[Edit, ...] = ()
    saved: int | None = 0
    documents: Mapping[str, Document] = field(default_factory=dict)

    @property
    def dirty(self) -> bool:
        """Whether there is work in it that was never saved."""
        return self.saved != len(self.done)

    @property
    def empty(self) -> bool:
        """Whether nothing was done yet."""
        return not (self.done or self.undone or self.documents)


def fingerprint(volume: Volume, wanted: Callable[[], bool] = lambda: True) -> str:
    """SHA-256 of the voxels with their type and shape: tells the same image again, wherever its files lie.

    Given up, with "", as soon as it is not ``wanted`` any more.
    """
    digest = hashlib.sha256(f"{volume.data.dtype.str}{volume.data.shape}".encode())
    for plane in volume.data:  # slice by slice: a view that is not contiguous is copied a slice at a time
        if not wanted():
            return ""
        digest.update(np.ascontiguousarray(plane).data)
    return f"sha256:{digest.hexdigest()}"
