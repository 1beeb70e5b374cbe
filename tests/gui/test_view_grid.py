"""Layouts, and views that show one place of the patient whatever their grids."""

from pathlib import Path

import numpy as np
import pytest
import slices
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest

from tumorview.app.layouts import Layout
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.app.tool_options import Tool
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.rendering import Window
from tumorview.core.slicing import UPRIGHT, Plane
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.gui.views import OverlayOptions, ViewGrid
from tumorview.gui.views.corner_texts import annotations_of
from tumorview.gui.views.series_drag import series_data

CTRL = Qt.KeyboardModifier.ControlModifier
ROLES = (Role.FLAIR, Role.T1, Role.T1CE, Role.T2)
# The same patient in four ways: all grids contain the ball of 8 mm about the middle.
MIDDLE = np.array((5.0, -12.0, 30.0))


def grid_about(middle, columns, spacing, shape):
    """A grid with the directions ``columns`` (of i, j, k) whose centre lies at ``middle``."""
    affine = slices.affine(*columns, spacing, (0, 0, 0))
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(shape)[::-1] - 1) / 2)
    return Geometry(shape, affine)


GRIDS = {
    "thick axial": grid_about(MIDDLE, (slices.L, slices.P, slices.S), (0.9, 0.9, 5.0), (9, 60, 64)),
    "flipped": grid_about(MIDDLE, (slices.R, slices.A, slices.I), (1.1, 0.7, 3.0), (14, 80, 50)),
    "sagittal": grid_about(MIDDLE, (slices.P, slices.I, slices.L), (0.8, 1.0, 2.5), (20, 56, 70)),
    "oblique": grid_about(
        MIDDLE, ((1.0, 0.2, 0.1), (-0.2, 1.0, 0.15), (-0.07, -0.17, 1.0)), (1.0, 1.2, 2.0), (24, 50, 60)
    ),
}


def series_on(uid, geometry, role=Role.OTHER, frame="1"):
    """A ball of 8 mm radius about MIDDLE."""
    index = np.moveaxis(np.indices(geometry.shape), 0, -1)
    far = np.linalg.norm(geometry.index_to_world(index) - MIDDLE, axis=-1)
    return Series(uid, Volume((far < 8.0).astype(np.int16) * 1000, geometry), role, 1.0, frame_of_reference=frame)


@pytest.fixture
def four():
    """FLAIR, T1, T1CE and T2 on four grids of one frame of reference."""
    return [series_on(role.value, geometry, role) for role, geometry in zip(ROLES, GRIDS.values(), strict=True)]


def show(qtbot, series, layout, size=(900, 700)):
    session = Session()
    grid = ViewGrid(session, Reading(session))
    session.open(Study(Path("study"), tuple(series)))
    qtbot.addWidget(grid)
    grid.resize(*size)
    grid.set_layout(layout)
    with qtbot.waitExposed(grid):
        grid.show()
    qtbot.waitUntil(lambda: all(view.width() > 100 for view in grid.shown))
    QTest.qWait(0)  # views of one plane are framed together once they have their sizes
    return grid


def place_of(view):
    """Where the crosshair of a view is, LPS mm."""
    return np.array(
        view.series.volume.geometry.index_to_world(view.plane_view.to_voxel(view.current_index, *view.place))
    )


# ------------------------------------------------------------------------------------------------------------- layouts


@pytest.mark.parametrize(
    ("layout", "planes"),
    [
        (Layout.AXIAL, ["axial"]),
        (Layout.CORONAL, ["coronal"]),
        (Layout.SAGITTAL, ["sagittal"]),
        (Layout.QUAD, ["axial", "axial", "coronal", "sagittal"]),  # the second stands in for 3D
        (Layout.ONE_PLUS_THREE, ["axial", "coronal", "sagittal", "axial"]),
        (Layout.SIDE_BY_SIDE, ["axial", "axial"]),
        (Layout.FOUR_SERIES, ["axial"] * 4),
    ],
)
def test_a_layout_fills_the_grid_with_its_views(qtbot, four, layout, planes):
    grid = show(qtbot, four, layout)
    assert [view.plane.value for view in grid.shown] == planes
    assert all(view.isVisible() for view in grid.shown)
    covered = sum(view.width() * view.height() for view in grid.shown)
    assert covered > 0.98 * grid.width() * grid.height()
    for plane in Plane:
        assert grid.view(plane).plane is plane  # also where the layout does not show it


