"""Takes the pictures of the editing tools, each at work on the sample study with its options beside it.

usage: .venv/bin/python docs/tool_pictures.py [FOLDER]
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from make_screenshots import photograph, quantized, settle
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tumorview.gui.main_window import MainWindow

ZOOM = 1.15
PART = 460, 400  # pixels of the view around the tumour
HALF = 330, 300  # of a picture of before and after
LEFT = Qt.MouseButton.LeftButton


class Stage:
    """The slice with the most tumour, enlarged about it; every picture begins with an empty mask."""

    def __init__(self, window: MainWindow, folder: Path) -> None:
        self.window, self.folder, self.view = window, folder, window.view()
        study = window.session.study
        assert study is not None
        assert study.truth is not None
        self.truth = study.truth.data > 0
        self.k = int(self.truth.sum(axis=(1, 2)).argmax())
        rows, columns = self.truth[self.k].nonzero()
        self.middle = float(rows.mean()), float(columns.mean())
        self.top, self.bottom = int(rows.min()), int(rows.max())
        window.session.set_truth(None)
        self.view.go_to(self.k, *self.middle)
        self.view.zoom_about(QPointF(self.at(*self.middle)), ZOOM)
        settle(window)

    def at(self, j: float, i: float) -> QPoint:
        """Where a place of the slice lies on the screen."""
        return self.view.voxel_to_widget(self.k, j, i)

    def off(self, down: float, right: float) -> QPoint:
        """A place so many voxels from the middle of the tumour."""
        return self.at(self.middle[0] + down, self.middle[1] + right)

    def tool(self, name: str) -> None:
        """Begin anew with a tool in the hand."""
        self.window.actions["edit.navigate"].trigger()
        while self.window.session.history.can_undo:
            self.window.session.undo()
        self.window.actions[f"edit.{name}"].trigger()

    def drag(self, *places: QPoint, let_go: bool = True) -> None:
        """Press, move, and perhaps let go."""
        QTest.mousePress(self.view, LEFT, pos=places[0])
        for place in places[1:]:
            QTest.mouseMove(self.view, place)
            QApplication.processEvents()
        if let_go:
            QTest.mouseRelease(self.view, LEFT, pos=places[-1])

    def outline(self) -> list[QPoint]:
        """Places around the tumour, as a hand would go."""
        angles = np.linspace(0.0, 2 * np.pi, 60)[:-1]
        rows, columns = self.truth[self.k].nonzero()
        places = []
        for angle in angles:
            way = np.array([np.sin(angle), np.cos(angle)])
            reach = ((np.stack([rows, columns], 1) - self.middle) @ way).max()
            places.append(self.off(*(way * (reach * 0.93 + 1.0))))
        return places

    def take(self, name: str, panel: QWidget | None = None) -> None:
        """Save the part of the view around the tumour, with the panel beside it."""
        settle(self.window)
        panel = panel or self.window.tools.edit
        width, height = PART
        middle = self.off(0, 0)
        part = self.view.grab(QRect(middle.x() - width // 2, middle.y() - height // 2, width, height))
        beside = panel.grab()
        picture = QPixmap(width + beside.width(), height)
        picture.fill(self.window.palette().window().color())
        painter = QPainter(picture)
        painter.drawPixmap(0, 0, part)
        painter.drawPixmap(width, 0, beside)
        painter.end()
        self.save(picture, name)

    def save(self, picture: QPixmap, name: str) -> None:
        """Write a picture of few colours."""
        path = self.folder / f"tool-{name}.png"
        picture.save(str(path))
        quantized(path)

    def painted(self) -> None:
        """Begin anew with the tumour of the shown slice, drawn with the lasso."""
        self.tool("lasso")
        self.drag(*self.outline())

    def dab(self, radius: float, *places: QPoint, tool: str = "brush") -> None:
        """Touch places with a brush."""
        self.window.actions[f"edit.{tool}"].trigger()
        self.window.editing.tools.set_brush(radius=radius)
        self.drag(*places)

    def do(self, action: str, **options: Any) -> None:  # noqa: ANN401 - options of the tools
        """An action of the menu Mask, with the numbers that the panel Refine would give it."""
        self.window.editing.tools.set_options(**options)
        self.window.actions[f"edit.{action}"].trigger()
        settle(self.window)

    @contextmanager
    def change(self, name: str, *, whole: bool = False) -> Iterator[None]:
        """Save how the slice looks before and after what is done inside, the part about the tumour or all of it."""
        before = self._half(whole=whole)
        yield
        after = self._half(whole=whole)
        width, height = HALF
        picture = QPixmap(2 * width + 4, height)
        picture.fill(self.window.palette().window().color())
        painter = QPainter(picture)
        painter.drawPixmap(0, 0, before)
        painter.drawPixmap(width + 4, 0, after)
        painter.end()
        self.save(picture, name)

    def _half(self, *, whole: bool) -> QPixmap:
        settle(self.window)
        width, height = HALF
        if not whole:
            middle = self.off(0, 0)
            return self.view.grab(QRect(middle.x() - width // 2, middle.y() - height // 2, width, height))
        smooth = Qt.TransformationMode.SmoothTransformation
        grabbed = self.view.grab().scaled(QSize(*HALF), Qt.AspectRatioMode.KeepAspectRatioByExpanding, smooth)
        return grabbed.copy((grabbed.width() - width) // 2, (grabbed.height() - height) // 2, width, height)


def brushes(stage: Stage) -> None:
    """Disc, square and smart brush."""
    window = stage.window
    window.editing.tools.set_brush(radius=6.0)
    stage.tool("brush")
    stage.drag(stage.off(-6, -6), stage.off(0, 0), stage.off(6, 4))
    stage.take("brush")
    window.editing.tools.set_brush(radius=16.0)
    stage.tool("smart_brush")
    stage.drag(stage.off(-8, 2), stage.off(2, 0), stage.off(8, 2))
    stage.take("smart-brush")
    window.editing.tools.set_brush(radius=6.0)


def outlines(stage: Stage) -> None:
    """Polygon in the making, lasso, threshold in an outline."""
    around = stage.outline()
    stage.tool("polygon")
    for place in around[::7][:6]:
        stage.drag(place)
    QTest.mouseMove(stage.view, around[45])
    stage.take("polygon")
    stage.tool("lasso")
    stage.drag(*around[:48], let_go=False)
    stage.take("lasso")
    QTest.mouseRelease(stage.view, LEFT, pos=around[47])
    stage.tool("threshold")
    wide = [stage.off(*(1.35 * np.array(way))) for way in ((-24, -22), (-24, 16), (20, 16), (24, -22))]
    stage.drag(*wide)
    stage.take("threshold")


def clicks(stage: Stage) -> None:
    """Region growing while the hand drags; fill, relabel and delete by a click."""
    stage.tool("grow_region")
    stage.window.editing.tools.set_options(grow_tolerance=0.12)
    start = stage.off(0, 0)
    stage.drag(start, start + QPoint(60, 0), let_go=False)
    stage.take("grow-region")
    QTest.mouseRelease(stage.view, LEFT, pos=start)
    settle(stage.window)
    stage.tool("lasso")
    around = stage.outline()
    stage.drag(*around)
    stage.window.editing.tools.set_options(subtract=True)
    stage.drag(*[stage.off(*(6 * np.array([np.sin(a), np.cos(a)]))) for a in np.linspace(0, 6.2, 20)])
    stage.window.editing.tools.set_options(subtract=False)
    stage.window.actions["edit.fill"].trigger()
    stage.take("fill")


def refine(stage: Stage) -> None:
    """The panel that changes a label as a whole, before and after smoothing."""
    stage.tool("brush")
    stage.window.editing.tools.set_brush(radius=2.0)
    stage.drag(*stage.outline())
    stage.window.actions["edit.fill"].trigger()
    stage.drag(stage.off(0, 0))
    stage.window.tools.refine.set_folded(False)
    stage.window.actions["edit.smooth"].trigger()
    stage.take("refine", stage.window.tools.refine)


def changes(stage: Stage) -> None:
    """Before and after: what is done by a click or from the menu Mask."""
    window, spot = stage.window, stage.off
    stage.painted()
    with stage.change("erase"):
        stage.dab(6.0, spot(-20, -20), spot(0, -14), tool="erase")
    stage.painted()
    stage.dab(5.0, spot(-2, -32))
    with stage.change("delete"):
        window.actions["edit.delete"].trigger()
        stage.drag(spot(-2, -32))
    window.session.undo()
    window.actions["edit.add_label"].trigger()
    with stage.change("relabel"):
        window.actions["edit.relabel"].trigger()
        stage.drag(spot(-2, -32))
    window.session.undo()
    window.actions["edit.remove_label"].trigger()
    stage.painted()
    stage.dab(4.0, spot(-6, 0), spot(6, 2), tool="erase")
    with stage.change("fill-holes"):
        stage.do("fill_holes", shape_deep=False)
    stage.painted()
    for number, place in enumerate((spot(-22, -30), spot(-4, -34), spot(16, -30), spot(-30, -16))):
        stage.dab(1.5 + number % 2, place)
    with stage.change("remove-islands"):
        stage.do("remove_islands", shape_deep=True, island_ml=0.1)
    stage.painted()
    with stage.change("grow"):
        stage.do("grow", margin_mm=4.0)
    stage.painted()
    with stage.change("shrink"):
        stage.do("shrink", shape_deep=False, margin_mm=4.0)
    stage.tool("lasso")
    stage.drag(*[place + QPoint(*(8 if n % 4 < 2 else -8 for _ in "xy")) for n, place in enumerate(stage.outline())])
    with stage.change("smooth"):
        stage.do("smooth", shape_deep=False, smooth_mm=3.0)
    slices(stage)


def slices(stage: Stage) -> None:
    """Before and after: what is done with the neighbouring slices, and with the other side."""
    view, k = stage.view, stage.k
    stage.tool("lasso")
    for step, down in ((-2, -25), (2, 25)):
        view.go_to(k + step, *stage.middle)
        stage.drag(*(place + QPoint(0, down) for place in stage.outline()))
    view.go_to(k, *stage.middle)
    with stage.change("interpolate"):
        stage.do("interpolate")
    stage.tool("lasso")
    view.go_to(k - 1, *stage.middle)
    stage.drag(*stage.outline())
    view.go_to(k, *stage.middle)
    with stage.change("copy"):
        stage.do("copy_previous")
    view.reset_view()
    view.go_to(k, *stage.middle)
    stage.painted()
    with stage.change("mirror", whole=True):
        stage.do("mirror", shape_deep=False)


def tour(window: MainWindow, folder: Path) -> None:
    """All pictures of tools."""
    window.actions["file.open_sample"].trigger()
    settle(window)
    stage = Stage(window, folder)
    for part in (brushes, outlines, clicks, refine, changes):
        part(stage)


if __name__ == "__main__":
    raise SystemExit(photograph(tour))
