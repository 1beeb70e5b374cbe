"""The one door for files: which reader takes a path, and opening studies and masks with it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.opening import Opening
from tumorview.core.progress import Progress
from tumorview.core.resample import overlaps, resample_mask, shares_voxels
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Study
from tumorview.errors import GeometryError, OtherGridError, ReadError
from tumorview.io.align import reordered
from tumorview.io.archive import is_zip, unpacked
from tumorview.io.dicom import DicomReader
from tumorview.io.dicom_seg import is_dicom_seg, read_seg_mask
from tumorview.io.lgg import LggReader
from tumorview.io.mask_pixels import table_for
from tumorview.io.metaimage import is_metaimage, read_metaimage_mask
from tumorview.io.nifti import read_mask
from tumorview.io.nifti_header import is_nifti
from tumorview.io.nrrd_file import is_nrrd, read_nrrd_mask
from tumorview.io.pixels import raster_kind
from tumorview.io.raster import RasterReader, read_label_stack
from tumorview.io.volumes import VolumeReader

SUPPORTED = "DICOM, NIfTI, NRRD, MetaImage, TIFF, PNG or JPEG"
MASKS = "NIfTI, NRRD, MetaImage, DICOM SEG, PNG or TIFF"
_UNPACK_PART = 0.2  # of the progress bar
_RESAMPLE = "Open the mask that was made on this image, or resample it to the image's grid."
_RESAMPLED = "The mask was resampled to the image's grid (nearest neighbour)."


class _PlacedMask(NamedTuple):
    """A format of masks that say where they lie; ``crops`` where programs write only the part with labels."""

    recognises: Callable[[Path], bool]
    read: Callable[[Path], Mask]
    crops: bool


_PLACED_MASKS = (
    _PlacedMask(is_nifti, read_mask, crops=False),
    _PlacedMask(is_nrrd, read_nrrd_mask, crops=True),
    _PlacedMask(is_metaimage, read_metaimage_mask, crops=True),
    _PlacedMask(is_dicom_seg, read_seg_mask, crops=True),
)


class Reader(Protocol):
    """One file format: recognises its files by content and reads them as a Study."""

    name: str

    def recognises(self, path: Path) -> bool:
        """Whether this reader takes ``path`` (a file or a folder)."""

    def read(self, path: Path, progress: Progress, opening: Opening) -> Study:
        """The Study in ``path`` as ``opening`` says; raises ReadError with a remedy."""


READERS: tuple[Reader, ...] = (DicomReader(), VolumeReader(), LggReader(), RasterReader())


def open_study(
    path: Path,
    progress: Progress | None = None,
    opening: Opening | None = None,
    *,
    readers: Sequence[Reader] = READERS,
) -> Study:
    """The Study in a file, folder or zip archive of any format.

    Raises ReadError with a remedy, SeveralStudiesError where ``opening`` says to ask, JobCancelled when cancelled.
    """
    _require_readable(path)
    progress, opening = progress or Progress(), opening or Opening()
    if is_zip(path):
        with unpacked(path, progress.part(0.0, _UNPACK_PART)) as folder:
            study = open_study(folder, progress.part(_UNPACK_PART, 1.0), opening, readers=readers)
        # The unpacked files are gone: their headers cannot be read again.
        return replace(study, path=path, title=path.name, series=tuple(replace(one, files=()) for one in study.series))
    for reader in readers:
        if reader.recognises(path):
            study = reader.read(path, progress, opening)
            return study if study.choices else replace(study, opening=opening.naming(""))
    raise _unknown(path)


def open_mask(path: Path, grid: Geometry | None = None, *, resample: bool = False) -> Mask:
    """The mask in a NIfTI, NRRD or DICOM SEG file, a picture, a multi-page TIFF or a folder of slices, on ``grid``.

    Axes stored in another order or direction, and a mask of a part of the image, are put in place exactly; pictures
    lie as the axial view of ``grid`` shows them. Without ``grid`` a mask keeps its own. Raises OtherGridError, naming
    both geometries, where the mask must be resampled and ``resample`` (nearest neighbour) does not allow it,
    GeometryError where it lies elsewhere, ReadError where the file is not a mask.
    """
    _require_readable(path)
    file = _only_mask_in(path) if path.is_dir() else path
    if file is not None:
        for kind in _PLACED_MASKS:
            if kind.recognises(file):
                mask = kind.read(file)
                return mask if grid is None else _on_grid(mask, grid, file, resample=resample, part=kind.crops)
    if path.is_dir() or raster_kind(path):
        return _picture_mask(path, grid)
    raise ReadError(f"'{path.name}' is not a mask that TumorView reads.", f"Open a {MASKS} mask.")


def _only_mask_in(folder: Path) -> Path | None:
    """The one file in ``folder`` of a format that carries its geometry; None where there is none or several."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for kind in _PLACED_MASKS:
        inside = [path for path in files if kind.recognises(path)]
        if len(inside) == 1:
            return inside[0]
    return None


