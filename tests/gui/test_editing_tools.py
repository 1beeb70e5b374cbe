"""Tools through the hand: mouse and keys on the views of a whole window, options in the Edit and Refine panels."""

import numpy as np
import pytest
import slices
from doubles import TIMEOUT, TUMOUR, FakeSegmenter, MakeWindow
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox
from pytestqt.qtbot import QtBot

from tumorview.app.tool_options import Tool
from tumorview.core.mask import Provenance
from tumorview.core.tools import Over, Shape
from tumorview.gui.main_window import MainWindow

RIGHT = Qt.MouseButton.RightButton
SLICE = 3


def in_hand(window: MainWindow, tool: str):
    """The axial view on the middle of the tumour, with a tool."""
    view = window.view()
    view.go_to(SLICE, 15, 18)
    window.actions[f"edit.{tool}"].trigger()
    assert view.tool is Tool(tool)
    return view


def at(view, j: float, i: float) -> QPoint:
    return view.voxel_to_widget(SLICE, j, i)


def click(view, j, i, button=Qt.MouseButton.LeftButton):
    slices.drag(view, at(view, j, i), button=button)


def painted(window: MainWindow, label: int = 1) -> np.ndarray:
    return window.session.mask.data == label


def block(j0, j1, i0, i1, k=SLICE) -> np.ndarray:
    wanted = np.zeros((6, 32, 40), bool)
    wanted[k, j0:j1, i0:i1] = True
    return wanted


def titles(window: MainWindow) -> list[str]:
    return [step.title for step in window.session.history.steps]


def done(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)


# ------------------------------------------------------------------------------------------------------------- outlines


def corners(view):
    """Just outside voxels 10..14 x 12..19: between two voxel centres, whatever the rounding of pixels."""
    return [at(view, j, i) for j, i in ((9.5, 11.5), (9.5, 19.5), (14.5, 19.5), (14.5, 11.5))]


def test_enter_closes_a_polygon_and_backspace_takes_a_corner_back(qtbot, window):
    view = in_hand(window, "polygon")
    first, second, third, fourth = corners(view)
    for place in (first, second, QPoint(5, 5)):
        slices.drag(view, place)
    qtbot.keyClick(view, Qt.Key.Key_Backspace)
    for place in (third, fourth):
        slices.drag(view, place)
    assert not painted(window).any()
    qtbot.keyClick(view, Qt.Key.Key_Return)
    np.testing.assert_array_equal(painted(window), block(10, 15, 12, 20))
    assert titles(window) == ["Polygon"]
    window.session.undo()
    assert not painted(window).any()


@pytest.mark.parametrize("how", ["double click", "first corner"])
def test_a_double_click_or_the_first_corner_closes_a_polygon(qtbot, window, how):
    view = in_hand(window, "polygon")
    for place in corners(view):
        slices.drag(view, place)
    if how == "double click":
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=corners(view)[-1])
    else:
        slices.drag(view, corners(view)[0])
    np.testing.assert_array_equal(painted(window), block(10, 15, 12, 20))


def test_escape_forgets_a_polygon_and_keeps_the_tool(qtbot, window):
    view = in_hand(window, "polygon")
    for place in corners(view):
        slices.drag(view, place)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert window.editing.layer.outline is None
    assert view.tool is Tool.POLYGON
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert view.tool is Tool.NAVIGATE
    assert titles(window) == []


def test_the_rubber_band_is_seen_and_stays_on_its_slice(qtbot, window):
    view = in_hand(window, "polygon")
    before = view.grab().toImage()
    slices.drag(view, at(view, 5, 5))
    slices.move(view, at(view, 5, 35), Qt.MouseButton.NoButton)
    middle = at(view, 5, 20)
    with_band = view.grab().toImage()
    assert with_band.pixelColor(middle).value() > before.pixelColor(middle).value()
    view.step(1)
    assert not window.editing.layer.outline.lies_in(view)
    view.step(-1)
    assert window.editing.layer.outline.lies_in(view)
    window.actions["edit.brush"].trigger()
    assert window.editing.layer.outline is None


def test_a_lasso_adds_and_the_right_button_cuts_out(window):
    view = in_hand(window, "lasso")
    slices.drag(view, *corners(view))
    np.testing.assert_array_equal(painted(window), block(10, 15, 12, 20))
    places = [at(view, j, i) for j, i in ((9.5, 15.5), (9.5, 25), (14.5, 25), (14.5, 15.5))]
    slices.drag(view, *places, button=RIGHT)
    np.testing.assert_array_equal(painted(window), block(10, 15, 12, 16))
    assert titles(window) == ["Lasso", "Cut out"]


def test_the_panel_turns_the_lasso_round(qtbot, window):
    view = in_hand(window, "lasso")
    slices.drag(view, *corners(view))
    choose(window, "outline_mode", "Cut the inside out")
    slices.drag(view, *corners(view))
    assert not painted(window).any()


