"""Rendering: window/level, overlay colours and boundaries, compositing, values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorview.core.labels import Label, LabelTable
from tumorview.core.rendering import OverlayStyle, Window, boundary, bounds, composite, grey, overlay

RED, BLUE = (200, 0, 0), (0, 0, 100)
TABLE = LabelTable.of([Label(1, "Tumour", RED, opacity=0.5), Label(2, "Oedema", BLUE, opacity=1.0)])


def test_window_spreads_its_range_over_black_to_white():
    pixels = np.array([[-10, 0, 50, 100, 200]])
    np.testing.assert_array_equal(grey(pixels, Window.of_range(0, 100)), [[0, 0, 127, 255, 255]])
    np.testing.assert_array_equal(grey(pixels, Window.of_range(0, 100), inverted=True), [[255, 255, 128, 0, 0]])


def test_values_that_are_no_number_are_black_or_white_and_never_noise():
    pixels = np.array([[np.nan, -np.inf, np.inf]])
    np.testing.assert_array_equal(grey(pixels, Window.of_range(0, 1)), [[0, 0, 255]])


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32, np.uint8])
def test_grey_takes_any_voxel_type(dtype):
    levels = grey(np.array([[0, 100, 200]], dtype), Window.of_range(0, 200))
    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(levels, [[0, 127, 255]])


@given(hnp.arrays(np.int16, (4, 4)), st.integers(-1000, 1000), st.integers(1, 2000))
def test_brighter_voxels_never_get_darker(pixels, low, width):
    levels = grey(pixels, Window.of_range(low, low + width)).ravel()
    order = np.argsort(pixels.ravel(), kind="stable")
    assert (np.diff(levels[order].astype(int)) >= 0).all()


def test_window_of_a_flat_image_has_a_width():
    assert Window.of_range(5, 5).width > 0
    assert grey(np.full((2, 2), 5), Window.auto(np.full((2, 2), 5))).shape == (2, 2)


def test_automatic_window_leaves_padding_and_outliers_out():
    rng = np.random.default_rng(0)
    data = np.full((20, 50, 50), -2000.0)
    data[5:15, 10:40, 10:40] = rng.normal(500, 50, (10, 30, 30))
    data[6, 12, 12] = 1e6
    window = Window.auto(data)
    assert 250 < window.low < 450
    assert 600 < window.high < 800
    assert Window.auto(np.full((3, 3), np.nan)).width == 1.0


def test_fill_has_the_opacity_of_label_and_style_together():
    mask = np.array([[0, 1, 2]], np.uint8)
    picture = overlay(mask, TABLE, OverlayStyle(opacity=0.5, boundary=False))
    np.testing.assert_array_equal(picture, [[[0, 0, 0, 0], [*RED, 64], [*BLUE, 128]]])


def test_hidden_and_unknown_labels_and_switched_off_fill_are_transparent():
    mask = np.array([[1, 2, 9]], np.uint8)
    picture = overlay(mask, TABLE.changed(1, visible=False), OverlayStyle(boundary=True, boundary_width=1))
    assert picture[0, 0, 3] == picture[0, 2, 3] == 0
    assert picture[0, 1, 3] == 255
    assert not overlay(mask, TABLE, OverlayStyle(fill=False, boundary=False))[..., 3].any()


def test_boundary_runs_inside_the_label_and_has_its_width():
    mask = np.zeros((9, 9), np.uint8)
    mask[1:8, 1:8] = 1
    for width in (1, 2, 3):
        edge = boundary(mask, width)
        inner = mask.astype(bool)
        inner[1 + width : 8 - width, 1 + width : 8 - width] = False
        np.testing.assert_array_equal(edge, inner)


def test_boundary_parts_touching_labels_and_closes_at_the_border():
    mask = np.array([[1, 1, 1, 2, 2, 2]] * 6, np.uint8)
    edge = boundary(mask, 1)
    np.testing.assert_array_equal(edge[2], [True, False, True, True, False, True])
    assert edge[0].all()
    assert edge[-1].all()


def test_boundary_is_opaque_over_the_fill_and_thinner_than_a_voxel_when_enlarged():
    mask = np.zeros((5, 5), np.uint8)
    mask[1:4, 1:4] = 1
    picture = overlay(mask, TABLE, OverlayStyle(boundary_width=2), scale=4)
    assert picture.shape == (20, 20, 4)
    np.testing.assert_array_equal(picture[4, 4], [*RED, 255])
    np.testing.assert_array_equal(picture[6, 6], [*RED, 128])
    assert np.count_nonzero(picture[..., 3] == 255) == 12 * 12 - 8 * 8
    assert not picture[:4].any()


@given(hnp.arrays(np.uint8, (6, 7), elements=st.integers(0, 2)), st.integers(1, 3), st.integers(1, 3))
def test_overlay_paints_labelled_pixels_and_no_others(mask, scale, width):
    picture = overlay(mask, TABLE, OverlayStyle(boundary_width=width), scale=scale)
    labelled = mask.repeat(scale, axis=0).repeat(scale, axis=1) > 0
    np.testing.assert_array_equal(picture[..., 3] > 0, labelled)


def test_composite_mixes_straight_alpha():
    base = np.array([[100, 100, 100]], np.uint8)
    layer = np.array([[[0, 0, 0, 0], [200, 0, 50, 255], [200, 0, 50, 51]]], np.uint8)
    np.testing.assert_array_equal(composite(base, layer), [[[100] * 3, [200, 0, 50], [120, 80, 90]]])


@given(hnp.arrays(np.uint8, (5, 6), elements=st.integers(0, 1)))
def test_bounds_are_the_smallest_box(labels):
    found = bounds(labels)
    if not labels.any():
        assert found is None
        return
    assert found is not None
    top, bottom, left, right = found
    assert labels[top:bottom, left:right].sum() == labels.sum()
    assert labels[top].any()
    assert labels[bottom - 1].any()
    assert labels[:, left].any()
    assert labels[:, right - 1].any()
