"""Whether a study is what the model was made for, before a run: a light with reasons. The user may always go on.

The ranges are those of the FLAIR images that the bundled model was trained on (LGG and BraTS 2018, measured slice by
slice after the scaling that the network gets), widened by a tenth: what lies outside is unlike anything it has seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorview.core.fitness import Fitness, Light, Remark
from tumorview.core.geometry import Geometry
from tumorview.core.passport import doubt_of
from tumorview.core.progress import Progress
from tumorview.core.resample import resample
from tumorview.core.slicing import Plane, PlaneView, acquisition_plane
from tumorview.core.study import FINE_SPACING_MM, LIKELY, MODEL_CHANNELS, Role, Series, Study
from tumorview.ml import preprocess
from tumorview.ml.inputs import CHANNEL_NAMES, bright, misplaced, presented
from tumorview.ml.preprocess import Bools, Floats

LEAST_COVERAGE_MM = 100.0  # an adult's brain is about 130 mm high
LEAST_SLICES = 12  # with head, where millimetres are not known
THICKEST_MM = 8.0
COARSEST_MM = 2.0
HEAD_MM = (130.0, 260.0)  # the longer in-plane side of a head, skull-stripped or not
BRIGHTNESS = (0.07, 0.78)  # of the median tissue, air being 0 and the brightest voxels 1
NOISE = 0.12  # of the median tissue's brightness
SCALP_TO_SKULL = 1.15  # brightness of the rim of a head over what lies under it; less without scalp and skull

_COARSE_SIDE = 96  # pixels that show whether two heads overlap
_LOOKED_AT = 6  # slices whose texture is measured
_SCALP, _SKULL = (0.02, 0.05), (0.05, 0.10)  # depths below the surface, in square roots of the head's area
_NOT_SURE = "may be another sequence"
_REGISTER = "Image, Register onto FLAIR… finds where it fits."
_CHOOSE = "Drop the right series on its input, if there is one."


def assess(study: Study, progress: Progress | None = None) -> Fitness:
    """Look at roles, places, coverage and greys of what would feed the model."""
    progress = progress or Progress()
    flair = study.channels[Role.FLAIR]
    if flair is None:
        return Fitness((Remark(Light.RED, "No series is known to be a FLAIR, which the model needs.", _CHOOSE),))
    remarks = [*_roles(study), *_geometry(flair)]
    progress.check()
    source = np.asarray(presented(bright(flair).data, PlaneView.of(flair.volume.geometry, Plane.AXIAL)))
    coarse = _coarse(flair.volume.geometry)
    small = _on(coarse, flair, flair)
    head = preprocess.head_mask(small)
    if not head.any():
        return Fitness((Remark(Light.RED, "No head was found in the FLAIR."),))
    remarks += _coverage(flair, head)
    progress.check()
    remarks += _greys(source, head)
    for role in MODEL_CHANNELS:
        progress.check()
        series = study.channels[role]
        if role is not Role.FLAIR and series is not None:
            remarks += _channel(series, CHANNEL_NAMES[role], flair, _Small(coarse, small, head))
    return Fitness.of(remarks)


def _roles(study: Study) -> Iterator[Remark]:
    for role in MODEL_CHANNELS:
        series = study.channels[role]
        if series is None:
            yield Remark(Light.AMBER, f"There is no {CHANNEL_NAMES[role]}: FLAIR takes its place.", _CHOOSE)
        elif series.uid not in study.roles and series.role_confidence <= LIKELY and len(study.series) > 1:
            yield Remark(Light.AMBER, f"The {CHANNEL_NAMES[role]} {_NOT_SURE}.", _CHOOSE)


def _geometry(flair: Series) -> Iterator[Remark]:
    geometry = flair.volume.geometry
    doubt = doubt_of(flair)
    if doubt:
        yield Remark(Light.AMBER, doubt)
    if not geometry.calibrated:
        return
    view = PlaneView.of(geometry, Plane.AXIAL)
    apart = geometry.spacing[view.normal_axis]
    if acquisition_plane(geometry) is not Plane.AXIAL and max(geometry.spacing) > FINE_SPACING_MM:
        plane = acquisition_plane(geometry).value
        yield Remark(Light.AMBER, f"The FLAIR was acquired in {plane} slices: axial ones are interpolated.")
    elif max(view.pixel_spacing) > COARSEST_MM:
        yield Remark(Light.AMBER, f"The FLAIR's pixels are {max(view.pixel_spacing):.1f} mm large: details are lost.")
    if apart > THICKEST_MM:
        yield Remark(Light.AMBER, f"The slices lie {apart:.1f} mm apart: small lesions may fall between them.")


def _coverage(flair: Series, head: Bools) -> Iterator[Remark]:
    """From the head [slice, row, column] on a coarse grid with all slices of the FLAIR."""
    geometry = flair.volume.geometry
    occupied = np.flatnonzero(head.any(axis=(1, 2)))
    if not geometry.calibrated:
        if len(occupied) < LEAST_SLICES:
            yield Remark(Light.AMBER, f"Only {len(occupied)} slices show the head: what lies beyond them is not seen.")
        return
    view = PlaneView.of(geometry, Plane.AXIAL)
    covered = (occupied[-1] - occupied[0] + 1) * geometry.spacing[view.normal_axis]
    if covered < LEAST_COVERAGE_MM:
        yield Remark(Light.AMBER, f"The slices cover {covered:.0f} mm of the head: what lies beyond them is not seen.")
    steps = (view.size[0] / head.shape[1], view.size[1] / head.shape[2])
    sides = [
        (int(np.ptp(np.flatnonzero(head.any(axis=axes)))) + 1) * step * mm
        for axes, step, mm in zip(((0, 2), (0, 1)), steps, view.pixel_spacing, strict=True)
    ]
    if not HEAD_MM[0] <= max(sides) <= HEAD_MM[1]:
        yield Remark(Light.AMBER, f"What is in the image is {max(sides):.0f} mm long: no adult's head.")


def _greys(source: npt.NDArray[Any], coarse_head: Bools) -> Iterator[Remark]:
    """Texture of the fullest slices of ``source``, on its own pixels."""
    areas = coarse_head.sum(axis=(1, 2))
    full = np.flatnonzero(areas > 0.7 * areas.max())
    chosen = full[:: max(1, len(full) // _LOOKED_AT)]
    slices = source[chosen]
    head = preprocess.head_mask(slices)
    if not head.any():
        return
    greys = preprocess.normalise_series(slices, head)
    median = float(np.median(greys[head]))
    if not BRIGHTNESS[0] <= median <= BRIGHTNESS[1]:
        side = "darker" if median < BRIGHTNESS[0] else "brighter"
        yield Remark(
            Light.AMBER, f"Tissue is {side} beside the brightest voxels ({median:.2f}) than in any training image."
        )
    noise = float(np.median([_noise(*pair, median) for pair in zip(greys, head, strict=True)]))
    if noise > NOISE:
        yield Remark(Light.AMBER, f"The FLAIR is noisier ({noise:.0%} of the tissue) than any training image.")
    ratios = [_scalp_to_skull(*pair) for pair in zip(greys, head, strict=True)]
    if np.median(ratios) < SCALP_TO_SKULL:
        stripped = "No bright scalp is seen (stripped brain, or suppressed fat)"
        yield Remark(Light.GREEN, f"{stripped}: the model was trained on such images too.")


def _noise(greys: Floats, head: Bools, median: float) -> float:
    """Spread of what a 3x3 median takes away, well inside the head, over the tissue's brightness."""
    inside = ndimage.binary_erosion(head, iterations=5)
    if not inside.any() or median <= 0:
        return 0.0
    fine = np.abs(greys - ndimage.median_filter(greys, 3))[inside]
    return 1.4826 * float(np.median(fine)) / median


