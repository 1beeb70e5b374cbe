"""The one door for files: which reader takes a path, and opening studies and masks with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.progress import Progress
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Study
from tumorview.errors import GeometryError, ReadError
from tumorview.io.align import reordered
from tumorview.io.dicom import DicomReader
from tumorview.io.lgg import LggReader
from tumorview.io.mask_pixels import table_for
from tumorview.io.nifti import NiftiReader, read_mask
from tumorview.io.nifti_header import is_nifti
from tumorview.io.pixels import raster_kind
from tumorview.io.raster import RasterReader, read_label_stack

SUPPORTED = "DICOM, NIfTI, TIFF, PNG or JPEG"


class Reader(Protocol):
    """One file format: recognises its files by content and reads them as a Study."""

    name: str

    def recognises(self, path: Path) -> bool:
        """Whether this reader takes ``path`` (a file or a folder)."""

    def read(self, path: Path, progress: Progress) -> Study:
        """The Study in ``path``; raises ReadError with a remedy."""


READERS: tuple[Reader, ...] = (DicomReader(), NiftiReader(), LggReader(), RasterReader())


def open_study(path: Path, progress: Progress | None = None, *, readers: Sequence[Reader] = READERS) -> Study:
    """The Study in a file or folder of any format; raises ReadError with a remedy, JobCancelled when cancelled."""
    _require_readable(path)
    for reader in readers:
        if reader.recognises(path):
            return reader.read(path, progress or Progress())
    raise _unknown(path)


def open_mask(path: Path, grid: Geometry | None = None) -> Mask:
    """The mask in a NIfTI file, a picture, a multi-page TIFF or a folder of slices, as voxels of ``grid``.

    A NIfTI whose axes are stored in another order or direction is put in the grid's order, exactly; pictures lie as
    the axial view of ``grid`` shows them. Without ``grid`` a NIfTI mask keeps its own. Raises GeometryError naming
    both geometries where the mask belongs to another image, ReadError where the file is not a mask.
    """
    _require_readable(path)
    if path.is_dir():
        inside = [file for file in sorted(path.iterdir()) if file.is_file() and is_nifti(file)]
        if len(inside) == 1:
            path = inside[0]
    if path.is_file() and is_nifti(path):
        mask = read_mask(path)
        return mask if grid is None else _on_grid(mask, grid, path)
    if path.is_dir() or raster_kind(path):
        return _picture_mask(path, grid)
    raise ReadError(f"'{path.name}' is not a mask that TumorView reads.", "Open a NIfTI, PNG or TIFF mask.")


def _on_grid(mask: Mask, grid: Geometry, path: Path) -> Mask:
    fitted = reordered(mask.data, mask.geometry, grid)
    if fitted is None:
        raise GeometryError(
            f"The mask '{path.name}' belongs to another image: it has {mask.geometry.describe()},"
            f" the image has {grid.describe()}.",
            "Open the mask that was made on this image, or resample it to the image's grid first.",
        )
    return Mask(fitted, grid, mask.labels)


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
    except OSError as error:
        raise ReadError(f"'{path.name}' may not be read.", "Change its permissions or copy it.") from error


def _unknown(path: Path) -> ReadError:
    if path.is_dir():
        return ReadError(f"The folder '{path.name}' holds no images.", f"Open a folder with {SUPPORTED} files.")
    return ReadError(f"'{path.name}' is not an image that TumorView reads.", f"Open a {SUPPORTED} file.")
