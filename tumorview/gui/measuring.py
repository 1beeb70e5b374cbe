"""Between the measurements of the session, the layer in the views, the Measure panel and the slice strip."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from tumorview.app.jobs import Job, JobTag
from tumorview.app.measurements import Kind, Measurement
from tumorview.app.session import Session
from tumorview.core.labels import LabelTable
from tumorview.core.lesions import Burden, Lesion, burden
from tumorview.core.mask import Box, MaskArray
from tumorview.core.measure import Point, slice_of
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Series, Study, same_place
from tumorview.gui import messages
from tumorview.gui.action_set import ActionSet
from tumorview.gui.docks.measure_dock import Entry, MeasurePanel, Renaming
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.timing import Throttle
from tumorview.gui.views import SliceStrip, SliceView, ViewGrid
from tumorview.gui.views.measuring import MeasuringLayer

LESIONS = "lesions"  # the group of the job that measures them
LESION_INTERVAL_MS = 120
FILTER = "CSV table (*.csv);;JSON document (*.json)"


class MeasureController(QObject):
    """``told`` carries one line for the status bar; ``folder`` says where an export is offered."""

    told = Signal(str)

    def __init__(
        self,
        window: QWidget,
        session: Session,
        grid: ViewGrid,
        strip: SliceStrip,
        panel: MeasurePanel,
        actions: ActionSet,
        jobs: JobRunner,
        *,
        folder: Callable[[], Path],
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._grid, self._strip = window, session, grid, strip
        self._panel, self._actions, self._jobs, self._folder = panel, actions, jobs, folder
        self.layer = MeasuringLayer(session, grid.views)
        self.burden: Burden | None = None
        self._label: int | None = None  # whose lesions are measured; None for all
        self._extent: Box | None = None  # what the labels lie in, where it is known
        self._touched: Box | None = None  # what changed since the lesions were last looked for
        self._later = Throttle(LESION_INTERVAL_MS, self._find_lesions, self)
        actions.check("measure.show", checked=True)
        self._connect()

    def _connect(self) -> None:
        session, panel, grid = self._session, self._panel, self._grid
        session.measurements.changed.connect(lambda _: self._list())
        session.study_changed.connect(self._study_changed)
        session.series_changed.connect(lambda _: self._mark_strip())
        session.shown_changed.connect(self._mask_changed)
        session.labels_changed.connect(lambda _: self._labels_changed())
        grid.active_changed.connect(lambda _: self._mark_strip())
        self.layer.selection_changed.connect(panel.mark)
        panel.chosen.connect(self.go_to)
        panel.renamed.connect(self._rename)
        panel.lesion_chosen.connect(self._go_to_lesion)
        panel.label_chosen.connect(self._choose_label)

    # -- tools -------------------------------------------------------------------------------------------------

    def choose(self, kind: Kind | None) -> None:
        """What the left button measures from now on; None for nothing."""
        self.layer.set_kind(kind)
        if kind is not None:
            self._panel.set_folded(False)
            self._actions.check("measure.show", checked=True)
            self.layer.set_shown(True)
        self._show_panel()

    def set_shown(self, shown: bool) -> None:
        """Show or hide the measurements in the views."""
        self.layer.set_shown(shown)

    # -- the list ----------------------------------------------------------------------------------------------

    def go_to(self, measurement_id: str) -> None:
        """Show the slice of a measurement and mark it."""
        study, one = self._session.study, self._session.measurements.get(measurement_id)
        if study is None or one is None:
            return
        self.layer.select(one.id)
        series = next((series for series in study.series if series.uid == one.series_uid), None)
        if series is not None:
            self._show(series, one.plane, one.points)

    def delete(self) -> None:
        """Delete the marked measurement."""
        if self.layer.selected is None:
            self.told.emit("Nothing is selected: click a measurement first.")
            return
        self._session.measurements.remove([self.layer.selected])
        self.told.emit("Measurement deleted; Measure > Undo Deleting brings it back.")

    def bring_back(self) -> None:
        """Undo the last deletion."""
        self._session.measurements.bring_back()

    def _rename(self, renaming: Renaming) -> None:
        self._session.measurements.rename(renaming.id, renaming.label)
        self._list()  # also where the name stayed: an emptied field shows its kind again

    def _list(self) -> None:
        study = self._session.study
        entries = [] if study is None else [_entry(study, one) for one in self._session.measurements.items]
        can_bring_back = self._session.measurements.can_bring_back
        self._panel.show_measurements(entries, self.layer.selected, can_bring_back=can_bring_back)
        self._show_panel()
        self._mark_strip()

    def _show_panel(self) -> None:
        # The column is full as it is: who does not measure needs no panel for it.
        measurements = self._session.measurements
        something = bool(measurements.items) or measurements.can_bring_back or self.measuring_lesions
        self._panel.setVisible(something or self.layer.kind is not None)

    def _mark_strip(self) -> None:
        view = self._grid.active
        if view.series is not None and view.plane_view is not None:
            self._strip.set_marks(self.layer.scene.slices_in(view.series, view.plane_view))

    # -- leaving the program -----------------------------------------------------------------------------------

    def copy(self) -> None:
        """Put the table on the clipboard, columns parted by tabs."""
        from tumorview.app.measurement_export import table

        study = self._session.study
        if study is None:
            return
        lines = table(study, self._session.measurements.items, self.burden, self._labels)
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines) + "\n")
        self.told.emit(f"{len(lines) - 1} lines copied.")

    def export(self) -> None:
        """Ask for a file and write measurements and lesions there."""
        if not self._session.measurements.items and self.burden is None:
            self.told.emit("There is nothing to export: measure first, or show the lesion diameters.")
            return
        start = str(self._folder() / "measurements.csv")
        chosen, kind = QFileDialog.getSaveFileName(self._window, "Export Measurements", start, FILTER)
        if chosen:
            path = Path(chosen)
            self.export_to(path if path.suffix else path.with_suffix(".json" if "json" in kind else ".csv"))

    def export_to(self, path: Path) -> None:
        """Write measurements and lesions; success is told once the file was read back."""
        study, items, lesions = self._session.study, self._session.measurements.items, self.burden
        labels = self._labels
        if study is None:
            return

        def work(_: object) -> None:
            from tumorview.app.measurement_export import export

            export(path, study, items, lesions, labels)

        handlers = Handlers(
            done=lambda _: self.told.emit("Measurements written and checked."),
            failed=self._fail,
        )
        self._jobs.start(Job("Exporting measurements", work), handlers)

    @property
    def _labels(self) -> LabelTable | None:
        return None if self._session.mask is None else self._session.mask.labels

    def _fail(self, error: Exception) -> None:
        messages.show_error(self._window, error)

    # -- lesions of the mask -----------------------------------------------------------------------------------

    @property
    def measuring_lesions(self) -> bool:
        """Whether the diameters of the lesions are shown."""
        return self._actions["measure.lesions"].isChecked()

    def show_lesions(self, shown: bool) -> None:
        """Measure the lesions of the mask, and again with every change of it, or not."""
        if shown:
            self._panel.set_folded(False)
            self._labels_changed()
            self._later.request()
        else:
            self._show_burden(None)
        self._show_panel()

    def _study_changed(self, study: Study | None) -> None:
        self._extent = self._touched = self._label = None
        self._show_burden(None)
        self._list()
        if study is not None and self.measuring_lesions:
            self._later.request()

    def _mask_changed(self, box: Box) -> None:
        whole = self._session.grid is None or box == Box.whole(self._session.grid.shape)
        if whole:
            self._extent = None
        elif self._extent is not None:
            self._extent = self._extent.union(box)
        self._touched = box if self._touched is None else self._touched.union(box)
        if self.measuring_lesions:
            self._later.request()

    def _labels_changed(self) -> None:
        mask = self._session.mask
        labels = None if mask is None else mask.labels
        if labels is not None and self._label is not None and labels.get(self._label) is None:
            self._choose_label(None)
        self._panel.show_labels(labels, self._label)

    def _choose_label(self, label: int | None) -> None:
        self._label, self._extent = label, None
        self._later.request()

    def _find_lesions(self) -> None:
        study, mask, shown = self._session.study, self._session.mask, self._session.shown
        if study is None or mask is None or shown is None or not self.measuring_lesions:
            return
        if self._jobs.is_running(LESIONS):
            return  # asks again when it ends: cancelling would starve it during a stroke
        box = self._extent or Box.whole(shown.shape)
        part, label, geometry = shown[box.slices].copy(), self._label, mask.geometry
        self._touched = None

        def work(_: object) -> Burden:
            return burden(_only(part, label), geometry, start=box.start)

        handlers = Handlers(done=lambda found: self._found(found, label))
        self._jobs.start(Job("Measuring lesions", work, JobTag(study.id), exclusive=LESIONS), handlers)

    def _found(self, found: Burden, label: int | None) -> None:
        if label is None:  # the box of one label says nothing of the others
            self._extent = found.box if self._touched is None else self._touched.union(found.box or self._touched)
        if self.measuring_lesions:
            self._show_burden(found)
        if self._touched is not None or label != self._label:
            self._later.request()

    def _show_burden(self, found: Burden | None) -> None:
        self.burden = found
        self.layer.show_burden(found)
        self._panel.show_burden(found)

    def _go_to_lesion(self, lesion: Lesion) -> None:
        study = self._session.study
        if study is not None:
            self._show(study.reference, lesion.plane, lesion.longest)

    # -- going there -------------------------------------------------------------------------------------------

    def _show(self, series: Series, plane: Plane, points: tuple[Point, ...]) -> None:
        """Show the slice of ``series`` that ``points`` (LPS mm) lie in."""
        if self._view_of(series) is None:
            self._session.show_series(series)
        view = self._view_of(series, plane)
        if view is None:
            view = self._view_of(series) or self._grid.active
            self._grid.set_plane(view, plane)
            view = self._grid.active
        if view.plane_view is None:
            return
        self._grid.activate(view)
        k, j, i = view.plane_view.geometry.world_to_index(np.mean(points, axis=0)).tolist()
        view.go_to(k, j, i)

    def _view_of(self, series: Series, plane: Plane | None = None) -> SliceView | None:
        """A view that shows the space of ``series`` (in ``plane``), one with the series itself before others."""
        fitting = [
            view
            for view in self._grid.shown
            if view.series is not None and same_place(view.series, series) and plane in (None, view.plane)
        ]
        return next((view for view in fitting if view.series is series), next(iter(fitting), None))


def _only(labels: MaskArray, number: int | None) -> MaskArray:
    return labels if number is None else np.where(labels == number, labels, np.uint8(0))


def _entry(study: Study, one: Measurement) -> Entry:
    series = next((series for series in study.series if series.uid == one.series_uid), None)
    if series is None:
        return Entry(one, "", None)
    index = slice_of(PlaneView.of(series.volume.geometry, one.plane), one.points)
    return Entry(one, study.role_of(series).value, None if index is None else index + 1)
