"""The list of steps: a click goes there, undo names its step, and human edits win until the user says otherwise."""

import json
from pathlib import Path

import pytest
from doubles import TIMEOUT, run_segmentation
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from tumorview.core.mask import Provenance
from tumorview.core.slicing import Plane, PlaneView
from tumorview.gui.main_window import MainWindow


def paint(window: MainWindow, k: int, row: float = 8, column: float = 8, *, erase: bool = False) -> None:
    session = window.session
    session.begin_stroke(PlaneView.of(session.mask.geometry, Plane.AXIAL), erase=erase)
    session.stroke_to(k, row, column)
    session.end_stroke()


def titles(window: MainWindow) -> list[str]:
    model = window.tools.history.model
    return [model.data(model.index(row)) for row in range(model.rowCount())]


def shown(qtbot: QtBot, window: MainWindow, *expected: str) -> None:
    qtbot.waitUntil(lambda: titles(window) == list(expected), timeout=TIMEOUT)


def click(window: MainWindow, row: int) -> None:
    panel = window.tools.history
    if panel.isHidden():
        window.actions["view.history_panel"].trigger()
    place = panel.list.visualRect(panel.model.index(row)).center()
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_click_on_a_step_goes_back_and_forth_to_it_and_shows_where_it_was(qtbot: QtBot, window: MainWindow) -> None:
    paint(window, 1)
    run_segmentation(qtbot, window)
    paint(window, 5)
    shown(qtbot, window, "Start", "Brush", "AI segmentation", "Brush")
    end = window.session.mask.data.copy()
    click(window, 1)
    assert [step.title for step in window.session.history.steps] == ["Brush"]
    assert window.session.mask.data[1, 8, 8] == 1
    assert not window.session.mask.data[5].any()
    model = window.tools.history.model
    qtbot.waitUntil(lambda: model.done == 1, timeout=TIMEOUT)
    assert model.data(model.index(2), Qt.ItemDataRole.ForegroundRole) is not None
    click(window, 3)
    assert (window.session.mask.data == end).all()
    assert window.view().current_voxel[0] == 5
    click(window, 0)
    assert not window.session.mask.has_labels


def test_undo_and_redo_name_their_step(qtbot: QtBot, window: MainWindow) -> None:
    undo, redo = window.actions["edit.undo"], window.actions["edit.redo"]
    assert undo.text().replace("&", "") == "Undo"
    paint(window, 1)
    qtbot.waitUntil(lambda: undo.text().replace("&", "") == "Undo Brush", timeout=TIMEOUT)
    assert undo.toolTip().startswith("Undo Brush (")
    undo.trigger()
    qtbot.waitUntil(lambda: redo.text().replace("&", "") == "Redo Brush", timeout=TIMEOUT)
    assert undo.text().replace("&", "") == "Undo"


def test_running_again_leaves_hand_work_alone_unless_told_otherwise_and_that_can_be_undone(
    qtbot: QtBot, window: MainWindow
) -> None:
    run_segmentation(qtbot, window)
    replace = window.tools.segment.replace
    assert replace.isHidden()
    paint(window, 3, 14, 18, erase=True)
    assert not replace.isHidden()
    run_segmentation(qtbot, window)
    assert window.session.mask.data[3, 14, 18] == 0
    replace.setChecked(True)
    run_segmentation(qtbot, window)
    assert window.session.mask.data[3, 14, 18] == 1
    assert window.session.mask.provenance[3, 14, 18] == Provenance.AI
    assert not replace.isChecked()
    window.actions["edit.undo"].trigger()
    assert window.session.mask.data[3, 14, 18] == 0
    assert window.session.mask.provenance[3, 14, 18] == Provenance.BRUSH


def test_the_share_made_by_hand_is_shown_and_exported(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = window.status.by_hand
    assert reading.text() == ""
    run_segmentation(qtbot, window)
    assert reading.text() == "0 % by hand"
    paint(window, 0)
    share = window.stepping._share.tally.human_share
    assert reading.text() == f"{round(100 * share)} % by hand" != "0 % by hand"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "out.nii.gz"), ""))
    window.actions["file.save_mask"].trigger()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    note = json.loads((tmp_path / "out.json").read_text())
    assert note["human_share"] == pytest.approx(share)
    assert note["model"]["model"] == "fake"


def test_loaded_masks_do_not_show_their_file_name_while_the_identity_is_hidden(
    qtbot: QtBot, window: MainWindow, truth: Path
) -> None:
    window.memory.store.change(hide_identity=True)
    window.files.masks.load_mask(truth)
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    shown(qtbot, window, "Start", "Load mask")
