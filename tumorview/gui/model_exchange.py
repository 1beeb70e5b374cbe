"""Models as files: a .tvmodel is installed or written, one at a time, in the background."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from tumorview.app.jobs import Job
from tumorview.app.model_store import SUFFIX, StoredModel
from tumorview.gui import messages
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.model_list import ModelList

MOVE = "models_move"
FILTER = f"TumorView models (*{SUFFIX});;All files (*)"


class ModelExchange(QObject):
    """Imports and exports for the dialog that is its parent: ``told`` what happened, ``imported`` a model's id.

    What is being written when the dialog closes is finished; an error is then shown on the window.
    """

    told = Signal(str)
    imported = Signal(str)

    def __init__(self, models: ModelList, jobs: JobRunner, dialog: QWidget) -> None:
        super().__init__(dialog)
        self._list, self._store, self._jobs = models, models.store, jobs
        self._dialog, self._window = dialog, dialog.parentWidget()
        self._gone = False

    def dismiss(self) -> None:
        """The dialog closes: nobody reads what it says any more."""
        self._gone = True

    def choose_import(self) -> None:
        """Let the user choose a package."""
        chosen, _ = QFileDialog.getOpenFileName(self._dialog, "Import Model", "", FILTER)
        if chosen:
            self.import_file(Path(chosen))

    def choose_export(self, model: StoredModel) -> None:
        """Let the user say where to."""
        chosen, _ = QFileDialog.getSaveFileName(self._dialog, "Export Model", f"{model.id}{SUFFIX}", FILTER)
        if chosen:
            self.export(model, Path(chosen))

    def import_file(self, path: Path) -> None:
        """Install a package, in the background."""
        store = self._store

        def done(model: StoredModel) -> None:
            self._list.reload()
            if not self._gone:
                self.imported.emit(model.id)
                self.told.emit(f"{model.title} was imported.")

        self._move(f"Importing {path.name}", lambda: store.import_file(path), done)

    def export(self, model: StoredModel, path: Path) -> None:
        """Write a package, in the background."""
        store = self._store

        def done(written: Path) -> None:
            if not self._gone:
                self.told.emit(f"Wrote {written.name}.")

        self._move(f"Exporting {model.title}", lambda: store.export(model.id, path), done)

    def _move(self, title: str, work: Callable[[], object], done: Callable[..., None]) -> None:
        if self._jobs.is_running(MOVE):
            self.told.emit("Another model is being imported or exported.")
            return
        self.told.emit(f"{title} …")

        def failed(error: Exception) -> None:
            if not self._gone:
                self.told.emit("")
            messages.show_error(self._window if self._gone else self._dialog, error)

        self._jobs.start(Job(title, lambda _: work(), exclusive=MOVE), Handlers(done=done, failed=failed))
