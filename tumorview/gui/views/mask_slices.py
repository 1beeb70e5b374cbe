"""Slices of the session's mask and ground truth on the grid of whichever series is shown."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.app.session import Session
from tumorview.core import resample
from tumorview.core.edits import changed_box
from tumorview.core.geometry import Geometry
from tumorview.core.mask import MaskArray
from tumorview.core.slicing import PlaneView
from tumorview.core.study import Series, shares_space

Labels2D = npt.NDArray[np.uint8]


class MaskSlices:
    """Labels as slices of ``series``: taken directly on the mask's own grid, sampled in the patient on another."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.series: Series | None = None
        self._compared: tuple[Geometry, Geometry, bool] | None = None

    @property
    def on_own_grid(self) -> bool:
        """Whether the shown series has the mask's grid, so that it can be painted on."""
        series, mask = self.series, self._session.mask
        if series is None or mask is None:
            return False
        shown = series.volume.geometry
        # Asked many times a frame: the answer is kept for as long as the two grids are the same objects.
        if self._compared is None or self._compared[0] is not shown or self._compared[1] is not mask.geometry:
            self._compared = shown, mask.geometry, shown.same_grid(mask.geometry)
        return self._compared[2]

    @property
    def placed(self) -> bool:
        """Whether it is known where the mask lies in the shown series."""
        series, study = self.series, self._session.study
        if series is None or study is None:
            return False
        return self.on_own_grid or shares_space(series, study.reference)

    def labels(self, view: PlaneView, index: int) -> Labels2D | None:
        """What is shown of the mask in slice ``index`` [rows, columns]; None where it cannot be placed."""
        return self._slice(self._session.shown, view, index)

    def truth(self, view: PlaneView, index: int) -> Labels2D | None:
        """Ground truth in slice ``index`` [rows, columns]; None where there is none or it cannot be placed."""
        truth = self._session.truth
        return self._slice(None if truth is None else truth.data, view, index)

    def probability(self, view: PlaneView, index: int) -> npt.NDArray[np.float32] | None:
        """Probability of any tumour (0..1) in slice ``index`` [rows, columns]; None where nothing was predicted."""
        prediction, mask = self._session.prediction, self._session.mask
        if prediction is None or mask is None or not prediction.geometry.same_grid(mask.geometry):
            return None
        classes = [self._slice(one, view, index) for one in prediction.probabilities]
        known = [one.astype(np.float32) for one in classes if one is not None]
        return sum(known[1:], known[0]) if known else None

    def labelled_range(self, data: MaskArray, view: PlaneView) -> range:
        """The slices of ``view`` that labels of ``data`` (on the mask's grid) may lie in."""
        mask, found = self._session.mask, changed_box(data > 0)
        if mask is None or found is None or not self.placed:
            return range(0)
        ends = zip(found.start, found.stop, strict=True)
        corners = np.stack(np.meshgrid(*((first - 0.5, stop - 0.5) for first, stop in ends)), axis=-1).reshape(8, 3)
        along = view.geometry.world_to_index(mask.geometry.index_to_world(corners))[:, view.normal_axis]
        return range(max(math.floor(along.min()), 0), min(math.ceil(along.max()) + 1, view.count))

    def label_at(self, data: MaskArray | None, view: PlaneView, voxel: tuple[int, int, int]) -> int | None:
        """The label of ``data`` (on the mask's grid) at ``voxel`` of the shown grid; None outside."""
        mask = self._session.mask
        if data is None or mask is None or not self.placed:
            return None
        if not self.on_own_grid:
            voxel = tuple(np.rint(mask.geometry.world_to_index(view.geometry.index_to_world(voxel))).astype(int))
        if not mask.geometry.contains(voxel):
            return None
        return int(data[voxel])

    def _slice(self, data: npt.NDArray[Any] | None, view: PlaneView, index: int) -> npt.NDArray[Any] | None:
        mask = self._session.mask
        if data is None or mask is None:
            return None
        if self.on_own_grid:
            # Read several times for a frame: across the slices of a volume that is slow, so it is gathered once.
            return np.ascontiguousarray(view.extract(data, index))
        if not self.placed:
            return None
        return resample.nearest_slice(data, mask.geometry, view, index)
