"""One NIfTI-1, NIfTI-2 or Analyze image, packed or not, as Series or as a Mask."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tumorview.core.mask import Mask
from tumorview.core.opening import Opening
from tumorview.core.placing import Placing
from tumorview.core.study import Series
from tumorview.core.volume import Volume
from tumorview.errors import ReadError
from tumorview.io.mask_pixels import labels_of, table_for
from tumorview.io.nifti_header import NiftiImage, opened, placement
from tumorview.io.pixels import Pixels
from tumorview.io.series_files import plain, series_from, stem_of, unique_series

Found = tuple[Volume, tuple[str, ...], Placing]

__all__ = ["read_mask", "read_series", "stem_of", "unique_series"]


def read_series(path: Path, opening: Opening | None = None) -> list[Series]:
    """The image of one file, as a Series for each of its volumes."""
    qform = (opening or Opening()).qform
    with opened(path) as image:
        return series_from(path, "nifti", volume_count(image), lambda number: _read_volume(image, number, qform=qform))


def read_mask(path: Path) -> Mask:
    """The mask in a NIfTI file on its own Geometry; raises ReadError where its values are not label numbers."""
    volume = read_single(path)
    if volume is None:
        raise ReadError(f"'{path.name}' holds several volumes, not one mask.", "Save one volume of label numbers.")
    data = labels_of(volume.data, path)
    return Mask(data, volume.geometry, table_for(data))


def read_single(path: Path) -> Volume | None:
    """The volume of a file that holds one; None where it holds several."""
    with opened(path) as image:
        return _read_volume(image, 0)[0] if volume_count(image) == 1 else None


def volume_count(image: NiftiImage) -> int:
    """How many volumes the file holds."""
    extra: Sequence[int] = [int(n) for n in image.shape[3:]]
    return int(np.prod(extra, dtype=np.int64)) if extra else 1


def _whole(image: NiftiImage) -> Pixels:
    """All voxels, scaled slice by slice into float32: nibabel would make float64 of the whole, twice the memory."""
    proxy = image.dataobj
    stored = np.asanyarray(proxy.get_unscaled())
    slope, inter = float(proxy.slope), float(proxy.inter)
    if (slope, inter) == (1.0, 0.0) or stored.dtype.kind not in "iuf" or stored.ndim < 3:
        return np.asanyarray(proxy) if (slope, inter) != (1.0, 0.0) else stored
    scaled = np.empty(stored.shape, np.float32, order="F")
    for index in range(stored.shape[2]):
        scaled[..., index] = stored[..., index] * np.float64(slope) + inter
    return scaled


def _read_volume(image: NiftiImage, number: int, *, qform: bool = False) -> Found:
    """Volume ``number`` of the image as [k, j, i], what the user should know about it, and where its place is from."""
    extra = image.shape[3:]
    place = tuple(int(n) for n in np.unravel_index(number, extra, order="F")) if extra else ()
    voxels = image.dataobj[(..., *place)] if extra else _whole(image)
    if voxels.ndim == 2:
        voxels = voxels[..., None]
    values, warnings = plain(voxels)
    data = np.ascontiguousarray(values.transpose(2, 1, 0))
    where = placement(image, (data.shape[0], data.shape[1], data.shape[2]), qform=qform)
    return Volume(data, where.geometry), (*where.warnings, *warnings), where.placing
