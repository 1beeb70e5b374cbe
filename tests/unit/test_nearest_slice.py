"""A slice of labels on another grid is the slice of the whole mask resampled there."""

import numpy as np
import pytest

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.resample import nearest_slice, resample_mask
from tumorview.core.slicing import Plane, PlaneView

SOURCE = np.array([[0.9, 0.1, 0, -9.3], [-0.1, 1.1, 0.2, -8.1], [0, -0.2, 2.9, -7.7], [0, 0, 0, 1]])
GRIDS = {
    "the same voxels": SOURCE,
    "flipped and shifted": np.array([[-1.0, 0, 0, 9.13], [0, -1.0, 0, 8.21], [0, 0, 2.0, -7.4], [0, 0, 0, 1]]),
    "oblique": np.array([[0.8, -0.3, 0.1, -6.137], [0.3, 0.8, 0.3, -9.413], [-0.1, -0.2, 2.1, -5.319], [0, 0, 0, 1]]),
    "sagittal": np.array([[0, 0, 1.9, -8.2], [0.7, 0, 0, -6.6], [0, -0.7, 0, 6.9], [0, 0, 0, 1]]),
}


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("name", list(GRIDS))
def test_it_is_what_resampling_the_whole_mask_gives(name, plane):
    rng = np.random.default_rng(0)
    mask = Mask(rng.integers(0, 5, (6, 16, 20)), Geometry((6, 16, 20), SOURCE))
    grid = Geometry((7, 18, 17), GRIDS[name])
    whole, view = resample_mask(mask, grid), PlaneView.of(grid, plane)
    for index in range(view.count):
        expected = view.extract(whole.data, index)
        np.testing.assert_array_equal(nearest_slice(mask.data, mask.geometry, view, index), expected)
    assert whole.has_labels


def test_beyond_the_mask_there_is_background():
    mask = Mask(np.ones((2, 3, 4)), Geometry.from_spacing((2, 3, 4), (1.0, 1.0, 1.0)))
    wide = Geometry((2, 5, 6), np.array([[1, 0, 0, -1], [0, 1, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    found = nearest_slice(mask.data, mask.geometry, PlaneView.of(wide, Plane.AXIAL), 0)
    assert found.sum() == 12
    assert found[1:4, 1:5].all()
