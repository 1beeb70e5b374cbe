"""Painting with the mouse changes the wanted voxels and nothing else, in one step that can be undone."""

import numpy as np
import pytest
import slices
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtGui import QFocusEvent

from tumorview.app.tool_options import Tool
from tumorview.core.geometry import Geometry
from tumorview.core.metrics import evaluate
from tumorview.core.slicing import Plane
from tumorview.core.study import Role, Series
from tumorview.core.volume import Volume
from tumorview.gui.views import OverlayOptions

RIGHT = Qt.MouseButton.RightButton


def painter_on(qtbot, grid=None, plane=Plane.AXIAL, radius=0.5, **options):
    """A view with the brush in hand, on its middle slice."""
    view = slices.open_view(qtbot, slices.view_of(slices.session_on(grid or slices.geometry(), **options), plane))
    view.set_tool(Tool.BRUSH)
    view.session.set_brush(radius=radius)
    return view


def painted(view):
    return [tuple(voxel) for voxel in np.argwhere(view.session.mask.data).tolist()]


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("name", list(slices.AFFINES))
def test_a_click_paints_the_voxel_under_it(qtbot, name, plane):
    view = painter_on(qtbot, slices.geometry(name), plane, radius=0.3)
    view.go_to(3, 6, 17)
    slices.drag(view, view.voxel_to_widget(3, 6, 17))
    assert (3, 6, 17) in painted(view)
    # A voxel may be thinner than the brush in one direction; the brush never leaves the slice.
    normal = view.plane_view.normal_axis
    assert {voxel[normal] for voxel in painted(view)} == {(3, 6, 17)[normal]}


def test_a_click_with_a_brush_of_two_millimetres_paints_a_disc(qtbot):
    view = painter_on(qtbot, radius=2.1)
    centre = view.voxel_to_widget(2, 10, 10)
    slices.drag(view, centre)
    rows, columns = np.mgrid[:20, :24]
    row, column = view.viewport.to_slice(centre.x(), centre.y())
    wanted = (rows - row) ** 2 + (columns - column) ** 2 <= 2.1**2
    np.testing.assert_array_equal(view.session.mask.data[2], wanted)
    assert not view.session.mask.data[[0, 1, 3, 4, 5]].any()


def test_the_brush_is_round_in_the_patient_on_uneven_voxels(qtbot):
    view = painter_on(qtbot, Geometry.from_spacing(slices.SHAPE, (5.0, 2.0, 1.0)), radius=4.2)
    slices.drag(view, view.voxel_to_widget(2, 10, 12))
    _, rows, columns = view.session.mask.data.nonzero()
    assert np.ptp(columns) == 8
    assert np.ptp(rows) == 4


def test_a_drag_paints_without_gaps(qtbot):
    view = painter_on(qtbot, radius=0.6)
    slices.drag(view, view.voxel_to_widget(2, 10, 2), view.voxel_to_widget(2, 10, 20))
    assert painted(view) == [(2, 10, column) for column in range(2, 21)]


def test_a_drag_is_one_step_and_undo_takes_it_back(qtbot):
    view = painter_on(qtbot, radius=1.5)
    slices.drag(view, *(view.voxel_to_widget(2, 10, column) for column in range(4, 12)))
    assert len(view.session.history.steps) == 1
    view.session.undo()
    assert painted(view) == []


def test_the_right_button_erases_while_the_brush_is_in_hand(qtbot):
    view = painter_on(qtbot)
    slices.put(view.session, np.ones(slices.SHAPE, np.uint8))
    slices.drag(view, view.voxel_to_widget(2, 10, 10), button=RIGHT)
    assert view.session.mask.data[2, 10, 10] == 0
    assert np.count_nonzero(view.session.mask.data == 0) == 1
    view.session.undo()
    assert view.session.mask.data.all()


def test_the_eraser_erases_with_the_left_button(qtbot):
    view = painter_on(qtbot)
    slices.put(view.session, np.ones(slices.SHAPE, np.uint8))
    view.set_tool(Tool.ERASE)
    slices.drag(view, view.voxel_to_widget(2, 3, 4))
    assert np.argwhere(view.session.mask.data == 0).tolist() == [[2, 3, 4]]


def test_without_a_tool_the_left_button_leaves_the_mask_alone(qtbot):
    view = painter_on(qtbot)
    view.set_tool(Tool.NAVIGATE)
    slices.drag(view, view.voxel_to_widget(2, 3, 4), view.voxel_to_widget(2, 9, 9))
    assert painted(view) == []


