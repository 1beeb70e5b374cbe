"""NRRD images and masks (also 3D Slicer's ``.seg.nrrd``): volumes and layers of segments, with their geometry."""

import bz2
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import nrrd
import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.labels import Colour
from tumorview.core.mask import Mask
from tumorview.core.placing import Placing
from tumorview.core.study import Series
from tumorview.core.volume import Volume
from tumorview.errors import ReadError
from tumorview.io.files import head
from tumorview.io.mask_pixels import labels_of, table_for
from tumorview.io.metaimage import UNKNOWN_SIDES
from tumorview.io.pixels import Pixels
from tumorview.io.segments import Segment, mask_of
from tumorview.io.series_files import plain, series_from
from tumorview.io.untrusted import check_allocation, reading

_MAGIC = b"NRRD000"
_LONG_HEADER = 64 * 1024
_TYPES = {
    "i1": r"signed char|int8(_t)?",
    "u1": r"uchar|unsigned char|uint8(_t)?",
    "i2": r"(signed )?short( int)?|int16(_t)?",
    "u2": r"ushort|unsigned short( int)?|uint16(_t)?",
    "i4": r"(signed )?int|int32(_t)?",
    "u4": r"uint|unsigned int|uint32(_t)?",
    "f4": "float",
    "f8": "double",
}
_PLACED = "NRRD space directions and origin"
# x and y of the space's axes in LPS; http://teem.sourceforge.net/nrrd/format.html, "space"
_SPACES = {
    "left-posterior-superior": (1, 1),
    "lps": (1, 1),
    "right-anterior-superior": (-1, -1),
    "ras": (-1, -1),
    "left-anterior-superior": (1, -1),
    "las": (1, -1),
}


def is_nrrd(path: Path) -> bool:
    """Whether the file begins as a NRRD does."""
    return head(path, len(_MAGIC)) == _MAGIC


def read_nrrd_series(path: Path) -> list[Series]:
    """The image of one file, as a Series for each of its volumes; raises ReadError where it is none."""
    _, layers, geometry, warnings = _read(path)

    def volume(number: int) -> tuple[Volume, tuple[str, ...], Placing]:
        data, remarks = plain(layers[number])
        return Volume(np.ascontiguousarray(data), geometry), (*warnings, *remarks), Placing(_PLACED)

    return series_from(path, "nrrd", len(layers), volume)


def read_nrrd_mask(path: Path) -> Mask:
    """The mask in a NRRD file on its own Geometry; raises ReadError where it is none."""
    header, layers, geometry, _ = _read(path)
    with reading(path, "NRRD"):
        segments = list(_segments(header, layers))
    if segments:
        return mask_of(segments, geometry)
    if len(layers) > 1:
        raise ReadError(f"'{path.name}' holds several volumes, not one mask.", "Save one volume of label numbers.")
    data = labels_of(layers[0], path)
    return Mask(data, geometry, table_for(data))


def is_segmentation(path: Path) -> bool:
    """Whether the header names segments, as 3D Slicer's ``.seg.nrrd`` does."""
    return b"Segment0_" in head(path, _LONG_HEADER)


def _read(path: Path) -> tuple[dict[str, Any], Pixels, Geometry, tuple[str, ...]]:
    """The header, voxels [layer, k, j, i], where they lie, and what the user should know."""
    with reading(path, "NRRD"), path.open("rb") as file:
        header = _header(file)
        sizes = [int(size) for size in header["sizes"]]
        values = _voxels(path, header, sizes, _content(path, header, file))
        layers = values[None] if len(sizes) == 3 else _layers(header, values)
        geometry, warnings = _geometry(header, layers.shape[1:])
    return header, layers, geometry, warnings


def _header(file: BinaryIO) -> dict[str, Any]:
    try:
        return dict(nrrd.read_header(file))
    except nrrd.NRRDError as error:
        raise ValueError("a NRRD header that is none") from error


def _content(path: Path, header: dict[str, Any], file: BinaryIO) -> bytes:
    """The packed voxels: behind the header, or in the one file beside it that a detached header names."""
    name = header.get("data file", header.get("datafile"))
    if name is None:
        return file.read()
    if not isinstance(name, str) or not name or {"/", "\\", "%", " "} & set(name) or name in (".", "..", "LIST"):
        raise ReadError(f"'{path.name}' keeps its voxels in other files.", "Save it as one .nrrd file.")
    data = path.with_name(name)
    if not data.is_file():
        raise ReadError(f"'{path.name}' is a header whose voxels, '{name}', are not there.", "Copy both files.")
    skip = int(header.get("byte skip", header.get("byteskip", 0)))
    with data.open("rb") as voxels:
        voxels.seek(max(skip, 0))
        content = voxels.read()
    return content if skip >= 0 else content[-_wanted(header) :]


