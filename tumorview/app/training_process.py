"""The process that trains: that it is the only one in its folder, how others find it, and how it makes way for them.

``process.json`` in the run's folder names it by number and start, so that a number which the system has given to
another program meanwhile is never taken for it, let alone ended. Whoever wants it to stop puts down ``stop.request``,
which works on every system and from any window; it saves a checkpoint and goes.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from tumorview.errors import TrainingError, TrainingStorageError

PROCESS_NAME = "process.json"
STOP_NAME = "stop.request"

_NICE, _NICE_AWAITED = 19, 5
_FIRST_TO_GO = "800"  # of 1000: the viewer, with unsaved work, is at 0
_LOOK_SECONDS = 0.2


class StopKind(StrEnum):
    """What a run is asked for: to go on later, or to be done with what it has; both save a checkpoint."""

    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Trainer:
    """A process that trains, or did: ``started`` tells it from a later one of the same number."""

    pid: int
    started: str
    host: str
    since: str

    @classmethod
    def me(cls) -> "Trainer":
        """This process."""
        pid = os.getpid()
        return cls(pid, _start_of(pid) or "", socket.gethostname(), time.strftime("%Y-%m-%d %H:%M"))

    @property
    def elsewhere(self) -> bool:
        """Whether it runs on another machine, where nobody here can look."""
        return self.host != socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether it still runs; what runs elsewhere counts as alive."""
        return self.elsewhere or (_start_of(self.pid) or "") == self.started != ""

    def terminate(self) -> bool:
        """Ask it to save and go (on Windows it ends at once), if it is still the same."""
        return self._signal(psutil.Process.terminate)

    def kill(self) -> bool:
        """End it at once, if it is still the same; what it has saved stays."""
        return self._signal(psutil.Process.kill)

    def _signal(self, send: Callable[[psutil.Process], object]) -> bool:
        try:
            process = psutil.Process(self.pid)  # from here on psutil watches that it stays the same
            if self.elsewhere or not self.alive:
                return False
            send(process)
        except psutil.Error:
            return False
        return True


def speaks_for_all() -> bool:
    """Whether this is the only process of a run or, under torchrun, the first one."""
    return int(os.environ.get("RANK", "0")) == 0


def trainer_of(folder: Path) -> Trainer | None:
    """Who trains in ``folder``, or did when it was killed; None where nobody says so."""
    try:
        value = json.loads((folder / PROCESS_NAME).read_text(encoding="utf-8"))
        return Trainer(int(value["pid"]), str(value["started"]), str(value["host"]), str(value["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a run's folder for this process; TrainingError where another one trains there."""
    if not speaks_for_all():
        yield
        return
    me = Trainer.me()
    try:
        _claim(folder, me)
    except OSError as error:
        raise TrainingStorageError(f"The folder {folder} cannot be made ({error}).", "Choose another --out.") from error
    try:
        yield
    finally:
        if trainer_of(folder) == me:
            with contextlib.suppress(OSError):
                (folder / PROCESS_NAME).unlink()


def request_stop(folder: Path, kind: StopKind) -> None:
    """Ask whoever trains in ``folder`` to save and go; OSError where that cannot be written."""
    (folder / STOP_NAME).write_text(kind, encoding="utf-8")


def requested_stop(folder: Path) -> StopKind | None:
    """What was asked for and has not been answered yet."""
    try:
        return StopKind((folder / STOP_NAME).read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):  # just being written
        return StopKind.PAUSE


class StopWatch:
    """The trainer's end: whether it should go, by a signal (``set``) or by request."""

    def __init__(self, folder: Path) -> None:
        self.kind: StopKind | None = None
        self._folder, self._set, self._looked = folder, False, 0.0
        with contextlib.suppress(OSError, psutil.Error):  # a run was killed before it could answer
            if (folder / STOP_NAME).stat().st_mtime < psutil.Process().create_time() - 1:
                self.clear()

    def set(self) -> None:
        """Go, because of a signal."""
        self._set = True

    def __call__(self) -> bool:
        """Whether to go; looks at the disk a few times a second at most."""
        now = time.monotonic()
        if self.kind is None and now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self.kind = requested_stop(self._folder)
        return self._set or self.kind is not None

    def clear(self) -> None:
        """The request has been answered."""
        with contextlib.suppress(OSError):
            (self._folder / STOP_NAME).unlink(missing_ok=True)


def stay_in_background(*, awaited: bool = False) -> None:
    """Lowest priority, a core left to others, first to go when memory runs out; before torch is loaded.

    Work that is ``awaited`` by somebody who looks at a bar gets a little more: on a busy machine the lowest priority is
    next to nothing.
    """
    # benchmarks/scroll_beside_training.py on two busy cores: with a thread on each, p95 of a wheel step was four times
    # what it was without training (657 and 150 ms); with one core free there was no difference (143 ms).
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    with contextlib.suppress(psutil.Error, OSError):
        if os.name == "nt":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if awaited else psutil.IDLE_PRIORITY_CLASS)
        else:
            psutil.Process().nice(_NICE_AWAITED if awaited else _NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")


def _claim(folder: Path, me: Trainer) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PROCESS_NAME
    for _ in range(3):
        try:
            _create(path, json.dumps(asdict(me)))
            return
        except FileExistsError:
            other = trainer_of(folder)
            if other is not None and other.alive:
                raise _taken(path, other) from None
            path.unlink(missing_ok=True)
    raise TrainingError(f"{folder} was taken by another training this moment.", "Choose another folder.")


def _create(path: Path, text: str) -> None:
    """Make the file with its whole content at once; FileExistsError where there is one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: two in the same millisecond could both succeed
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    finally:
        temporary.unlink()


def _taken(path: Path, other: Trainer) -> TrainingError:
    where, remedy = "", "Stop it first."
    if other.elsewhere:
        where, remedy = f" on {other.host}", f"Stop it there; if it is not there any more, delete {path}."
    return TrainingError(
        f"{path.parent} is being trained already, by process {other.pid}{where} since {other.since}.", remedy
    )


def _start_of(pid: int) -> str | None:
    """When the running process of that number began, as a word to compare; None where none runs."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        status = Path(f"/proc/{pid}/stat")
        if status.exists():  # in ticks since the machine's start: a clock that is set does not matter
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{boot}/{status.read_text(encoding='utf-8', errors='replace').rpartition(')')[2].split()[19]}"
        return f"{process.create_time():.2f}"
    except (psutil.Error, OSError, IndexError):
        return None
