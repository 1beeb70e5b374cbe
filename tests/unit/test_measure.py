"""Measuring in patient millimetres: known shapes, any orientation, any pixel."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import ORIENTATIONS, grid_of

from tumorview.core import measure
from tumorview.core.diameters import diameters, steps_of
from tumorview.core.geometry import Geometry
from tumorview.core.lesions import burden, in_plane_steps, measured_plane
from tumorview.core.measure import Statistics
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.volume import Volume

COORDINATE = st.floats(-200, 200, allow_nan=False)
POINT = st.tuples(COORDINATE, COORDINATE, COORDINATE)


def disc(radius_mm, spacing, *, centre=(0.0, 0.0), size=(160, 160), ratio=1.0, turn=0.0):
    """Pixels whose centre lies in an ellipse of semi-axes ``radius_mm`` and ``ratio`` times that."""
    rows = (np.arange(size[0]) - (size[0] - 1) / 2)[:, None] * spacing[0] - centre[0]
    columns = (np.arange(size[1]) - (size[1] - 1) / 2)[None, :] * spacing[1] - centre[1]
    along = columns * math.cos(turn) + rows * math.sin(turn)
    across = -columns * math.sin(turn) + rows * math.cos(turn)
    return (along / radius_mm) ** 2 + (across / (radius_mm * ratio)) ** 2 <= 1


def dense_inside(pixels, ends, tolerance=1e-6):
    """Whether every place of the line between two (row, column) ends lies in a pixel's area that is set."""
    for t in np.linspace(0.0005, 0.9995, 499):
        row, column = (a + t * (b - a) for a, b in zip(*ends, strict=True))
        near = {
            (math.floor(row + 0.5 + dr), math.floor(column + 0.5 + dc))
            for dr in (-tolerance, tolerance)
            for dc in (-tolerance, tolerance)
        }
        if not any(0 <= r < pixels.shape[0] and 0 <= c < pixels.shape[1] and pixels[r, c] for r, c in near):
            return False
    return True


# ----------------------------------------------------------------------------------------------------------- diameters


def test_nothing_has_no_diameters():
    assert diameters(np.zeros((4, 5), bool), steps_of((1.0, 1.0))) is None


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.3, 4.0), st.floats(0.3, 4.0))
@settings(deadline=None)
def test_the_diameters_of_a_rectangle_are_its_diagonal_and_the_chord_across_it(rows, columns, row_mm, column_mm):
    found = diameters(np.ones((rows, columns), bool), steps_of((row_mm, column_mm)))
    height, width = rows * row_mm, columns * column_mm
    diagonal = math.hypot(height, width)
    assert found.longest_length == pytest.approx(diagonal)
    # At right angles to the diagonal a line through the middle reaches both of the longer sides.
    assert found.perpendicular_length == pytest.approx(min(height, width) * diagonal / max(height, width), rel=1e-4)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.5, 1.5), (2.0, 0.7)])
@pytest.mark.parametrize("turn", [0.0, 0.4, 1.1, 2.5])
def test_the_diameters_of_an_ellipse_are_its_axes_on_any_pixels(spacing, turn):
    found = diameters(disc(30.0, spacing, ratio=0.6, turn=turn), steps_of(spacing))
    pixel = math.hypot(*spacing)
    assert found.longest_length == pytest.approx(60.0, abs=pixel)
    assert found.perpendicular_length == pytest.approx(36.0, abs=pixel)


