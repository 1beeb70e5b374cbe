"""From a Study to what the network sees: channels on FLAIR's grid, axial presentation, framing.

The way back (probabilities to the source grid) lives here too, because it inverts the same steps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry
from tumorview.core.progress import Progress
from tumorview.core.resample import overlaps, resample
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import MODEL_CHANNELS, Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import ModelError
from tumorview.ml import preprocess
from tumorview.ml.preprocess import Floats, Framing

_HEAD_VOXELS = 4_000_000  # the head is looked for on no more than these: its box is known to 1 % all the same
_PLAUSIBILITY_SIDE = 96  # pixels; whether two heads overlap shows on small pictures
_LARGE_BYTES = 256 << 20  # a channel above this is kept in half precision

CHANNEL_NAMES = {Role.FLAIR: "FLAIR", Role.T1: "pre-contrast T1", Role.T1CE: "post-contrast T1"}


@dataclass(frozen=True, eq=False)
class StudyInputs:
    """A study ready for the network, computed once per study and role assignment.

    ``volumes`` are the channels in the model's order, [slice, row, column] in 0..1 with air at 0 (the same array
    several times where FLAIR steps in); slices run along ``view.normal_axis`` of the FLAIR grid. ``occupied`` are the
    slices with head content. ``channels`` maps T1, FLAIR, T1CE to the uid used, or None where FLAIR stepped in.
    """

    volumes: tuple[npt.NDArray[Any], ...]
    view: PlaneView
    framing: Framing
    occupied: tuple[int, ...]
    channels: dict[str, str | None]
    warnings: tuple[str, ...]

    @property
    def geometry(self) -> Geometry:
        """The grid that a Prediction of this study lies on."""
        return self.view.geometry

    def batch(self, indices: Sequence[int]) -> Floats:
        """Z-scored network input [n, c, size, size] of some slices.

        Framing is done here, slice by slice as they come up, so that the first result does not wait for the study.
        """
        framed: dict[int, Floats] = {}
        for volume in self.volumes:
            if id(volume) not in framed:
                framed[id(volume)] = self.framing.apply(volume[list(indices)])
        return preprocess.zscore(np.stack([framed[id(volume)] for volume in self.volumes], axis=1))

    def to_source(self, probabilities: Floats) -> npt.NDArray[np.float16]:
        """Probabilities [n, class, size, size] as [class, n, rows, columns] of the presented source slices."""
        planes = [self.framing.invert(probabilities[:, c]) for c in range(probabilities.shape[1])]
        return np.clip(np.stack(planes), 0.0, 1.0).astype(np.float16)


def prepare(study: Study, *, size: int = preprocess.FRAME, progress: Progress | None = None) -> StudyInputs:
    """Choose, resample, normalise and frame the channels of ``study``; ModelError where it has no FLAIR."""
    progress = progress or Progress()
    flair = study.channels[Role.FLAIR]
    if flair is None:
        raise ModelError("This study has no FLAIR series, which the model needs.", "Say which series is the FLAIR.")
    view = PlaneView.of(flair.volume.geometry, Plane.AXIAL)
    source = presented(bright(flair).data, view)
    progress.check()
    head = _head(source)
    progress.check()
    reference = _normalised(source, head)
    volumes: list[npt.NDArray[Any]] = []
    channels: dict[str, str | None] = {}
    warnings: list[str] = []
    for role in MODEL_CHANNELS:
        progress.check()
        series = study.channels[role]
        voxels: npt.NDArray[Any] | None = None
        if role is Role.FLAIR:
            voxels = reference
        elif series is None:
            warnings.append(f"The study has no {CHANNEL_NAMES[role]}; FLAIR takes its place.")
        else:
            voxels = _other_channel(series, CHANNEL_NAMES[role], flair, view, head, warnings)
        channels[role.value] = series.uid if series is not None and voxels is not None else None
        volumes.append(reference if voxels is None else voxels)
    occupied = tuple(int(k) for k in np.flatnonzero(head.any(axis=(1, 2))))
    framing = _framing(flair, view, head, size)
    return StudyInputs(tuple(volumes), view, framing, occupied, channels, tuple(warnings))


def presented(data: npt.NDArray[Any], view: PlaneView) -> npt.NDArray[Any]:
    """``data`` [k, j, i] as the view's slices [slice, row, column]; a view of the data, so writing goes through."""
    turned = data.transpose(view.normal_axis, view.row_axis, view.column_axis)
    return turned[:, :: -1 if view.flip_rows else 1, :: -1 if view.flip_columns else 1]


