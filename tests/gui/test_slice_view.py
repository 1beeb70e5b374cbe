"""A slice view shows every voxel where it belongs, and answers the hand as PACS stations do."""

import itertools

import numpy as np
import pytest
import slices
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QFocusEvent, QImage
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from tumorview.app.reading import Reading
from tumorview.core.contrast import Preset
from tumorview.core.geometry import Geometry
from tumorview.core.labels import PALETTE
from tumorview.core.rendering import AGREEMENT, BoundaryStyle, Window
from tumorview.core.slicing import Plane
from tumorview.core.study import Role, Series
from tumorview.core.volume import Volume
from tumorview.gui.views import OverlayOptions, SliceView
from tumorview.gui.views.corner_texts import annotations_of

SOLID = OverlayOptions(opacity=1.0, boundary=False)
GRIDS = list(slices.AFFINES)


def view_on(qtbot, grid, plane=Plane.AXIAL, **options):
    view = slices.open_view(qtbot, slices.view_of(slices.session_on(grid, **options), plane))
    if "data" not in options:
        view.set_window(Window(500, 1000))  # an image of zeros is black
    return view


# --------------------------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("zoom", [1.0, 0.6, 3.7])
def test_a_widget_position_names_the_voxel_it_was_made_from(qtbot, name, plane, zoom):
    view = view_on(qtbot, slices.geometry(name), plane)
    view.zoom_about(QPointF(150, 120), zoom)
    view.pan(13, -9)
    for voxel in itertools.product((0, 1, 5), (0, 7, 19), (0, 11, 23)):
        view.go_to(*voxel)
        assert view.widget_to_voxel(view.voxel_to_widget(*voxel)) == voxel


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("name", GRIDS)
def test_a_marked_voxel_is_painted_at_its_place(qtbot, name, plane):
    view = view_on(qtbot, slices.geometry(name), plane)
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[4, 6, 17] = 1
    slices.put(view.session, voxels)
    view.set_overlay(SOLID)
    view.go_to(4, 6, 17)
    height, width = view.viewport.pixel_size
    place = view.voxel_to_widget(4, 6, 17)
    assert slices.colour_at(view, place) == PALETTE[0]
    for step in (
        QPoint(round(width), 0),
        QPoint(-round(width), 0),
        QPoint(0, round(height)),
        QPoint(0, -round(height)),
    ):
        assert slices.colour_at(view, place + step) != PALETTE[0]


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("name", GRIDS)
def test_a_bright_voxel_is_brightest_where_the_mask_would_mark_it(qtbot, name, smooth):
    data = np.zeros(slices.SHAPE, np.int16)
    data[3, 12, 5] = 1000
    view = view_on(qtbot, slices.geometry(name), data=data)
    view.set_smooth(smooth)
    view.set_window(Window(500, 1000))
    view.go_to(3, 12, 5)
    assert min(slices.colour_at(view, view.voxel_to_widget(3, 12, 5))) > 200


@pytest.mark.parametrize("name", GRIDS)
def test_the_patients_left_is_on_the_right_and_the_back_is_down(qtbot, name):
    grid = slices.geometry(name)
    view = view_on(qtbot, grid)
    middle = np.array([(extent - 1) / 2 for extent in grid.shape])
    centre = grid.index_to_world(middle)
    here, left, behind = (
        view.voxel_to_widget(*grid.world_to_index(centre + step))
        for step in (np.zeros(3), np.array([5.0, 0, 0]), np.array([0, 5.0, 0]))
    )
    assert left.x() > here.x() + 10
    assert behind.y() > here.y() + 10


def test_pixels_are_square_in_the_patient(qtbot):
    view = view_on(qtbot, slices.geometry("thick LPS"), Plane.CORONAL)
    height, width = view.viewport.pixel_size
    assert height / width == pytest.approx(5.0 / 0.9)


def test_the_place_outside_the_image_is_no_voxel(qtbot):
    view = view_on(qtbot, slices.geometry())
    assert view.widget_to_voxel(QPoint(1, 1)) is None


# ------------------------------------------------------------------------------------------------------------ the mouse


def test_wheel_steps_through_slices_and_stops_at_the_ends(qtbot):
    view = view_on(qtbot, slices.geometry())
    seen = []
    view.slice_changed.connect(seen.append)
    for _ in range(8):
        slices.wheel(view, -1)
    assert seen == [3, 4, 5]
    slices.wheel(view, 2)
    assert view.current_index == 3


