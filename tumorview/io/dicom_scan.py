"""The header pass over DICOM files: what each frame is and where it lies, without reading a pixel."""

import zlib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.dicom_frame import HEADER_TAGS, Frame, frames_of
from tumorview.io.files import head
from tumorview.io.untrusted import check_allocation, reading

MAX_FRAMES = 20_000  # of one file
MAX_EDGE = 8192
MAX_DEFLATED = 256 * 2**20  # bytes that a deflated dataset may unpack to

MOSAIC = "Siemens mosaic"
DIRECTORY_CLASS = "1.2.840.10008.1.3.10"

_CHUNK = 2**20
_THREADS = 8
_DEFLATED = "1.2.840.10008.1.2.1.99"
# Objects that have rows and columns but are no images to look at.
_NO_IMAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.4.2": "MR Spectroscopy",
    "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "RT Dose",
}
# What decoding needs; the per-frame groups of a large file take longer to parse than its pixels to read.
_PIXEL_TAGS = [Tag(keyword) for keyword in (
    "SOPClassUID", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PlanarConfiguration",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
    "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData",
)]


@dataclass
class Scan:
    """Frames found, and what was left out: objects that are no images by kind, files that could not be read.

    ``others`` counts files that are no DICOM, ``remarks`` are about the folder as a whole.
    """

    frames: list[Frame] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    others: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about files that were left out."""
        lines = [*self.remarks]
        mosaics = self.left_out[MOSAIC]
        if mosaics:
            lines.append(
                f"{mosaics} Siemens mosaics (all slices tiled in one picture) were left out: the tiles carry no"
                " positions."
            )
        objects = {kind: count for kind, count in self.left_out.items() if kind != MOSAIC}
        if objects:
            kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(objects.items()))
            lines.append(f"Objects that are not images were left out: {kinds}.")
        if self.damaged:
            shown = ", ".join(self.damaged[:5]) + (" ..." if len(self.damaged) > 5 else "")
            lines.append(f"{len(self.damaged)} damaged DICOM files were left out: {shown}.")
        return tuple(lines)


def is_dicom(path: Path) -> bool:
    """Whether a file starts as DICOM does: ``DICM`` after the preamble, or a plausible first element without one."""
    start = head(path, 132)
    if start[128:132] == b"DICM":
        return True
    if len(start) < 16 or start[:2] not in (b"\x08\0", b"\x02\0", b"\0\x08"):
        return False
    element = start[2:4] if start[1] == 0 else start[3:1:-1]
    return element[1] == 0 and element[0] <= 0x90


def scan(paths: Iterable[Path], progress: Progress) -> Scan:
    """Read the headers of those of ``paths`` that are DICOM.

    Threads wait for slow disks and network shares at the same time; the order of the files is kept.
    """
    files = list(paths)
    result = Scan()
    pool = ThreadPoolExecutor(_THREADS, "headers")
    try:
        for done, (path, outcome) in enumerate(zip(files, pool.map(_scan_file, files), strict=True)):
            progress.check()
            progress.report(done / len(files), f"Reading headers, {done:,} of {len(files):,} files")
            if isinstance(outcome, ReadError):
                if len(files) == 1:
                    raise outcome
                result.damaged.append(path.name)
            elif isinstance(outcome, str):
                result.left_out[outcome] += 1
            elif outcome is None:
                result.others += 1
            else:
                result.frames.extend(outcome)
    finally:
        pool.shutdown(cancel_futures=True)
    return result


def read_dataset(path: Path, *, pixels: bool) -> Dataset:
    """What the header pass needs of a file's dataset, or with ``pixels`` what decoding needs. Raises ReadError."""
    _check_deflated(path)
    with reading(path, "a DICOM image"):
        dataset = pydicom.dcmread(
            path, force=True, stop_before_pixels=not pixels, specific_tags=_PIXEL_TAGS if pixels else HEADER_TAGS
        )
        if not dataset.file_meta.get("TransferSyntaxUID"):
            dataset.file_meta.TransferSyntaxUID = UID(_guessed_syntax(dataset))
        return dataset


def read_directory(path: Path) -> Dataset:
    """The records of a DICOMDIR. Raises ReadError."""
    _check_deflated(path)
    with reading(path, "a DICOMDIR"):
        return pydicom.dcmread(path, force=True, specific_tags=["DirectoryRecordSequence"])


def _scan_file(path: Path) -> list[Frame] | str | ReadError | None:
    """The frames of a DICOM image (none of a DICOMDIR), the kind of another object, an error; None for other files."""
    try:
        if not is_dicom(path):
            return None
        dataset = read_dataset(path, pixels=False)
        with reading(path, "a DICOM image"):
            kind = str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or "")
            if kind == DIRECTORY_CLASS:
                return []
            if kind in _NO_IMAGE_CLASSES or not dataset.get("Rows") or not dataset.get("Columns"):
                return _NO_IMAGE_CLASSES.get(kind) or (UID(kind).name if kind else "object without pixels")
            check_size(dataset, path)
            frames = list(frames_of(dataset, path))
            return MOSAIC if "MOSAIC" in frames[0].strings("ImageType") else frames
    except ReadError as error:
        return error


def check_size(dataset: Dataset, path: Path) -> None:
    """Raise ReadError where the header claims more pixels than are opened, or than the file can hold."""
    rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames") or 1)
    if not (0 < rows <= MAX_EDGE and 0 < columns <= MAX_EDGE and 0 < frames <= MAX_FRAMES):
        raise ReadError(f"'{path.name}' claims {frames} frames of {columns} x {rows} pixels.", "Copy it again.")
    samples, bits = int(dataset.get("SamplesPerPixel") or 1), int(dataset.get("BitsAllocated") or 16)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    wanted = rows * columns * frames * samples * bits // 8
    compressed = syntax.is_encapsulated or syntax == _DEFLATED
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        wanted = wanted * 2 // 3
    check_allocation(path, wanted, path.stat().st_size, compressed=compressed)


def _check_deflated(path: Path) -> None:
    """Refuse a deflated dataset that unpacks to more than MAX_DEFLATED: pydicom would unpack it whole."""
    start = head(path, 2048)
    if _DEFLATED.encode() not in start or start[128:132] != b"DICM":
        return
    meta_end = 144 + int.from_bytes(start[140:144], "little")  # the group length counts from behind itself
    unpacked, stream = 0, zlib.decompressobj(-zlib.MAX_WBITS)
    with reading(path, "a DICOM image"), path.open("rb") as file:
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