def test_the_threshold_tool_takes_the_bright_greys_of_an_outline(qtbot, window):
    view = in_hand(window, "threshold")
    around = [at(view, j, i) for j, i in ((6, 8), (6, 30), (24, 30), (24, 8))]
    slices.drag(view, *around)
    np.testing.assert_array_equal(painted(window), block(10, 20, 12, 26))


def test_the_threshold_everywhere_works_beside_the_window(qtbot, window):
    in_hand(window, "threshold")
    choose(window, "threshold_greys", "Range")
    window.findChild(QDoubleSpinBox, "threshold_low").setValue(600.0)
    window.findChild(QDoubleSpinBox, "threshold_high").setValue(2000.0)
    qtbot.mouseClick(window.tools.edit.everywhere, Qt.MouseButton.LeftButton)
    done(qtbot, window)
    wanted = np.zeros((6, 32, 40), bool)
    wanted[TUMOUR] = True
    np.testing.assert_array_equal(painted(window), wanted)


# --------------------------------------------------------------------------------------------------- clicks and growing


def test_clicks_fill_relabel_and_delete(qtbot, window):
    view = in_hand(window, "fill")
    ring = block(8, 16, 8, 16) & ~block(10, 14, 10, 14)
    slices.put(window.session, ring.astype(np.uint8))
    click(view, 12, 12)
    assert painted(window).sum() == 64
    window.actions["edit.add_label"].trigger()
    assert window.session.brush.label == 2
    window.actions["edit.relabel"].trigger()
    click(view, 9, 9)
    done(qtbot, window)
    assert painted(window, 2).sum() == 64
    window.actions["edit.delete"].trigger()
    click(view, 9, 9)
    done(qtbot, window)
    assert not window.session.mask.has_labels


def test_what_cannot_be_done_is_said_in_the_status_bar(qtbot, window):
    view = in_hand(window, "fill")
    with qtbot.waitSignal(window.editing.told) as told:
        click(view, 2, 2)
    assert "not enclosed" in told.args[0]
    window.session.change_label(1, locked=True)
    with qtbot.waitSignal(window.editing.told) as told:
        click(view, 12, 12)
    assert "locked" in told.args[0]
    assert titles(window) == []


def test_a_region_grows_while_the_hand_drags_and_is_one_step(qtbot, window):
    view = in_hand(window, "grow_region")
    window.editing.tools.set_options(grow_tolerance=0.005)
    place = at(view, 15, 18)
    slices.press(view, place)
    done(qtbot, window)
    few = painted(window).sum()
    for step in range(1, 12):
        slices.move(view, place + QPoint(40 * step, 0))
    done(qtbot, window)
    wanted = np.zeros((6, 32, 40), bool)
    wanted[TUMOUR] = True
    assert few < painted(window).sum() == wanted.sum()
    assert titles(window) == []
    slices.release(view, place)
    done(qtbot, window)
    assert titles(window) == ["Grow region"]
    np.testing.assert_array_equal(painted(window), wanted)
    window.session.undo()
    assert not painted(window).any()


def test_a_hand_that_drags_on_after_undo_changes_nothing_any_more(qtbot, window):
    view = in_hand(window, "grow_region")
    place = at(view, 15, 18)
    slices.press(view, place)
    done(qtbot, window)
    window.session.undo()
    tolerance = window.editing.tools.options.grow_tolerance
    slices.move(view, place + QPoint(200, 0))
    slices.release(view, place + QPoint(200, 0))
    done(qtbot, window)
    assert not painted(window).any()
    assert window.editing.tools.options.grow_tolerance == tolerance


def test_escape_takes_a_growing_region_back(qtbot, window):
    view = in_hand(window, "grow_region")
    slices.press(view, at(view, 15, 18))
    done(qtbot, window)
    assert painted(window).any()
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    slices.release(view, at(view, 15, 18))
    done(qtbot, window)
    assert not painted(window).any()
    assert titles(window) == []


# -------------------------------------------------------------------------------------------------------------- brushes


def test_the_smart_brush_keeps_to_the_tumour_and_its_right_button_erases_everything(window):
    view = in_hand(window, "smart_brush")
    window.editing.tools.set_brush(radius=4.0)
    slices.drag(view, at(view, 12, 14))
    inside = np.zeros((6, 32, 40), bool)
    inside[TUMOUR] = True
    assert painted(window).sum() > 20
    assert not (painted(window) & ~inside).any()
    slices.drag(view, at(view, 12, 14), button=RIGHT)
    assert not painted(window).any()


