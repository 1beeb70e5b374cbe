"""Tools that find a region: outlines, components, growing, shaping, slices. Laws that hold for any mask."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.unit.synthetic import ORIENTATIONS, grid_of
from tumorview.core.labels import Label, LabelTable
from tumorview.core.mask import Box, Mask, Provenance
from tumorview.core.progress import Progress
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.tools import Over, PaintRule, Region, components, intensity, outline, paint, reshape, shaping, slab
from tumorview.core.tools import slices as between_slices
from tumorview.errors import EditError, JobCancelled

SHAPE = (5, 9, 8)
TABLE = LabelTable.of(Label(n, f"Label {n}", (n * 40, 0, 0)) for n in (1, 2, 3))
WHOLE = Box.whole(SHAPE)

masks = arrays(np.uint8, SHAPE, elements=st.integers(0, 3))
boxes = st.one_of(
    st.just(WHOLE), st.tuples(st.integers(0, 2), st.integers(0, 4)).map(lambda at: slab(SHAPE, at[0], at[1]))
)
spacings = st.tuples(*[st.floats(0.4, 3.0)] * 3)
rules = st.sampled_from([PaintRule(), PaintRule(Over.BACKGROUND), PaintRule(Over.LABEL, 2), PaintRule(Over.LABEL, 3)])


def ball(shape, centre, radius, spacing=(1, 1, 1)) -> np.ndarray:
    off = [(np.arange(n) - c) * mm for n, c, mm in zip(shape, centre, spacing, strict=True)]
    return sum(o.reshape([-1 if a == n else 1 for a in range(3)]) ** 2 for n, o in enumerate(off)) <= radius**2


def full(region: Region, shape=SHAPE) -> np.ndarray:
    return region.inside(Box.whole(shape))


# Every tool that works on a label, as (labels, spacing, box it may work in) -> Region.
TOOLS = {
    "holes": lambda d, mm, box: components.holes(d, 1, box),
    "largest": lambda d, mm, box: components.largest(d, 1, box),
    "islands": lambda d, mm, box: components.without_islands(d, 1, box, 3),
    "widened": lambda d, mm, box: shaping.widened(d, 1, 2.0, mm, box),
    "narrowed": lambda d, mm, box: shaping.widened(d, 1, -1.0, mm, box),
    "smoothed": lambda d, mm, box: shaping.smoothed(d, 1, 1.0, mm, box),
    "interpolated": lambda d, mm, box: between_slices.interpolated(d, 1, 0, mm),
    "copied": lambda d, mm, box: between_slices.copied(d, 1, 1, 3, 4),
    "mirrored": lambda d, mm, box: between_slices.mirrored(d, 1, 2 if box.shape[2] > 1 else 1, box),
}


@pytest.mark.parametrize("tool", TOOLS)
@given(data=masks, spacing=spacings, box=boxes, rule=rules, locked=st.integers(0, 3), shape_it=st.booleans())
def test_no_tool_touches_locked_labels_or_anything_beside_its_box_and_undo_restores(
    tool, data, spacing, box, rule, locked, shape_it
):
    table = TABLE if locked == 0 else TABLE.changed(locked, locked=True)
    mask = Mask(data.copy(), grid_of((0, 1, 2), (1, 1, 1), SHAPE, spacing[::-1]), table)
    region = TOOLS[tool](mask.data, spacing, box)
    allowed = rule.allowed(table, 1)
    change = (reshape if shape_it else paint)(mask.data, region, 1, allowed)
    edit = change.make(mask, "Tool")
    changed = mask.data != data
    assert not (changed & ~Region(region.box, np.ones(region.box.shape, bool)).inside(WHOLE)).any()
    if tool not in ("interpolated", "copied"):
        assert not (changed & ~Region(box, np.ones(box.shape, bool)).inside(WHOLE)).any()
    assert locked == 0 or not changed[data == locked].any()
    added = changed & (mask.data == 1)
    assert np.isin(data[added], np.flatnonzero(allowed)).all()
    assert (mask.data[changed & ~added] == 0).all()
    assert (edit is not None) == changed.any()
    if edit is not None:
        assert (mask.provenance[changed] == Provenance.TOOL).all()
        edit.undo(mask)
        np.testing.assert_array_equal(mask.data, data)
        assert not mask.provenance.any()


# ------------------------------------------------------------------------------------------------------------- outlines


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::7])
@pytest.mark.parametrize("plane", list(Plane))
def test_an_outline_takes_the_pixels_whose_centre_it_encloses_in_any_plane(axes, signs, plane):
    shape = (12, 13, 14)
    grid = grid_of(axes, signs, shape)
    view = PlaneView.of(grid, plane)
    corners = [(1.5, 2.4), (1.5, 7.6), (8.6, 7.6), (8.6, 2.4)]
    region = outline.outlined(view, 4, corners)
    found = view.extract(full(region, shape), 4)
    wanted = np.zeros(view.size, bool)
    wanted[2:9, 3:8] = True
    np.testing.assert_array_equal(found, wanted)
    assert full(region, shape).sum() == wanted.sum()


def test_what_a_lasso_encloses_twice_is_inside_and_what_lies_beside_the_image_is_not():
    view = PlaneView.of(grid_of((0, 1, 2), (1, 1, 1), (3, 40, 40)), Plane.AXIAL)
    angle = np.linspace(0, 2 * np.pi, 6)[:-1] * 2  # a five-pointed star: its middle is enclosed twice
    star = [(20 + 15 * np.cos(a), 20 + 15 * np.sin(a)) for a in angle]
    region = full(outline.outlined(view, 1, star), (3, 40, 40))
    assert region[1, 20, 20]
    outside = outline.outlined(view, 1, [(-30, -30), (-30, 10.5), (10.5, 10.5), (10.5, -30)])
    np.testing.assert_array_equal(np.argwhere(outside.voxels).max(axis=0), [0, 10, 10])
    assert not outline.outlined(view, 1, [(5, 5), (9, 9)])
    assert not outline.outlined(view, 1, [(-9, -9), (-9, -5), (-5, -5)])


# ----------------------------------------------------------------------------------------------------------- components


def test_fill_takes_the_connected_voxels_under_the_cursor():
    data = np.zeros(SHAPE, np.uint8)
    data[1, 1:4, 1:4] = 2
    data[2, 4, 4] = 2  # touches with a corner
    data[4, 8, 7] = 2
    region = full(components.part_at(data, (1, 1, 1), WHOLE))
    assert region.sum() == 10
    assert not region[4, 8, 7]
    in_slice = full(components.part_at(data, (1, 1, 1), slab(SHAPE, 0, 1)))
    assert in_slice.sum() == 9


def test_fill_of_background_needs_a_closed_outline():
    data = np.zeros(SHAPE, np.uint8)
    data[2, 2:7, 2:7] = 1
    data[2, 3:6, 3:6] = 0
    inside = full(components.part_at(data, (2, 4, 4), slab(SHAPE, 0, 2)))
    assert np.argwhere(inside).tolist() == [[2, j, i] for j in range(3, 6) for i in range(3, 6)]
    with pytest.raises(EditError, match="not enclosed"):
        components.part_at(data, (2, 0, 0), slab(SHAPE, 0, 2))
    with pytest.raises(EditError, match="not enclosed"):
        components.part_at(data, (2, 4, 4), WHOLE)  # open above and below


def test_holes_are_what_a_label_encloses_in_the_slice_or_in_space():
    shape = (9, 9, 9)
    shell = ball(shape, (4, 4, 4), 4) & ~ball(shape, (4, 4, 4), 2)
    data = shell.astype(np.uint8)
    np.testing.assert_array_equal(full(components.holes(data, 1, Box.whole(shape)), shape), ball(shape, (4, 4, 4), 2))
    np.testing.assert_array_equal(
        full(components.holes(data, 1, slab(shape, 1, 4)), shape)[:, 4], ball(shape, (4, 4, 4), 2)[:, 4]
    )
    data[4, 4, :5] = 0  # a tunnel
    assert not components.holes(data, 1, Box.whole(shape))
    assert components.filling_rule(PaintRule()) == PaintRule(Over.BACKGROUND)


def test_the_largest_part_stays_and_islands_below_a_size_go():
    data = np.zeros(SHAPE, np.uint8)
    data[0, 0, :4] = 1
    data[3, 5:8, 5] = 1
    data[4, 0, 7] = 1
    assert full(components.largest(data, 1, WHOLE)).sum() == 4
    assert full(components.without_islands(data, 1, WHOLE, 3)).sum() == 7
    assert full(components.without_islands(data, 1, WHOLE, 1)).sum() == 8


# -------------------------------------------------------------------------------------------------------------- growing


@given(masks, st.integers(0, 4), st.integers(0, 8), st.integers(0, 7), st.floats(0, 2), st.floats(0.5, 9), spacings)
def test_growing_finds_the_connected_like_greys_inside_the_radius(data, k, j, i, tolerance, radius, spacing):
    growing = intensity.RegionGrowing(data, (k, j, i), radius, spacing, WHOLE)
    found = full(growing.region(tolerance))
    alike = np.abs(data - growing.reference) <= tolerance
    alike &= ball(SHAPE, (k, j, i), np.float32(radius), spacing)
    alike[k, j, i] = True
    wanted = np.zeros(SHAPE, bool)
    wanted[k, j, i] = True
    while True:  # flood by hand
        wider = wanted.copy()
        for axis in range(3):
            for shift in (1, -1):
                moved = np.roll(wanted, shift, axis)
                moved[tuple(slice(None) if n != axis else (0 if shift == 1 else -1) for n in range(3))] = False
                wider |= moved
        wider &= alike
        if (wider == wanted).all():
            break
        wanted = wider
    near_edge = np.abs(np.sqrt(_squared(SHAPE, (k, j, i), spacing)) - radius) < 1e-4
    if not near_edge.any():
        np.testing.assert_array_equal(found, wanted)


def _squared(shape, centre, spacing):
    return sum(
        (((np.arange(n) - c) * mm) ** 2).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, (n, c, mm) in enumerate(zip(shape, centre, spacing, strict=True))
    )


def test_growing_crosses_many_of_its_boxes_and_can_be_cancelled():
    image = np.zeros((3, 300, 300), np.int16)
    image[1, 5:295, 100:110] = 50
    growing = intensity.RegionGrowing(image, (1, 6, 105), 1000.0, (1, 1, 1), Box.whole(image.shape))
    assert full(growing.region(10), image.shape).sum() == 2900

    class Stopped(Progress):
        def check(self):
            raise JobCancelled

    with pytest.raises(JobCancelled):
        growing.region(10, Stopped())
    data = np.zeros((3, 9, 9), np.uint8)
    data[0, :5], data[2, 4:] = 1, 1
    with pytest.raises(JobCancelled):
        between_slices.interpolated(data, 1, 0, (1, 1, 1), Stopped())


def test_a_threshold_keeps_what_lies_between_two_greys_and_otsu_parts_two_tissues():
    rng = np.random.default_rng(0)
    image = np.where(ball((9, 30, 30), (4, 15, 15), 8), 300, 100) + rng.normal(0, 10, (9, 30, 30))
    region = Region(Box((2, 3, 3), (7, 27, 27)), np.ones((5, 24, 24), bool))
    cut = intensity.separating(image, region)
    assert 190 < cut < 210
    found = full(intensity.between(image, region, cut, np.inf), image.shape)
    np.testing.assert_array_equal(found, (image > cut) & full(region, image.shape))
    assert intensity.separating(np.ones(SHAPE), Region(WHOLE, np.ones(SHAPE, bool))) is None


# -------------------------------------------------------------------------------------------------------------- shaping


@given(masks, st.floats(0.2, 4.0), spacings, boxes)
def test_widening_is_every_voxel_within_the_distance(data, mm, spacing, box):
    found = full(shaping.widened(data, 1, mm, spacing, box))
    seeds = np.argwhere((data == 1) & Region(box, np.ones(box.shape, bool)).inside(WHOLE)) * np.array(spacing)
    places = np.moveaxis(np.indices(SHAPE), 0, -1) * np.array(spacing)
    distance = np.full(SHAPE, np.inf)
    for seed in seeds:
        distance = np.minimum(distance, np.linalg.norm(places - seed, axis=-1))
    inside = Region(box, np.ones(box.shape, bool)).inside(WHOLE)
    assert not (found & (~inside | (distance > mm + 1e-4))).any()
    assert not (inside & (distance <= mm - 1e-4) & ~found).any()


@pytest.mark.parametrize("spacing", [(1, 1, 1), (3.0, 0.7, 0.7), (1.0, 2.0, 0.5)])
@pytest.mark.parametrize("mm", [2.0, 4.5])
def test_growing_then_shrinking_a_convex_body_is_nearly_the_identity(spacing, mm):
    shape = (30, 40, 60)
    centre = [n // 2 for n in shape]
    data = ball(shape, centre, 9.0, spacing).astype(np.uint8)
    wide = full(shaping.widened(data, 1, mm, spacing, Box.whole(shape)), shape).astype(np.uint8)
    assert wide.sum() > data.sum()
    back = full(shaping.widened(wide, 1, -mm, spacing, Box.whole(shape)), shape)
    assert not (data.astype(bool) & ~back).any()  # a closing never loses a voxel
    assert back.sum() <= 1.03 * data.sum()


def test_a_shape_that_reaches_the_edge_of_the_image_is_not_narrowed_there():
    data = np.zeros(SHAPE, np.uint8)
    data[:, :6] = 1
    narrow = full(shaping.widened(data, 1, -1.0, (1, 1, 1), WHOLE))
    np.testing.assert_array_equal(narrow, np.arange(9)[None, :, None] < 5 * np.ones(SHAPE))


def test_smoothing_keeps_the_volume_and_takes_the_roughness_away():
    shape = (24, 40, 40)
    rng = np.random.default_rng(5)
    body = ball(shape, (12, 20, 20), 10.0)
    rough = (
        body ^ ((rng.random(shape) < 0.15) & (ball(shape, (12, 20, 20), 11.5) & ~ball(shape, (12, 20, 20), 8)))
    ).astype(np.uint8)
    smooth = full(shaping.smoothed(rough, 1, 1.5, (1, 1, 1), Box.whole(shape)), shape)
    assert abs(int(smooth.sum()) - int(rough.sum())) <= 0.01 * rough.sum()
    assert (smooth ^ body).sum() < 0.35 * (rough.astype(bool) ^ body).sum()
    assert components.without_islands(smooth.astype(np.uint8), 1, Box.whole(shape), 2).voxels.sum() == smooth.sum()


# --------------------------------------------------------------------------------------------------------------- slices


@given(masks, st.integers(0, 2), spacings)
def test_interpolation_leaves_the_given_slices_alone_and_fills_only_gaps(data, axis, spacing):
    data = data * (np.arange(SHAPE[axis]) % 2 == 0).reshape([-1 if n == axis else 1 for n in range(3)]).astype(np.uint8)
    found = full(between_slices.interpolated(data, 1, axis, spacing))
    painted = (data == 1).any(axis=tuple(n for n in range(3) if n != axis))
    assert not np.moveaxis(found, axis, 0)[painted].any()
    given_at = np.flatnonzero(painted)
    filled_at = np.flatnonzero(found.any(axis=tuple(n for n in range(3) if n != axis)))
    if filled_at.size:
        assert given_at[0] < filled_at[0]
        assert filled_at[-1] < given_at[-1]
    # Between two neighbours, a voxel that both have is filled, and none that lies outside the box around both.
    stack, fill = np.moveaxis(data == 1, axis, 0), np.moveaxis(found, axis, 0)
    for a, b in itertools.pairwise(given_at):
        for index in range(a + 1, b):
            assert fill[index][stack[a] & stack[b]].all()


@pytest.mark.parametrize("spacing", [(4.0, 1.0, 1.0), (2.5, 0.6, 1.3)])
def test_interpolation_between_two_discs_has_the_radius_in_between(spacing):
    shape = (9, 61, 61)
    data = np.zeros(shape, np.uint8)
    rows, columns = ((np.arange(61) - 30) * mm for mm in spacing[1:])
    squared = rows[:, None] ** 2 + columns[None] ** 2
    data[0], data[8] = squared <= 6.0**2, squared <= 14.0**2
    found = full(between_slices.interpolated(data, 1, 0, spacing), shape)
    for index in range(1, 8):
        radius = np.sqrt(found[index].sum() * spacing[1] * spacing[2] / np.pi)
        assert radius == pytest.approx(6.0 + index, abs=0.5 * max(spacing[1:]))


def test_interpolation_bridges_shapes_that_do_not_overlap():
    data = np.zeros((5, 40, 40), np.uint8)
    data[0, 5:10, 5:10] = 1
    data[4, 25:30, 25:30] = 1
    found = full(between_slices.interpolated(data, 1, 0, (1, 1, 1)), data.shape)
    np.testing.assert_array_equal(np.argwhere(found[2]).mean(axis=0), [17, 17])
    assert found[2].sum() == pytest.approx(25, abs=6)


@given(masks, st.integers(0, 2), boxes)
def test_mirroring_twice_is_where_one_began(data, axis, box):
    if box != WHOLE and box.shape[axis] == 1:
        return  # a slice is not mirrored across itself
    once = full(between_slices.mirrored(data, 1, axis, box))
    np.testing.assert_array_equal(
        once, np.flip((data == 1) & Region(box, np.ones(box.shape, bool)).inside(WHOLE), axis)
    )


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::5])
def test_the_mirror_plane_is_the_patients_left_and_right(axes, signs):
    grid = grid_of(axes, signs, (4, 5, 6))
    view = PlaneView.of(grid, Plane.CORONAL)
    assert axes[2 - between_slices.left_right_axis(view)] == 0


def test_copying_takes_the_shape_of_a_neighbour_and_nothing_from_beyond_the_image():
    data = np.zeros(SHAPE, np.uint8)
    data[2, 3:5, 1:6] = 1
    region = full(between_slices.copied(data, 1, 0, 2, 3))
    np.testing.assert_array_equal(region[3], data[2] == 1)
    assert region.sum() == 10
    assert not between_slices.copied(data, 1, 0, -1, 0)
