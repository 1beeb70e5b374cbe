"""Surfaces enclose what the voxels enclose, look outward and lie where the patient is."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.synthetic import ORIENTATIONS, grid_of, head_volume
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.core.geometry import Geometry
from tumorview.core.head import find_head, tissue_threshold
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.surfaces import Surface, drawn_geometry, label_surfaces
from tumorview.core.volume import Volume
from tumorview.errors import JobCancelled


def ball(shape: tuple[int, int, int], spacing: tuple[float, float, float], radius: float) -> np.ndarray:
    """[k, j, i] labels: a ball of ``radius`` mm in the middle."""
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, spacing, strict=True)]
    return (sum(g**2 for g in np.meshgrid(*axes, indexing="ij")) <= radius**2).astype(np.uint8)


def assert_closed(surface: Surface) -> None:
    """Every edge belongs to two triangles, which run along it in opposite directions."""
    corners = surface.triangles.astype(np.int64)
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    codes = edges[:, 0] * len(surface.vertices) + edges[:, 1]
    opposite = edges[:, 1] * len(surface.vertices) + edges[:, 0]
    assert len(np.unique(codes)) == len(codes)
    assert np.array_equal(np.sort(codes), np.sort(opposite))


def made(mask: np.ndarray, geometry: Geometry, number: int = 1) -> Surface:
    return label_surfaces(mask, geometry)[number]


@pytest.mark.parametrize(
    ("spacing", "shape", "radius"),
    [((1, 1, 1), (36, 36, 36), 15), ((6, 1, 1), (10, 60, 60), 25), ((2, 0.5, 0.5), (24, 96, 96), 21)],
)
def test_a_ball_has_a_balls_area_and_volume(
    spacing: tuple[float, float, float], shape: tuple[int, int, int], radius: float
) -> None:
    surface = made(ball(shape, spacing, radius), Geometry.from_spacing(shape, spacing))
    assert_closed(surface)
    assert surface.volume_mm3 == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.03)
    assert surface.area_mm2 == pytest.approx(4 * math.pi * radius**2, rel=0.03)  # voxel stairs would add half of it


def test_thick_slices_give_slopes_instead_of_stairs() -> None:
    spacing = (6.0, 1.0, 1.0)
    surface = made(ball((10, 60, 60), spacing, 25), Geometry.from_spacing((10, 60, 60), spacing))
    outward = surface.vertices - surface.vertices.mean(axis=0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", outward, surface.normals), -1, 1)))
    assert np.percentile(angles, 90) < 15  # on stairs half of the normals are 45 degrees or more off


@given(st.sampled_from(ORIENTATIONS), st.floats(-0.6, 0.6), st.tuples(*[st.floats(0.4, 7.0)] * 3))
def test_any_orientation_is_closed_wound_outward_and_in_place(
    orientation: tuple[tuple[int, ...], tuple[int, ...]], tilt: float, spacing: tuple[float, float, float]
) -> None:
    grid = grid_of(*orientation, shape=(6, 8, 7), spacing=spacing, tilt=tilt)
    mask = np.zeros(grid.shape, np.uint8)
    mask[1:4, 2:7, 3:6] = 1
    surface = made(mask, grid)
    assert_closed(surface)
    assert surface.volume_mm3 == pytest.approx(45 * grid.voxel_volume_mm3, rel=0.05)  # positive: wound outward
    middle = grid.index_to_world((2, 4, 4))
    assert surface.vertices.mean(axis=0) == pytest.approx(middle, abs=0.3 * max(spacing))
    faces = surface.vertices[surface.triangles]
    wound = np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0])
    shaded = surface.normals[surface.triangles].sum(axis=1)
    agreement = np.einsum("ij,ij->i", wound, shaded)  # weighted by area: slivers may point anywhere
    assert agreement[agreement > 0].sum() > 0.99 * np.abs(agreement).sum()
    index = grid.world_to_index(surface.vertices.astype(np.float64))
    assert (index > [-0.5, 0.5, 1.5]).all()  # no farther than a voxel from the faces of the block
    assert (index < [4.5, 7.5, 6.5]).all()


def test_lesions_far_apart_keep_their_volume_each_however_small() -> None:
    mask = ball((40, 40, 40), (1, 1, 1), 10)
    mask[2, 2, 2] = mask[37, 37, 37] = 1
    surface = made(mask, Geometry.from_spacing(mask.shape, (1, 1, 1)))
    assert_closed(surface)
    assert surface.volume_mm3 == pytest.approx(np.count_nonzero(mask), rel=0.01)
    for corner in ((2, 2, 2), (37, 37, 37)):
        assert np.linalg.norm(surface.vertices - corner, axis=1).min() < 1


def test_labels_have_surfaces_of_their_own() -> None:
    mask = np.zeros((5, 20, 20), np.uint8)
    mask[1:4, 3:8, 3:8] = 1
    mask[1:4, 10:18, 10:18] = 4
    geometry = Geometry.from_spacing(mask.shape, (5, 1, 1))
    assert made(mask, geometry, 1).volume_mm3 == pytest.approx(75 * 5, rel=0.02)
    assert made(mask, geometry, 4).volume_mm3 == pytest.approx(192 * 5, rel=0.02)
    assert list(label_surfaces(mask, geometry)) == [1, 4]


def test_an_empty_mask_has_no_surface() -> None:
    assert label_surfaces(np.zeros((3, 4, 5), np.uint8), Geometry.uncalibrated((3, 4, 5))) == {}


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 40), (5, 20, 20)])
def test_a_mask_that_fills_its_grid_is_closed_at_the_border(shape: tuple[int, int, int]) -> None:
    for geometry in (Geometry.uncalibrated(shape), Geometry.from_spacing(shape, (5, 1, 1))):
        surface = made(np.ones(shape, np.uint8), geometry)
        assert_closed(surface)
        assert surface.volume_mm3 == pytest.approx(math.prod(shape) * geometry.voxel_volume_mm3, rel=0.03)


def test_a_very_large_label_stays_small_in_triangles() -> None:
    mask = np.zeros((60, 200, 200), np.uint8)
    mask[2:58, 10:190, 10:190] = 1
    surface = made(mask, Geometry.from_spacing(mask.shape, (3, 1, 1)))
    assert len(surface.triangles) < 40_000
    assert surface.volume_mm3 == pytest.approx(np.count_nonzero(mask) * 3, rel=0.02)


def test_a_cancelled_surface_stops() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(JobCancelled):
        label_surfaces(np.ones((2, 2, 2), np.uint8), Geometry.uncalibrated((2, 2, 2)), progress=JobContext(token))


# -- the head --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "air", "noise"),
    [(1.0, 0.0, 0.0), (1.0, 0.0, 12.0), (0.01, -1.2, 0.05), (-1.0, 900.0, 5.0)],
    ids=["clean", "noisy", "z-scored", "inverted"],
)
def test_the_head_is_found_whatever_the_air_is(scale: float, air: float, noise: float) -> None:
    rng = np.random.default_rng(4)
    data = head_volume((30, 80, 72)) * scale + air + rng.normal(0, noise, (30, 80, 72))
    data[12:18, 30:50, 30:44] = air  # ventricles as dark as air are inside all the same
    geometry = Geometry.from_spacing(data.shape, (4.0, 2.0, 2.0))
    head = find_head(Volume(data.astype(np.float32), geometry))
    assert head is not None
    surface = head.surface
    assert_closed(surface)
    true = np.count_nonzero(head_volume((30, 80, 72))) * geometry.voxel_volume_mm3
    assert surface.volume_mm3 == pytest.approx(true, rel=0.06)
    assert surface.vertices.mean(axis=0) == pytest.approx(geometry.index_to_world((14.5, 39.5, 35.5)), abs=6)


def test_the_head_keeps_to_its_budget_of_triangles() -> None:
    volume = Volume(head_volume((60, 120, 120)), Geometry.from_spacing((60, 120, 120), (3, 2, 2)))
    head = find_head(volume, max_triangles=6000)
    assert head is not None
    surface = head.surface
    assert 2000 < len(surface.triangles) <= 6000
    assert_closed(surface)


def test_an_image_of_air_has_no_head() -> None:
    grid = Geometry.from_spacing((4, 16, 16), (5, 1, 1))
    assert find_head(Volume(np.zeros(grid.shape, np.int16), grid)) is None
    assert find_head(Volume(np.full(grid.shape, np.nan, np.float32), grid)) is None


def test_tissue_lies_between_air_and_the_middle_of_the_head() -> None:
    air, distance = tissue_threshold(head_volume((10, 40, 40)) + 50)
    assert air == 50
    assert 20 < distance < 200


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("orientation", [((0, 1, 2), (1, 1, 1)), ((1, 2, 0), (-1, 1, -1))])
def test_a_slice_of_any_grid_is_cut_out_along_the_head(
    plane: Plane, orientation: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    data = head_volume((40, 80, 72))
    grid = grid_of(*orientation, shape=data.shape, spacing=(2.0, 2.0, 4.0), tilt=0.2)
    head = find_head(Volume(data, grid))
    assert head is not None
    view = PlaneView.of(grid, plane)
    index = view.count // 2
    cut, true = head.coverage(view, index) > 0.5, view.extract(data, index) > 0
    assert cut.shape == view.size
    assert 2 * np.count_nonzero(cut & true) / (np.count_nonzero(cut) + np.count_nonzero(true)) > 0.95


# -- stacks without calibration --------------------------------------------------------------------------------


def test_a_stack_of_unknown_slice_distance_is_drawn_as_deep_as_a_head() -> None:
    stack = Geometry.uncalibrated((20, 256, 256), oriented=True)
    drawn = drawn_geometry(stack)
    assert drawn.spacing == pytest.approx((7.68, 1, 1))
    assert (drawn.shape, drawn.calibrated, drawn.oriented) == (stack.shape, False, True)
    calibrated = Geometry.from_spacing((20, 256, 256), (3, 1, 1))
    assert drawn_geometry(calibrated) is calibrated
    assert drawn_geometry(Geometry.uncalibrated((155, 240, 240))).spacing == (1, 1, 1)
