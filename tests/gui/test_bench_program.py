"""The bench's own process opens a real series in the real window and reports what it saw."""

import json
import subprocess
import sys
import time

import pytest

from tumorview.app.tasks import open_study, write_example_series


def test_the_program_is_measured_from_its_start_to_the_painted_series(tmp_path):
    write_example_series(tmp_path / "series", slices=4, side=32)
    begun = time.time()
    command = [sys.executable, "-m", "tumorview.gui.bench_program", str(tmp_path / "series"), str(begun)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert 0 < seen["start_seconds"] < time.time() - begun
    assert 0 < seen["open_seconds"] < time.time() - begun
    if seen["memory_mb"] is not None:
        assert 30 < seen["memory_mb"] < 2000


def test_the_series_that_is_opened_is_one_clean_stack(tmp_path):
    write_example_series(tmp_path, slices=4, side=32)
    study = open_study(tmp_path)
    assert [series.volume.geometry.shape for series in study.series] == [(4, 32, 32)]
    assert study.series[0].volume.geometry.spacing == pytest.approx((1.0, 0.5, 0.5))
    assert not study.warnings
    assert not study.series[0].warnings


def test_memory_grows_with_what_is_held():
    code = (
        "from tumorview.gui.bench_program import resident_megabytes as now\n"
        "before = now(); held = bytearray(b'1') * (64 << 20); print(-1 if before is None else now() - before)"
    )  # in a process of its own: memory that a long test run has freed would be used again
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    grown = float(done.stdout)
    if grown == -1:
        pytest.skip("this system does not say how much memory a process has")
    assert 60 < grown < 70
