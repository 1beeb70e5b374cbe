"""From slice to slice and from side to side: interpolate, copy, mirror."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box, MaskArray
from tumorview.core.progress import Progress
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.tools.painting import BoolArray, Region, label_box, slab
from tumorview.core.tools.shaping import signed_distance

Spacing = tuple[float, float, float]


def interpolated(
    labels: MaskArray, label: int, axis: int, spacing: Spacing, progress: Progress | None = None
) -> Region:
    """The gaps between the slices across ``axis`` in which ``label`` was painted, filled with shapes in between.

    Shape-based interpolation (Raya & Udupa 1990, IEEE Trans. Med. Imaging 9:32; Herman, Zheng & Bucholtz 1992): the
    signed distances to the borders of two given slices are interpolated linearly and what is not negative is inside.
    Where the two shapes do not overlap, they are moved onto each other's centre first, for otherwise nothing would
    be in between. The given slices are not part of the region.
    """
    progress = progress or Progress()
    box = label_box(labels, label, Box.whole(labels.shape))
    if box is None:
        return Region.nothing()
    inside = np.moveaxis(labels[box.slices] == label, axis, 0)
    filled = np.zeros_like(inside)
    across = tuple(mm for n, mm in enumerate(spacing) if n != axis)
    given = np.flatnonzero(inside.any(axis=(1, 2))).tolist()
    gaps = [(a, b) for a, b in pairwise(given) if b - a > 1]
    for number, (a, b) in enumerate(gaps):
        progress.check()
        _bridge(inside, filled, a, b, across)
        progress.report((number + 1) / len(gaps))
    return Region(box, np.moveaxis(filled, 0, axis)).cropped()


def _bridge(inside: BoolArray, filled: BoolArray, a: int, b: int, spacing: tuple[float, ...]) -> None:
    """Fill the slices between ``a`` and ``b`` [slice, row, column]; only where either shape may reach is computed."""
    from scipy import ndimage

    if np.array_equal(inside[a], inside[b]):
        filled[a + 1 : b] = inside[a]
        return
    either = inside[a] | inside[b]
    rows, columns = (np.flatnonzero(either.any(axis=n)) for n in (1, 0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    # One voxel of background all around: a shape that fills the part has a border too.
    first, second = (np.pad(inside[n][part], 1) for n in (a, b))
    apart = not (first & second).any()
    centres = [np.array(ndimage.center_of_mass(shape)) for shape in (first, second)]
    distances = [signed_distance(shape, spacing) for shape in (first, second)]
    for index in range(a + 1, b):
        t = (index - a) / (b - a)
        moved = distances
        if apart:
            middle = centres[0] + t * (centres[1] - centres[0])
            moved = [_moved(d, middle - centre) for d, centre in zip(distances, centres, strict=True)]
        filled[index][part] = ((1 - t) * moved[0] + t * moved[1] >= 0)[1:-1, 1:-1]


def _moved(distance: npt.NDArray[np.float32], way: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    from scipy import ndimage

    return np.asarray(ndimage.shift(distance, way, order=1, mode="nearest"))


def copied(labels: MaskArray, label: int, axis: int, source: int, target: int) -> Region:
    """The shape of ``label`` in slice ``source`` across ``axis``, put in slice ``target``; nothing beyond the image."""
    shape = labels.shape
    if not (0 <= source < shape[axis] and 0 <= target < shape[axis]):
        return Region.nothing()
    found = labels[slab(shape, axis, source).slices] == label
    return Region(slab(shape, axis, target), found)


def mirrored(labels: MaskArray, label: int, axis: int, within: Box) -> Region:
    """``label`` reflected in the middle of the image across ``axis``, as far as it lies in ``within``."""
    box = label_box(labels, label, within)
    if box is None:
        return Region.nothing()
    start, stop = list(box.start), list(box.stop)
    extent = labels.shape[axis]
    start[axis], stop[axis] = extent - box.stop[axis], extent - box.start[axis]
    voxels = np.flip(labels[box.slices] == label, axis=axis)
    return Region(Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])), voxels)


def left_right_axis(view: PlaneView) -> int:
    """The voxel axis that runs from the patient's right to the left: across the mid-sagittal plane of the grid."""
    return PlaneView.of(view.geometry, Plane.SAGITTAL).normal_axis
