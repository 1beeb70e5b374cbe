"""Tools without a gesture: each changes the chosen label as a whole, or in the slice in view, in one step."""

from collections.abc import Callable

import numpy as np

from tumorview.app.tools import Spot, Task, Tools, Voxels, thresholded
from tumorview.core.mask import Provenance
from tumorview.core.progress import Progress
from tumorview.core.tools import Change, Region, paint, reshape, shaping, slab
from tumorview.core.tools import components as parts
from tumorview.core.tools import slices as across
from tumorview.errors import EditError

Command = Callable[[Tools, Spot], Task]


def fill_holes(tools: Tools, spot: Spot) -> Task:
    """Fill what the label encloses."""
    mask, label, within = tools.mask, tools.label, tools.within(spot)
    tools.allowed(label)
    allowed = parts.filling_rule(tools.session.brush.rule).allowed(mask.labels, label)

    def work(_: Progress) -> Change:
        return paint(mask.data, parts.holes(mask.data, label, within), label, allowed)

    return _task(tools, "Fill holes", work, "There is no hole.")


def keep_largest(tools: Tools, spot: Spot) -> Task:
    """Only the largest connected part of the label stays."""
    within = tools.within(spot)
    return _reshaping(
        tools, "Keep largest part", lambda d, n, p: parts.largest(d, n, within, p), "There is only one part."
    )


def remove_islands(tools: Tools, spot: Spot) -> Task:
    """Connected parts of the label that are smaller than the option says go."""
    geometry, within = tools.mask.geometry, tools.within(spot)
    # An uncalibrated millilitre is a thousand voxels: as if each were a cubic millimetre.
    voxels = tools.options.island_ml * 1000.0 / (geometry.voxel_volume_mm3 if geometry.calibrated else 1.0)
    return _reshaping(
        tools,
        "Remove islands",
        lambda d, n, p: parts.without_islands(d, n, within, voxels, p),
        "No part is that small.",
    )


def grow(tools: Tools, spot: Spot) -> Task:
    """The label becomes wider by the margin."""
    return _widened(tools, spot, "Grow", tools.options.margin_mm)


def shrink(tools: Tools, spot: Spot) -> Task:
    """The label becomes narrower by the margin."""
    return _widened(tools, spot, "Shrink", -tools.options.margin_mm)


def _widened(tools: Tools, spot: Spot, title: str, mm: float) -> Task:
    within, spacing = tools.within(spot), tools.mask.geometry.spacing
    return _reshaping(
        tools,
        title,
        lambda d, n, p: shaping.widened(d, n, mm, spacing, within, p),
        f"No voxel lies within {abs(mm):g} mm of the border.",
    )


def smooth(tools: Tools, spot: Spot) -> Task:
    """The label becomes smoother and keeps its volume."""
    within, mm, spacing = tools.within(spot), tools.options.smooth_mm, tools.mask.geometry.spacing
    return _reshaping(
        tools, "Smooth", lambda d, n, p: shaping.smoothed(d, n, mm, spacing, within, p), "It is smooth already."
    )


def interpolate(tools: Tools, spot: Spot) -> Task:
    """Fill the slices between those in which the label was painted."""
    mask, label, axis = tools.mask, tools.label, spot.view.normal_axis
    allowed, spacing = tools.allowed(label), mask.geometry.spacing

    def work(progress: Progress) -> Change:
        region = across.interpolated(mask.data, label, axis, spacing, progress)
        return paint(mask.data, region, label, allowed, provenance=Provenance.INTERPOLATION)

    return _task(tools, "Interpolate", work, "There is no gap: paint the label in two slices that are not neighbours.")


def copy_previous(tools: Tools, spot: Spot) -> Task:
    """The label gets the shape in this slice that it has in the one before."""
    return _copied(tools, spot, -1, "previous")


def copy_next(tools: Tools, spot: Spot) -> Task:
    """The label gets the shape in this slice that it has in the one after."""
    return _copied(tools, spot, 1, "next")


def _copied(tools: Tools, spot: Spot, step: int, name: str) -> Task:
    mask, label, axis = tools.mask, tools.label, spot.view.normal_axis
    allowed, source = tools.allowed(label), spot.index + step
    known = 0 <= source < spot.view.count
    if not known or not np.any(mask.data[slab(mask.data.shape, axis, source).slices] == label):
        raise EditError(f"{tools.name(label)} is not in the {name} slice.")

    def work(_: Progress) -> Change:
        return reshape(mask.data, across.copied(mask.data, label, axis, source, spot.index), label, allowed)

    return tools.task(f"Copy from {name} slice", work, nothing="The two slices are the same already.")


def mirror(tools: Tools, spot: Spot) -> Task:
    """The label's mirror image is added: across the patient's middle plane, or from side to side in the slice."""
    mask, label, within = tools.mask, tools.label, tools.within(spot)
    allowed = tools.allowed(label)
    axis = across.left_right_axis(spot.view) if tools.options.shape_deep else spot.view.column_axis

    def work(_: Progress) -> Change:
        return paint(mask.data, across.mirrored(mask.data, label, axis, within), label, allowed)

    return _task(tools, "Mirror", work, "It is symmetric already.")


def threshold_everywhere(tools: Tools, spot: Spot) -> Task:
    """Threshold all that may be painted over: with a rule that lets one label go, only what is inside of that."""
    mask, image, options = tools.mask, tools.greys(spot), tools.options
    label, within = tools.label, tools.within(spot)
    allowed = tools.allowed(label)

    def work(progress: Progress) -> Change:
        region = Region(within, allowed[mask.data[within.slices]])
        progress.check()
        return paint(mask.data, thresholded(image, region, options), label, allowed)

    return tools.task("Threshold", work, quick=not options.shape_deep, nothing="No grey is in the range.")


COMMANDS: dict[str, Command] = {
    "edit.fill_holes": fill_holes,
    "edit.keep_largest": keep_largest,
    "edit.remove_islands": remove_islands,
    "edit.grow": grow,
    "edit.shrink": shrink,
    "edit.smooth": smooth,
    "edit.interpolate": interpolate,
    "edit.copy_previous": copy_previous,
    "edit.copy_next": copy_next,
    "edit.mirror": mirror,
    "edit.threshold_everywhere": threshold_everywhere,
}


def _reshaping(tools: Tools, title: str, shape: Callable[[Voxels, int, Progress], Region], nothing: str) -> Task:
    mask, label = tools.mask, tools.label
    allowed = tools.allowed(label)
    return _task(
        tools, title, lambda progress: reshape(mask.data, shape(mask.data, label, progress), label, allowed), nothing
    )


def _task(tools: Tools, title: str, work: Callable[[Progress], Change], nothing: str) -> Task:
    return tools.task(title, work, quick=False, label=tools.label, nothing=nothing)
