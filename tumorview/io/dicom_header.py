"""The header of a DICOM file: parsed once, from its first bytes where they hold it all."""

import contextlib
import io
import zlib
from dataclasses import dataclass
from os import fstat
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset as read_elements
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from tumorview.errors import ReadError
from tumorview.io.dicom_values import HEADER_TAGS, root_values
from tumorview.io.files import head
from tumorview.io.untrusted import PARSER_ERRORS, check_allocation, reading

MAX_FRAMES = 20_000  # of one file
MAX_EDGE = 8192
MAX_DEFLATED = 256 * 2**20  # bytes that a deflated dataset may unpack to

_CHUNK = 2**20
_START = 2**16  # bytes: the header of most images, and not much of their pixels
_MAGIC = slice(128, 132)
_META = 132  # where the file meta information begins
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PIXEL_GROUP = 0x7FE0
_LONG_VRS = (b"OB", b"OW", b"SQ", b"UN", b"UT")  # of the meta information: the length takes 4 bytes
# What decoding needs; the per-frame groups of a large file take longer to parse than its pixels to read.
_DECODING_TAGS = [
    Tag(keyword)
    for keyword in (
        "SOPClassUID",
        "Rows",
        "Columns",
        "NumberOfFrames",
        "SamplesPerPixel",
        "PlanarConfiguration",
        "PhotometricInterpretation",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PixelData",
        "FloatPixelData",
        "DoubleFloatPixelData",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
        "RedPaletteColorLookupTableDescriptor",
        "RedPaletteColorLookupTableData",
        "GreenPaletteColorLookupTableDescriptor",
        "GreenPaletteColorLookupTableData",
        "BluePaletteColorLookupTableDescriptor",
        "BluePaletteColorLookupTableData",
    )
]


@dataclass(frozen=True, eq=False)
class Start:
    """The first bytes of the file at ``path``, none where it cannot be read, and its size."""

    path: Path
    content: bytes
    size: int

    @classmethod
    def of(cls, path: Path) -> "Start":
        """Read with one opening of the file: on a network share each costs a round trip."""
        try:
            with path.open("rb", buffering=0) as file:
                return cls(path, file.read(_START), fstat(file.fileno()).st_size)
        except OSError:
            return cls(path, b"", 0)

    @property
    def is_dicom(self) -> bool:
        """Whether the file begins as DICOM does."""
        return _begins_as_dicom(self.content)


@dataclass(frozen=True, eq=False)
class Header:
    """The dataset without its pixels; ``values`` are those that place and name an image, by keyword.

    ``pixels_at`` is where the element of the pixels begins, 0 where that was not found on the way.
    """

    start: Start
    dataset: Dataset
    values: dict[str, Any]
    syntax: UID
    kind: str
    pixels_at: int = 0

    def whole(self, keyword: str, missing: int = 0) -> int:
        """A value as a whole number; ``missing`` where there is none."""
        return int(float(self.values.get(keyword) or 0)) or missing

    def check_size(self) -> None:
        """Raise ReadError where the header claims more pixels than are opened, or than the file can hold."""
        path, rows, columns = self.start.path, self.whole("Rows"), self.whole("Columns")
        frames = self.whole("NumberOfFrames", 1)
        if not (0 < rows <= MAX_EDGE and 0 < columns <= MAX_EDGE and 0 < frames <= MAX_FRAMES):
            raise ReadError(f"'{path.name}' claims {frames} frames of {columns} x {rows} pixels.", "Copy it again.")
        samples, bits = self.whole("SamplesPerPixel", 1), self.whole("BitsAllocated", 16)
        wanted = rows * columns * frames * samples * bits // 8
        compressed = self.syntax.is_encapsulated or self.syntax == _DEFLATED
        if self.values.get("PhotometricInterpretation") == "YBR_FULL_422":
            wanted = wanted * 2 // 3
        check_allocation(path, wanted, self.start.size, compressed=compressed)


def is_dicom(path: Path) -> bool:
    """Whether a file starts as DICOM does: ``DICM`` after the preamble, or a plausible first element without one."""
    return _begins_as_dicom(head(path, _META))


def _begins_as_dicom(start: bytes) -> bool:
    if start[_MAGIC] == b"DICM":
        return True
    if len(start) < 16 or start[:2] not in (b"\x08\0", b"\x02\0", b"\0\x08"):
        return False
    element = start[2:4] if start[1] == 0 else start[3:1:-1]
    return element[1] == 0 and element[0] <= 0x90


