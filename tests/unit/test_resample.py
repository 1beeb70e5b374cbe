"""Resampling: labels by nearest voxel and never mixed, images linearly, both at the right places of the patient."""

import numpy as np
import pytest
from hypothesis import given

from tests.unit.synthetic import ORIENTATIONS, grid_of, head_volume
from tests.unit.test_geometry import geometries
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.resample import nearest_slice, overlaps, resample, resample_mask
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.volume import Volume

SHAPE = (6, 8, 10)
GRID = grid_of((0, 1, 2), (1, 1, 1), SHAPE, (1.0, 1.5, 4.0))


def _ramp(grid: Geometry) -> np.ndarray:
    """A value at each voxel that is linear in world coordinates, so that interpolation is exact."""
    world = grid.index_to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    return (world @ [1.0, -2.0, 0.5] + 40.0).astype(np.float32)


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::3])
def test_image_values_follow_their_place_into_any_orientation(axes, signs):
    target = grid_of(axes, signs, (5, 5, 5), (1.3, 1.1, 2.0), tilt=0.2)
    found = resample(Volume(_ramp(GRID), GRID), target, fill=np.nan)
    assert found.geometry is target
    index = GRID.world_to_index(target.index_to_world(np.moveaxis(np.indices(target.shape), 0, -1)))
    inside = ((index > 0) & (index < np.array(SHAPE) - 1)).all(axis=-1)
    np.testing.assert_allclose(found.data[inside], _ramp(target)[inside], atol=1e-3)
    outside = ((index < -1) | (index > np.array(SHAPE))).any(axis=-1)
    assert np.isnan(found.data[outside]).all()


def test_the_same_grid_is_not_interpolated_at_all():
    data = head_volume(SHAPE)
    assert resample(Volume(data, GRID), GRID).data is data


def test_labels_are_never_mixed():
    rng = np.random.default_rng(0)
    mask = Mask(rng.choice([0, 1, 4], SHAPE).astype(np.uint8), GRID)
    target = grid_of((0, 1, 2), (1, 1, 1), (12, 9, 17), (0.6, 1.3, 2.2), tilt=0.1)
    found = resample_mask(mask, target)
    assert set(np.unique(found.data)) <= {0, 1, 4}
    index = GRID.world_to_index(target.index_to_world(np.moveaxis(np.indices(target.shape), 0, -1)))
    nearest = np.floor(index + 0.5).astype(int)
    safe = (np.abs(index - np.floor(index) - 0.5) > 1e-3).all(axis=-1)
    inside = ((index >= 0) & (index <= np.array(SHAPE) - 1)).all(axis=-1) & safe
    expected = mask.data[tuple(nearest[inside].T)]
    np.testing.assert_array_equal(found.data[inside], expected)
    assert found.labels is mask.labels


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::5])
def test_a_mask_goes_to_another_voxel_order_and_back_unchanged(axes, signs):
    rng = np.random.default_rng(1)
    mask = Mask(rng.integers(0, 3, SHAPE).astype(np.uint8), GRID)
    spacing = [GRID.spacing[2 - axis] for axis in axes]
    shape = tuple(SHAPE[2 - axis] for axis in reversed(axes))
    affine = grid_of(axes, signs, shape, spacing).affine.copy()
    first, last = GRID.index_to_world((0, 0, 0)), GRID.index_to_world(np.array(SHAPE) - 1)
    for patient in range(3):
        affine[patient, 3] = (first if signs[axes.index(patient)] > 0 else last)[patient]
    target = Geometry(shape, affine)
    there = resample_mask(mask, target)
    assert np.bincount(there.data.ravel()).tolist() == np.bincount(mask.data.ravel()).tolist()
    np.testing.assert_array_equal(resample_mask(there, GRID).data, mask.data)


@pytest.mark.parametrize("plane", list(Plane))
def test_nearest_slice_is_a_slice_of_the_nearest_volume(plane: Plane):
    rng = np.random.default_rng(2)
    mask = Mask(rng.integers(0, 5, SHAPE).astype(np.uint8), GRID)
    target = grid_of((1, 0, 2), (1, -1, 1), (7, 9, 8), (1.1, 1.3, 3.1), tilt=0.15)
    view = PlaneView.of(target, plane)
    index = view.count // 2
    found = nearest_slice(mask.data, GRID, view, index)
    whole = resample_mask(mask, target)
    assert found.shape == view.size
    agree = found == view.extract(whole.data, index)
    # At the volume's rim the two differ by design: one takes voxels up to their edge, the other up to their centre.
    assert agree[view.extract(whole.data, index) > 0].all()


@given(geometries())
def test_a_grid_overlaps_itself_and_not_one_far_away(geometry: Geometry):
    assert overlaps(geometry, geometry)
    moved = geometry.affine.copy()
    moved[0, 3] += 5000
    assert not overlaps(geometry, Geometry(geometry.shape, moved))
