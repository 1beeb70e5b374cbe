"""Anatomical planes of a volume: which voxels a view shows, which way up, and with what letters on its edges.

Screen conventions (radiological): axial looks from the feet, patient right on the left, anterior up; coronal looks
from the front, patient right on the left, superior up; sagittal looks from the left, anterior on the left, superior up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry


class Plane(StrEnum):
    """A standard plane; for oblique acquisitions the nearest plane of the voxel grid."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


# For each plane: patient axes (0 x, 1 y, 2 z) and signs of screen right, screen down and of growing slice number.
_SCREEN = {
    Plane.AXIAL: ((0, 1), (1, 1), (2, 1)),
    Plane.CORONAL: ((0, 1), (2, -1), (1, 1)),
    Plane.SAGITTAL: ((1, 1), (2, -1), (0, 1)),
}


@dataclass(frozen=True)
class EdgeLetters:
    """Patient sides at the edges of a view; empty where the image does not say."""

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True)
class Turn:
    """How a picture is turned away from its standard position: mirrored left to right first, then by ``quarters``.

    A quarter is 90 degrees clockwise.
    """

    quarters: int = 0
    mirrored: bool = False

    def rotated(self, quarters: int = 1) -> "Turn":
        """Then rotated clockwise on the screen."""
        return Turn((self.quarters + quarters) % 4, self.mirrored)

    def flipped_horizontally(self) -> "Turn":
        """Then mirrored left to right on the screen."""
        return Turn(-self.quarters % 4, not self.mirrored)

    def flipped_vertically(self) -> "Turn":
        """Then mirrored top to bottom on the screen."""
        return self.flipped_horizontally().rotated(2)


UPRIGHT = Turn()


@dataclass(frozen=True)
class PlaneView:
    """How one plane of a grid is laid on the screen. Array axes are 0 k, 1 j, 2 i.

    ``flip_*`` is True where the screen direction runs against the voxel index. Slice numbers shown to the user are
    voxel indices along ``normal_axis``.
    """

    geometry: Geometry
    plane: Plane
    normal_axis: int
    row_axis: int
    column_axis: int
    flip_rows: bool
    flip_columns: bool

    @classmethod
    def of(cls, geometry: Geometry, plane: Plane, turn: Turn = UPRIGHT) -> "PlaneView":
        """The view of ``plane`` on ``geometry``, in radiological convention unless it is turned."""
        (right, right_sign), (down, down_sign), (normal, _) = _SCREEN[plane]
        axes, signs = geometry.closest_axes
        row_axis, flip_rows = 2 - axes[down], signs[down] != down_sign
        column_axis, flip_columns = 2 - axes[right], (signs[right] != right_sign) != turn.mirrored
        for _ in range(turn.quarters % 4):  # what was to the right goes down, what was at the top goes to the right
            row_axis, flip_rows, column_axis, flip_columns = column_axis, flip_columns, row_axis, not flip_rows
        return cls(
            geometry,
            plane,
            normal_axis=2 - axes[normal],
            row_axis=row_axis,
            column_axis=column_axis,
            flip_rows=flip_rows,
            flip_columns=flip_columns,
        )

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.geometry.shape[self.normal_axis]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a slice as shown."""
        return self.geometry.shape[self.row_axis], self.geometry.shape[self.column_axis]

    @cached_property
    def pixel_spacing(self) -> tuple[float, float]:
        """Millimetres from row to row and from column to column (voxels where uncalibrated)."""
        spacing = self.geometry.spacing
        return spacing[self.row_axis], spacing[self.column_axis]

    @cached_property
    def letters(self) -> EdgeLetters:
        """Patient sides at the edges, read from the affine."""
        if not self.geometry.oriented:
            return EdgeLetters("", "", "", "")
        right = self._direction(self.column_axis, self.flip_columns)
        down = self._direction(self.row_axis, self.flip_rows)
        letter = self.geometry.letter
        return EdgeLetters(left=letter(-right), right=letter(right), top=letter(-down), bottom=letter(down))

    def extract(self, data: npt.NDArray[Any], index: int) -> npt.NDArray[Any]:
        """Slice ``index`` of ``data`` [k, j, i] as shown, [rows, columns]; a view of the data, not a copy."""
        pixels: npt.NDArray[Any] = data[self._slice(index)]
        if self.row_axis > self.column_axis:
            pixels = pixels.T
        return pixels[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def to_voxel(self, index: float, row: float, column: float) -> tuple[float, float, float]:
        """Voxel (k, j, i) of a place in the shown slice; pixel centres are whole numbers."""
        rows, columns = self.size
        kji = [0.0, 0.0, 0.0]
        kji[self.normal_axis] = index
        kji[self.row_axis] = rows - 1 - row if self.flip_rows else row
        kji[self.column_axis] = columns - 1 - column if self.flip_columns else column
        return kji[0], kji[1], kji[2]

    def from_voxel(self, kji: Sequence[float]) -> tuple[float, float, float]:
        """(index, row, column) of voxel (k, j, i): the inverse of ``to_voxel``."""
        rows, columns = self.size
        row, column = kji[self.row_axis], kji[self.column_axis]
        return (
            kji[self.normal_axis],
            rows - 1 - row if self.flip_rows else row,
            columns - 1 - column if self.flip_columns else column,
        )

    def _slice(self, index: int) -> tuple[Any, ...]:
        key: list[Any] = [slice(None)] * 3
        key[self.normal_axis] = index
        return tuple(key)

    def _direction(self, array_axis: int, flipped: bool) -> npt.NDArray[np.float64]:
        direction = self.geometry.directions[:, 2 - array_axis]
        return -direction if flipped else direction


def acquisition_plane(geometry: Geometry) -> Plane:
    """The plane nearest to the acquired slices (the k axis)."""
    for plane in Plane:
        if PlaneView.of(geometry, plane).normal_axis == 0:
            return plane
    raise AssertionError("closest_axes assigns every voxel axis")
