"""The rows of ``tumorview bench`` about opening studies."""

from tumorview.core.progress import Progress
from tumorview.io.benchmark import opening_rows


def test_scanning_and_opening_are_measured_beside_plain_loops():
    scanned, opened = opening_rows(Progress(), series=2, slices=4, side=32)
    assert (scanned.name, scanned.unit) == ("folder scan, 8 DICOM files", "files/s")
    assert (opened.name, opened.unit) == ("DICOM series 32x32x4, opened", "s")
    assert min(scanned.value, scanned.ratio, opened.value, opened.ratio) > 0
