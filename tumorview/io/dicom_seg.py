"""DICOM segmentations as masks: binary, fractional and label map; frames may be missing, segments may overlap."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.labels import Colour
from tumorview.core.mask import Mask
from tumorview.errors import ReadError
from tumorview.io.dicom_header import Start, is_dicom, read_header
from tumorview.io.pixels import MAX_VOXELS
from tumorview.io.segments import Segment, mask_of
from tumorview.io.untrusted import reading

SEGMENTATION_CLASSES = frozenset(("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"))
_HALF = 0.5  # of a fractional segment's probability or occupancy


def is_dicom_seg(path: Path) -> bool:
    """Whether the file is a DICOM Segmentation or Label Map Segmentation."""
    if not is_dicom(path):
        return False
    try:
        return read_header(Start.of(path)).kind in SEGMENTATION_CLASSES
    except ReadError:
        return False


def read_seg_mask(path: Path) -> Mask:
    """The mask in a DICOM segmentation, on the grid of its own frames; raises ReadError with a remedy.

    Slices between its frames that have none are background.
    """
    with reading(path, "a DICOM segmentation"):
        import highdicom  # a third of a second that nobody waits for who opens other masks

        read_header(Start.of(path)).check_size()
        logging.getLogger("highdicom").setLevel(logging.CRITICAL + 1)  # its messages quote the file
        file = highdicom.seg.segread(path)
        extent = file.get_volume_geometry()
        if extent is None:
            raise ReadError(
                f"The frames of '{path.name}' do not form a regular stack of slices.", "Export it as NIfTI."
            )
        if int(np.prod(extent.spatial_shape, dtype=object)) > MAX_VOXELS:
            raise ReadError(f"'{path.name}' is larger than TumorView opens.", "Export the part you need.")
        return mask_of(_segments(file), _geometry(extent))


def _segments(file: Any) -> Iterator[Segment]:
    for number in file.segment_numbers:
        if int(number) == 0:
            continue  # the background of a label map
        description = file.get_segment_description(number)
        voxels = file.get_volume(segment_numbers=[number]).array[..., 0]
        inside = voxels >= _HALF if voxels.dtype.kind == "f" else voxels > 0
        yield Segment(int(number), inside, str(description.get("SegmentLabel", "")), _colour(description))


def _geometry(extent: Any) -> Geometry:
    """highdicom's affine takes (k, j, i), ours (i, j, k); both lead to LPS mm."""
    affine = np.array(extent.affine, np.float64)
    affine[:, :3] = affine[:, 2::-1]
    k, j, i = (int(n) for n in extent.spatial_shape)
    return Geometry((k, j, i), affine)


def _colour(description: Any) -> Colour | None:
    from highdicom.color import CIELabColor

    stored = description.get("RecommendedDisplayCIELabValue")
    if stored is None:
        return None
    red, green, blue = CIELabColor.from_dicom_value(stored).to_rgb()
    return int(red), int(green), int(blue)
