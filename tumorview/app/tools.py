"""The one place where a tool and a gesture become an Edit of the Session.

Brushes are strokes of the Session itself. Everything else is a ``Task``: work on plain data that may run on another
thread, and whose outcome is put into the mask as one step, or dropped where the mask has changed meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.app.session import Session
from tumorview.app.tool_options import Greys, Tool, ToolOptions
from tumorview.core.event import Event
from tumorview.core.mask import Box, Mask
from tumorview.core.progress import Progress
from tumorview.core.slicing import PlaneView
from tumorview.core.tools import BACKGROUND, Change, LiveRegion, Region, intensity, outline, paint, slab
from tumorview.core.tools import components as parts
from tumorview.core.tools.intensity import RegionGrowing
from tumorview.errors import EditError

Voxels = npt.NDArray[Any]
Work = Callable[[Progress], Change]


@dataclass(frozen=True, eq=False)
class Spot:
    """Where a tool is used: slice ``index`` of a plane of the mask's grid, and the greys ``image`` [k, j, i] there.

    ``image`` is None where the series in view lies on another grid. ``width`` is that of its window.
    """

    view: PlaneView
    index: int
    image: Voxels | None = None
    width: float = 0.0

    @property
    def slab(self) -> Box:
        """The slice in view."""
        return slab(self.view.geometry.shape, self.view.normal_axis, self.index)

    def voxel(self, row: float, column: float) -> tuple[int, int, int]:
        """The voxel (k, j, i) under a place of the slice; EditError beside the image."""
        kji = self.view.to_voxel(self.index, row, column)
        if not self.view.geometry.contains(kji):
            raise EditError("There is no image under the pointer.")
        k, j, i = (round(c) for c in kji)
        return k, j, i


@dataclass(frozen=True, eq=False)
class Task:
    """Work that ends in a Change of ``mask`` as it is at ``revision``; ``quick`` ones need no thread of their own.

    ``label`` is the one that the work starts from, if it starts from one; ``nothing`` tells the user why nothing
    has changed.
    """

    title: str
    work: Work
    mask: Mask
    revision: int
    quick: bool = True
    label: int | None = None
    nothing: str = ""

    @property
    def stale(self) -> bool:
        """Whether the mask was changed after the task was made."""
        return self.mask.revision != self.revision


class Tools:
    """The tools of one Session with their ``options``; ``changed`` is emitted when those or the brush change."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.options = ToolOptions()
        self.changed: Event[None] = Event()

    def set_options(self, **changes: Any) -> None:  # noqa: ANN401 - one keyword per field of ToolOptions
        """Change options of the tools."""
        self.options = self.options.changed(**changes)
        self.changed.emit(None)

    def set_brush(self, **changes: Any) -> None:  # noqa: ANN401 - one keyword per field of BrushSettings
        """Change what the hand paints with."""
        self.session.set_brush(**changes)
        self.changed.emit(None)

    # -- what tools are made of --------------------------------------------------------------------------------

    @property
    def mask(self) -> Mask:
        """The mask that is edited; EditError while there is none."""
        if self.session.mask is None:
            raise EditError("There is no mask to edit.", "Open a study first.")
        return self.session.mask

    @property
    def label(self) -> int:
        """The label that is painted."""
        return self.session.brush.label

    def allowed(self, label: int) -> npt.NDArray[np.bool_]:
        """For each value 0..255 whether it may become ``label``; EditError where that label may not be painted."""
        entry = self.mask.labels.get(label)
        if entry is not None and (entry.locked or not entry.visible):
            raise EditError(
                f"Label “{entry.name}” is {'locked' if entry.locked else 'hidden'}: nothing is painted.",
                "Unlock or show it in the Labels panel.",
            )
        return self.session.rule_for(label).allowed(self.mask.labels, label)

    def within(self, spot: Spot) -> Box:
        """Where tools work that change a label as a whole: everywhere, or in the slice in view."""
        return Box.whole(self.mask.geometry.shape) if self.options.shape_deep else spot.slab

    def name(self, number: int) -> str:
        """A label in words."""
        entry = self.mask.labels.get(number)
        return "Background" if number == BACKGROUND else f"Label “{entry.name if entry else number}”"

    def greys(self, spot: Spot) -> Voxels:
        """The image under a spot; EditError where it does not lie on the mask's grid."""
        if spot.image is None or spot.image.shape != self.mask.geometry.shape:
            raise EditError(
                "The image in view does not lie on the voxels of the mask.", "Show the series that the mask belongs to."
            )
        return spot.image

    def task(self, title: str, work: Work, *, quick: bool = True, label: int | None = None, nothing: str = "") -> Task:
        """A task on the mask as it is now; a stroke that is under way ends first."""
        self.session.end_stroke()
        return Task(title, work, self.mask, self.mask.revision, quick, label, nothing)

    # -- what is done with a task ------------------------------------------------------------------------------

    def accept(self, task: Task, change: Change) -> None:
        """Put the outcome of ``task`` into the mask as one step.

        EditError where nothing changed, or where the mask has changed since the task was made: then it is dropped.
        """
        if task.mask is not self.session.mask or task.stale:
            raise EditError(f"{task.title} was dropped: the mask has changed meanwhile.", "Do it again.")
        if self.session.change(change, task.title):
            return
        if task.label is not None and not np.any(self.mask.data == task.label):
            raise EditError(f"{self.name(task.label)} has no voxel.", "Choose the label that you mean.")
        raise EditError(task.nothing or f"{task.title} changes nothing here.")

    def do(self, task: Task) -> None:
        """Work and accept at once, on this thread."""
        self.accept(task, task.work(Progress()))

    # -- tools with a gesture ----------------------------------------------------------------------------------

    def outlined(self, tool: Tool, spot: Spot, points: Sequence[tuple[float, float]], *, subtract: bool) -> Task:
        """Close the outline through ``points`` (row, column): add or take away what is inside, or threshold it."""
        mask, region = self.mask, outline.outlined(spot.view, spot.index, points)
        label = BACKGROUND if subtract else self.label
        allowed = self.allowed(label)
        if tool is not Tool.THRESHOLD:
            title = "Cut out" if subtract else tool.value.capitalize()
            return self.task(title, lambda _: paint(mask.data, region, label, allowed))
        image, options = self.greys(spot), self.options
        return self.task(
            "Threshold",
            lambda _: paint(mask.data, thresholded(image, region, options), label, allowed),
            nothing="No grey inside the outline is in the range.",
        )

    def at(self, tool: Tool, spot: Spot, row: float, column: float) -> Task:
        """Fill, relabel or delete what is connected under a place of the slice."""
        mask, seed = self.mask, spot.voxel(row, column)
        under = int(mask.data[seed])
        label = BACKGROUND if tool is Tool.DELETE else self.label
        if tool is not Tool.FILL and under == BACKGROUND:
            raise EditError("There is no label under the pointer.", "Click on a labelled voxel.")
        allowed = self.allowed(label)
        if not allowed[under]:
            raise EditError(f"{self.name(under)} is locked, hidden, or not what may be painted over.")
        deep = tool is not Tool.FILL or self.options.fill_deep
        within = Box.whole(mask.geometry.shape) if deep else spot.slab
        title = {Tool.FILL: "Fill", Tool.RELABEL: "Relabel part", Tool.DELETE: "Delete part"}[tool]

        def work(_: Progress) -> Change:
            return paint(mask.data, parts.part_at(mask.data, seed, within), label, allowed)

        return self.task(title, work, quick=not deep, nothing=f"This is {self.name(label)} already.")

    def grow(self, spot: Spot, row: float, column: float) -> "Growing":
        """Start to grow a region from a place of the slice."""
        mask, seed, image = self.mask, spot.voxel(row, column), self.greys(spot)
        self.allowed(self.label)
        options = self.options
        within = Box.whole(mask.geometry.shape) if options.grow_deep else spot.slab
        growing = RegionGrowing(image, seed, options.grow_radius, mask.geometry.spacing, within)
        return Growing(self, growing, spot.width)


