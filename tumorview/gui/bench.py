"""How long the hand waits for the picture: wheel steps and brush moves, as real events, until the frame is painted."""

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLayout, QVBoxLayout, QWidget

from tumorview.app.layouts import Layout
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.app.tool_commands import COMMANDS
from tumorview.app.tool_options import Tool
from tumorview.app.tools import Spot, Tools
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.progress import Progress
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.gui.views.slice_strip import SliceStrip
from tumorview.gui.views.slice_view import SliceView
from tumorview.gui.views.view_grid import ViewGrid

SHAPE = (200, 512, 512)
SPACING = (1.0, 0.5, 0.5)
WINDOW_SIZE = (1600, 1000)
BUDGET_MS = 16.0
BRUSH_MM = 10.0
TOOL_BUDGET_MS = 1000.0
TUMOUR_VOXEL = (100, 204, 307)  # the middle of the example's tumour
REPEATS = 120
PATIENCE_SECONDS = 2.0

_NO_BUTTONS = Qt.MouseButton.NoButton
_LEFT = Qt.MouseButton.LeftButton


@dataclass(frozen=True)
class BenchRow:
    """One measurement; ``ratio`` is budget over value, so that above 1 is within the budget."""

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None


class FrameWatch(QObject):
    """Notices that a widget was painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._painted = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._painted = True
        return super().eventFilter(watched, event)

    def wait(self) -> None:
        """Work through Qt's events until the widget was painted."""
        until = time.perf_counter() + PATIENCE_SECONDS
        while not self._painted and time.perf_counter() < until:
            QCoreApplication.processEvents()
        if not self._painted:
            raise TimeoutError("the view was not painted")
        self._painted = False


