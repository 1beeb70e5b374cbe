"""An impatient user: hundreds of random gestures, keys and actions, with a run of the network now and then."""

import random

import numpy as np
import pytest
from doubles import TIMEOUT
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tumorview.gui.main_window import MainWindow

ACTIONS = [
    "segment.run",
    "segment.cancel",
    "edit.undo",
    "edit.redo",
    "edit.navigate",
    "edit.brush",
    "edit.erase",
    "edit.brush_smaller",
    "edit.brush_larger",
    "edit.smart_brush",
    "edit.polygon",
    "edit.lasso",
    "edit.fill",
    "edit.grow_region",
    "edit.threshold",
    "edit.relabel",
    "edit.delete",
    "edit.fill_holes",
    "edit.keep_largest",
    "edit.grow",
    "edit.shrink",
    "edit.smooth",
    "edit.interpolate",
    "edit.copy_next",
    "edit.copy_previous",
    "edit.mirror",
    "edit.remove_islands",
    "edit.threshold_everywhere",
    "edit.labels_brats",
    "edit.add_label",
    "edit.remove_label",
    "edit.label_1",
    "edit.label_2",
    "view.toggle_overlay",
    "view.boundary",
    "view.next_slice",
    "view.previous_slice",
    "view.next_tumour",
    "view.reset",
    "view.auto_window",
    "view.invert",
    "view.tools_panel",
    "view.quad",
    "view.coronal_only",
    "view.axial_only",
    "view.one_plus_three",
    "view.side_by_side",
    "view.hang_tumour",
    "view.maximise",
    "view.flip_horizontal",
    "view.rotate",
    "view.link",
    "view.crosshair",
    "view.cine",
    "view.next_series",
]
KEYS = [Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_G, Qt.Key.Key_X, Qt.Key.Key_Escape, Qt.Key.Key_Space]
KEYS += [Qt.Key.Key_Return, Qt.Key.Key_Backspace]
BUTTONS = [Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton]


def act(window: MainWindow, chance: random.Random) -> None:
    view = window.grid.active

    def place() -> QPoint:
        return QPoint(chance.randrange(view.width()), chance.randrange(view.height()))

    kind = chance.random()
    if kind < 0.4:
        window.actions[chance.choice(ACTIONS)].trigger()
    elif kind < 0.8:
        button = chance.choice(BUTTONS)
        QTest.mousePress(view, button, pos=place())
        for _ in range(chance.randrange(4)):
            QTest.mouseMove(view, place())
        if chance.random() < 0.9:  # a release that never comes: the button went up outside
            QTest.mouseRelease(view, button, pos=place())
    elif kind < 0.9:
        QTest.keyClick(view, chance.choice(KEYS))
    else:
        slider = window.tools.segment.threshold
        slider.setValue(chance.randint(slider.minimum(), slider.maximum()))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_breaks_and_undo_leads_back_to_the_start(qtbot: QtBot, window: MainWindow, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(400):
        act(window, chance)
        QApplication.processEvents()
        menu = QApplication.activePopupWidget()  # of a right click
        if menu is not None:
            menu.close()
    for button in BUTTONS:
        QTest.mouseRelease(window.grid.active, button)
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    window.segmenting.settle()
    session = window.session
    assert session.history is not None
    assert session.mask is not None
    assert session.history.can_undo
    end, steps = session.mask.data.copy(), len(session.history.steps)
    while session.history.can_undo:
        session.undo()
    assert not session.mask.data.any()
    assert not session.mask.provenance.any()
    for _ in range(steps):  # and no further: what had been undone before stays so
        session.redo()
    assert np.array_equal(session.mask.data, end)
