"""The voxels of a DICOM stack: decoded frame by frame, rescaled to what they mean."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.dicom_decode import PixelFiles
from tumorview.io.dicom_scan import Frame
from tumorview.io.dicom_stacks import Stack
from tumorview.io.pixels import to_grey
from tumorview.io.untrusted import MAX_FILE_BYTES, reading

Voxels = npt.NDArray[Any]

_NAMED_ERRORS = 3
_COLOUR_WARNING = "The colour images are shown in greys."


def read_stack(stack: Stack, files: PixelFiles, progress: Progress) -> tuple[Voxels, tuple[str, ...]]:
    """Voxels [k, j, i] of ``stack`` and warnings; int16 where the stored values are the meant ones, else float32.

    A file whose pixels are damaged leaves blank slices while others can be read. Raises ReadError where none can, or
    where they are packed in a way that no installed decoder reads.
    """
    present = [(slot, frame) for slot, frame in enumerate(stack.frames) if frame is not None]
    kind = _voxel_type([frame for _, frame in present])
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
                voxels[slot] = _rescaled(_fitting(grey, voxels, path), frame, kind)
                filled[slot] = True
        except ReadError as error:
            errors.append(error)
    if not filled.any():
        raise errors[0]
    voxels[~filled] = voxels[filled].min()
    warnings = [f"Slices were left blank. {error.message}" for error in errors[:_NAMED_ERRORS]]
    return _compact(voxels), (*warnings, *(_COLOUR_WARNING,) * coloured)


def rescale(frame: Frame) -> tuple[float, float]:
    """Slope and intercept of the frame; a slope of zero or none at all means 1."""
    return frame.number("RescaleSlope") or 1.0, frame.number("RescaleIntercept") or 0.0


def _voxel_type(frames: list[Frame]) -> np.dtype[Any]:
    """The type that holds every rescaled value exactly, or float32 where a rescale is not whole."""
    scales = [rescale(frame) for frame in frames]
    if any(slope != 1.0 or not intercept.is_integer() for slope, intercept in scales):
        return np.dtype(np.float32)
    allocated = max(int(frame.number("BitsAllocated") or 16) for frame in frames)
    bits = max(int(frame.number("BitsStored") or 0) or allocated for frame in frames)
    signed = any(frame.number("PixelRepresentation") for frame in frames)
    if allocated > 16 or bits > 16:
        return np.dtype(np.float32) if allocated > 32 else np.dtype(np.int32)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    shifts = [intercept for _, intercept in scales]
    low, high = int(low + min(shifts)), int(high + max(shifts))
    for kind in (np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float32)


def _rescaled(stored: Voxels, frame: Frame, kind: np.dtype[Any]) -> Voxels:
    slope, intercept = rescale(frame)
    if kind.kind == "f":
        return (stored * slope + intercept).astype(np.float32)
    return stored.astype(np.int32) + int(intercept) if intercept else stored


def _compact(voxels: Voxels) -> Voxels:
    if voxels.dtype in (np.uint16, np.int32) and voxels.max() <= 32767 and voxels.min() >= -32768:
        return voxels.astype(np.int16)
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
        for index, pixels in zip(indices, files.frames(path, indices), strict=True):
            yield *members[index], pixels
