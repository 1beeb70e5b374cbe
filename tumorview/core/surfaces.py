"""Surfaces of labels as triangles in the patient, for the 3D view.

Each connected part of a label becomes a field. Where slices lie farther apart than pixels, the field holds the signed
distances to the boundary within each slice, interpolated from slice to slice (Herman, Zheng & Bucholtz, "Shape-based
interpolation", IEEE Computer Graphics and Applications, May 1992), so that thick slices give slopes instead of stairs.
The field is lightly smoothed and cut by marching cubes (Lewiner et al., Journal of Graphics Tools, 2003) at the level
that encloses the volume of the part's voxels: smoothing neither shrinks a lesion nor loses a small one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry
from tumorview.core.mask import MaskArray
from tumorview.core.progress import Progress

Bits = npt.NDArray[np.bool_]
Field = npt.NDArray[np.float32]
Places = npt.NDArray[np.float64]
Spacing = Sequence[float]

LABEL_CELLS = 40  # across a part of a label, along the cube root of its box
FEWEST_CELLS = 8  # across the thinnest side of a part, so that a single voxel is round
MOST_CELLS = 100  # across the longest side
MARGIN = 3  # cells around a part, so that its surface closes inside the field
SMOOTHING = 0.8  # standard deviation in pixels, or in cells where those are larger
SLICE_SMOOTHING = 0.3  # standard deviation in slices (across them)
THICK = 1.5  # slices farther apart than so many pixels are interpolated

ASSUMED_DEPTH = 0.6  # of a slice's longer side: how deep a stack is drawn whose slice distance is unknown


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles in the patient.

    ``vertices`` [n, 3] float32 LPS mm (voxels where uncalibrated), ``normals`` [n, 3] float32 unit vectors that point
    outward, ``triangles`` [m, 3] uint32 numbers of vertices, counter-clockwise as seen from outside.
    """

    vertices: npt.NDArray[np.float32]
    normals: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.uint32]

    @cached_property
    def area_mm2(self) -> float:
        """Sum of the triangles' areas."""
        return float(np.linalg.norm(_face_normals(self.vertices.astype(np.float64), self.triangles), axis=1).sum() / 2)

    @cached_property
    def volume_mm3(self) -> float:
        """Enclosed volume by the divergence theorem; negative where the triangles are wound inward."""
        return _signed_volume(self.vertices.astype(np.float64), self.triangles)


def label_surfaces(mask: MaskArray, geometry: Geometry, *, progress: Progress | None = None) -> dict[int, Surface]:
    """The closed surface around each label that ``mask`` [k, j, i] has, by its number.

    Connected parts (also over corners) have a surface each, which encloses as much volume as their voxels.
    """
    from scipy import ndimage

    progress = progress or Progress()
    surfaces = {}
    for number, box in enumerate(ndimage.find_objects(mask), 1):
        if box is None:
            continue
        pieces = []
        for first, bits in connected_parts(mask[box] == number):
            progress.check()
            start = [outer.start + inner for outer, inner in zip(box, first, strict=True)]
            pieces.append(part_surface(bits, start, geometry))
        surfaces[number] = _joined(pieces)
    return surfaces


def drawn_geometry(geometry: Geometry) -> Geometry:
    """Where the voxels of ``geometry`` are drawn in space: where they are.

    A stack without calibration says nothing of the distance of its slices: it is drawn as deep as a head usually is
    (ASSUMED_DEPTH), which is for the eye only; measures are not taken from it.
    """
    if geometry.calibrated:
        return geometry
    apart = max(1.0, ASSUMED_DEPTH * max(geometry.shape[1:]) / geometry.shape[0])
    affine = geometry.affine @ np.diag([1.0, 1.0, apart, 1.0])
    return Geometry(geometry.shape, affine, calibrated=False, oriented=geometry.oriented)


# -- from voxels to a field ------------------------------------------------------------------------------------


def connected_parts(bits: Bits) -> Iterator[tuple[tuple[int, ...], Bits]]:
    """(first index, voxels) of each connected part of ``bits`` in its own box."""
    from scipy import ndimage

    parts, _ = ndimage.label(bits, np.ones((3, 3, 3)))
    for number, place in enumerate(ndimage.find_objects(parts), 1):
        yield tuple(side.start for side in place), parts[place] == number


