"""Connected parts of a mask: the one under the cursor, the largest, islands and holes.

Labelled parts are connected through faces, edges and corners; background through faces only, so that a closed
outline encloses what is inside of it (the usual dual connectivities, Kong & Rosenfeld 1989).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import Box, MaskArray
from tumorview.core.progress import Progress
from tumorview.core.tools.painting import BACKGROUND, BoolArray, Over, PaintRule, Region, grown, label_box
from tumorview.errors import EditError

TOUCHING = np.ones((3, 3, 3), bool)

Voxel = tuple[int, int, int]
Sizes = npt.NDArray[np.int_]


def part_at(labels: MaskArray, seed: Voxel, within: Box) -> Region:
    """The connected voxels of ``within`` that hold the same value as the one at ``seed`` (k, j, i).

    EditError where that is background that is not enclosed: it reaches the edge of ``within``.
    """
    from scipy import ndimage

    label = int(labels[seed])
    box = label_box(labels, label, within)
    assert box is not None
    components, _ = ndimage.label(labels[box.slices] == label, None if label == BACKGROUND else TOUCHING)
    at = components[tuple(c - s for c, s in zip(seed, box.start, strict=True))]
    if label == BACKGROUND and box == within and at in _at_the_edge(components):
        raise EditError(
            "Nothing is filled: the background here is not enclosed, it reaches the edge of the image.",
            "Close the outline first, or fill in the slice only.",
        )
    return Region(box, components == at).cropped()


def enclosed(inside: BoolArray) -> BoolArray:
    """The voxels beside ``inside`` (2D or 3D) that it encloses; axes of one voxel do not count as open."""
    from scipy import ndimage

    components, count = ndimage.label(~inside)
    closed = np.ones(count + 1, bool)
    closed[[0, *_at_the_edge(components)]] = False
    return np.asarray(closed[components])


def holes(labels: MaskArray, label: int, within: Box) -> Region:
    """Voxels that ``label`` encloses in ``within``; in a box of one slice, what it encloses in that slice."""
    box = label_box(labels, label, within)
    if box is None:
        return Region.nothing()
    around = grown(box, (1, 1, 1), within)
    return Region(around, enclosed(labels[around.slices] == label)).cropped()


def filling_rule(rule: PaintRule) -> PaintRule:
    """The rule for filling holes: another label inside a hole stays unless it alone may be painted over."""
    return rule if rule.over is Over.LABEL else PaintRule(Over.BACKGROUND)


def largest(labels: MaskArray, label: int, within: Box, progress: Progress | None = None) -> Region:
    """The largest connected part of ``label``, in the box around all of its voxels."""
    return _kept(labels, label, within, lambda sizes: sizes == sizes.max(), progress)


def without_islands(
    labels: MaskArray, label: int, within: Box, voxels: float, progress: Progress | None = None
) -> Region:
    """The connected parts of ``label`` of at least ``voxels`` voxels, in the box around all of its voxels."""
    return _kept(labels, label, within, lambda sizes: sizes >= voxels, progress)


def _kept(
    labels: MaskArray, label: int, within: Box, keep: Callable[[Sizes], BoolArray], progress: Progress | None
) -> Region:
    from scipy import ndimage

    progress = progress or Progress()
    box = label_box(labels, label, within)
    if box is None:
        return Region.nothing()
    progress.check()
    components, count = ndimage.label(labels[box.slices] == label, TOUCHING)
    progress.check()
    chosen = np.zeros(count + 1, bool)
    chosen[1:] = keep(np.bincount(components.ravel(), minlength=count + 1)[1:])
    return Region(box, chosen[components])


def _at_the_edge(components: npt.NDArray[np.integer]) -> list[int]:
    """The numbers of the components that reach a face of the array; axes of one voxel have none."""
    found: set[int] = set()
    for axis, extent in enumerate(components.shape):
        if extent > 1:
            for face in (0, -1):
                found.update(np.unique(components.take(face, axis=axis)).tolist())
    return sorted(found - {0})
