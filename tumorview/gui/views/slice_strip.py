"""How much of every slice is labelled, as bars along the stack: where the tumour is and where one looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from tumorview.app.session import Session
from tumorview.core.mask import Box, MaskArray
from tumorview.core.slicing import Plane, PlaneView
from tumorview.gui.views.mask_slices import Labels2D, MaskSlices
from tumorview.gui.views.session_follower import until_destroyed

SIDE = 8.0  # pixels free at both ends
TOP = 4.0
BOTTOM = 4.0
ARROW = 4.0  # half the width of the triangle over the largest slice
NOTCH = 120
Areas = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SliceArea:
    """Labelled voxels of one slice by label number, and those of ground truth (None without)."""

    index: int
    voxels: int
    truth: int | None


def amount_text(view: PlaneView | None, voxels: float) -> str:
    """So many voxels of a slice as an area, where millimetres are known."""
    if view is None or not view.geometry.calibrated:
        return f"{voxels:.0f} voxels"
    row_mm, column_mm = view.pixel_spacing
    return f"{voxels * row_mm * column_mm / 100.0:.2f} cm²"


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
        self._plane = plane
        self._masks = MaskSlices(session)
        self._view: PlaneView | None = None
        self._current = 0
        self._areas: Areas = np.zeros((0, 1), np.int64)  # [slice, label]
        self._numbers: tuple[int, ...] = ()
        self._truth: Areas | None = None
        self._stale: set[int] = set()
        self._marks: tuple[int, ...] = ()  # slices with measurements
        self._hovered: int | None = None
        self._listen()
        self._renew()

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
        if plane is not self._plane:
            self._plane = plane
            self._renew()

    def set_marks(self, slices: Sequence[int]) -> None:
        """Mark the slices that have measurements."""
        if tuple(slices) != self._marks:
            self._marks = tuple(slices)
            self.update()

    @property
    def largest(self) -> int | None:
        """The slice with the largest labelled area; None where nothing is labelled."""
        self._count_stale()
        areas = self._areas.sum(axis=1)
        return int(areas.argmax()) if areas.any() else None

    def area(self, index: int) -> SliceArea:
        """What is labelled in slice ``index``."""
        self._count_stale()
        truth = None if self._truth is None else int(self._truth[index])
        return SliceArea(index, int(self._areas[index].sum()), truth)

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
        text = f"Slice {index + 1}: {self._amount(area.voxels)}"
        if area.truth is not None:
            text += f", ground truth {self._amount(area.truth)}"
        lines = [text + (" – the largest" if index == self.largest else ""), *self._label_lines(index)]
        if index in self._marks:
            lines.append("Measured here")
        return "\n".join(lines)

    def _label_lines(self, index: int) -> list[str]:
        mask, voxels = self._session.mask, self._areas[index].tolist()
        if mask is None or sum(one > 0 for one in voxels) < 2:
            return []
        named = [(mask.labels.get(number), one) for number, one in zip(self._numbers, voxels, strict=True)]
        return [f"{label.name}: {self._amount(one)}" for label, one in named if label is not None and one]

    # -- counting ----------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        series = self._masks.series = self._session.active_series
        self._view = None if series is None else PlaneView.of(series.volume.geometry, self._plane)
        count = 0 if self._view is None else self._view.count
        self._areas = np.zeros((count, len(self._numbers)), np.int64)
        self._stale = set(range(count))
        self._current = min(self._current, max(count - 1, 0))
        self._marks, self._hovered = (), None
        self._truth_changed()
        self._labels_changed()

    def _labels_changed(self) -> None:
        mask = self._session.mask
        numbers = () if mask is None else tuple(label.number for label in mask.labels)
        if numbers != self._numbers or self._areas.shape[1] != len(numbers):
            self._numbers = numbers
            self._areas = np.zeros((len(self._areas), len(numbers)), np.int64)
            self._stale = set(range(len(self._areas)))
        self.update()

    def _truth_changed(self) -> None:
        view = self._view
        self._truth = None
        if view is not None and self._session.truth is not None and self._masks.placed:
            self._truth = np.zeros(view.count, np.int64)
            for index in self._masks.labelled_range(self._session.truth.data, view):
                part = self._masks.truth(view, index)
                self._truth[index] = 0 if part is None else np.count_nonzero(part)
        self.update()

    def _shown_changed(self, box: Box) -> None:
        view = self._view
        if view is None:
            return
        if self._masks.on_own_grid:
            axis = view.normal_axis
            self._stale.update(range(box.start[axis], box.stop[axis]))
        else:
            self._stale = set(range(view.count))
        self.update()

    def _count_stale(self) -> None:
        view, shown = self._view, self._session.shown
        if view is not None and shown is not None and self._stale:
            self._areas[list(self._stale)] = 0
            for index in self._stale.intersection(self._slices_of(shown, view)):
                self._areas[index] = self._counted(self._masks.labels(view, index))
        self._stale.clear()

    def _slices_of(self, data: MaskArray, view: PlaneView) -> range:
        # All slices, or those of another grid: the ones that no label can reach are left out. A stroke knows its own.
        few = self._masks.on_own_grid and len(self._stale) < view.count
        return range(view.count) if few else self._masks.labelled_range(data, view)

    def _counted(self, labels: Labels2D | None) -> list[int]:
        if labels is None or not labels.any():
            return [0] * len(self._numbers)
        return [int(np.count_nonzero(labels == number)) for number in self._numbers]

    def _amount(self, voxels: int) -> str:
        return amount_text(self._view, voxels)

    # -- events of Qt ------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Window))
        if not len(self._areas):
            return
        self._count_stale()
        largest = max(int(self._areas.sum(axis=1).max(initial=0)), 1)
        if self._truth is not None:
            largest = max(largest, int(self._truth.max(initial=0)))
        ground = QRectF(SIDE, TOP, self.width() - 2 * SIDE, self.height() - TOP - BOTTOM)
        painter.fillRect(ground, self.palette().color(QPalette.ColorRole.Base))
        self._paint_bars(painter, ground, largest)
        if self._truth is not None and self._truth.any():
            self._paint_truth(painter, ground, self._truth / largest)
        self._paint_hover(painter)
        self._paint_marker(painter)
        self._paint_marks(painter, ground)

    def _paint_bars(self, painter: QPainter, ground: QRectF, largest: int) -> None:
        mask = self._session.mask
        if mask is None:
            return
        width = ground.width() / len(self._areas)
        gap = 1.0 if width >= 4 else 0.0
        bases = np.zeros(len(self._areas), np.int64)
        for number, voxels in zip(self._numbers, self._areas.T, strict=True):
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

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()

    def _select(self, index: int) -> None:
        if len(self._areas) and index != self._current:
            self.set_current(index)
            self.slice_selected.emit(index)

    def _listen(self) -> None:
        session = self._session
        stops = [
            session.study_changed.connect(lambda _: self._renew()),
            session.series_changed.connect(lambda _: self._renew()),
            session.shown_changed.connect(self._shown_changed),
            session.labels_changed.connect(lambda _: self._labels_changed()),
            session.truth_changed.connect(lambda _: self._truth_changed()),
        ]
        until_destroyed(self, stops)
