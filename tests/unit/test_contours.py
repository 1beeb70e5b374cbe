"""Outlines lie on pixel edges, close, and hold the area they came from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tumorview.core.contours import edge_runs, level_lines, loops, smooth_field, smooth_loops

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


# smooth outlines
def area_of(lines) -> float:
    """What closed lines enclose; holes run the other way round."""
    return abs(sum(0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) for x, y in (line.T for line in lines)))


def holds(lines, x: float, y: float) -> bool:
    """Whether the lines enclose a point, by the even-odd rule."""
    crossings = 0
    for line in lines:
        (x0, y0), (x1, y1) = line[:-1].T, line[1:].T
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        crossings += np.count_nonzero(((y0 > y) != (y1 > y)) & (at > x))
    return crossings % 2 == 1


@given(regions)
def test_a_smooth_outline_holds_the_centres_of_its_pixels_and_no_others(inside):
    lines = smooth_loops(inside)
    for row, column in np.ndindex(inside.shape):
        # A hair beside the centre: lines run through whole and half places.
        assert holds(lines, column + 0.5001, row + 0.5001) == inside[row, column]


@given(regions)
def test_a_smooth_outline_is_closed_and_near_the_voxels_edges(inside):
    points = np.concatenate([*smooth_loops(inside), np.empty((0, 2))])
    for line in smooth_loops(inside):
        np.testing.assert_array_equal(line[0], line[-1])
    # Each point lies between two neighbouring centres, at most a third of a pixel (and a bit) from the middle.
    offset = np.abs(points % 1 - 0.5)
    along = offset.max(axis=1)
    assert (offset.min(axis=1) < 1e-6).all()
    assert (along >= 0.5 - 0.34).all()


def test_a_disc_is_as_large_as_its_pixels_and_nearly_round():
    y, x = np.mgrid[:60, :60]
    inside = np.hypot(x - 30.2, y - 29.7) < 20
    (line,) = smooth_loops(inside)
    assert abs(area_of([line]) - inside.sum()) < 0.01 * inside.sum()
    radius = np.hypot(line[:, 0] - 30.7, line[:, 1] - 30.2)
    assert radius.std() < 0.25  # pixel edges: 0.35


@given(regions, st.integers(0, 3), st.integers(0, 3))
def test_the_field_does_not_depend_on_where_the_region_lies(inside, down, right):
    moved = np.pad(inside, ((down, 0), (right, 0)))
    np.testing.assert_array_equal(smooth_field(moved)[down:, right:], smooth_field(inside))


def test_level_lines_run_between_the_values():
    ramp = np.tile(np.arange(5.0), (4, 1))
    (line,) = level_lines(ramp, 1.25)
    np.testing.assert_allclose(line[:, 0], 1.75)
    assert len(level_lines(ramp, 9.0)) == 0
    assert len(level_lines(ramp[:1], 1.25)) == 0