@given(st.integers(0, 2**32 - 1), st.floats(0.4, 3.0), st.floats(0.4, 3.0))
@settings(deadline=None, max_examples=25)
def test_both_lines_lie_inside_any_shape_at_right_angles_and_none_between_corners_is_longer(seed, row_mm, column_mm):
    rng = np.random.default_rng(seed)
    pixels = rng.random((6, 7)) < rng.uniform(0.2, 0.9)
    if not pixels.any():
        pixels[3, 3] = True
    steps = steps_of((row_mm, column_mm))
    found = diameters(pixels, steps)
    assert dense_inside(pixels, found.longest)
    assert dense_inside(pixels, found.perpendicular, 1e-5)
    first, second = (np.diff(ends, axis=0)[0] * (row_mm, column_mm) for ends in (found.longest, found.perpendicular))
    assert abs(first @ second) <= 1e-6 * np.linalg.norm(first) * np.linalg.norm(second)
    assert np.linalg.norm(first) == pytest.approx(found.longest_length)
    corners = [(r - 0.5, c - 0.5) for r, c in itertools.product(range(7), range(8))]
    longer = [
        (a, b)
        for a, b in itertools.combinations(corners, 2)
        if 0 not in np.subtract(a, b)
        and math.hypot((a[0] - b[0]) * row_mm, (a[1] - b[1]) * column_mm) > found.longest_length + 1e-6
    ]
    assert not any(dense_inside(pixels, pair, 0.0) for pair in longer)


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5.0))
@settings(deadline=None, max_examples=20)
def test_diameters_follow_turns_flips_and_scale(seed, factor):
    rng = np.random.default_rng(seed)
    pixels = np.kron(rng.random((5, 6)) < 0.6, np.ones((3, 3))).astype(bool)
    pixels[4, 4] = True
    found = diameters(pixels, steps_of((1.3, 0.8)))
    for other, spacing in ((pixels[::-1], (1.3, 0.8)), (pixels.T, (0.8, 1.3)), (np.rot90(pixels), (0.8, 1.3))):
        assert diameters(other, steps_of(spacing)).longest_length == pytest.approx(found.longest_length)
    scaled = diameters(pixels, steps_of((1.3 * factor, 0.8 * factor)))
    assert scaled.longest_length == pytest.approx(factor * found.longest_length)


def test_a_ring_is_not_measured_across_its_cavity():
    ring = disc(30.0, (0.5, 0.5)) & ~disc(20.0, (0.5, 0.5))
    found = diameters(ring, steps_of((0.5, 0.5)))
    assert found.longest_length == pytest.approx(2 * math.sqrt(30.0**2 - 20.0**2), abs=0.8)
    assert dense_inside(ring, found.longest)


def test_of_separate_parts_the_longer_is_measured_and_the_perpendicular_stays_in_it():
    pixels = np.zeros((60, 60), bool)
    pixels[5:9, 2:50] = True
    pixels[30:50, 30:50] = True
    found = diameters(pixels, steps_of((1.0, 1.0)))
    assert found.longest_length == pytest.approx(math.hypot(4, 48))
    assert max(row for row, _ in (*found.longest, *found.perpendicular)) < 9


# -------------------------------------------------------------------------------------------------------------- lesions


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::5])
@pytest.mark.parametrize("tilt", [0.0, 0.15])
def test_lesions_are_the_same_in_the_patient_however_the_voxels_are_stored(axes, signs, tilt):
    grid = grid_of(axes, signs, shape=(60, 60, 60), spacing=(1.0, 1.0, 1.0), tilt=tilt)
    centre = grid.index_to_world([29.5, 29.5, 29.5])
    places = grid.index_to_world(np.stack(np.indices(grid.shape), axis=-1)) - centre
    view = PlaneView.of(grid, Plane.AXIAL)
    along, across, normal = (
        grid.directions[:, 2 - axis] for axis in (view.column_axis, view.row_axis, view.normal_axis)
    )
    shape = ((places @ along) / 20) ** 2 + ((places @ across) / 12) ** 2 + ((places @ normal) / 14) ** 2 <= 1
    found = burden(shape.astype(np.uint8), grid).whole
    assert found.plane is Plane.AXIAL
    assert found.longest_length == pytest.approx(40.0, abs=1.5)
    assert found.perpendicular_length == pytest.approx(24.0, abs=1.5)
    assert math.dist(*found.longest) == pytest.approx(found.longest_length)
    assert math.dist(*found.perpendicular) == pytest.approx(found.perpendicular_length)
    assert np.allclose(np.mean(found.longest, axis=0) - centre, 0, atol=1.0)
    assert found.volume_ml == pytest.approx(shape.sum() / 1000)
    assert found.index in (29, 30)
    assert found.measurable


