"""Tells two windows, or two machines, that they have the same session open.

A small file beside the session names host, process and time. It is refreshed while the session is open, so that one
left behind by a crash is recognised: at once on the same machine, after a while on another.
"""

import contextlib
import datetime
import getpass
import json
import os
import socket
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from tumorview.io.session_file import SUFFIX

__all__ = ["SUFFIX", "Holder", "SessionLock", "holder_of", "lock_path"]

REFRESH_SECONDS = 30.0
STALE_SECONDS = 600.0  # without a refresh: more than any sleep of a network share or difference of clocks


@dataclass(frozen=True)
class Holder:
    """Who has a session open."""

    host: str
    pid: int
    user: str
    since: str
    id: str

    def describe(self) -> str:
        """One line for a question."""
        return f"{self.user} on {self.host}, since {self.since} (process {self.pid})"


class SessionLock:
    """The lock of one session file, held until ``release``; ``take`` gets it."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder
        self.released = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="session lock", daemon=True)
        self._thread.start()

    @classmethod
    def take(cls, session: Path, *, by_force: bool = False) -> "SessionLock | Holder | None":
        """The lock of ``session``; the Holder who has it; None where none can be made (a read-only folder)."""
        path = lock_path(session)
        holder = Holder(socket.gethostname(), os.getpid(), _user(), _now(), uuid.uuid4().hex)
        for _ in range(3):
            # Asked before it is read: a lock appears with its whole content, so one that was there and says nothing is
            # broken, while one that appears meanwhile is somebody's and must not be put aside.
            there = path.exists()
            other = holder_of(session)
            if other is not None and not by_force and not _stale(other, path):
                return other
            try:
                if there:
                    _put_aside(path, other)
                _create(path, holder)
            except FileExistsError:
                continue  # somebody else was faster: look again
            except OSError:
                return None
            return cls(path, holder)
        return holder_of(session)

    @property
    def held(self) -> bool:
        """Whether nobody has taken the session over."""
        other = _read(self.path)
        return other is not None and other.id == self.holder.id

    def release(self) -> None:
        """Let others open the session."""
        self.released = True
        self._stop.set()
        self._thread.join(5.0)
        if self.held:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _refresh(self) -> None:
        while not self._stop.wait(REFRESH_SECONDS):
            if self.held:
                with contextlib.suppress(OSError):
                    os.utime(self.path)


def lock_path(session: Path) -> Path:
    """Where the lock of ``session`` lies."""
    return session.with_name(f".{session.name}.lock")


def holder_of(session: Path) -> Holder | None:
    """Who says to have ``session`` open, perhaps long dead; None where nobody does."""
    return _read(lock_path(session))


def _create(path: Path, holder: Holder) -> None:
    """Make the lock with its whole content at once; FileExistsError where there is one."""
    temporary = path.with_name(f"{path.name}.{holder.id}")
    temporary.write_text(json.dumps(asdict(holder)), encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: two in the same millisecond could both succeed
        with path.open("x", encoding="utf-8") as file:
            file.write(temporary.read_text(encoding="utf-8"))
    finally:
        temporary.unlink()


def _put_aside(path: Path, stale: Holder | None) -> None:
    """Remove the lock that was read as ``stale``; one that somebody has made meanwhile stays."""
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) != stale:
        with contextlib.suppress(OSError):
            os.link(aside, path)
    aside.unlink()


def _read(path: Path) -> Holder | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return Holder(str(value["host"]), int(value["pid"]), str(value["user"]), str(value["since"]), str(value["id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stale(holder: Holder, path: Path) -> bool:
    if holder.host == socket.gethostname() and not _alive(holder.pid):
        return True
    try:
        return time.time() - path.stat().st_mtime > STALE_SECONDS
    except OSError:
        return True


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there os.kill would end the process; its age tells instead
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _now() -> str:
    return datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
