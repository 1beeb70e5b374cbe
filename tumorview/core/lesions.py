"""Size of the labelled tumour as response criteria want it: per connected lesion and for all of it.

RANO calls a lesion measurable when both diameters (``core.diameters``) are at least 10 mm and it is seen on two or more
slices; where slices are more than 5 mm apart the diameters must be at least twice that distance (Wen et al., J Clin
Oncol 2010;28:1963-1972). RANO measures axial slices; a stack that is too coarse for them is measured in its own slices.
Voxels that touch, be it at a corner, belong to one lesion.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.diameters import Steps, diameters
from tumorview.core.edits import changed_box
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Box, MaskArray, triple
from tumorview.core.measure import Point
from tumorview.core.slicing import Plane, PlaneView, acquisition_plane
from tumorview.core.study import FINE_SPACING_MM

MEASURABLE_MM = 10.0
THICK_MM = 5.0  # slices further apart ask for larger lesions
LISTED = 20  # lesions that are measured one by one, the largest first
TARGETS = 5  # of RANO: the most lesions whose products are summed

Voxels = npt.NDArray[np.bool_]
Line = tuple[Point, Point]


@dataclass(frozen=True)
class Lesion:
    """A connected part of the labelled voxels, or all of them (``number`` 0).

    Lengths are mm, areas mm2 (pixels and their squares where uncalibrated, and ``volume_ml`` is None); lines are LPS
    mm. ``index`` is the slice of ``plane`` with the largest area, which the diameters lie in; ``slices`` counts those
    with any of it. ``shortcomings`` say why it is not measurable.
    """

    number: int
    plane: Plane
    voxels: int
    volume_ml: float | None
    slices: int
    index: int
    area: float
    longest: Line
    perpendicular: Line
    longest_length: float
    perpendicular_length: float
    shortcomings: tuple[str, ...]

    @property
    def product(self) -> float:
        """Of both diameters."""
        return self.longest_length * self.perpendicular_length

    @property
    def measurable(self) -> bool:
        """Whether RANO would take it for a target lesion, as far as its size goes."""
        return not self.shortcomings


@dataclass(frozen=True)
class Burden:
    """All lesions of a mask, the largest first; ``further`` were too small to be among the LISTED ones.

    ``whole`` is everything labelled taken as one, ``box`` lies around it; None where nothing is. ``volumes_ml`` has the
    volume of each label number that occurs, None where uncalibrated.
    """

    whole: Lesion | None = None
    lesions: tuple[Lesion, ...] = ()
    further: int = 0
    calibrated: bool = True
    volumes_ml: tuple[tuple[int, float | None], ...] = ()
    box: Box | None = None

    @property
    def sum_of_products(self) -> float:
        """Of the diameters of the TARGETS largest measurable lesions, mm2."""
        products = sorted((lesion.product for lesion in self.lesions if lesion.measurable), reverse=True)
        return sum(products[:TARGETS])


def measured_plane(geometry: Geometry) -> Plane:
    """The plane that lesions are measured in: axial, unless its pixels are coarse and the acquired slices' are not."""
    fine = max(PlaneView.of(geometry, Plane.AXIAL).pixel_spacing) <= FINE_SPACING_MM
    return Plane.AXIAL if fine or not geometry.calibrated else acquisition_plane(geometry)


def burden(
    labels: MaskArray, geometry: Geometry, plane: Plane | None = None, *, start: tuple[int, int, int] = (0, 0, 0)
) -> Burden:
    """The lesions in ``labels`` [k, j, i] (any number above 0), measured in ``plane``.

    ``labels`` may be a part of the grid ``geometry`` that holds all of them; its first voxel is ``start``.
    """
    from scipy import ndimage  # a third of a second that a window which measures nothing should not wait for

    box = changed_box(labels > 0)
    if box is None:
        return Burden(calibrated=geometry.calibrated)
    view = PlaneView.of(geometry, plane or measured_plane(geometry))
    part, around = labels[box.slices], box.moved(start)
    inside = part > 0
    connected, count = ndimage.label(inside, np.ones((3, 3, 3)))
    sizes = np.bincount(connected.ravel(), minlength=count + 1)[1:]
    places = ndimage.find_objects(connected)
    lesions = []
    for order, which in enumerate(np.argsort(-sizes, kind="stable")[:LISTED].tolist(), start=1):
        place = places[which]
        first = tuple(a + one.start for a, one in zip(around.start, place, strict=True))
        lesions.append(_lesion(order, connected[place] == which + 1, first, view))
    whole = _lesion(0, inside, around.start, view) if count > 1 else lesions[0]
    further = max(count - LISTED, 0)
    return Burden(whole, tuple(lesions), further, geometry.calibrated, _volumes(part, geometry), around)