class Growing:
    """A region that grows while the tolerance is dragged: shown live in the mask, one step at the end.

    ``region`` may be worked out on another thread; ``show`` belongs to the session's.
    """

    def __init__(self, tools: Tools, growing: RegionGrowing, width: float) -> None:
        self._tools, self._growing, self._width = tools, growing, width
        rule = tools.session.rule_for(tools.label)
        self._live = LiveRegion(tools.mask, tools.label, rule, title="Grow region")
        tools.session.begin(self._live)

    @property
    def active(self) -> bool:
        """Whether the session still waits for it: another step, or another study, ends it."""
        return self._tools.session.live is self._live

    def scale_tolerance(self, factor: float) -> float:
        """Make the tolerance larger or smaller, from now on; the new one as a share of the window's width."""
        self._tools.set_options(grow_tolerance=self._tools.options.grow_tolerance * factor)
        return self._tools.options.grow_tolerance

    def work(self) -> Callable[[Progress], Region]:
        """The work that finds the region for the tolerance as it is now."""
        growing, tolerance = self._growing, self._tools.options.grow_tolerance * self._width
        return lambda progress: growing.region(tolerance, progress)

    def show(self, region: Region) -> None:
        """Show ``region``; nothing once the gesture is over."""
        if self.active:
            self._live.show(region)

    def finish(self) -> None:
        """Make what is shown a step."""
        if self.active:
            self._tools.session.end_stroke()

    def abandon(self) -> None:
        """Take back what is shown."""
        if self.active:
            self._tools.session.abandon_stroke()


def thresholded(image: Voxels, region: Region, options: ToolOptions) -> Region:
    """What of ``region`` has the greys that the options ask for; bright and dark part where Otsu's method does."""
    if options.greys is Greys.RANGE:
        return intensity.between(image, region, options.low, options.high)
    cut = intensity.separating(image, region)
    if cut is None:
        return Region.nothing()
    low, high = (cut, np.inf) if options.greys is Greys.BRIGHT else (-np.inf, cut)
    return intensity.between(image, region, low, high)
