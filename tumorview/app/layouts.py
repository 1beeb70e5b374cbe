"""How the views of a study are arranged, and which series hangs where."""

from dataclasses import dataclass
from enum import StrEnum

from tumorview.core.geometry import Geometry
from tumorview.core.slicing import Plane, acquisition_plane
from tumorview.core.study import Role, Series, Study

HANGING = (Role.FLAIR, Role.T1, Role.T1CE, Role.T2)  # a tumour study, in reading order
FINE_RATIO = 2.0  # slices up to so many times thicker than their pixels are worth looking at across
FINE_SPACING_MM = 2.0


class Layout(StrEnum):
    """An arrangement of views; the value is the verb of its action."""

    AXIAL = "axial_only"
    CORONAL = "coronal_only"
    SAGITTAL = "sagittal_only"
    QUAD = "quad"
    ONE_PLUS_THREE = "one_plus_three"
    SIDE_BY_SIDE = "side_by_side"
    FOUR_SERIES = "four_series"

    @property
    def compares(self) -> bool:
        """Whether every cell shows a series of its own, all in one plane."""
        return self in (Layout.SIDE_BY_SIDE, Layout.FOUR_SERIES)


@dataclass(frozen=True)
class Volume3D:
    """A cell with the view in three dimensions."""


@dataclass(frozen=True)
class Slot:
    """A cell with the series of that number (from 0), in the plane of the reference."""

    number: int


@dataclass(frozen=True)
class Cell:
    """What is shown where: rows and columns of a grid, from the top left."""

    content: Plane | Slot | Volume3D
    row: int = 0
    column: int = 0
    rows: int = 1
    columns: int = 1


def cells(layout: Layout, main: Plane) -> tuple[Cell, ...]:
    """The cells of ``layout``, the most important first; ``main`` is the plane of the reference."""
    if layout is Layout.QUAD:
        # As in 3D Slicer: axial and coronal have one left and right, coronal and sagittal one height.
        return (
            Cell(Plane.AXIAL, 0, 0),
            Cell(Volume3D(), 0, 1),
            Cell(Plane.CORONAL, 1, 0),
            Cell(Plane.SAGITTAL, 1, 1),
        )
    if layout is Layout.ONE_PLUS_THREE:
        first, second = (plane for plane in Plane if plane is not main)
        return Cell(main, 0, 0, 3, 2), Cell(first, 0, 2), Cell(second, 1, 2), Cell(Volume3D(), 2, 2)
    if layout is Layout.SIDE_BY_SIDE:
        return Cell(Slot(0), 0, 0), Cell(Slot(1), 0, 1)
    if layout is Layout.FOUR_SERIES:
        return tuple(Cell(Slot(number), *divmod(number, 2)) for number in range(4))
    return (Cell({Layout.AXIAL: Plane.AXIAL, Layout.CORONAL: Plane.CORONAL}.get(layout, Plane.SAGITTAL)),)


def is_fine(geometry: Geometry) -> bool:
    """Whether slices are thin enough to be worth looking at across: nearly isotropic and no thicker than 2 mm."""
    spacing = geometry.spacing
    thin = max(spacing) <= FINE_RATIO * min(spacing) and max(spacing) <= FINE_SPACING_MM
    return geometry.calibrated and thin


def default_layout(study: Study) -> Layout:
    """Four views where slices are thin, otherwise the acquired plane alone."""
    geometry = study.reference.volume.geometry
    return Layout.QUAD if is_fine(geometry) else one_view(acquisition_plane(geometry))


def one_view(plane: Plane) -> Layout:
    """The layout that shows ``plane`` alone."""
    return {Plane.AXIAL: Layout.AXIAL, Plane.CORONAL: Layout.CORONAL, Plane.SAGITTAL: Layout.SAGITTAL}[plane]


def hung_by_role(study: Study) -> tuple[Series | None, ...]:
    """FLAIR, T1, T1CE and T2 of a tumour study; None where it has none."""
    return tuple(study.best(role, study.reference) for role in HANGING)


def hung_in_order(study: Study, first: Series, count: int) -> tuple[Series | None, ...]:
    """``first`` and ``count`` - 1 others: those of a tumour study, then the rest; None where there are no more."""
    candidates = [*hung_by_role(study), *study.series]
    others: list[Series] = []
    for series in candidates:
        if series is not None and series is not first and not any(series is other for other in others):
            others.append(series)
    found: list[Series | None] = [first, *others[: count - 1]]
    return tuple(found + [None] * (count - len(found)))