def test_lesions_are_listed_by_size_and_what_is_too_small_says_why():
    data = np.zeros((20, 60, 60), np.uint8)
    data[2:12, 5:30, 5:25] = 1
    data[5:7, 40:52, 40:52] = 2
    data[15, 40:58, 5:25] = 1
    found = burden(data, Geometry.from_spacing(data.shape, (1.0, 1.0, 1.0)))
    assert [lesion.voxels for lesion in found.lesions] == [5000, 360, 288]
    assert [lesion.measurable for lesion in found.lesions] == [True, False, True]
    assert found.lesions[1].shortcomings == ("seen on one slice only",)
    assert found.whole.voxels == 5648
    assert found.sum_of_products == pytest.approx(found.lesions[0].product + found.lesions[2].product)
    assert dict(found.volumes_ml) == {1: pytest.approx(5.36), 2: pytest.approx(0.288)}


@pytest.mark.parametrize(("side", "measurable"), [(5, False), (10, True)])
def test_slices_far_apart_ask_for_larger_lesions(side, measurable):
    data = np.zeros((4, 40, 40), np.uint8)
    data[1:3, 10 : 10 + 2 * side, 10 : 10 + 2 * side] = 1
    grid = Geometry.from_spacing(data.shape, (7.0, 1.0, 1.0))  # at least 14 mm
    found = burden(data, grid).whole
    assert found.longest_length == pytest.approx(2 * side * math.sqrt(2))
    assert found.measurable is (2 * side * math.sqrt(2) >= 14.0 + 1e-6)
    assert found.measurable is (measurable or side == 5)


def test_a_lesion_below_ten_millimetres_is_not_measurable():
    data = np.zeros((6, 40, 40), np.uint8)
    data[1:5, 10:16, 10:36] = 1
    found = burden(data, Geometry.from_spacing(data.shape, (1.0, 1.0, 1.0))).whole
    assert found.perpendicular_length < 10
    assert found.shortcomings == ("a diameter is below 10 mm",)


def test_an_uncalibrated_mask_is_measured_in_pixels_and_says_so():
    data = np.zeros((3, 20, 20), np.uint8)
    data[:, 2:14, 3:15] = 1
    found = burden(data, Geometry.uncalibrated(data.shape))
    assert found.whole.volume_ml is None
    assert found.whole.longest_length == pytest.approx(12 * math.sqrt(2))
    assert found.whole.shortcomings == ("the image has no spacing",)
    assert not found.calibrated


def test_a_thick_sagittal_stack_is_measured_in_its_own_slices():
    thick = grid_of((1, 2, 0), (1, -1, 1), spacing=(1.0, 1.0, 5.0))
    assert measured_plane(thick) is Plane.SAGITTAL
    assert measured_plane(grid_of((1, 2, 0), (1, -1, 1), spacing=(1.0, 1.0, 1.2))) is Plane.AXIAL


def test_steps_of_a_sheared_grid_keep_its_lengths():
    affine = np.eye(4)
    affine[:3, :3] = [[1.0, 0.0, 0.0], [0.3, 1.2, 0.0], [0.0, 0.0, 2.0]]
    view = PlaneView.of(Geometry((3, 9, 9), affine), Plane.AXIAL)
    steps = in_plane_steps(view)
    for column, row in ((1, 0), (0, 1), (3, 4), (-2, 5)):
        world = view.geometry.index_to_world([view.to_voxel(1, row, column), view.to_voxel(1, 0, 0)])
        assert np.linalg.norm(np.array([column, row]) @ steps) == pytest.approx(math.dist(*world))


def test_an_empty_mask_has_no_lesions():
    found = burden(np.zeros((3, 4, 5), np.uint8), Geometry.from_spacing((3, 4, 5), (1, 1, 1)))
    assert (found.whole, found.lesions, found.sum_of_products) == (None, (), 0)


# -------------------------------------------------------------------------------------------------------------- by hand


