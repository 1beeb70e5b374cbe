"""Every way in which DICOM misleads a reader, as a study of its own.

What is read, what dcm2niix makes of the same files, and whether the files are valid to dciodvfy (dicom3tools).
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.unit.pitfall_series import PITFALLS
from tests.unit.references import assert_same_in_world, by_dcm2niix
from tumorview.app import tasks
from tumorview.io.registry import open_study


@pytest.mark.parametrize("name", PITFALLS)
def test_pitfall(tmp_path: Path, name: str):
    pitfall = PITFALLS[name]
    spec = pitfall.write(tmp_path / "in")
    pitfall.check(open_study(tmp_path / "in"), spec)


@pytest.mark.parametrize("name", [name for name, pitfall in PITFALLS.items() if pitfall.like_dcm2niix])
def test_pitfall_agrees_with_dcm2niix(tmp_path: Path, name: str):
    PITFALLS[name].write(tmp_path / "in")
    (series,) = open_study(tmp_path / "in").series
    (image,) = by_dcm2niix(tmp_path / "in", tmp_path / "out")
    assert_same_in_world(series.volume, *image, atol=1e-3)


@pytest.mark.parametrize("name", PITFALLS)
def test_pitfall_survives_export_and_reopening(tmp_path: Path, name: str):
    PITFALLS[name].write(tmp_path / "in")
    for path, series in zip(
        tasks.convert_all(open_study(tmp_path / "in"), tmp_path / "out"),
        open_study(tmp_path / "in").series,
        strict=True,
    ):
        (again,) = open_study(path).series
        np.testing.assert_array_equal(again.volume.data, series.volume.data)
        corners = series.volume.geometry.corners()
        np.testing.assert_allclose(
            again.volume.geometry.index_to_world(corners), series.volume.geometry.index_to_world(corners), atol=1e-3
        )


@pytest.mark.parametrize("name", PITFALLS)
def test_synthetic_files_are_valid_to_dciodvfy(tmp_path: Path, name: str):
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    PITFALLS[name].write(tmp_path)
    file = next(path for path in sorted(tmp_path.rglob("*")) if path.is_file())
    told = subprocess.run([program, str(file)], capture_output=True, text=True, timeout=60, check=False).stderr
    errors = [line for line in told.splitlines() if line.startswith("Error")]
    assert bool(errors) is not PITFALLS[name].valid, errors
