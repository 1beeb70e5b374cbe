"""One image and its mask from disk as uint8 slices in the network's frame."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tumorview.errors import TrainingError
from tumorview.ml.preprocess import FRAME, Framing, frame_of, head_mask, normalise_series

Bytes = npt.NDArray[np.uint8]

SUFFIXES = (".tif", ".tiff", ".png", ".nii.gz", ".nii")


@dataclass(frozen=True, slots=True)
class Pair:
    """An image file and its mask file; ``number`` orders the slices of a patient."""

    patient: str
    number: int
    image: Path
    mask: Path


def read_pair(pair: Pair) -> tuple[Bytes, Bytes]:
    """Images [n, 3, 256, 256] and labels [n, 256, 256]; a TrainingError names the file that is wrong."""
    try:
        if pair.image.name.endswith((".nii", ".nii.gz")):
            return _read_nifti(pair)
        image, mask = _read_raster(pair.image), _read_raster(pair.mask)
    except (OSError, ValueError, SyntaxError) as error:
        raise TrainingError(
            f"{pair.image} or its mask cannot be read ({error}).", "Replace or remove the pair."
        ) from error
    mask = mask[..., 0] if mask.ndim == 3 else mask
    if image.shape[:2] != mask.shape:
        raise _other_size(pair, image.shape[:2], mask.shape)
    channels = np.moveaxis(np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image[..., :3], -1, 0)
    labels = np.where(mask == 255, 1, mask).astype(np.uint8)
    if channels.shape[1:] == (FRAME, FRAME) and channels.dtype == np.uint8:
        return channels[None], labels[None]
    return _framed(channels[:, None], labels[None])


def _read_raster(path: Path) -> npt.NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB") if image.mode in {"P", "RGBA", "CMYK"} else image)


def _read_nifti(pair: Pair) -> tuple[Bytes, Bytes]:
    """A FLAIR volume (in all three channels) or a 4-D volume of T1, FLAIR, T1CE, in axial slices."""
    import nibabel

    image: Any = nibabel.load(pair.image)
    mask: Any = nibabel.load(pair.mask)
    if image.shape[:3] != mask.shape[:3]:
        raise _other_size(pair, image.shape[:3], mask.shape[:3])
    codes = (("R", "L"), ("A", "P"), ("I", "S"))
    oriented = [_toward(part, codes) for part in (image, mask)]
    volume, labels = oriented[0], oriented[1].astype(np.uint8)
    channels = np.stack([volume] * 3) if volume.ndim == 3 else np.moveaxis(volume, -1, 0)[:3]
    return _framed(channels, labels)


def _toward(image: Any, codes: tuple[tuple[str, str], ...]) -> npt.NDArray[Any]:  # noqa: ANN401 - nibabel is untyped
    """Voxels as [k, j, i(, c)] with i to the patient's left, j to posterior, k upwards."""
    import nibabel

    start = nibabel.orientations.io_orientation(image.affine)
    end = nibabel.orientations.axcodes2ornt(("L", "P", "S"), codes)
    voxels = nibabel.orientations.apply_orientation(
        np.asanyarray(image.dataobj), nibabel.orientations.ornt_transform(start, end)
    )
    return np.ascontiguousarray(np.swapaxes(voxels, 0, 2))


def _framed(channels: npt.NDArray[Any], labels: Bytes) -> tuple[Bytes, Bytes]:
    """[3, k, j, i] of any type and labels [k, j, i] -> uint8 [k, 3, 256, 256] and [k, 256, 256]."""
    head = head_mask(channels[1])
    framing = frame_of(head)
    scaled = np.stack([framing.apply(normalise_series(channel, head)) for channel in channels], axis=1)
    return np.rint(scaled * 255).astype(np.uint8), framed_labels(labels, framing)


def write_slices(folder: Path, name: str, images: Bytes, labels: Bytes) -> None:
    """Slices [n, 3, 256, 256] and labels [n, 256, 256] in the LGG layout; ``read_pair`` reads them back as they are."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True), 1):
        shown = label * np.uint8(255) if label.max() <= 1 else label
        _write_raster(folder / f"{name}_{number}.tif", np.moveaxis(image, 0, -1))
        _write_raster(folder / f"{name}_{number}_mask.tif", shown)


def _write_raster(path: Path, pixels: Bytes) -> None:
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, compression="tiff_adobe_deflate")


def framed_labels(labels: npt.NDArray[np.uint8], framing: Framing) -> Bytes:
    """Each label by itself, so that values are never mixed."""
    framed = np.zeros((len(labels), framing.size, framing.size), dtype=np.uint8)
    for value in np.unique(labels[labels > 0]):
        framed[framing.apply(labels == value) >= 0.5] = value
    return framed


def _other_size(pair: Pair, image: tuple[int, ...], mask: tuple[int, ...]) -> TrainingError:
    return TrainingError(
        f"{pair.mask} has another size ({'x'.join(map(str, mask))}) than its image ({'x'.join(map(str, image))}).",
        "An image and its mask need the same grid.",
    )
