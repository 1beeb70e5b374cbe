"""Changes that are seen while the hand still moves, and end in one Edit: strokes, and regions that follow a drag."""

from dataclasses import dataclass, field
from math import ceil, dist

import numpy as np
import numpy.typing as npt

from tumorview.core.edits import Edit
from tumorview.core.mask import Box, Mask, MaskArray, Provenance, triple
from tumorview.core.slicing import PlaneView
from tumorview.core.tools.footprint import Place, Shape, sweep
from tumorview.core.tools.painting import PaintRule, Region, part_of
from tumorview.core.tools.smart import like_centre

ROOM = 32  # voxels
SMART_STEPS = 3  # places at most on the way of one move at which a smart brush looks anew


@dataclass(frozen=True)
class Brush:
    """A disc of ``radius`` millimetres (voxels where uncalibrated) in the plane being viewed that paints ``label``.

    With ``ball`` it reaches as far into the neighbouring slices; a SQUARE one is a square or cube of that half side.
    With a ``sensitivity`` it paints only what looks like its centre (see ``smart.like_centre``).
    """

    radius: float
    label: int
    shape: Shape = Shape.ROUND
    ball: bool = False
    rule: PaintRule = field(default_factory=PaintRule)
    sensitivity: float | None = None


class LiveEdit:
    """Changes a mask in place while a gesture goes on, and can take all of it back.

    The voxels from before are kept for the growing box that was touched, nothing else is copied.
    """

    def __init__(self, mask: Mask, *, title: str, provenance: Provenance) -> None:
        self._mask = mask
        self._title = title
        self._provenance = provenance
        self._box: Box | None = None
        self._before: MaskArray = np.empty((0, 0, 0), np.uint8)

    def finish(self) -> Edit | None:
        """End the gesture: the Edit to undo it, None where no voxel changed."""
        if self._box is None:
            return None
        edit = Edit.between(
            self._before,
            self._mask.data[self._box.slices],
            self._mask.provenance[self._box.slices],
            start=self._box.start,
            title=self._title,
            provenance=self._provenance,
        )
        if edit is not None:
            edit.redo(self._mask)
        return edit

    def abandon(self) -> None:
        """End the gesture and leave the mask as it was before."""
        if self._box is not None:
            self._mask.data[self._box.slices] = self._before
            self._mask.touch(self._box)
            self._box = None

    def _remember(self, box: Box) -> None:
        if self._box is None:
            self._box, self._before = box, self._mask.data[box.slices].copy()
            return
        if self._box.union(box) == self._box:
            return
        union = self._with_room(box)
        # Outside the old box nothing was changed yet: what is there now is what was there before.
        before = self._mask.data[union.slices].copy()
        before[part_of(self._box, union)] = self._before
        self._box, self._before = union, before

    def _with_room(self, box: Box) -> Box:
        """The union with ``box`` and some more where it grows, so that a long stroke does not copy at every move."""
        assert self._box is not None
        start = triple(a if b >= a else b - ROOM for a, b in zip(self._box.start, box.start, strict=True))
        stop = triple(a if b <= a else b + ROOM for a, b in zip(self._box.stop, box.stop, strict=True))
        return Box(start, stop).clipped(triple(self._mask.data.shape))


class Stroke(LiveEdit):
    """One drag of a brush: paints into the mask as it moves. ``image`` are the greys that a smart brush looks at.

    Voxels of locked or hidden labels are left alone, and so is what the brush's rule does not let go.
    """

    def __init__(
        self,
        mask: Mask,
        view: PlaneView,
        brush: Brush,
        *,
        title: str,
        image: npt.NDArray[np.generic] | None = None,
    ) -> None:
        super().__init__(mask, title=title, provenance=Provenance.BRUSH)
        if brush.sensitivity is not None and (image is None or image.shape != mask.data.shape):
            raise ValueError("a smart brush needs an image on the mask's grid")
        self._view = view
        self._brush = brush
        self._image = image
        self._last: Place | None = None
        self._allowed = brush.rule.allowed(mask.labels, brush.label)

    def move_to(self, index: int, row: float, column: float) -> Box | None:
        """Paint from the last place to this one (slice index, row and column as shown); the box that was touched."""
        place = self._view.to_voxel(index, row, column)
        start, self._last = self._last or place, place
        if self._brush.sensitivity is None:
            return self._paint(self._footprint(start, place))
        touched: Box | None = None
        for stop in self._steps(start, place):
            box = self._paint(self._alike(self._footprint(stop, stop), stop))
            if box is not None:
                touched = box if touched is None else touched.union(box)
        return touched

    def _footprint(self, start: Place, stop: Place) -> Region:
        brush = self._brush
        region = sweep(
            start,
            stop,
            brush.radius,
            self._view.geometry.spacing,
            shape=brush.shape,
            flat=None if brush.ball else self._view.normal_axis,
        )
        box = region.box.clipped(self._mask.data.shape)
        return Region.nothing() if box.empty else Region(box, region.voxels[part_of(box, region.box)])

    def _steps(self, start: Place, stop: Place) -> list[Place]:
        """Places on the way to ``stop`` that are no further apart than the brush's radius, as far as time allows."""
        spacing = self._view.geometry.spacing
        way = dist(*([c * mm for c, mm in zip(place, spacing, strict=True)] for place in (start, stop)))
        count = min(max(ceil(way / max(self._brush.radius, 1e-6)), 1), SMART_STEPS)
        return [triple(a + (b - a) * n / count for a, b in zip(start, stop, strict=True)) for n in range(1, count + 1)]

    def _alike(self, footprint: Region, place: Place) -> Region:
        assert self._image is not None
        assert self._brush.sensitivity is not None
        centre = triple(round(c) - start for c, start in zip(place, footprint.box.start, strict=True))
        if any(not 0 <= at < extent for at, extent in zip(centre, footprint.voxels.shape, strict=True)):
            return Region.nothing()  # the centre is beside the image: nothing to be like
        greys = self._image[footprint.box.slices]
        return Region(footprint.box, like_centre(greys, footprint.voxels, centre, self._brush.sensitivity))

    def _paint(self, region: Region) -> Box | None:
        if region.box.empty or not self._allowed.any():
            return None
        self._remember(region.box)
        target = self._mask.data[region.box.slices]
        target[region.voxels & self._allowed[target]] = self._brush.label
        self._mask.touch(region.box)
        return region.box


class LiveRegion(LiveEdit):
    """A region that changes while a drag goes on: each one takes the place of the one before."""

    def __init__(self, mask: Mask, label: int, rule: PaintRule, *, title: str) -> None:
        super().__init__(mask, title=title, provenance=Provenance.TOOL)
        self._label = label
        self._allowed = rule.allowed(mask.labels, label)
        self._shown: Box | None = None

    def show(self, region: Region) -> None:
        """Paint ``region`` instead of what was shown before."""
        if not self._allowed.any():
            return
        box = region.box
        if not box.empty:
            self._remember(box)
        touched = box if self._shown is None else self._shown if box.empty else self._shown.union(box)
        if touched.empty:
            return
        assert self._box is not None
        target = self._mask.data[touched.slices]
        target[...] = self._before[part_of(touched, self._box)]
        if not box.empty:
            inner = self._mask.data[box.slices]
            inner[region.voxels & self._allowed[inner]] = self._label
        self._shown = None if box.empty else box
        self._mask.touch(touched)
