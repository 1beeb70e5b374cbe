"""What everything that opens and saves files in the window shares: names, folders, errors, the mask as it is now."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from tumorview.app.session import Session
from tumorview.core.mask import Mask
from tumorview.gui import messages, names
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.sessions import tasks
from tumorview.gui.timing import Memory

Then = Callable[[], None]


class Folders:
    """Where files were read and written last, and where they are offered next."""

    def __init__(self, session: Session, memory: Memory) -> None:
        self._session, self._memory = session, memory
        self.saved: Path | None = None  # where something was saved last

    @property
    def opened(self) -> str:
        """Where something was opened last."""
        return self._memory.settings.last_folder or str(Path.home())

    @property
    def first(self) -> Path | None:
        """Where exports went last, otherwise where the settings want them."""
        wanted = self._memory.settings.export_folder
        return self.saved or (Path(wanted) if wanted and Path(wanted).is_dir() else None)

    def suggested_path(self) -> Path:
        """Where a mask that was never saved would go."""
        study = self._session.study
        assert study is not None
        source = study.path
        name = source.name
        if not source.is_dir():
            name = name.split(".")[0]
        bundled = source == tasks().sample_path()
        return (self.first or (Path.home() if bundled else source.parent)) / f"{name}_mask.nii.gz"


class FileWork(QObject):
    """``told`` carries one line for the status bar."""

    told = Signal(str)

    def __init__(
        self, window: QWidget, session: Session, jobs: JobRunner, memory: Memory, folders: Folders, *, settle: Then
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._jobs, self._memory = window, session, jobs, memory
        self._folders, self._settle = folders, settle

    def _name(self, path: Path, *, whole: bool = False) -> str:
        """A file as the user may see it."""
        return names.masked(self._memory.settings, str(path) if whole else path.name)

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

    def _fail(self, error: Exception) -> None:
        messages.show_error(self._window, error, hide_names=self._memory.settings.hide_identity)
