"""What of a brush's footprint looks like its centre: the smart brush."""

import math

import numpy as np
import numpy.typing as npt

from tumorview.core.tools.painting import BoolArray

CORE = 0.35  # of the footprint's extent: the voxels around the centre that say what it is like
SAMPLE = 1000  # steps along each axis that the noise is measured on
MAD_TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


def like_centre(
    image: npt.NDArray[np.generic], footprint: BoolArray, centre: tuple[int, int, int], sensitivity: float
) -> BoolArray:
    """The voxels of ``footprint`` that belong to what lies under ``centre`` (an index into it), bool [k, j, i].

    ``image`` holds the greys of the footprint's box. A voxel belongs to the centre where

    * its grey differs from the centre's median by less than ``sensitivity`` standard deviations, which are measured
      around the centre (but never below the noise of the neighbourhood), and
    * it is connected with the centre without crossing an edge: a step between neighbours above that tolerance.

    Single voxels that are enclosed belong to it too. Spread and noise are medians of absolute deviations, so that a
    few voxels beyond an edge do not widen them.
    """
    from scipy import ndimage

    grey = np.asarray(image, np.float32)
    near = _core(footprint, centre)
    middle = float(np.median(grey[near]))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(grey[near] - middle)))
    tolerance = sensitivity * max(spread, _noise(grey))
    alike = footprint & (np.abs(grey - middle) <= tolerance)
    alike[centre] = True
    flat = alike & ~_steep(grey, tolerance)
    flat[centre] = True
    components, _ = ndimage.label(flat)
    reached = components == components[centre]
    # The voxels of the edge itself on the centre's side are alike but steep: one step further takes them in.
    grown = ndimage.binary_dilation(reached, mask=alike)
    # A single voxel left out in the middle is noise that a hand would have to dab at.
    gaps, _ = ndimage.label(~grown)
    return np.asarray(grown | ((np.bincount(gaps.ravel()) == 1)[gaps] & footprint))


def _core(footprint: BoolArray, centre: tuple[int, int, int]) -> BoolArray:
    """The footprint's voxels in a small box about the centre, at least the neighbours."""
    key = []
    for at, extent in zip(centre, footprint.shape, strict=True):
        reach = max(1, round(CORE * extent / 2))
        key.append(slice(max(at - reach, 0), at + reach + 1))
    core = np.zeros_like(footprint)
    core[tuple(key)] = footprint[tuple(key)]
    core[centre] = True
    return core


def _noise(grey: npt.NDArray[np.float32]) -> float:
    """Standard deviation of the noise, from the median step between neighbours."""
    steps = [np.abs(np.diff(grey, axis=axis)).ravel() for axis in range(3) if grey.shape[axis] > 1]
    if not steps:
        return 0.0
    sample = np.concatenate([step[:: max(step.size // SAMPLE, 1)] for step in steps])
    return MAD_TO_SIGMA * float(np.median(sample)) / math.sqrt(2)


def _steep(grey: npt.NDArray[np.float32], tolerance: float) -> BoolArray:
    """Voxels where the grey changes by more than ``tolerance`` from the neighbour before to the one after."""
    steep = np.zeros(grey.shape, bool)
    for axis in range(3):
        if grey.shape[axis] > 2:
            before, middle, after = (
                tuple(part if n == axis else slice(None) for n in range(3))
                for part in (slice(None, -2), slice(1, -1), slice(2, None))
            )
            steep[middle] |= np.abs(grey[after] - grey[before]) > tolerance
    return steep
