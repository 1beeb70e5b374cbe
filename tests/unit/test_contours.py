"""Outlines lie on pixel edges, close, and hold the area they came from."""

import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as npst

from tumorview.core.contours import edge_runs, loops

shapes = npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
regions = npst.arrays(np.bool_, shapes)


def test_one_pixel_is_outlined_by_its_four_edges():
    inside = np.zeros((3, 4), bool)
    inside[1, 2] = True
    assert sorted(edge_runs(inside).tolist()) == [[2, 1, 3, 1], [2, 2, 2, 1], [3, 1, 3, 2], [3, 2, 2, 2]]


def test_a_straight_side_is_one_piece():
    assert len(edge_runs(np.ones((5, 9), bool))) == 4


def test_a_ring_has_an_outer_and_an_inner_loop():
    inside = np.ones((5, 5), bool)
    inside[2, 2] = False
    assert sorted(len(loop) for loop in loops(inside)) == [4, 4]


def test_nothing_has_no_outline():
    assert loops(np.zeros((3, 3), bool)) == []


@given(regions)
def test_the_pieces_are_as_long_as_the_edges_between_inside_and_outside(inside):
    runs = edge_runs(inside)
    length = np.abs(runs[:, :2] - runs[:, 2:]).sum()
    steps = np.pad(inside, 1).astype(int)
    assert length == np.abs(np.diff(steps, axis=0)).sum() + np.abs(np.diff(steps, axis=1)).sum()


@given(regions)
def test_the_loops_enclose_as_many_pixels_as_there_are(inside):
    area = 0.0
    for loop in loops(inside):
        x, y = loop.T.astype(float)
        area += 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))  # holes run the other way round
    assert area == inside.sum()


@given(regions)
def test_neighbouring_corners_share_a_row_or_a_column(inside):
    for loop in loops(inside):
        step = np.abs(np.roll(loop, -1, axis=0) - loop)
        assert (np.count_nonzero(step, axis=1) == 1).all()
