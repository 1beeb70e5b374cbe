"""Agreement with ground truth that follows every stroke: only what differs is counted again."""

from tumorview.core.mask import Box, Mask, MaskArray
from tumorview.core.metrics import Counts, count, slice_counts


class LiveAgreement:
    """Counts of the shown labels against ``truth``, slice by slice along k; none without a truth."""

    def __init__(self) -> None:
        self.truth: Mask | None = None
        self._counts: list[Counts] = []
        self._counted: MaskArray | None = None  # what was shown when the slices were counted last

    @property
    def slices(self) -> tuple[Counts, ...]:
        """The counts of every slice."""
        return tuple(self._counts)

    def compare_with(self, truth: Mask | None) -> None:
        """Count against ``truth`` from now on."""
        self.truth = truth
        self._counts = []
        self._counted = None

    def recount(self, shown: MaskArray | None, box: Box) -> None:
        """Bring the counts up to date after voxels of ``shown`` [k, j, i] inside ``box`` changed."""
        if self.truth is None or shown is None:
            self._counted = None
            return
        truth = self.truth.data
        if self._counted is None or self._counted.shape != shown.shape or box == Box.whole(self.truth.geometry.shape):
            self._counts = list(slice_counts(shown, truth))
            self._counted = shown.copy()
            return
        # Only what differs is counted: a stroke in a sagittal view touches a little of very many slices.
        before, now = self._counted[box.slices], shown[box.slices]
        for offset, k in enumerate(range(box.start[0], box.stop[0])):
            self._counts[k] += _difference(before[offset], now[offset], truth[k][box.slices[1:]])
        before[...] = now


def _difference(before: MaskArray, now: MaskArray, truth: MaskArray) -> Counts:
    return count(now, truth) - count(before, truth)
