"""The check of a registration before it counts: both images in one picture, as found and as they lay before."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from tumorview.app.registration import Registration
from tumorview.core.contrast import auto_window
from tumorview.core.rendering import Window, grey
from tumorview.core.resample import nearest_slice
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Series
from tumorview.gui import theme
from tumorview.gui.widgets import CheckBox, ComboBox, Slider, label, named, row

WIDTH, HEIGHT = 820, 860
MODES = {"checkerboard": "Checkerboard", "blend": "Blend"}
NOTCH = 120  # of a wheel

Greys = npt.NDArray[np.uint8]


def checkerboard(first: Greys, second: Greys, tile: int) -> Greys:
    """Squares of ``tile`` pixels from two pictures [h, w] in turn."""
    rows, columns = np.indices(first.shape) // max(tile, 1)
    return np.where((rows + columns) % 2 == 0, first, second).astype(np.uint8)


def blended(first: Greys, second: Greys, share: float) -> Greys:
    """``share`` (0..1) of the second picture [h, w] over the first."""
    return np.rint(first * (1 - share) + second * share).astype(np.uint8)


class FusedView(QWidget):
    """One picture [h, w] as large as fits, with its pixels' true aspect; the wheel turns slices."""

    def __init__(self, turned: Callable[[int], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(320, 320)
        self._image = QImage()
        self._aspect = 1.0
        self._turned = turned

    def show_picture(self, picture: Greys, pixel_spacing: tuple[float, float]) -> None:
        """Show it; ``pixel_spacing`` is (row, column)."""
        height, width = picture.shape
        held = np.ascontiguousarray(picture)
        self._image = QImage(held.data, width, height, width, QImage.Format.Format_Grayscale8).copy()
        self._aspect = (width * pixel_spacing[1]) / (height * pixel_spacing[0])
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture on black."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        height = min(self.height(), self.width() / self._aspect)
        width = height * self._aspect
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height), self._image)
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One slice a notch."""
        self._turned(-round(event.angleDelta().y() / NOTCH))


class RegistrationCheck(QDialog):
    """Asks whether a registration is right; ``accepted`` and ``rejected`` are the answers, nothing counts before."""

    def __init__(self, found: Registration, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("registration_check")
        self.setWindowTitle("Check the Registration")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.found = found
        self._fixed, self._there = found.fixed, found.moved
        self._windows = {one.uid: _window(one) for one in (found.fixed, found.moving)}
        self.view = FusedView(self._step)
        named(self.view, "registration_view", "Both images in one picture")
        self.plane, self.mode = ComboBox(), ComboBox()
        named(self.plane, "registration_plane", "Plane")
        named(self.mode, "registration_mode", "How both are shown")
        for plane in Plane:
            self.plane.addItem(plane.value.capitalize(), plane)
        for key, text in MODES.items():
            self.mode.addItem(text, key)
        self.before = CheckBox("As the files say")
        named(self.before, "registration_before", "As the files say", "Show both where they lay before, to compare")
        self.slices, self.amount = Slider(0, 0), Slider(1, 100)
        named(self.slices, "registration_slice", "Slice")
        named(self.amount, "registration_amount", "Size of the squares, or share of the moved image")
        self.amount.setValue(25)
        self._lay_out()
        self.plane.activated.connect(lambda: self._plane_changed())
        self.mode.activated.connect(lambda: self._show())
        self.before.toggled.connect(lambda _: self._show())
        self.slices.valueChanged.connect(lambda _: self._show())
        self.amount.valueChanged.connect(lambda _: self._show())
        self._plane_changed()

    def _lay_out(self) -> None:
        found = self.found
        moving = found.moving.description or found.moving.role.value
        what = f"{moving}: moved by {found.shift_mm:.1f} mm, turned by {found.angle_degrees:.1f}°"
        better = f"shared information {found.before:.2f} before, {found.after:.2f} now"
        self.verdict = label(f"{what}; {better}", warning=found.after <= found.before, wrap=True)
        self.verdict.setObjectName("registration_verdict")
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID)
        column.addWidget(self.verdict)
        column.addLayout(row(self.plane, self.mode, self.before))
        column.addWidget(self.view, 1)
        column.addLayout(row(label("Slice"), self.slices, label("Squares, or blend"), self.amount))
        hint = "Edges of the skull, the ventricles and the falx must run on across the squares."
        column.addWidget(label(hint, dim=True))
        accept, reject = QPushButton("It Fits, Use It"), QPushButton("Discard")
        named(accept, "registration_accept", "Use this registration")
        named(reject, "registration_reject", "Leave everything where it was")
        accept.setProperty("primary", True)
        reject.setDefault(True)  # Enter must not accept what nobody has looked at
        accept.setAutoDefault(False)
        accept.clicked.connect(self.accept)
        reject.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(accept)
        buttons.addWidget(reject)
        column.addLayout(buttons)

    def _plane_changed(self) -> None:
        self._view = PlaneView.of(self._fixed.volume.geometry, Plane(self.plane.currentData()))
        blocked = self.slices.blockSignals(True)
        self.slices.setRange(0, self._view.count - 1)
        self.slices.setValue(self._view.count // 2)
        self.slices.blockSignals(blocked)
        self._show()

    def _step(self, steps: int) -> None:
        self.slices.setValue(self.slices.value() + steps)

    def picture(self) -> Greys:
        """What is shown now [rows, columns]."""
        view, index = self._view, self.slices.value()
        shown = self.found.moving if self.before.isChecked() else self._there
        still = self._greys(self._fixed, view.extract(self._fixed.volume.data, index))
        other = self._greys(shown, nearest_slice(shown.volume.data, shown.volume.geometry, view, index))
        if self.mode.currentData() == "blend":
            return blended(still, other, self.amount.value() / 100)
        # Squares of the image's own pixels, up to half of the picture.
        return checkerboard(still, other, max(2, round(min(view.size) / 2 * self.amount.value() / 100)))

    def _greys(self, series: Series, pixels: npt.NDArray[Any]) -> Greys:
        return grey(pixels, self._windows[series.uid], inverted=series.inverted)

    def _show(self) -> None:
        self.view.show_picture(self.picture(), self._view.pixel_spacing)


def _window(series: Series) -> Window:
    return series.window or auto_window(series.measured().data)
