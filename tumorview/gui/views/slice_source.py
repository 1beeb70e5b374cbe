"""The pictures and readings of one plane of a series, kept while they are valid."""

import math
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtGui import QImage, QPainterPath

from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core import colour_maps, rendering
from tumorview.core.colour_maps import ColourMap
from tumorview.core.doubt import entropy
from tumorview.core.mask import Box
from tumorview.core.rendering import BoundaryStyle, Window
from tumorview.core.slicing import UPRIGHT, Plane, PlaneView, Turn
from tumorview.core.study import Series
from tumorview.gui.views.layers import (
    OverlayPicture,
    Recent,
    grey_image,
    heat_picture,
    overlay_picture,
    truth_path,
)
from tumorview.gui.views.mask_slices import Labels2D, MaskSlices
from tumorview.gui.views.values import CursorInfo, OverlayOptions, Voxel

KEPT_GREYS = 32
KEPT_OVERLAYS = 16
HEAT_COLOURS = ColourMap.INFERNO
DOUBT_COLOURS = ColourMap.VIRIDIS


@dataclass(frozen=True)
class HeatKey:
    """The key of what is laid over the greys: colours of 0..1, and the threshold where there is one."""

    title: str
    colours: ColourMap
    threshold: float | None


class SliceSource:
    """What a view of ``plane`` shows of ``series``; ``view`` is None while that is None."""

    def __init__(self, session: Session, reading: Reading, plane: Plane) -> None:
        self.session = session
        self.reading = reading
        self.plane = plane
        self.turn = UPRIGHT
        self.series: Series | None = None
        self.view: PlaneView | None = None
        self.masks = MaskSlices(session)
        self._greys: Recent[QImage] = Recent(KEPT_GREYS)
        self._truths: Recent[QPainterPath | None] = Recent(KEPT_OVERLAYS)
        self._overlays: Recent[OverlayPicture] = Recent(KEPT_OVERLAYS)

    def show(self, series: Series | None, plane: Plane, turn: Turn = UPRIGHT) -> None:
        """Read ``plane`` of ``series`` from now on, turned on the screen as ``turn`` says."""
        self.series, self.plane, self.turn = series, plane, turn
        self.masks.series = series
        self.view = None if series is None else PlaneView.of(series.volume.geometry, plane, turn)
        self._greys.clear()
        self.forget_truth()

    def forget_overlays(self) -> None:
        """The mask or its labels changed."""
        self._overlays.clear()

    def forget_truth(self) -> None:
        """The ground truth changed."""
        self._truths.clear()
        self._overlays.clear()

    def touches(self, box: Box, index: int) -> bool:
        """Whether voxels ``box`` of the mask's grid may be seen in slice ``index``."""
        if self.view is None or not self.masks.on_own_grid:
            return True
        axis = self.view.normal_axis
        return box.start[axis] <= index < box.stop[axis]

    # -- greys -------------------------------------------------------------------------------------------------

    @property
    def window(self) -> Window:
        """Window/level of the shown series."""
        return Window(0.5, 1.0) if self.series is None else self.reading.window_of(self.series)

    @property
    def auto_window(self) -> Window:
        """Window/level from the percentiles of the shown series."""
        return Window(0.5, 1.0) if self.series is None else self.reading.auto_window_of(self.series)

    @property
    def inverted(self) -> bool:
        """Whether the user turned the greys of the shown series round."""
        return self.series is not None and self.reading.inverted(self.series)

    # -- pictures ----------------------------------------------------------------------------------------------

    def grey(self, index: int) -> QImage:
        """Slice ``index`` in the greys or colours chosen for its series."""
        series, view, window = self.series, self.view, self.window
        assert series is not None
        assert view is not None
        flipped, colours = self.inverted != series.inverted, self.reading.colour_map_of(series)

        def make() -> QImage:
            levels = rendering.grey(view.extract(series.volume.data, index), window, inverted=flipped)
            return grey_image(levels, colour_maps.table(colours))

        return self._greys.get((index, window, flipped, colours), make)

    def overlay(self, index: int, options: OverlayOptions) -> OverlayPicture:
        """The mask in slice ``index``, as ``options`` want it."""
        return self._overlays.get((index, options), lambda: self._overlay(index, options))

    def _overlay(self, index: int, options: OverlayOptions) -> OverlayPicture:
        view, mask = self.view, self.session.mask
        if view is None or mask is None:
            return OverlayPicture()
        labels, truth = self.masks.labels(view, index), self.masks.truth(view, index)
        if labels is None:
            return OverlayPicture()
        key = self.heat_key(options)
        probability = None if key is None else self.masks.probability(view, index)
        if key is not None and probability is not None:
            outlines = self._mask_picture(index, labels, truth, replace(options, opacity=0.0, compare=False))
            shown = entropy(probability) if options.uncertainty else probability
            return heat_picture(shown, colour_maps.table(key.colours), key.threshold, options.opacity, outlines)
        return self._mask_picture(index, labels, truth, options)

    def _mask_picture(
        self, index: int, labels: Labels2D, truth: Labels2D | None, options: OverlayOptions
    ) -> OverlayPicture:
        mask = self.session.mask
        assert mask is not None
        if truth is None:
            return overlay_picture(labels, mask.labels, options)
        if options.compare:
            exact = replace(options, outline=BoundaryStyle.VOXEL)  # voxels are counted, so voxels are shown
            return overlay_picture(rendering.agreement_labels(labels, truth), rendering.AGREEMENT, exact)
        # The truth's outline outlives the strokes that change the mask.
        outline = self._truths.get((index, options.outline), lambda: truth_path(truth, options.outline))
        return overlay_picture(labels, mask.labels, options, outline)

    def heat_key(self, options: OverlayOptions) -> HeatKey | None:
        """The key of the probabilities or the uncertainty that is drawn; None where neither is."""
        if self.session.prediction is None or not self.masks.placed:
            return None
        if options.uncertainty:
            return HeatKey("Uncertainty", DOUBT_COLOURS, None)
        return HeatKey("Probability", HEAT_COLOURS, self.session.threshold) if options.heat_map else None

    # -- readings ----------------------------------------------------------------------------------------------

    def voxel(self, index: int, row: float, column: float) -> Voxel | None:
        """The voxel (k, j, i) at a place of slice ``index``; None outside the image."""
        view = self.view
        if view is None:
            return None
        # Pixel [n - 0.5, n + 0.5) belongs to n, as it is painted.
        nearest = math.floor(row + 0.5), math.floor(column + 0.5)
        if not (0 <= nearest[0] < view.size[0] and 0 <= nearest[1] < view.size[1]):
            return None
        k, j, i = view.to_voxel(index, *nearest)
        return int(k), int(j), int(i)

    def read(self, voxel: Voxel) -> CursorInfo:
        """Value, place and labels of a voxel of the shown series."""
        series, view, session = self.series, self.view, self.session
        assert series is not None
        assert view is not None
        geometry = view.geometry
        world = None
        if geometry.calibrated:
            x, y, z = geometry.index_to_world(voxel).tolist()
            world = (x, y, z)
        truth = session.truth
        return CursorInfo(
            voxel,
            world,
            float(series.volume.data[voxel]),
            self.masks.label_at(session.shown, view, voxel) or 0,
            None if truth is None else self.masks.label_at(truth.data, view, voxel),
        )

    def next_labelled(self, index: int, step: int) -> int | None:
        """The nearest slice after (``step`` 1) or before (-1) ``index`` with a label in it, if there is one."""
        view = self.view
        if view is None:
            return None
        candidate = index + step
        while 0 <= candidate < view.count:
            labels = self.masks.labels(view, candidate)
            if labels is not None and labels.any():
                return candidate
            candidate += step
        return None

    def on_label(self, index: int, place: tuple[float, float]) -> tuple[float, float]:
        """``place`` (row, column) if slice ``index`` has a label there, otherwise the middle one of its pixels."""
        labels = None if self.view is None else self.masks.labels(self.view, index)
        if labels is None or not labels.any():
            return place
        row, column = (math.floor(along + 0.5) for along in place)
        if 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1] and labels[row, column]:
            return place
        labelled = np.argwhere(labels)
        row, column = labelled[np.square(labelled - labelled.mean(axis=0)).sum(axis=1).argmin()].tolist()
        return float(row), float(column)