def bright(series: Series) -> Volume:
    """The series with values that grow with the signal; MONOCHROME1 stores them the other way round."""
    volume = series.measured()
    if not series.inverted:
        return volume
    return Volume(-volume.data.astype(np.float32), volume.geometry)


def _head(source: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """The head [slice, row, column]; large slices are looked at coarsely."""
    step = math.ceil(math.sqrt(source.size / _HEAD_VOXELS))
    coarse = preprocess.head_mask(source[:, ::step, ::step])
    rows, columns = source.shape[1:]
    return coarse if step == 1 else coarse.repeat(step, axis=1)[:, :rows].repeat(step, axis=2)[:, :, :columns]


def _normalised(voxels: npt.NDArray[Any], head: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """In 0..1; half precision (3 decimals) is finer than any scanner's noise and halves a large study's memory."""
    values = preprocess.normalise_series(voxels, head)
    return values.astype(np.float16) if values.nbytes > _LARGE_BYTES else values


def _framing(flair: Series, view: PlaneView, head: npt.NDArray[np.bool_], size: int) -> Framing:
    rows, columns = view.size
    if flair.framed and rows == columns:
        scale = rows / size
        return Framing((rows, columns), size, (scale, scale), (0.0, 0.0))
    side = round(preprocess.HEAD_SIDE * size / preprocess.FRAME)
    return preprocess.frame_of(head, pixel_spacing=view.pixel_spacing, size=size, head_side=side)


def _other_channel(
    series: Series,
    name: str,
    flair: Series,
    view: PlaneView,
    head: npt.NDArray[np.bool_],
    warnings: list[str],
) -> npt.NDArray[Any] | None:
    """The normalised channel, or None (with a warning) where FLAIR has to step in."""
    problem = misplaced(series, flair, name, warnings)
    if problem is None:
        voxels = presented(resample(bright(series), flair.volume.geometry).data, view)
        source = presented(bright(flair).data, view)
        step = max(1, round(min(view.size) / _PLAUSIBILITY_SIDE))
        small = (slice(None), slice(None, None, step), slice(None, None, step))
        if preprocess.channel_plausible(source[small], voxels[small], head[small]):
            return _normalised(voxels, head)
        problem = f"The {name} does not look like one"
    warnings.append(f"{problem}; FLAIR takes its place.")
    return None


def misplaced(series: Series, flair: Series, name: str, warnings: list[str]) -> str | None:
    """Why ``series`` cannot be brought onto FLAIR's grid, or None; a doubtful but usable place adds a warning."""
    grid, other = flair.volume.geometry, series.volume.geometry
    frames = (series.frame_of_reference, flair.frame_of_reference)
    elsewhere = None not in frames and frames[0] != frames[1]
    if other.same_grid(grid):
        if elsewhere:
            warnings.append(f"The {name} names another frame of reference, but has the FLAIR's grid: taken as aligned.")
        return None
    if not (other.calibrated and grid.calibrated):
        return f"The {name} has another size than the FLAIR and no position"
    if elsewhere:
        return f"The {name} has another frame of reference than the FLAIR and is not registered to it"
    if not overlaps(grid, other):
        return f"The {name} does not overlap the FLAIR"
    if None in frames and not series.registered_to:
        warnings.append(f"The {name} has another grid than the FLAIR; the files do not say whether they are aligned.")
    return None
