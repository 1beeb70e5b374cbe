"""New shapes for a label as a whole: wider or narrower by millimetres, and smoother."""

import math

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box, MaskArray
from tumorview.core.progress import Progress
from tumorview.core.tools.painting import BoolArray, Region, grown, label_box

Spacing = tuple[float, float, float]
REACH = 3.0  # standard deviations at which a Gaussian is cut off


def widened(
    labels: MaskArray, label: int, millimetres: float, spacing: Spacing, within: Box, progress: Progress | None = None
) -> Region:
    """``label`` and every voxel of ``within`` whose centre is at most ``millimetres`` from one of the label's.

    Negative millimetres narrow it: what is left lies further than that from every voxel that is not of the label.
    The edge of ``within`` is no border, so a shape that reaches it is not narrowed there. (Dilation and erosion with
    a ball, by way of the Euclidean distance transform with the voxel spacing.)
    """
    progress = progress or Progress()
    box = label_box(labels, label, within)
    if box is None:
        return Region.nothing()
    reach = max(millimetres, 0.0)
    around = grown(box, _voxels(reach, spacing), within)
    inside = labels[around.slices] == label
    progress.check()
    far = _distance(~inside if millimetres >= 0 else inside, spacing)
    progress.check()
    tolerance = 1e-6 * min(spacing)
    shape = far <= millimetres + tolerance if millimetres >= 0 else far > -millimetres + tolerance
    return Region(around, shape)


def smoothed(
    labels: MaskArray, label: int, millimetres: float, spacing: Spacing, within: Box, progress: Progress | None = None
) -> Region:
    """``label`` after a Gaussian of standard deviation ``millimetres``, cut at the level that keeps its volume.

    The level is the one that leaves as many voxels as before (as close as equal values allow), where one half would
    shrink whatever is convex. Islands smaller than the Gaussian may go.
    """
    from scipy import ndimage

    progress = progress or Progress()
    box = label_box(labels, label, within)
    if box is None:
        return Region.nothing()
    around = grown(box, _voxels(REACH * millimetres, spacing), within)
    inside = labels[around.slices] == label
    count = int(np.count_nonzero(inside))
    soft = inside.astype(np.float32)
    for axis, mm in enumerate(spacing):  # one axis after the other: a cancel is noticed in between
        progress.check()
        if soft.shape[axis] > 1:
            soft = ndimage.gaussian_filter1d(soft, millimetres / mm, axis=axis, mode="nearest", truncate=REACH)
    progress.check()
    level = np.partition(soft.ravel(), soft.size - count)[soft.size - count]
    return Region(around, soft >= level)


def signed_distance(inside: BoolArray, spacing: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Millimetres to the border of ``inside``: positive inside, negative outside, 0 halfway between two voxels.

    Distances run between voxel centres; half the smallest step is taken off, so that the border lies in the middle.
    """
    half = min(spacing) / 2
    distance = np.where(inside, _distance(inside, spacing) - half, half - _distance(~inside, spacing))
    return distance.astype(np.float32)


def _distance(inside: BoolArray, spacing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Millimetres from each voxel of ``inside`` to the nearest one beside it; infinite where there is none."""
    from scipy import ndimage

    if inside.all():
        return np.full(inside.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(inside, sampling=spacing))


def _voxels(millimetres: float, spacing: Spacing) -> tuple[int, int, int]:
    k, j, i = (math.ceil(millimetres / mm) + 1 for mm in spacing)
    return k, j, i
