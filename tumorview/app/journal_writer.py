"""The one thread that writes a journal: a queue in memory, a file that is synced, and patience with full disks."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tumorview.app.abandoned import JournalLock
from tumorview.core.session_state import ImageReference
from tumorview.errors import WriteError
from tumorview.io.atomic import write_error
from tumorview.io.journal_file import JournalFile, Record, image_record

RETRY_SECONDS = 2.0
MAX_WAITING_BYTES = 64 * 2**20  # of steps that the disk has not taken yet
CLOSE_SECONDS = 10.0

log = logging.getLogger(__name__)

MakeRecords = Callable[[], Iterable[Record]]
MakeFingerprint = Callable[[Callable[[], bool]], str]


@dataclass(frozen=True)
class _Entry:
    """Records to be made and written on the thread; ``begins`` the file anew where an image is named."""

    size: int
    records: MakeRecords
    name: str = ""
    begins: ImageReference | None = None


class JournalWriter:
    """Writes to ``path`` on a thread of its own; whoever adds records never waits for the disk.

    On that thread ``problem`` is called with a WriteError when writing begins to fail and with None when it works
    again, and ``begun`` once when the file is on disk. ``fingerprint`` is asked for after the first records are safe,
    with a function that tells whether there is time for it.
    """

    def __init__(
        self,
        path: Path,
        *,
        problem: Callable[[WriteError | None], None],
        fingerprint: MakeFingerprint,
        begun: Callable[[], None],
    ) -> None:
        self.path = path
        self._problem, self._fingerprint, self._begun = problem, fingerprint, begun
        self._file = JournalFile(path)
        self._lock: JournalLock | None = None
        self._image: ImageReference | None = None  # still without its fingerprint
        self._on_disk = self._failing = False
        self._changed = threading.Condition()
        self._queue: list[_Entry] = []
        self._waiting = 0  # bytes in the queue
        self._busy = self._closing = self._remove = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    # -- for the session's thread ------------------------------------------------------------------------------

    @property
    def wants_restart(self) -> bool:
        """Whether the file is gone, or more waits than should be kept: the present state should take its place."""
        return self._file.vanished or self._waiting > MAX_WAITING_BYTES

    def restart(self, image: ImageReference, records: MakeRecords) -> None:
        """Begin the file anew with ``records``; what was waiting is in them."""
        with self._changed:
            self._queue = [_Entry(0, records, begins=image)]
            self._waiting = 0
            self._changed.notify_all()

    def append(self, size: int, record: Callable[[], Record], name: str = "") -> None:
        """Add a record of about ``size`` bytes; of several in a row with the same ``name`` the last counts."""
        entry = _Entry(size, lambda: (record(),), name)
        with self._changed:
            if name and self._queue and self._queue[-1].name == name:
                self._queue[-1] = entry
            else:
                self._queue.append(entry)
            self._waiting += size
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until nothing waits any more; False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def close(self, *, remove: bool) -> None:
        """Write what waits, or with ``remove`` delete the file, and end the thread soon (see ``join``)."""
        with self._changed:
            self._closing, self._remove = True, remove
            if remove:
                self._queue = []
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the thread's end, but not for ever."""
        self._thread.join(CLOSE_SECONDS)

    # -- the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (entries := self._next()) is not None:
            try:
                self._write(entries)
            except Exception as error:  # noqa: BLE001 - without this thread nobody would be told anything
                self._put_back(entries)
                self._tell(error if isinstance(error, WriteError) else _fault(error))
                if not self._may_retry():
                    break
            else:
                self._tell(None)
                self._written()
        self._file.close()
        if self._remove:
            self._delete()
        if self._lock is not None:
            self._lock.remove()

    def _next(self) -> list[_Entry] | None:
        """What is to be written now; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if self._remove or not self._queue:
                return None
            entries, self._queue, self._waiting = self._queue, [], 0
            self._busy = True
            return entries

    def _write(self, entries: list[_Entry]) -> None:
        records = [record for entry in entries for record in entry.records()]
        if entries[0].begins is None:
            self._file.append(records)
        else:
            self._take_lock()
            self._file.start(records)
            self._image = entries[0].begins

    def _take_lock(self) -> None:
        if self._lock is None:
            try:
                self._lock = JournalLock.taken(self.path)
            except OSError as error:
                raise write_error(self.path, error) from error

    def _put_back(self, entries: list[_Entry]) -> None:
        with self._changed:
            self._busy = False
            if not (self._queue and self._queue[0].begins):
                self._queue = entries + self._queue
                self._waiting = sum(entry.size for entry in self._queue)

    def _may_retry(self) -> bool:
        """Wait a while; False where the program ends and nobody waits for a broken disk."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, RETRY_SECONDS)
            return not self._closing or self._remove

    def _written(self) -> None:
        if not self._on_disk:
            self._on_disk = True
            self._begun()
        with self._changed:
            self._busy = False
            self._changed.notify_all()
        if self._image is not None and self._idle():
            found = self._fingerprint(self._idle)
            if found:
                image, self._image = replace(self._image, fingerprint=found), None
                self.append(0, lambda: image_record(image))

    def _idle(self) -> bool:
        return not self._queue and not self._closing

    def _tell(self, error: WriteError | None) -> None:
        if (error is not None) != self._failing:
            self._failing = error is not None
            self._problem(error)

    def _delete(self) -> None:
        try:
            self._file.remove()
        except OSError:
            return  # it is offered at the next start


def _fault(error: Exception) -> WriteError:
    log.error("the journal's writer failed: %s", type(error).__name__)
    return WriteError(f"The journal was not written: {type(error).__name__}.", "Save the session now.")
