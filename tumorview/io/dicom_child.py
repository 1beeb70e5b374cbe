"""A child process that decodes frames, so that a decoder that aborts or hangs does not take the program with it.

Requests are JSON lines on its standard input, ``{"path": ..., "index": ...}``; each is answered with a JSON line,
``{"shape": ..., "dtype": ...}`` and then that many bytes of pixels, or ``{"error": ...}``. This is the parent's end,
``dicom_child_main`` the child's.
"""

import contextlib
import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

FRAME_SECONDS = 4.0  # a frame that takes longer is damaged: real ones take milliseconds
START_SECONDS = 15.0  # what loading Python and the decoders may take more on a busy machine
MAX_DEATHS = 3  # of the child; a series of damaged files does not start one after another


class Child:
    """Raises ValueError where a frame cannot be decoded, whatever became of the child."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0

    def frame(self, path: Path, index: int) -> npt.NDArray[Any]:
        """Stored pixels of frame ``index`` of the DICOM file at ``path``."""
        if self._deaths >= MAX_DEATHS:
            raise ValueError("the decoder ended too often")
        fresh = self._process is None
        process = self._running()
        assert process.stdin is not None, "opened as a pipe"
        assert process.stdout is not None, "opened as a pipe"
        timer = threading.Timer(FRAME_SECONDS + START_SECONDS * fresh, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps({"path": str(path.resolve()), "index": index}).encode() + b"\n")
            process.stdin.flush()
            return _receive(process.stdout)
        except (OSError, ValueError) as error:
            if not isinstance(error, DecodeError):
                self._deaths += 1
                self.close()
            raise ValueError("the frame cannot be decoded") from error
        finally:
            timer.cancel()
            timer.join()

    def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # bytes that the dead child did not take
                    pipe.close()
        process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [sys.executable, "-m", "tumorview.io.dicom_child_main"]
            # Decoders write what they think of a stream to standard error; it is no use to anybody.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self._process


class DecodeError(ValueError):
    """The child lives and says that it cannot decode the frame."""


def _receive(stream: IO[bytes]) -> npt.NDArray[Any]:
    line = stream.readline()
    if not line:
        raise ValueError("the decoder ended")
    answer = json.loads(line)
    if "error" in answer:
        raise DecodeError(answer["error"])
    kind = np.dtype(answer["dtype"])
    wanted = math.prod(answer["shape"]) * kind.itemsize
    content = stream.read(wanted)
    if len(content) != wanted:
        raise ValueError("the decoder ended")
    return np.frombuffer(content, kind).reshape(answer["shape"])
