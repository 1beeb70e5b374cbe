"""Opening, saving and exporting for the window: dialogs, jobs and the promise that no unsaved work is lost."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from tumorview.app import protocols
from tumorview.app.geometry_answers import placing_note
from tumorview.app.jobs import Job, JobContext, JobTag
from tumorview.app.session import Session
from tumorview.core.colour_maps import ColourMap
from tumorview.core.edits import Edit
from tumorview.core.mask import Mask
from tumorview.core.opening import Irregular, Opening, SeveralStudiesError
from tumorview.core.rendering import OverlayStyle, Window
from tumorview.core.study import Series, Study
from tumorview.errors import OtherGridError
from tumorview.gui import messages, names, study_choice
from tumorview.gui.autosaving import Autosave
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.sessions import OPEN, SessionController, is_session, tasks
from tumorview.gui.timing import Memory

TRUTH, MASK, EXPORT = "truth", "mask", "export"
CANCELLABLE = frozenset((OPEN, TRUTH, MASK, EXPORT))
IMAGE_FILTER = (
    "Images (*.nii *.nii.gz *.dcm *.dicom *.ima *.tif *.tiff *.png *.jpg *.jpeg *.img *.hdr *.nrrd *.nhdr"
    " *.mha *.mhd *.zip DICOMDIR);;All files (*)"
)
MASK_FILTER = "Masks (*.nii *.nii.gz *.nrrd *.mha *.mhd *.seg *.dcm *.tif *.tiff *.png);;All files (*)"
NIFTI_FILTER = "NIfTI (*.nii.gz *.nii)"
PICTURE_FILTER = "PNG (*.png)"
Picture = npt.NDArray[np.uint8]  # RGB [h, w, 3]
Then = Callable[[], None]


@dataclass(frozen=True)
class Drawing:
    """How the window shows the mask, for pictures that look alike; ``series`` None is the mask's own."""

    style: OverlayStyle
    series: Series | None = None
    window: Window | None = None
    colour_map: ColourMap = ColourMap.GREY
    inverted: bool = False


@dataclass(frozen=True)
class _Wanted:
    """What is to be opened, and what goes with it."""

    path: Path
    truth: Path | None
    mask: Path | None
    remember: bool


