"""How much of every slice is labelled, as bars along the stack: where the tumour is and where one looks."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from tumorview.app.session import Session
from tumorview.core.slicing import Plane
from tumorview.gui.views.session_follower import until_destroyed
from tumorview.gui.views.slice_areas import SliceArea, SliceAreas

SIDE = 8.0  # pixels free at both ends
TOP = 4.0
BOTTOM = 4.0
ARROW = 4.0  # half the width of the triangle over the largest slice
NOTCH = 120

_LOOKS_OTHERWISE = (QEvent.Type.Resize, QEvent.Type.PaletteChange, QEvent.Type.DevicePixelRatioChange)


class SliceStrip(QWidget):
    """Bars of labelled area per slice of ``plane``, the labels on each other, ground truth as a line over them.

    A triangle points at the largest slice, ticks below are slices with measurements. Click or drag to jump.
    """

    slice_selected = Signal(int)

    def __init__(self, session: Session, plane: Plane = Plane.AXIAL, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("slice_strip")
        self.setAccessibleName("Labelled area per slice")
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._session = session
        self._current = 0
        self._marks: tuple[int, ...] = ()  # slices with measurements
        self._hovered: int | None = None
        self._bars: QPixmap | None = None  # as painted: they stand still while one scrolls
        self._areas = SliceAreas(session, plane, self._areas_changed)
        self._listen()

    def sizeHint(self) -> QSize:
        return QSize(400, 56)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 40)

    @property
    def current(self) -> int:
        """The slice that is marked."""
        return self._current

    def set_current(self, index: int) -> None:
        """Mark the slice that the view shows."""
        if index != self._current:
            self._current = index
            self.update()

    def set_plane(self, plane: Plane) -> None:
        """Count slices of another plane."""
        if plane is not self._areas.plane:
            self._areas.plane = plane
            self._renew()

    def set_marks(self, slices: Sequence[int]) -> None:
        """Mark the slices that have measurements."""
        if tuple(slices) != self._marks:
            self._marks = tuple(slices)
            self.update()

    @property
    def largest(self) -> int | None:
        """The slice with the largest labelled area; None where nothing is labelled."""
        return self._areas.largest

    def area(self, index: int) -> SliceArea:
        """What is labelled in slice ``index``."""
        return self._areas.area(index)

    def slice_at(self, x: float) -> int:
        """The slice whose bar is under a widget position."""
        count = len(self._areas)
        width = max(self.width() - 2 * SIDE, 1.0)
        return min(max(int((x - SIDE) / width * count), 0), max(count - 1, 0))

    def bar(self, index: int) -> QRectF:
        """The full column of a slice."""
        width = (self.width() - 2 * SIDE) / max(len(self._areas), 1)
        return QRectF(SIDE + index * width, TOP, width, self.height() - TOP - BOTTOM)

    def text(self, index: int) -> str:
        """A slice in words: its number and areas, that of each label where there are several."""
        area = self.area(index)
        text = f"Slice {index + 1}: {self._areas.amount(area.voxels)}"
        if area.truth is not None:
            text += f", ground truth {self._areas.amount(area.truth)}"
        lines = [text + (" – the largest" if index == self.largest else ""), *self._label_lines(index)]
        if index in self._marks:
            lines.append("Measured here")
        return "\n".join(lines)

    def _label_lines(self, index: int) -> list[str]:
        mask, voxels = self._session.mask, self._areas.counts[index].tolist()
        if mask is None or sum(one > 0 for one in voxels) < 2:
            return []
        named = [(mask.labels.get(number), one) for number, one in zip(self._areas.labels, voxels, strict=True)]
        return [f"{label.name}: {self._areas.amount(one)}" for label, one in named if label is not None and one]

    # -- events of Qt ------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Window))
        if not len(self._areas):
            return
        ground = QRectF(SIDE, TOP, self.width() - 2 * SIDE, self.height() - TOP - BOTTOM)
        if self._bars is None:
            self._bars = self._painted_bars(ground)
        painter.drawPixmap(0, 0, self._bars)
        self._paint_hover(painter)
        self._paint_marker(painter)
        self._paint_marks(painter, ground)

    def _painted_bars(self, ground: QRectF) -> QPixmap:
        ratio = self.devicePixelRatioF()
        bars = QPixmap(self.size() * ratio)
        bars.setDevicePixelRatio(ratio)
        bars.fill(self.palette().color(QPalette.ColorRole.Window))
        painter = QPainter(bars)
        painter.fillRect(ground, self.palette().color(QPalette.ColorRole.Base))
        largest, truth = self._areas.most, self._areas.truth
        self._paint_bars(painter, ground, largest)
        if truth is not None and truth.any():
            self._paint_truth(painter, ground, truth / largest)
        painter.end()
        return bars

    def _paint_bars(self, painter: QPainter, ground: QRectF, largest: int) -> None:
        mask = self._session.mask
        if mask is None:
            return
        width = ground.width() / len(self._areas)
        gap = 1.0 if width >= 4 else 0.0
        bases = np.zeros(len(self._areas), np.int64)
        for number, voxels in zip(self._areas.labels, self._areas.counts.T, strict=True):
            label = mask.labels.get(number)
            if label is None:
                continue
            colour = QColor(*label.colour, 255 if label.visible else 90)
            for index in np.flatnonzero(voxels).tolist():
                bottom = ground.bottom() - ground.height() * bases[index] / largest
                height = max(ground.height() * voxels[index] / largest, 1.0)
                painter.fillRect(QRectF(ground.left() + index * width, bottom - height, width - gap, height), colour)
            bases += voxels

    def _paint_truth(self, painter: QPainter, ground: QRectF, shares: npt.NDArray[np.float64]) -> None:
        # A staircase: two corners a slice.
        edges = np.linspace(ground.left(), ground.right(), len(shares) + 1)
        x = np.stack([edges[:-1], edges[1:]], axis=1).ravel().tolist()
        y = (ground.bottom() - ground.height() * shares).repeat(2).tolist()
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 1.0))
        painter.drawPolyline(QPolygonF([QPointF(*corner) for corner in zip(x, y, strict=True)]))

    def _paint_hover(self, painter: QPainter) -> None:
        if self._hovered is not None and self._hovered != self._current:
            glow = self.palette().color(QPalette.ColorRole.WindowText)
            glow.setAlpha(40)
            painter.fillRect(self.bar(self._hovered), glow)

    def _paint_marks(self, painter: QPainter, ground: QRectF) -> None:
        text = self.palette().color(QPalette.ColorRole.WindowText)
        for index in self._marks:
            x = self.bar(index).center().x()
            painter.fillRect(QRectF(x - 1, ground.bottom() + 1, 2, BOTTOM - 1), text)
        largest = self.largest
        if largest is None:
            return
        x = self.bar(largest).center().x()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(text)
        corners = (QPointF(x - ARROW, 0), QPointF(x + ARROW, 0), QPointF(x, TOP + 1))
        painter.drawPolygon(QPolygonF(corners))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _paint_marker(self, painter: QPainter) -> None:
        column = self.bar(self._current)
        accent = self.palette().color(QPalette.ColorRole.Highlight)
        glow = QColor(accent)
        glow.setAlpha(70)
        painter.fillRect(column, glow)
        x = column.center().x()
        painter.setPen(QPen(accent, 2.0))
        painter.drawLine(QLineF(x, 0, x, self.height()))

    def event(self, event: QEvent) -> bool:
        if event.type() in _LOOKS_OTHERWISE:
            self._bars = None
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and len(self._areas):
            QToolTip.showText(event.globalPos(), self.text(self.slice_at(event.pos().x())), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._select(self.slice_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        under = self.slice_at(event.position().x())
        self._hover(under if len(self._areas) else None)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._select(under)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = -round(event.angleDelta().y() / NOTCH)
        self._select(min(max(self._current + steps, 0), len(self._areas) - 1))

    def _areas_changed(self) -> None:
        self._bars = None
        self.update()

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()

    def _select(self, index: int) -> None:
        if len(self._areas) and index != self._current:
            self.set_current(index)
            self.slice_selected.emit(index)

    def _renew(self) -> None:
        self._areas.renew()
        self._current = min(self._current, max(len(self._areas) - 1, 0))
        self._marks, self._hovered = (), None

    def _listen(self) -> None:
        session, areas = self._session, self._areas
        stops = [
            session.study_changed.connect(lambda _: self._renew()),
            session.series_changed.connect(lambda _: self._renew()),
            session.shown_changed.connect(areas.shown_changed),
            session.labels_changed.connect(lambda _: areas.labels_changed()),
            session.truth_changed.connect(lambda _: areas.truth_changed()),
        ]
        until_destroyed(self, stops)
