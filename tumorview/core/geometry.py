"""Where voxels lie in the patient: shape, affine and the directions read from them.

World coordinates are DICOM's patient frame, LPS millimetres: x to the patient's Left, y to Posterior, z to Superior
(DICOM PS3.3 C.7.6.2.1.1). An affine maps the column vector (i, j, k, 1) -- column, row, slice -- to (x, y, z, 1).
Arrays are indexed ``[k, j, i]``; shapes and spacings are given in that order too.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tumorview.errors import GeometryError

Affine = npt.NDArray[np.float64]
Shape = tuple[int, int, int]

SPACING_TOLERANCE_MM = 1e-2  # 3D Slicer's tolerance for "the same spacing"
DIRECTION_TOLERANCE = 1e-4  # direction cosines, after float32 headers have rounded them
POSITION_TOLERANCE_MM = 1e-1  # of any corner voxel: a tenth of a millimetre is below every MR voxel
SHEAR_DEGREES = 0.06  # of voxel axes off their right angle; below it a header has only rounded
LETTER_THRESHOLD = 0.3  # a second letter is shown once an edge is more than about 17 degrees oblique

_POSITIVE_LETTERS = "LPS"
_NEGATIVE_LETTERS = "RAI"


@dataclass(frozen=True, eq=False)
class Geometry:
    """Shape ``[k, j, i]`` and affine (4x4 float64) from voxel index (i, j, k) to LPS mm.

    ``calibrated`` is False where the file gave no spacing (PNG, TIFF): millimetre measures are then meaningless.
    ``oriented`` is False where the file did not say which side is which either: no letters are shown.
    Raises GeometryError for shapes below one voxel and affines that are not finite or not invertible.
    """

    shape: Shape
    affine: Affine
    calibrated: bool = True
    oriented: bool = True

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(f"The image has the shape {self.shape}, which is not a stack of slices.")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError(
                "The image's affine is not a finite 4x4 matrix.", "Export the image again with its orientation."
            )
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise GeometryError(
                "The image's affine is singular: two voxel axes point the same way or a spacing is zero.",
                "Export the image again with its orientation.",
            )
        affine.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @classmethod
    def uncalibrated(cls, shape: Sequence[int], *, oriented: bool = False) -> "Geometry":
        """Unit voxels in radiological display order, for images that carry no geometry."""
        return cls(_shape(shape), np.eye(4), calibrated=False, oriented=oriented)

    @classmethod
    def from_spacing(cls, shape: Sequence[int], spacing: Sequence[float]) -> "Geometry":
        """An axis-aligned LPS grid with ``spacing`` (k, j, i) in mm and its first voxel at the origin."""
        k, j, i = spacing
        return cls(_shape(shape), np.diag([i, j, k, 1.0]))

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along (k, j, i), mm."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(k), float(j), float(i)

    @cached_property
    def directions(self) -> npt.NDArray[np.float64]:
        """3x3: unit LPS vectors of the i, j and k axes, in columns."""
        matrix = self.affine[:3, :3]
        return _frozen(matrix / np.linalg.norm(matrix, axis=0))

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, mm^3 (also for sheared grids)."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @cached_property
    def inverse(self) -> Affine:
        """4x4 affine from LPS mm to voxel index (i, j, k)."""
        return _frozen(np.linalg.inv(self.affine))

    def index_to_world(self, kji: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """LPS mm [..., 3] of voxel indices [..., 3] in (k, j, i) order; fractions lie between voxel centres."""
        ijk = np.asarray(kji, dtype=np.float64)[..., ::-1]
        return np.asarray(ijk @ self.affine[:3, :3].T + self.affine[:3, 3], dtype=np.float64)

    def world_to_index(self, xyz: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Fractional voxel indices [..., 3] in (k, j, i) order of LPS mm [..., 3]."""
        inverse = self.inverse
        ijk = np.asarray(xyz, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
        return np.ascontiguousarray(ijk[..., ::-1])

    def contains(self, kji: npt.ArrayLike) -> bool:
        """Whether the rounded index lies inside the grid."""
        index = np.rint(np.asarray(kji, dtype=np.float64))
        return bool(np.all(index >= 0) and np.all(index < np.asarray(self.shape)))

    def letter(self, direction: npt.ArrayLike) -> str:
        """Letters of the patient's side that an LPS vector points to, the strongest first ("L", "AS" ...)."""
        vector = np.asarray(direction, dtype=np.float64)
        vector = vector / np.linalg.norm(vector)
        order = [int(axis) for axis in np.argsort(-np.abs(vector), kind="stable")]
        shown = order[:1] + [axis for axis in order[1:] if abs(vector[axis]) > LETTER_THRESHOLD]
        return "".join((_POSITIVE_LETTERS if vector[axis] > 0 else _NEGATIVE_LETTERS)[axis] for axis in shown)

    @property
    def axis_codes(self) -> str:
        """Three letters: the side that growing i, j and k lead to, e.g. "LPS"."""
        axes, signs = self.closest_axes
        codes = [""] * 3
        for patient_axis, voxel_axis in enumerate(axes):
            letters = _POSITIVE_LETTERS if signs[patient_axis] > 0 else _NEGATIVE_LETTERS
            codes[voxel_axis] = letters[patient_axis]
        return "".join(codes)

    @cached_property
    def closest_axes(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """For patient axes x, y, z: the voxel axis (0 i, 1 j, 2 k) nearest to each, and its sign (+1 or -1)."""
        cosines = self.directions
        axes = max(itertools.permutations(range(3)), key=lambda order: float(np.abs(cosines[range(3), order]).sum()))
        signs = tuple(1 if cosines[patient, axis] > 0 else -1 for patient, axis in enumerate(axes))
        return axes, signs  # type: ignore[return-value]  # both have exactly three entries

    @property
    def obliquity_degrees(self) -> float:
        """Largest angle between a voxel axis and the patient axis nearest to it."""
        axes, _ = self.closest_axes
        cosines = [abs(self.directions[patient, axis]) for patient, axis in enumerate(axes)]
        return float(np.degrees(np.arccos(np.clip(min(cosines), 0.0, 1.0))))

    @property
    def shear_degrees(self) -> float:
        """Largest angle by which two voxel axes miss their right angle."""
        cosines = np.abs(self.directions.T @ self.directions - np.eye(3))
        return float(np.degrees(np.arcsin(np.clip(cosines.max(), 0.0, 1.0))))

    def same_grid(self, other: "Geometry") -> bool:
        """Whether both name the same voxels: equal shapes and corners nearer than POSITION_TOLERANCE_MM.

        Grids without calibration only have shapes to compare.
        """
        if self is other:
            return True
        if self.shape != other.shape:
            return False
        if not (self.calibrated and other.calibrated):
            return True
        offsets = self.index_to_world(self.corners()) - other.index_to_world(self.corners())
        return bool(np.abs(offsets).max() <= POSITION_TOLERANCE_MM)

    def corners(self) -> npt.NDArray[np.float64]:
        """Indices (k, j, i) of the eight corner voxels, [8, 3]."""
        ends = [(0.0, float(n - 1)) for n in self.shape]
        return np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(8, 3)

    def describe(self) -> str:
        """One line for messages: size, spacing, orientation and position."""
        k, j, i = self.shape
        size = f"{i} x {j} x {k} voxels"
        if not self.calibrated:
            return f"{size}, no spacing known"
        spacing = " x ".join(f"{mm:.2f}" for mm in reversed(self.spacing))
        origin = ", ".join(f"{mm:.1f}" for mm in self.affine[:3, 3])
        return f"{size} of {spacing} mm, {self.axis_codes}, first voxel at ({origin}) mm LPS"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Geometry)
            and self.shape == other.shape
            and (self.calibrated, self.oriented) == (other.calibrated, other.oriented)
            and np.array_equal(self.affine, other.affine)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.affine.tobytes(), self.calibrated, self.oriented))


def _frozen(matrix: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """``matrix`` for reading only: it is kept and shared."""
    kept = np.array(matrix, dtype=np.float64)
    kept.setflags(write=False)
    return kept


def _shape(shape: Sequence[int]) -> Shape:
    k, j, i = (int(n) for n in shape)
    return k, j, i


def ras_to_lps(affine: npt.ArrayLike) -> Affine:
    """An affine to LPS from one to RAS (NIfTI), or back: x and y change their sign."""
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, dtype=np.float64), dtype=np.float64)