def _volumes(part: MaskArray, geometry: Geometry) -> tuple[tuple[int, float | None], ...]:
    counts = np.bincount(part.ravel(), minlength=1)
    ml = geometry.voxel_volume_mm3 / 1000.0 if geometry.calibrated else None
    return tuple(
        (number, None if ml is None else int(voxels) * ml) for number, voxels in enumerate(counts) if number and voxels
    )


def _lesion(number: int, inside: Voxels, start: tuple[int, ...], view: PlaneView) -> Lesion:
    """Measure ``inside`` [k, j, i], whose first voxel is ``start`` of the grid."""
    geometry, axis = view.geometry, view.normal_axis
    areas = inside.sum(axis=tuple(other for other in range(3) if other != axis), dtype=np.int64)
    best = int(areas.argmax())
    index, steps = start[axis] + best, in_plane_steps(view)
    pixels, corner = _as_shown(inside, start, best, view)
    found = diameters(pixels, steps)
    assert found is not None  # the slice with the largest area has some

    def line(ends: tuple[tuple[float, float], tuple[float, float]]) -> Line:
        (a, b) = (view.to_voxel(index, row + corner[0], column + corner[1]) for row, column in ends)
        (x0, y0, z0), (x1, y1, z1) = geometry.index_to_world([a, b]).tolist()
        return (x0, y0, z0), (x1, y1, z1)

    slices = int(np.count_nonzero(areas))
    lengths = found.longest_length, found.perpendicular_length
    voxels = int(areas.sum())
    return Lesion(
        number=number,
        plane=view.plane,
        voxels=voxels,
        volume_ml=voxels * geometry.voxel_volume_mm3 / 1000.0 if geometry.calibrated else None,
        slices=slices,
        index=index,
        area=int(areas[best]) * abs(float(np.linalg.det(steps))),
        longest=line(found.longest),
        perpendicular=line(found.perpendicular),
        longest_length=lengths[0],
        perpendicular_length=lengths[1],
        shortcomings=_shortcomings(lengths[1], slices, view),
    )


def _shortcomings(shorter: float, slices: int, view: PlaneView) -> tuple[str, ...]:
    if not view.geometry.calibrated:
        return ("the image has no spacing",)
    apart = view.geometry.spacing[view.normal_axis]
    least = max(MEASURABLE_MM, 2 * apart if apart > THICK_MM else 0.0)
    return (
        *((f"a diameter is below {least:.0f} mm",) if shorter < least else ()),
        *(("seen on one slice only",) if slices < 2 else ()),
    )


def _as_shown(
    inside: Voxels, start: tuple[int, ...], offset: int, view: PlaneView
) -> tuple[npt.NDArray[np.bool_], tuple[int, int]]:
    """Slice ``offset`` of a box as ``view`` shows it, with the row and column of its first pixel."""
    pixels: Voxels = np.asarray(inside.take(offset, axis=view.normal_axis))
    if view.row_axis > view.column_axis:
        pixels = pixels.T
    pixels = pixels[:: -1 if view.flip_rows else 1, :: -1 if view.flip_columns else 1]
    box = Box(triple(start), triple(a + n for a, n in zip(start, inside.shape, strict=True)))
    corners = (view.from_voxel(box.start), view.from_voxel([stop - 1 for stop in box.stop]))
    return pixels, (int(min(c[1] for c in corners)), int(min(c[2] for c in corners)))


def in_plane_steps(view: PlaneView) -> Steps:
    """[2, 2] for ``core.diameters``: one column and one row of ``view`` in mm, at right angles or not."""
    affine = view.geometry.affine[:3, :3]
    column, row = affine[:, 2 - view.column_axis], affine[:, 2 - view.row_axis]
    column, row = (-column if view.flip_columns else column), (-row if view.flip_rows else row)
    length = float(np.linalg.norm(column))
    along = float(row @ column) / length
    return np.array([[length, 0.0], [along, math.sqrt(max(float(row @ row) - along**2, 0.0))]])
