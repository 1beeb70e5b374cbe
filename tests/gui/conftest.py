"""A whole window with settings of its own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from doubles import SHAPE, TIMEOUT, TUMOUR, FakeSegmenter, MakeWindow, write_nifti
from pytestqt.qtbot import QtBot

from tumorview.gui.application import create_window
from tumorview.gui.main_window import MainWindow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The offscreen platform complains about size hints and keyboard grabs; no user sees that platform."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support"))


@pytest.fixture
def segmenter() -> Iterator[FakeSegmenter]:
    fake = FakeSegmenter()
    yield fake
    fake.hold = False
    fake.release()


@pytest.fixture
def flair(tmp_path: Path) -> Path:
    """A small calibrated study: a bright block in a grey head."""
    rng = np.random.default_rng(3)
    data = np.zeros(SHAPE, np.int16)
    data[:, 4:28, 4:36] = 300 + rng.integers(0, 40, (SHAPE[0], 24, 32))
    data[TUMOUR] += 400
    return write_nifti(tmp_path / "patient_flair.nii.gz", data)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """TUMOUR itself."""
    data = np.zeros(SHAPE, np.uint8)
    data[TUMOUR] = 1
    return write_nifti(tmp_path / "patient_seg.nii.gz", data)


@pytest.fixture
def other_grid(tmp_path: Path) -> Path:
    """A mask that belongs to another image."""
    return write_nifti(tmp_path / "other_seg.nii.gz", np.ones((3, 8, 8), np.uint8))


@pytest.fixture
def make_window(qtbot: QtBot, tmp_path: Path, segmenter: FakeSegmenter) -> Iterator[MakeWindow]:
    """``make_window(*paths, truth=, mask=)``: shown, everything that was named is open; all share their settings."""
    made: list[MainWindow] = []

    def make(*paths: Path, truth: Path | None = None, mask: Path | None = None) -> MainWindow:
        window = create_window(paths, truth=truth, mask=mask, settings_dir=tmp_path / "settings", segmenter=segmenter)
        made.append(window)
        window.resize(1366, 768)
        window.show()
        qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
        return window

    yield make
    for window in made:
        segmenter.hold = False
        segmenter.release()
        window.session.mark_saved()
        window.close()
        window.deleteLater()


@pytest.fixture
def window(make_window: MakeWindow, flair: Path) -> MainWindow:
    """A window with the small study open."""
    return make_window(flair)
