"""Brush: a stroke covers exactly what lies within its radius in millimetres, and respects locked labels."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.synthetic import ORIENTATIONS, grid_of
from tumorview.core.labels import Label, LabelTable
from tumorview.core.mask import Box, Mask, Provenance
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.tools import BACKGROUND, Brush, LiveRegion, Over, PaintRule, Region, Shape, Stroke, sweep

SHAPE = (6, 14, 15)
TABLE = LabelTable.of([Label(1, "Tumour", (255, 0, 0)), Label(2, "Oedema", (0, 255, 0))])

places = st.tuples(st.floats(-3, 16), st.floats(-3, 16))


def _brute_force(shape, points, radius: float, spacing) -> np.ndarray:
    """Pixels within ``radius`` mm of the polyline through ``points``, and the pixel under every point but the first."""
    covered = np.zeros(shape, bool)
    mm = np.array(spacing)
    pixels = np.moveaxis(np.indices(shape), 0, -1) * mm
    for start, stop in itertools.pairwise(points):
        a, b = np.array(start) * mm, np.array(stop) * mm
        length = float((b - a) @ (b - a))
        t = np.zeros(shape) if length == 0 else np.clip((pixels - a) @ (b - a) / length, 0, 1)
        covered |= np.linalg.norm(pixels - a - t[..., None] * (b - a), axis=-1) <= radius
        under = np.rint(stop).astype(int)
        if (under >= 0).all() and (under < shape).all():
            covered[tuple(under)] = True
    return covered


spacings = st.tuples(*[st.floats(0.4, 3.0)] * 3)
places_3d = st.tuples(*[st.floats(-2, 9)] * 3)


def _swept(start, stop, radius, spacing, shape, flat=None, size=14) -> np.ndarray:
    """What ``sweep`` covers, as an array whose first voxel is (-2, -2, -2)."""
    region = sweep(start, stop, radius, spacing, shape=shape, flat=flat)
    found = np.zeros((size,) * 3, bool)
    index = np.argwhere(region.voxels) + region.box.start + 2
    found[tuple(index[((index >= 0) & (index < size)).all(axis=1)].T)] = True
    return found


def _distances(start, stop, spacing, shape, size=14) -> np.ndarray:
    """Millimetres from each voxel to the nearest of many points of the way: Euclidean, or the largest of the axes."""
    voxels = (np.moveaxis(np.indices((size,) * 3), 0, -1) - 2) * np.array(spacing)
    best = np.full((size,) * 3, np.inf)
    for t in np.linspace(0, 1, 60):
        point = (np.array(start) + t * (np.array(stop) - np.array(start))) * spacing
        off = np.abs(voxels - point)
        best = np.minimum(best, np.linalg.norm(off, axis=-1) if shape is Shape.ROUND else off.max(axis=-1))
    return best


@given(places_3d, places_3d, st.floats(0.5, 4.0), spacings, st.sampled_from(Shape))
def test_a_ball_or_cube_covers_what_lies_within_its_radius_in_millimetres_on_any_spacing(a, b, radius, spacing, shape):
    found = _swept(a, b, radius, spacing, shape)
    # The sampled way is at most half a step from the true one.
    slack = float(np.linalg.norm((np.array(b) - a) * spacing)) / 59 / 2 + 1e-9
    distance = _distances(a, b, spacing, shape)
    assert not ((distance <= radius - 1e-9) & ~found).any()
    under = tuple(np.rint(b).astype(int) + 2)
    found[under] = False
    assert not (found & (distance > radius + slack)).any()


@given(places_3d, places_3d, st.floats(0.5, 4.0), spacings, st.sampled_from(Shape), st.integers(0, 2))
def test_a_flat_brush_is_the_middle_slice_of_the_ball_that_moves_in_it(a, b, radius, spacing, shape, axis):
    level = float(np.rint(b[axis]))
    a, b = ([level if n == axis else c for n, c in enumerate(place)] for place in (a, b))
    flat = _swept(a, b, radius, spacing, shape, flat=axis)
    ball = _swept(a, b, radius, spacing, shape)
    index = int(level) + 2
    np.testing.assert_array_equal(flat.take(index, axis), ball.take(index, axis))
    assert flat.sum() == flat.take(index, axis).sum()


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::5])
@pytest.mark.parametrize("plane", list(Plane))
def test_stroke_paints_the_brute_force_shape_in_any_plane_and_orientation(axes, signs, plane: Plane):
    grid = grid_of(axes, signs, SHAPE, (0.7, 1.1, 2.9))
    mask = Mask.empty(grid, TABLE)
    view = PlaneView.of(grid, plane)
    index = view.count // 2
    points = [(2.0, 2.3), (2.0, 2.3), (4.6, 9.1), (view.size[0] + 1.0, 3.0)]
    stroke = Stroke(mask, view, Brush(1.7, 1), title="Brush")
    for point in points:
        stroke.move_to(index, *point)
    expected = _brute_force(view.size, points, 1.7, view.pixel_spacing)
    np.testing.assert_array_equal(view.extract(mask.data, index) == 1, expected)
    assert mask.data.sum() == expected.sum()
    edit = stroke.finish()
    assert edit is not None
    assert (mask.provenance == Provenance.BRUSH).sum() == expected.sum()
    edit.undo(mask)
    assert not mask.data.any()
    assert not mask.provenance.any()
    edit.redo(mask)
    np.testing.assert_array_equal(view.extract(mask.data, index) == 1, expected)


def test_brush_is_round_in_the_patient_on_anisotropic_voxels():
    grid = grid_of((0, 1, 2), (1, 1, 1), (3, 41, 81), (0.5, 1.0, 5.0))
    mask = Mask.empty(grid)
    view = PlaneView.of(grid, Plane.AXIAL)
    Stroke(mask, view, Brush(10.0, 1), title="Brush").move_to(1, 20, 40)
    rows, columns = np.nonzero(mask.data[1])
    assert np.ptp(rows) * 1.0 == 20.0
    assert np.ptp(columns) * 0.5 == 20.0
    assert mask.data.sum() * 0.5 == pytest.approx(np.pi * 100, rel=0.02)


@pytest.mark.parametrize("protection", [{"locked": True}, {"visible": False}])
def test_locked_and_hidden_labels_are_neither_painted_over_nor_erased_nor_painted(protection):
    grid = grid_of((0, 1, 2), (1, 1, 1), SHAPE, (1, 1, 1))
    view = PlaneView.of(grid, Plane.AXIAL)
    mask = Mask.empty(grid, TABLE.changed(2, **protection))
    mask.data[2, 5:8, 5:8] = 2
    for label in (1, BACKGROUND):
        stroke = Stroke(mask, view, Brush(4.0, label), title="Brush")
        stroke.move_to(2, 6, 6)
        stroke.finish()
        assert (mask.data[2, 5:8, 5:8] == 2).all()
    before = mask.data.copy()
    stroke = Stroke(mask, view, Brush(4.0, 2), title="Brush")
    stroke.move_to(2, 10, 10)
    assert stroke.finish() is None
    np.testing.assert_array_equal(mask.data, before)


def test_a_stroke_that_changes_nothing_leaves_no_edit():
    grid = grid_of((0, 1, 2), (1, 1, 1), SHAPE)
    mask = Mask.empty(grid)
    view = PlaneView.of(grid, Plane.AXIAL)
    eraser = Stroke(mask, view, Brush(3.0, BACKGROUND), title="Erase")
    eraser.move_to(1, 5, 5)
    assert eraser.finish() is None
    outside = Stroke(mask, view, Brush(3.0, 1), title="Brush")
    assert outside.move_to(1, -50, -50) is None
    assert outside.finish() is None
    assert Stroke(mask, view, Brush(3.0, 1), title="Brush").finish() is None


def test_the_smallest_brush_paints_the_voxel_under_it():
    grid = grid_of((0, 1, 2), (1, 1, 1), SHAPE)
    mask = Mask.empty(grid)
    Stroke(mask, PlaneView.of(grid, Plane.AXIAL), Brush(0.01, 1), title="Brush").move_to(1, 5.4, 6.4)
    assert np.argwhere(mask.data).tolist() == [[1, 5, 6]]


@given(st.lists(places, min_size=1, max_size=6), st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_undoing_a_stroke_over_several_slices_gives_everything_back(points, slices):
    grid = grid_of((0, 1, 2), (1, 1, 1), SHAPE, (1, 1, 1))
    rng = np.random.default_rng(0)
    mask = Mask(rng.integers(0, 3, SHAPE).astype(np.uint8), grid, TABLE)
    before = mask.data.copy()
    stroke = Stroke(mask, PlaneView.of(grid, Plane.AXIAL), Brush(2.5, 1), title="Brush")
    for point, index in zip(points, slices, strict=False):
        stroke.move_to(index, *point)
    after = mask.data.copy()
    edit = stroke.finish()
    if edit is None:
        np.testing.assert_array_equal(after, before)
        return
    edit.undo(mask)
    np.testing.assert_array_equal(mask.data, before)
    edit.redo(mask)
    np.testing.assert_array_equal(mask.data, after)


# ------------------------------------------------------------------------------------------------- what may be changed


def _two_labels() -> Mask:
    rng = np.random.default_rng(1)
    return Mask(rng.integers(0, 3, SHAPE).astype(np.uint8), grid_of((0, 1, 2), (1, 1, 1), SHAPE, (1, 1, 1)), TABLE)


@pytest.mark.parametrize(
    ("rule", "label", "may_go"),
    [
        (PaintRule(), 1, {0, 1, 2}),
        (PaintRule(Over.BACKGROUND), 1, {0}),
        (PaintRule(Over.LABEL, 2), 1, {2}),
        (PaintRule(Over.BACKGROUND).for_erasing(1), BACKGROUND, {1}),
        (PaintRule(Over.LABEL, 2).for_erasing(1), BACKGROUND, {2}),
        (PaintRule().for_erasing(1), BACKGROUND, {1, 2}),
    ],
)
def test_the_brush_paints_over_what_the_rule_lets_go(rule, label, may_go):
    mask = _two_labels()
    before = mask.data.copy()
    stroke = Stroke(mask, PlaneView.of(mask.geometry, Plane.AXIAL), Brush(50.0, label, ball=True, rule=rule), title="B")
    stroke.move_to(2, 6, 6)
    np.testing.assert_array_equal(mask.data, np.where(np.isin(before, list(may_go)), label, before))


def test_an_abandoned_stroke_leaves_the_mask_as_it_was():
    mask = _two_labels()
    before = mask.data.copy()
    stroke = Stroke(mask, PlaneView.of(mask.geometry, Plane.CORONAL), Brush(3.0, 1, ball=True), title="Brush")
    stroke.move_to(3, 2, 3)
    stroke.move_to(9, 4, 12)
    assert (mask.data != before).any()
    stroke.abandon()
    np.testing.assert_array_equal(mask.data, before)
    assert stroke.finish() is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 13), st.integers(0, 14), st.integers(0, 4)), max_size=6))
def test_a_live_region_shows_only_the_last_and_undo_gives_everything_back(shown):
    mask = _two_labels()
    before = mask.data.copy()
    live = LiveRegion(mask, 1, PaintRule(Over.BACKGROUND), title="Grow")
    expected = before
    for k, j, i, reach in shown:
        box = Box((k, j, i), (k + reach, j + reach, i + reach)).clipped(SHAPE)
        live.show(Region(box, np.ones(box.shape, bool)))
        inside = Region(box, np.ones(box.shape, bool)).inside(Box.whole(SHAPE))
        expected = np.where(inside & (before == 0), 1, before)
        np.testing.assert_array_equal(mask.data, expected)
    edit = live.finish()
    if edit is not None:
        edit.undo(mask)
    np.testing.assert_array_equal(mask.data, before)


# ------------------------------------------------------------------------------------------------------ the smart brush


def _two_tissues(noise: float, contrast: float = 60.0) -> np.ndarray:
    """Greys [k, j, i] of 100 and, from column 20 on, ``contrast`` more, with a ramp of partial volume and noise."""
    rng = np.random.default_rng(3)
    ramp = np.clip(np.arange(40) - 19.0, 0, 1) * contrast
    return (100 + ramp + rng.normal(0, noise, (9, 40, 40))).astype(np.float32)


@pytest.mark.parametrize("ball", [False, True])
@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0])
def test_the_smart_brush_stays_on_its_side_of_an_edge(noise, ball):
    grid = grid_of((0, 1, 2), (1, 1, 1), (9, 40, 40), (1, 1, 1))
    mask = Mask.empty(grid)
    image = _two_tissues(noise)
    view = PlaneView.of(grid, Plane.AXIAL)
    stroke = Stroke(mask, view, Brush(8.0, 1, ball=ball, sensitivity=3.0), title="Smart brush", image=image)
    stroke.move_to(4, 20, 15)
    footprint = _swept((4, 20, 15), (4, 20, 15), 8.0, (1, 1, 1), Shape.ROUND, None if ball else 0, 60)[2:11, 2:42, 2:42]
    painted = mask.data == 1
    here = footprint & (np.arange(40) < 20)
    assert not (painted & ~footprint).any()
    assert not painted[..., 20:].any()
    assert painted[here].mean() > 0.95


def test_the_smart_brush_does_not_jump_over_a_gap_of_other_greys():
    grid = grid_of((0, 1, 2), (1, 1, 1), (3, 30, 30), (1, 1, 1))
    image = np.full(grid.shape, 100.0)
    image[..., 12:15] = 200
    mask = Mask.empty(grid)
    view = PlaneView.of(grid, Plane.AXIAL)
    Stroke(mask, view, Brush(9.0, 1, sensitivity=3.0), title="S", image=image).move_to(1, 15, 8)
    assert mask.data[1, 15, 3:12].all()
    assert not mask.data[..., 12:].any()


def test_a_smart_brush_without_greys_on_the_grid_is_refused():
    mask = _two_labels()
    with pytest.raises(ValueError, match="image"):
        Stroke(mask, PlaneView.of(mask.geometry, Plane.AXIAL), Brush(3.0, 1, sensitivity=2.0), title="S")
