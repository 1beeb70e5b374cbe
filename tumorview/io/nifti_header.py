"""What a NIfTI header says, checked before anything it asks for is allocated."""

import contextlib
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np

from tumorview.core.geometry import POSITION_TOLERANCE_MM, Affine, Geometry, Shape, ras_to_lps
from tumorview.errors import GeometryError, ReadError
from tumorview.io.files import head
from tumorview.io.untrusted import PARSER_ERRORS, check_allocation, reading

# nibabel has no type information; an image is one of its Nifti1Image or Nifti2Image.
NiftiImage: TypeAlias = Any

GZIP_MAGIC = b"\x1f\x8b"

_MAGICS = ((344, b"n+1\0"), (4, b"n+2\0"))
_HEADER_BYTES = 552  # of a NIfTI-2 header with its extension flag
_UNITS_MM = {"meter": 1000.0, "micron": 0.001}
_ORTHOGONAL_TOLERANCE = 1e-3  # of cosines between voxel axes; below it a header has only rounded


@dataclass(frozen=True)
class Placement:
    """Where a NIfTI image lies, and what about that the user should know."""

    geometry: Geometry
    warnings: tuple[str, ...]


def is_nifti(path: Path) -> bool:
    """Whether the first bytes, unpacked where they are gzip, are those of a NIfTI-1 or NIfTI-2 file."""
    start = _start(path)
    return any(start[offset : offset + 4] == magic for offset, magic in _MAGICS)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[NiftiImage]:
    """The nibabel image of ``path``, voxels unread; raises ReadError before a hostile header costs memory.

    The kind is told by content, not by suffix, so that a renamed file opens all the same.
    """
    start = _start(path)
    if not is_nifti(path):
        raise ReadError(
            f"'{path.name}' is not a NIfTI image, whatever its name says.",
            "Copy it again from its source, or open another file.",
        )
    compressed = head(path, 2) == GZIP_MAGIC
    kind = nib.Nifti2Image if start[4:8] == b"n+2\0" else nib.Nifti1Image
    with reading(path, "a NIfTI image"), gzip.open(path) if compressed else path.open("rb") as file:
        image = kind.from_stream(file)
        shape = tuple(int(n) for n in image.header.get_data_shape())
        if not 2 <= len(shape) <= 7 or min(shape) < 1:
            raise ReadError(f"'{path.name}' has the shape {shape}, which is no image.", "Open a 3-D image.")
        wanted = math.prod(shape) * int(image.header.get_data_dtype().itemsize)
        check_allocation(path, wanted, path.stat().st_size, compressed=compressed)
        yield image


def placement(image: NiftiImage, shape: Shape) -> Placement:
    """The Geometry of the first three axes of ``image``, turned to LPS millimetres, for voxels [k, j, i].

    The sform is used where it is set, then the qform; where neither is, sizes alone are known.
    """
    header = image.header
    unit = _UNITS_MM.get(str(header.get_xyzt_units()[0]), 1.0)
    scale = np.diag([unit, unit, unit, 1.0])
    sform = _usable(header.get_sform(coded=True), scale)
    qform = _usable(header.get_qform(coded=True), scale)
    warnings = []
    if int(header["sform_code"]) > 0 and sform is None:
        warnings.append("The file's sform is not a valid affine and was not used.")
    if sform is None and qform is None:
        geometry = Geometry(shape, ras_to_lps(scale @ header.get_base_affine()), oriented=False)
        warnings.append("The file does not say how it lies in the patient: patient sides are unknown.")
        return Placement(geometry, tuple(warnings))
    geometry = Geometry(shape, ras_to_lps(sform if sform is not None else qform))  # type: ignore[arg-type]
    if sform is not None and qform is not None:
        warnings.extend(_disagreement(geometry, Geometry(shape, ras_to_lps(qform))))
    warnings.extend(_shear(geometry))
    return Placement(geometry, tuple(warnings))


def _usable(form: tuple[Any, int], scale: Affine) -> Affine | None:
    affine, code = form
    if affine is None or code <= 0:
        return None
    scaled = scale @ np.asarray(affine, np.float64)
    try:
        Geometry((1, 1, 1), scaled)
    except GeometryError:
        return None
    return np.asarray(scaled, dtype=np.float64)


def _disagreement(sform: Geometry, qform: Geometry) -> list[str]:
    offset = float(np.abs(sform.index_to_world(sform.corners()) - qform.index_to_world(qform.corners())).max())
    if offset <= POSITION_TOLERANCE_MM:
        return []
    return [
        f"The file's two orientations disagree by up to {offset:.1f} mm: sform {sform.describe()};"
        f" qform {qform.describe()}. The sform is used; check the patient's sides."
    ]


def _shear(geometry: Geometry) -> list[str]:
    cosines = geometry.directions.T @ geometry.directions
    worst = float(np.abs(cosines - np.eye(3)).max())
    if worst <= _ORTHOGONAL_TOLERANCE:
        return []
    angle = math.degrees(math.asin(min(worst, 1.0)))
    return [f"The voxel axes are not at right angles (off by {angle:.1f} degrees); positions are as the file says."]


def _start(path: Path) -> bytes:
    start = head(path, _HEADER_BYTES)
    if start[:2] != GZIP_MAGIC:
        return start
    try:
        with gzip.open(path) as file:
            return file.read(_HEADER_BYTES)
    except PARSER_ERRORS:
        return b""
