"""Training slices as augmentation varies them, drawn anew whenever it is changed."""

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from tumorview.app.jobs import Job, JobContext
from tumorview.app.training_flow import FlowState, TrainingFlow
from tumorview.app.training_plan import Side
from tumorview.app.training_preview import PreviewSlices, augmented, load_preview
from tumorview.errors import TumorViewError
from tumorview.gui import theme
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.widgets import command_button, label, row
from tumorview.gui.wizard.page import PREVIEW_GROUP

ROWS, COLUMNS = 2, 3


class Picture(QWidget):
    """One RGB picture, as large as there is room, on black."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(96, 96)
        self.image: QImage | None = None

    def show_pixels(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Show uint8 [h, w, 3]."""
        height, width = pixels.shape[:2]
        self.image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self.update()

    def sizeHint(self) -> QSize:
        """Square."""
        return QSize(160, 160)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture in the middle."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        if self.image is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            side = min(self.width(), self.height())
            painter.drawImage(self.rect().adjusted(*_margins(self.width() - side, self.height() - side)), self.image)
        painter.end()


def _margins(spare_width: int, spare_height: int) -> tuple[int, int, int, int]:
    left, top = spare_width // 2, spare_height // 2
    return left, top, left - spare_width, top - spare_height


class AugmentPreview(QWidget):
    """A grid of slices; ``failed`` carries an exception."""

    failed = Signal(object)

    def __init__(self, flow: TrainingFlow, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_preview")
        self.flow, self._jobs = flow, jobs
        self._slices: PreviewSlices | None = None
        self._ids: tuple[str, ...] = ()
        self._drawn: object = None
        self._active = False
        self.seed = 0
        self.pictures = [Picture() for _ in range(ROWS * COLUMNS)]
        self.again = command_button(
            "&Vary Again", "training_preview_again", "Draw the variations anew", self._vary_again
        )
        grid = QGridLayout()
        grid.setSpacing(2)
        for number, picture in enumerate(self.pictures):
            picture.setObjectName(f"training_preview_{number + 1}")
            picture.setAccessibleName(f"Varied training slice {number + 1}")
            grid.addWidget(picture, number // COLUMNS, number % COLUMNS)
        heading = label("What the network will see")
        theme.scaled(heading, 1.0, bold=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row(heading, 1, self.again))
        column.addLayout(grid, 1)

    def show_slices(self) -> None:
        """From now on draw what is chosen."""
        self._active = True
        self._draw()

    def stop(self) -> None:
        """Draw no more."""
        self._active = False
        self._jobs.cancel_group(PREVIEW_GROUP)
        self._drawn = None

    def set_choices(self, state: FlowState) -> None:
        """Follow the flow."""
        sides = state.sides
        training = [case.id for case in state.cases if case.chosen and sides.get(case.id) is Side.TRAINING]
        ids = tuple(training[: len(self.pictures)])
        if ids != self._ids:
            self._ids, self._slices = ids, None
        self._draw()

    def _vary_again(self) -> None:
        self.seed += 1
        self._draw()

    def _draw(self) -> None:
        if not self._active or not self._ids:
            return
        try:
            recipe = self.flow.recipe_to_measure
        except TumorViewError:
            return
        settings, size = recipe.augment, recipe.phases[-1].size
        wanted = (settings, size, self.seed, self._ids)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        folder, ids, slices, seed = self.flow.run_folder, self._ids, self._slices, self.seed

        def work(context: JobContext) -> object:
            loaded = slices or load_preview(folder, ids, context)
            return loaded, augmented(loaded, settings, size, seed, context)

        handlers = Handlers(done=self._show, failed=self.failed.emit)
        self._jobs.start(Job("Varying training slices", work, exclusive=PREVIEW_GROUP), handlers)

    def _show(self, result: tuple[PreviewSlices, list[npt.NDArray[np.uint8]]]) -> None:
        self._slices, pictures = result
        for place, pixels in zip(self.pictures, pictures, strict=False):
            place.show_pixels(pixels)