def rows(repeats: int = REPEATS) -> list[BenchRow]:
    """All measurements of this module."""
    if sys.platform == "linux" and not ({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication.instance() or QApplication([])
    session = example_session()
    measured = [*scroll_rows(session, repeats), *brush_rows(session, repeats), *tool_rows(session)]
    application.processEvents()
    return measured


def scroll_rows(session: Session, repeats: int = REPEATS) -> list[BenchRow]:
    """Wheel steps in two views of a linked 2x2 layout, and in one large view: overlay and ground truth on."""
    measured = []
    for layout, planes, name in (
        (Layout.QUAD, (Plane.AXIAL, Plane.SAGITTAL), "2x2 layout"),
        (Layout.AXIAL, (Plane.AXIAL,), "one view"),
    ):
        with _window(session, layout) as grid:
            for plane in planes:
                where = name if plane is Plane.AXIAL else f"{name} ({plane.value} view)"
                measured += _rows(f"wheel step to painted frame, {where}", _scroll(grid.view(plane), repeats))
    return measured


def _scroll(view: SliceView, repeats: int) -> list[float]:
    """Milliseconds from each wheel step to the painted frame."""
    watch = FrameWatch(view)
    place = QPointF(view.rect().center())
    milliseconds = []
    for number in range(repeats):
        down = -120 if number % 100 < 50 else 120
        start = time.perf_counter()
        QCoreApplication.sendEvent(view, _wheel(view, place, down))
        watch.wait()
        milliseconds.append((time.perf_counter() - start) * 1000.0)
    return milliseconds


def brush_rows(session: Session, repeats: int = REPEATS) -> list[BenchRow]:
    """Moves of 10 mm brushes around the tumour with live Dice and the slice strip: in one large view, and in 2x2."""
    measured = []
    for layout, tool, ball, name in (
        (Layout.AXIAL, Tool.BRUSH, False, "brush move to painted frame, 512x512x200"),
        (Layout.QUAD, Tool.BRUSH, False, "brush move to painted frame, 2x2 layout"),
        (Layout.AXIAL, Tool.BRUSH, True, "ball move to painted frame, 512x512x200"),
        (Layout.AXIAL, Tool.SMART_BRUSH, False, "smart brush move to painted frame, 512x512x200"),
    ):
        with _window(session, layout) as grid:
            session.set_brush(ball=ball)
            milliseconds = _brush(session, grid, tool, repeats)
            session.set_brush(ball=False)
        measured += _rows(name, milliseconds)
    return measured


def tool_rows(session: Session) -> list[BenchRow]:
    """Tools that look at the whole volume: a region grown through the tumour, and every other slice interpolated."""
    tools, view = Tools(session), PlaneView.of(_grid(session), Plane.AXIAL)
    series = session.active_series
    assert series is not None
    spot = Spot(view, SHAPE[0] // 2, series.volume.data, 700.0)
    _, row, column = view.from_voxel(TUMOUR_VOXEL)
    tools.set_options(grow_radius=60.0, grow_tolerance=0.2)
    mask = tools.mask
    kept = mask.data.copy()
    mask.data[...] = 0
    start = time.perf_counter()
    growing = tools.grow(spot, row, column)
    growing.show(growing.work()(Progress()))
    growing.finish()
    grown = (time.perf_counter() - start) * 1000.0
    mask.data[...] = kept
    mask.data[1::2] = 0
    start = time.perf_counter()
    tools.do(COMMANDS["edit.interpolate"](tools, spot))
    interpolated = (time.perf_counter() - start) * 1000.0
    for _ in range(2):
        session.undo()
    mask.data[...] = kept
    return [
        BenchRow(name, value, "ms", f"budget {TOOL_BUDGET_MS:.0f} ms", TOOL_BUDGET_MS / value)
        for name, value in (("region grown, 512x512x200", grown), ("slices interpolated, 512x512x200", interpolated))
    ]


def _grid(session: Session) -> Geometry:
    assert session.grid is not None
    return session.grid


def _brush(session: Session, grid: ViewGrid, tool: Tool, repeats: int) -> list[float]:
    view = grid.view(Plane.AXIAL)
    view.set_tool(tool)
    session.set_brush(radius=BRUSH_MM)
    watch = FrameWatch(view)
    centre = QPointF(view.rect().center())
    largest = min(view.width(), view.height()) / 3

    def place(number: int) -> QPointF:
        angle = number / 20.0
        return centre + QPointF(math.cos(angle), math.sin(angle)) * min(40.0 + number, largest)

    QCoreApplication.sendEvent(view, _mouse(view, QEvent.Type.MouseButtonPress, place(0), _LEFT, _LEFT))
    watch.wait()
    milliseconds = []
    for number in range(1, repeats + 1):
        start = time.perf_counter()
        QCoreApplication.sendEvent(view, _mouse(view, QEvent.Type.MouseMove, place(number), _NO_BUTTONS, _LEFT))
        watch.wait()
        milliseconds.append((time.perf_counter() - start) * 1000.0)
    release = _mouse(view, QEvent.Type.MouseButtonRelease, place(repeats), _LEFT, _NO_BUTTONS)
    QCoreApplication.sendEvent(view, release)
    session.undo()
    return milliseconds


def example_session() -> Session:
    """A head of noise, 512x512x200, with a mask and ground truth of about 30 ml."""
    k, j, i = (np.linspace(-1.0, 1.0, extent, dtype=np.float32) for extent in SHAPE)

    def ball(centre: tuple[float, float, float], radius: float) -> np.ndarray:
        along = [((axis - middle) / radius) ** 2 for axis, middle in zip((k, j, i), centre, strict=True)]
        return along[0][:, None, None] + along[1][:, None] + along[2] < 1.0

    geometry = Geometry.from_spacing(SHAPE, SPACING)
    noise = np.random.default_rng(0).integers(0, 60, SHAPE, dtype=np.int16)
    tumour = ball((0.0, -0.2, 0.2), 0.3)
    voxels = (noise + ball((0.0, 0.0, 0.0), 0.9) * np.int16(300) + tumour * np.int16(250)).astype(np.int16)
    truth = Mask(ball((0.02, -0.2, 0.22), 0.3), geometry)
    series = Series("bench", Volume(voxels, geometry), Role.FLAIR, 1.0)
    session = Session()
    session.open(Study(Path("bench"), (series,), truth=truth))
    session.import_mask(Mask(tumour, geometry), Path("tumour"))
    return session


@contextmanager
def _window(session: Session, layout: Layout) -> Iterator[ViewGrid]:
    window = QWidget()
    column = QVBoxLayout(window)
    column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)  # no hints for a window manager that is not there
    grid = ViewGrid(session, Reading(session))
    column.addWidget(grid, 1)
    strip = SliceStrip(session)
    column.addWidget(strip)
    grid.slice_changed.connect(strip.set_current)
    grid.set_layout(layout)
    window.resize(*WINDOW_SIZE)
    window.show()
    watch = FrameWatch(grid.active)
    watch.wait()
    QCoreApplication.processEvents()
    try:
        yield grid
    finally:
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _wheel(view: SliceView, place: QPointF, angle: int) -> QWheelEvent:
    return QWheelEvent(
        place,
        view.mapToGlobal(place),
        QPoint(),
        QPoint(0, angle),
        _NO_BUTTONS,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )


def _mouse(
    view: SliceView, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, held: Qt.MouseButton
) -> QMouseEvent:
    return QMouseEvent(kind, place, view.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier)


def _rows(name: str, milliseconds: list[float]) -> list[BenchRow]:
    median, late = (float(np.percentile(milliseconds, share)) for share in (50, 95))
    return [
        BenchRow(f"{name}, median", median, "ms"),
        BenchRow(f"{name}, p95", late, "ms", f"budget {BUDGET_MS:.0f} ms", BUDGET_MS / late),
    ]
