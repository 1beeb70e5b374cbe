"""The header pass over DICOM files: what each frame is and where it lies, without reading a pixel."""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.files import head
from tumorview.io.untrusted import PARSER_ERRORS, check_allocation, reading

MAX_FRAMES = 20_000  # of one file
MAX_EDGE = 8192
MAX_DEFLATED = 512 * 2**20  # bytes that a deflated dataset may unpack to

_CHUNK = 2**20

_MIN_COSINES, _MAX_SKEW = 0.5, 0.1  # direction vectors that are shorter or less at right angles are damage

_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_DEFLATED = "1.2.840.10008.1.2.1.99"
# Objects that have rows and columns but are no images to look at.
_NO_IMAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.4.2": "MR Spectroscopy",
    "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "RT Dose",
}
_ROOT_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality",
    "SeriesNumber", "InstanceNumber", "SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName",
    "ImageType", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "PixelRepresentation", "PixelSpacing", "ImagePositionPatient",
    "ImageOrientationPatient", "SliceThickness", "SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept",
    "WindowCenter", "WindowWidth", "EchoTime", "EchoNumbers", "RepetitionTime", "InversionTime",
    "ScanningSequence", "ContrastBolusAgent", "AcquisitionContrast", "DiffusionBValue",
    "TemporalPositionIdentifier", "TriggerTime", "AcquisitionNumber", "AcquisitionTime", "ContentTime",
    "FlipAngle", "ComplexImageComponent", "EchoPlanarPulseSequence", "EchoPulseSequence",
    "PatientName", "PatientID", "StudyDate",
)
_GROUP_SEQUENCES = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_MACROS = (
    "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
    "PixelValueTransformationSequence", "FrameVOILUTSequence", "MREchoSequence",
    "MRTimingAndRelatedParametersSequence", "MRModifierSequence", "MRDiffusionSequence",
    "MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "FrameContentSequence",
    "ContrastBolusUsageSequence", "MRMetaboliteMapSequence",
)
_HEADER_TAGS = (*_ROOT_KEYWORDS, *_GROUP_SEQUENCES)
# What decoding needs; the per-frame groups of a large file take longer to parse than its pixels to read.
_PIXEL_TAGS = (
    "SOPClassUID", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PlanarConfiguration",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
    "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData",
)


@dataclass(frozen=True)
class Frame:
    """One image plane: frame ``index`` of the file at ``path``; ``values`` holds its header by DICOM keyword.

    Values of the frame's functional groups stand above shared ones, those above the file's.
    """

    path: Path
    index: int
    values: Mapping[str, Any]

    @cached_property
    def axes(self) -> npt.NDArray[np.float64] | None:
        """3x3: unit LPS vectors along a row, along a column and of the normal, in rows; None where not valid."""
        cosines = self.numbers("ImageOrientationPatient", 6)
        if cosines is None:
            return None
        row, column = np.array(cosines[:3]), np.array(cosines[3:])
        lengths = np.linalg.norm(row), np.linalg.norm(column)
        if min(lengths) < _MIN_COSINES or abs(float(row @ column)) > _MAX_SKEW * lengths[0] * lengths[1]:
            return None
        row, column = row / lengths[0], column / lengths[1]
        return np.stack([row, column, np.cross(row, column)])

    @cached_property
    def position(self) -> npt.NDArray[np.float64] | None:
        """LPS mm of the first pixel's centre; None where the frame does not say how it lies."""
        position = self.numbers("ImagePositionPatient", 3)
        return None if position is None or self.axes is None else np.array(position)

    @cached_property
    def height(self) -> float:
        """The position along the slice normal, mm; the instance number where the frame has no place."""
        if self.position is None or self.axes is None:
            return (self.number("InstanceNumber") or 0.0) + self.index
        return float(self.axes[2] @ self.position)

    def text(self, keyword: str) -> str:
        """The value as text, empty where it is missing."""
        value = self.values.get(keyword)
        return "" if value is None else str(value).strip()

    def number(self, keyword: str) -> float | None:
        """The value as a finite number; of several the first; None where it is missing or no number."""
        found = self.numbers(keyword)
        return found[0] if found else None

    def numbers(self, keyword: str, count: int | None = None) -> tuple[float, ...] | None:
        """The values as finite numbers; None where one is missing, or not ``count`` of them."""
        value = self.values.get(keyword)
        if value is None or (isinstance(value, str) and not value):
            return None
        items = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
        try:
            numbers = tuple(float(item) for item in items)
        except (TypeError, ValueError):
            return None
        if not numbers or (count is not None and len(numbers) != count) or not all(abs(n) < 1e12 for n in numbers):
            return None
        return numbers

    def strings(self, keyword: str) -> tuple[str, ...]:
        """The values as upper-case text."""
        value = self.values.get(keyword)
        if value is None:
            return ()
        items = [value] if isinstance(value, str) else value if isinstance(value, Iterable) else [value]
        return tuple(str(item).strip().upper() for item in items if str(item).strip())


