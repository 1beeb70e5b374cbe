"""Opening and saving for the window: dialogs, jobs and the promise that no unsaved work is lost."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from tumorview.app import protocols
from tumorview.app.geometry_answers import placing_note
from tumorview.app.jobs import Job, JobContext
from tumorview.app.session import Session
from tumorview.core.edits import Edit
from tumorview.core.opening import Irregular, Opening, SeveralStudiesError, StudyChoice
from tumorview.core.study import Study
from tumorview.gui import messages, study_choice
from tumorview.gui.autosaving import Autosave
from tumorview.gui.file_work import FileWork, Folders, Then
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.mask_loading import MASK, TRUTH, MaskLoader
from tumorview.gui.picture_export import EXPORT, Drawing, PictureExport
from tumorview.gui.sessions import OPEN, SessionController, is_session, tasks
from tumorview.gui.timing import Memory

CANCELLABLE = frozenset((OPEN, TRUTH, MASK, EXPORT))
IMAGE_FILTER = (
    "Images (*.nii *.nii.gz *.dcm *.dicom *.ima *.tif *.tiff *.png *.jpg *.jpeg *.img *.hdr *.nrrd *.nhdr"
    " *.mha *.mhd *.zip DICOMDIR);;All files (*)"
)
NIFTI_FILTER = "NIfTI (*.nii.gz *.nii)"


@dataclass(frozen=True)
class _Wanted:
    """What is to be opened, and what goes with it."""

    path: Path
    truth: Path | None
    mask: Path | None
    remember: bool


class FileController(FileWork):
    """Opens studies and saves masks; ``masks``, ``pictures`` and ``sessions`` do the rest."""

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
        self.folders = Folders(session, memory)
        super().__init__(window, session, jobs, memory, self.folders, settle=settle)
        self._before_saving = before_saving
        self.masks = MaskLoader(window, session, jobs, memory, self.folders, settle=settle)
        self.pictures = PictureExport(window, session, jobs, memory, self.folders, settle=settle, drawn_as=drawn_as)
        self.sessions = SessionController(
            window, session, jobs, memory, settle=settle, before_losing=lambda then: self.before_losing(then)
        )
        for part in (self.masks, self.pictures, self.sessions):
            part.told.connect(self.told)
        self.autosave = Autosave(session, self.sessions, memory, self)
        self._saved_to: Path | None = None
        session.study_changed.connect(lambda _: self._forget_target())

    # -- opening -----------------------------------------------------------------------------------------------

    def open_file(self) -> None:
        """Let the user choose a file."""
        chosen, _ = QFileDialog.getOpenFileName(self._window, "Open File", self.folders.opened, IMAGE_FILTER)
        if chosen:
            self.open_path(Path(chosen))

    def open_folder(self) -> None:
        """Let the user choose a folder."""
        chosen = QFileDialog.getExistingDirectory(self._window, "Open Folder", self.folders.opened)
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
                self._choose(error.choices, lambda key: again(opening.naming(key)))
            else:
                self._open_failed(error, path)

        self._jobs.start(Job(f"Opening {self._name(path)}", work, exclusive=OPEN), Handlers(done=opened, failed=failed))

    def choose_study(self) -> None:
        """Let the user open another one of the studies that lie where the open one does."""
        study = self._session.study
        if study is None or not study.choices:
            return
        wanted = _Wanted(study.path, None, None, remember=True)

        def chosen(key: str) -> None:
            if key != study.opening.study:
                opening = replace(study.opening, study=key)
                self.before_losing(lambda: self._start_opening(wanted, opening, self._position()))

        self._choose(study.choices, chosen, study.opening.study)

    def _choose(self, choices: Sequence[StudyChoice], then: Callable[[str], None], current: str = "") -> None:
        hidden = self._memory.settings.hide_identity
        study_choice.choose_study(self._window, choices, then, hide_names=hidden, current=current)

    def _ask_irregular(self, study: Study, wanted: _Wanted) -> None:
        def again(irregular: Irregular) -> None:
            self._start_opening(wanted, replace(study.opening, irregular=irregular), self._position())

        study_choice.ask_irregular(self._window, study, again)

    def _show(self, study: Study, wanted: _Wanted) -> None:
        path, truth, mask = wanted.path, wanted.truth, wanted.mask
        study = protocols.remembered(self._memory.settings.protocol_roles, study)
        study_choice.withdraw_irregular(self._window)
        self._session.open(study)
        self._jobs.cancel_stale()
        if study.roles:
            self.told.emit(protocols.sentence(study))
        if wanted.remember:
            self._memory.store.remember_recent(path)
            self._memory.store.change(last_folder=str(path.resolve().parent))
        if truth is not None:
            self.masks.load_truth(truth)
        if mask is not None:
            self.masks.load_mask(mask)
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
        study_choice.withdraw_irregular(self._window)
        self._session.close()
        self._jobs.cancel_stale()

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
        suggested = str(self.folders.suggested_path())
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save Mask", suggested, NIFTI_FILTER)
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
            self.folders.saved = path.parent
            self.told.emit(f"Mask saved and checked: {self._name(path, whole=True)}")
            if then is not None:
                then()

        records = self._session.records
        made_by, placed_by = records.get("prediction"), placing_note(self._session)

        def work(_: JobContext) -> Path:
            tasks().export_nifti(mask, path)
            tasks().export_mask_note(mask, path, made_by, placed_by)
            return path

        # No tag: a save that was asked for is finished, whatever is opened meanwhile.
        job = Job(f"Saving {self._name(path)}", work)
        self._jobs.start(job, Handlers(done=saved, failed=self._fail))

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
        menu.addAction("Load as mask", lambda: self.masks.load_mask(path))
        menu.addAction("Load as ground truth", lambda: self.masks.load_truth(path))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    # -- inside ------------------------------------------------------------------------------------------------

    def _position(self) -> Edit | None:
        return self._session.history.position if self._session.history is not None else None

    def _forget_target(self) -> None:
        self._saved_to = None
