"""The window's own rows of the performance table: measured on painted frames, within reach of the budget."""

import pytest

from tumorview.gui import bench

GENEROUS = 10.0  # times the budget: this guards against a blunder, `tumorview bench` measures


@pytest.fixture(scope="module")
def session():
    return bench.example_session()


@pytest.mark.benchmark
@pytest.mark.parametrize("rows", [bench.scroll_rows, bench.brush_rows])
def test_frames_follow_the_hand(qtbot, session, rows):
    measured = rows(session, 20)
    for median, late in zip(measured[::2], measured[1::2], strict=True):
        assert 0.0 < median.value <= late.value < GENEROUS * bench.BUDGET_MS
        assert late.ratio == pytest.approx(bench.BUDGET_MS / late.value)
    assert not session.painting


@pytest.mark.benchmark
def test_tools_on_the_whole_volume_stay_within_reach_of_a_second(session):
    for row in bench.tool_rows(session):
        assert 0.0 < row.value < GENEROUS * bench.TOOL_BUDGET_MS
    assert not session.painting
