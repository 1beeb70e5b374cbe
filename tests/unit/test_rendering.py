"""Rendering: window/level, overlay colours and boundaries, compositing, values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorview.core import colour_maps
from tumorview.core.colour_maps import ColourMap
from tumorview.core.labels import Label, LabelTable
from tumorview.core.rendering import (
    BoundaryStyle,
    OverlayStyle,
    Window,
    bounds,
    coloured,
    composite,
    fills,
    grey,
    heat,
    overlay,
)

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


def test_fill_has_the_opacity_of_label_and_style_together():
    mask = np.array([[0, 1, 2]], np.uint8)
    picture = overlay(mask, TABLE, OverlayStyle(opacity=0.5, boundary=False, outline=BoundaryStyle.VOXEL))
    np.testing.assert_array_equal(picture, [[[0, 0, 0, 0], [*RED, 64], [*BLUE, 128]]])


def test_hidden_and_unknown_labels_and_switched_off_fill_are_transparent():
    mask = np.array([[1, 2, 9]], np.uint8)
    style = OverlayStyle(boundary_width=1, outline=BoundaryStyle.VOXEL)
    picture = overlay(mask, TABLE.changed(1, visible=False), style)
    assert picture[0, 0, 3] == picture[0, 2, 3] == 0
    assert picture[0, 1, 3] == 255
    assert not overlay(mask, TABLE, OverlayStyle(fill=False, boundary=False))[..., 3].any()


@pytest.mark.parametrize("outline", list(BoundaryStyle))
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_boundary_lies_on_the_outline_and_has_its_width(outline, width):
    mask = np.zeros((9, 9), np.uint8)
    mask[:, 4:] = 1  # a straight side, so that both kinds of outline agree
    style = OverlayStyle(opacity=0.0, boundary_width=width, outline=outline)
    row = overlay(mask, TABLE, style, scale=8)[36, 8:56, 3] / 255
    assert row.sum() == pytest.approx(width, abs=0.05)
    covered = np.flatnonzero(row > 0.2) + 8 + 0.5
    assert abs(covered.mean() - 4 * 8) <= 0.5


def test_boundaries_lie_over_every_fill():
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 1:4], mask[2:6, 4:7] = 1, 2
    style = OverlayStyle(boundary_width=2, outline=BoundaryStyle.VOXEL)
    picture = overlay(mask, TABLE, style, scale=4)
    np.testing.assert_array_equal(picture[16, 8], [*RED, 128])
    np.testing.assert_array_equal(picture[8, 8], [*RED, 255])
    np.testing.assert_array_equal(picture[16, 16], [*BLUE, 255])  # the later label's line, half on the other side
    np.testing.assert_array_equal(picture[16, 15], [*BLUE, 255])


@given(hnp.arrays(np.uint8, (6, 7), elements=st.integers(0, 2)), st.sampled_from(BoundaryStyle), st.integers(2, 5))
def test_every_voxel_s_centre_has_its_own_label_s_colour(mask, outline, scale):
    solid = TABLE.changed(1, opacity=1.0)
    picture = overlay(mask, solid, OverlayStyle(boundary=False, outline=outline), scale=2 * scale + 1)
    centres = picture[scale :: 2 * scale + 1, scale :: 2 * scale + 1]
    strongest = centres[..., 3] > 127
    np.testing.assert_array_equal(strongest, mask > 0)
    np.testing.assert_array_equal(centres[mask == 2][:, :3] @ [0, 0, 1] > 50, True)
    np.testing.assert_array_equal(centres[mask == 1][:, :3] @ [1, 0, 0] > 100, True)


@given(hnp.arrays(np.uint8, (6, 7), elements=st.integers(0, 2)))
def test_the_quick_fill_of_a_view_is_the_fill_of_a_picture(mask):
    style = OverlayStyle(opacity=0.7, boundary=False, outline=BoundaryStyle.VOXEL)
    np.testing.assert_array_equal(fills(mask, TABLE, 0.7), overlay(mask, TABLE, style))


def test_heat_is_clear_where_nothing_is_seen_and_takes_the_table_s_colours():
    table = colour_maps.table(ColourMap.INFERNO)
    picture = heat(np.array([[0.0, 0.05, 0.5, 1.0, np.nan]], np.float16), table, 0.8)
    np.testing.assert_array_equal(picture[0, :, 3], [0, 104, 204, 204, 0])
    np.testing.assert_array_equal(picture[0, 3, :3], table[255])
    np.testing.assert_array_equal(picture[0, 2, :3], table[128])


def test_colours_are_taken_from_the_table():
    levels = np.array([[0, 128, 255]], np.uint8)
    grey_levels = coloured(levels, colour_maps.table(ColourMap.GREY))
    np.testing.assert_array_equal(grey_levels, [[[0] * 3, [128] * 3, [255] * 3]])
    hot = coloured(levels, colour_maps.table(ColourMap.HOT_IRON))
    np.testing.assert_array_equal(hot, [[[0, 0, 0], [255, 0, 0], [255, 255, 255]]])


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