def _wanted(header: dict[str, Any]) -> int:
    code = next((code for code, names in _TYPES.items() if re.fullmatch(names, str(header["type"]))), "u1")
    return int(np.prod([int(size) for size in header["sizes"]], dtype=object)) * np.dtype(code).itemsize


def _voxels(path: Path, header: dict[str, Any], sizes: list[int], packed: bytes) -> Pixels:
    """Voxels [k, j, i], or [k, j, i, layer]: NRRD's first axis is the fastest."""
    code = next((code for code, names in _TYPES.items() if re.fullmatch(names, str(header["type"]))), None)
    if code is None or len(sizes) not in (3, 4) or min(sizes) < 1:
        raise ReadError(f"'{path.name}' is not a volume of numbers.", "Save one volume of label numbers.")
    kind = np.dtype(code).newbyteorder(">" if header.get("endian") == "big" else "<")
    wanted = int(np.prod(sizes, dtype=object)) * kind.itemsize
    encoding = str(header["encoding"]).lower()
    check_allocation(path, wanted, len(packed), compressed=encoding != "raw")
    match encoding:
        case "raw":
            content = packed[:wanted]
        case "gzip" | "gz":
            content = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(packed, wanted)
        case "bzip2" | "bz2":
            content = bz2.BZ2Decompressor().decompress(packed, wanted)
        case _:
            raise ReadError(f"'{path.name}' is stored as {encoding}.", "Save it as raw or gzip.")
    return np.frombuffer(content, kind, count=wanted // kind.itemsize).reshape(sizes[::-1])


def _layers(header: dict[str, Any], values: Pixels) -> Pixels:
    """Voxels [layer, k, j, i]: the axis without a direction counts the layers, the fastest in 3D Slicer's files."""
    directions = np.asarray(header.get("space directions", np.full((4, 3), np.nan)), np.float64)
    slowest = np.isfinite(directions[0]).all() and not np.isfinite(directions[-1]).all()
    return values if slowest else np.moveaxis(values, -1, 0)


def _geometry(header: dict[str, Any], shape: tuple[int, ...]) -> tuple[Geometry, tuple[str, ...]]:
    k, j, i = shape
    signs = _SPACES.get(str(header.get("space", "")).lower())
    directions = header.get("space directions")
    affine = np.eye(4)
    if directions is None:
        spacings = [float(step) for step in header.get("spacings", ()) if np.isfinite(float(step))]
        if len(spacings) != 3 or min(spacings) <= 0:
            return Geometry.uncalibrated((k, j, i)), (UNKNOWN_SIDES,)
        affine[:3, :3] = np.diag(spacings)
        return Geometry((k, j, i), affine, oriented=False), (UNKNOWN_SIDES,)
    rows = np.array([row for row in np.asarray(directions, np.float64) if np.isfinite(row).all()])
    if signs is None:  # a space that says nothing about the patient: lengths are all there is
        affine[:3, :3] = np.diag(np.linalg.norm(rows, axis=1))
        return Geometry((k, j, i), affine, oriented=False), (UNKNOWN_SIDES,)
    affine[:3, :3] = rows.T  # a row of the header is the step of one array axis, the fastest (i) first
    affine[:3, 3] = header.get("space origin", np.zeros(3))
    affine[:2] *= np.array(signs)[:, None]
    return Geometry((k, j, i), affine), ()


def _segments(header: dict[str, Any], layers: Pixels) -> Iterator[Segment]:
    """What 3D Slicer says about its segments; nothing in a plain label volume."""
    count = 0
    while f"Segment{count}_LabelValue" in header:
        prefix, count = f"Segment{count}_", count + 1
        layer, value = int(header.get(f"{prefix}Layer", 0)), int(header[f"{prefix}LabelValue"])
        if layer < len(layers):
            name = str(header.get(f"{prefix}Name", ""))
            yield Segment(value, layers[layer] == value, name, _colour(str(header.get(f"{prefix}Color", ""))))


def _colour(text: str) -> Colour | None:
    try:
        red, green, blue = (round(255 * min(max(float(part), 0.0), 1.0)) for part in text.split())
    except ValueError:
        return None
    return red, green, blue
