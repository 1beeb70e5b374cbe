"""Planes: a marked voxel shows up where anatomy says in all 48 orientations, with the right letters around it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.synthetic import ORIENTATIONS, grid_of
from tests.unit.test_geometry import SHAPE, geometries
from tumorview.core.geometry import Geometry
from tumorview.core.slicing import UPRIGHT, Plane, PlaneView, Turn, acquisition_plane

# Patient side at the left and at the top of the screen, in radiological convention.
SCREEN = {Plane.AXIAL: ("R", "L", "A", "P"), Plane.CORONAL: ("R", "L", "S", "I"), Plane.SAGITTAL: ("A", "P", "S", "I")}
SIGNED = {"R": (0, -1), "L": (0, 1), "A": (1, -1), "P": (1, 1), "I": (2, -1), "S": (2, 1)}


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("plane", list(Plane))
def test_letters_are_radiological_in_every_orientation(axes, signs, plane: Plane):
    letters = PlaneView.of(grid_of(axes, signs), plane).letters
    assert (letters.left, letters.right, letters.top, letters.bottom) == SCREEN[plane]


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("plane", list(Plane))
def test_a_marked_voxel_appears_on_its_patient_side(axes, signs, plane: Plane):
    geometry = grid_of(axes, signs)
    view = PlaneView.of(geometry, plane)
    voxel = (0, 1, SHAPE[2] - 1)
    data = np.zeros(SHAPE)
    data[voxel] = 1
    index, row, column = view.from_voxel(voxel)
    picture = view.extract(data, int(index))
    assert picture.shape == view.size
    np.testing.assert_array_equal(np.argwhere(picture), [[row, column]])
    world = geometry.index_to_world(voxel)
    centre = geometry.index_to_world((np.array(SHAPE) - 1) / 2)
    rows, columns = view.size
    for place, middle, side in (
        (column, (columns - 1) / 2, SCREEN[plane][1]),
        (row, (rows - 1) / 2, SCREEN[plane][3]),
    ):
        axis, sign = SIGNED[side]
        assert np.sign(place - middle) == np.sign((world[axis] - centre[axis]) * sign)


@given(geometries(), st.sampled_from(list(Plane)), st.tuples(*[st.integers(-60, 60)] * 3))
def test_voxel_and_screen_are_inverse(geometry: Geometry, plane: Plane, doubled):
    # Halves are exact in binary, so that nothing but the mapping itself is tested.
    view = PlaneView.of(geometry, plane)
    kji = tuple(n / 2 for n in doubled)
    assert view.to_voxel(*view.from_voxel(kji)) == kji
    assert view.from_voxel(view.to_voxel(*kji)) == kji


@given(geometries(), st.sampled_from(list(Plane)))
def test_every_voxel_of_the_volume_is_on_exactly_one_slice(geometry: Geometry, plane: Plane):
    view = PlaneView.of(geometry, plane)
    data = np.arange(int(np.prod(geometry.shape))).reshape(geometry.shape)
    seen = np.concatenate([view.extract(data, index).ravel() for index in range(view.count)])
    np.testing.assert_array_equal(np.sort(seen), data.ravel())
    assert (view.count, *view.size) == tuple(
        geometry.shape[axis] for axis in (view.normal_axis, view.row_axis, view.column_axis)
    )


def test_extract_is_a_view_so_that_painting_into_it_paints_the_volume():
    geometry = grid_of((2, 0, 1), (-1, 1, -1))
    data = np.zeros(SHAPE)
    for plane in Plane:
        assert np.shares_memory(PlaneView.of(geometry, plane).extract(data, 0), data)


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_pixel_spacing_is_that_of_the_shown_axes(axes, signs):
    geometry = grid_of(axes, signs)
    by_patient_axis = {patient: (1.0, 2.0, 3.0)[voxel] for voxel, patient in enumerate(axes)}
    assert PlaneView.of(geometry, Plane.AXIAL).pixel_spacing == (by_patient_axis[1], by_patient_axis[0])
    assert PlaneView.of(geometry, Plane.SAGITTAL).pixel_spacing == (by_patient_axis[2], by_patient_axis[1])


def test_oblique_edges_show_both_letters_and_unoriented_ones_none():
    tilted = PlaneView.of(grid_of((0, 1, 2), (1, 1, 1), tilt=np.radians(25)), Plane.AXIAL).letters
    assert (tilted.left, tilted.right) == ("RA", "LP")
    plain = PlaneView.of(Geometry.uncalibrated(SHAPE), Plane.AXIAL).letters
    assert (plain.left, plain.right, plain.top, plain.bottom) == ("", "", "", "")


@pytest.mark.parametrize(
    ("axes", "plane"), [((0, 1, 2), Plane.AXIAL), ((1, 2, 0), Plane.SAGITTAL), ((0, 2, 1), Plane.CORONAL)]
)
def test_acquisition_plane_is_the_one_of_the_slices(axes, plane: Plane):
    assert acquisition_plane(grid_of(axes, (1, 1, -1))) is plane


turns = st.builds(Turn, st.integers(0, 3), st.booleans())
ON_SCREEN = {
    "rotated": lambda picture: np.rot90(picture, -1),
    "flipped_horizontally": lambda picture: picture[:, ::-1],
    "flipped_vertically": lambda picture: picture[::-1],
}


@given(geometries(), st.sampled_from(list(Plane)), turns, st.sampled_from(list(ON_SCREEN)))
def test_turning_a_view_does_to_the_picture_what_its_name_says(geometry: Geometry, plane: Plane, turn: Turn, name):
    data = np.arange(int(np.prod(geometry.shape))).reshape(geometry.shape)
    before = PlaneView.of(geometry, plane, turn)
    after = PlaneView.of(geometry, plane, getattr(turn, name)())
    np.testing.assert_array_equal(after.extract(data, 0), ON_SCREEN[name](before.extract(data, 0)))
    voxel = (0, geometry.shape[1] - 1, geometry.shape[2] // 2)
    index, row, column = after.from_voxel(voxel)
    assert after.extract(data, int(index))[int(row), int(column)] == data[voxel]
    assert after.to_voxel(index, row, column) == voxel


@given(turns)
def test_four_rotations_and_two_flips_lead_back(turn: Turn):
    assert turn.rotated().rotated().rotated().rotated() == turn
    assert turn.flipped_vertically().flipped_vertically() == turn
    assert UPRIGHT.flipped_horizontally().flipped_vertically() == UPRIGHT.rotated(2)


@pytest.mark.parametrize(
    ("turn", "letters"),
    [(Turn(0, True), "LRAP"), (UPRIGHT.flipped_vertically(), "RLPA"), (Turn(1), "PARL"), (Turn(3), "APLR")],
)
@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_letters_follow_the_turned_picture(axes, signs, turn: Turn, letters: str):
    shown = PlaneView.of(grid_of(axes, signs), Plane.AXIAL, turn).letters
    assert (shown.left, shown.right, shown.top, shown.bottom) == tuple(letters)
