"""Loading a mask or a ground truth beside the study that is open."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from tumorview.app.jobs import Job, JobContext, JobTag
from tumorview.core.mask import Mask
from tumorview.errors import OtherGridError
from tumorview.gui import messages
from tumorview.gui.file_work import FileWork, Then
from tumorview.gui.job_runner import Handlers
from tumorview.gui.sessions import tasks

TRUTH, MASK = "truth", "mask"
MASK_FILTER = "Masks (*.nii *.nii.gz *.nrrd *.mha *.mhd *.seg *.dcm *.tif *.tiff *.png);;All files (*)"


class MaskLoader(FileWork):
    """Puts masks of files into the session, as one step that can be undone."""

    def open_truth(self) -> None:
        """Let the user choose a ground truth."""
        self._choose_mask("Load Ground Truth", self.load_truth)

    def open_mask(self) -> None:
        """Let the user choose a mask."""
        self._choose_mask("Load Mask", self.load_mask)

    def load_truth(self, path: Path) -> None:
        """Compare with the mask in ``path``."""

        def loaded(truth: Mask) -> None:
            self._session.set_truth(truth)
            self.told.emit(f"Ground truth: {self._name(path)}")

        self._load("Loading ground truth", TRUTH, path, loaded, self._fail)

    def load_mask(self, path: Path, *, resample: bool = False) -> None:
        """Put the mask in ``path`` in the place of the one that is there, as one step; other grids need consent."""

        def loaded(mask: Mask) -> None:
            self._settle()
            self._session.import_mask(mask, path)
            self.told.emit(" ".join((f"Mask: {self._name(path)}.", *mask.remarks)))

        def refused(error: Exception) -> None:
            if isinstance(error, OtherGridError) and not resample:
                self._ask_resample(error, lambda: self.load_mask(path, resample=True))
            else:
                self._fail(error)

        self._load("Loading mask", MASK, path, loaded, refused, resample=resample)

    def open_mask_folder(self) -> None:
        """Let the user choose a folder of mask slices."""
        chosen = QFileDialog.getExistingDirectory(self._window, "Load Mask from Folder", self._folders.opened)
        if chosen:
            self.load_mask(Path(chosen))

    def _ask_resample(self, error: OtherGridError, resample: Then) -> None:
        messages.ask(
            self._window, "resample_dialog", error.message, "Resampling keeps every label number.",
            answer="Resample to This Image", then=resample,
        )  # fmt: skip

    def _choose_mask(self, title: str, load: Callable[[Path], None]) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self._window, title, self._folders.opened, MASK_FILTER)
        if chosen:
            self._memory.store.change(last_folder=str(Path(chosen).parent))
            load(Path(chosen))

    def _load(
        self,
        title: str,
        group: str,
        path: Path,
        loaded: Callable[[Mask], None],
        failed: Callable[[Exception], None],
        *,
        resample: bool = False,
    ) -> None:
        study, grid = self._session.study, self._session.grid
        if study is None or grid is None:
            return

        def done(mask: Mask) -> None:
            try:
                loaded(mask)
            except Exception as error:  # noqa: BLE001 - a mask that does not fit is told like one that cannot be read
                self._fail(error)

        def work(_: JobContext) -> Mask:
            return tasks().open_mask(path, grid, resample=resample)

        job = Job(title, work, JobTag(study.id), exclusive=group)
        self._jobs.start(job, Handlers(done=done, failed=failed))
