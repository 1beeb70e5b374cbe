"""Journals of processes that died: each has an operating system's lock beside it, which dies with its process."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tumorview.io.journal_file import SUFFIX
from tumorview.io.journal_reading import JournalContent, read_journal

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger(__name__)


class JournalLock:
    """Says that a living process uses a journal."""

    def __init__(self, lock: "FileLock") -> None:
        self._lock = lock

    @classmethod
    def taken(cls, journal: Path) -> "JournalLock | None":
        """The lock of ``journal``, in a folder that is made where it is missing; None where another process has it."""
        from filelock import FileLock, Timeout  # loaded when there is something to lock, not with the window

        journal.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(journal.with_suffix(".lock"), blocking=False, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return None
        return cls(lock)

    def release(self) -> None:
        """Let other processes have the journal."""
        self._lock.release()

    def remove(self) -> None:
        """Release a lock; where the journal is gone its file goes too."""
        path = Path(self._lock.lock_file)
        if not path.with_suffix(SUFFIX).exists():
            path.unlink(missing_ok=True)
        self._lock.release()


class Abandoned:
    """A journal that nobody writes any more; no other process takes it as long as this one holds it."""

    def __init__(self, path: Path, lock: JournalLock) -> None:
        self.path = path
        self._lock = lock

    @property
    def modified(self) -> float:
        """When its last step was made, seconds since 1970."""
        try:
            return self.path.stat().st_mtime
        except OSError:
            return 0.0

    def read(self) -> JournalContent:
        """The session in it; ReadError where nothing can be brought back."""
        return read_journal(self.path)

    def discard(self) -> None:
        """Delete it for good."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a journal stays: %s", type(error).__name__)
        self._lock.remove()

    def keep(self) -> None:
        """Leave it for another start."""
        self._lock.release()


def abandoned(folder: Path) -> list[Abandoned]:
    """Every journal in ``folder`` whose process has died, the latest first; leftovers without a journal are swept."""
    try:
        files = list(folder.iterdir())
    except OSError:
        return []
    found = []
    for path in files:
        journal = path.with_suffix(SUFFIX)
        if path.suffix != SUFFIX and (path.suffix not in (".tmp", ".lock") or journal.exists()):
            continue
        try:
            lock = JournalLock.taken(journal)
        except OSError as error:
            log.warning("a journal cannot be taken: %s", type(error).__name__)
            continue
        if lock is not None and path.suffix == SUFFIX:
            found.append(Abandoned(path, lock))
        elif lock is not None:
            _sweep(path, lock)
    return sorted(found, key=lambda one: one.modified, reverse=True)


def _sweep(path: Path, lock: JournalLock) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("a leftover stays: %s", type(error).__name__)
    lock.remove()