def part_surface(bits: Bits, start: Sequence[int], geometry: Geometry, step: float | None = None) -> Surface:
    """The surface of one part, whose first voxel has index ``start``, in cells of about ``step`` mm."""
    from skimage.measure import marching_cubes

    volume = np.count_nonzero(bits) * geometry.voxel_volume_mm3
    extent = [n * mm for n, mm in zip(bits.shape, geometry.spacing, strict=True)]
    if step is None:
        usual = max(math.prod(extent) ** (1 / 3) / LABEL_CELLS, min(geometry.spacing))
        step = max(min(usual, min(extent) / FEWEST_CELLS), max(extent) / MOST_CELLS)
    factors = tuple(max(1, int(step / (2 * mm))) for mm in geometry.spacing)
    spacing = tuple(mm * n for mm, n in zip(geometry.spacing, factors, strict=True))
    field, first, steps = _smooth_field(block_mean(bits, factors), spacing, step)
    cell = geometry.voxel_volume_mm3 * math.prod(factors) * math.prod(steps)
    points, triangles, _, _ = marching_cubes(field, _enclosing_level(field, volume / cell))
    index = first + points.astype(np.float64) * steps  # in joined voxels of the part
    index = (index + 0.5) * factors - 0.5 + np.asarray(start)
    return _with_volume(_wound_outward(geometry.index_to_world(index), triangles), volume, limit=step / 2)


def _smooth_field(share: Field, spacing: Spacing, step: float) -> tuple[Field, Places, Places]:
    """A field that falls smoothly from the inside of a part outward, on a near-isotropic grid with room around it.

    ``share`` [k, j, i] is how much of each voxel belongs to the part, 0..1. Returns the field, the index of its first
    cell and the distances of its cells, both in voxels of ``share``.
    """
    from scipy import ndimage

    mm = np.asarray(spacing)
    room = MARGIN * step / mm  # in voxels
    thick, pixel = int(mm.argmax()), mm.min()
    room[thick] = max(room[thick], 1.0)  # the domes at the ends
    pad = np.ceil(room + 0.5).astype(int)
    sigma = np.full(3, SMOOTHING * max(pixel, step)) / mm  # in voxels
    field = np.pad(share, [(n, n) for n in pad])
    if mm[thick] > THICK * pixel:
        field = _slice_distances(field >= min(0.5, float(share.max())), thick, np.delete(mm, thick).tolist())
        sigma[thick] = max(SLICE_SMOOTHING, sigma[thick])
    size = np.asarray(share.shape) + 2 * room
    counts = np.maximum(np.ceil(size * mm / step), 2)
    steps = size / counts
    first = -0.5 - room + steps / 2
    for axis in range(3):
        field = _sampled(field, axis, first[axis] + pad[axis] + steps[axis] * np.arange(counts[axis]))
    field = ndimage.gaussian_filter(field, (sigma / steps).tolist(), mode="nearest", output=np.float32)
    return field, first, steps


def _slice_distances(bits: Bits, thick: int, spacing: Sequence[float]) -> Field:
    """Distances to the boundary of ``bits``, positive inside, within each slice across axis ``thick``."""
    from scipy.ndimage import distance_transform_edt

    slices = np.moveaxis(bits, thick, 0)
    half = min(spacing) / 2  # the boundary runs between pixel centres
    field = np.empty(slices.shape, np.float32)
    for target, pixels in zip(field, slices, strict=True):
        if pixels.any():
            inside, outside = (distance_transform_edt(part, sampling=spacing) for part in (pixels, ~pixels))
            target[...] = np.where(pixels, inside - half, half - outside)
    _close_ends(field, slices)
    return np.moveaxis(field, 0, thick)


def _close_ends(field: Field, slices: Bits) -> None:
    """Beyond the first and last slice of a part: as far outside as its end is inside, so that the end is a dome."""
    filled = np.flatnonzero(slices.any(axis=(1, 2)))
    for end, beyond in ((filled[0], slice(0, filled[0])), (filled[-1], slice(filled[-1] + 1, None))):
        depth = float(field[end][slices[end]].mean())
        field[beyond] = np.minimum(field[end], -depth)


