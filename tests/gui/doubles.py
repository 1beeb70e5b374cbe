"""A network's double whose pace the test decides, and small files to open."""

import threading
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
from pytestqt.qtbot import QtBot

from tumorview.app.jobs import JobContext
from tumorview.app.segmenter import SegmentOptions
from tumorview.core.mask import Box
from tumorview.core.prediction import ModelClass, Origin, Prediction, PredictionPart
from tumorview.core.study import Study
from tumorview.gui.main_window import MainWindow

MakeWindow = Callable[..., MainWindow]

SHAPE = (6, 32, 40)
TUMOUR = (slice(2, 5), slice(10, 20), slice(12, 26))
CLASSES = (ModelClass("Tumour", 1, (230, 159, 0)),)
TIMEOUT = 10_000


class FakeSegmenter:
    """Gives 0.9 inside TUMOUR, 0.3 in a rim around it; with ``hold`` it waits before every slice until released."""

    def __init__(self) -> None:
        self.hold = False
        self.deaf = False  # does not look at its cancel token while it waits
        self.error: Exception | None = None
        self.options: list[SegmentOptions] = []
        self.threads: list[str] = []
        self._gate = threading.Semaphore(0)

    def release(self, slices: int = 1000) -> None:
        """Let it go on for so many slices."""
        self._gate.release(slices)

    def __call__(self, study: Study, options: SegmentOptions, context: JobContext) -> Prediction:
        self.options.append(options)
        self.threads.append(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        geometry = study.reference.volume.geometry
        probabilities = np.zeros((1, *geometry.shape), np.float16)
        k, j, i = TUMOUR
        probabilities[0, k, j.start - 2 : j.stop + 2, i.start - 2 : i.stop + 2] = 0.3
        probabilities[(0, *TUMOUR)] = 0.9
        for index in range(geometry.shape[0]):
            self._wait(context)
            box = Box((index, 0, 0), (index + 1, *geometry.shape[1:]))
            context.report((index + 1) / geometry.shape[0], "Segmenting")
            context.publish(PredictionPart(box, probabilities[(slice(None), *box.slices)], CLASSES))
        origin = Origin("fake", "0" * 64, "fake", "cpu", "float32", {"FLAIR": study.reference.uid}, seconds=0.1)
        return Prediction(probabilities, geometry, CLASSES, origin, study_id=study.id)

    def _wait(self, context: JobContext) -> None:
        while self.hold and not self._gate.acquire(timeout=0.02):
            if not self.deaf:
                context.check()


def write_nifti(path: Path, data: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 5.0)) -> Path:
    """``data`` [k, j, i] as NIfTI with ``spacing`` (i, j, k)."""
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(data.transpose(2, 1, 0)), affine), path)
    return path


def run_segmentation(qtbot: QtBot, window: MainWindow) -> None:
    """Press Run and wait for the mask."""
    window.actions["segment.run"].trigger()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
