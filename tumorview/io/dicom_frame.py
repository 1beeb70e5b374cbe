"""One image plane of a DICOM file: its header by keyword, and what follows from it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from tumorview.io.dicom_header import Header
from tumorview.io.dicom_native import NativePixels
from tumorview.io.dicom_values import GROUP_SEQUENCES
from tumorview.io.untrusted import PARSER_ERRORS

_MIN_COSINES, _MAX_SKEW = 0.5, 0.1  # direction vectors that are shorter or less at right angles are damage
_MACROS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "MREchoSequence",
    "MRTimingAndRelatedParametersSequence",
    "MRModifierSequence",
    "MRDiffusionSequence",
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "FrameContentSequence",
    "ContrastBolusUsageSequence",
    "MRMetaboliteMapSequence",
    # Legacy Converted Enhanced objects: what their classic originals said and no macro has a place for.
    "UnassignedSharedConvertedAttributesSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
)


@dataclass(frozen=True)
class Frame:
    """One image plane: frame ``index`` of the file at ``path``; ``values`` holds its header by DICOM keyword.

    Values of the frame's functional groups stand above shared ones, those above the file's. ``pixels`` says where they
    lie in the file, if they need no unpacking.
    """

    path: Path
    index: int
    values: Mapping[str, Any]
    pixels: NativePixels | None = None

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
        except (TypeError, ValueError, OverflowError):
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


def frames_of(header: Header) -> Iterator[Frame]:
    """The frames of one image file, in stored order."""
    root, path, pixels = header.values, header.start.path, NativePixels.of(header)
    count = header.whole("NumberOfFrames", 1)
    if count > 1:
        # One place cannot be that of all frames.
        root = {keyword: value for keyword, value in root.items() if keyword != "ImagePositionPatient"}
    shared_groups, frame_groups = (header.dataset.get(name) or [] for name in GROUP_SEQUENCES)
    shared = _macros(shared_groups[0]) if len(shared_groups) else {}
    for index in range(count):
        own = _macros(frame_groups[index]) if index < len(frame_groups) else {}
        yield Frame(path, index, {**root, **shared, **own}, pixels)


def _value(dataset: Dataset, keyword: str) -> Any:  # noqa: ANN401 - what the file holds
    try:
        return dataset.get(keyword)
    except PARSER_ERRORS:  # as above
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