def test_small_touchpad_moves_add_up(qtbot):
    view = view_on(qtbot, slices.geometry())
    for _ in range(5):
        slices.wheel(view, 0, pixels=-5)
    assert view.current_index == 3
    for _ in range(4):
        slices.wheel(view, 0.25)
    assert view.current_index == 2


@pytest.mark.parametrize(("key", "index"), [("Down", 3), ("Up", 1), ("PageDown", 3), ("PageUp", 1)])
def test_keys_step_through_slices(qtbot, key, index):
    view = view_on(qtbot, slices.geometry())
    qtbot.keyClick(view, getattr(Qt.Key, f"Key_{key}"))
    assert view.current_index == index


def test_ctrl_wheel_enlarges_about_the_pointer(qtbot):
    view = view_on(qtbot, slices.geometry())
    place = view.voxel_to_widget(2, 5, 6)
    scale = view.viewport.scale
    for _ in range(6):
        slices.wheel(view, 1, modifiers=Qt.KeyboardModifier.ControlModifier, place=place)
    assert view.viewport.scale > 2.5 * scale
    assert view.current_index == 2
    assert view.widget_to_voxel(place) == (2, 5, 6)


def test_left_drag_changes_the_window_in_proportion_to_the_image(qtbot):
    data = np.random.default_rng(0).integers(0, 30_000, slices.SHAPE).astype(np.int16)
    view = view_on(qtbot, slices.geometry(), data=data)
    before, windows = view.window, []
    view.window_changed.connect(windows.append)
    slices.drag(view, QPoint(100, 100), QPoint(140, 80))
    assert view.window.width == pytest.approx(1.1 * before.width, rel=0.02)
    assert view.window.centre == pytest.approx(before.centre - 0.05 * before.width, rel=0.02)
    assert windows[-1] == view.window
    view.set_preset(Preset.AUTO)
    assert view.window == before


def test_middle_drag_and_space_drag_move_the_picture(qtbot):
    view = view_on(qtbot, slices.geometry())
    start = view.voxel_to_widget(2, 10, 10)
    slices.drag(view, QPoint(100, 100), QPoint(117, 91), button=Qt.MouseButton.MiddleButton)
    assert view.voxel_to_widget(2, 10, 10) - start == QPoint(17, -9)
    qtbot.keyPress(view, Qt.Key.Key_Space)
    slices.drag(view, QPoint(100, 100), QPoint(90, 100))
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert view.voxel_to_widget(2, 10, 10) - start == QPoint(7, -9)
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert view.voxel_to_widget(2, 10, 10) == start


def test_right_drag_up_enlarges_about_the_pressed_point(qtbot):
    view = view_on(qtbot, slices.geometry())
    place = view.voxel_to_widget(2, 15, 4)
    slices.drag(view, place, place - QPoint(0, 120), button=Qt.MouseButton.RightButton)
    assert view.viewport.zoom == pytest.approx(1.006**120)
    assert view.widget_to_voxel(place) == (2, 15, 4)


def test_double_click_asks_to_maximise(qtbot):
    view = view_on(qtbot, slices.geometry())
    with qtbot.waitSignal(view.maximise_requested):
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))


def test_a_click_points_the_crosshair(qtbot):
    view = view_on(qtbot, slices.geometry())
    place = view.voxel_to_widget(2, 4, 20)
    slices.drag(view, place)
    assert view.current_voxel == (2, 4, 20)
    beside, above = QPoint(40, place.y()), QPoint(place.x(), 40)
    for shown in (False, True, False):
        assert (slices.colour_at(view, beside) != (0, 0, 0)) is shown
        assert (slices.colour_at(view, above) != (0, 0, 0)) is shown
        view.set_crosshair(shown=not shown)


def test_g_hides_the_mask_while_it_is_held(qtbot):
    view = view_on(qtbot, slices.geometry())
    slices.put(view.session, np.ones(slices.SHAPE, np.uint8))
    view.set_overlay(SOLID)
    place = view.voxel_to_widget(2, 10, 10)
    qtbot.keyPress(view, Qt.Key.Key_G)
    assert slices.colour_at(view, place) == (0, 0, 0)
    qtbot.keyRelease(view, Qt.Key.Key_G)
    assert slices.colour_at(view, place) == PALETTE[0]


def test_keys_that_are_held_are_forgotten_when_the_view_loses_the_focus(qtbot):
    view = view_on(qtbot, slices.geometry())
    qtbot.keyPress(view, Qt.Key.Key_G)
    assert not view.overlay_shown
    QCoreApplication.sendEvent(view, QFocusEvent(QEvent.Type.FocusOut))
    assert view.overlay_shown