def test_four_series_are_hung_by_role(qtbot, four):
    grid = show(qtbot, [four[3], four[1], four[0], four[2]], Layout.AXIAL)
    grid.hang_tumour()
    assert [view.series.uid for view in grid.shown] == ["FLAIR", "T1", "T1CE", "T2"]
    assert grid.active.series is four[0]


def test_a_sequence_that_is_missing_leaves_its_place_empty(qtbot, four):
    grid = show(qtbot, [four[0], four[2]], Layout.AXIAL)
    grid.hang_tumour()
    _, t1, t1ce, t2 = grid.shown
    assert t1.series is None
    assert t2.series is None
    assert slices.colour_at(t1, QPoint(5, 5)) == (0, 0, 0)
    slices.drag(t1, QPoint(40, 40))  # a click on nothing
    slices.wheel(t1, 1)
    grid.show_in(t1, four[2])
    assert t1.series is t1ce.series


def test_a_double_click_maximises_a_view_and_brings_the_others_back(qtbot, four):
    grid = show(qtbot, four, Layout.QUAD)
    coronal = grid.view(Plane.CORONAL)
    before = coronal.size()
    qtbot.mouseDClick(coronal, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    qtbot.waitUntil(lambda: coronal.size() == grid.size())
    assert grid.shown == (coronal,)
    qtbot.mouseDClick(coronal, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    qtbot.waitUntil(lambda: coronal.size() == before)
    assert len(grid.shown) == 4


def test_a_double_click_on_the_only_view_is_passed_on(qtbot, four):
    grid = show(qtbot, four, Layout.AXIAL)
    with qtbot.waitSignal(grid.alone_requested):
        qtbot.mouseDClick(grid.active, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))


# -------------------------------------------------------------------------------------------------- series in the views


def test_a_chosen_series_is_shown_in_every_plane_and_in_one_view_where_series_are_compared(qtbot, four):
    grid = show(qtbot, four, Layout.QUAD)
    session = grid.active.session
    session.show_series(four[1])
    assert {grid.view(plane).series.uid for plane in Plane} == {"T1"}
    grid.set_layout(Layout.SIDE_BY_SIDE)
    second = grid.shown[1]
    slices.drag(second, QPoint(60, 60))
    assert session.active_series is second.series
    session.show_series(four[3])
    assert [view.series.uid for view in grid.shown] == ["T1", "T2"]


def drop(view, data):
    """What Qt sends when something is dropped; True where it was taken."""
    common = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(30, 30), *common)
    view.dragEnterEvent(enter)
    if enter.isAccepted():
        view.dropEvent(QDropEvent(QPointF(30, 30), *common))
    return enter.isAccepted()


def test_a_series_is_dropped_into_one_view_and_anything_else_is_the_windows(qtbot, four):
    grid = show(qtbot, four, Layout.QUAD)
    coronal = grid.view(Plane.CORONAL)
    assert drop(coronal, series_data(four[2]))
    assert coronal.series is four[2]
    assert grid.active is coronal
    assert grid.active.session.active_series is four[2]
    assert grid.view(Plane.AXIAL).series is four[0]
    files = QMimeData()
    files.setText("/some/file")
    assert not drop(coronal, files)
    assert not drop(coronal, series_data(series_on("of another study", GRIDS["oblique"])))


def test_a_cell_can_show_another_plane(qtbot, four):
    grid = show(qtbot, four, Layout.FOUR_SERIES)
    second, third = grid.shown[1], grid.shown[2]
    grid.set_plane(second, Plane.SAGITTAL)
    grid.set_plane(grid.shown[0], Plane.CORONAL)
    assert [view.plane.value for view in grid.shown] == ["coronal", "sagittal", "axial", "axial"]
    assert [view.series.uid for view in grid.shown] == ["FLAIR", "T1", "T1CE", "T2"]
    assert grid.view(Plane.AXIAL) is third


# ------------------------------------------------------------------------------------------------------------- linking


