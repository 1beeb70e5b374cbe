"""Damaged files of every format: each opens or ends in a sentence and a remedy, soon and without much memory."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edit_scripts import opened, perform
from test_masks_from_elsewhere import write_nrrd, write_seg

from tests.fuzz import MEGABYTES, SECONDS, judge, run
from tests.unit.fuzz_corpus import HOSTILE, SEEDS, mutated, write_mutant
from tests.unit.synthetic import pattern
from tumorview.app.snapshot import snapshot
from tumorview.errors import ReadError, TumorViewError
from tumorview.io.dicom_phantom import write_phantom
from tumorview.io.journal_file import JournalFile, state_records
from tumorview.io.journal_reading import read_journal
from tumorview.io.registry import open_mask, open_study
from tumorview.io.session_file import read_session, write_session

MUTANTS = 40
ROOT = Path(__file__).resolve().parents[2]
HARMLESS = frozenset(("dicomdir_that_leads_outside", "dicom_of_no_bits"))  # they open, without what leads astray


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
    "mask.nrrd": (lambda folder: write_nrrd(folder / "a.nrrd", pattern((4, 6, 5), np.uint8) % 3), open_mask),
    "a.tvjournal": (_journal, read_journal),
    "a.tvsession": (_session, read_session),
}


@pytest.mark.parametrize("name", SEEDS)
def test_mutants_open_or_end_in_a_sentence(tmp_path: Path, name: str):
    for number in range(MUTANTS):
        path = write_mutant(name, number, tmp_path / f"{number}")
        assert judge(path, number) == "", f"mutant {number}"


@pytest.mark.parametrize(("name", "number"), [("jpegls.dcm", 374), ("jpeg.dcm", 1436)])
def test_mutants_that_once_were_findings_end_in_a_sentence(tmp_path: Path, name: str, number: int):
    assert judge(write_mutant(name, number, tmp_path / "x"), number) == ""


@pytest.mark.parametrize("name", OTHERS)
def test_mutants_of_other_files_open_or_end_in_a_sentence(tmp_path: Path, name: str):
    (tmp_path / "seed").mkdir()
    make, only = OTHERS[name]
    seed = make(tmp_path / "seed").read_bytes()
    rng = random.Random(name)
    target = tmp_path / name
    for number in range(MUTANTS):
        target.write_bytes(mutated(seed, rng))
        started = time.monotonic()
        remedy = "none needed"
        try:
            only(target)
        except TumorViewError as error:
            remedy = error.remedy
        assert remedy, f"mutant {number}"
        assert time.monotonic() - started < SECONDS, f"mutant {number}"


@pytest.mark.parametrize("name", HOSTILE)
def test_files_made_to_do_harm_end_in_a_sentence(tmp_path: Path, name: str):
    (tmp_path / "in").mkdir()
    path = HOSTILE[name](tmp_path / "in")
    before = sorted(tmp_path.rglob("*"))
    assert judge(path, 1) == ""
    assert sorted(tmp_path.rglob("*")) == before
    if name not in HARMLESS:
        with pytest.raises(ReadError):
            open_study(path)


def test_the_long_run_finds_what_is_wrong_and_writes_nothing_outside():
    found, memory = run(0, 30)
    assert found == []
    assert 0 < memory < MEGABYTES


def test_the_long_run_notices_what_is_written_outside(tmp_path: Path):
    (tmp_path / "inside").mkdir()
    target = tmp_path / "outside.txt"
    script = (
        "import pathlib, tests.fuzz as fuzz\n"
        f"fuzz.judge = lambda path, number: '' if pathlib.Path({str(target)!r}).write_text('x') else ''\n"
        "fuzz.work(0, 1)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "inside"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    assert f"open {target}" in done.stdout
