"""Brush: a stroke covers exactly what lies within its radius in millimetres, and respects locked labels."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.synthetic import ORIENTATIONS, grid_of
from tumorview.core.labels import Label, LabelTable
from tumorview.core.mask import Mask, Provenance
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.tools import BACKGROUND, Brush, Stroke, capsule

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


@given(places, places, st.floats(0.1, 6.0), st.tuples(st.floats(0.3, 3.0), st.floats(0.3, 3.0)))
def test_capsule_is_what_lies_within_the_radius_in_millimetres(start, stop, radius, spacing):
    covered, top, left = capsule(start, stop, radius, spacing)
    found = np.zeros((40, 40), bool)
    rows, columns = np.nonzero(covered)
    inside = (rows + top >= 0) & (columns + left >= 0) & (rows + top < 40) & (columns + left < 40)
    found[rows[inside] + top, columns[inside] + left] = True
    # Where a distance is the radius to the last bit, either answer is right.
    tight = _brute_force((40, 40), [start, stop], radius * (1 - 1e-9), spacing)
    loose = _brute_force((40, 40), [start, stop], radius * (1 + 1e-9), spacing)
    assert not (tight & ~found).any()
    assert not (found & ~loose).any()


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
