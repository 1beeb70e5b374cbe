"""How much of every slice is labelled, counted again where the mask changed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.app.session import Session
from tumorview.core.mask import Box, MaskArray
from tumorview.core.slicing import Plane, PlaneView
from tumorview.gui.views.mask_slices import Labels2D, MaskSlices

Areas = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SliceArea:
    """Labelled voxels of one slice by label number, and those of ground truth (None without)."""

    index: int
    voxels: int
    truth: int | None


def amount_text(view: PlaneView | None, voxels: float) -> str:
    """So many voxels of a slice as an area, where millimetres are known."""
    if view is None or not view.geometry.calibrated:
        return f"{voxels:.0f} voxels"
    row_mm, column_mm = view.pixel_spacing
    return f"{voxels * row_mm * column_mm / 100.0:.2f} cm²"


class SliceAreas:
    """Labelled voxels per slice of ``plane`` of the active series, by label, and those of ground truth.

    ``changed`` is called when a number may be another; nothing is counted before somebody asks.
    """

    def __init__(self, session: Session, plane: Plane, changed: Callable[[], None]) -> None:
        self._session, self.plane, self._changed = session, plane, changed
        self._masks = MaskSlices(session)
        self._view: PlaneView | None = None
        self._counts: Areas = np.zeros((0, 1), np.int64)  # [slice, label]
        self._stale: set[int] = set()
        self.labels: tuple[int, ...] = ()  # their numbers, in the order of the columns
        self.truth: Areas | None = None  # by slice
        self.renew()

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def counts(self) -> Areas:
        """Voxels [slice, label]."""
        self._count_stale()
        return self._counts

    @property
    def largest(self) -> int | None:
        """The slice with the largest labelled area; None where nothing is labelled."""
        areas = self.counts.sum(axis=1)
        return int(areas.argmax()) if areas.any() else None

    @property
    def most(self) -> int:
        """The most voxels that a slice of mask or ground truth has; at least 1."""
        truth = 0 if self.truth is None else int(self.truth.max(initial=0))
        return max(int(self.counts.sum(axis=1).max(initial=0)), truth, 1)

    def area(self, index: int) -> SliceArea:
        """What is labelled in slice ``index``."""
        truth = None if self.truth is None else int(self.truth[index])
        return SliceArea(index, int(self.counts[index].sum()), truth)

    def amount(self, voxels: int) -> str:
        """So many voxels of a slice in words."""
        return amount_text(self._view, voxels)

    # -- what changed ------------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Another study, series or plane."""
        series = self._masks.series = self._session.active_series
        self._view = None if series is None else PlaneView.of(series.volume.geometry, self.plane)
        count = 0 if self._view is None else self._view.count
        self._counts = np.zeros((count, len(self.labels)), np.int64)
        self._stale = set(range(count))
        self.truth_changed()
        self.labels_changed()

    def labels_changed(self) -> None:
        """There are other labels, or the same in other colours."""
        mask = self._session.mask
        numbers = () if mask is None else tuple(label.number for label in mask.labels)
        if numbers != self.labels or self._counts.shape[1] != len(numbers):
            self.labels = numbers
            self._counts = np.zeros((len(self._counts), len(numbers)), np.int64)
            self._stale = set(range(len(self._counts)))
        self._changed()

    def truth_changed(self) -> None:
        """Another ground truth, or none."""
        view = self._view
        self.truth = None
        if view is not None and self._session.truth is not None and self._masks.placed:
            self.truth = np.zeros(view.count, np.int64)
            for index in self._masks.labelled_range(self._session.truth.data, view):
                part = self._masks.truth(view, index)
                self.truth[index] = 0 if part is None else np.count_nonzero(part)
        self._changed()

    def shown_changed(self, box: Box) -> None:
        """The mask changed in ``box``."""
        view = self._view
        if view is None:
            return
        if self._masks.on_own_grid:
            axis = view.normal_axis
            self._stale.update(range(box.start[axis], box.stop[axis]))
        else:
            self._stale = set(range(view.count))
        self._changed()

    def _count_stale(self) -> None:
        view, shown = self._view, self._session.shown
        if view is not None and shown is not None and self._stale:
            self._counts[list(self._stale)] = 0
            for index in self._stale.intersection(self._slices_of(shown, view)):
                self._counts[index] = self._counted(self._masks.labels(view, index))
        self._stale.clear()

    def _slices_of(self, data: MaskArray, view: PlaneView) -> range:
        # All slices, or those of another grid: the ones that no label can reach are left out. A stroke knows its own.
        few = self._masks.on_own_grid and len(self._stale) < view.count
        return range(view.count) if few else self._masks.labelled_range(data, view)

    def _counted(self, labels: Labels2D | None) -> list[int]:
        if labels is None or not labels.any():
            return [0] * len(self.labels)
        return [int(np.count_nonzero(labels == number)) for number in self.labels]
