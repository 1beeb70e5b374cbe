"""Where the head ends and the air begins: its surface, and slices cut out along it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry
from tumorview.core.progress import Progress
from tumorview.core.slicing import PlaneView
from tumorview.core.surfaces import Bits, Field, Surface, block_mean, connected_parts, part_surface
from tumorview.core.volume import Volume

HEAD_STEP_MM = 4.0
HEAD_CELLS = 64  # across a head of unknown size
HEAD_SHARE = 0.25  # of the way from the air to the middle of the tissue: where the head begins
HEAD_TRIANGLES = 100_000
CORNER = 0.06  # of a slice's sides: its corners show air
HISTOGRAM_BINS = 256
FINEST_CUT = 256  # pixels along a slice: its outline is no finer
EDGE_SMOOTHING = 0.8  # standard deviation in blocks
INSIDE = 0.4  # of a block: a little skin too much looks better than too little


@dataclass(frozen=True, eq=False)
class Head:
    """The outside of a head (of the brain where the skull was stripped).

    ``share`` [k, j, i] on ``grid`` is how much of each block of voxels belongs to it, 0..1, a little smoothed.
    """

    surface: Surface
    share: Field
    grid: Geometry

    def coverage(self, view: PlaneView, index: int) -> Field:
        """How far inside the head the pixels [rows, columns] of slice ``index`` of ``view`` are: its edge is at 0.5."""
        from scipy.ndimage import map_coordinates

        step = max(1, math.ceil(max(view.size) / FINEST_CUT))
        rows, columns = (np.arange(0, extent, step) for extent in view.size)
        corner, down, right = (
            self.grid.world_to_index(view.geometry.index_to_world(view.to_voxel(index, row, column)))
            for row, column in ((0, 0), (1, 0), (0, 1))
        )
        start, by_row, by_column = (vector[:, None, None] for vector in (corner, down - corner, right - corner))
        places = start + by_row * rows[:, None] + by_column * columns
        share = map_coordinates(self.share, places, order=1, mode="nearest") * np.float32(0.5 / INSIDE)
        fine = share.clip(0, 1).repeat(step, 0).repeat(step, 1)
        return np.asarray(fine[: view.size[0], : view.size[1]], np.float32)


def find_head(volume: Volume, *, max_triangles: int = HEAD_TRIANGLES, progress: Progress | None = None) -> Head | None:
    """The largest connected part above the air, holes closed; None where nothing stands out from the air.

    Its surface is as fine as HEAD_STEP_MM, or coarser so that it has at most ``max_triangles``.
    """
    from scipy.ndimage import gaussian_filter

    progress = progress or Progress()
    step = HEAD_STEP_MM if volume.geometry.calibrated else _longest(volume.geometry) / HEAD_CELLS
    while True:
        progress.check()
        data, grid = _coarse(volume, step)
        progress.check()
        bits = _head(data)
        if bits is None:
            return None
        start, largest = max(connected_parts(bits), key=lambda part: int(np.count_nonzero(part[1])))
        progress.check()
        surface = part_surface(largest, start, grid, step=step)
        if len(surface.triangles) <= max_triangles:
            break
        step *= 1.1 * math.sqrt(len(surface.triangles) / max_triangles)
    share = np.zeros(data.shape, np.float32)
    share[tuple(slice(first, first + extent) for first, extent in zip(start, largest.shape, strict=True))] = largest
    return Head(surface, gaussian_filter(share, EDGE_SMOOTHING, mode="nearest"), grid)


def tissue_threshold(data: npt.NDArray[Any]) -> tuple[float, float]:
    """(air, distance): voxels of ``data`` [k, j, i] that differ from ``air`` by more than ``distance`` are tissue.

    The air is what most of the volume's corners show (z-scored and inversion-recovery images have grey air, inverted
    ones white); the distance is a share of the way to the tissue's median, which Otsu's threshold separates. It is 0
    where nothing differs from the air.
    """
    from skimage.filters import threshold_otsu

    near = [max(1, round(CORNER * extent)) for extent in data.shape]
    corners = data[:, np.r_[: near[1], -near[1] : 0]][:, :, np.r_[: near[2], -near[2] : 0]]
    air = float(np.median(corners))
    distance = np.abs(data.astype(np.float32) - np.float32(air))
    limit = float(np.percentile(distance, 99.5))
    if limit <= 0:
        return air, 0.0
    cut = threshold_otsu(np.minimum(distance, limit), nbins=HISTOGRAM_BINS)
    return air, HEAD_SHARE * float(np.median(distance[distance > cut]))


def _longest(geometry: Geometry) -> float:
    return max(extent * mm for extent, mm in zip(geometry.shape, geometry.spacing, strict=True))


def _coarse(volume: Volume, step: float) -> tuple[Field, Geometry]:
    """``volume`` with voxels averaged to blocks of about ``step`` mm, and the grid of the blocks."""
    sizes = zip(volume.geometry.spacing, volume.shape, strict=True)
    blocks = tuple(max(1, min(round(step / mm), extent)) for mm, extent in sizes)
    data = block_mean(volume.data, blocks)
    affine = volume.geometry.affine.copy()
    scale = np.asarray(blocks[::-1], np.float64)
    affine[:3, 3] += affine[:3, :3] @ ((scale - 1) / 2)
    affine[:3, :3] *= scale
    return data, Geometry(data.shape, affine, volume.geometry.calibrated)


def _head(data: Field) -> Bits | None:
    """What stands out from the air, holes closed slice by slice; None where nothing does."""
    from scipy import ndimage

    air, distance = tissue_threshold(data)
    if distance <= 0:
        return None
    bits = np.abs(data - air) > distance
    bits = np.stack([ndimage.binary_fill_holes(pixels) for pixels in bits])
    opened = ndimage.binary_opening(bits)  # noise of the air that hangs on to the skin
    return np.asarray(opened if opened.any() else bits) if bits.any() else None