def read_header(start: Start) -> Header:
    """The header of the file that begins with ``start``. Raises ReadError."""
    header = None
    with reading(start.path, "a DICOM image"):
        with contextlib.suppress(*PARSER_ERRORS):  # cut in the middle of a sequence
            header = _from_start(start)
        if header is None:
            dataset = _read(start.path, stop_before_pixels=True, specific_tags=HEADER_TAGS)
            meta = dataset.file_meta
            kind = str(dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or "")
            header = Header(start, dataset, root_values(dataset), UID(meta.TransferSyntaxUID), kind)
        return header


def read_with_pixels(path: Path) -> Dataset:
    """What decoding needs of a file's dataset. Raises ReadError."""
    with reading(path, "a DICOM image"):
        return _read(path, specific_tags=_DECODING_TAGS)


def read_directory(path: Path) -> Dataset:
    """The records of a DICOMDIR. Raises ReadError."""
    with reading(path, "a DICOMDIR"):
        return _read(path, specific_tags=[Tag("DirectoryRecordSequence")])


def _read(path: Path, **options: Any) -> Dataset:  # noqa: ANN401 - dcmread's
    """The dataset of any DICOM file, packed or without the header that says how it is written."""
    _check_deflated(path)
    dataset = pydicom.dcmread(path, force=True, **options)
    if not dataset.file_meta.get("TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = UID(_guessed_syntax(dataset))
    return dataset


def _from_start(start: Start) -> Header | None:
    """The header as far as its pixels; None where ``start`` does not hold it whole, or it is no ordinary file.

    Twice as fast as ``dcmread``, which makes datasets of the file meta information first.
    """
    meta, begin = _meta(start.content)
    syntax = UID(meta.get(0x0010, b"").rstrip(b" \0").decode("latin-1"))
    if not (syntax.is_transfer_syntax and not syntax.is_private) or syntax.is_deflated:
        return None
    stream = io.BytesIO(start.content)
    stream.seek(begin)
    dataset = read_elements(stream, syntax.is_implicit_VR, syntax.is_little_endian, stop_when=_at_pixels)
    end = stream.tell()
    at_pixels = start.content[end : end + 2] in (b"\xe0\x7f", b"\x7f\xe0")
    if not at_pixels and start.size > len(start.content):
        return None
    values = root_values(dataset)
    kind = values.get("SOPClassUID") or meta.get(0x0002, b"").rstrip(b" \0").decode("latin-1")
    return Header(start, dataset, values, syntax, str(kind), end if at_pixels else 0)


def _at_pixels(tag: BaseTag, *_: object) -> bool:
    return tag >> 16 == _PIXEL_GROUP  # a comparison of whole tags is a call of Python code


def _meta(content: bytes) -> tuple[dict[int, bytes], int]:
    """Group 2 by element number, and where it ends; always written in explicit VR, little endian."""
    found: dict[int, bytes] = {}
    at = _META if content[_MAGIC] == b"DICM" else len(content)
    while content[at : at + 2] == b"\x02\0":
        length = slice(8, 12) if content[at + 4 : at + 6] in _LONG_VRS else slice(6, 8)
        value = at + length.stop
        at, number = value + int.from_bytes(content[at:value][length], "little"), content[at + 2 : at + 4]
        found[int.from_bytes(number, "little")] = content[value:at]
    return found, at


def _check_deflated(path: Path) -> None:
    """Refuse a deflated dataset that unpacks to more than MAX_DEFLATED: pydicom would unpack it whole."""
    start = head(path, 2048)
    if _DEFLATED.encode() not in start or start[_MAGIC] != b"DICM":
        return
    meta_end = 144 + int.from_bytes(start[140:144], "little")  # the group length counts from behind itself
    unpacked, stream = 0, zlib.decompressobj(-zlib.MAX_WBITS)
    with path.open("rb") as file:
        file.seek(meta_end)
        while packed := stream.unconsumed_tail or file.read(_CHUNK):
            unpacked += len(stream.decompress(packed, _CHUNK))
            if unpacked > MAX_DEFLATED:
                raise ReadError(f"'{path.name}' unpacks to an unusual size.", "Export it again uncompressed.")
            if stream.eof:
                break


def _guessed_syntax(dataset: Dataset) -> str:
    implicit, little = dataset.original_encoding
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
