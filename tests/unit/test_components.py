"""Small pieces of a mask: judged against the largest one, in three dimensions, whatever their label."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from tumorview.core.components import without_small


def test_pieces_below_the_share_go_and_the_largest_stays():
    voxels = np.zeros((6, 20, 20), np.uint8)
    voxels[1:5, 2:12, 2:12] = 1  # 400
    voxels[2, 15:19, 15:20] = 2  # 20: 5 %
    voxels[5, 0, 0:19] = 1  # 19: below
    kept = without_small(voxels, 0.05)
    assert np.count_nonzero(kept) == 420
    assert (kept[2, 15:19, 15:20] == 2).all()
    assert np.count_nonzero(without_small(voxels, 0.06)) == 400


def test_a_piece_that_goes_on_in_the_next_slice_is_one_piece():
    voxels = np.zeros((4, 8, 8), np.uint8)
    voxels[0:2, 2:6, 2:6] = 1
    voxels[2, 2, 2] = 1  # one voxel that hangs on
    assert np.array_equal(without_small(voxels, 0.5), voxels)


def test_labels_that_touch_are_one_piece():
    voxels = np.zeros((1, 10, 10), np.uint8)
    voxels[0, :8, :8], voxels[0, 8, 0] = 4, 2
    assert np.array_equal(without_small(voxels, 0.5), voxels)


@given(arrays(np.uint8, (3, 6, 6), elements=st.integers(0, 2)), st.floats(0, 1))
def test_it_only_takes_away_never_everything_and_twice_is_once(voxels: np.ndarray, share: float):
    kept = without_small(voxels, share)
    assert ((kept == voxels) | (kept == 0)).all()
    assert kept.any() == voxels.any()
    assert np.array_equal(without_small(kept, share), kept)
    pieces, count = ndimage.label(kept)
    if count and share:
        sizes = np.bincount(pieces.ravel())[1:]
        assert sizes.min() >= share * sizes.max()
