"""Doing something less often than it is asked for."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer

from tumorview.app.settings import Settings
from tumorview.app.settings_store import SettingsStore


class Throttle(QObject):
    """Calls ``action`` at most once per interval, and always once more after the last request."""

    def __init__(self, interval_ms: int, action: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self._asked = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._elapsed)

    def request(self) -> None:
        """Now if the last time is long enough ago, otherwise as soon as it is."""
        if self._timer.isActive():
            self._asked = True
        else:
            self._timer.start()
            self._action()

    def flush(self) -> None:
        """Do at once what is still waiting."""
        if self._asked:
            self._asked = False
            self._action()

    def cancel(self) -> None:
        """Forget what is waiting."""
        self._asked = False
        self._timer.stop()

    def _elapsed(self) -> None:
        if self._asked:
            self._asked = False
            self._timer.start()
            self._action()


class Debounce(QObject):
    """Calls ``action`` once, when nothing was requested for an interval."""

    def __init__(self, interval_ms: int, action: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(action)

    def request(self) -> None:
        """Wait anew."""
        self._timer.start()

    def flush(self) -> None:
        """Do at once what is waiting."""
        if self._timer.isActive():
            self._timer.stop()
            self._action()

    def cancel(self) -> None:
        """Forget what is waiting."""
        self._timer.stop()


class Memory(QObject):
    """Settings that may change with every step of a slider: they reach the disk once it rests."""

    def __init__(self, store: SettingsStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self._pending: dict[str, Any] = {}
        self._later = Debounce(600, self._save, self)

    @property
    def settings(self) -> Settings:
        """What is remembered on disk."""
        return self.store.current

    def change(self, **changes: Any) -> None:  # noqa: ANN401 - one keyword per field of Settings
        """Remember some settings soon."""
        self._pending.update(changes)
        self._later.request()

    def set(self, **changes: Any) -> None:  # noqa: ANN401 - one keyword per field of Settings
        """Change some settings now: a choice, not a slider on its way."""
        self._pending.update(changes)
        self._later.cancel()
        self._save()

    def flush(self) -> None:
        """Remember everything now."""
        self._later.flush()

    def _save(self) -> None:
        pending, self._pending = self._pending, {}
        self.store.change(**pending)
