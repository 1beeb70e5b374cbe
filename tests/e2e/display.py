"""A virtual screen of the test's own, with xdotool's hands."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable

import pytest
from PIL import Image, ImageGrab

SIZE = (1366, 768)

needs_display = pytest.mark.skipif(
    shutil.which("Xvfb") is None or shutil.which("xdotool") is None, reason="needs Xvfb and xdotool"
)


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"timed out: {what}"
        time.sleep(0.05)


class Display:
    """A virtual screen with xdotool's hands."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            # Without -noreset the server starts over when its last client is killed, and turns the next one away.
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-noreset"],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            self.name = f":{pipe.readline().strip()}"

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait(10)

    def do(self, *words: object) -> str:
        """One xdotool command; its output, empty where it failed."""
        done = subprocess.run(
            ["xdotool", *map(str, words)], env={**os.environ, "DISPLAY": self.name}, capture_output=True, text=True
        )
        return done.stdout.strip()

    def find(self, title: str) -> str:
        """Id of the visible window whose title holds ``title``; empty where there is none."""
        return self.do("search", "--onlyvisible", "--name", title).partition("\n")[0]

    def press(self, window: str, *keys: str) -> None:
        """Keys for a window; there is no window manager that would give it the focus."""
        self.do("windowfocus", "--sync", window)
        self.do("key", *keys)

    def picture(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.name)
