"""The editable label voxels of one Series."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tumorview.core.event import Event
from tumorview.core.geometry import Geometry
from tumorview.core.labels import LabelTable
from tumorview.errors import GeometryError

MaskArray = npt.NDArray[np.uint8]

T = TypeVar("T")


def triple(values: Iterable[T]) -> tuple[T, T, T]:
    """Exactly three values, as along (k, j, i); ValueError for another number."""
    k, j, i = values
    return k, j, i


@dataclass(frozen=True)
class Box:
    """A half-open index box: ``start`` <= (k, j, i) < ``stop``."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @classmethod
    def whole(cls, shape: tuple[int, int, int]) -> "Box":
        """The box of a whole array."""
        return cls((0, 0, 0), shape)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """For indexing an array ``[k, j, i]``."""
        return triple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Extent along (k, j, i)."""
        return triple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def empty(self) -> bool:
        """Whether no voxel is inside."""
        return min(self.shape) <= 0

    def moved(self, offset: tuple[int, int, int]) -> "Box":
        """The box shifted by ``offset``."""
        return Box(
            triple(a + b for a, b in zip(self.start, offset, strict=True)),
            triple(a + b for a, b in zip(self.stop, offset, strict=True)),
        )

    def union(self, other: "Box") -> "Box":
        """The smallest box around both."""
        return Box(
            triple(min(a, b) for a, b in zip(self.start, other.start, strict=True)),
            triple(max(a, b) for a, b in zip(self.stop, other.stop, strict=True)),
        )

    def clipped(self, shape: tuple[int, int, int]) -> "Box":
        """The part inside an array of ``shape``."""
        return Box(
            triple(min(max(a, 0), n) for a, n in zip(self.start, shape, strict=True)),
            triple(min(max(b, 0), n) for b, n in zip(self.stop, shape, strict=True)),
        )


class Provenance(IntEnum):
    """Who gave a voxel its label; the value is what ``Mask.provenance`` holds."""

    UNTOUCHED = 0
    AI = 1
    BRUSH = 2
    TOOL = 3
    INTERPOLATION = 4
    IMPORTED = 5


HUMAN = (Provenance.BRUSH, Provenance.TOOL, Provenance.INTERPOLATION)


class Mask:
    """uint8 labels ``data`` [k, j, i] on ``geometry``; 0 is background.

    ``provenance`` [k, j, i] tells who set each voxel, so that a new run of the network can leave human work alone.
    ``revision`` grows with every change, so that a late result can tell that it is stale; ``changed`` is emitted
    with the Box that differs. ``remarks`` say what its reader had to decide.
    """

    def __init__(self, data: npt.ArrayLike, geometry: Geometry, labels: LabelTable | None = None) -> None:
        array = np.ascontiguousarray(data, dtype=np.uint8)
        if array.shape != geometry.shape:
            raise GeometryError(f"A mask of shape {array.shape} does not fit an image of {geometry.describe()}.")
        self.data: MaskArray = array
        self.provenance: MaskArray = np.zeros(array.shape, np.uint8)
        self.geometry = geometry
        self.labels = labels or LabelTable.whole_tumour()
        self.remarks: tuple[str, ...] = ()
        self.revision = 0
        self.changed: Event[Box] = Event()

    @classmethod
    def empty(cls, geometry: Geometry, labels: LabelTable | None = None) -> "Mask":
        """A mask of background only."""
        return cls(np.zeros(geometry.shape, np.uint8), geometry, labels)

    @property
    def has_labels(self) -> bool:
        """Whether any voxel is labelled."""
        return bool(self.data.any())

    def human(self, box: Box) -> npt.NDArray[np.bool_]:
        """Which voxels of ``box`` were set by hand."""
        return np.isin(self.provenance[box.slices], HUMAN)

    def write(self, box: Box, voxels: MaskArray, provenance: MaskArray) -> None:
        """Put labels and their provenance into ``box`` and tell the listeners."""
        self.data[box.slices] = voxels
        self.provenance[box.slices] = provenance
        self.touch(box)

    def touch(self, box: Box) -> None:
        """Tell the listeners that ``box`` was changed in place."""
        self.revision += 1
        self.changed.emit(box)

    def volume_ml(self, number: int | None = None) -> float | None:
        """Volume of a label (or of all labels), millilitres; None where the image has no spacing."""
        if not self.geometry.calibrated:
            return None
        voxels = np.count_nonzero(self.data if number is None else self.data == number)
        return voxels * self.geometry.voxel_volume_mm3 / 1000.0
