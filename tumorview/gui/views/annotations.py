"""Texts at the edges of a view: orientation, slice, window, scale bar and what must not be overlooked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from tumorview.core.slicing import EdgeLetters
from tumorview.gui.views.layers import Recent

TEXT = (226, 228, 232)
QUIET = (164, 168, 176)
AMBER = (255, 183, 77)
HALO = QColor(0, 0, 0, 210)
HALO_WIDTH = 1.5
MARGIN = 8.0
LINE_SPACING = 1.25
LETTER_SIZE = 1.25  # of the other texts
BAR_LENGTHS_MM = (1, 2, 5, 10, 20, 50, 100, 200)
BAR_LIMIT = 200.0  # pixels


@dataclass(frozen=True)
class Line:
    """One line of text and its colour."""

    text: str
    colour: tuple[int, int, int] = TEXT


@dataclass(frozen=True)
class Annotations:
    """Everything that is written over a slice; ``mm_to_pixels`` is None where the image has no spacing."""

    letters: EdgeLetters
    top_left: tuple[Line, ...]
    top_right: tuple[Line, ...]
    bottom_left: tuple[Line, ...]
    mm_to_pixels: float | None
    notice: str = ""


class AnnotationPainter:
    """Writes Annotations; finished texts are kept as small images, since most are the same in the next frame."""

    def __init__(self, base: QFont) -> None:
        self._texts: Recent[QImage] = Recent(96)
        self.set_font(base)

    def set_font(self, base: QFont) -> None:
        """Write in a half-bold of ``base`` with figures of one width."""
        self._font = QFont(base)
        self._font.setWeight(QFont.Weight.DemiBold)
        self._font.setFeature(QFont.Tag("tnum"), 1)
        self._letter_font = QFont(self._font)
        size = base.pixelSize() * LETTER_SIZE if base.pixelSize() > 0 else base.pointSizeF() * LETTER_SIZE
        if base.pixelSize() > 0:
            self._letter_font.setPixelSize(round(size))
        else:
            self._letter_font.setPointSizeF(size)
        self._texts.clear()

    @property
    def edge(self) -> int:
        """Pixels at each edge that the letters of orientation need."""
        return math.ceil(MARGIN + QFontMetricsF(self._letter_font).height())

    def paint(self, painter: QPainter, size: QSizeF, picture: QRectF, content: Annotations) -> None:
        """Write over a view of ``size`` whose slice covers ``picture``."""
        area = QRectF(MARGIN, MARGIN, size.width() - 2 * MARGIN, size.height() - 2 * MARGIN)
        # The texts get the free band beside the slice; where there is none they keep to the corners.
        free = min(picture.left(), size.width() - picture.right()) - 2 * MARGIN
        limit = max(free, 0.4 * size.width())
        down, up = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        self._block(painter, area, content.top_left, down | left, limit)
        self._block(painter, area, content.top_right, down | right, limit)
        self._block(painter, area, content.bottom_left, up | left, limit)
        if content.mm_to_pixels is not None:
            self._scale_bar(painter, area, content.mm_to_pixels)
        else:
            self._block(painter, area, (Line("UNCALIBRATED: no mm", AMBER),), up | right, limit)
        self._edge_letters(painter, area, content.letters)
        if content.notice:
            centre = QPointF(area.center().x(), area.bottom() - 3 * QFontMetricsF(self._font).height())
            self._centred(painter, centre, Line(content.notice, AMBER), self._font)

    def paint_middle(self, painter: QPainter, size: QSizeF, text: str) -> None:
        """Write ``text`` into the middle of an empty view."""
        if text:
            self._centred(painter, QPointF(size.width() / 2, size.height() / 2), Line(text, QUIET), self._font)

    def write(self, painter: QPainter, place: QPointF, line: Line, *, beside: bool = False) -> None:
        """Write one line centred on ``place``, or to its right."""
        if beside:
            self._draw(painter, place - QPointF(0, QFontMetricsF(self._font).height() / 2), line, self._font)
        else:
            self._centred(painter, place, line, self._font)

    def size_of(self, texts: Sequence[str]) -> QSizeF:
        """Room that lines of text under each other take."""
        metrics = QFontMetricsF(self._font)
        width = max((metrics.horizontalAdvance(text) for text in texts), default=0.0)
        return QSizeF(width, metrics.height() * (1 + LINE_SPACING * (len(texts) - 1)))

    def write_lines(self, painter: QPainter, top_left: QPointF, lines: Sequence[Line]) -> None:
        """Write lines under each other."""
        height = QFontMetricsF(self._font).height() * LINE_SPACING
        for number, line in enumerate(lines):
            self._draw(painter, top_left + QPointF(0, number * height), line, self._font)

    def _block(
        self, painter: QPainter, area: QRectF, lines: tuple[Line, ...], alignment: Qt.AlignmentFlag, limit: float
    ) -> None:
        metrics = QFontMetricsF(self._font)
        height = metrics.height() * LINE_SPACING
        top = area.top()
        if alignment & Qt.AlignmentFlag.AlignBottom:
            top = area.bottom() - height * len(lines)
        for number, line in enumerate(lines):
            text = metrics.elidedText(line.text, Qt.TextElideMode.ElideRight, limit)
            width = metrics.horizontalAdvance(text)
            x = area.right() - width if alignment & Qt.AlignmentFlag.AlignRight else area.left()
            self._draw(painter, QPointF(x, top + number * height), Line(text, line.colour), self._font)

    def _edge_letters(self, painter: QPainter, area: QRectF, letters: EdgeLetters) -> None:
        metrics = QFontMetricsF(self._letter_font)
        half_height = metrics.height() / 2
        centre = area.center()

        def half(text: str) -> float:
            return metrics.horizontalAdvance(text) / 2

        places = (
            (letters.left, QPointF(area.left() + half(letters.left), centre.y())),
            (letters.right, QPointF(area.right() - half(letters.right), centre.y())),
            (letters.top, QPointF(centre.x(), area.top() + half_height - MARGIN / 2)),
            (letters.bottom, QPointF(centre.x(), area.bottom() - half_height + MARGIN / 2)),
        )
        for text, place in places:
            if text:
                self._centred(painter, place, Line(text), self._letter_font)

    def _scale_bar(self, painter: QPainter, area: QRectF, mm_to_pixels: float) -> None:
        limit = min(BAR_LIMIT, 0.25 * area.width())
        fitting = [mm for mm in BAR_LENGTHS_MM if mm * mm_to_pixels <= limit]
        if not fitting:
            return
        mm = fitting[-1]
        length = round(mm * mm_to_pixels)
        y, x = round(area.bottom()) - 4, round(area.right()) - length
        parts = mm // 10 if mm >= 20 else 1
        bars = [QRect(x, y, length, 2)]
        bars += [QRect(round(x + part * (length - 2) / parts), y - 4, 2, 4) for part in range(parts + 1)]
        for grow, colour in ((1, HALO), (0, QColor(*TEXT))):
            for bar in bars:
                painter.fillRect(bar.adjusted(-grow, -grow, grow, grow), colour)
        text = f"{mm // 10} cm" if mm >= 10 else f"{mm} mm"
        metrics = QFontMetricsF(self._font)
        place = QPointF(area.right() - metrics.horizontalAdvance(text), y - 8 - metrics.height())
        self._draw(painter, place, Line(text), self._font)

    def _centred(self, painter: QPainter, centre: QPointF, line: Line, font: QFont) -> None:
        metrics = QFontMetricsF(font)
        half = QPointF(metrics.horizontalAdvance(line.text) / 2, metrics.height() / 2)
        self._draw(painter, centre - half, line, font)

    def _draw(self, painter: QPainter, top_left: QPointF, line: Line, font: QFont) -> None:
        ratio = painter.device().devicePixelRatioF()
        key = (line, font.key(), ratio)
        image = self._texts.get(key, lambda: _text_image(line, font, ratio))
        # Whole pixels keep the glyphs sharp.
        x = round((top_left.x() - HALO_WIDTH) * ratio) / ratio
        y = round((top_left.y() - HALO_WIDTH) * ratio) / ratio
        painter.drawImage(QPointF(x, y), image)


def _text_image(line: Line, font: QFont, ratio: float) -> QImage:
    metrics = QFontMetricsF(font)
    width = math.ceil((metrics.horizontalAdvance(line.text) + 2 * HALO_WIDTH + 2) * ratio)
    height = math.ceil((metrics.height() + 2 * HALO_WIDTH) * ratio)
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setFont(font)
    base = QPointF(HALO_WIDTH, HALO_WIDTH + metrics.ascent())
    painter.setPen(HALO)
    for step in range(8):
        angle = step * math.pi / 4
        painter.drawText(base + QPointF(math.cos(angle), math.sin(angle)) * HALO_WIDTH, line.text)
    painter.setPen(QColor(*line.colour))
    painter.drawText(base, line.text)
    painter.end()
    return image