@pytest.mark.parametrize("turned", [UPRIGHT, UPRIGHT.rotated(), UPRIGHT.flipped_vertically()])
@pytest.mark.parametrize("layout", [Layout.QUAD, Layout.FOUR_SERIES])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_a_point_clicked_in_one_view_is_the_same_place_in_all(qtbot, four, layout, order, turned):
    grid = show(qtbot, [four[number] for number in order], layout)
    if layout is Layout.QUAD:
        for view, number in zip(grid.shown, order, strict=True):
            view.show_series(four[number])
    for number, view in enumerate(grid.shown):
        view.set_turn(turned)
        view.reading.set_linked(False)
        view.zoom_about(QPointF(70, 90), 1.0 + 0.4 * number)  # each at its own magnification
        view.reading.set_linked(True)
    for number, view in enumerate(grid.shown):
        target = MIDDLE + np.array((3.0, -2.0, 1.0)) * (number + 1)
        view.go_to(*view.series.volume.geometry.world_to_index(target))
        spot = view.voxel_to_widget(*view.current_voxel) + QPoint(6, 4)
        slices.drag(view, spot)
        clicked = view.voxel_under(QPointF(spot))
        assert view.current_voxel == clicked
        place = view.series.volume.geometry.index_to_world(clicked)
        for other in grid.shown:
            geometry = other.series.volume.geometry
            index = geometry.world_to_index(place)
            assert other.current_index == pytest.approx(index[other.plane_view.normal_axis], abs=0.501)
            # The crosshair is where the place lies on the screen, to the pixel.
            drawn = other.viewport.to_widget(*other.place)
            wanted = other.viewport.to_widget(*other.plane_view.from_voxel(index)[1:])
            assert drawn == pytest.approx(wanted, abs=0.01)


def test_what_the_crosshair_points_at_is_painted_the_same_in_every_series(qtbot, four):
    grid = show(qtbot, four, Layout.FOUR_SERIES)
    grid.set_crosshair(False)
    for view in grid.shown:
        view.set_overlay(OverlayOptions(visible=False))
        view.set_window(Window(500, 1000))
    flair = grid.shown[0]
    flair.go_to(*flair.series.volume.geometry.world_to_index(MIDDLE))
    for view in grid.shown:
        x, y = view.viewport.to_widget(*view.place)
        assert min(slices.colour_at(view, QPoint(int(x), int(y)))) > 150  # the ball's middle
        beside = view.plane_view.from_voxel(
            view.series.volume.geometry.world_to_index(MIDDLE + np.array((11.5, 0.0, 0.0)))
        )
        x, y = view.viewport.to_widget(*beside[1:])
        assert max(slices.colour_at(view, QPoint(int(x), int(y)))) < 60  # to the patient's left of it


def test_scrolling_takes_the_other_views_to_the_nearest_slice(qtbot, four):
    grid = show(qtbot, four, Layout.FOUR_SERIES)
    thick, flipped = grid.shown[0], grid.shown[1]
    start = place_of(thick)
    for _ in range(2):
        slices.wheel(thick, -1)
    moved = place_of(thick) - start
    np.testing.assert_allclose(moved, (0, 0, 10.0), atol=1e-9)
    assert abs(place_of(flipped)[2] - place_of(thick)[2]) <= 1.5 + 1e-6
    index = flipped.current_index
    slices.wheel(flipped, 1)
    assert flipped.current_index == index - 1
    assert abs(place_of(flipped)[2] - place_of(thick)[2]) <= 2.5 + 1e-6


def test_an_unlinked_view_scrolls_alone_until_it_is_linked_again(qtbot, four):
    grid = show(qtbot, four, Layout.SIDE_BY_SIDE)
    first, second = grid.shown
    first.reading.set_linked(False)
    index = second.current_index
    slices.wheel(first, -3)
    slices.wheel(first, 2, modifiers=CTRL)
    assert second.current_index == index
    assert second.viewport.zoom <= 1.0
    first.reading.set_linked(True)
    assert abs(place_of(second)[2] - place_of(first)[2]) <= 1.5 + 1e-6
    qtbot.waitUntil(lambda: second.viewport.scale == pytest.approx(first.viewport.scale))


def test_views_of_one_plane_are_zoomed_and_panned_together_in_millimetres(qtbot, four):
    grid = show(qtbot, four, Layout.FOUR_SERIES)
    first = grid.shown[0]
    scales = [view.viewport.scale for view in grid.shown]
    assert scales == pytest.approx([scales[0]] * 4)  # from the beginning
    slices.wheel(first, 4, modifiers=CTRL, place=QPoint(150, 120))
    slices.drag(first, QPoint(100, 100), QPoint(120, 90), button=Qt.MouseButton.MiddleButton)
    assert first.viewport.scale > 1.5 * scales[0]
    for view in grid.shown[1:]:
        assert view.viewport.scale == pytest.approx(first.viewport.scale)
        # The oblique slices are not parallel to the first: in them the middle is nearest to it.
        index = view.series.volume.geometry.world_to_index(first.middle)
        assert view.viewport.centre == pytest.approx(view.plane_view.from_voxel(index)[1:], abs=1e-6)
    qtbot.keyClick(first, Qt.Key.Key_R)
    assert [view.viewport.scale for view in grid.shown] == pytest.approx(scales)