def _on_grid(mask: Mask, grid: Geometry, path: Path, *, resample: bool, part: bool) -> Mask:
    """``mask`` as voxels of ``grid``; with ``part`` one that has some of the image's voxels needs no consent."""
    fitted = reordered(mask.data, mask.geometry, grid)
    if fitted is not None:
        return _with_remarks(Mask(fitted, grid, mask.labels), mask.remarks)
    sentence = (
        f"The mask '{path.name}' belongs to another image: it has {mask.geometry.describe()},"
        f" the image has {grid.describe()}."
    )
    calibrated = mask.geometry.calibrated and grid.calibrated
    if not calibrated or not overlaps(mask.geometry, grid):
        raise GeometryError(sentence, "Open the mask that was made on this image.")
    exact = shares_voxels(mask.geometry, grid)
    if not (resample or (exact and part)):
        raise OtherGridError(sentence, _RESAMPLE)
    placed = resample_mask(mask, grid)
    lost = np.count_nonzero(mask.data) - np.count_nonzero(placed.data) if exact else 0
    if lost and not resample:
        raise OtherGridError(f"{sentence} {lost:,} labelled voxels lie outside the image.", _RESAMPLE)
    remark = (f"{lost:,} labelled voxels of the mask lie outside the image and were left out.",) if lost else ()
    return _with_remarks(placed, mask.remarks + (remark if exact else (_RESAMPLED,)))


def _with_remarks(mask: Mask, remarks: tuple[str, ...]) -> Mask:
    mask.remarks = remarks
    return mask


def _picture_mask(path: Path, grid: Geometry | None) -> Mask:
    stack = read_label_stack(path)
    labels = table_for(stack)
    if grid is None:
        return Mask(stack, Geometry.uncalibrated(stack.shape), labels)
    view = PlaneView.of(grid, Plane.AXIAL)
    if stack.shape == (view.count, *view.size):
        data = np.zeros(grid.shape, np.uint8)
        for index in range(view.count):
            view.extract(data, index)[...] = stack[index]
        return Mask(data, grid, labels)
    k, j, i = stack.shape
    raise GeometryError(
        f"The mask '{path.name}' belongs to another image: it has {k} slices of {i} x {j} pixels,"
        f" the image has {grid.describe()}.",
        "Open the mask that was made on this image.",
    )


def _require_readable(path: Path) -> None:
    try:
        if not path.exists():
            raise ReadError(f"'{path}' does not exist.", "Check the path.")
        if path.is_file():
            with path.open("rb") as file:
                if not file.read(1):
                    raise ReadError(f"'{path.name}' is empty.", "Copy it again from its source.")
        elif not path.is_dir():  # a pipe or a device, which may never end
            raise ReadError(f"'{path.name}' is neither a file nor a folder.", f"Open a {SUPPORTED} file.")
    except OSError as error:
        raise ReadError(f"'{path.name}' may not be read.", "Change its permissions or copy it.") from error


def _unknown(path: Path) -> ReadError:
    if path.is_dir():
        return ReadError(f"The folder '{path.name}' holds no images.", f"Open a folder with {SUPPORTED} files.")
    return ReadError(f"'{path.name}' is not an image that TumorView reads.", f"Open a {SUPPORTED} file.")
