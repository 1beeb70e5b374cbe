"""Several segments that may overlap, as DICOM SEG and layered NRRD store them, made into one Mask."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry
from tumorview.core.labels import PALETTE, Colour, Label, LabelTable
from tumorview.core.mask import Mask

MAX_SEGMENTS = 255


@dataclass(frozen=True, eq=False)
class Segment:
    """One segment: its number in the file, its voxels [k, j, i] (True inside), and how it is called and coloured."""

    number: int
    inside: npt.NDArray[np.bool_]
    name: str = ""
    colour: Colour | None = None


def mask_of(segments: Iterable[Segment], geometry: Geometry) -> Mask:
    """The Mask of ``segments``; voxels that belong to several keep the first, and ``Mask.remarks`` counts them.

    Segments keep their numbers where these are 1..255 and differ, otherwise they are numbered in order.
    """
    mask = Mask.empty(geometry, LabelTable(()))
    taken: set[int] = set()
    overlapping, crowded = 0, 0
    for order, segment in enumerate(segments, start=1):
        wanted = segment.number
        number = wanted if 1 <= wanted <= MAX_SEGMENTS and wanted not in taken else _free(taken)
        if number is None:
            crowded += 1
            continue
        taken.add(number)
        colour = segment.colour or PALETTE[(number - 1) % len(PALETTE)]
        mask.labels = mask.labels.with_label(Label(number, segment.name or f"Segment {order}", colour))
        overlapping += int(np.count_nonzero(segment.inside & (mask.data != 0)))
        mask.data[segment.inside & (mask.data == 0)] = number
    remarks = []
    if overlapping:
        remarks.append(f"The segments overlap: {overlapping:,} voxels belong to several and were given to the first.")
    if crowded:
        remarks.append(f"{crowded} segments beyond {MAX_SEGMENTS} were left out.")
    mask.remarks = tuple(remarks)
    return mask


def _free(taken: set[int]) -> int | None:
    return next((number for number in range(1, MAX_SEGMENTS + 1) if number not in taken), None)
