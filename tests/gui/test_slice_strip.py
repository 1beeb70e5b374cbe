"""The strip tells how much of every slice is labelled and takes one there."""

import numpy as np
import pytest
import slices
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF

from tumorview.core.geometry import Geometry
from tumorview.core.labels import PALETTE
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series
from tumorview.core.volume import Volume
from tumorview.gui.views import SliceStrip


def strip_on(qtbot, session, plane=Plane.AXIAL):
    return slices.open_view(qtbot, SliceStrip(session, plane), (316, 56))


def place_of(strip, index):
    return strip.bar(index).center().toPoint()


def test_areas_are_voxels_per_slice_of_mask_and_truth(qtbot):
    truth = np.zeros(slices.SHAPE, np.uint8)
    truth[3, :4, :5] = 1
    session = slices.session_on(slices.geometry(), truth=truth)
    strip = strip_on(qtbot, session)
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[1, 0, :7] = 1
    voxels[1, 1, :2] = 5
    slices.put(session, voxels)
    assert [strip.area(index).voxels for index in range(6)] == [0, 9, 0, 0, 0, 0]
    assert [strip.area(index).truth for index in range(6)] == [0, 0, 0, 20, 0, 0]
    session.set_truth(None)
    assert strip.area(3).truth is None


@pytest.mark.parametrize("plane", list(Plane))
def test_a_stroke_changes_the_bars_of_its_slices(qtbot, plane):
    session = slices.session_on(slices.geometry("RAS"))
    strip = strip_on(qtbot, session, plane)
    session.set_brush(radius=2.0)
    session.begin_stroke(PlaneView.of(session.grid, Plane.AXIAL))
    session.stroke_to(2, 9.0, 9.0)
    view = PlaneView.of(session.grid, plane)
    wanted = [int(np.count_nonzero(view.extract(session.mask.data, index))) for index in range(view.count)]
    assert [strip.area(index).voxels for index in range(view.count)] == wanted
    session.end_stroke()
    session.undo()
    assert not any(strip.area(index).voxels for index in range(view.count))


def test_a_bar_has_the_colour_of_its_label_and_the_largest_reaches_the_top(qtbot):
    session = slices.session_on(slices.geometry())
    strip = strip_on(qtbot, session)
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[1], voxels[4, :10] = 1, 1
    slices.put(session, voxels)

    def at(index, share):
        column = strip.bar(index)
        return slices.colour_at(
            strip, QPoint(round(column.left()) + 6, round(column.bottom() - share * column.height()))
        )

    assert at(1, 0.95) == at(4, 0.4) == PALETTE[0]
    assert at(4, 0.6) != PALETTE[0]
    assert at(2, 0.1) != PALETTE[0]


def test_a_click_or_drag_selects_slices(qtbot):
    strip = strip_on(qtbot, slices.session_on(slices.geometry()))
    selected = []
    strip.slice_selected.connect(selected.append)
    slices.drag(strip, place_of(strip, 4), place_of(strip, 5), place_of(strip, 1))
    assert selected == [4, 5, 1]
    assert strip.current == 1
    slices.drag(strip, QPoint(-50, 10))
    slices.drag(strip, QPoint(5000, 10))
    assert selected == [4, 5, 1, 0, 5]


def test_marking_the_current_slice_selects_nothing(qtbot):
    strip = strip_on(qtbot, slices.session_on(slices.geometry()))
    with qtbot.assertNotEmitted(strip.slice_selected):
        strip.set_current(3)
    assert strip.current == 3


def test_the_wheel_goes_from_slice_to_slice(qtbot):
    strip = strip_on(qtbot, slices.session_on(slices.geometry()))
    strip.set_current(2)
    slices.wheel(strip, -1)
    assert strip.current == 3
    for _ in range(9):
        slices.wheel(strip, 1)
    assert strip.current == 0


def test_words_are_in_square_centimetres_where_the_image_is_calibrated(qtbot):
    truth = np.zeros(slices.SHAPE, np.uint8)
    truth[0] = 1
    strip = strip_on(qtbot, slices.session_on(Geometry.from_spacing(slices.SHAPE, (5.0, 1.0, 0.5)), truth=truth))
    assert strip.text(0) == "Slice 1: 0.00 cm², ground truth 2.40 cm²"
    plain = strip_on(qtbot, slices.session_on(Geometry.uncalibrated(slices.SHAPE)))
    assert plain.text(5) == "Slice 6: 0 voxels"


def test_slices_of_another_series_count_the_mask_where_it_lies(qtbot):
    fine = Geometry.from_spacing((12, *slices.SHAPE[1:]), (0.5, 1.0, 1.0))
    other = Series("t1", Volume(np.zeros(fine.shape, np.int16), fine), Role.T1, 1.0)
    session = slices.session_on(Geometry.from_spacing(slices.SHAPE, (1.0, 1.0, 1.0)), more=(other,))
    voxels = np.zeros(slices.SHAPE, np.uint8)
    voxels[2, 3:5, 3:5] = 1
    slices.put(session, voxels)
    strip = strip_on(qtbot, session)
    session.show_series(other)
    assert [index for index in range(12) if strip.area(index).voxels == 4] == [3, 4]


def test_an_empty_session_has_an_empty_strip(qtbot):
    session = slices.session_on(slices.geometry())
    strip = strip_on(qtbot, session)
    session.close()
    strip.grab()
    slices.drag(strip, QPoint(20, 10))
    assert strip.slice_at(QPointF(20, 10).x()) == 0


def test_a_destroyed_strip_listens_no_more(qtbot):
    session = slices.session_on(slices.geometry())
    before = len(session.shown_changed._listeners)
    strip = SliceStrip(session)
    assert len(session.shown_changed._listeners) == before + 1
    strip.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert len(session.shown_changed._listeners) == before
