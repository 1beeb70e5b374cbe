"""Making and painting the overlay of one 512 x 512 slice: `make bench` prints the figures."""

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter

from tumorview.core.contours import smooth_loops
from tumorview.core.labels import LabelTable
from tumorview.core.rendering import BoundaryStyle
from tumorview.gui.views.layers import overlay_picture
from tumorview.gui.views.values import OverlayOptions

SIDE = 512
ZOOM = 1.8  # a slice of 512 in a view of 920 pixels


def lesion() -> np.ndarray:
    """A lobed tumour of 150 pixels across with ragged edges and two satellites, as a network gives it."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:SIDE, :SIDE]
    y, x = y - 230, x - 300
    radius = 75 + 9 * np.sin(5 * np.arctan2(y, x)) + 4 * np.sin(17 * np.arctan2(y, x))
    inside = np.hypot(y, x) + rng.normal(0, 0.7, y.shape) < radius
    for row, column in ((90, 40), (-95, 60)):
        inside |= np.hypot(y - row, x - column) < 7
    return inside.astype(np.uint8)


@pytest.mark.benchmark
def test_smooth_outline_of_a_tumour(benchmark):
    inside = lesion()[140:340, 210:390] > 0
    assert len(benchmark(smooth_loops, inside)) >= 1


@pytest.mark.benchmark
@pytest.mark.parametrize("outline", list(BoundaryStyle))
def test_overlay_after_a_brush_move(benchmark, qapp, outline):
    labels, options = lesion(), OverlayOptions(outline=outline)
    picture = benchmark(overlay_picture, labels, LabelTable.whole_tumour(), options)
    assert picture.shapes


@pytest.mark.benchmark
@pytest.mark.parametrize("outline", list(BoundaryStyle))
def test_painting_the_overlay(benchmark, qapp, outline):
    picture = overlay_picture(lesion(), LabelTable.whole_tumour(), OverlayOptions(outline=outline))
    image = QImage(920, 920, QImage.Format.Format_RGB32)

    def paint() -> None:
        image.fill(0)
        painter = QPainter(image)
        painter.scale(ZOOM, ZOOM)
        picture.paint(painter, 2)
        painter.end()

    benchmark(paint)
    assert image.pixelColor(int(300 * ZOOM), int(230 * ZOOM)).red() > 0
