"""Saving and opening sessions for the window: whose session it is, where its image lies, and what is asked."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton, QWidget

from tumorview.app.jobs import Job, JobContext
from tumorview.app.session import Session
from tumorview.app.session_lock import SUFFIX, Holder, SessionLock
from tumorview.app.snapshot import snapshot
from tumorview.errors import WriteError
from tumorview.gui import messages, names
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.timing import Memory

if TYPE_CHECKING:  # it brings the readers, which the window's start does not wait for
    from tumorview.app.session_files import BroughtBack, ImageMissingError

OPEN = "open"  # the group of jobs that put another study in the window
FILTER = f"Sessions (*{SUFFIX})"
RECORD = "session_file"
Then = Callable[[], None]
Bring = Callable[[JobContext, Path | None], "BroughtBack"]  # a Path says where the image lies now


def tasks() -> ModuleType:
    """The use cases. File formats take half a second to import: the first job does that, not the window."""
    from tumorview.app import tasks as use_cases

    return use_cases


def is_session(path: Path) -> bool:
    """Whether the name is that of a session file."""
    return path.suffix.lower() == SUFFIX


class SessionController(QObject):
    """``told`` carries one line for the status bar. The session that is open in ``path`` is locked for others."""

    told = Signal(str)

    def __init__(
        self,
        window: QWidget,
        session: Session,
        jobs: JobRunner,
        memory: Memory,
        *,
        settle: Then,
        before_losing: Callable[[Then], None],
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._jobs, self._memory = window, session, jobs, memory
        self._settle, self._before_losing = settle, before_losing
        self.path: Path | None = None
        self.saving = False
        self._next_save: Then | None = None
        self._lock: SessionLock | None = None
        session.study_changed.connect(lambda _: self.release())

    # -- saving ------------------------------------------------------------------------------------------------

    def save(self, then: Then | None = None) -> None:
        """Save where the session was opened or saved last, otherwise ask; then do ``then``."""
        if self.path is None:
            self.save_as(then)
        elif self._lock is not None and not self._lock.held:
            self._tell_taken_over(then)
        else:
            self.save_to(self.path, then)

    def save_as(self, then: Then | None = None) -> None:
        """Ask for a file and save the session there."""
        study = self._session.study
        if study is None:
            return
        source = study.path
        name = source.name if source.is_dir() else source.name.split(".")[0]
        bundled = source == tasks().sample_path()
        start = self.path or (Path.home() if bundled else source.parent) / f"{name}{SUFFIX}"
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save Session", str(start), FILTER)
        if chosen:
            path = Path(chosen)
            self.save_to(path if is_session(path) else path.with_name(path.name + SUFFIX), then)

    def save_quietly(self) -> None:
        """Save where the session was opened or saved last, without a question: what goes wrong is told in one line."""
        if self.path is None:
            return
        if self._lock is not None and not self._lock.held:
            self.told.emit("Not saved by itself: somebody has taken this session over. Save yours under another name.")
        else:
            self.save_to(self.path, quiet=True)

    def save_to(self, path: Path, then: Then | None = None, *, quiet: bool = False) -> None:
        """Save the session; success is told once the file was read back. ``quiet`` opens no dialog."""
        if self.saving:  # one after the other: an older state must never be written last
            self._next_save = lambda: self.save_to(path, then, quiet=quiet)
            return
        study, history = self._session.study, self._session.history
        if study is None or history is None:
            return
        lock = self._locked(path)
        if isinstance(lock, Holder):
            self._not_saved(_in_use(lock), quiet=quiet)
            return
        if not quiet:  # otherwise a threshold that is being tried is not a step yet
            self._settle()
        self._session.end_stroke()
        position, state = history.position, snapshot(self._session)
        documents = _without_path(state.documents)
        state = replace(state, documents=documents)

        def saved(_: Path) -> None:
            if self._session.study is not None and self._session.study.id == study.id:
                self._adopt(path, lock)
                if _without_path(self._session.records.all) == documents:
                    self._session.records.unsaved = False
                self._session.mark_saved_at(position)
            self._memory.store.remember_recent(path)
            by_itself = " by itself" if quiet else ""
            self.told.emit(f"Session saved{by_itself} and checked: {names.masked(self._memory.settings, str(path))}")
            self._save_next()
            if then is not None:
                then()

        def given_up() -> None:
            if lock is not None and lock is not self._lock:
                lock.release()
            self._save_next()

        def failed(error: Exception) -> None:
            self._not_saved(error, quiet=quiet)
            given_up()

        self.saving = True
        job = Job("Saving the session", lambda _: tasks().save_session(state, study, path))
        self._jobs.start(job, Handlers(done=saved, failed=failed, cancelled=given_up))

    def _save_next(self) -> None:
        self.saving = False
        save, self._next_save = self._next_save, None
        if save is not None:
            save()

    def _not_saved(self, error: Exception, *, quiet: bool) -> None:
        if quiet:
            reason = str(error).rpartition(": ")[2]  # without the name of the file
            self.told.emit(f"The session could not be saved by itself: {reason}")
        else:
            messages.show_error(self._window, error, hide_names=self._hidden)

    # -- opening -----------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Let the user choose a session."""
        start = self._memory.settings.last_folder or str(Path.home())
        chosen, _ = QFileDialog.getOpenFileName(self._window, "Open Session", start, FILTER)
        if chosen:
            self.open_path(Path(chosen))

    def open_path(self, path: Path) -> None:
        """Open a session in the background; what is open stays until it is there."""
        lock = self._locked(path)
        if isinstance(lock, Holder):
            self._ask_about(path, lock)
        else:
            self._open(path, lock)

    def _open(self, path: Path, lock: SessionLock | None, *, copy: bool = False) -> None:
        def opened(found: "BroughtBack") -> None:
            self._session.open(found.study, found.state)
            self._jobs.cancel_stale()
            if not copy:
                self._adopt(path, lock)
            self._session.mark_saved()
            self._memory.store.remember_recent(path)
            self._memory.store.change(last_folder=str(path.resolve().parent))
            self.tell_warnings(found.warnings)

        def given_up() -> None:
            if lock is not None and lock is not self._lock:
                lock.release()

        self.bring(lambda context, image: tasks().open_session(path, context, image), opened, given_up)

    def bring(self, work: Bring, accepted: Callable[["BroughtBack"], None], given_up: Then) -> None:
        """Bring a session back in a job, after asking about unsaved work; ask where its image is if it was moved."""

        def start(image: Path | None = None) -> None:
            def failed(error: Exception) -> None:
                from tumorview.app.session_files import ImageMissingError

                if isinstance(error, ImageMissingError):
                    self._ask_for_image(error, start, given_up)
                else:
                    given_up()
                    messages.show_error(self._window, error, hide_names=self._hidden)

            def done(found: "BroughtBack") -> None:
                if found.other_voxels:
                    self._ask_about_voxels(lambda: accept(found), given_up)
                else:
                    accept(found)

            def accept(found: "BroughtBack") -> None:
                try:
                    accepted(found)
                except Exception as error:  # noqa: BLE001 - told like one that cannot be read
                    given_up()
                    messages.show_error(self._window, error, hide_names=self._hidden)

            job = Job("Opening the session", lambda context: work(context, image), exclusive=OPEN)
            self._jobs.start(job, Handlers(done=done, failed=failed, cancelled=given_up))

        self._before_losing(start)

    def adopt(self, path: Path) -> None:
        """The session that is open was brought back from a crash: it belongs to ``path`` again, if nobody has it."""
        lock = self._locked(path)
        if path.exists() and not isinstance(lock, Holder):
            self._adopt(path, lock)

    def release(self) -> None:
        """The session is closed: others may open its file."""
        if self._lock is not None:
            self._lock.release()
        self.path = self._lock = None

    def tell_warnings(self, warnings: tuple[str, ...]) -> None:
        """What was damaged or is doubtful about a session that was brought back."""
        if warnings:
            box = self._box("session_warning", warnings[0], "\n".join(warnings[1:]))
            box.open()

    # -- whose it is -------------------------------------------------------------------------------------------

    def _locked(self, path: Path) -> SessionLock | Holder | None:
        return self._lock if self._lock is not None and path == self.path else SessionLock.take(path)

    def _adopt(self, path: Path, lock: SessionLock | None) -> None:
        if lock is not None and lock.released:  # the very session that was open was opened again
            again = SessionLock.take(path)
            lock = again if isinstance(again, SessionLock) else None
        if self._lock is not None and self._lock is not lock:
            self._lock.release()
        self.path, self._lock = path, lock
        self._session.records.put(RECORD, str(path))

    def _ask_about(self, path: Path, holder: Holder) -> None:
        box = self._box("session_in_use_dialog", "This session is open elsewhere.", f"{holder.describe()}.")
        copy = box.addButton("Open a Copy", QMessageBox.ButtonRole.AcceptRole)
        over = box.addButton("Take It Over", QMessageBox.ButtonRole.DestructiveRole)
        box.setStandardButtons(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(copy)
        copy.setToolTip("Its work can be saved under another name")
        over.setToolTip("The other window can then save under another name only")

        def take_over() -> None:
            lock = SessionLock.take(path, by_force=True)
            self._open(path, lock if isinstance(lock, SessionLock) else None)

        self._open_box(box, {copy: lambda: self._open(path, None, copy=True), over: take_over})

    def _tell_taken_over(self, then: Then | None) -> None:
        box = self._box(
            "session_taken_dialog",
            "Somebody has taken this session over: saving would overwrite their work.",
            "Save yours under another name.",
        )
        button = box.addButton("Save As…", QMessageBox.ButtonRole.AcceptRole)
        box.setStandardButtons(QMessageBox.StandardButton.Cancel)
        self._open_box(box, {button: lambda: self.save_as(then)})

    # -- where its image is ------------------------------------------------------------------------------------

    def _ask_for_image(self, error: "ImageMissingError", retry: Callable[[Path | None], None], given_up: Then) -> None:
        image = error.image
        name = names.masked(self._memory.settings, str(image.path))
        box = self._box("image_missing_dialog", "The image of this session is not where it was.", f"Looked for: {name}")
        file = box.addButton("Find File…", QMessageBox.ButtonRole.AcceptRole)
        folder = box.addButton("Find Folder…", QMessageBox.ButtonRole.AcceptRole)
        box.setStandardButtons(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(file if image.path.suffix else folder)
        start = self._memory.settings.last_folder or str(Path.home())

        def find_file() -> None:
            chosen, _ = QFileDialog.getOpenFileName(self._window, "Find the Image", start)
            retry(Path(chosen)) if chosen else given_up()

        def find_folder() -> None:
            chosen = QFileDialog.getExistingDirectory(self._window, "Find the Image's Folder", start)
            retry(Path(chosen)) if chosen else given_up()

        self._open_box(box, {file: find_file, folder: find_folder}, given_up)

    def _ask_about_voxels(self, accept: Then, given_up: Then) -> None:
        box = self._box(
            "other_voxels_dialog",
            "This image has other voxels than the one that the session was made on.",
            "Its size and place are the same. The mask may not fit what you see.",
        )
        button = box.addButton("Open Anyway", QMessageBox.ButtonRole.AcceptRole)
        box.setStandardButtons(QMessageBox.StandardButton.Cancel)
        self._open_box(box, {button: accept}, given_up)

    # -- inside ------------------------------------------------------------------------------------------------

    @property
    def _hidden(self) -> bool:
        return self._memory.settings.hide_identity

    def _box(self, name: str, text: str, more: str) -> QMessageBox:
        return messages.question(self._window, name, text, more)

    def _open_box(self, box: QMessageBox, chosen: dict[QPushButton, Then], otherwise: Then = lambda: None) -> None:
        def finished() -> None:
            button = box.clickedButton()
            next((do for one, do in chosen.items() if one is button), otherwise)()

        box.finished.connect(lambda _: finished())
        box.open()


def _without_path(documents: Mapping[str, Any]) -> dict[str, Any]:
    """A session file need not say where it lies."""
    return {name: value for name, value in documents.items() if name != RECORD}


def _in_use(holder: Holder) -> WriteError:
    return WriteError(f"The session was not saved: it is open elsewhere ({holder.describe()}).", "Choose another name.")
