"""Keeps the views, the slice strip and the Labels and Agreement panels saying the same thing."""

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from tumorview.app.session import Session
from tumorview.core.labels import STANDARD_OPACITY
from tumorview.core.metrics import Counts, count
from tumorview.core.rendering import BoundaryStyle, OverlayStyle
from tumorview.core.slicing import PlaneView
from tumorview.core.study import Study
from tumorview.gui.docks.agreement_dock import AgreementPanel
from tumorview.gui.docks.labels_dock import LabelChange, LabelsPanel, OverlayChoice
from tumorview.gui.picture_export import Drawing
from tumorview.gui.timing import Memory, Throttle
from tumorview.gui.views import OverlayOptions, ViewGrid

AGREEMENT_INTERVAL_MS = 33
VOLUME_INTERVAL_MS = 250


class DisplayController(QObject):
    """``overlay_changed`` carries the OverlayOptions after every change of them."""

    overlay_changed = Signal(object)

    def __init__(
        self,
        session: Session,
        grid: ViewGrid,
        labels: LabelsPanel,
        agreement: AgreementPanel,
        memory: Memory,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._grid = session, grid
        self._labels, self._agreement, self._memory = labels, agreement, memory
        settings = memory.settings
        self.overlay = OverlayOptions(
            opacity=settings.overlay_opacity,
            boundary=settings.boundary,
            boundary_width=settings.boundary_width,
            outline=BoundaryStyle(settings.outline),
            compare=settings.compare_with_truth,
        )
        self._agree = Throttle(AGREEMENT_INTERVAL_MS, self._show_agreement, self)
        self._measure = Throttle(VOLUME_INTERVAL_MS, self._show_volumes, self)
        self._connect()
        self._show_overlay()
        self._labels_changed()

    def _connect(self) -> None:
        session, grid = self._session, self._grid
        grid.slice_changed.connect(lambda _: self._agree.request())
        grid.active_changed.connect(lambda _: self._agree.request())
        self._labels.label_changed.connect(self._change_label)
        self._labels.overlay_chosen.connect(self._choose_overlay)
        self._labels.solo_asked.connect(self._session.solo_label)
        session.study_changed.connect(self._study_changed)
        session.labels_changed.connect(lambda _: self._labels_changed())
        session.shown_changed.connect(lambda _: self._measure.request())
        session.agreement_changed.connect(lambda _: self._agree.request())
        session.truth_changed.connect(lambda _: self._agree.request())
        session.history_changed.connect(lambda _: self._measure.request())

    def refresh(self) -> None:
        """Show labels again, in the theme's colours."""
        self._labels_changed()

    # -- overlay -----------------------------------------------------------------------------------------------

    def change_overlay(self, **changes: object) -> None:
        """Draw the mask differently from now on; probabilities and uncertainty take each other's place."""
        for shown, other in (("heat_map", "uncertainty"), ("uncertainty", "heat_map")):
            if changes.get(shown):
                changes[other] = False
        self.overlay = replace(self.overlay, **changes)  # type: ignore[arg-type]  # fields by name
        self._show_overlay()
        self._memory.change(
            overlay_opacity=self.overlay.opacity,
            boundary=self.overlay.boundary,
            boundary_width=self.overlay.boundary_width,
            outline=str(self.overlay.outline),
            compare_with_truth=self.overlay.compare,
        )

    def scale_opacity(self, steps: int) -> None:
        """Make the overlay stronger or fainter, in steps of a tenth."""
        tenths = round(self.overlay.opacity * 10 + 1e-6 * steps) + steps
        self.change_overlay(opacity=min(max(tenths / 10, 0.0), 1.0))

    def drawing(self) -> Drawing:
        """How the mask is drawn now, for pictures."""
        options = self.overlay
        style = OverlayStyle(
            opacity=options.opacity / STANDARD_OPACITY,
            boundary=options.boundary,
            boundary_width=options.boundary_width,
            outline=options.outline,
        )
        series, mask = self._session.active_series, self._session.mask
        if series is None or mask is None or not series.volume.geometry.same_grid(mask.geometry):
            return Drawing(style)
        reading = self._grid.active.reading
        return Drawing(
            style, series, reading.window_of(series), reading.colour_map_of(series), reading.inverted(series)
        )

    def _choose_overlay(self, choice: OverlayChoice) -> None:
        self.change_overlay(**{name: value for name, value in vars(choice).items() if value is not None})

    def _show_overlay(self) -> None:
        options = self.overlay
        for view in self._grid.views:
            view.set_overlay(options)
        self._labels.show_overlay(options.opacity, options.boundary, options.boundary_width, options.outline)
        self.overlay_changed.emit(options)

    # -- labels ------------------------------------------------------------------------------------------------

    def _change_label(self, change: LabelChange) -> None:
        self._session.change_label(change.number, **change.fields)

    def _labels_changed(self) -> None:
        mask = self._session.mask
        table = None if mask is None else mask.labels
        self._labels.show_labels(table)
        self._show_volumes()

    def _show_volumes(self) -> None:
        shown, mask = self._session.shown, self._session.mask
        if shown is None or mask is None:
            return
        if self._session.painting:
            self._measure.request()  # counting a large volume would make the stroke stutter: after it
            return
        for entry in self._labels.rows:
            voxels = int(np.count_nonzero(shown == entry.entry.number))
            millilitres = voxels * mask.geometry.voxel_volume_mm3 / 1000 if mask.geometry.calibrated else None
            entry.show_volume(millilitres, voxels)

    # -- study and agreement -----------------------------------------------------------------------------------

    def _study_changed(self, study: Study | None) -> None:
        self._labels_changed()
        self._agree.request()

    def slice_counts(self) -> Counts | None:
        """Counts of the slice in view; None without ground truth or where the mask is not on its grid."""
        active = self._grid.active
        view, masks, index = active.plane_view, active.source.masks, active.current_index
        if view is None:
            return None
        shown, truth = masks.labels(view, index), masks.truth(view, index)
        return None if shown is None or truth is None else count(shown, truth)

    def labelled_slices(self) -> list[int]:
        """The slices of the view in which the mask has any label, in order."""
        shown, mask = self._session.shown, self._session.mask
        if shown is None or mask is None:
            return []
        axis = PlaneView.of(mask.geometry, self._grid.active.plane).normal_axis
        others = tuple(other for other in range(3) if other != axis)
        return [int(index) for index in np.flatnonzero(shown.any(axis=others))]

    def _show_agreement(self) -> None:
        agreement = self._session.agreement
        self._agreement.show_agreement(agreement, None if agreement is None else self.slice_counts())
