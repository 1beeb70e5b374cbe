"""Voxels of one grid at the places of another."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import POSITION_TOLERANCE_MM, Geometry
from tumorview.core.mask import Mask
from tumorview.core.slicing import PlaneView
from tumorview.core.volume import Volume


def resample(volume: Volume, grid: Geometry, *, fill: float = 0.0) -> Volume:
    """``volume`` at the voxel centres of ``grid`` (trilinear, float32); ``fill`` outside the volume."""
    if volume.geometry.same_grid(grid):
        return Volume(volume.data, grid)
    return Volume(_sample(volume.data.astype(np.float32), volume.geometry, grid, order=1, fill=fill), grid)


def resample_mask(mask: Mask, grid: Geometry) -> Mask:
    """``mask`` at the voxel centres of ``grid``, by nearest neighbour: labels are never mixed."""
    return Mask(_sample(mask.data, mask.geometry, grid, order=0, fill=0), grid, mask.labels)


def nearest_slice(
    data: npt.NDArray[Any], source: Geometry, view: PlaneView, index: int, *, fill: int = 0
) -> npt.NDArray[Any]:
    """Voxels of ``data`` [k, j, i] on ``source`` nearest to slice ``index`` of ``view``, [rows, columns] as shown."""
    rows, columns = view.size
    # Along rows and along columns the source index grows evenly, so one corner and two steps give every pixel.
    corner, right, down = (
        source.world_to_index(view.geometry.index_to_world(view.to_voxel(index, row, column)))
        for row, column in ((0, 0), (0, 1), (1, 0))
    )
    nearest = 0.5 + 1e-6  # halfway places all round up, whatever the last bits of the affines say
    inside: Any = True
    places = []
    for axis, extent in enumerate(source.shape):
        along_columns = _ramp(columns, right[axis] - corner[axis])
        along_rows = _ramp(rows, down[axis] - corner[axis])[:, None]
        place = np.floor(corner[axis] + nearest + along_rows + along_columns).astype(np.intp)
        inside = inside & (place >= 0) & (place < extent)
        places.append(place.clip(0, extent - 1))
    found = np.where(inside, data[places[0], places[1], places[2]], np.asarray(fill, data.dtype))
    return np.broadcast_to(found, (rows, columns))


def _ramp(count: int, step: float) -> npt.NDArray[np.float64]:
    # A step that adds up to nothing is left to broadcasting: grids with parallel axes are read many times faster.
    return np.arange(count if abs(step) * count > 1e-4 else 1, dtype=np.float64) * step


def overlaps(first: Geometry, second: Geometry) -> bool:
    """Whether the two grids share any place, as far as a coarse sample of the voxels of each can tell."""
    return _samples_inside(first, second) or _samples_inside(second, first)


def _samples_inside(grid: Geometry, other: Geometry) -> bool:
    samples = [np.linspace(0, n - 1, min(n, 16)) for n in grid.shape]
    points = np.stack(np.meshgrid(*samples, indexing="ij"), axis=-1).reshape(-1, 3)
    index = other.world_to_index(grid.index_to_world(points))
    return bool(np.any(np.all((index > -0.5) & (index < np.asarray(other.shape) - 0.5), axis=1)))


def shares_voxels(source: Geometry, grid: Geometry) -> bool:
    """Whether voxels of ``source`` are voxels of ``grid`` (a part, a larger whole, or turned): nothing is interpolated.

    Corners must meet voxel centres of the grid within POSITION_TOLERANCE_MM.
    """
    if not (source.calibrated and grid.calibrated):
        return False
    index = grid.world_to_index(source.index_to_world(source.corners()))
    off = np.abs(grid.index_to_world(np.rint(index)) - grid.index_to_world(index)).max()
    steps = (grid.inverse @ source.affine)[:3, :3]
    whole = np.allclose(steps, np.rint(steps), atol=1e-2) and np.isclose(abs(np.linalg.det(steps)), 1.0, atol=1e-2)
    return bool(off <= POSITION_TOLERANCE_MM and whole)


def _sample(data: npt.NDArray[Any], source: Geometry, grid: Geometry, *, order: int, fill: float) -> npt.NDArray[Any]:
    from scipy import ndimage  # a third of a second that a window which resamples nothing should not wait for

    # affine_transform wants the map from output to input indices, both in array order (k, j, i).
    matrix = source.inverse @ grid.affine
    linear = matrix[:3, :3][::-1, ::-1]
    offset = matrix[:3, 3][::-1]
    # "constant" would call a place outside that lies a rounding error before the first voxel's centre.
    return np.asarray(
        ndimage.affine_transform(data, linear, offset, grid.shape, order=order, mode="grid-constant", cval=fill)
    )