def test_a_ball_paints_into_the_neighbouring_slices_and_a_square_has_corners(window):
    view = in_hand(window, "brush")
    window.findChild(QDoubleSpinBox, "brush_radius").setValue(8.0)
    window.findChild(QCheckBox, "brush_3d").setChecked(True)
    slices.drag(view, at(view, 15, 18))
    assert np.unique(painted(window).nonzero()[0]).size > 1
    window.session.undo()
    window.findChild(QCheckBox, "brush_3d").setChecked(False)
    choose(window, "brush_shape", "Square")
    assert window.session.brush.shape is Shape.SQUARE
    slices.drag(view, at(view, 15, 18))
    _, rows, columns = painted(window).nonzero()
    assert painted(window).sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


def test_the_rule_of_the_panel_holds_for_the_brush(window):
    view = in_hand(window, "brush")
    slices.put(window.session, block(10, 20, 12, 26).astype(np.uint8) * 2)
    choose(window, "paint_over", "background")
    assert window.session.brush.rule.over is Over.BACKGROUND
    slices.drag(view, at(view, 9, 5), at(view, 12, 20))
    assert painted(window).any()
    assert painted(window, 2).sum() == 140


# ------------------------------------------------------------------------------------------------------------- commands


def test_a_command_runs_beside_the_window_and_is_one_step(qtbot, window):
    in_hand(window, "brush")
    put = (block(10, 20, 10, 20, 1) | block(12, 18, 12, 18, 4)).astype(np.uint8)
    slices.put(window.session, put)
    window.actions["edit.interpolate"].trigger()
    done(qtbot, window)
    assert titles(window)[-1] == "Interpolate"
    between = painted(window)[2:4]
    assert between.any(axis=(1, 2)).all()
    assert (window.session.mask.provenance[2:4][between] == Provenance.INTERPOLATION).all()


def test_a_command_whose_mask_changes_meanwhile_is_dropped(qtbot, window, monkeypatch):
    view = in_hand(window, "brush")
    slices.put(window.session, block(10, 20, 10, 20).astype(np.uint8))
    window.actions["edit.smooth"].trigger()
    slices.drag(view, at(view, 5, 5))  # the outcome is delivered by the event loop: not before
    with qtbot.waitSignal(window.editing.told, check_params_cb=lambda text: "dropped" in text):
        done(qtbot, window)
    assert titles(window) == ["Load mask", "Brush"]


def test_the_numbers_of_the_refine_panel_are_used_and_remembered(qtbot, window, make_window):
    in_hand(window, "brush")
    slices.put(window.session, block(10, 20, 10, 20).astype(np.uint8))
    window.tools.refine.set_folded(False)
    choose(window, "refine_reach", "In the slice in view")
    window.findChild(QDoubleSpinBox, "refine_margin_value").setValue(2.0)
    qtbot.mouseClick(window.findChild(object, "refine_grow"), Qt.MouseButton.LeftButton)
    done(qtbot, window)
    _, rows, _ = painted(window).nonzero()
    geometry = window.session.grid
    reach = int(2.0 / geometry.spacing[1] + 1e-6)
    assert (rows.min(), rows.max()) == (10 - reach, 19 + reach)
    window.memory.flush()
    assert make_window().editing.tools.options.margin_mm == 2.0


# --------------------------------------------------------------------------------------------------------------- labels


def test_labels_are_added_chosen_by_key_and_removed(qtbot, window):
    in_hand(window, "brush")
    window.actions["edit.add_label"].trigger()
    assert [row.entry.number for row in window.tools.labels.rows] == [1, 2]
    assert window.session.brush.label == 2
    qtbot.keyClick(window.view(), Qt.Key.Key_1, Qt.KeyboardModifier.ShiftModifier)
    assert window.session.brush.label == 1
    assert window.findChild(QComboBox, "brush_label").currentData() == 1
    second = window.tools.labels.rows[1]
    qtbot.mouseClick(second.volume, Qt.MouseButton.LeftButton)
    assert window.session.brush.label == 2
    assert [row.name.font().bold() for row in window.tools.labels.rows] == [False, True]
    window.actions["edit.remove_label"].trigger()
    assert [row.entry.number for row in window.tools.labels.rows] == [1]
    window.actions["edit.labels_brats"].trigger()
    assert [row.entry.number for row in window.tools.labels.rows] == [1, 2, 4]


def test_the_network_writes_into_the_label_that_was_chosen(
    qtbot, make_window: MakeWindow, flair, segmenter: FakeSegmenter
):
    window = make_window(flair)
    into = window.findChild(QComboBox, "segment_label")
    assert not into.isVisible()
    window.actions["edit.add_label"].trigger()
    assert into.isVisible()
    choose(window, "segment_label", "Label 2")
    window.actions["segment.run"].trigger()
    done(qtbot, window)
    assert segmenter.options[-1].label == 2


def choose(window: MainWindow, name: str, text: str) -> None:
    """Choose an entry of a combo box as the hand does."""
    combo = window.findChild(QComboBox, name)
    index = combo.findText(text)
    assert index >= 0, [combo.itemText(n) for n in range(combo.count())]
    combo.setCurrentIndex(index)
    combo.activated.emit(index)
