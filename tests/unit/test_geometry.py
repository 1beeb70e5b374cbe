"""Geometry: index and world are each other's inverse, letters and axes in all 48 orientations, grid equality."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.synthetic import ORIENTATIONS, grid_of
from tumorview.core.geometry import POSITION_TOLERANCE_MM, Geometry, ras_to_lps
from tumorview.errors import GeometryError

SHAPE = (4, 5, 6)
SIDES = (("R", "L"), ("A", "P"), ("I", "S"))  # towards the smaller and the greater LPS coordinate


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """Rotated, anisotropic, shifted grids of either handedness."""
    quaternion = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)))
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    spacing = draw(st.tuples(*[st.floats(0.2, 10.0)] * 3))
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 0] *= draw(st.sampled_from((1, -1)))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    return Geometry(draw(st.tuples(*[st.integers(1, 40)] * 3)), affine)


@given(geometries(), st.tuples(*[st.floats(-50, 50)] * 3))
def test_index_and_world_are_inverse(geometry: Geometry, index):
    np.testing.assert_allclose(geometry.world_to_index(geometry.index_to_world(index)), index, atol=1e-6)


@given(geometries())
def test_spacing_is_the_distance_between_neighbours_and_volume_their_product(geometry: Geometry):
    origin = geometry.index_to_world((0, 0, 0))
    steps = [np.linalg.norm(geometry.index_to_world(np.eye(3)[axis]) - origin) for axis in range(3)]
    np.testing.assert_allclose(geometry.spacing, steps)
    assert geometry.voxel_volume_mm3 == pytest.approx(np.prod(steps))


@given(geometries())
def test_closest_axes_are_a_permutation_and_codes_name_three_different_axes(geometry: Geometry):
    axes, signs = geometry.closest_axes
    assert sorted(axes) == [0, 1, 2]
    assert set(signs) <= {1, -1}
    assert sorted("RLAPIS".index(code) // 2 for code in geometry.axis_codes) == [0, 1, 2]
    assert 0 <= geometry.obliquity_degrees <= 90


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_axis_codes_name_the_side_that_each_index_leads_to(axes, signs, tilt: float):
    geometry = grid_of(axes, signs, tilt=tilt)
    expected = "".join(SIDES[patient][sign > 0] for patient, sign in zip(axes, signs, strict=True))
    assert geometry.axis_codes == expected
    assert geometry.axis_codes == "".join(nib.aff2axcodes(ras_to_lps(geometry.affine)))


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_world_coordinate_grows_towards_the_letter(axes, signs):
    geometry = grid_of(axes, signs)
    for voxel_axis in range(3):  # i, j, k
        step = np.zeros(3)
        step[2 - voxel_axis] = 1
        moved = geometry.index_to_world(step) - geometry.index_to_world((0, 0, 0))
        patient = int(np.abs(moved).argmax())
        assert geometry.axis_codes[voxel_axis] == SIDES[patient][int(moved[patient] > 0)]


def test_letters_add_the_second_side_only_when_oblique():
    geometry = grid_of((0, 1, 2), (1, 1, 1))
    assert geometry.letter((1, 0.1, 0)) == "L"
    assert geometry.letter((1, 0.5, 0)) == "LP"
    assert geometry.letter((-0.5, 0, -1)) == "IR"


def test_obliquity_is_the_angle_that_the_grid_is_turned_by():
    assert grid_of((0, 1, 2), (1, 1, 1)).obliquity_degrees == pytest.approx(0.0, abs=1e-6)
    assert grid_of((0, 1, 2), (1, 1, 1), tilt=np.radians(20)).obliquity_degrees == pytest.approx(20.0)


def test_same_grid_bears_header_rounding_and_nothing_more():
    geometry = grid_of((0, 1, 2), (1, 1, 1))
    for offset, same in ((0.9 * POSITION_TOLERANCE_MM, True), (1.1 * POSITION_TOLERANCE_MM, False)):
        moved = geometry.affine.copy()
        moved[0, 3] += offset
        assert geometry.same_grid(Geometry(SHAPE, moved)) is same
    stretched = geometry.affine.copy()
    stretched[:3, 2] *= 1.05  # the last slice lies 0.45 mm off
    assert not geometry.same_grid(Geometry(SHAPE, stretched))
    assert not geometry.same_grid(Geometry((4, 5, 7), geometry.affine))


def test_uncalibrated_grids_compare_by_shape_alone():
    plain = Geometry.uncalibrated(SHAPE)
    assert plain.same_grid(grid_of((0, 1, 2), (1, 1, 1)))
    assert not plain.same_grid(Geometry.uncalibrated((4, 5, 7)))
    assert "no spacing known" in plain.describe()


def test_flips_of_the_same_box_are_not_the_same_grid():
    geometry = grid_of((0, 1, 2), (1, 1, 1))
    flipped = geometry.affine.copy()
    flipped[:3, 0] *= -1
    flipped[:3, 3] = geometry.index_to_world((0, 0, SHAPE[2] - 1))
    assert not geometry.same_grid(Geometry(SHAPE, flipped))


def test_equality_and_hash_follow_the_affine_bit_by_bit():
    first, second = grid_of((0, 1, 2), (1, 1, 1)), grid_of((0, 1, 2), (1, 1, 1))
    assert first == second
    assert hash(first) == hash(second)
    assert first != Geometry(SHAPE, first.affine, calibrated=False)
    assert first != "a grid"


def test_the_affine_cannot_be_changed_from_outside():
    source = np.eye(4)
    geometry = Geometry(SHAPE, source)
    source[0, 3] = 5
    assert geometry.affine[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 3] = 1


@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        ((0, 5, 6), np.eye(4)),
        ((5, 6), np.eye(4)),
        (SHAPE, np.eye(3)),
        (SHAPE, np.full((4, 4), np.nan)),
        (SHAPE, np.diag([1, 1, 0, 1])),
        (SHAPE, np.zeros((4, 4))),
    ],
)
def test_shapes_and_affines_that_are_no_place_are_refused(shape, affine):
    with pytest.raises(GeometryError):
        Geometry(shape, affine)


def test_contains_rounds_to_the_nearest_voxel():
    geometry = grid_of((0, 1, 2), (1, 1, 1))
    assert geometry.contains((0, 0, 0))
    assert geometry.contains((3.4, 4.4, -0.4))
    assert not geometry.contains((3.6, 0, 0))
    assert not geometry.contains((0, 0, -0.6))


def test_from_spacing_lies_along_the_patient_axes():
    geometry = Geometry.from_spacing(SHAPE, (3.0, 2.0, 1.0))
    assert geometry.spacing == (3.0, 2.0, 1.0)
    assert geometry.axis_codes == "LPS"
    np.testing.assert_array_equal(geometry.index_to_world((1, 1, 1)), (1.0, 2.0, 3.0))


@given(geometries())
def test_ras_and_lps_are_each_others_reverse(geometry: Geometry):
    np.testing.assert_array_equal(ras_to_lps(ras_to_lps(geometry.affine)), geometry.affine)
    point = geometry.affine @ [1, 2, 3, 1]
    np.testing.assert_allclose(ras_to_lps(geometry.affine) @ [1, 2, 3, 1], point * [-1, -1, 1, 1])
