"""Saves a session that has a file by itself, a while after something in it changed."""

from PySide6.QtCore import QObject, QTimer

from tumorview.app.session import Session
from tumorview.gui.sessions import SessionController
from tumorview.gui.timing import Memory

MINUTE_MS = 60_000
BUSY_MS = 3_000  # how long to wait for the end of a stroke or of another save


class Autosave(QObject):
    """Begins to count with the first unsaved change. Work without a session file is in the journal only."""

    def __init__(
        self, session: Session, sessions: SessionController, memory: Memory, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._sessions, self._memory = session, sessions, memory
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._due)
        session.history_changed.connect(lambda _: self._changed())
        session.records.changed.connect(lambda _: self._changed())
        memory.store.changed.connect(lambda _: self._settings_changed())

    def _changed(self) -> None:
        if not self._wanted:
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start(self._interval)

    def _settings_changed(self) -> None:
        if self._timer.isActive() and self._timer.interval() != self._interval:
            self._timer.stop()
        self._changed()

    @property
    def _interval(self) -> int:
        return self._memory.settings.autosave_minutes * MINUTE_MS

    @property
    def _wanted(self) -> bool:
        return self._interval > 0 and self._sessions.path is not None and self._session.dirty

    def _due(self) -> None:
        if not self._wanted:
            return
        if self._session.painting or self._sessions.saving:
            self._timer.start(BUSY_MS)
        else:
            self._timer.start(self._interval)  # again if it fails; a save that works stops it
            self._sessions.save_quietly()
