"""Damaged files of every format: each opens or ends in a sentence and a remedy, soon and without much memory."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from edit_scripts import opened, perform
from PIL import Image
from pydicom.data import get_testdata_file
from test_masks_from_elsewhere import write_nrrd, write_seg

from tests.unit.synthetic import SeriesSpec, pattern, write_classic, write_enhanced, write_lgg, write_nifti
from tumorview.app.restoring import snapshot
from tumorview.core.geometry import Geometry
from tumorview.errors import TumorViewError
from tumorview.io.dicom_phantom import write_phantom
from tumorview.io.journal_file import JournalFile, read_journal, state_records
from tumorview.io.registry import open_mask, open_study
from tumorview.io.session_file import read_session, write_session

MUTANTS = 60
SECONDS = 5.0
GRID = Geometry.from_spacing((5, 6, 7), (3, 1, 1))
EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff\x7f\xff\x7f")


def _tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "a.tif", pattern((5, 6, 7), np.uint16), photometric="minisblack")
    return folder / "a.tif"


def _picture(suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        Image.fromarray(pattern((20, 20), np.uint8)).save(folder / f"a.{suffix}")
        return folder / f"a.{suffix}"

    return make


def _pydicom(name: str) -> Callable[[Path], Path]:
    return lambda _: Path(get_testdata_file(name))


def _segmentation(folder: Path) -> Path:
    (folder / "images").mkdir()
    write_phantom(folder / "images", 4, 21)
    frames = pattern((4, 21, 21), np.uint8)[..., None] % 2
    return write_seg(folder / "images", frames)


def _journal(folder: Path) -> Path:
    session = opened(folder)
    for seed in range(3):
        perform(session, ("import", seed))
    file = JournalFile(folder / "a.tvjournal")
    file.start(state_records(snapshot(session)))
    file.close()
    return file.path


def _session(folder: Path) -> Path:
    session = opened(folder)
    for seed in range(3):
        perform(session, ("import", seed))
    write_session(snapshot(session), folder / "a.tvsession")
    return folder / "a.tvsession"


# Files that are no images, and what opens them.
OTHERS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "seg.dcm": (_segmentation, open_mask),
    "a.nrrd": (lambda folder: write_nrrd(folder / "a.nrrd", pattern((4, 6, 5), np.uint8) % 3), open_mask),
    "raw.nrrd": (
        lambda folder: write_nrrd(folder / "a.nrrd", pattern((4, 6, 5), np.uint8) % 3, encoding="raw"), open_mask
    ),
    "a.tvjournal": (_journal, read_journal),
    "a.tvsession": (_session, read_session),
}
SEEDS: dict[str, Callable[[Path], Path]] = {
    "classic.dcm": lambda folder: write_classic(folder, SeriesSpec(pattern((1, 16, 16))))[0],
    "enhanced.dcm": lambda folder: write_enhanced(folder / "e.dcm", SeriesSpec(pattern((4, 10, 12)))),
    "implicit.dcm": _pydicom("MR_small_implicit.dcm"),
    "deflated.dcm": _pydicom("image_dfl.dcm"),
    "rle.dcm": _pydicom("MR_small_RLE.dcm"),
    "jpeg.dcm": _pydicom("SC_rgb_jpeg.dcm"),
    "j2k.dcm": _pydicom("MR_small_jp2klossless.dcm"),
    "a.nii": lambda folder: write_nifti(folder / "a.nii", pattern((5, 6, 7)), GRID),
    "a.nii.gz": lambda folder: write_nifti(folder / "a.nii.gz", pattern((5, 6, 7)), GRID),
    "a.tif": _tiff,
    "p_1.tif": lambda folder: write_lgg(folder, "p", slices=1, size=64) / "p_1.tif",
    "a.png": _picture("png"),
    "a.jpg": _picture("jpg"),
}


def mutated(content: bytes, rng: random.Random) -> bytes:
    """``content`` with a few bytes changed, cut, repeated or set to extremes, half of the time near the header."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 1500))
        kind = rng.random()
        if kind < 0.45:
            data[place] ^= 1 << rng.randrange(8)
        elif kind < 0.6:
            del data[max(place, 1) :]
        elif kind < 0.8:
            data[place : place + 4] = rng.choice(EXTREMES)
        elif kind < 0.9:
            del data[place + 1 : place + rng.randrange(2, 40)]
        else:
            start = rng.randrange(len(data))
            data[place:place] = data[start : start + rng.randrange(1, 60)]
    return bytes(data)


@pytest.mark.parametrize("name", [*SEEDS, *OTHERS])
def test_mutants_open_or_end_in_a_sentence(tmp_path: Path, name: str):
    (tmp_path / "seed").mkdir()
    make, only = (SEEDS[name], None) if name in SEEDS else OTHERS[name]
    seed = make(tmp_path / "seed").read_bytes()
    rng = random.Random(name)
    target = tmp_path / name
    for number in range(MUTANTS):
        target.write_bytes(mutated(seed, rng))
        started = time.monotonic()
        remedy = "none needed"
        try:
            (only or (open_mask if number % 5 == 0 else open_study))(target)
        except TumorViewError as error:
            remedy = error.remedy
        assert remedy, f"mutant {number}"
        assert time.monotonic() - started < SECONDS, f"mutant {number}"
