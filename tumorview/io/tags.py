"""Every entry of a file's header, read again when somebody wants to look: DICOM elements and NIfTI fields.

What identifies a patient is marked, so that it can be masked on the screen: DICOM PS3.15's basic profile as far as MR
needs it, private elements, whatever has a person's name, an address or a date, and free text of NIfTI.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from tumorview.core.tags import HeaderTag
from tumorview.errors import ReadError
from tumorview.io.dicom_header import is_dicom
from tumorview.io.nifti_header import is_nifti, opened
from tumorview.io.untrusted import reading

LONGEST = 400  # characters of a value
MOST = 20_000  # entries: an enhanced object of many frames has more than anybody reads
MAX_DEPTH = 12

_KINDS = frozenset(("PN", "DA", "DT", "TM", "UI"))  # names, dates, times and the UIDs that lead to the archive
_PUBLIC_UIDS = frozenset(
    (
        "SOPClassUID",
        "TransferSyntaxUID",
        "MediaStorageSOPClassUID",
        "ImplementationClassUID",
        "CodingSchemeUID",
        "ReferencedSOPClassUID",
        "ContextUID",
        "MappingResourceUID",
    )
)
_WORDS = (
    "Patient",
    "Institution",
    "Physician",
    "Operator",
    "Address",
    "Telephone",
    "Accession",
    "StudyID",
    "Station",
    "DeviceSerial",
    "Comments",
    "Requested",
    "Requesting",
    "Admission",
    "Admitting",
    "Performer",
    "Performing",
    "Person",
    "Responsible",
    "Occupation",
    "Ethnic",
    "Medical",
    "Insurance",
    "ServiceRequest",
    "ProcedureStep",
    "ImageID",
    "StudyDescription",
    "Protected",
    "Contribution",
    "Issuer",
    "Military",
    "Religious",
    "Region",
)
_PUBLIC = frozenset(("PatientPosition", "PatientOrientation", "ImageOrientationPatient", "ImagePositionPatient"))
_FREE_TEXT = frozenset(("descrip", "aux_file", "db_name", "intent_name"))


def read_tags(path: Path) -> list[HeaderTag]:
    """The header of ``path``; raises ReadError where it is gone or of a format without a header to show."""
    if not path.exists():
        raise ReadError("The file is not there any more: it was moved, or lay in an archive.", "Unpack and open it.")
    if is_dicom(path):
        with reading(path, "DICOM"):
            return list(_first(_elements(pydicom.dcmread(path, stop_before_pixels=True, force=True), 0)))
    if is_nifti(path):
        with opened(path) as image:
            return [_field(name, image.header[name]) for name in image.header]
    raise ReadError(f"'{path.name}' has no header that TumorView shows.", "Look at a DICOM or NIfTI series.")


def _first(tags: Iterator[HeaderTag]) -> Iterator[HeaderTag]:
    for number, tag in enumerate(tags):
        if number == MOST:
            yield HeaderTag("", "…", "", f"only the first {MOST:,} entries are shown")
            return
        yield tag


def _elements(dataset: Dataset, depth: int) -> Iterator[HeaderTag]:
    if depth == 0 and hasattr(dataset, "file_meta"):
        yield from _elements(dataset.file_meta, 1)
    for element in dataset:
        name = element.keyword or element.name.strip("[]")
        number = f"({element.tag.group:04X},{element.tag.element:04X})"
        if element.VR == "SQ":
            items = list(element.value or ())
            yield HeaderTag(number, name, "SQ", f"{len(items)} item{'s' if len(items) != 1 else ''}", False, depth)
            if depth < MAX_DEPTH:
                for item in items:
                    yield from _elements(item, depth + 1)
        else:
            yield HeaderTag(number, name, str(element.VR), _text(element.value), _identifies(element), depth)


def _identifies(element: DataElement) -> bool:
    name = element.keyword
    if element.tag.is_private or not name:
        return True
    if name in _PUBLIC or name in _PUBLIC_UIDS:
        return False
    return element.VR in _KINDS or any(word in name for word in _WORDS)


def _field(name: str, value: Any) -> HeaderTag:  # noqa: ANN401 - a numpy scalar or array
    array = np.asarray(value)
    if array.dtype.kind == "S":
        text = array.tobytes().split(b"\0")[0].decode("ascii", "replace")
    else:
        text = " ".join(f"{part:g}" for part in array.reshape(-1).tolist())
    return HeaderTag("", name, str(array.dtype), text[:LONGEST], identifying=name in _FREE_TEXT)


def _text(value: Any) -> str:  # noqa: ANN401 - whatever a DICOM element holds
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    several = isinstance(value, list | pydicom.multival.MultiValue)
    text = "\\".join(str(part) for part in value) if several else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
