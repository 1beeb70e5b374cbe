"""Values of a DICOM header by keyword: those that place and name an image, as cheap as can be.

A folder of 5,000 files has 150,000 of them. Plain text and single numbers are read here; what needs more knowledge
(character sets, sequences, unknown types) is left to pydicom, which takes ten times as long for each.
"""

import contextlib
import struct
from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from tumorview.io.untrusted import PARSER_ERRORS

PRIVATE_B_VALUE = "PrivateBValue"  # stands beside the keywords of the standard

_ROOT_KEYWORDS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "SeriesNumber",
    "InstanceNumber",
    "SeriesDescription",
    "ProtocolName",
    "SequenceName",
    "PulseSequenceName",
    "ImageType",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceThickness",
    "SpacingBetweenSlices",
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
    "WindowWidth",
    "EchoTime",
    "EchoNumbers",
    "RepetitionTime",
    "InversionTime",
    "ScanningSequence",
    "ContrastBolusAgent",
    "AcquisitionContrast",
    "DiffusionBValue",
    "TemporalPositionIdentifier",
    "TriggerTime",
    "AcquisitionNumber",
    "AcquisitionTime",
    "ContentTime",
    "FlipAngle",
    "ComplexImageComponent",
    "EchoPlanarPulseSequence",
    "EchoPulseSequence",
    "PatientName",
    "PatientID",
    "StudyDate",
    "StudyDescription",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
)
GROUP_SEQUENCES = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
# Where vendors put the b-value before the standard had a place for it: element, its block's creator.
_VENDORS_B_VALUE = (
    (0x0019100C, 0x00190010, "SIEMENS MR HEADER"),
    (0x00431039, 0x00430010, "GEMS_PARM_01"),
    (0x20011003, 0x20010010, "Philips Imaging DD 001"),
)
_GE_OFFSET = 1_000_000_000  # added to b-values by newer scanners

_ROOT_TAGS = {int(Tag(keyword)): keyword for keyword in _ROOT_KEYWORDS}
HEADER_TAGS = [
    *map(Tag, (*_ROOT_KEYWORDS, *GROUP_SEQUENCES)),
    *(Tag(tag) for row in _VENDORS_B_VALUE for tag in row[:2]),
]
_VRS = {tag: dictionary_VR(tag) for tag in _ROOT_TAGS}  # of files that do not say them
_TEXTS = frozenset(("CS", "DA", "DS", "IS", "LO", "PN", "SH", "TM", "UI"))
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_ESCAPE = b"\x1b"  # begins another character set


def root_values(dataset: Dataset) -> dict[str, Any]:
    """The elements of the root by keyword; texts may be numbers. Sequences are left to those who know them."""
    found: dict[str, Any] = {}
    for tag, element in dataset.items():
        number = int(tag)  # pydicom's tags compare by a call of Python code
        keyword = _ROOT_TAGS.get(number)
        if keyword is None:
            continue
        with contextlib.suppress(*PARSER_ERRORS):  # one unreadable element does not spoil the others
            value = _plain(element, _VRS[number])
            if value is None:
                value = dataset[tag].value
            if value is not None:
                found[keyword] = value
    b_value = _private_b_value(dataset)
    if b_value is not None:
        found[PRIVATE_B_VALUE] = b_value
    return found


def _plain(element: DataElement | RawDataElement, usual: str) -> Any:  # noqa: ANN401 - what the file holds
    """ASCII text, a list of several, or a number; None for anything else."""
    if not isinstance(element, RawDataElement) or not element.value:
        return None
    stored, vr = element.value, element.VR or usual
    if vr in _TEXTS and stored.isascii() and _ESCAPE not in stored:
        text = stored.decode("ascii").strip(" \0")
        return [part.strip() for part in text.split("\\")] if "\\" in text else text
    code = _NUMBERS.get(vr)
    if code is None or len(stored) != struct.calcsize(code):
        return None
    return struct.unpack(f"{'<' if element.is_little_endian else '>'}{code}", stored)[0]


def _private_b_value(dataset: Dataset) -> float | None:
    """The b-value in a vendor's own element; None where there is none."""
    for tag, creator, name in _VENDORS_B_VALUE:
        if tag not in dataset or creator not in dataset:
            continue
        try:
            if str(dataset[creator].value).strip() == name:
                return _private_number(dataset[tag].value) % _GE_OFFSET
        except PARSER_ERRORS:
            continue
    return None


def _private_number(value: Any) -> float:  # noqa: ANN401 - what the file holds
    """The first number of a private value; files that do not say its VR have it as bytes: a float or text."""
    if isinstance(value, bytes):
        text = value.strip(b" \0")
        if text.replace(b"\\", b"").replace(b".", b"").isdigit():
            return float(text.split(b"\\")[0])
        return float(struct.unpack("<f", value)[0])
    return float(next(iter(value)) if isinstance(value, Iterable) and not isinstance(value, str) else value)
