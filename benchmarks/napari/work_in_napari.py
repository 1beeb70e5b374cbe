"""The scroll and paint work of ``tumorview bench`` in napari: the same voxels, window size, events and clock.

Runs in napari's own environment (see ``setup.sh``) on a real OpenGL display and prints JSON:
``[{"name", "median_ms", "p95_ms"}]``.
"""

import json
import math
import sys
import time
from collections.abc import Callable

import napari
import numpy as np
from qtpy.QtCore import QCoreApplication, QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QWidget

SHAPE, SPACING = (200, 512, 512), (1.0, 0.5, 0.5)
WINDOW_SIZE = (1600, 1000)
BRUSH_MM = 10.0
PATIENCE_SECONDS = 5.0


class FrameWatch(QObject):
    """Notices that a widget was painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.painted = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.painted = True
        return False

    def wait(self) -> None:
        """Work through Qt's events until the widget was painted."""
        until = time.perf_counter() + PATIENCE_SECONDS
        while not self.painted and time.perf_counter() < until:
            QCoreApplication.processEvents()
        if not self.painted:
            raise TimeoutError("the canvas was not painted")
        self.painted = False


def voxels() -> tuple[np.ndarray, np.ndarray]:
    """The head of noise and the tumour that ``tumorview.gui.bench`` shows."""
    k, j, i = (np.linspace(-1.0, 1.0, extent, dtype=np.float32) for extent in SHAPE)

    def ball(centre: tuple[float, float, float], radius: float) -> np.ndarray:
        along = [((axis - middle) / radius) ** 2 for axis, middle in zip((k, j, i), centre, strict=True)]
        inside: np.ndarray = along[0][:, None, None] + along[1][:, None] + along[2] < 1.0
        return inside

    noise = np.random.default_rng(0).integers(0, 60, SHAPE, dtype=np.int16)
    tumour = ball((0.0, -0.2, 0.2), 0.3)
    image = (noise + ball((0.0, 0.0, 0.0), 0.9) * np.int16(300) + tumour * np.int16(250)).astype(np.int16)
    return image, tumour.astype(np.uint8)


def timed(watch: FrameWatch, act: Callable[[int], object], repeats: int) -> list[float]:
    """Milliseconds from each act to the painted frame."""
    milliseconds = []
    for number in range(repeats):
        start = time.perf_counter()
        act(number)
        watch.wait()
        milliseconds.append((time.perf_counter() - start) * 1000)
    return milliseconds


def mouse(canvas: QWidget, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
    QCoreApplication.sendEvent(
        canvas, QMouseEvent(kind, place, canvas.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier)
    )


def main(repeats: int) -> None:
    image, labels = voxels()
    viewer = napari.Viewer(show=False)
    viewer.window.resize(*WINDOW_SIZE)
    viewer.window.show()
    viewer.add_image(image, scale=SPACING, contrast_limits=(0, 600))
    layer = viewer.add_labels(labels, scale=SPACING, opacity=0.4)
    viewer.dims.set_current_step(0, SHAPE[0] // 2)
    canvas = viewer.window._qt_viewer.canvas.native
    watch = FrameWatch(canvas)
    canvas.update()
    watch.wait()
    for _ in range(20):
        QCoreApplication.processEvents()
    watch.painted = False

    def step(number: int) -> None:
        forward = number % 100 < 50
        viewer.dims.set_current_step(0, viewer.dims.current_step[0] + (1 if forward else -1))

    results = [("scroll", timed(watch, step, repeats))]

    layer.mode = "paint"
    layer.n_edit_dimensions = 2
    layer.brush_size = round(2 * BRUSH_MM / SPACING[1])
    for _ in range(20):
        QCoreApplication.processEvents()
    centre = QPointF(canvas.rect().center())

    def place(number: int) -> QPointF:
        angle = number / 20.0
        return centre + QPointF(math.cos(angle), math.sin(angle)) * (40.0 + number)

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    before = int((layer.data != 0).sum())
    mouse(canvas, QEvent.Type.MouseButtonPress, place(0), left, left)
    for _ in range(20):
        QCoreApplication.processEvents()
    watch.painted = False
    moves = timed(watch, lambda n: mouse(canvas, QEvent.Type.MouseMove, place(n + 1), none, left), repeats)
    mouse(canvas, QEvent.Type.MouseButtonRelease, place(repeats), left, none)
    if int((layer.data != 0).sum()) <= before:
        raise RuntimeError("nothing was painted: the events did not reach napari's brush")
    results.append(("paint", moves))
    rows = [
        {"name": name, "median_ms": float(np.median(times)), "p95_ms": float(np.percentile(times, 95))}
        for name, times in results
    ]
    json.dump(rows, sys.stdout)
    sys.stdout.flush()
    viewer.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