@pytest.mark.parametrize(("other", "taken"), [(QPushButton, True), (QLineEdit, False)])
def test_the_view_under_the_pointer_takes_the_keys_unless_one_types(qtbot, other, taken):
    window = QWidget()
    qtbot.addWidget(window)
    row = QHBoxLayout(window)
    view, widget = slices.view_of(slices.session_on(slices.geometry())), other()
    row.addWidget(view)
    row.addWidget(widget)
    with qtbot.waitActive(window):
        window.show()
    widget.setFocus()
    place = QPointF(50, 50)
    QCoreApplication.sendEvent(view, QEnterEvent(place, place, view.mapToGlobal(place)))
    assert view.hasFocus() is taken


# --------------------------------------------------------------------------------------------------------- the pictures


@pytest.mark.parametrize(("opacity", "share"), [(0.0, 0.0), (0.4, 0.4), (1.0, 1.0)])
def test_the_opacity_is_the_alpha_of_a_standard_label(qtbot, opacity, share):
    view = view_on(qtbot, slices.geometry())
    slices.put(view.session, np.ones(slices.SHAPE, np.uint8))
    view.set_overlay(OverlayOptions(opacity=opacity, boundary=False))
    seen = slices.colour_at(view, view.voxel_to_widget(2, 10, 10))
    assert seen == pytest.approx(tuple(channel * share for channel in PALETTE[0]), abs=2)


@pytest.mark.parametrize("outline", list(BoundaryStyle))
@pytest.mark.parametrize("zoom", [1.0, 5.0])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_boundaries_are_screen_pixels_wide_at_any_zoom(qtbot, zoom, width, outline):
    view = view_on(qtbot, slices.geometry())
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[2, 8:12, 8:12] = 1
    slices.put(view.session, voxels)
    view.set_overlay(OverlayOptions(opacity=0.0, boundary_width=width, outline=outline))
    view.zoom_about(QPointF(view.voxel_to_widget(2, 10, 8)), zoom)
    place = view.voxel_to_widget(2, 10, 8)
    picture = view.grab().toImage()
    reach = round(view.viewport.pixel_size[1])
    row = [picture.pixelColor(place.x() + x, place.y()).red() for x in range(-reach, reach)]
    # A smooth line may lie between two pixels, and its pieces overlap at their ends.
    assert sum(row) / PALETTE[0][0] == pytest.approx(width, abs=0.0 if outline is BoundaryStyle.VOXEL else 0.5)


def test_hidden_labels_and_a_hidden_overlay_are_not_painted(qtbot):
    view = view_on(qtbot, slices.geometry())
    slices.put(view.session, np.ones(slices.SHAPE, np.uint8))
    place = view.voxel_to_widget(2, 10, 10)
    view.session.change_label(1, visible=False)
    assert slices.colour_at(view, place) == (0, 0, 0)
    view.session.change_label(1, visible=True, colour=(10, 200, 30), opacity=1.0)
    assert slices.colour_at(view, place) == (10, 200, 30)
    view.set_overlay(OverlayOptions(visible=False))
    assert slices.colour_at(view, place) == (0, 0, 0)


def test_comparison_colours_what_was_found_missed_and_too_much(qtbot):
    truth = np.zeros(slices.SHAPE, np.uint8)
    truth[2, 5:10, 5:10] = 1
    view = view_on(qtbot, slices.geometry(), truth=truth)
    slices.put(view.session, np.roll(truth, 3, axis=2))
    view.set_overlay(OverlayOptions(opacity=1.0, boundary=False, compare=True))
    too_much, missed, found = (label.colour for label in AGREEMENT)
    assert slices.colour_at(view, view.voxel_to_widget(2, 7, 5)) == missed
    assert slices.colour_at(view, view.voxel_to_widget(2, 7, 8)) == found
    assert slices.colour_at(view, view.voxel_to_widget(2, 7, 12)) == too_much


def test_ground_truth_is_outlined_until_it_is_unloaded(qtbot):
    truth = np.zeros(slices.SHAPE, np.uint8)
    truth[2, 5:10, 5:10] = 1
    view = view_on(qtbot, slices.geometry(), truth=truth)

    def white_on_the_edge():
        x, top = (round(value) for value in view.viewport.to_widget(4.5, 4.5))
        _, bottom = view.viewport.to_widget(9.5, 4.5)
        picture = view.grab().toImage()
        return any(
            picture.pixelColor(x + step, y).value() == 255 for y in range(top, round(bottom)) for step in (-1, 0)
        )

    assert white_on_the_edge()
    view.session.set_truth(None)
    assert not white_on_the_edge()


