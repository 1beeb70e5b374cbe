"""This program once more, as a child that works for the window and ends with it; what it says comes line by line."""

import contextlib
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from tumorview.app.training_run import program
from tumorview.core.progress import Progress

_POLL_SECONDS = 0.1


class Child:
    """A process with its standard output in a pipe and its standard error in a file, which never fills up."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
        self.process = process
        self._errors = errors

    def lines(self, progress: Progress) -> Iterator[bytes]:
        """What it says, line by line as it comes, until it has ended; JobCancelled meanwhile."""
        said: queue.Queue[bytes | None] = queue.Queue()
        reader = threading.Thread(target=self._forward, args=(said,), name="child's output")
        reader.start()
        ended = False
        try:
            while not ended:
                progress.check()
                with contextlib.suppress(queue.Empty):
                    line = said.get(timeout=_POLL_SECONDS)
                    if line is None:
                        ended = True
                    else:
                        yield line
        finally:
            if not ended:
                self.process.kill()  # or the reader would wait for its next word
            reader.join()
            self.process.wait()

    @property
    def last_words(self) -> str:
        """Why it ended, as far as it said."""
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"its process ended with {self.process.returncode}"

    def _forward(self, said: "queue.Queue[bytes | None]") -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.put(line)
        said.put(None)


@contextmanager
def child(words: Sequence[str]) -> Iterator[Child]:
    """``tumorview`` with these arguments; killed where it still runs at the end."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*program(), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, creationflags=flags
        )
        try:
            yield Child(process, errors)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
