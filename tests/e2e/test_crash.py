"""The real program is killed while somebody paints, again and again: every step that was finished comes back.

``make kill`` does it thirty times; the suite a few times.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from display import SIZE, Display, needs_display, wait_until

from tumorview.app.journal import FOLDER
from tumorview.app.settings_store import default_folder
from tumorview.io.journal_reading import Damage, read_journal

pytestmark = [pytest.mark.e2e, needs_display]
KILLS = int(os.environ.get("TUMORVIEW_KILLS", "3"))
NAME = "TCGA_HT_8018_19970411"
START_SECONDS = 60.0
SAFE_SECONDS = 0.2  # a step that was finished so long ago is on the disk
IMAGE = (520, 250, 860, 560)  # where the head is, in screen pixels
Said = dict[str, Any]


class Program:
    """A run of the program and what it has said."""

    def __init__(self, display: Display, *paths: Path) -> None:
        self._display = display
        self.said: list[Said] = []
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("watched_program.py")), *map(str, paths)],
            env={**os.environ, "DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.PIPE,
            stderr=None,  # shown when the test fails
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):  # the last one may be cut by the kill
                self.said.append(json.loads(line))

    def heard(self, kind: str) -> list[Said]:
        return [entry for entry in tuple(self.said) if entry["kind"] == kind]

    def wait_for(self, kind: str, what: str) -> Said:
        wait_until(lambda: self.heard(kind), START_SECONDS, what)
        return self.heard(kind)[-1]

    def offer(self) -> Said:
        """The work that is offered, once its button was at one place for three looks: a window that came is moved."""

        def still() -> bool:
            places = [entry["restore"] for entry in self.heard("offer")][-3:]
            return len(places) == 3 and places[0] == places[1] == places[2]

        wait_until(still, START_SECONDS, "the work is offered")
        return self.heard("offer")[-1]

    def settle(self) -> str:
        """Its window in the corner of the screen; the id."""
        wait_until(lambda: self._display.find("TumorView"), START_SECONDS, "the window is there")
        window = self._display.find("TumorView")
        self._display.do("windowmove", window, 0, 0)
        self._display.do("windowsize", "--sync", window, *SIZE)
        return window

    def kill(self) -> float:
        """SIGKILL; when it was."""
        at = time.time()
        self._process.kill()
        self.end()
        return at

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(30)
        self._listener.join(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    running: list[Program] = []
    yield running
    for program in running:
        program.end()


def stroke(display: Display, chance: random.Random) -> None:
    left, top, right, bottom = IMAGE
    display.do("mousemove", chance.randrange(left, right), chance.randrange(top, bottom))
    display.do("mousedown", 1)
    for _ in range(chance.randrange(3)):
        display.do("mousemove", chance.randrange(left, right), chance.randrange(top, bottom))
    display.do("mouseup", 1)


def paint(display: Display, window: str, chance: random.Random, seconds: float) -> None:
    """Strokes, erasing, other slices, undo and redo for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        action = chance.random()
        if action < 0.7:
            stroke(display, chance)
        else:
            display.press(window, chance.choice(["ctrl+z", "ctrl+shift+z", "e", "b", "Up", "Down"]))


def journals() -> list[Path]:
    return list((default_folder() / FOLDER).glob("*.tvjournal"))


def as_said(path: Path) -> Said:
    """What is in a journal, in the words of the program."""
    content = read_journal(path)
    assert content.damage is not Damage.DAMAGED
    state = content.state
    return {
        "done": [step.title for step in state.done],
        "undone": [step.title for step in state.undone],
        "crc": zlib.crc32(state.data.tobytes() + state.provenance.tobytes()),
    }


def one_move_beyond(kept: Said, last: Said) -> bool:
    """The program may be killed after a step is on disk and before it says so."""
    steps = len(kept["done"]) - len(last["done"])
    return abs(steps) == 1 and kept["done"][: len(last["done"])] == last["done"][: len(kept["done"])]


@pytest.mark.slow
@pytest.mark.timeout(120 * (KILLS + 1))
def test_every_step_that_was_finished_comes_back_after_a_kill(
    display: Display, programs: list[Program], sample_study_folder: Path
) -> None:
    chance = random.Random(20 if KILLS < 10 else time.time_ns())
    kept: Said | None = None
    for number in range(KILLS):
        program = Program(display) if number else Program(display, sample_study_folder)
        programs.append(program)
        window = program.settle()
        if number:
            assert kept is not None
            offer = program.offer()
            assert f"{len(kept['done'])} step" in offer["text"]
            display.do("mousemove", *offer["restore"], "click", 1)
        restored = program.wait_for("state", "the study is open")
        if kept is not None:
            assert {name: restored[name] for name in kept} == kept
        display.press(window, "b")
        before = len(program.heard("state"))
        while len(program.heard("state")) == before:
            paint(display, window, chance, 0.05)
        paint(display, window, chance, chance.uniform(0.0, 4.0))
        killed = program.kill()
        told = program.heard("state")
        found = [as_said(path) for path in journals()]
        assert len(found) == 1, "one journal, never two"
        (kept,) = found
        safe = max(index for index, entry in enumerate(told) if index == 0 or entry["at"] < killed - SAFE_SECONDS)
        allowed = [{name: entry[name] for name in kept} for entry in told[safe:]]
        assert kept in allowed or one_move_beyond(kept, told[-1]), (number, safe, told, kept)
        print(f"kill {number + 1}: {len(told) - 1} moves, {len(kept['done'])} steps kept")