def test_inverted_greys_are_white_for_black(qtbot):
    view = view_on(qtbot, slices.geometry())
    view.set_inverted(True)
    assert slices.colour_at(view, view.voxel_to_widget(2, 10, 10)) == (255, 255, 255)


def test_a_doubled_pixel_ratio_paints_twice_the_pixels(qtbot):
    view = view_on(qtbot, slices.geometry())
    slices.put(view.session, np.ones(slices.SHAPE, np.uint8))
    view.set_overlay(SOLID)
    image = QImage(view.size() * 2, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2.0)
    view.render(image)
    place = view.voxel_to_widget(2, 10, 10) * 2
    colour = image.pixelColor(place)
    assert (colour.red(), colour.green(), colour.blue()) == PALETTE[0]


# ------------------------------------------------------------------------------------------------------------ the texts


def texts_of(view):
    written = annotations_of(view, view.plane_view)
    return {
        place: [line.text for line in getattr(written, place)] for place in ("top_left", "top_right", "bottom_left")
    }


@pytest.mark.parametrize(("plane", "letters"), [
    (Plane.AXIAL, "RLAP"), (Plane.CORONAL, "RLSI"), (Plane.SAGITTAL, "APSI"),
])  # fmt: skip
@pytest.mark.parametrize("name", [name for name in GRIDS if name != "oblique"])
def test_letters_name_the_sides_of_the_patient(qtbot, name, plane, letters):
    written = annotations_of(view := view_on(qtbot, slices.geometry(name), plane), view.plane_view).letters
    assert (written.left, written.right, written.top, written.bottom) == tuple(letters)


def test_corner_texts_say_what_is_shown(qtbot):
    view = view_on(qtbot, slices.geometry("thick LPS"))
    view.set_window(Window(300, 600))
    written = texts_of(view)
    assert written["top_left"] == ["FLAIR  AX FLAIR", "3 / 6", "S 21.0 mm"]
    assert written["top_right"] == ["RADIOLOGICAL"]
    assert written["bottom_left"] == ["W 600  L 300", "Zoom 100 %"]


@pytest.mark.parametrize(
    ("width", "written"), [(900, ["Doe Jane  4711  2026-01-02"]), (500, ["Doe Jane", "4711  2026-01-02"]), (200, [])]
)
def test_who_is_looked_at_is_written_in_as_many_lines_as_the_view_needs(qtbot, width, written):
    view = view_on(qtbot, slices.geometry())
    view.reading.show_identity("Doe Jane  4711  2026-01-02")
    view.resize(width, 400)
    lines = texts_of(view)["top_left"]
    assert lines[: lines.index(next(line for line in lines if line.startswith("FLAIR")))] == written


def test_an_image_without_geometry_claims_no_side_and_no_millimetres(qtbot):
    view = view_on(qtbot, Geometry.uncalibrated(slices.SHAPE))
    written = annotations_of(view, view.plane_view)
    assert written.letters.left == written.letters.top == ""
    assert written.mm_to_pixels is None
    assert texts_of(view)["top_right"] == ["NO ORIENTATION"]
    assert texts_of(view)["top_left"][-1] == "3 / 6"


def test_every_edge_carries_a_letter_on_the_screen(qtbot):
    view = view_on(qtbot, slices.geometry())
    picture = view.grab().toImage()
    middle, centre = view.height() // 2, view.width() // 2
    for left, top in (
        (0, middle - 12),
        (view.width() - 24, middle - 12),
        (centre - 12, 0),
        (centre - 12, view.height() - 24),
    ):
        assert any(picture.pixelColor(left + x, top + y).value() > 180 for x in range(24) for y in range(24))


def test_the_pointer_reads_voxel_place_value_and_labels(qtbot):
    truth = np.zeros(slices.SHAPE, np.uint8)
    truth[2, 7, 9] = 1
    data = np.arange(np.prod(slices.SHAPE), dtype=np.int16).reshape(slices.SHAPE)
    view = view_on(qtbot, slices.geometry("RAS"), data=data, truth=truth)
    slices.put(view.session, truth * 3)
    read = []
    view.cursor_moved.connect(read.append)
    slices.move(view, view.voxel_to_widget(2, 7, 9), Qt.MouseButton.NoButton)
    assert read[-1].voxel == (2, 7, 9)
    assert read[-1].world == (-16.0, -3.0, 13.0)
    assert read[-1].value == data[2, 7, 9]
    assert (read[-1].label, read[-1].truth) == (3, 1)
    slices.move(view, QPoint(1, 1), Qt.MouseButton.NoButton)
    assert read[-1] is None


