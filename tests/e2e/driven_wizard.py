"""The real program on a virtual screen, driven by mouse and keyboard, which tells how far the training wizard is."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from display import Display, wait_until

from tumorview.app.settings_store import SettingsStore, default_folder

SECONDS = 300.0  # of patience for one step on a busy machine


class Program:
    """The running program and what it told last."""

    def __init__(self, display: Display, *studies: Path) -> None:
        SettingsStore(default_folder()).change(engine="torch")  # "auto" measures this machine first
        self.display = display
        self.told: dict[str, Any] = {"controls": {}}
        # One thread: on a busy machine torch's threads wait for each other far longer than they work.
        environment = {**os.environ, "DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb", "OMP_NUM_THREADS": "1"}
        script = Path(__file__).parent / "watched_wizard.py"
        self.process = subprocess.Popen(
            [sys.executable, str(script), *map(str, studies)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told = json.loads(line)

    def stop(self) -> str:
        """End it; what it said on standard error."""
        if self.process.poll() is None:
            self.process.kill()
        self._reader.join()
        return self.process.communicate()[1]

    def until(self, true: Callable[[dict[str, Any]], object], what: str) -> None:
        def look() -> object:
            assert self.process.poll() is None, f"the program ended: {what}"
            return true(self.told)

        wait_until(look, SECONDS, what)

    def click(self, name: str) -> None:
        """Press the left button on a control, once it can be used."""
        self.until(lambda told: name in told["controls"], f"{name} can be used")
        self.display.do("mousemove", *self.told["controls"][name])
        self.display.do("click", 1)

    def keys(self, title: str, *keys: str) -> None:
        self.display.press(self.display.find(title), *keys)

    def choose(self, name: str, *keys: str) -> None:
        """Open a list and go through it with the keyboard."""
        self.click(name)
        self.until(lambda told: told["popup"], f"the list of {name} is open")
        for key in (*keys, "Return"):
            self.display.do("key", key)
        self.until(lambda told: not told["popup"], f"the list of {name} is closed")
