"""Which views a study opens with, and which series hangs where."""

from pathlib import Path

import numpy as np
import pytest

from tumorview.app.layouts import Layout, cells, default_layout, hung_by_role, hung_in_order
from tumorview.core.geometry import Geometry
from tumorview.core.slicing import Plane
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume

SHAPE = (4, 5, 6)


def series(uid, role=Role.OTHER, geometry=None):
    geometry = geometry or Geometry.from_spacing(SHAPE, (5.0, 1.0, 1.0))
    return Series(uid, Volume(np.zeros(geometry.shape, np.int16), geometry), role, 1.0)


def study(*stack):
    return Study(Path("study"), stack)


SAGITTAL = Geometry(SHAPE, np.array([[0, 0, 4.0, 0], [1.0, 0, 0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]]))


@pytest.mark.parametrize(
    ("geometry", "layout"),
    [
        (Geometry.from_spacing(SHAPE, (1.0, 1.0, 1.0)), Layout.QUAD),
        (Geometry.from_spacing(SHAPE, (1.5, 0.8, 0.8)), Layout.QUAD),
        (Geometry.from_spacing(SHAPE, (2.0, 0.5, 0.5)), Layout.AXIAL),  # four times as thick as wide
        (Geometry.from_spacing(SHAPE, (3.0, 3.0, 3.0)), Layout.AXIAL),
        (Geometry.uncalibrated(SHAPE), Layout.AXIAL),  # unit spacing means nothing there
        (SAGITTAL, Layout.SAGITTAL),
    ],
)
def test_a_study_opens_in_the_views_that_its_voxels_deserve(geometry, layout):
    assert default_layout(study(series("a", geometry=geometry))) is layout


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("main", list(Plane))
def test_the_cells_of_a_layout_cover_its_grid_once(layout, main):
    plan = cells(layout, main)
    rows, columns = max(c.row + c.rows for c in plan), max(c.column + c.columns for c in plan)
    covered = np.zeros((rows, columns), int)
    for cell in plan:
        covered[cell.row : cell.row + cell.rows, cell.column : cell.column + cell.columns] += 1
    assert (covered == 1).all()


def test_a_tumour_study_hangs_by_role_with_gaps():
    t2, flair, t1ce = series("t2", Role.T2), series("flair", Role.FLAIR), series("ce", Role.T1CE)
    assert hung_by_role(study(t2, flair, t1ce)) == (flair, None, t1ce, t2)


def test_compared_series_begin_with_the_shown_one_and_none_hangs_twice():
    other, flair, t1 = series("other"), series("flair", Role.FLAIR), series("t1", Role.T1)
    assert hung_in_order(study(other, flair, t1), t1, 4) == (t1, flair, other, None)
    assert hung_in_order(study(other, flair, t1), other, 2) == (other, flair)
