"""A reading session, scripted: studies of every kind are opened, scrolled, toggled, painted on and closed.

Before memory is first read every study was open and every action was done once: by then libraries are loaded and
caches of fixed size are full. At the end memory has to be within 10 % of that, no thread may be left and Qt may not
have warned. How much a reading varies depends on what was closed last, so each side is the median of a few readings.
``make soak`` reads for an hour with a look of five seconds at each study, some four hundred of them; ``--minutes 2``
gives a first idea. ``--look 0`` opens two thousand an hour: about 10 KB stay of each, some in Qt's style sheets, and
that is just over the 10 %. Own studies can be named.
"""

import argparse
import gc
import itertools
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import tifffile
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tumorview.app.tasks import sample_path, write_example_series
from tumorview.gui.application import create_window
from tumorview.gui.bench_program import resident_megabytes
from tumorview.gui.job_runner import THREADS
from tumorview.gui.main_window import MainWindow

PATIENCE_SECONDS = 600.0  # the machine may be busy with something else
SHARE_KEPT = 0.10
REST_SECONDS = 1.0
READINGS_EVERY = 10  # studies
READINGS = 5  # of which each side is the median
LAYOUTS = ("view.one_plus_three", "view.four_series", "view.quad", "view.axial_only")
# What asks the user something, ends the program or leaves it for another one.
LEFT_ALONE = ("file.", "help.", "segment.", "train.", "edit.")


