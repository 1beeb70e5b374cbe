"""Voxels stored with their axes in another order or direction, brought exactly to a grid: no interpolation."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry


def reordered(data: npt.NDArray[Any], source: Geometry, grid: Geometry) -> npt.NDArray[Any] | None:
    """``data`` [k, j, i] of ``source`` as the voxels of ``grid``, or None where they are not the very same voxels.

    Without calibration on either side only the axes' directions are known: they are matched, then the shapes.
    """
    axes, flips = _axis_map(source, grid)
    if axes is None:
        return None
    moved = np.transpose(data, axes)
    moved = moved[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    if moved.shape != grid.shape:
        return None
    if source.calibrated and grid.calibrated and not _moved_grid(source, axes, flips).same_grid(grid):
        return None
    return np.ascontiguousarray(moved)


def _axis_map(source: Geometry, grid: Geometry) -> tuple[tuple[int, ...] | None, tuple[bool, ...]]:
    """Array axis of ``source`` for each of ``grid``, and whether it runs backwards; None for skew grids."""
    if not (source.oriented and grid.oriented):
        return (0, 1, 2), (False, False, False)
    cosines = source.directions.T @ grid.directions  # [source i j k, grid i j k]
    voxel_axes = np.abs(cosines).argmax(axis=0)
    if len(set(voxel_axes.tolist())) != 3:
        return None, (False, False, False)
    signs = [cosines[axis, place] < 0 for place, axis in enumerate(voxel_axes)]
    return tuple(2 - int(axis) for axis in voxel_axes[::-1]), tuple(bool(sign) for sign in signs[::-1])


def _moved_grid(source: Geometry, axes: tuple[int, ...], flips: tuple[bool, ...]) -> Geometry:
    """The Geometry of ``source`` after its array axes were transposed to ``axes`` and then flipped."""
    shape = tuple(source.shape[axis] for axis in axes)
    affine = np.eye(4)
    origin = np.zeros(3)
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        column = source.affine[:3, 2 - old]
        affine[:3, 2 - new] = -column if flip else column
        if flip:
            origin = origin + column * (source.shape[old] - 1)
    affine[:3, 3] = source.affine[:3, 3] + origin
    return Geometry((shape[0], shape[1], shape[2]), affine, source.calibrated, source.oriented)