def test_the_painted_voxel_is_seen_at_once(qtbot):
    view = painter_on(qtbot)
    view.set_overlay(OverlayOptions(opacity=1.0, boundary=False))
    place = view.voxel_to_widget(2, 10, 10)
    slices.press(view, place)
    slices.move(view, place + QPoint(60, 0))
    assert slices.colour_at(view, place) == view.session.mask.labels[1].colour
    slices.release(view, place)


def test_agreement_follows_the_brush(qtbot):
    truth = np.zeros(slices.SHAPE, np.uint8)
    truth[2, 10, 5:15] = 1
    view = painter_on(qtbot, truth=truth)
    dice = []
    view.session.agreement_changed.connect(lambda agreement: dice.append(agreement.dice))
    slices.press(view, view.voxel_to_widget(2, 10, 5))
    for column in range(6, 15):
        slices.move(view, view.voxel_to_widget(2, 10, column))
    assert dice[0] < dice[4] < dice[-1] == 1.0
    slices.release(view, view.voxel_to_widget(2, 10, 14))


# ----------------------------------------------------------------------------------------- strokes that are interrupted


def start(view):
    slices.press(view, view.voxel_to_widget(2, 10, 4))
    slices.move(view, view.voxel_to_widget(2, 10, 6))
    assert view.session.painting


def assert_ended(view):
    """The stroke is one step on its own slice, and moving on paints nothing."""
    assert not view.session.painting
    slices.move(view, view.voxel_to_widget(2, 14, 12))
    slices.release(view, view.voxel_to_widget(2, 14, 12))
    assert painted(view) == [(2, 10, 4), (2, 10, 5), (2, 10, 6)]
    assert len(view.session.history.steps) == 1


def test_scrolling_ends_the_stroke(qtbot):
    view = painter_on(qtbot)
    start(view)
    slices.wheel(view, -1)
    assert view.current_index == 3
    assert_ended(view)


def test_jumping_to_another_slice_ends_the_stroke(qtbot):
    view = painter_on(qtbot)
    start(view)
    view.go_to(5, 1, 1)
    assert_ended(view)


def test_losing_the_focus_ends_the_stroke(qtbot):
    view = painter_on(qtbot)
    start(view)
    QCoreApplication.sendEvent(view, QFocusEvent(QEvent.Type.FocusOut))
    assert_ended(view)


def test_escape_ends_the_stroke_and_keeps_the_brush(qtbot):
    view = painter_on(qtbot)
    start(view)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert_ended(view)
    assert view.tool is Tool.BRUSH


def test_leaving_the_view_ends_the_stroke(qtbot):
    view = painter_on(qtbot)
    start(view)
    QCoreApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert_ended(view)


def test_a_release_that_never_came_ends_the_stroke(qtbot):
    view = painter_on(qtbot)
    start(view)
    slices.move(view, view.voxel_to_widget(2, 14, 12), Qt.MouseButton.NoButton)
    assert_ended(view)


def test_undo_in_the_middle_of_a_stroke_takes_it_back(qtbot):
    view = painter_on(qtbot)
    start(view)
    view.session.undo()
    slices.move(view, view.voxel_to_widget(2, 14, 12))
    slices.release(view, view.voxel_to_widget(2, 14, 12))
    assert painted(view) == []


def test_another_study_in_the_middle_of_a_stroke_is_untouched(qtbot):
    view = painter_on(qtbot)
    start(view)
    view.session.open(slices.session_on(slices.geometry("RAS")).study)
    slices.move(view, view.voxel_to_widget(2, 14, 12))
    slices.release(view, view.voxel_to_widget(2, 14, 12))
    assert painted(view) == []
    assert not view.session.dirty


def test_loading_a_mask_in_the_middle_of_a_stroke_leaves_two_clean_steps(qtbot):
    view = painter_on(qtbot)
    start(view)
    loaded = np.zeros(slices.SHAPE, np.uint8)
    loaded[0] = 1
    slices.put(view.session, loaded)
    slices.release(view, view.voxel_to_widget(2, 10, 6))
    np.testing.assert_array_equal(view.session.mask.data, loaded)
    view.session.undo()
    assert painted(view) == [(2, 10, 4), (2, 10, 5), (2, 10, 6)]
    view.session.undo()
    assert painted(view) == []


