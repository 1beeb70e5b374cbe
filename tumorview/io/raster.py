"""TIFF, PNG and JPEG: single images, multi-page TIFF and folders of slices. They carry no geometry."""

import re
from pathlib import Path

import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask, MaskArray
from tumorview.core.opening import Opening
from tumorview.core.progress import Progress
from tumorview.core.study import Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import ReadError
from tumorview.io.files import children, walk
from tumorview.io.mask_pixels import labels_of, table_for
from tumorview.io.pixels import MAX_VOXELS, Pixels, raster_kind, read_info, read_pages, to_grey
from tumorview.io.roles import role_from_text

_MASK_NAME = re.compile(r"(?<![a-z])(mask|label|labels|seg|segmentation)(?![a-z])", re.IGNORECASE)
_COLOUR_WARNING = "The colour picture is shown in greys."
_UNCALIBRATED = "The file carries no spacing or orientation: millimetres and patient sides are unknown."


class RasterReader:
    """Reads a TIFF, PNG or JPEG file, or a folder of them as one stack, as an uncalibrated Series."""

    name = "TIFF, PNG or JPEG"

    def recognises(self, path: Path) -> bool:
        """Whether ``path`` is such an image or a folder with one directly in it (or in its only sub-folder)."""
        return raster_kind(path) is not None if path.is_file() else bool(_slices(path))

    def read(self, path: Path, progress: Progress, opening: Opening) -> Study:
        """The Study of that image or stack."""
        files, masks = ([path], []) if path.is_file() else _without_masks(_slices(path))
        stack, warnings = _read_stack(files, progress)
        geometry = Geometry.uncalibrated(stack.shape)
        role, confidence = role_from_text(path.stem)
        series = Series(
            uid=f"raster-{path.stem}",
            volume=Volume(stack, geometry),
            role=role,
            role_confidence=confidence,
            description=path.stem,
            modality="OT",
            warnings=(_UNCALIBRATED, *warnings),
        )
        truth, remarks = _truth(masks, geometry)
        return Study(path=path, series=(series,), title=path.name, truth=truth, warnings=remarks)


def read_label_stack(path: Path) -> MaskArray:
    """Label numbers [slice, row, column] of a mask file, multi-page TIFF or folder of mask slices in natural order."""
    files = [path] if path.is_file() else _mask_slices(path)
    if not files:
        raise ReadError(f"The folder '{path.name}' holds no mask slices.", "Open a folder of PNG or TIFF masks.")
    first = read_info(files[0])
    _check_total(path, first.height * first.width * max(first.pages, 1) * len(files))
    values = [read_pages(file) for file in files]
    if len({page.shape[1:] for page in values}) > 1:
        raise ReadError(f"The mask slices in '{path.name}' differ in size.", "Keep masks of one image in the folder.")
    return labels_of(np.concatenate(values), path)


def _without_masks(pictures: list[Path]) -> tuple[list[Path], list[Path]]:
    """Pictures, and those among them that are masks by name; all are pictures where no other is."""
    masks = [path for path in pictures if _MASK_NAME.search(path.stem)]
    images = [path for path in pictures if path not in masks]
    return (images, masks) if images else (pictures, [])


def _truth(masks: list[Path], geometry: Geometry) -> tuple[Mask | None, tuple[str, ...]]:
    if not masks:
        return None, ()
    try:
        labels = labels_of(np.concatenate([read_pages(path) for path in masks]), masks[0])
    except (ReadError, ValueError):  # pictures that are no masks after all, or of several sizes
        labels = np.empty((0, 0, 0), np.uint8)
    if labels.shape != geometry.shape:
        return None, (f"{len(masks)} pictures named as masks do not fit the images and were left out.",)
    return Mask(labels, geometry, table_for(labels)), ()


def _mask_slices(folder: Path) -> list[Path]:
    """All pictures of a folder, or only those named as masks where both masks and images lie there."""
    pictures = [path for path in children(folder) if raster_kind(path)]
    _, masks = _without_masks(pictures)
    return masks or pictures


def _slices(folder: Path) -> list[Path]:
    """Pictures in ``folder``; where it only wraps one sub-folder of pictures, those."""
    folders = list(dict.fromkeys(path.parent for path in walk(folder) if raster_kind(path)))
    if folder not in folders and len(folders) != 1:
        return []
    chosen = folder if folder in folders else folders[0]
    return [path for path in children(chosen) if raster_kind(path)]


def _read_stack(files: list[Path], progress: Progress) -> tuple[Pixels, list[str]]:
    """Greys [slice, row, column] of the pages of all files, and warnings."""
    first = read_info(files[0])
    _check_total(files[0], first.height * first.width * max(first.pages, 1) * len(files))
    pages: list[Pixels] = []
    coloured = False
    for done, path in enumerate(files):
        progress.check()
        progress.report(done / len(files), "Reading slices")
        pixels = read_pages(path)
        if pixels.ndim == 4:
            pixels, lost = to_grey(pixels)
            coloured |= lost
        if pages and pixels.shape[1:] != pages[0].shape[1:]:
            raise ReadError(
                f"'{path.name}' differs in size from the pictures before it: they are not one stack.",
                "Open one picture, or a folder with slices of one size.",
            )
        pages.append(pixels)
    stack = np.concatenate(pages)
    stack = stack.astype(np.uint8) if stack.dtype == np.bool_ else stack
    finite, repaired = finite_voxels(stack)
    return finite, [_COLOUR_WARNING] * coloured + repaired


def finite_voxels(data: Pixels) -> tuple[Pixels, list[str]]:
    """``data`` with voxels that are not finite put to the smallest finite value (air), and a warning that says so."""
    if data.dtype.kind != "f":
        return data, []
    broken = ~np.isfinite(data)
    count = int(np.count_nonzero(broken))
    if count == 0:
        return data, []
    air = float(data[~broken].min()) if count < data.size else 0.0
    return np.where(broken, data.dtype.type(air), data), [f"{count:,} voxels without a value are shown as air."]


def _check_total(path: Path, voxels: int) -> None:
    if voxels > MAX_VOXELS:
        raise ReadError(f"The stack '{path.name}' is larger than TumorView opens.", "Open fewer slices.")
