"""The real program as a process on a display of its own, steered with mouse and keyboard as a user would."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from display import SIZE, Display, needs_display, wait_until
from PIL import Image

from tumorview.app.settings_store import SettingsStore, default_folder

pytestmark = [pytest.mark.e2e, needs_display]
START_SECONDS = 30.0
RUN_SECONDS = 120.0
NAME = "TCGA_HT_8018_19970411"
SLICES = (8, 9, 10)
REST = (700, 755)  # over the status bar
VIEW_3D = (650, 60, 1110, 330)  # inside the cell of the 3D view in the layout of four views
OVERLAY = (230, 159, 0)  # the tumour's colour; boundaries are drawn in it undiluted


@pytest.fixture
def study(sample_study_folder: Path, tmp_path: Path) -> Path:
    """Three slices of the sample patient with tumour: the network at full width on a busy machine takes its time."""
    folder = tmp_path / NAME
    folder.mkdir()
    for number in SLICES:
        for path in sample_study_folder.glob(f"*_{number}*.tif"):
            if path.stem.removesuffix("_mask").endswith(f"_{number}"):
                shutil.copy(path, folder)
    return folder


@pytest.fixture
def program(display: Display, study: Path) -> Iterator[subprocess.Popen[str]]:
    SettingsStore(default_folder()).change(engine="torch")  # "auto" measures this machine first: not under test here
    environment = {**os.environ, "DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb"}
    running = subprocess.Popen(
        [sys.executable, "-m", "tumorview", str(study)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield running
    if running.poll() is None:
        running.kill()
    running.communicate()


def labelled_pixels(picture: Image.Image) -> int:
    return int(np.count_nonzero((np.asarray(picture.convert("RGB")) == OVERLAY).all(axis=-1)))


def stroke_area(display: Display) -> np.ndarray:
    """What is seen where the test paints: right brain, no tumour."""
    return np.asarray(display.picture().convert("RGB").crop((470, 300, 580, 380))).astype(int)


def changed_pixels(before: np.ndarray, after: np.ndarray) -> int:
    return int(np.count_nonzero(np.abs(after - before).sum(axis=-1) > 30))


def opened(display: Display) -> str:
    wait_until(lambda: display.find(NAME), START_SECONDS, "the study is open")
    window = display.find(NAME)
    display.do("windowmove", window, 0, 0)
    display.do("windowsize", "--sync", window, *SIZE)
    return window


def test_open_segment_paint_undo_save_quit(display: Display, program: subprocess.Popen[str], tmp_path: Path) -> None:
    window = opened(display)
    assert "*" not in display.do("getwindowname", window)

    display.press(window, "F5")
    wait_until(lambda: "*" in display.do("getwindowname", window), RUN_SECONDS, "the mask is there")
    wait_until(lambda: labelled_pixels(display.picture()) > 300, 10, "the mask is seen")

    display.press(window, "b")
    display.do("mousemove", *REST)
    before = stroke_area(display)
    display.do("mousemove", 500, 330)
    display.do("mousedown", 1)
    for step in range(6):
        display.do("mousemove", 500 + 8 * step, 330 + 4 * step)
    display.do("mouseup", 1)
    display.do("mousemove", *REST)  # the brush's circle is no stroke
    wait_until(lambda: changed_pixels(before, stroke_area(display)) > 300, 10, "the stroke is seen")
    display.press(window, "ctrl+z")
    wait_until(lambda: changed_pixels(before, stroke_area(display)) < 30, 10, "the stroke is undone")
    display.press(window, "ctrl+shift+z")

    target = tmp_path / "saved.nii.gz"
    display.press(window, "ctrl+s")
    wait_until(lambda: display.find("Save Mask"), 10, "the dialog is open")
    dialog = display.find("Save Mask")
    display.press(dialog, "ctrl+a")
    display.do("type", str(target))
    display.do("key", "Return")
    wait_until(target.exists, 20, "the file is written")
    wait_until(lambda: "*" not in display.do("getwindowname", window), 10, "the window says saved")
    saved = nibabel.load(target)
    assert saved.shape == (256, 256, len(SLICES))
    assert np.count_nonzero(np.asarray(saved.dataobj)) > 2000

    display.press(window, "ctrl+q")
    assert program.wait(30) == 0
    assert "Traceback" not in program.stderr.read()


def test_unsaved_work_is_asked_about_on_ctrl_c_and_kept(display: Display, program: subprocess.Popen[str]) -> None:
    window = opened(display)
    display.press(window, "b")
    display.do("mousemove", 560, 380)
    display.do("click", 1)
    wait_until(lambda: "*" in display.do("getwindowname", window), 10, "the stroke counts as unsaved")
    program.send_signal(signal.SIGINT)
    wait_until(lambda: len(display.do("search", "--onlyvisible", "--name", "TumorView").split()) > 1, 10, "it asks")
    assert program.poll() is None
    program.send_signal(signal.SIGINT)  # a second time: the user means it
    assert program.wait(30) == 130


def test_ctrl_c_closes_a_window_without_work(display: Display, program: subprocess.Popen[str]) -> None:
    opened(display)
    program.send_signal(signal.SIGINT)
    assert program.wait(30) == 0


def without_opengl(display: Display) -> bool:
    """Whether Qt finds no OpenGL on that display."""
    script = (
        "from PySide6.QtGui import QGuiApplication, QOpenGLContext\n"
        "application = QGuiApplication([])\n"
        "print(QOpenGLContext().create())\n"
    )
    environment = {**os.environ, "DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() != "True"


def tumour_pixels(picture: Image.Image) -> int:
    """Pixels of the 3D view in the tumour's colour, whatever light falls on it."""
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB").crop(VIEW_3D)).astype(float), -1, 0)
    hue = OVERLAY[1] / OVERLAY[0]
    return int(np.count_nonzero((red > 80) & (blue < 0.35 * red) & (np.abs(green / np.maximum(red, 1) - hue) < 0.1)))