def _scalp_to_skull(greys: Floats, head: Bools) -> float:
    """Scalp is bright and the skull under it dark, whatever the sequence; a stripped brain has neither."""
    depth = ndimage.distance_transform_edt(head) / max(np.sqrt(head.sum()), 1.0)
    scalp, skull = (greys[(depth > low) & (depth <= high)] for low, high in (_SCALP, _SKULL))
    if not scalp.size or not skull.size:
        return np.inf
    return float(np.median(scalp)) / max(float(np.median(skull)), 1e-3)


@dataclass(frozen=True, eq=False)
class _Small:
    """The FLAIR and its head on few pixels, as the axial view presents them."""

    grid: Geometry
    greys: npt.NDArray[Any]
    head: Bools


def _channel(series: Series, name: str, flair: Series, small: _Small) -> Iterator[Remark]:
    warnings: list[str] = []
    problem = misplaced(series, flair, name, warnings)
    if problem is None and not preprocess.channel_plausible(small.greys, _on(small.grid, series, flair), small.head):
        problem = f"The {name} does not show the head where the FLAIR does"
    if problem is not None:
        yield Remark(Light.AMBER, f"{problem}: FLAIR takes its place.", _REGISTER)
    for warning in warnings:
        yield Remark(Light.AMBER, warning, _REGISTER)


def _coarse(grid: Geometry) -> Geometry:
    """All slices of ``grid`` with few pixels."""
    view = PlaneView.of(grid, Plane.AXIAL)
    shape, affine = list(grid.shape), np.array(grid.affine)
    for axis in (view.row_axis, view.column_axis):
        step = max(1, grid.shape[axis] // _COARSE_SIDE)
        shape[axis] = grid.shape[axis] // step
        affine[:3, 2 - axis] *= step
    return Geometry((shape[0], shape[1], shape[2]), affine, grid.calibrated, grid.oriented)


def _on(coarse: Geometry, series: Series, flair: Series) -> npt.NDArray[Any]:
    """The series on the coarse grid of ``flair``, as the axial view presents it."""
    volume, grid = bright(series), flair.volume.geometry
    if volume.geometry.same_grid(grid):
        # The same voxels, a few of them: resampling would make floats of all first.
        pairs = zip(coarse.shape, grid.shape, strict=True)
        steps = (slice(None, few * (many // few), many // few) for few, many in pairs)
        data = volume.data[tuple(steps)]
    else:
        data = resample(volume, coarse).data
    return presented(data, PlaneView.of(coarse, Plane.AXIAL))
