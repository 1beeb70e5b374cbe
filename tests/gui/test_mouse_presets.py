"""The mouse does what the chosen preset says, and only that."""

import pytest
import slices
from PySide6.QtCore import QPoint, Qt

from tumorview.app.mouse import ITK_SNAP, MOUSE_PRESETS, PACS, SLICER, Drag, MousePreset
from tumorview.app.tool_options import Tool
from tumorview.gui.views import SliceView

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
MODIFIERS = {
    "": slices.NO_MODIFIER,
    "Shift": Qt.KeyboardModifier.ShiftModifier,
    "Ctrl": Qt.KeyboardModifier.ControlModifier,
}
BUTTONS = {"left": LEFT, "middle": MIDDLE, "right": RIGHT}


def view_with(qtbot, preset: MousePreset) -> SliceView:
    view = slices.open_view(qtbot, slices.view_of(slices.session_on(slices.geometry())))
    view.set_mouse(preset)
    return view


def changed(view: SliceView, button: str) -> set[Drag]:
    """What a drag with ``button`` (and its modifier) changes in the view."""
    held, _, name = button.rpartition("+")
    start, window, zoom, voxel = view.voxel_to_widget(2, 0, 0), view.window, view.viewport.zoom, view.current_voxel
    slices.drag(view, QPoint(200, 200), QPoint(230, 180), button=BUTTONS[name], modifiers=MODIFIERS[held])
    seen = {Drag.WINDOW: view.window != window, Drag.ZOOM: view.viewport.zoom != zoom}
    seen[Drag.PAN] = view.voxel_to_widget(2, 0, 0) - start == QPoint(30, -20)
    seen[Drag.POINT] = view.current_voxel != voxel
    return {kind for kind, happened in seen.items() if happened}


@pytest.mark.parametrize("preset", MOUSE_PRESETS.values(), ids=MOUSE_PRESETS)
def test_each_drag_changes_what_the_preset_says_and_nothing_else(qtbot, preset):
    for button, does in preset.drags.items():
        assert changed(view_with(qtbot, preset), button) == {does}, button


def test_shift_and_the_pointer_move_the_crosshair_as_in_slicer(qtbot):
    for preset, follows in ((SLICER, True), (PACS, False)):
        view = view_with(qtbot, preset)
        place = view.voxel_to_widget(2, 15, 5)
        slices.move(view, place, Qt.MouseButton.NoButton, Qt.KeyboardModifier.ShiftModifier)
        assert (view.current_voxel == (2, 15, 5)) is follows


@pytest.mark.parametrize(("preset", "erases"), [(PACS, True), (ITK_SNAP, True), (SLICER, False)])
def test_the_right_button_erases_with_a_brush_where_the_habit_is(qtbot, preset, erases):
    view = view_with(qtbot, preset)
    view.session.set_brush(radius=2.0)
    view.set_tool(Tool.BRUSH)
    place = view.voxel_to_widget(2, 10, 10)
    slices.drag(view, place)
    assert view.session.mask.data[2, 10, 10] == 1
    slices.drag(view, place, place + QPoint(0, 20), button=RIGHT)
    assert bool(view.session.mask.data[2, 10, 10] == 0) is erases
    assert (view.viewport.zoom == 1.0) is erases


def test_a_right_click_asks_for_the_menu_and_a_right_drag_does_not(qtbot):
    view = view_with(qtbot, PACS)
    asked = []
    view.menu_requested.connect(asked.append)
    slices.drag(view, QPoint(100, 90), QPoint(100, 130), button=RIGHT)
    assert asked == []
    slices.drag(view, QPoint(100, 90), QPoint(101, 91), button=RIGHT)
    assert asked == [QPoint(100, 90)]


def test_help_names_every_gesture_of_a_preset():
    for preset in MOUSE_PRESETS.values():
        gestures = [gesture for gesture, _ in preset.rows()]
        assert len(gestures) == len(set(gestures)) >= len(preset.drags) + 8