def make_studies(folder: Path) -> list[Path]:
    """One study of each kind: DICOM, oblique NIfTI, float NIfTI with NaN, multi-page TIFF, PNG series, the sample."""
    random_numbers = np.random.default_rng(0)
    write_example_series(folder / "dicom", slices=60, side=256)
    voxels = (random_numbers.random((160, 192, 120)) * 900).astype(np.int16)
    tilted = np.array([[0.9, 0.2, 0, -90], [-0.2, 0.9, 0.1, -90], [0, -0.1, 1.2, -70], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(voxels, tilted), folder / "oblique_flair.nii.gz")
    floats = random_numbers.standard_normal((96, 96, 30)).astype(np.float32)
    floats[:4] = np.nan
    nib.save(nib.Nifti1Image(floats, np.diag([2.0, 2.0, 5.0, 1.0])), folder / "zscored_flair.nii")
    tifffile.imwrite(folder / "stack.tif", (voxels[:, :, :24] >> 2).astype(np.uint8).T)
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(16):
        Image.fromarray((voxels[:, :, number] >> 2).astype(np.uint8)).save(pictures / f"slice_{number:02d}.png")
    files = [folder / name for name in ("dicom", "oblique_flair.nii.gz", "zscored_flair.nii", "stack.tif", "pictures")]
    return [*files, sample_path()]


class Reader:
    """Hands and eyes: opens, looks around, marks something, takes it back, closes."""

    def __init__(self, window: MainWindow, chance: random.Random, look: float) -> None:
        self.window, self.chance, self.look = window, chance, look
        self.untried = self._names()

    def read(self, study: Path) -> None:
        """One study from opening to closing."""
        window = self.window
        window.open_paths([study])
        self._wait(lambda: window.session.study is not None and not window.jobs.running, f"{study} was not opened")
        for _ in range(3):
            self._scroll(30)
            self._toggle(8)
        self._paint()
        self._look_on()
        self._wait(lambda: not window.jobs.running, "a job does not end")
        while window.session.history is not None and window.session.history.can_undo:
            window.session.undo()
        window.actions["file.close"].trigger()
        self._wait(lambda: window.session.study is None, "the study was not closed")

    def _look_on(self) -> None:
        """Do nothing for a while: what runs by the clock, and in threads, has its turn (QTest.qWait holds the GIL)."""
        until = time.monotonic() + self.look
        while time.monotonic() < until:
            QCoreApplication.processEvents()
            time.sleep(0.01)

    def warm_up(self, study: Path) -> None:
        """Everything that stays loaded, once: above all the drivers of the 3D view."""
        window = self.window
        window.open_paths([study])
        self._wait(lambda: window.session.study is not None and not window.jobs.running, f"{study} was not opened")
        for layout in LAYOUTS:
            window.actions[layout].trigger()
            settled_memory()  # long enough to be painted
            self._wait(lambda: not window.jobs.running, "a job does not end")
        window.actions["file.close"].trigger()
        self._wait(lambda: window.session.study is None, "the study was not closed")

    def _views(self) -> list[QWidget]:
        return [
            view for view in self.window.findChildren(QWidget) if hasattr(view, "voxel_to_widget") and view.isVisible()
        ]

    def _scroll(self, steps: int) -> None:
        view = self.chance.choice(self._views())
        place = QPointF(view.rect().center())
        for _ in range(steps):
            turn = QPoint(0, self.chance.choice((-120, -120, 120)))
            event = QWheelEvent(place, view.mapToGlobal(place), QPoint(), turn, Qt.MouseButton.NoButton,
                                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
            QCoreApplication.sendEvent(view, event)
            QCoreApplication.processEvents()

    def _names(self) -> list[str]:
        actions = self.window.actions.items()
        return [
            name for name, action in actions if not name.startswith(LEFT_ALONE) and not action.text().endswith("…")
        ]  # those with dots ask something

    def _toggle(self, count: int) -> None:
        """Some actions: what was never done before the rest."""
        names, self.untried = self.untried[:count], self.untried[count:]
        for name in names + self.chance.choices(self._names(), k=count - len(names)):
            self.window.actions[name].trigger()
            QCoreApplication.processEvents()
            self._dismiss()
        self.window.actions["edit.navigate"].trigger()

    def _dismiss(self) -> None:
        """Close what an action opened over the window."""
        while popup := QApplication.activePopupWidget() or QApplication.activeModalWidget():
            popup.close()
            QCoreApplication.processEvents()
        for other in QApplication.topLevelWidgets():
            if other.isVisible() and other.isWindow() and other is not self.window:
                other.close()

    def _paint(self) -> None:
        if not self._views():
            return
        view = self._views()[0]
        self.window.actions["edit.brush"].trigger()
        centre = view.rect().center()
        QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=centre)
        for _ in range(20):
            QTest.mouseMove(view, centre + QPoint(self.chance.randint(-60, 60), self.chance.randint(-60, 60)))
            QCoreApplication.processEvents()
        QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=centre)
        self.window.actions["edit.navigate"].trigger()

    def _wait(self, done: Callable[[], bool], complaint: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if time.monotonic() > until:
                raise TimeoutError(complaint)
            QCoreApplication.processEvents()


def native_threads() -> int:
    """Threads of this process as the system counts them; 0 where it does not say."""
    tasks = Path("/proc/self/task")
    return sum(1 for _ in tasks.iterdir()) if tasks.exists() else 0


def python_threads() -> set[threading.Thread]:
    """Without the stand-ins that Python keeps for threads of Qt, which stay listed when their thread has ended."""
    return {thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}


def settled_memory() -> float:
    """Megabytes after a moment of rest, in which the program gives back what was freed."""
    until = time.monotonic() + REST_SECONDS
    while time.monotonic() < until:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()
        gc.collect()
    megabytes = resident_megabytes("RssAnon")  # what the program holds, without pages of its libraries
    return float("nan") if megabytes is None else megabytes


@dataclass
class Record:
    """What was seen: ``warm`` studies were read before memory and threads were first counted."""

    opened: int = 0
    warm: int = 0
    native: int = 0
    readings: list[float] = field(default_factory=list)

    @property
    def first(self) -> float:
        """Megabytes when everything was loaded."""
        return statistics.median(self.readings[:READINGS])

    @property
    def last(self) -> float:
        """Megabytes at the end."""
        return statistics.median(self.readings[-READINGS:])


def read_on(reader: Reader, studies: list[Path], seconds: float, at_least: int) -> Record:
    """Read until the time is over."""
    begun, record = time.monotonic(), Record()
    for study in itertools.cycle(studies):
        passed = time.monotonic() - begun
        if passed > seconds and record.opened - record.warm >= max(at_least, READINGS_EVERY):
            return record
        reader.read(study)
        record.opened += 1
        if record.opened < len(studies) or reader.untried:
            record.warm, record.native = record.opened, native_threads()
        elif record.opened % READINGS_EVERY == 0:
            record.readings.append(settled_memory())
            print(f"{passed / 60:6.1f} min  {record.opened:5} studies  {record.readings[-1]:7.0f} MB", flush=True)
    raise AssertionError("a cycle has no end")


def main() -> int:
    """Read until the time is over, then judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", type=Path, help="studies to read beside the synthetic ones")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--look", type=float, default=5.0, help="seconds for which each study is looked at")
    parser.add_argument("--at-least", type=int, default=50, help="studies to open however long it takes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if sys.platform == "linux" and not ({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    warnings: list[str] = []

    def note(kind: QtMsgType, _: object, text: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and "This plugin does not support" not in text:
            warnings.append(text)

    qInstallMessageHandler(note)
    application = QApplication([])
    threads = python_threads()
    with tempfile.TemporaryDirectory() as folder:
        studies = [*make_studies(Path(folder)), *options.studies]
        window = create_window(settings_dir=Path(folder) / "settings")
        window.resize(1600, 1000)
        window.show()
        reader = Reader(window, random.Random(options.seed), options.look)
        reader.warm_up(sample_path())
        record = read_on(reader, studies, 60 * options.minutes, options.at_least)
        grown = native_threads() - record.native
        window.close()
        settled_memory()  # a moment for what is being written
        application.processEvents()
    left = sorted(thread.name for thread in python_threads() - threads)
    print(
        f"{record.opened} studies; memory after {record.warm} of them {record.first:.0f} MB, at the end"
        f" {record.last:.0f} MB, highest after a close {max(record.readings):.0f} MB; threads of Python left:"
        f" {', '.join(left) or 'none'}; threads of the system {grown:+d}; {len(warnings)} warnings of Qt"
    )
    for text in sorted(set(warnings)):
        print("Qt:", text)
    kept = record.last <= record.first * (1 + SHARE_KEPT) and grown <= THREADS  # the jobs' threads come and go
    return 0 if kept and not left and not warnings else 1


if __name__ == "__main__":
    sys.exit(main())
