"""From a Study to what the network sees: channels on FLAIR's grid, axial presentation, framing.

The way back (probabilities to the source grid) lives here too, because it inverts the same steps.
"""

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
from tumorview.errors import ModelError
from tumorview.ml import preprocess
from tumorview.ml.preprocess import Floats, Framing

_NAMES = {Role.T1: "pre-contrast T1", Role.T1CE: "post-contrast T1"}


@dataclass(frozen=True, eq=False)
class StudyInputs:
    """A study ready for the network, computed once per study and role assignment.

    ``framed`` [c, slice, size, size] float32 in 0..1, not yet z-scored; slices run along ``view.normal_axis`` of the
    FLAIR grid. ``occupied`` are the slices with head content. ``channels`` maps T1, FLAIR, T1CE to the uid used, or
    None where FLAIR stepped in.
    """

    framed: Floats
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
        """Z-scored network input [n, c, size, size] of some slices."""
        return preprocess.zscore(self.framed[:, list(indices)].swapaxes(0, 1))

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
    source = presented(flair.volume.data, view)
    progress.check()
    head = preprocess.head_mask(source)
    progress.check()
    framing = _framing(flair, view, head, size)
    flair_framed = framing.apply(preprocess.normalise_series(source, head))
    framed = np.empty((len(MODEL_CHANNELS), *flair_framed.shape), np.float32)
    channels: dict[str, str | None] = {}
    warnings: list[str] = []
    for position, role in enumerate(MODEL_CHANNELS):
        progress.check()
        series = study.channels[role]
        voxels = flair_framed if role is Role.FLAIR else None
        if role is not Role.FLAIR and series is not None:
            voxels = _other_channel(series, _NAMES[role], flair, view, head, framing, warnings)
        elif role is not Role.FLAIR:
            warnings.append(f"The study has no {_NAMES[role]}; FLAIR takes its place.")
        channels[role.value] = series.uid if series is not None and voxels is not None else None
        framed[position] = flair_framed if voxels is None else voxels
    occupied = tuple(int(k) for k in np.flatnonzero(head.any(axis=(1, 2))))
    return StudyInputs(framed, view, framing, occupied, channels, tuple(warnings))


def presented(data: npt.NDArray[Any], view: PlaneView) -> npt.NDArray[Any]:
    """``data`` [k, j, i] as the view's slices [slice, row, column]; a view of the data, so writing goes through."""
    turned = data.transpose(view.normal_axis, view.row_axis, view.column_axis)
    return turned[:, :: -1 if view.flip_rows else 1, :: -1 if view.flip_columns else 1]


def _framing(flair: Series, view: PlaneView, head: npt.NDArray[np.bool_], size: int) -> Framing:
    rows, columns = view.size
    if flair.framed and rows == columns:
        scale = rows / size
        return Framing((rows, columns), size, (scale, scale), (0.0, 0.0))
    return preprocess.frame_of(head, pixel_spacing=view.pixel_spacing, size=size)


def _other_channel(
    series: Series,
    name: str,
    flair: Series,
    view: PlaneView,
    head: npt.NDArray[np.bool_],
    framing: Framing,
    warnings: list[str],
) -> Floats | None:
    """The framed channel, or None (with a warning) where FLAIR has to step in."""
    problem = _misplaced(series, flair, name, warnings)
    if problem is None:
        voxels = presented(resample(series.volume, flair.volume.geometry).data, view)
        source = presented(flair.volume.data, view)
        if preprocess.channel_plausible(source, voxels):
            return framing.apply(preprocess.normalise_series(voxels, head))
        problem = f"The {name} does not look like one"
    warnings.append(f"{problem}; FLAIR takes its place.")
    return None


def _misplaced(series: Series, flair: Series, name: str, warnings: list[str]) -> str | None:
    """Why ``series`` cannot be brought onto FLAIR's grid, or None; a doubtful but usable place adds a warning."""
    grid, other = flair.volume.geometry, series.volume.geometry
    if other.same_grid(grid):
        return None
    if not (other.calibrated and grid.calibrated):
        return f"The {name} has another size than the FLAIR and no position"
    frames = (series.frame_of_reference, flair.frame_of_reference)
    if None not in frames and frames[0] != frames[1]:
        return f"The {name} has another frame of reference than the FLAIR and is not registered to it"
    if not overlaps(grid, other):
        return f"The {name} does not overlap the FLAIR"
    if None in frames:
        warnings.append(f"The {name} has another grid than the FLAIR; the files do not say whether they are aligned.")
    return None
