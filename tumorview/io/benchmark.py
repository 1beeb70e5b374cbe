"""How fast studies are found and opened, beside plain loops over the same files with pydicom."""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from tumorview.core.progress import Progress
from tumorview.io.dicom_phantom import write_phantom
from tumorview.io.dicom_scan import scan
from tumorview.io.files import walk
from tumorview.io.registry import open_study

ROUNDS = 3
SERIES, SLICES, SIDE = 5, 200, 64  # of the folder that is scanned; small pixels: only headers count
OPEN_SLICES, OPEN_SIDE = 200, 256


@dataclass(frozen=True)
class BenchRow:
    """One measurement; ``ratio`` is how many times better than ``against``."""

    name: str
    value: float
    unit: str
    against: str
    ratio: float


def opening_rows(
    progress: Progress, *, series: int = SERIES, slices: int = SLICES, side: int = OPEN_SIDE
) -> list[BenchRow]:
    """Medians of ROUNDS runs, each beside its plain loop."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(series):
            write_phantom(folder / "scan" / f"{number}", slices, SIDE)
        write_phantom(folder / "open", slices, side)
        progress.report(0.3, "Scanning")
        ours, plain = _side_by_side(lambda: _scan(folder / "scan"), lambda: _plain_headers(folder / "scan"), progress)
        files = series * slices
        name = f"folder scan, {files:,} DICOM files"
        rows = [BenchRow(name, files / ours, "files/s", "pydicom, headers without values", plain / ours)]
        progress.report(0.7, "Opening")
        ours, plain = _side_by_side(lambda: _open(folder / "open"), lambda: _plain_pixels(folder / "open"), progress)
        name = f"DICOM series {side}x{side}x{slices}, opened"
        return [*rows, BenchRow(name, ours, "s", "pydicom, one file after another", plain / ours)]


def _side_by_side(ours: Callable[[], object], plain: Callable[[], object], progress: Progress) -> tuple[float, float]:
    """Median seconds of both, in turns, so that other work on the machine hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, kept in zip((ours, plain), times, strict=True):
            progress.check()
            started = time.perf_counter()
            call()
            kept.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


def _scan(folder: Path) -> object:
    return scan(walk(folder), Progress())


def _open(folder: Path) -> object:
    return open_study(folder)


def _plain_headers(folder: Path) -> object:
    """What a script does at least: every file to its pixels, and no value of it made into text or numbers."""
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*.dcm"))]


def _plain_pixels(folder: Path) -> object:
    files = [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]
    files.sort(key=lambda header: float(header.ImagePositionPatient[2]))
    return np.stack([header.pixel_array for header in files])
