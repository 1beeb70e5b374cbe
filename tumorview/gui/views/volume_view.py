"""The 3D view: tumour surfaces, the head and the slices at the crosshair, with a row of tools under them."""

import logging
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QIcon, QImage, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.slicing import Plane
from tumorview.gui import icons, theme, widgets
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.views.session_follower import until_destroyed
from tumorview.gui.views.values import OverlayOptions
from tumorview.gui.views.volume_camera import DIRECTIONS
from tumorview.gui.views.volume_scene import PLANE_COLOURS, SceneKeeper
from tumorview.gui.views.volume_stage import Draws, VolumeStage
from tumorview.gui.views.volume_values import NoOpenGLError

BUTTON = QSize(theme.TARGET + 2, theme.TARGET)

log = logging.getLogger(__name__)


class VolumeView(QWidget):
    """What ``session`` shows, in space; ``export_requested`` asks the window to save the picture."""

    maximise_requested = Signal()
    export_requested = Signal()

    def __init__(
        self,
        session: Session,
        reading: Reading,
        jobs: JobRunner,
        renderer: Draws,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("view_3d")
        self.setAccessibleName("3D view")
        self._session = session
        self.keeper = SceneKeeper(session, reading, jobs, self)
        self.stage = VolumeStage(self.keeper, renderer)
        self.stage.maximise_requested.connect(self.maximise_requested)
        self.setFocusProxy(self.stage)
        self._themed: list[tuple[QToolButton, Callable[[], QIcon]]] = []
        self._sides: list[QToolButton] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.stage, 1)
        layout.addWidget(self._tool_row())
        until_destroyed(self, [session.study_changed.connect(lambda _: self._study_changed()), renderer.close])
        self._study_changed()

    # -- what a window does with it ----------------------------------------------------------------------------

    def reset_view(self) -> None:
        """Everything in the picture, seen from where one begins."""
        self.stage.reset()

    def set_overlay(self, options: OverlayOptions) -> None:
        """Labels are shown or hidden as in the slices."""
        if options.visible != self.keeper.labels_shown:
            self.keeper.show_labels(options.visible)

    def picture(self) -> npt.NDArray[np.uint8]:
        """The view as a picture of its own for export, RGB [h, w, 3]; it carries the notice of research use."""
        image = self.stage.picture().convertToFormat(QImage.Format.Format_RGB888)
        height, width = image.height(), image.width()
        lines = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())
        return lines[:, : 3 * width].reshape(height, width, 3).copy()

    # -- inside ------------------------------------------------------------------------------------------------

    def _tool_row(self) -> QWidget:
        row = QFrame()
        row.setObjectName("view_3d_tools")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(4, 1, 4, 1)
        layout.setSpacing(1)
        for direction in DIRECTIONS:
            name, letter = direction.name.lower(), direction.name[0]
            button = self._button(f"view_3d_{name}", f"See from {name} (Shift+{letter})")
            button.setText(letter)
            button.clicked.connect(lambda _=False, side=direction: self.stage.look(self.stage.camera.from_side(side)))
            self._sides.append(button)
            layout.addWidget(button)
        layout.addSpacing(theme.GRID)
        for plane in Plane:
            button = self._toggle(f"view_3d_{plane.value}_slice", f"{plane.value.capitalize()} slice")
            button.setIcon(icons.swatch(PLANE_COLOURS[plane]))
            button.toggled.connect(lambda on, plane=plane: self.keeper.show_plane(plane, on))
            layout.addWidget(button)
        head = self._toggle("view_3d_head", "Head")
        head.toggled.connect(self.keeper.show_head)
        self._themed.append((head, lambda: icons.icon("brain", quiet=True)))
        layout.addWidget(head)
        layout.addStretch(1)
        reset = self._button("view_3d_reset", "Reset the 3D view (Home)")
        reset.clicked.connect(self.reset_view)
        self._themed.append((reset, lambda: icons.icon("reset")))
        export = self._button("view_3d_export", "Save the 3D picture as PNG")
        export.clicked.connect(self.export_requested)
        self._themed.append((export, lambda: icons.icon("picture")))
        layout.addWidget(reset)
        layout.addWidget(export)
        self._tools = row
        self.refresh_icons()
        return row

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton()
        widgets.named(button, name, tip.split(" (")[0], tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setMinimumSize(BUTTON)
        button.setIconSize(QSize(16, 16))
        return button

    def _toggle(self, name: str, what: str) -> QToolButton:
        button = self._button(name, f"Show or hide: {what.lower()}")
        button.setCheckable(True)
        button.setChecked(True)
        button.setProperty("quiet", True)
        return button

    def refresh_icons(self) -> None:
        """Tint the icons in the theme's colours."""
        for button, icon in self._themed:
            button.setIcon(icon())

    def _study_changed(self) -> None:
        geometry = self.keeper.geometry
        self._tools.setEnabled(geometry is not None)
        for button in self._sides:
            button.setVisible(geometry is None or geometry.oriented)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme: other icons."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_tools"):
            self.refresh_icons()

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks: catch up."""
        super().showEvent(event)
        self.keeper.set_active(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: nothing is computed."""
        super().hideEvent(event)
        self.keeper.set_active(False)


class NoVolumeView(QWidget):
    """Stands where the 3D view would be and says why it is not."""

    def __init__(self, reason: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("view_3d")
        self.setAccessibleName("3D view")
        self.setAutoFillBackground(True)
        palette = self.palette()
        palette.setColor(self.backgroundRole(), Qt.GlobalColor.black)
        self.setPalette(palette)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        text = QLabel(f"No 3D view\n{reason}\nEverything else works as usual.")
        text.setObjectName("view_3d_reason")
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text.setWordWrap(True)
        text.setStyleSheet("color: rgb(164, 168, 176); background: black;")  # on black in every theme, like the images
        layout = QVBoxLayout(self)
        layout.addWidget(text)


def make_volume_view(
    session: Session, reading: Reading, jobs: JobRunner, parent: QWidget | None = None
) -> VolumeView | NoVolumeView:
    """The 3D view where this display has OpenGL, otherwise a panel that says why there is none."""
    from tumorview.gui.views.volume_renderer import Renderer  # Qt's OpenGL is loaded by who looks in 3D

    try:
        renderer = Renderer()
    except NoOpenGLError as error:
        log.info("no 3D view: %s", error)
        return NoVolumeView(str(error), parent)
    return VolumeView(session, reading, jobs, renderer, parent)