def test_painting_beyond_the_edge_of_the_image_is_harmless(qtbot):
    view = painter_on(qtbot, radius=1.0)
    slices.drag(view, view.voxel_to_widget(2, 0, 0), QPoint(-400, -300), view.voxel_to_widget(2, 0, 0))
    assert (2, 0, 0) in painted(view)
    view.session.undo()
    assert painted(view) == []


# --------------------------------------------------------------------------------------------------- the brush in hand


def test_shift_wheel_and_brackets_change_the_radius(qtbot):
    view = painter_on(qtbot, radius=5.0)
    radii = []
    view.brush_radius_changed.connect(radii.append)
    slices.wheel(view, 1, modifiers=Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(view, Qt.Key.Key_BracketRight)
    assert 5.0 < radii[0] < radii[1] == view.session.brush.radius
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft)
    slices.wheel(view, -1, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert radii[-1] == pytest.approx(5.0)
    assert view.current_index == 2


def test_the_wheel_still_scrolls_and_space_still_pans(qtbot):
    view = painter_on(qtbot)
    slices.wheel(view, -1)
    assert view.current_index == 3
    before = view.voxel_to_widget(3, 10, 10)
    qtbot.keyPress(view, Qt.Key.Key_Space)
    slices.drag(view, QPoint(100, 100), QPoint(120, 110))
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert view.voxel_to_widget(3, 10, 10) - before == QPoint(20, 10)
    assert painted(view) == []


def test_the_outline_of_the_brush_has_its_radius_in_millimetres(qtbot):
    view = painter_on(qtbot, radius=4.0)
    place = view.voxel_to_widget(2, 10, 12)
    slices.move(view, place, Qt.MouseButton.NoButton)
    assert view.circle.width() == pytest.approx(2 * 4.0 * view.viewport.scale)
    assert view.circle.center().toPoint() == place
    edge = place + QPoint(round(4.0 * view.viewport.scale), 0)
    picture = view.grab().toImage()
    assert max(picture.pixelColor(edge.x() + step, edge.y()).value() for step in (-1, 0, 1)) > 150
    QCoreApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert view.circle.isEmpty()


# --------------------------------------------------------------------------------------------- where nothing is painted


def hint_of(qtbot, view):
    with qtbot.waitSignal(view.hinted) as hinted:
        slices.drag(view, view.voxel_to_widget(2, 10, 10), view.voxel_to_widget(2, 10, 14))
    assert not view.session.painting
    return hinted.args[0]


@pytest.mark.parametrize(("field", "word"), [("locked", "locked"), ("visible", "hidden")])
def test_locked_and_hidden_labels_are_not_painted(qtbot, field, word):
    view = painter_on(qtbot)
    view.session.change_label(1, **{field: field == "locked"})
    assert word in hint_of(qtbot, view)
    assert painted(view) == []


def test_a_hidden_overlay_is_not_painted(qtbot):
    view = painter_on(qtbot)
    view.set_overlay(OverlayOptions(visible=False))
    assert "hidden" in hint_of(qtbot, view)
    assert painted(view) == []


def test_a_series_on_another_grid_is_not_painted_and_says_why(qtbot):
    grid = Geometry.from_spacing((3, 10, 12), (2.0, 2.0, 2.0))
    other = Series("t1", Volume(np.zeros(grid.shape, np.int16), grid), Role.T1, 1.0)
    view = painter_on(qtbot, more=(other,))
    view.show_series(other)
    assert "show FLAIR" in hint_of(qtbot, view)
    assert "show FLAIR" in view.notice
    assert painted(view) == []
    view.show_series(view.session.study.reference)
    assert view.notice == ""


@pytest.mark.parametrize("plane", list(Plane))
def test_live_agreement_is_what_counting_everything_anew_gives(qtbot, plane):
    rng = np.random.default_rng(0)
    truth = (rng.random(slices.SHAPE) < 0.3).astype(np.uint8)
    view = painter_on(qtbot, plane=plane, radius=2.5, truth=truth)
    session = view.session
    slices.put(session, (rng.random(slices.SHAPE) < 0.3).astype(np.uint8))
    for step in range(8):
        view.show_slice(int(rng.integers(view.plane_view.count)))
        places = [QPoint(*rng.integers(60, 300, 2).tolist()) for _ in range(4)]
        slices.drag(view, *places, button=RIGHT if step % 3 == 0 else Qt.MouseButton.LeftButton)
        if step % 4 == 3:
            session.undo()
        assert session.agreement == evaluate(session.mask, session.truth)
