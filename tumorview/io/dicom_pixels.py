"""The voxels of a DICOM stack: decoded frame by frame, rescaled to what they mean."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.dicom_decode import PixelFiles
from tumorview.io.dicom_frame import Frame
from tumorview.io.dicom_placing import Stack
from tumorview.io.pixels import to_grey
from tumorview.io.raster import finite_voxels
from tumorview.io.untrusted import MAX_FILE_BYTES, reading

Voxels = npt.NDArray[Any]

_NAMED_ERRORS = 3
_COLOUR_WARNING = "The colour images are shown in greys."


@dataclass(frozen=True, eq=False)
class StackPixels:
    """Voxels [k, j, i]: int16 where the stored values are the meant ones and fit, else float32 or a wider integer.

    ``padding`` is the range of values that stands for "outside the image", None where there is none.
    """

    voxels: Voxels
    warnings: tuple[str, ...] = ()
    padding: tuple[float, float] | None = None


def read_stack(stack: Stack, files: PixelFiles, progress: Progress) -> StackPixels:
    """The voxels of ``stack``.

    A file whose pixels are damaged leaves blank slices while others can be read. Raises ReadError where none can, or
    where they are packed in a way that no installed decoder reads.
    """
    present = [(slot, frame) for slot, frame in enumerate(stack.frames) if frame is not None]
    frames = [frame for _, frame in present]
    kind = _voxel_type(frames)
    if math.prod(stack.geometry.shape) * kind.itemsize > MAX_FILE_BYTES:
        raise ReadError(f"The series of '{stack.first.path.name}' is larger than TumorView opens.", "Open part of it.")
    voxels = np.zeros(stack.geometry.shape, kind)
    filled = np.zeros(len(voxels), bool)
    coloured = False
    errors: list[ReadError] = []
    for path, members in _by_file(present).items():
        progress.check()
        progress.report(np.count_nonzero(filled) / len(present), "Reading slices")
        try:
            for slot, frame, stored in _decoded(path, members, files):
                progress.check()
                grey, lost = to_grey(stored) if stored.ndim == 3 else (stored, False)
                coloured |= lost
                if grey.dtype.kind == "f" and voxels.dtype.kind != "f":  # FloatPixelData, which no header tag announces
                    voxels = voxels.astype(np.float32)
                voxels[slot] = _rescaled(_fitting(grey, voxels, path), frame, voxels.dtype)
                filled[slot] = True
        except ReadError as error:
            errors.append(error)
    if not filled.any():
        raise errors[0]
    if not filled.all():
        voxels[~filled] = voxels[filled].min()
    voxels, repaired = finite_voxels(voxels)
    warnings = [f"Slices were left blank. {error.message}" for error in errors[:_NAMED_ERRORS]]
    warnings += repaired + [_COLOUR_WARNING] * coloured
    return StackPixels(_compact(voxels), tuple(warnings), _padding(frames))


def _padding(frames: list[Frame]) -> tuple[float, float] | None:
    """The rescaled values that stand for "outside the image"; None where frames differ or say nothing about it."""
    ranges = {_padding_of(frame) for frame in frames}
    return next(iter(ranges)) if len(ranges) == 1 else None


def _padding_of(frame: Frame) -> tuple[float, float] | None:
    first = frame.number("PixelPaddingValue")
    if first is None:
        return None
    limit = frame.number("PixelPaddingRangeLimit")
    slope, intercept = rescale(frame)
    bits = int(frame.number("BitsAllocated") or 16)
    ends = [first, first if limit is None else limit]
    if frame.number("PixelRepresentation"):  # files with implicit VR do not say that the value is signed
        ends = [end - 2**bits if end >= 2 ** (bits - 1) else end for end in ends]
    low, high = sorted(end * slope + intercept for end in ends)
    return low, high


def rescale(frame: Frame) -> tuple[float, float]:
    """Slope and intercept of the frame; a slope of zero or none at all means 1."""
    return frame.number("RescaleSlope") or 1.0, frame.number("RescaleIntercept") or 0.0


def _voxel_type(frames: list[Frame]) -> np.dtype[Any]:
    """The type that holds every rescaled value exactly, or float32 where a rescale is not whole."""
    scales = [rescale(frame) for frame in frames]
    if any(slope != 1.0 or not intercept.is_integer() for slope, intercept in scales):
        return np.dtype(np.float32)
    allocated = max(int(frame.number("BitsAllocated") or 16) for frame in frames)
    stored = [int(frame.number("BitsStored") or 0) for frame in frames]
    bits = max(count if 0 < count <= allocated else allocated for count in stored)
    signed = any(frame.number("PixelRepresentation") for frame in frames)
    shifts = [intercept for _, intercept in scales]
    if allocated > 32:
        return np.dtype(np.float32)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    low, high = int(low + min(shifts)), int(high + max(shifts))
    for kind in (np.int16, np.uint16, np.int32, np.uint32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float32)


def _rescaled(stored: Voxels, frame: Frame, kind: np.dtype[Any]) -> Voxels:
    slope, intercept = rescale(frame)
    if kind.kind == "f":
        return (stored * slope + intercept).astype(np.float32)
    return stored.astype(np.int64) + int(intercept) if intercept else stored


def _compact(voxels: Voxels) -> Voxels:
    """Integers in the smallest type that holds them; what 31 bits do not hold becomes float32."""
    if voxels.dtype not in (np.uint16, np.int32, np.uint32):
        return voxels
    low, high = int(voxels.min()), int(voxels.max())
    if low >= -32768 and high <= 32767:
        return voxels.view(np.int16) if voxels.dtype == np.uint16 else voxels.astype(np.int16)
    if voxels.dtype == np.uint32:
        return voxels.astype(np.int32 if high <= np.iinfo(np.int32).max else np.float32)
    return voxels


def _fitting(pixels: Voxels, voxels: Voxels, path: Path) -> Voxels:
    if pixels.shape != voxels.shape[1:]:
        raise ReadError(f"'{path.name}' holds a frame of another size than its header says.", "Copy it again.")
    return pixels


def _by_file(frames: list[tuple[int, Frame]]) -> dict[Path, dict[int, tuple[int, Frame]]]:
    """(slot, frame) by file and by frame number in it."""
    files: dict[Path, dict[int, tuple[int, Frame]]] = {}
    for slot, frame in frames:
        files.setdefault(frame.path, {})[frame.index] = (slot, frame)
    return files


def _decoded(
    path: Path, members: dict[int, tuple[int, Frame]], files: PixelFiles
) -> Iterator[tuple[int, Frame, Voxels]]:
    indices = sorted(members)
    with reading(path, "a DICOM image", "Its pixel data is cut short or damaged: copy it again from its source."):
        native = members[indices[0]][1].pixels
        found = files.frames(path, indices) if native is None else native.frames(path, indices)
        for index, pixels in zip(indices, found, strict=True):
            yield *members[index], pixels
