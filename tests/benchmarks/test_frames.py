"""The window's own rows of the performance table: every one is measured, on painted frames."""

import pytest

from tumorview.gui import bench


@pytest.fixture(scope="module")
def session():
    return bench.example_session()


@pytest.mark.benchmark
@pytest.mark.parametrize("rows", [bench.scroll_rows, bench.brush_rows])
def test_frames_follow_the_hand(qtbot, session, rows):
    measured = rows(session, 20)
    for median, late in zip(measured[::2], measured[1::2], strict=True):
        assert 0.0 < median.value <= late.value
        assert late.ratio == pytest.approx(bench.BUDGET_MS / late.value)
    assert not session.painting


@pytest.mark.benchmark
def test_tools_on_the_whole_volume_are_measured(session):
    for row in bench.tool_rows(session):
        assert row.value > 0.0
    assert not session.painting