def _sampled(field: Field, axis: int, places: npt.NDArray[np.float64]) -> Field:
    """Linear interpolation of ``field`` along one axis at fractional ``places``; the ends go on beyond it."""
    places = places.clip(0, field.shape[axis] - 1)
    low = np.minimum(places.astype(np.intp), max(field.shape[axis] - 2, 0))
    weight = (places - low).astype(np.float32)
    shape = [1, 1, 1]
    shape[axis] = -1
    share = weight.reshape(shape)
    upper = np.minimum(low + 1, field.shape[axis] - 1)
    return np.asarray(field.take(low, axis) * (1 - share) + field.take(upper, axis) * share, np.float32)


def _enclosing_level(field: Field, cells: float) -> float:
    """The level above which ``field`` has about ``cells`` cells, strictly between its border and its maximum."""
    flat = field.ravel()
    count = min(max(round(cells), 1), flat.size - 1)
    at = flat.size - count
    parted = np.partition(flat, (at - 1, at))
    level = float(parted[at - 1] + parted[at]) / 2
    border = max(float(field.take(edge, axis).max()) for axis in range(3) for edge in (0, -1))
    top = float(flat.max())
    return min(max(level, border + 1e-3 * (top - border)), top - 1e-3 * (top - border))


def block_mean(data: npt.NDArray[Any], blocks: Sequence[int]) -> Field:
    """Means of blocks of voxels as float32; the last block of an axis may hold fewer. Not-a-number counts as zero."""
    result = np.empty([math.ceil(n / b) for n, b in zip(data.shape, blocks, strict=True)], np.float32)
    rows, columns = (np.arange(0, data.shape[axis], blocks[axis]) for axis in (1, 2))
    for target, first in enumerate(range(0, data.shape[0], blocks[0])):
        slab = np.nan_to_num(data[first : first + blocks[0]].mean(axis=0, dtype=np.float32), posinf=0.0, neginf=0.0)
        sums = np.add.reduceat(np.add.reduceat(slab, rows, axis=0), columns, axis=1)
        heights, widths = (np.diff([*starts, n]) for starts, n in zip((rows, columns), slab.shape, strict=True))
        result[target] = sums / np.outer(heights, widths)
    return result


# -- triangles -------------------------------------------------------------------------------------------------


def _wound_outward(points: npt.NDArray[np.float64], triangles: npt.NDArray[Any]) -> Surface:
    faces = triangles.astype(np.int64)
    if _signed_volume(points, faces) < 0:
        faces = faces[:, ::-1]
    normals = _vertex_normals(points, faces)
    return Surface(points.astype(np.float32), normals.astype(np.float32), np.ascontiguousarray(faces, np.uint32))


def _face_normals(points: npt.NDArray[np.float64], faces: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """[m, 3] normals, twice as long as each triangle's area."""
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    return np.asarray(np.cross(b - a, c - a))


def _vertex_normals(points: npt.NDArray[np.float64], faces: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """[n, 3] unit normals: the mean of the triangles around a vertex, each weighted by its area."""
    across = _face_normals(points, faces)
    corners = faces.T.ravel()
    sums = np.stack([np.bincount(corners, np.tile(across[:, axis], 3), len(points)) for axis in range(3)], axis=1)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(lengths > 0, lengths, 1.0))


def _with_volume(surface: Surface, volume: float, *, limit: float) -> Surface:
    """``surface`` moved along its normals, by ``limit`` mm at most, so that it encloses ``volume`` mm^3."""
    offset = (volume - surface.volume_mm3) / surface.area_mm2
    moved = surface.vertices + surface.normals * np.float32(min(max(offset, -limit), limit))
    return replace(surface, vertices=moved)


def _signed_volume(points: npt.NDArray[np.float64], faces: npt.NDArray[Any]) -> float:
    middle = points.mean(axis=0)  # far from the origin the sum would lose digits
    a, b, c = (points[faces[:, corner]] - middle for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def _joined(surfaces: Sequence[Surface]) -> Surface:
    if len(surfaces) == 1:
        return surfaces[0]
    offsets = np.cumsum([0, *(len(surface.vertices) for surface in surfaces[:-1])], dtype=np.uint32)
    return Surface(
        np.concatenate([surface.vertices for surface in surfaces]),
        np.concatenate([surface.normals for surface in surfaces]),
        np.concatenate([one.triangles + offset for one, offset in zip(surfaces, offsets, strict=True)]),
    )
