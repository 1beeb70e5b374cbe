"""The voxels of a DICOM stack: decoded frame by frame, rescaled to what they mean."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.dicom_scan import Frame, read_dataset
from tumorview.io.dicom_stacks import Stack
from tumorview.io.pixels import to_grey
from tumorview.io.untrusted import MAX_FILE_BYTES, reading

Voxels = npt.NDArray[Any]

_COLOUR_WARNING = "The colour images are shown in greys."


def read_stack(stack: Stack, progress: Progress) -> tuple[Voxels, tuple[str, ...]]:
    """Voxels [k, j, i] of ``stack`` and warnings; int16 where the stored values are the meant ones, else float32.

    Raises ReadError where a frame is cut short, damaged, or packed in a way that no installed decoder reads.
    """
    present = [(slot, frame) for slot, frame in enumerate(stack.frames) if frame is not None]
    kind = _voxel_type([frame for _, frame in present])
    if np.prod([float(n) for n in stack.geometry.shape]) * kind.itemsize > MAX_FILE_BYTES:
        raise ReadError(f"The series of '{stack.first.path.name}' is larger than TumorView opens.", "Open part of it.")
    voxels = np.zeros(stack.geometry.shape, kind)
    coloured = False
    done = 0
    for path, members in _by_file(present).items():
        for slot, frame, stored in _decoded(path, members):
            progress.check()
            progress.report(done / len(present), "Reading slices")
            grey, lost = to_grey(stored) if stored.ndim == 3 else (stored, False)
            coloured |= lost
            if grey.shape != voxels.shape[1:]:
                raise ReadError(f"'{path.name}' holds a frame of another size than its header says.", "Copy it again.")
            voxels[slot] = _rescaled(grey, frame, kind)
            done += 1
    if len(present) < len(stack.frames):
        air = voxels[[slot for slot, _ in present]].min()
        voxels[[slot for slot, frame in enumerate(stack.frames) if frame is None]] = air
    return _compact(voxels), (_COLOUR_WARNING,) * coloured


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
        return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    return stored.astype(np.int32) + int(intercept) if intercept else stored


def _compact(voxels: Voxels) -> Voxels:
    if voxels.dtype in (np.uint16, np.int32) and voxels.max() <= 32767 and voxels.min() >= -32768:
        return voxels.astype(np.int16)
    return voxels


def _by_file(frames: list[tuple[int, Frame]]) -> dict[Path, dict[int, tuple[int, Frame]]]:
    """(slot, frame) by file and by frame number in it."""
    files: dict[Path, dict[int, tuple[int, Frame]]] = {}
    for slot, frame in frames:
        files.setdefault(frame.path, {})[frame.index] = (slot, frame)
    return files


def _decoded(path: Path, members: dict[int, tuple[int, Frame]]) -> list[tuple[int, Frame, Voxels]]:
    dataset = read_dataset(path, pixels=True)
    _require_decoder(dataset, path)
    indices = sorted(members)
    with reading(path, "a DICOM image", "Its pixel data is cut short or damaged: copy it again from its source."):
        if len(indices) == 1 and int(dataset.get("NumberOfFrames") or 1) == 1:
            decoded = list(iter_pixels(dataset))
        else:
            decoded = list(iter_pixels(dataset, indices=indices))
    return [(*members[index], pixels) for index, pixels in zip(indices, decoded, strict=True)]


def _require_decoder(dataset: Dataset, path: Path) -> None:
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise ReadError(
            f"'{path.name}' is packed as '{syntax.name}', for which no decoder is installed.",
            "Install python-gdcm, or export the study uncompressed.",
        )