@dataclass
class Scan:
    """Frames found, and what was left out: objects that are no images by kind, files that could not be read."""

    frames: list[Frame] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about files that were left out."""
        lines = []
        if self.left_out:
            kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(self.left_out.items()))
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
    """Read the headers of all ``paths`` (files already known to be DICOM)."""
    result = Scan()
    files = list(paths)
    for done, path in enumerate(files):
        progress.check()
        progress.report(done / max(len(files), 1), "Reading headers")
        try:
            _scan_file(path, result)
        except ReadError as error:
            if len(files) == 1:
                raise
            result.damaged.append(path.name)
            del error
    return result


def read_dataset(path: Path, *, pixels: bool) -> Dataset:
    """What the header pass needs of a file's dataset, or with ``pixels`` what decoding needs. Raises ReadError."""
    _check_deflated(path)
    with reading(path, "a DICOM image"):
        dataset = pydicom.dcmread(
            path, force=True, stop_before_pixels=not pixels, specific_tags=list(_PIXEL_TAGS if pixels else _HEADER_TAGS)
        )
        if not dataset.file_meta.get("TransferSyntaxUID"):
            dataset.file_meta.TransferSyntaxUID = UID(_guessed_syntax(dataset))
        return dataset


def frames_of(dataset: Dataset, path: Path) -> Iterator[Frame]:
    """The frames of one image file, in stored order."""
    root = _values(dataset, _ROOT_KEYWORDS)
    count = int(root.get("NumberOfFrames") or 1)
    shared_groups, frame_groups = (dataset.get(name) or [] for name in _GROUP_SEQUENCES)
    shared = _macros(shared_groups[0]) if len(shared_groups) else {}
    for index in range(count):
        own = _macros(frame_groups[index]) if index < len(frame_groups) else {}
        yield Frame(path, index, {**root, **shared, **own})


def _scan_file(path: Path, result: Scan) -> None:
    dataset = read_dataset(path, pixels=False)
    with reading(path, "a DICOM image"):
        kind = str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or "")
        if kind == _DIRECTORY_CLASS:
            return
        if kind in _NO_IMAGE_CLASSES or not dataset.get("Rows") or not dataset.get("Columns"):
            result.left_out[_NO_IMAGE_CLASSES.get(kind) or (UID(kind).name if kind else "object without pixels")] += 1
            return
        check_size(dataset, path)
        result.frames.extend(frames_of(dataset, path))


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


def _values(dataset: Dataset, keywords: Iterable[str]) -> dict[str, Any]:
    found = {}
    for keyword in keywords:
        value = _value(dataset, keyword)
        if value is not None:
            found[keyword] = value
    return found


def _value(dataset: Dataset, keyword: str) -> Any:  # noqa: ANN401 - what the file holds
    try:
        return dataset.get(keyword)
    except PARSER_ERRORS:  # one unreadable element does not spoil the others
        return None


def _macros(groups: Dataset) -> dict[str, Any]:
    """The elements of a frame's functional groups by keyword."""
    found: dict[str, Any] = {}
    for macro in _MACROS:
        items = _value(groups, macro)
        if not items:
            continue
        for element in items[0]:
            if element.VR != "SQ" and element.value is not None and element.keyword:
                found[element.keyword] = element.value
    return found
