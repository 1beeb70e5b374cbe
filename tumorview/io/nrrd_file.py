"""NRRD masks (``.nrrd`` and 3D Slicer's ``.seg.nrrd``): label volumes and layers of segments, with their geometry."""

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
from tumorview.errors import ReadError
from tumorview.io.mask_pixels import labels_of, table_for
from tumorview.io.pixels import Pixels
from tumorview.io.segments import Segment, mask_of
from tumorview.io.untrusted import check_allocation, reading

_MAGIC = b"NRRD000"
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
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def read_nrrd_mask(path: Path) -> Mask:
    """The mask in a NRRD file on its own Geometry; raises ReadError where it is none."""
    with reading(path, "NRRD"), path.open("rb") as file:
        header = _header(file)
        sizes = [int(size) for size in header["sizes"]]
        values = _voxels(path, header, sizes, file.read())
        layers = values[None] if len(sizes) == 3 else _layers(header, values)
        geometry = _geometry(header, layers.shape[1:])
    segments = list(_segments(header, layers))
    if segments:
        return mask_of(segments, geometry)
    if len(layers) > 1:
        raise ReadError(f"'{path.name}' holds several volumes, not one mask.", "Save one volume of label numbers.")
    data = labels_of(layers[0], path)
    return Mask(data, geometry, table_for(data))


def _header(file: BinaryIO) -> dict[str, Any]:
    try:
        return dict(nrrd.read_header(file))
    except nrrd.NRRDError as error:
        raise ValueError("a NRRD header that is none") from error


def _voxels(path: Path, header: dict[str, Any], sizes: list[int], packed: bytes) -> Pixels:
    """Voxels [k, j, i], or [k, j, i, layer]: NRRD's first axis is the fastest."""
    if "data file" in header or "datafile" in header:
        raise ReadError(f"'{path.name}' keeps its voxels in another file.", "Save it as one .nrrd file.")
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


def _geometry(header: dict[str, Any], shape: tuple[int, ...]) -> Geometry:
    k, j, i = shape
    signs = _SPACES.get(str(header.get("space", "")).lower())
    directions = header.get("space directions")
    if signs is None or directions is None:
        return Geometry.uncalibrated((k, j, i))
    rows = np.array([row for row in np.asarray(directions, np.float64) if np.isfinite(row).all()])
    affine = np.eye(4)
    affine[:3, :3] = rows.T  # a row of the header is the step of one array axis, the fastest (i) first
    affine[:3, 3] = header.get("space origin", np.zeros(3))
    affine[:2] *= np.array(signs)[:, None]
    return Geometry((k, j, i), affine)


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
