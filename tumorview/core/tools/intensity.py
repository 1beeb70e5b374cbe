"""Regions found in the image's greys: grown from a seed, or cut by a threshold."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box
from tumorview.core.progress import Progress
from tumorview.core.tools.components import Voxel
from tumorview.core.tools.painting import BoolArray, Region

FIRST_REACH = 24  # voxels around the seed that are looked at first

Image = npt.NDArray[np.generic]


class RegionGrowing:
    """Grows from ``seed`` (k, j, i) through connected voxels of ``image`` whose grey is like the seed's.

    It stays inside ``within`` and a ball (a disc in one slice) of ``radius`` mm around the seed. ``reference`` is the
    median of the half of its neighbours that are most like the seed: noise counts less than with the seed alone, and
    what lies beyond an edge does not count.
    """

    def __init__(
        self, image: Image, seed: Voxel, radius: float, spacing: tuple[float, float, float], within: Box
    ) -> None:
        self._image, self._seed, self._radius, self._spacing = image, seed, radius, spacing
        self._limit = _around(seed, [int(radius // mm) for mm in spacing], within)
        near = image[_around(seed, (1, 1, 1), within).slices].astype(np.float64).ravel()
        closest = np.argsort(np.abs(near - float(image[seed])), kind="stable")[: near.size // 2 + 1]
        self.reference = float(np.median(near[closest]))

    def region(self, tolerance: float, progress: Progress | None = None) -> Region:
        """Voxels that are reached through greys within ``tolerance`` of the reference; the seed at least.

        The box in which it is looked for grows as long as the region reaches its faces: a small region in a large
        volume is found at once, and follows the hand while the tolerance is dragged.
        """
        from scipy import ndimage

        progress = progress or Progress()
        reach = FIRST_REACH
        while True:
            progress.check()
            box = _around(self._seed, (reach, reach, reach), self._limit)
            components, _ = ndimage.label(self._alike(box, tolerance))
            found = components == components[tuple(at - a for at, a in zip(self._seed, box.start, strict=True))]
            if not _reaches(found, box, self._limit):
                return Region(box, found).cropped()
            reach *= 2

    def _alike(self, box: Box, tolerance: float) -> BoolArray:
        grey = self._image[box.slices].astype(np.float32, copy=False)
        alike = (grey >= self.reference - tolerance) & (grey <= self.reference + tolerance)
        squared = [
            (((np.arange(a, b) - at) * mm) ** 2)
            .astype(np.float32)
            .reshape([-1 if axis == n else 1 for axis in range(3)])
            for n, (a, b, at, mm) in enumerate(zip(box.start, box.stop, self._seed, self._spacing, strict=True))
        ]
        alike &= squared[0] + squared[1] + squared[2] <= self._radius**2
        alike[tuple(at - a for at, a in zip(self._seed, box.start, strict=True))] = True
        return np.asarray(alike)


def _around(seed: Voxel, reach: Sequence[int], within: Box) -> Box:
    start = [max(at - r, low) for at, r, low in zip(seed, reach, within.start, strict=True)]
    stop = [min(at + r + 1, high) for at, r, high in zip(seed, reach, within.stop, strict=True)]
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _reaches(found: BoolArray, box: Box, limit: Box) -> bool:
    """Whether a region in ``box`` touches a face of it beyond which there is more of ``limit``."""
    for axis in range(3):
        if box.start[axis] > limit.start[axis] and found.take(0, axis=axis).any():
            return True
        if box.stop[axis] < limit.stop[axis] and found.take(-1, axis=axis).any():
            return True
    return False


def between(image: Image, region: Region, low: float, high: float) -> Region:
    """The voxels of ``region`` whose grey lies in ``low`` .. ``high``, both included."""
    grey = np.asarray(image[region.box.slices], np.float32)
    return Region(region.box, region.voxels & (grey >= low) & (grey <= high))


def separating(image: Image, region: Region) -> float | None:
    """The grey that parts ``region`` best into dark and bright; None where all greys are one.

    Otsu's threshold (1979), then halfway between the means of the two sides (one step of Ridler & Calvard 1978):
    between two tissues far apart many greys are equally good for Otsu, and the first of them touches the noise.
    """
    from skimage.filters import threshold_otsu

    greys = np.asarray(image[region.box.slices][region.voxels], np.float32)
    greys = greys[np.isfinite(greys)]
    if greys.size == 0 or greys.min() == greys.max():
        return None
    bright = greys > threshold_otsu(greys)
    return float(greys[bright].mean() + greys[~bright].mean()) / 2