@given(POINT, POINT, POINT)
def test_angles_do_not_depend_on_the_order_of_arms_and_add_up_in_a_triangle(a, b, c):
    sides = [math.dist(*pair) for pair in ((a, b), (b, c), (a, c))]
    if min(sides) < 1e-3:
        return
    angles = [measure.angle(b, a, c), measure.angle(a, b, c), measure.angle(a, c, b)]
    assert measure.angle(c, a, b) == pytest.approx(angles[0], abs=1e-9)
    assert sum(angles) == pytest.approx(180.0, abs=1e-6)


def test_an_angle_with_an_arm_of_no_length_is_undefined():
    assert measure.angle((1, 2, 3), (1, 2, 3), (4, 5, 6)) is None
    assert measure.angle((1, 0, 0), (0, 0, 0), (0, 2, 0)) == pytest.approx(90.0)


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::7])
@pytest.mark.parametrize("plane", list(Plane))
def test_an_ellipse_has_its_area_in_voxels_on_any_grid_and_plane(axes, signs, plane):
    grid = grid_of(axes, signs, shape=(90, 100, 110), spacing=(0.7, 1.0, 1.3), tilt=0.1)
    view = PlaneView.of(grid, plane)
    rows, columns = view.size
    index = view.count // 2
    place = [view.to_voxel(index, rows / 2 + dr, columns / 2 + dc) for dr, dc in ((0, 0), (3, 25), (20, -4))]
    points = [tuple(point) for point in grid.index_to_world(place).tolist()]
    row_mm, column_mm = view.pixel_spacing
    for region, area in (
        (measure.in_ellipse(view, points), measure.ellipse_area(*points)),
        (measure.in_rectangle(view, points), measure.rectangle_area(*points)),
    ):
        assert region.sum() * row_mm * column_mm == pytest.approx(area, rel=0.02)
    assert measure.slice_of(view, points) == index


def test_a_freehand_outline_holds_the_voxels_of_its_area():
    view = PlaneView.of(Geometry.from_spacing((3, 80, 90), (2.0, 0.5, 0.8)), Plane.AXIAL)
    turns = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    places = [view.to_voxel(1, 40 + 30 * np.sin(t), 45 + 22 * np.cos(t)) for t in turns]
    corners = [tuple(point) for point in view.geometry.index_to_world(places).tolist()]
    region = measure.in_polygon(view, corners)
    assert measure.polygon_area(corners) == pytest.approx(math.pi * 15 * 17.6, rel=0.001)
    assert region.sum() * 0.4 == pytest.approx(measure.polygon_area(corners), rel=0.01)


def test_statistics_leave_out_what_is_not_finite_and_divide_by_n_minus_one():
    assert Statistics.of([1.0, 2.0, 3.0, np.nan, np.inf]) == Statistics(3, 2.0, 1.0, 1.0, 3.0)
    assert Statistics.of([4]) == Statistics(1, 4.0, None, 4.0, 4.0)
    assert Statistics.of([]) == Statistics(0)


def test_the_probe_reads_the_voxel_it_lies_in_and_nothing_outside():
    grid = grid_of((1, 2, 0), (-1, 1, -1), shape=(4, 5, 6))
    volume = Volume(np.arange(120).reshape(4, 5, 6), grid)
    point = tuple(grid.index_to_world([2.4, 3.3, 0.6]).tolist())
    assert measure.value_at(volume, point) == volume.data[2, 3, 1]
    assert measure.value_at(volume, tuple(grid.index_to_world([-0.6, 0, 0]).tolist())) is None


def test_points_between_slices_belong_to_none():
    view = PlaneView.of(Geometry.from_spacing((5, 8, 8), (3.0, 1.0, 1.0)), Plane.AXIAL)
    assert measure.slice_of(view, [(1, 1, 6.0), (2, 2, 6.4)]) == 2
    assert measure.slice_of(view, [(1, 1, 3.0), (2, 2, 6.0)]) is None
    assert measure.slice_of(view, [(1, 1, 15.0)]) is None
