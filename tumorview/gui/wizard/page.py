"""What every page of the training wizard is, and what the window lends it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from tumorview.app.session import Session
from tumorview.app.settings import Settings
from tumorview.app.training_cases import CaseRecord, Problem
from tumorview.gui.job_runner import JobRunner

_QUOTED = re.compile(r"'[^']+'|“[^”]+”")
# Groups of jobs of which one runs at a time.
IMPORT_GROUP, PREVIEW_GROUP, MEASURE_GROUP = "training_import", "training_preview", "training_measure"
WATCH_GROUP = "training_watch"  # of the job that looks at a run, several times a second
GROUPS = (IMPORT_GROUP, PREVIEW_GROUP, MEASURE_GROUP, WATCH_GROUP)


@dataclass(frozen=True)
class WizardServices:
    """What pages may use of the window.

    ``folder`` is TumorView's own (settings, caches), ``models_folder`` the one of the user's models; call
    ``models_changed`` after a model was installed or removed, so that the window lists them anew.
    """

    session: Session
    jobs: JobRunner
    settings: Callable[[], Settings]
    folder: Path
    models_folder: Path
    models_changed: Callable[[], None] = lambda: None

    def title_of(self, case: CaseRecord) -> str:
        """What a case is called on the screen: not by its files' names where these are to be hidden."""
        return f"Case {case.id.removeprefix('case_')}" if self.settings().hide_identity else case.title

    def place_of(self, case: CaseRecord) -> str:
        """Where a case comes from, where that may be shown."""
        return "" if self.settings().hide_identity else case.source

    def problem_text(self, problem: Problem) -> str:
        """What is wrong and what to do, without names of files and cases where these are to be hidden."""
        text = f"{problem.text} {problem.remedy}".rstrip()
        return _QUOTED.sub("…", text) if self.settings().hide_identity else text


class WizardPage(QWidget):
    """One page. The shell asks ``complete`` again whenever ``changed`` is emitted, and offers Next only where it holds.

    ``enter`` is called each time the page comes into view, ``leave`` when another page takes its place, ``retire``
    once, when the wizard's window closes.
    """

    changed = Signal()
    failed = Signal(object)  # an Exception that the shell shows
    title = ""
    lead = ""  # one sentence under the title

    @property
    def first_control(self) -> QWidget | None:
        """What gets the keyboard when the page comes into view; None where Next or Back should have it."""
        return None

    @property
    def complete(self) -> bool:
        """Whether the user may go on to the next page."""
        return True

    def enter(self) -> None:
        """The page comes into view."""

    def leave(self) -> None:
        """The page goes out of view; long work that belongs to it alone ends here."""

    def retire(self) -> None:
        """The wizard's window closes for good; let go of threads, timers and files."""
        self.leave()
