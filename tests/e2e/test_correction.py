"""A real patient, the bundled network, and a hand that corrects its mask: Dice rises in the window as it works."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableWidget
from pytestqt.qtbot import QtBot

from tumorview.core.contours import loops
from tumorview.gui.application import create_window
from tumorview.gui.main_window import MainWindow
from tumorview.gui.views import SliceView
from tumorview.gui.widgets import ComboBox, cell

RUN_MS = 240_000
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, sample_study_folder: Path) -> Iterator[MainWindow]:
    made = create_window([sample_study_folder], settings_dir=tmp_path)
    made.resize(1600, 1000)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: made.session.study is not None and not made.jobs.running, timeout=RUN_MS)
    yield made
    made.session.mark_saved()
    made.close()
    made.deleteLater()


def pixel(view: SliceView, row: float, column: float) -> QPoint:
    return QPoint(*(round(c) for c in view.viewport.to_widget(row, column)))


def drag(view: SliceView, places: Sequence[QPoint], button: Qt.MouseButton) -> None:
    QTest.mousePress(view, button, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(view, place)
    QTest.mouseRelease(view, button, pos=places[-1])


def outlines(view: SliceView, shape: np.ndarray) -> Iterator[list[QPoint]]:
    """Around every part of ``shape`` [rows, columns], corner by corner along the voxels' edges."""
    for loop in loops(shape):
        x, y = loop.T
        if np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0:  # otherwise the outline of a hole
            yield [pixel(view, row - 0.5, column - 0.5) for column, row in loop]


def lasso(window: MainWindow, view: SliceView, shape: np.ndarray, button: Qt.MouseButton) -> None:
    """Left adds, right cuts out."""
    window.actions["edit.lasso"].trigger()
    for places in outlines(view, shape):
        drag(view, [*places, places[0]], button)


def polygon(window: MainWindow, view: SliceView, shape: np.ndarray, button: Qt.MouseButton) -> None:
    """A click on every corner, Enter; the list in the panel says whether it adds or cuts out."""
    window.actions["edit.polygon"].trigger()
    mode = window.findChild(ComboBox, "outline_mode")
    mode.setCurrentIndex(int(button is RIGHT))
    mode.activated.emit(mode.currentIndex())
    for places in outlines(view, shape):
        for place in places:
            QTest.mouseClick(view, LEFT, pos=place)
        QTest.keyClick(view, Qt.Key.Key_Return)
    mode.setCurrentIndex(0)
    mode.activated.emit(0)


def brush(window: MainWindow, view: SliceView, shape: np.ndarray, button: Qt.MouseButton) -> None:
    """The smallest brush along every run of voxels in a row; the right button erases."""
    window.actions["edit.brush"].trigger()
    window.session.set_brush(radius=0.5)
    for row in np.flatnonzero(shape.any(axis=1)).tolist():
        columns = np.flatnonzero(shape[row])
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            drag(view, [pixel(view, row, column) for column in (run[0], run[-1])], button)


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.qt_log_ignore("This plugin does not support")
def test_correcting_the_network_by_hand_raises_dice_in_the_window(qtbot: QtBot, window: MainWindow) -> None:
    session, view = window.session, window.view()
    window.actions["segment.run"].trigger()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=RUN_MS)
    assert session.mask is not None
    assert session.truth is not None
    assert session.history is not None
    truth, found = session.truth.data > 0, session.mask.data
    seen: list[float] = []
    session.agreement_changed.connect(lambda agreement: seen.append(agreement.dice))
    before = session.agreement.dice
    assert before > 0.5
    dice = [before]
    wrong = np.flatnonzero((truth != (found > 0)).any(axis=(1, 2))).tolist()
    for k, tool in zip(wrong, cycle((lasso, polygon, brush)), strict=False):
        view.go_to(k, 128, 128)
        tool(window, view, view.plane_view.extract((found > 0) & ~truth, k), RIGHT)
        tool(window, view, view.plane_view.extract(truth & ~(found > 0), k), LEFT)
        assert dice[-1] < session.agreement.dice, f"slice {k} with the {tool.__name__}"
        dice.append(session.agreement.dice)
    assert {step.title for step in session.history.steps} >= {"Lasso", "Polygon", "Brush", "Cut out"}
    assert dice[-1] > 0.99
    assert dice[-1] == pytest.approx(seen[-1])
    table = window.findChild(QTableWidget, "agreement_table")
    qtbot.waitUntil(lambda: cell(table, 0, 2).text() == f"{dice[-1]:.3f}")
    assert len(seen) >= len(session.history.steps) - 1
    while len(session.history.steps) > 1:
        session.undo()
    assert session.agreement.dice == before
