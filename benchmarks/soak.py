"""A reading session, scripted: studies of every kind are opened, scrolled, toggled, painted on and closed.

At the end memory has to be back within 10 % of what it was after the first round of studies, no thread may be left and
Qt may not have warned. ``make soak`` runs an hour; ``--minutes 2`` gives a first idea. Own studies can be named.
"""

import argparse
import gc
import itertools
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
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
from tumorview.gui.main_window import MainWindow

PATIENCE_SECONDS = 600.0  # the machine may be busy with something else
SHARE_KEPT = 0.10
REST_SECONDS = 1.0
READINGS_EVERY = 10  # studies
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

    def __init__(self, window: MainWindow, chance: random.Random) -> None:
        self.window, self.chance = window, chance

    def read(self, study: Path) -> None:
        """One study from opening to closing."""
        window = self.window
        window.open_paths([study])
        self._wait(lambda: window.session.study is not None and not window.jobs.running, f"{study} was not opened")
        for _ in range(3):
            self._scroll(30)
            self._toggle(8)
        self._paint()
        self._wait(lambda: not window.jobs.running, "a job does not end")
        while window.session.history is not None and window.session.history.can_undo:
            window.session.undo()
        window.actions["file.close"].trigger()
        self._wait(lambda: window.session.study is None, "the study was not closed")

    def _views(self) -> list[QWidget]:
        return [view for view in self.window.findChildren(QWidget) if hasattr(view, "voxel_to_widget")
                and view.isVisible()]

    def _scroll(self, steps: int) -> None:
        view = self.chance.choice(self._views())
        place = QPointF(view.rect().center())
        for _ in range(steps):
            turn = QPoint(0, self.chance.choice((-120, -120, 120)))
            event = QWheelEvent(place, view.mapToGlobal(place), QPoint(), turn, Qt.MouseButton.NoButton,
                                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
            QCoreApplication.sendEvent(view, event)
            QCoreApplication.processEvents()

    def _toggle(self, count: int) -> None:
        names = [
            name
            for name, action in self.window.actions.items()
            if not name.startswith(LEFT_ALONE) and not action.text().endswith("…")  # those ask something
        ]
        for name in self.chance.choices(names, k=count):
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


def settled_memory() -> float:
    """Megabytes after a moment of rest, in which the program gives back what was freed."""
    until = time.monotonic() + REST_SECONDS
    while time.monotonic() < until:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()
        gc.collect()
    megabytes = resident_megabytes("RssAnon")  # what the program holds, without pages of its libraries
    return float("nan") if megabytes is None else megabytes


def main() -> int:
    """Read until the time is over, then judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", type=Path, help="studies to read beside the synthetic ones")
    parser.add_argument("--minutes", type=float, default=60.0)
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
    begun, threads = time.monotonic(), set(threading.enumerate())
    with tempfile.TemporaryDirectory() as folder:
        studies = [*make_studies(Path(folder)), *options.studies]
        window = create_window(settings_dir=Path(folder) / "settings")
        window.resize(1600, 1000)
        window.show()
        reader = Reader(window, random.Random(options.seed))
        for study in studies:  # the first round loads libraries and fills caches of fixed size
            reader.read(study)
        first = settled_memory()
        opened, highest = 0, first
        for study in itertools.cycle(studies):
            if opened >= options.at_least and time.monotonic() - begun > 60 * options.minutes:
                break
            reader.read(study)
            opened += 1
            if opened % READINGS_EVERY == 0:
                now = settled_memory()
                highest = max(highest, now)
                print(f"{(time.monotonic() - begun) / 60:6.1f} min  {opened:5} studies  {now:7.0f} MB", flush=True)
        last = settled_memory()
        window.close()
        settled_memory()  # a moment for what is being written
        application.processEvents()
    left = sorted(thread.name for thread in set(threading.enumerate()) - threads)
    print(f"{opened} studies; memory after the first round {first:.0f} MB, at the end {last:.0f} MB, "
          f"highest after a close {highest:.0f} MB; threads left: {', '.join(left) or 'none'}; "
          f"{len(warnings)} warnings of Qt")
    for text in sorted(set(warnings)):
        print("Qt:", text)
    return 0 if last <= first * (1 + SHARE_KEPT) and not left and not warnings else 1


if __name__ == "__main__":
    sys.exit(main())
