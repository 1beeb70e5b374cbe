"""What a NIfTI or Analyze header says, checked before anything it asks for is allocated."""

import contextlib
import gzip
import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import nibabel as nib
import numpy as np
from nibabel.fileholders import FileHolder

from tumorview.core.geometry import POSITION_TOLERANCE_MM, SHEAR_DEGREES, Affine, Geometry, Shape, ras_to_lps
from tumorview.core.placing import Placing
from tumorview.errors import GeometryError, ReadError
from tumorview.io.files import head
from tumorview.io.untrusted import PARSER_ERRORS, check_allocation, reading

# nibabel has no type information; an image is one of its Nifti1Image or Nifti2Image.
NiftiImage: TypeAlias = Any

DISPUTED = "The file's two orientations disagree"  # how the warning begins

GZIP_MAGIC = b"\x1f\x8b"

# Where the magic stands, what it is, how nibabel calls the kind; pairs keep their voxels in an .img file.
_MAGICS = (
    (344, b"n+1\0", nib.Nifti1Image),
    (4, b"n+2\0", nib.Nifti2Image),
    (344, b"ni1\0", nib.Nifti1Pair),
    (4, b"ni2\0", nib.Nifti2Pair),
)
_ANALYZE_BYTES = 348
_FLOAT_BYTES = 4
_ANALYZE_TYPES = (1, 2, 4, 8, 16, 32, 64, 128)
_HEADER_BYTES = 552  # of a NIfTI-2 header with its extension flag
_UNITS_MM = {"meter": 1000.0, "micron": 0.001}


@dataclass(frozen=True)
class Placement:
    """Where a NIfTI image lies, and what about that the user should know."""

    geometry: Geometry
    warnings: tuple[str, ...]
    placing: Placing


def is_nifti(path: Path) -> bool:
    """Whether ``path`` is a NIfTI-1, NIfTI-2 or Analyze image, packed or not, or one of the two files of a pair."""
    return _kind(path) is not None or (_is_image_of_pair(path) and _kind(_sibling(path, ".hdr")) is not None)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[NiftiImage]:
    """The nibabel image of ``path``, voxels unread; raises ReadError before a hostile header costs memory.

    The kind is told by content, not by suffix, so that a renamed file opens all the same.
    """
    if _is_image_of_pair(path) and _kind(path) is None:
        path = _sibling(path, ".hdr")
    kind = _kind(path)
    if kind is None:
        raise ReadError(
            f"'{path.name}' is not a NIfTI image, whatever its name says.",
            "Copy it again from its source, or open another file.",
        )
    pair = kind not in (nib.Nifti1Image, nib.Nifti2Image)
    voxels = _sibling(path, ".img") if pair else path
    if not voxels.is_file():
        raise ReadError(f"'{path.name}' is a header whose voxels, '{voxels.name}', are not there.", "Copy both files.")
    with contextlib.ExitStack() as files, reading(path, "a NIfTI image"):
        parts = {"header": path, "image": voxels} if pair else {"image": path}
        streams = {name: FileHolder(fileobj=files.enter_context(_stream(file))) for name, file in parts.items()}
        # Not mapped: somebody may write over the file, or take its disk away, while the image is open.
        image = kind.from_file_map(streams, mmap=False)
        shape = tuple(int(n) for n in image.header.get_data_shape())
        if not 2 <= len(shape) <= 7 or min(shape) < 1:
            raise ReadError(f"'{path.name}' has the shape {shape}, which is no image.", "Open a 3-D image.")
        count, size = math.prod(shape), int(image.header.get_data_dtype().itemsize)
        compressed, stored = head(voxels, 2) == GZIP_MAGIC, voxels.stat().st_size
        check_allocation(path, count * size, stored, compressed=compressed)
        if compressed and _scaled(image):  # numbers that become floats
            check_allocation(path, count * max(size, _FLOAT_BYTES), stored, compressed=True)
        yield image


def _scaled(image: NiftiImage) -> bool:
    """Whether stored numbers become floats."""
    return (float(image.dataobj.slope), float(image.dataobj.inter)) != (1.0, 0.0)


def _stream(path: Path) -> io.IOBase:
    return gzip.open(path) if head(path, 2) == GZIP_MAGIC else path.open("rb")


