"""Runs the network for the window: options, live parts, outcome and the threshold slider."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from tumorview.app.jobs import Job, JobContext, JobTag
from tumorview.app.segmenter import RunSegmentation, SegmentOptions
from tumorview.app.session import Session
from tumorview.app.settings import second_look
from tumorview.core.prediction import Prediction, PredictionPart
from tumorview.core.study import Study
from tumorview.errors import GeometryError
from tumorview.gui.docks.segment_dock import ModelChoice, SegmentPanel, ThresholdMoved
from tumorview.gui.job_runner import Handlers, JobProgress, JobRunner
from tumorview.gui.timing import Debounce, Memory, Throttle

GROUP = "segment"
THRESHOLD_INTERVAL_MS = 25
THRESHOLD_REST_MS = 350  # after a key or a script moved the slider: the threshold becomes a step


@dataclass(frozen=True)
class RunFailed:
    """A run ended with an error."""

    error: Exception


class SegmentController(QObject):
    """Between the Segment panel, the session and the job runner."""

    failed = Signal(object)  # RunFailed
    finished = Signal(object)  # Prediction

    def __init__(
        self,
        session: Session,
        panel: SegmentPanel,
        jobs: JobRunner,
        segmenter: RunSegmentation,
        memory: Memory,
        first_voxel: Callable[[], tuple[int, int, int]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._panel, self._jobs = session, panel, jobs
        self._segmenter, self._memory, self._first_voxel = segmenter, memory, first_voxel
        self._move = Throttle(THRESHOLD_INTERVAL_MS, self._apply_threshold, self)
        self._rest = Debounce(THRESHOLD_REST_MS, self._keep_threshold, self)
        panel.threshold_moved.connect(self._threshold_moved)
        panel.options_changed.connect(self._options_changed)
        jobs.progressed.connect(self._progressed)
        session.study_changed.connect(lambda _: self._study_changed())
        session.labels_changed.connect(lambda _: self._labels_changed())
        self._labels_changed()

    def set_models(self, models: list[ModelChoice], default: str, *, choose_default: bool = False) -> None:
        """Offer these models; the remembered one is chosen if it is still there, otherwise the default."""
        settings = self._memory.settings
        usable = {model.id for model in models if not model.problem}
        remembered = self._panel.model_id or settings.model
        self._panel.set_models(models, remembered if remembered in usable and not choose_default else default)
        if choose_default and default != settings.model:
            self._memory.change(model=default)
        self._panel.set_options(settings.device, settings.engine)
        self._take_model_threshold()

    # -- a run -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Segment the open study with the chosen options."""
        study = self._session.study
        if study is None:
            return
        self.settle()
        if not self._mask_fits(study):
            return
        options = SegmentOptions(
            model=self._panel.model_id,
            device=self._panel.device.currentData(),
            engine=self._panel.engine.currentData(),
            threshold=self._session.threshold,
            first=self._first_voxel(),
            second_look=second_look(self._memory.settings),
            label=self._panel.label_to_write,
        )
        segmenter = self._segmenter

        def work(context: JobContext) -> Prediction:
            return segmenter(study, options, context)

        job = Job("Segmenting", work, JobTag(study.id), exclusive=GROUP)
        handlers = Handlers(done=self._done, failed=self._failed, cancelled=self._cancelled, part=self._part)
        self._jobs.cancel_group(GROUP)
        self._session.begin_prediction(replace_human=self._panel.replace.isChecked())
        self._panel.replace.setChecked(False)  # a choice for this run, not a habit
        self._panel.show_running(0.0, "Starting")
        self._jobs.start(job, handlers)

    def _mask_fits(self, study: Study) -> bool:
        """Whether a prediction would lie on the mask's voxels; the roles decide on which series it is made."""
        grid, reference = self._session.grid, study.reference
        if grid is not None and grid.same_grid(reference.volume.geometry):
            return True
        error = GeometryError(
            f"The mask was begun on another series than {study.role_of(reference)}, which now guides the network.",
            "Give that series its old role back, or save the mask and open the study again.",
        )
        self.failed.emit(RunFailed(error))
        return False

    def cancel(self) -> None:
        """Stop the run; the mask stays as it was."""
        self._jobs.cancel_group(GROUP)

    def _part(self, part: PredictionPart) -> None:
        self._session.show_part(part)

    def _done(self, prediction: Prediction) -> None:
        self._session.finish_prediction(prediction)
        mask = self._session.mask
        assert mask is not None
        model = self._panel.chosen_model
        title = model.title if model else prediction.origin.model_id
        millilitres = mask.volume_ml()
        amount = f"{np.count_nonzero(mask.data):,} voxels" if millilitres is None else f"{millilitres:.1f} ml"
        self._panel.show_result(prediction.origin, title, amount)
        self.finished.emit(prediction)

    def _failed(self, error: Exception) -> None:
        self._session.cancel_prediction()
        self._panel.show_message("The run failed; the mask is unchanged")
        self.failed.emit(RunFailed(error))

    def _cancelled(self) -> None:
        self._session.cancel_prediction()
        self._panel.show_message("Cancelled; the mask is unchanged")

    def _progressed(self, report: JobProgress) -> None:
        if report.job.exclusive == GROUP:
            self._panel.show_running(report.fraction, report.text)

    def _study_changed(self) -> None:
        self._move.cancel()
        self._rest.cancel()
        self._jobs.cancel_stale()
        self._panel.show_message("No segmentation yet")
        self._labels_changed()

    def _labels_changed(self) -> None:
        mask = self._session.mask
        self._panel.show_labels(None if mask is None else mask.labels)

    # -- options -----------------------------------------------------------------------------------------------

    def _options_changed(self) -> None:
        if self._panel.model_id != self._memory.settings.model:
            self._take_model_threshold()
        self._memory.change(
            model=self._panel.model_id,
            device=self._panel.device.currentData(),
            engine=self._panel.engine.currentData(),
        )

    def _take_model_threshold(self) -> None:
        """The slider goes to the model's own threshold; a mask that is there stays as it is."""
        model = self._panel.chosen_model
        if model is not None and self._session.prediction is None:
            self._session.threshold = model.threshold
            self._panel.show_threshold(model.threshold)

    # -- threshold ---------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Make a threshold that is being chosen a step now; before saving, undoing or running."""
        self._move.flush()
        self._rest.flush()

    def _threshold_moved(self, moved: ThresholdMoved) -> None:
        self._move.request()
        if moved.settled:
            self._rest.request()
            self.settle()
        elif not self._panel.threshold.isSliderDown():
            self._rest.request()

    def _apply_threshold(self) -> None:
        if self._jobs.is_running(GROUP):
            self._session.threshold = self._panel.threshold_value  # later parts come with it
        else:
            self._session.set_threshold(self._panel.threshold_value)

    def _keep_threshold(self) -> None:
        self._move.flush()
        if not self._jobs.is_running(GROUP):
            self._session.keep_threshold()