class FileController(QObject):
    """``told`` carries one line for the status bar."""

    told = Signal(str)

    def __init__(
        self,
        window: QWidget,
        session: Session,
        jobs: JobRunner,
        memory: Memory,
        *,
        settle: Then,
        drawn_as: Callable[[], Drawing],
        before_saving: Callable[[Then], None] = lambda proceed: proceed(),
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._jobs, self._memory = window, session, jobs, memory
        self._settle, self._drawn_as, self._before_saving = settle, drawn_as, before_saving
        self.sessions = SessionController(
            window, session, jobs, memory, settle=settle, before_losing=lambda then: self.before_losing(then)
        )
        self.sessions.told.connect(self.told)
        self.autosave = Autosave(session, self.sessions, memory, self)
        self._saved_to: Path | None = None
        self._save_folder: Path | None = None
        session.study_changed.connect(lambda _: self._forget_target())

    # -- opening -----------------------------------------------------------------------------------------------

    def open_file(self) -> None:
        """Let the user choose a file."""
        chosen, _ = QFileDialog.getOpenFileName(self._window, "Open File", self._folder(), IMAGE_FILTER)
        if chosen:
            self.open_path(Path(chosen))

    def open_folder(self) -> None:
        """Let the user choose a folder."""
        chosen = QFileDialog.getExistingDirectory(self._window, "Open Folder", self._folder())
        if chosen:
            self.open_path(Path(chosen))

    def open_sample(self) -> None:
        """Open the study that comes with the program."""
        self.open_path(tasks().sample_path(), remember=False)

    def open_paths(self, paths: Sequence[Path], *, truth: Path | None = None, mask: Path | None = None) -> None:
        """Open what was named on the command line or dropped; of several files the folder they share."""
        if len(paths) == 1:
            self.open_path(paths[0], truth=truth, mask=mask)
        elif paths:
            common = Path(os.path.commonpath([path.resolve() for path in paths]))
            self.open_path(common, truth=truth, mask=mask)

    def open_path(
        self, path: Path, *, truth: Path | None = None, mask: Path | None = None, remember: bool = True
    ) -> None:
        """Open a file or folder in the background; what is open stays until the new study is there."""
        if is_session(path):
            self.sessions.open_path(path)
            return

        wanted = _Wanted(path, truth, mask, remember)
        self.before_losing(lambda: self._start_opening(wanted, Opening(ask=True), self._position()))

    def _start_opening(self, wanted: _Wanted, opening: Opening, let_go: Edit | None) -> None:
        """``let_go`` is the last step of the work that may be lost; the user may have gone on since then."""
        path = wanted.path

        def work(context: JobContext) -> Study:
            return tasks().open_study(path, context, opening)

        def opened(study: Study) -> None:
            if self._session.dirty and self._position() is not let_go:
                self.before_losing(lambda: self._show(study, wanted))
            else:
                self._show(study, wanted)

        def again(changed: Opening) -> None:
            self._start_opening(wanted, changed, let_go)

        def failed(error: Exception) -> None:
            if isinstance(error, SeveralStudiesError):
                hidden = self._memory.settings.hide_identity
                study_choice.choose_study(
                    self._window, error, lambda key: again(opening.naming(key)), hide_names=hidden
                )
            else:
                self._open_failed(error, path)

        self._jobs.start(Job(f"Opening {self._name(path)}", work, exclusive=OPEN), Handlers(done=opened, failed=failed))

    def _ask_irregular(self, study: Study, wanted: _Wanted) -> None:
        def again(irregular: Irregular) -> None:
            self._start_opening(wanted, replace(study.opening, irregular=irregular), self._position())

        study_choice.ask_irregular(self._window, study, again)

    def _show(self, study: Study, wanted: _Wanted) -> None:
        path, truth, mask = wanted.path, wanted.truth, wanted.mask
        study = protocols.remembered(self._memory.settings.protocol_roles, study)
        self._session.open(study)
        self._jobs.cancel_stale()
        if study.roles:
            self.told.emit(_remembered_roles(study))
        if wanted.remember:
            self._memory.store.remember_recent(path)
            self._memory.store.change(last_folder=str(path.resolve().parent))
        if truth is not None:
            self.load_truth(truth)
        if mask is not None:
            self.load_mask(mask)
        if study.opening.irregular is Irregular.AS_IS:
            self._ask_irregular(study, wanted)

    def _open_failed(self, error: Exception, path: Path) -> None:
        if not path.exists():
            self._memory.store.forget_recent(path)
        self._fail(error)

    def close_study(self) -> None:
        """Show the welcome page again, after asking about unsaved work."""
        self.before_losing(self._close)

    def _close(self) -> None:
        self._session.close()
        self._jobs.cancel_stale()

    # -- masks and truth ---------------------------------------------------------------------------------------

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
        chosen = QFileDialog.getExistingDirectory(self._window, "Load Mask from Folder", self._folder())
        if chosen:
            self.load_mask(Path(chosen))

    def _ask_resample(self, error: OtherGridError, resample: Then) -> None:
        box = messages.question(self._window, "resample_dialog", error.message, "Resampling keeps every label number.")
        button = box.addButton("Resample to This Image", QMessageBox.ButtonRole.AcceptRole)
        box.setStandardButtons(QMessageBox.StandardButton.Cancel)
        box.finished.connect(lambda _: resample() if box.clickedButton() is button else None)
        box.open()

    def _choose_mask(self, title: str, load: Callable[[Path], None]) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self._window, title, self._folder(), MASK_FILTER)
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

    # -- saving and exporting ----------------------------------------------------------------------------------

    def save_mask(self, then: Then | None = None) -> None:
        """Save where it was saved last, otherwise ask; then do ``then``."""
        if self._saved_to is not None:
            self.save_to(self._saved_to, then)
        else:
            self.export_nifti(then)

    def export_nifti(self, then: Then | None = None) -> None:
        """Ask for a file and save the mask there."""
        if self._session.study is None:
            return
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save Mask", str(self.suggested_path()), NIFTI_FILTER)
        if chosen:
            path = Path(chosen)
            named = path.name.lower().endswith((".nii", ".nii.gz"))
            self.save_to(path if named else path.with_name(f"{path.name}.nii.gz"), then)

    def save_to(self, path: Path, then: Then | None = None) -> None:
        """Save the mask as NIfTI once its place is certain; success is told once the file was read back."""
        self._before_saving(lambda: self._save_to(path, then))

    def _save_to(self, path: Path, then: Then | None) -> None:
        study, mask = self._session.study, self._snapshot()
        if study is None or mask is None:
            return
        position = self._position()

        def saved(_: Path) -> None:
            if self._session.study is not None and self._session.study.id == study.id:
                self._saved_to = path
                self._session.mark_saved_at(position)
            self._save_folder = path.parent
            self.told.emit(f"Mask saved and checked: {self._name(path, whole=True)}")
            if then is not None:
                then()

        records = self._session.records
        made_by, placed_by = records.get("prediction"), placing_note(records)

        def work(_: JobContext) -> Path:
            tasks().export_nifti(mask, path)
            tasks().export_mask_note(mask, path, made_by, placed_by)
            return path

        # No tag: a save that was asked for is finished, whatever is opened meanwhile.
        job = Job(f"Saving {self._name(path)}", work)
        self._jobs.start(job, Handlers(done=saved, failed=self._fail))

    def export_png(self) -> None:
        """Ask for a folder and write PNG slices there."""
        start = self._first_folder() or self.suggested_path().parent
        chosen = QFileDialog.getExistingDirectory(self._window, "Export PNG Slices to Folder", str(start))
        if chosen:
            self.export_png_to(Path(chosen))

    def export_png_to(self, folder: Path) -> None:
        """Write mask and overlay pictures of every slice into ``folder``."""
        study, mask = self._session.study, self._snapshot()
        if study is None or mask is None:
            return
        drawn = self._drawn_as()

        def work(context: JobContext) -> list[Path]:
            return tasks().export_png(
                study,
                mask,
                folder,
                series=drawn.series,
                window=drawn.window,
                colour_map=drawn.colour_map,
                inverted=drawn.inverted,
                style=drawn.style,
                context=context,
            )

        def written(files: list[Path]) -> None:
            self._save_folder = folder
            self.told.emit(f"{len(files)} PNG files written and checked: {self._name(folder, whole=True)}")

        self._jobs.start(Job("Exporting PNG slices", work, exclusive=EXPORT), Handlers(done=written, failed=self._fail))

    def export_picture(self, make: Callable[[], Picture]) -> None:
        """Ask for a file and save there the picture of the 3D view that ``make`` draws."""
        if self._session.study is None:
            return
        mask = self.suggested_path()
        start = mask.with_name(mask.name.removesuffix("_mask.nii.gz") + "_3d.png")
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save 3D Picture", str(start), PICTURE_FILTER)
        if chosen:
            path = Path(chosen)
            self.export_picture_to(path if path.suffix else path.with_suffix(".png"), make())

    def export_picture_to(self, path: Path, picture: Picture) -> None:
        """Write ``picture`` as PNG; success is told once the file was read back."""

        def written(_: Path) -> None:
            self._save_folder = path.parent
            self.told.emit(f"Picture saved and checked: {self._name(path, whole=True)}")

        job = Job(f"Saving {self._name(path)}", lambda _: tasks().export_picture(picture, path))
        self._jobs.start(job, Handlers(done=written, failed=self._fail))

    def suggested_path(self) -> Path:
        """Where a mask that was never saved would go."""
        study = self._session.study
        assert study is not None
        source = study.path
        name = source.name
        if not source.is_dir():
            name = name.split(".")[0]
        bundled = source == tasks().sample_path()
        return (self._first_folder() or (Path.home() if bundled else source.parent)) / f"{name}_mask.nii.gz"

    # -- unsaved work ------------------------------------------------------------------------------------------

    def before_losing(self, proceed: Then) -> None:
        """Call ``proceed`` at once where nothing is unsaved, otherwise once the user has said what to do."""
        self._settle()
        if not self._session.dirty:
            proceed()
            return
        self.ask_unsaved(proceed)

    def ask_unsaved(self, proceed: Then) -> None:
        """Ask what to do with unsaved work; go on to ``proceed`` once it is saved or given up."""
        records = self._session.records.unsaved
        as_session = records or self.sessions.path is not None
        save = self.sessions.save if as_session else self.save_mask
        messages.ask_unsaved(
            self._window,
            save=lambda: save(proceed),
            discard=proceed,
            save_session=None if as_session else lambda: self.sessions.save(proceed),
            what="The session has changes that are not saved."
            if as_session
            else "The mask has changes that are not saved.",
        )

    # -- drag and drop -----------------------------------------------------------------------------------------

    def drop(self, paths: Sequence[Path], place: QPoint) -> None:
        """Open what was dropped at a place of the screen; a single file beside an open study may be its mask."""
        if self._session.study is None or len(paths) != 1 or paths[0].is_dir() or is_session(paths[0]):
            self.open_paths(paths)
            return
        path = paths[0]
        menu = QMenu(self._window)
        menu.setObjectName("drop_menu")
        menu.addAction("Open as study", lambda: self.open_path(path))
        menu.addAction("Load as mask", lambda: self.load_mask(path))
        menu.addAction("Load as ground truth", lambda: self.load_truth(path))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _name(self, path: Path, *, whole: bool = False) -> str:
        """A file as the user may see it."""
        return names.masked(self._memory.settings, str(path) if whole else path.name)

    # -- inside ------------------------------------------------------------------------------------------------

    def _snapshot(self) -> Mask | None:
        """The mask as it is now, for a job: the user may paint on while it is written."""
        self._settle()
        self._session.end_stroke()
        mask = self._session.mask
        if mask is None:
            return None
        copy = Mask(mask.data.copy(), mask.geometry, mask.labels)
        copy.provenance = mask.provenance.copy()
        return copy

    def _position(self) -> Edit | None:
        return self._session.history.position if self._session.history is not None else None

    def _first_folder(self) -> Path | None:
        """Where exports went last, otherwise where the settings want them."""
        wanted = self._memory.settings.export_folder
        return self._save_folder or (Path(wanted) if wanted and Path(wanted).is_dir() else None)

    def _folder(self) -> str:
        return self._memory.settings.last_folder or str(Path.home())

    def _forget_target(self) -> None:
        self._saved_to = None

    def _fail(self, error: Exception) -> None:
        messages.show_error(self._window, error, hide_names=self._memory.settings.hide_identity)


def _remembered_roles(study: Study) -> str:
    named = ", ".join(str(study.role_of(one)) for one in study.series if one.uid in study.roles)
    return f"Roles as you corrected them for this protocol before: {named}"
