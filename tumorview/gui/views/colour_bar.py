"""The key of the heat map: its colours with numbers, and the threshold on it."""

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QColor, QPainter, QPen

from tumorview.core import colour_maps
from tumorview.core.colour_maps import LEVELS
from tumorview.gui.views.annotations import QUIET, AnnotationPainter, Line
from tumorview.gui.views.layers import grey_image
from tumorview.gui.views.slice_source import HeatKey

WIDTH = 10.0
SHARE = 0.34  # of the view's height
LONGEST = 260.0  # pixels
SMALLEST_VIEW = 240.0  # pixels: a smaller one has no room
RIGHT = 74.0  # pixels from the right edge: beside the letter of the patient's side
TICK = 4.0
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
NEAR = 0.06  # of the scale: a number this close to the threshold would be written over by it
FRAME = QColor(110, 114, 122)
MARK = QColor(255, 255, 255)


def paint_colour_bar(painter: QPainter, texts: AnnotationPainter, size: QSizeF, key: HeatKey) -> None:
    """Paint ``key`` into a view of ``size``."""
    if min(size.width(), size.height()) < SMALLEST_VIEW:
        return
    height = min(size.height() * SHARE, LONGEST)
    bar = QRectF(size.width() - RIGHT, (size.height() - height) / 2, WIDTH, height)
    painter.drawImage(bar, grey_image(LEVELS[::-1, None], colour_maps.table(key.colours)), QRectF(0, 0, 1, len(LEVELS)))
    painter.setPen(QPen(FRAME, 1))
    painter.drawRect(bar)
    texts.write(painter, QPointF(bar.left(), bar.top() - 18), Line(key.title, QUIET))
    threshold = key.threshold
    for tick in TICKS:
        y = bar.bottom() - tick * height
        painter.drawLine(QPointF(bar.right(), y), QPointF(bar.right() + TICK, y))
        if threshold is None or abs(tick - threshold) > NEAR:
            texts.write(painter, QPointF(bar.right() + 2 * TICK, y), Line(f"{tick:.2f}", QUIET), beside=True)
    if threshold is None:
        return
    y = bar.bottom() - threshold * height
    painter.setPen(QPen(MARK, 2))
    painter.drawLine(QPointF(bar.left() - TICK, y), QPointF(bar.right() + TICK, y))
    texts.write(painter, QPointF(bar.right() + 2 * TICK, y), Line(f"{threshold:.2f}"), beside=True)
