"""The bar that offers what a crash has left, and tells when steps cannot be kept against the next one."""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMessageBox, QPushButton, QWidget

from tumorview.app.abandoned import Abandoned, abandoned
from tumorview.app.jobs import Job, JobContext
from tumorview.app.journal import FOLDER, Journal
from tumorview.app.session import Session
from tumorview.errors import WriteError
from tumorview.gui import icons, messages, names, theme
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.sessions import RECORD, SessionController, tasks
from tumorview.gui.timing import Memory
from tumorview.gui.widgets import ElidedLabel

LOOKING = "abandoned"


class Bar(QFrame):
    """One line over the images: amber sign, text, buttons. Hidden while there is nothing to say."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._sign = QLabel()
        self.text = ElidedLabel()
        self.text.setObjectName(f"{name}_text")
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(theme.GRID, 4, theme.GRID, 4)
        self._line.setSpacing(theme.GRID)
        self._line.addWidget(self._sign)
        self._line.addWidget(self.text, 1)
        self.hide()

    def add_button(self, name: str, title: str, tip: str) -> QPushButton:
        """Another button on the right."""
        button = QPushButton(title)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setMinimumHeight(theme.TARGET)
        self._line.addWidget(button)
        return button

    def say(self, text: str) -> None:
        """Show the bar with this text."""
        self._sign.setPixmap(icons.icon("warning", theme.colours().amber).pixmap(16, 16))
        self.text.set_text(text)
        self.show()


@dataclass(frozen=True, eq=False)
class Find:
    """A journal without a process, and what is in it; ``content`` None where nothing can be brought back."""

    journal: Abandoned
    content: Any = None  # of a JournalContent
    error: Exception | None = None


class RestoreController(QObject):
    """Keeps the journal of the window's session, and offers those of windows that ended without closing."""

    told = Signal(str)
    restored = Signal(object)  # Box of the last step
    _journal_problem = Signal(object)  # WriteError or None, from the writer's thread

    def __init__(
        self, window: QWidget, session: Session, jobs: JobRunner, memory: Memory, sessions: SessionController
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._jobs, self._memory = window, session, jobs, memory
        self._sessions = sessions
        self.journal = Journal(session, memory.store.folder / FOLDER)
        self._finds: list[Find] = []
        self.bar = Bar("restore_bar")
        self._restore = self.bar.add_button("restore_button", "Restore", "Open the image and bring the work back")
        self._restore.setProperty("primary", True)
        self._discard = self.bar.add_button("discard_button", "Discard…", "Delete this work for good")
        self._later = self.bar.add_button("later_button", "Later", "Keep it and ask again at the next start")
        self._restore.clicked.connect(lambda: self.restore())
        self._discard.clicked.connect(lambda: self._ask_discard())
        self._later.clicked.connect(lambda: self._keep_this())
        self.problem_bar = Bar("journal_problem_bar")
        save = self.problem_bar.add_button("save_elsewhere_button", "Save Session As…", "Put the work on another disk")
        save.clicked.connect(lambda: sessions.save_as())
        self._journal_problem.connect(self._show_problem)
        self._stop = self.journal.problem.connect(self._journal_problem.emit)

    # -- what a crash has left ---------------------------------------------------------------------------------

    def look(self) -> None:
        """Look for work that was not closed, in the background, and offer it."""
        found = abandoned(self.journal.folder)
        if not found:
            return

        def read(context: JobContext) -> list[Find]:
            return [_read(journal) for journal in found]

        def failed(_: Exception) -> None:
            for journal in found:
                journal.keep()

        handlers = Handlers(done=self._offer, failed=failed, cancelled=lambda: failed(RuntimeError()))
        self._jobs.start(Job("Looking for unsaved work", read, exclusive=LOOKING), handlers)

    def _offer(self, finds: list[Find]) -> None:
        for find in finds:
            if find.content is not None and find.content.state.empty:
                find.journal.discard()
            else:
                self._finds.append(find)
        self._show_next()

    def _show_next(self) -> None:
        if not self._finds:
            self.bar.hide()
            return
        find = self._finds[0]
        more = f"   (1 of {len(self._finds)})" if len(self._finds) > 1 else ""
        self._restore.setVisible(find.content is not None)
        self.bar.say(self._description(find) + more)

    def _description(self, find: Find) -> str:
        when = _when(find.journal.modified)
        if find.content is None:
            return f"Unsaved work from {when} cannot be restored. {find.error}"
        state = find.content.state
        count = len(state.done)
        steps = f"{count} step{'' if count == 1 else 's'}"
        title = names.masked(self._memory.settings, state.image.title)
        return f"TumorView ended without closing “{title}”: {steps}, the last {when}."

    def restore(self) -> None:
        """Bring back what the bar offers."""
        if not self._finds or self._finds[0].content is None:
            return
        find = self._finds[0]
        self.bar.setEnabled(False)

        def accepted(found: Any) -> None:  # noqa: ANN401 - a BroughtBack
            self.bar.setEnabled(True)
            self._finds.remove(find)
            self.journal.replaces(find.journal)
            self._session.open(found.study, found.state)
            self._jobs.cancel_stale()
            path = self._session.records.get(RECORD)
            if isinstance(path, str):
                self._sessions.adopt(Path(path))
            self._show_next()
            if found.state.done:
                self.restored.emit(found.state.done[-1].box)
            self.told.emit(f"Restored: {len(found.state.done)} steps; all of them can be undone")
            self._sessions.tell_warnings(found.warnings)

        self._sessions.bring(
            lambda context, image: tasks().bring_back(find.content, context, image),
            accepted,
            given_up=lambda: self.bar.setEnabled(True),
        )

    def _ask_discard(self) -> None:
        find = self._finds[0]
        box = messages.question(
            self._window, "discard_dialog", "Delete this unsaved work for good?", self._description(find)
        )
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Cancel)

        def chosen(result: int) -> None:
            if result == buttons.Discard and find in self._finds:
                self._finds.remove(find)
                find.journal.discard()
                self._show_next()

        box.finished.connect(chosen)
        box.open()

    def _keep_this(self) -> None:
        """One whose image cannot be reached now must not stand in the way of the others."""
        self._finds.pop(0).journal.keep()
        self._show_next()

    def _keep_all(self) -> None:
        for find in self._finds:
            find.journal.keep()
        self._finds.clear()
        self._show_next()

    # -- the journal of this window ----------------------------------------------------------------------------

    def _show_problem(self, error: WriteError | None) -> None:
        if error is None:
            self.problem_bar.hide()
            self.told.emit("Steps are kept against a crash again")
            return
        reason = error.message.rpartition(": ")[2]
        self.problem_bar.say(f"Your work is in memory only: {reason} It cannot be kept against a crash.")

    def close(self) -> None:
        """The window closes: its work was saved or given up; what was not decided on is kept for the next start."""
        self._stop()
        self._keep_all()
        self.journal.close()


def _read(journal: Abandoned) -> Find:
    try:
        return Find(journal, journal.read())
    except Exception as error:  # noqa: BLE001 - shown with the offer
        return Find(journal, error=error)


def _when(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds).astimezone()
    today = datetime.datetime.now().astimezone().date()
    if moment.date() == today:
        return f"at {moment:%H:%M}"
    if moment.date() == today - datetime.timedelta(days=1):
        return f"yesterday at {moment:%H:%M}"
    return f"on {moment:%Y-%m-%d at %H:%M}"
