"""The small values that slice views are steered with and report."""

from dataclasses import dataclass

from tumorview.core.rendering import BoundaryStyle

Voxel = tuple[int, int, int]

CROSSHAIR_REACH = 2  # pixels to either side that its lines may touch


@dataclass(frozen=True)
class OverlayOptions:
    """How the mask is laid over the greys.

    ``opacity`` is the fill's alpha (0..1) of a label with the standard opacity; labels made fainter or stronger keep
    their ratio to it. ``boundary_width`` is in screen pixels at any zoom. ``compare`` colours voxels found, marked too
    much and missed against ground truth. ``heat_map`` shows the network's probabilities in the place of the mask,
    ``uncertainty`` how unsure it is (entropy, 0..1 bit).
    """

    visible: bool = True
    opacity: float = 0.4
    boundary: bool = True
    boundary_width: int = 2
    outline: BoundaryStyle = BoundaryStyle.SMOOTH
    compare: bool = False
    heat_map: bool = False
    uncertainty: bool = False


@dataclass(frozen=True)
class CursorInfo:
    """What lies under the pointer: ``voxel`` (k, j, i) of the shown series, ``world`` in LPS mm.

    ``world`` is None where the image has no spacing, ``truth`` where no ground truth is loaded.
    """

    voxel: Voxel
    world: tuple[float, float, float] | None
    value: float
    label: int
    truth: int | None