def test_what_is_painted_is_seen_in_3d_and_gone_when_undone(display: Display, program: subprocess.Popen[str]) -> None:
    if without_opengl(display):
        pytest.skip("Xvfb has no OpenGL here")
    window = opened(display)
    display.press(window, "b")
    display.do("mousemove", 690, 330)  # left brain: in front of the sagittal slice
    display.do("mousedown", 1)
    for step in range(8):
        display.do("mousemove", 690 + 10 * step, 330 + 6 * step)
    display.do("mouseup", 1)
    wait_until(lambda: "*" in display.do("getwindowname", window), 10, "the stroke is in the mask")
    display.press(window, "ctrl+4")
    display.do("mousemove", *REST)
    wait_until(lambda: tumour_pixels(display.picture()) > 50, 30, "the stroke is seen in 3D")
    display.press(window, "ctrl+z")
    wait_until(lambda: tumour_pixels(display.picture()) == 0, 20, "the surface is gone")
    display.press(window, "ctrl+shift+z")
    wait_until(lambda: tumour_pixels(display.picture()) > 50, 20, "the surface is back")
    before = np.asarray(display.picture().convert("RGB").crop(VIEW_3D)).astype(int)
    left, top, right, bottom = VIEW_3D
    middle = (left + right) // 2, (top + bottom) // 2
    display.do("mousemove", *middle)
    display.do("mousedown", 1)
    for step in range(1, 9):
        display.do("mousemove", middle[0] + 12 * step, middle[1])
    display.do("mouseup", 1)
    wait_until(
        lambda: changed_pixels(before, np.asarray(display.picture().convert("RGB").crop(VIEW_3D)).astype(int)) > 2000,
        20,
        "the head has turned",
    )
    display.press(window, "ctrl+z")
    wait_until(lambda: "*" not in display.do("getwindowname", window), 10, "nothing is unsaved")
    program.send_signal(signal.SIGINT)
    assert program.wait(30) == 0
    assert program.stderr.read() == ""  # not a word of Qt either
