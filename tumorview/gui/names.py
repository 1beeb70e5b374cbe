"""Where the window names a patient (file names do, too): title, Study panel, corner texts and recent studies.

One setting masks all of them, for shared screens and pictures.
"""

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMainWindow, QMenu

from tumorview.app.jobs import Job, JobContext
from tumorview.app.program_log import Privacy
from tumorview.app.reading import Reading
from tumorview.app.settings import Settings
from tumorview.core.study import Study
from tumorview.gui.docks.study_dock import StudyDock
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.timing import Memory
from tumorview.gui.welcome import RecentEntry, WelcomePage

HIDDEN = "Identity hidden"
CHECK = "recent"


class Names(QObject):
    """``recent_chosen`` carries the path of the recent study that was chosen."""

    recent_chosen = Signal(object)  # Path

    def __init__(
        self,
        window: QMainWindow,
        reading: Reading,
        memory: Memory,
        jobs: JobRunner,
        *,
        welcome: WelcomePage,
        recent: QMenu,
        study_dock: StudyDock,
        privacy: Privacy,
    ) -> None:
        super().__init__(window)
        self._window, self._reading, self._memory, self._jobs = window, reading, memory, jobs
        self._welcome, self._recent, self._dock = welcome, recent, study_dock
        self._privacy = privacy
        self._missing: frozenset[str] = frozenset()
        welcome.recent_chosen.connect(self.recent_chosen)
        welcome.recent_removed.connect(memory.store.forget_recent)

    @property
    def hidden(self) -> bool:
        """Whether names are masked."""
        return self._memory.settings.hide_identity

    def show_study(self) -> None:
        """Title, Study panel and corner texts of the open study."""
        study = self._reading.session.study
        if study is not None:
            self._privacy.hide((*study.path.parts[-2:], study.title, study.patient))
        name = "" if study is None else masked(self._memory.settings, name_of(study))
        in_title = name and self._memory.settings.name_in_title
        self._window.setWindowTitle(f"{name}[*] – TumorView" if in_title else "TumorView[*]")
        self._dock.show_name(name, "" if study is None or self.hidden else study.patient)
        self._reading.show_identity("" if study is None or self.hidden else study.patient or name)

    def show_recent(self) -> None:
        """The recent studies, on the welcome page and in the menu; which are still there is looked up meanwhile."""
        self._list_recent()
        paths = self._memory.settings.recent
        if not paths:
            return

        def work(context: JobContext) -> frozenset[str]:
            missing = set()
            for path in paths:
                context.check()
                if not Path(path).exists():  # may wait for a network drive
                    missing.add(path)
            return frozenset(missing)

        self._jobs.start(Job("Looking for recent studies", work, exclusive=CHECK), Handlers(done=self._found))

    def _found(self, missing: frozenset[str]) -> None:
        if missing != self._missing:
            self._missing = missing
            self._list_recent()

    def _list_recent(self) -> None:
        entries = [
            RecentEntry(Path(text), self._title_of(number, text), missing=text in self._missing, hidden=self.hidden)
            for number, text in enumerate(self._memory.settings.recent, start=1)
        ]
        self._welcome.show_recent(entries)
        self._recent.clear()
        for entry in entries:
            line = self._recent.addAction(entry.title)
            line.triggered.connect(lambda _=False, path=entry.path: self.recent_chosen.emit(path))
            line.setToolTip(entry.title if entry.hidden else str(entry.path))
            line.setEnabled(not entry.missing)
        self._recent.setEnabled(bool(entries))

    def _title_of(self, number: int, text: str) -> str:
        return f"Recent study {number}" if self.hidden else Path(text).name


def masked(settings: Settings, name: str) -> str:
    """``name``, which may be a patient's, or what stands in its place."""
    return HIDDEN if settings.hide_identity else name


def name_of(study: Study) -> str:
    """What a study is called where nothing is masked."""
    return study.title or study.path.name