# ---------------------------------------------------------------------------------------------------------- the session


def test_nothing_open_is_black(qtbot):
    view = view_on(qtbot, slices.geometry())
    view.session.close()
    assert slices.colour_at(view, QPoint(200, 5)) == (0, 0, 0)
    view.go_to(1, 2, 3)
    view.step(1)
    assert view.widget_to_voxel(QPoint(100, 100)) is None


def test_a_mask_is_shown_where_it_lies_in_a_series_of_another_grid(qtbot):
    other_grid = Geometry(
        (12, 30, 30), slices.affine(slices.R, slices.A, slices.S, (0.9, 0.9, 0.5), (18.0, 24.0, 10.0))
    )
    other = Series("t1", Volume(np.zeros(other_grid.shape, np.int16), other_grid), Role.T1, 1.0)
    view = view_on(qtbot, slices.geometry(), more=(other,))
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[2, 8:11, 12:15] = 1
    slices.put(view.session, voxels)
    view.set_overlay(SOLID)
    view.show_series(other)
    view.set_window(Window(500, 1000))
    world = slices.geometry().index_to_world((2, 9, 13))
    k, j, i = np.rint(other_grid.world_to_index(world)).astype(int)
    view.go_to(k, j, i)
    assert slices.colour_at(view, view.voxel_to_widget(k, j, i)) == PALETTE[0]
    assert slices.colour_at(view, view.voxel_to_widget(k, j, i + 5)) == (0, 0, 0)


def test_another_series_is_shown_at_the_same_place_of_the_patient(qtbot):
    other_grid = Geometry(
        (12, 40, 48), slices.affine(slices.R, slices.A, slices.S, (0.5, 0.5, 0.5), (16.5, 23.5, 11.0))
    )
    other = Series("t1", Volume(np.zeros(other_grid.shape, np.int16), other_grid), Role.T1, 1.0)
    view = view_on(qtbot, slices.geometry(), more=(other,))
    view.go_to(4, 5, 6)
    view.zoom_about(QPointF(100, 90), 2.0)
    before = view.voxel_to_widget(4, 5, 6)
    world = slices.geometry().index_to_world((4, 5, 6))
    view.show_series(other)
    after = view.voxel_to_widget(*other_grid.world_to_index(world))
    assert (after - before).manhattanLength() <= 1
    assert view.current_index == 8


def test_only_the_changed_place_is_painted_again(qtbot):
    view = view_on(qtbot, slices.geometry())
    areas = []
    paint = view.paintEvent
    view.paintEvent = lambda event: (areas.append(event.rect()), paint(event))[0]
    view.repaint()
    whole = areas[-1]
    view.session.begin_stroke(view.plane_view)
    view.session.set_brush(radius=1.0)
    view.session.stroke_to(2, 10, 10)
    view.session.end_stroke()
    qtbot.waitUntil(lambda: len(areas) > 1)
    assert areas[-1].width() < whole.width() / 2
    count = len(areas)
    view.session.begin_stroke(view.plane_view)
    view.session.stroke_to(5, 10, 10)  # in a slice that is not shown
    QCoreApplication.processEvents()
    assert len(areas) == count


def test_a_destroyed_view_listens_no_more(qtbot):
    session = slices.session_on(slices.geometry())
    reading = Reading(session)
    events = (session.study_changed, session.series_changed, session.shown_changed, session.labels_changed,
              session.truth_changed, reading.position_changed, reading.window_changed)  # fmt: skip
    before = [len(event._listeners) for event in events]
    view = SliceView(session, reading)
    assert [len(event._listeners) for event in events] == [count + 1 for count in before]
    view.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [len(event._listeners) for event in events] == before


def test_next_tumour_jumps_to_labelled_slices(qtbot):
    view = view_on(qtbot, slices.geometry())
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[0, 1, 1] = voxels[5, 1, 1] = 1
    slices.put(view.session, voxels)
    view.next_tumour(1)
    assert view.current_index == 5
    view.next_tumour(-1)
    assert view.current_index == 0
    with qtbot.waitSignal(view.hinted):
        view.next_tumour(-1)


def test_next_tumour_takes_the_crosshair_along_unless_it_is_on_the_tumour(qtbot):
    view = view_on(qtbot, slices.geometry())
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[4, 2:5, 3:6] = voxels[5, 3, 4:9] = 1
    slices.put(view.session, voxels)
    view.go_to(0, 0, 0)
    view.next_tumour(1)
    assert view.current_voxel == (4, 3, 4)  # the middle
    view.next_tumour(1)
    assert view.current_voxel == (5, 3, 4)  # on the tumour already
