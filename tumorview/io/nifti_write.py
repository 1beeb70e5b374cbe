"""NIfTI output: voxels on their Geometry, and the check that they read back as they were meant."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry, ras_to_lps
from tumorview.errors import WriteError
from tumorview.io.atomic import atomic_write, not_identical
from tumorview.io.nifti_header import NiftiImage, opened, placement

# NIfTI's codes: 1 says that coordinates are the scanner's, 2 that they are of some other, arbitrary frame.
_SCANNER, _ARBITRARY = 1, 2
_NOTE = "TumorView, research use only"
_WORLD_TOLERANCE_MM = 1e-3  # headers keep float32
_RIGHT_ANGLE_TOLERANCE = 1e-6


def write_voxels(data: npt.NDArray[Any], geometry: Geometry, path: Path) -> None:
    """Write ``data`` [k, j, i] to a .nii or .nii.gz file, atomically; it is reopened and compared before the rename.

    The affine is written as sform, and as qform too where its axes are at right angles (a qform cannot shear).
    Raises WriteError with a remedy.
    """
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise WriteError(f"'{path.name}' does not end in .nii or .nii.gz.", "Give the file one of these endings.")
    image = _image(data, geometry)
    atomic_write(path, lambda part: nib.save(image, part), verify=lambda part: _verify(part, data, geometry, path))


def _image(data: npt.NDArray[Any], geometry: Geometry) -> NiftiImage:
    stored = _storable(data)
    affine = ras_to_lps(geometry.affine)
    image = nib.Nifti1Image(stored.transpose(2, 1, 0), affine)
    code = _SCANNER if geometry.calibrated and geometry.oriented else _ARBITRARY
    image.set_sform(affine, code)
    axes = geometry.directions
    square = bool(np.abs(axes.T @ axes - np.eye(3)).max() < _RIGHT_ANGLE_TOLERANCE)
    image.set_qform(affine if square else None, code if square else 0)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = _NOTE if geometry.calibrated else f"{_NOTE}; spacing unknown"
    return image


def _storable(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``data`` in a type that NIfTI has and common tools read."""
    if data.dtype in (np.uint8, np.int16, np.uint16, np.int32, np.float32):
        return data
    return data.astype(np.uint8 if data.dtype == np.bool_ else np.float32)


def _verify(part: Path, data: npt.NDArray[Any], geometry: Geometry, path: Path) -> None:
    with opened(part) as image:
        values = np.asanyarray(image.dataobj).transpose(2, 1, 0)
        where = placement(image, (values.shape[0], values.shape[1], values.shape[2])).geometry
    if not np.array_equal(values, _storable(data), equal_nan=data.dtype.kind == "f"):
        raise not_identical(path)
    corners = geometry.corners()
    if np.abs(where.index_to_world(corners) - geometry.index_to_world(corners)).max() > _WORLD_TOLERANCE_MM:
        raise not_identical(path)
