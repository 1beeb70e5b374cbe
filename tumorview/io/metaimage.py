"""MetaImage (``.mha``, or ``.mhd`` with its voxels beside it): ITK's format, in LPS as DICOM is."""

import zlib
from pathlib import Path

import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.placing import Placing
from tumorview.core.study import Series
from tumorview.core.volume import Volume
from tumorview.errors import ReadError
from tumorview.io.files import head
from tumorview.io.mask_pixels import labels_of, table_for
from tumorview.io.pixels import Pixels
from tumorview.io.series_files import plain, series_from
from tumorview.io.untrusted import check_allocation, reading

MAX_HEADER_BYTES = 64 * 1024
UNKNOWN_SIDES = "The file does not say how it lies in the patient: patient sides are unknown."

_PLACED = "MetaImage offset and transform"
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_TRUE = ("true", "1", "yes")

Fields = dict[str, str]


def is_metaimage(path: Path) -> bool:
    """Whether the first line is one that a MetaImage header begins with, and its dimensions follow."""
    start = head(path, 1024)
    return start.lstrip()[:10].split(b"=")[0].strip() in (b"ObjectType", b"NDims", b"Comment") and b"NDims" in start


def read_metaimage_series(path: Path) -> list[Series]:
    """The image of one file, as a Series for each of its channels."""
    layers, geometry, warnings = _read(path)

    def volume(number: int) -> tuple[Volume, tuple[str, ...], Placing]:
        data, remarks = plain(layers[number])
        return Volume(np.ascontiguousarray(data), geometry), (*warnings, *remarks), Placing(_PLACED)

    return series_from(path, "metaimage", len(layers), volume)


def read_metaimage_mask(path: Path) -> Mask:
    """The mask in a MetaImage file; raises ReadError where it is none."""
    layers, geometry, _ = _read(path)
    if len(layers) != 1:
        raise ReadError(f"'{path.name}' holds several channels, not one mask.", "Save one volume of label numbers.")
    data = labels_of(layers[0], path)
    return Mask(data, geometry, table_for(data))


def _read(path: Path) -> tuple[Pixels, Geometry, tuple[str, ...]]:
    """Voxels [channel, k, j, i], where they lie, and what the user should know."""
    with reading(path, "a MetaImage"):
        fields, offset = _header(path)
        sizes = [int(size) for size in fields["DimSize"].split()]
        if len(sizes) != int(fields["NDims"]) or not 2 <= len(sizes) <= 4 or min(sizes) < 1:
            raise ReadError(f"'{path.name}' has the size {sizes}, which is no volume.", "Save one volume.")
        channels = int(fields.get("ElementNumberOfChannels", 1))
        volumes = sizes[3] if len(sizes) == 4 else 1
        shape = [volumes, *([1] if len(sizes) == 2 else []), *sizes[2::-1], channels]
        voxels = _voxels(path, fields, offset, shape)
        layers = np.moveaxis(voxels, -1, 1).reshape(volumes * channels, *shape[1:4])
        geometry, warnings = _geometry(fields, layers.shape[1:], len(sizes))
    return layers, geometry, warnings


def _header(path: Path) -> tuple[Fields, int]:
    """The fields, and where in the file the voxels begin: behind ``ElementDataFile``, which ends every header."""
    start = head(path, MAX_HEADER_BYTES)
    fields: Fields = {}
    offset = 0
    for line in start.split(b"\n"):
        offset += len(line) + 1
        name, _, value = line.decode("latin-1").partition("=")
        fields[name.strip()] = value.strip()
        if name.strip() == "ElementDataFile":
            return fields, offset
    raise ReadError(f"'{path.name}' is cut short: its header has no end.", "Copy it again from its source.")


def _voxels(path: Path, fields: Fields, offset: int, shape: list[int]) -> Pixels:
    kind = _TYPES.get(fields.get("ElementType", ""))
    if kind is None:
        raise ReadError(f"'{path.name}' has voxels of the type {fields.get('ElementType')}.", "Save it as MET_SHORT.")
    big = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")).lower() in _TRUE
    dtype = np.dtype(kind).newbyteorder(">" if big else "<")
    if fields.get("BinaryData", "True").lower() not in _TRUE:
        raise ReadError(f"'{path.name}' is written as text.", "Save it in binary.")
    source, begin = _data_file(path, fields, offset)
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    compressed = fields.get("CompressedData", "False").lower() in _TRUE
    size = source.stat().st_size
    if not compressed and source != path:  # HeaderSize -1 means: the voxels are the end of the file
        skip = int(fields.get("HeaderSize", 0))
        begin = size - wanted if skip == -1 else max(skip, 0)
    check_allocation(path, wanted, size - begin, compressed=compressed)
    with source.open("rb") as file:
        file.seek(max(begin, 0))
        content = file.read() if compressed else file.read(wanted)
    if compressed:
        content = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, wanted)
    return np.frombuffer(content, dtype, count=wanted // dtype.itemsize).reshape(shape)


def _data_file(path: Path, fields: Fields, offset: int) -> tuple[Path, int]:
    """The file that holds the voxels, and where in it they begin. Only one beside the header is opened."""
    name = fields["ElementDataFile"]
    if name.upper() == "LOCAL":
        return path, offset
    if name.upper().startswith("LIST") or "%" in name:
        raise ReadError(f"'{path.name}' keeps its slices in files of their own.", "Save it as one .mha file.")
    if not name or {"/", "\\"} & set(name) or name in (".", ".."):
        raise ReadError(f"'{path.name}' keeps its voxels in another folder.", "Put both files into one folder.")
    data = path.with_name(name)
    if not data.is_file():
        raise ReadError(f"'{path.name}' is a header whose voxels, '{name}', are not there.", "Copy both files.")
    return data, 0


def _geometry(fields: Fields, shape: tuple[int, ...], dimensions: int) -> tuple[Geometry, tuple[str, ...]]:
    k, j, i = shape
    spacing = _numbers(fields, "ElementSpacing", "ElementSize")
    if spacing is None or len(spacing) < min(dimensions, 3):
        return Geometry.uncalibrated((k, j, i)), (UNKNOWN_SIDES,)
    scales = np.array([*spacing[:3], 1.0][:3])
    matrix = _numbers(fields, "TransformMatrix", "Rotation", "Orientation")
    origin = _numbers(fields, "Offset", "Position", "Origin")
    affine = np.eye(4)
    if matrix is None or len(matrix) != dimensions**2 or dimensions == 2:
        affine[:3, :3] = np.diag(scales)
        return Geometry((k, j, i), affine, oriented=False), (UNKNOWN_SIDES,)
    # Each row of the header is the direction of one voxel axis, the fastest (i) first.
    directions = np.array(matrix).reshape(dimensions, dimensions)[:3, :3]
    affine[:3, :3] = directions.T * scales
    affine[:3, 3] = 0.0 if origin is None else origin[:3]
    return Geometry((k, j, i), affine), ()


def _numbers(fields: Fields, *names: str) -> list[float] | None:
    text = next((fields[name] for name in names if name in fields), None)
    return None if text is None else [float(part) for part in text.split()]