def test_another_frame_of_reference_is_not_linked_and_says_so(qtbot, four):
    foreign = series_on("foreign", GRIDS["oblique"], Role.T2, frame="2")
    grid = show(qtbot, [four[0], foreign], Layout.SIDE_BY_SIDE)
    here, there = grid.shown
    index, scale = there.current_index, there.viewport.scale
    slices.wheel(here, -2)
    slices.wheel(here, 2, modifiers=CTRL)
    assert (there.current_index, there.viewport.scale) == (index, scale)
    position = here.reading.position
    slices.wheel(there, -1)
    assert here.reading.position == position
    texts = [line.text for line in annotations_of(there, there.plane_view).top_left]
    assert "NOT LINKED: another frame of reference" in texts
    assert not any("LINKED" in line.text for line in annotations_of(here, here.plane_view).top_left)


def test_a_crosshair_beyond_the_last_slice_is_not_drawn_and_says_so(qtbot, four):
    grid = show(qtbot, four, Layout.SIDE_BY_SIDE)
    first, second = grid.shown
    first.reading.move_to(MIDDLE + np.array((0.0, 0.0, 22.0)))  # the second ends at 21 mm
    assert second.current_index == 0
    assert second.off_slice
    assert "Crosshair beyond this series" in [line.text for line in annotations_of(second, second.plane_view).top_left]
    assert not first.off_slice


def test_letters_follow_a_flip_and_the_badge_warns(qtbot, four):
    grid = show(qtbot, four, Layout.AXIAL)
    view = grid.active

    def written():
        annotations = annotations_of(view, view.plane_view)
        letters = annotations.letters
        return letters.left + letters.right + letters.top + letters.bottom, annotations.top_right[0].text

    view.go_to(*view.series.volume.geometry.world_to_index(MIDDLE))
    assert written() == ("RLAP", "RADIOLOGICAL")
    view.set_turn(view.turn.flipped_horizontally())
    assert written() == ("LRAP", "FLIPPED R–L")
    view.set_turn(view.turn.rotated())
    assert written() == ("PALR", "FLIPPED, ROTATED 90°")
    view.reset_view()
    assert written() == ("RLAP", "RADIOLOGICAL")


# ------------------------------------------------------------------------------------------------ the mask in all views


@pytest.mark.parametrize("plane", list(Plane))
def test_what_is_painted_in_one_plane_is_seen_in_the_others(qtbot, four, plane):
    grid = show(qtbot, four[:1], Layout.QUAD)
    session = grid.active.session
    session.set_brush(radius=3.0)
    view = grid.view(plane)
    view.set_turn(view.turn.rotated())
    for one in grid.views:
        one.set_tool(Tool.BRUSH)
        one.set_overlay(OverlayOptions(opacity=1.0, boundary=False))
    voxel = (4, 30, 32)
    view.go_to(*voxel)
    slices.drag(view, view.voxel_to_widget(*voxel))
    assert session.mask.data[voxel] == 1
    grid.set_crosshair(False)
    for other in Plane:
        one = grid.view(other)
        assert slices.colour_at(one, one.voxel_to_widget(*voxel)) == session.mask.labels[1].colour


def test_the_mask_is_shown_on_series_of_other_grids(qtbot, four):
    grid = show(qtbot, four, Layout.FOUR_SERIES)
    session = grid.active.session
    session.import_mask(Mask((four[0].volume.data > 0).astype(np.uint8), four[0].volume.geometry), Path("mask"))
    grid.set_crosshair(False)
    for view in grid.shown:
        view.set_overlay(OverlayOptions(opacity=1.0, boundary=False))
    grid.active.reading.move_to(MIDDLE)
    for view in grid.shown:
        x, y = view.viewport.to_widget(*view.place)
        assert slices.colour_at(view, QPoint(int(x), int(y))) == session.mask.labels[1].colour


def test_the_minimap_shows_which_part_is_seen_while_zoomed(qtbot, four):
    view = show(qtbot, four[:1], Layout.AXIAL, size=(600, 600)).active
    view.set_overlay(OverlayOptions(visible=False))

    def edge():
        """Brightness where the upper edge of the minimap lies."""
        picture = view.grab().toImage()
        return [picture.pixelColor(x, 34).value() for x in range(view.width() - 100, view.width() - 10)]

    assert max(edge()) < 60
    view.zoom_about(QPointF(300, 300), 3.0)
    assert view.viewport.part == pytest.approx((0.32, 0.32, 0.36, 0.36), abs=0.03)
    assert sum(value > 100 for value in edge()) > 60