def _kind(path: Path) -> Any:  # noqa: ANN401 - one of nibabel's classes
    """The class of nibabel that reads the header in ``path``; None where it holds none."""
    start = _start(path)
    for offset, magic, kind in _MAGICS:
        if start[offset : offset + 4] == magic:
            return kind
    return nib.AnalyzeImage if _is_analyze(start) and _sibling(path, ".img").is_file() else None


def _is_analyze(start: bytes) -> bool:
    """Whether these are the first bytes of an Analyze 7.5 header: it has no magic, only values that make sense."""
    if len(start) < _ANALYZE_BYTES:
        return False
    for order in ("<", ">"):
        (size,) = struct.unpack_from(f"{order}i", start)
        dims, *lengths = struct.unpack_from(f"{order}8h", start, 40)
        (code,) = struct.unpack_from(f"{order}h", start, 70)
        if size == _ANALYZE_BYTES and 1 <= dims <= 7 and min(lengths[:dims]) > 0 and code in _ANALYZE_TYPES:
            return True
    return False


def _is_image_of_pair(path: Path) -> bool:
    return path.name.lower().endswith((".img", ".img.gz"))


def _sibling(path: Path, suffix: str) -> Path:
    """The other file of a pair, whatever the case of its suffix and whether it is packed."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    stem = name[: -len(suffix)] if name.lower().endswith((".hdr", ".img")) else name
    for ending in (suffix, suffix.upper(), f"{suffix}.gz"):
        if path.with_name(stem + ending).is_file():
            return path.with_name(stem + ending)
    return path.with_name(stem + suffix)


def placement(image: NiftiImage, shape: Shape, *, qform: bool = False) -> Placement:
    """The Geometry of the first three axes of ``image``, turned to LPS millimetres, for voxels [k, j, i].

    The sform is used where it is set, then the qform (the other way round with ``qform``); where neither is, sizes
    alone are known. Analyze headers say no more than sizes: programs disagree about the side they lie on.
    """
    header = image.header
    if not isinstance(image, nib.Nifti1Pair):
        sides = "An Analyze file does not say which side of the patient is which: patient sides are unknown."
        geometry = Geometry(shape, ras_to_lps(header.get_base_affine()), oriented=False)
        return Placement(geometry, (sides,), Placing("Analyze voxel sizes alone"))
    unit = _UNITS_MM.get(str(header.get_xyzt_units()[0]), 1.0)
    scale = np.diag([unit, unit, unit, 1.0])
    forms = {
        "sform": _usable(header.get_sform(coded=True), scale),
        "qform": _usable(header.get_qform(coded=True), scale),
    }
    warnings = []
    if int(header["sform_code"]) > 0 and forms["sform"] is None:
        warnings.append("The file's sform is not a valid affine and was not used.")
    order = ("qform", "sform") if qform else ("sform", "qform")
    usable = [(name, Geometry(shape, ras_to_lps(affine))) for name in order if (affine := forms[name]) is not None]
    if not usable:
        geometry = Geometry(shape, ras_to_lps(scale @ header.get_base_affine()), oriented=False)
        warnings.append("The file does not say how it lies in the patient: patient sides are unknown.")
        return Placement(geometry, tuple(warnings), Placing("NIfTI voxel sizes alone"))
    (name, geometry), *second = usable
    placing = Placing(f"NIfTI {name}")
    if second:
        disagreement = _disagreement(*usable)
        placing = Placing(f"NIfTI {name}", f"NIfTI {second[0][0]}", second[0][1] if disagreement else None)
        warnings.extend(disagreement)
    warnings.extend(_shear(geometry))
    return Placement(geometry, tuple(warnings), placing)


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


def _disagreement(used: tuple[str, Geometry], other: tuple[str, Geometry]) -> list[str]:
    (name, geometry), (other_name, second) = used, other
    corners = geometry.corners()
    offset = float(np.abs(geometry.index_to_world(corners) - second.index_to_world(corners)).max())
    if offset <= POSITION_TOLERANCE_MM:
        return []
    return [
        f"{DISPUTED} by up to {offset:.1f} mm: {name} {geometry.describe()};"
        f" {other_name} {second.describe()}. The {name} is used; check the patient's sides."
    ]


def _shear(geometry: Geometry) -> list[str]:
    angle = geometry.shear_degrees
    if angle <= SHEAR_DEGREES:
        return []
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
