"""Session files: what was saved comes back whole, and what is damaged, newer, moved or in use is told plainly."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from edit_scripts import CLASSES, assert_same, opened, perform, scripts, small_study
from hypothesis import HealthCheck, given, settings
from small_disk import needs_mount, small_disk

from tumorview.app import session_lock
from tumorview.app.session import Session
from tumorview.app.session_files import ImageMissingError, open_session, save_session
from tumorview.app.session_lock import Holder, SessionLock, holder_of, lock_path
from tumorview.app.snapshot import snapshot
from tumorview.app.tasks import open_study
from tumorview.core.opening import Opening
from tumorview.core.prediction import Origin, Prediction
from tumorview.core.progress import Progress
from tumorview.errors import GeometryError, ReadError, WriteError
from tumorview.io import atomic, session_file
from tumorview.io.session_file import FILE_DAMAGED, HISTORY_LOST, MIGRATIONS, read_session, write_session
from tumorview.io.session_json import image_from_json, image_to_json

SHAPE = (4, 12, 10)


def image_at(path: Path, *, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> Path:
    voxels = np.random.default_rng(seed).integers(0, 400, shape).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels.transpose(2, 1, 0), np.diag([-1.0, -1.0, 3.0, 1.0])), path)
    return path


@pytest.fixture
def session(tmp_path):
    """Some work on an image that has a file."""
    folder = tmp_path / "images"
    folder.mkdir()
    made = Session()
    made.open(open_study(image_at(folder / "flair.nii.gz")))
    made.set_brush(radius=2.0)
    made.finish_prediction(
        Prediction(
            np.random.default_rng(1).random((1, *SHAPE)).astype(np.float16),
            made.grid,
            CLASSES,
            Origin("m", "0" * 64, "torch", "cpu", "float32", {}),
        )
    )
    made.change_label(1, name="Glioma", locked=True)
    made.records.put("measurements", [{"mm": 3.5}], work=True)
    made.undo()
    made.redo()
    return made


@pytest.fixture
def saved(session, tmp_path):
    return save_session(snapshot(session), session.study, tmp_path / "work.tvsession")


def brought_back(path: Path, image: Path | None = None) -> Session:
    found = open_session(path, Progress(), image)
    again = Session()
    again.open(found.study, found.state)
    return again


# -- there and back --------------------------------------------------------------------------------------------


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=scripts)
def test_a_session_comes_back_with_its_history_whatever_was_done(tmp_path, script):
    session = opened(tmp_path)
    for command in script:
        perform(session, command)
    path = tmp_path / "x.tvsession"
    write_session(snapshot(session), path)
    content = read_session(path)
    assert content.warnings == ()
    assert_same(content.state, session)
    again = Session()
    again.open(small_study(tmp_path), content.state)
    for count in (0, 99):
        session.go_to_step(count)
        again.go_to_step(count)
        assert np.array_equal(again.mask.data, session.mask.data)


def test_a_saved_session_is_clean_and_goes_on(session, saved):
    again = brought_back(saved)
    assert not again.dirty
    assert np.array_equal(again.mask.data, session.mask.data)
    assert again.mask.labels[1].name == "Glioma"
    assert again.records.get("measurements") == [{"mm": 3.5}]
    assert again.records.get("prediction")["model"] == "m"
    again.undo()
    assert again.dirty
    assert not again.mask.has_labels


def test_nothing_in_a_session_file_is_code(saved):
    with zipfile.ZipFile(saved) as archive:
        assert sorted(archive.namelist()) == ["mask.bin", "session.json", "steps.bin"]


# -- the image -------------------------------------------------------------------------------------------------


def test_session_and_image_may_move_together(saved, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    shutil.move(tmp_path / "images", other / "images")
    moved = shutil.move(saved, other / saved.name)
    assert brought_back(Path(moved)).mask.has_labels


def test_a_session_of_a_single_slice_keeps_to_what_was_open(session):
    image = snapshot(session).image
    for alone in (True, False):
        again = image_from_json(image_to_json(replace(image, opening=Opening(alone=alone))))
        assert again.opening.alone is alone
    earlier = image_to_json(image)
    del earlier["alone"]  # versions that opened a slice by itself did not say so
    assert image_from_json(earlier).opening.alone


def test_a_missing_image_is_named_and_can_be_shown(saved, tmp_path):
    place = tmp_path / "images" / "flair.nii.gz"
    elsewhere = Path(shutil.move(place, tmp_path / "renamed.nii.gz"))
    with pytest.raises(ImageMissingError, match="flair") as caught:
        open_session(saved, Progress())
    assert caught.value.image.path == place
    assert brought_back(saved, elsewhere).mask.has_labels


def test_another_image_of_the_same_grid_is_told_and_of_another_grid_refused(saved, tmp_path):
    found = open_session(saved, Progress(), image_at(tmp_path / "other.nii.gz", seed=9))
    assert found.other_voxels
    assert "other voxels" in found.warnings[0]
    with pytest.raises(GeometryError, match=r"10 x 12 x 4.*10 x 12 x 5"):
        open_session(saved, Progress(), image_at(tmp_path / "larger.nii.gz", shape=(5, 12, 10)))


# -- damage ----------------------------------------------------------------------------------------------------


def test_any_flipped_byte_is_noticed_and_the_mask_is_saved_where_it_can_be(saved, session, tmp_path):
    content = saved.read_bytes()
    broken = tmp_path / "broken.tvsession"
    chance = np.random.default_rng(2)
    places = set(range(0, len(content), max(len(content) // 400, 1))) | set(range(len(content) - 130, len(content)))
    kept = {HISTORY_LOST: 0, FILE_DAMAGED: 0, "": 0}
    for place in sorted(places):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(chance.integers(8))
        broken.write_bytes(flipped)
        try:
            found = read_session(broken)
        except ReadError as error:
            kept[""] += bool(error.remedy)
            continue
        assert found.warnings, place
        kept[found.warnings[0]] += 1
        assert np.array_equal(found.state.data, session.mask.data), place
    assert min(kept.values()) > 0, kept


@pytest.mark.parametrize("length", [0, 1, 30, 500, -150, -400])
def test_a_cut_session_is_refused_with_a_remedy(saved, length):
    content = saved.read_bytes()
    saved.write_bytes(content[:length])
    with pytest.raises(ReadError) as caught:
        read_session(saved)
    assert caught.value.remedy


def test_a_session_of_a_newer_version_says_so_and_is_not_touched(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr(session_file, "VERSION", 0)
    with pytest.raises(ReadError, match="newer TumorView"):
        read_session(saved)
    assert saved.read_bytes() == before


def test_older_versions_are_brought_up_step_by_step(saved, monkeypatch):
    monkeypatch.setattr(session_file, "VERSION", 3)
    monkeypatch.setitem(MIGRATIONS, 1, lambda value: {**value, "documents": {**value["documents"], "two": 2}})
    monkeypatch.setitem(MIGRATIONS, 2, lambda value: {**value, "documents": {**value["documents"], "three": 3}})
    documents = read_session(saved).state.documents
    assert (documents["two"], documents["three"]) == (2, 3)


# -- writing ---------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_old_file_and_the_work_savable_elsewhere(session, saved, tmp_path, monkeypatch):
    before = saved.read_bytes()
    session.undo()

    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_put", full)
        with pytest.raises(WriteError, match="the disk is full"):
            save_session(snapshot(session), session.study, saved)
    assert saved.read_bytes() == before
    assert [path.name for path in tmp_path.glob(".tumorview*")] == []
    elsewhere = save_session(snapshot(session), session.study, tmp_path / "elsewhere.tvsession")
    assert not brought_back(elsewhere).mask.has_labels


@needs_mount
def test_a_small_disk_that_is_really_full(session, tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        disk.fill()
        with pytest.raises(WriteError, match="the disk is full"):
            save_session(snapshot(session), session.study, disk.path / "x.tvsession")
        assert [path.name for path in disk.path.iterdir()] == ["filler"]
    assert save_session(snapshot(session), session.study, tmp_path / "x.tvsession").exists()


@needs_mount
def test_a_folder_that_is_really_read_only(session, tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        path = save_session(snapshot(session), session.study, disk.path / "x.tvsession")
        before = path.read_bytes()
        disk.make_read_only()
        assert SessionLock.take(path) is None, "no lock, but it can be opened"
        again = brought_back(path)
        again.undo()
        with pytest.raises(WriteError, match="read-only") as caught:
            save_session(snapshot(again), again.study, path)
        assert caught.value.remedy
        assert path.read_bytes() == before
        assert save_session(snapshot(again), again.study, tmp_path / "x.tvsession").exists()


def test_an_image_that_was_deleted_while_open_does_not_stop_a_save(session, tmp_path):
    (tmp_path / "images" / "flair.nii.gz").unlink()
    path = save_session(snapshot(session), session.study, tmp_path / "x.tvsession")
    with pytest.raises(ImageMissingError):
        open_session(path, Progress())


# -- two windows, two machines ---------------------------------------------------------------------------------


@pytest.fixture
def fast_refresh(monkeypatch):
    monkeypatch.setattr(session_lock, "REFRESH_SECONDS", 0.02)


def test_the_second_window_is_told_who_has_the_session(saved):
    first = SessionLock.take(saved)
    assert isinstance(first, SessionLock)
    second = SessionLock.take(saved)
    assert isinstance(second, Holder)
    assert second.pid == os.getpid()
    assert str(os.getpid()) in second.describe()
    first.release()
    assert not lock_path(saved).exists()
    third = SessionLock.take(saved)
    assert isinstance(third, SessionLock)
    third.release()


def leave_behind(saved: Path, **changes: object) -> None:
    lock = SessionLock.take(saved)
    assert isinstance(lock, SessionLock)
    lock.release()
    session_lock._create(lock_path(saved), replace(lock.holder, **changes))


def test_the_lock_of_a_dead_process_is_recognised_at_once(saved):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    leave_behind(saved, pid=done.pid)
    lock = SessionLock.take(saved)
    assert isinstance(lock, SessionLock)
    lock.release()


def test_the_lock_of_another_machine_counts_while_it_is_refreshed(saved):
    leave_behind(saved, host="ws3", user="anna", pid=1)
    other = SessionLock.take(saved)
    assert isinstance(other, Holder)
    assert other.describe().startswith("anna on ws3")
    long_ago = time.time() - session_lock.STALE_SECONDS - 5
    os.utime(lock_path(saved), (long_ago, long_ago))
    lock = SessionLock.take(saved)
    assert isinstance(lock, SessionLock)
    lock.release()


def test_a_lock_stays_fresh_until_it_is_taken_over(saved, fast_refresh):
    lock = SessionLock.take(saved)
    os.utime(lock_path(saved), (0, 0))
    deadline = time.monotonic() + 5
    while lock_path(saved).stat().st_mtime < 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    taken = SessionLock.take(saved, by_force=True)
    assert isinstance(taken, SessionLock)
    assert not lock.held
    lock.release()
    assert taken.held
    taken.release()
    assert holder_of(saved) is None


def test_of_many_at_once_one_gets_the_lock(saved):
    found: list[object] = []
    start = threading.Barrier(6)

    def take() -> None:
        start.wait()
        found.append(SessionLock.take(saved))

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    locks = [one for one in found if isinstance(one, SessionLock)]
    for lock in locks:
        lock.release()
    assert len(locks) == 1


def test_a_broken_lock_does_not_lock_anybody_out(saved):
    lock_path(saved).write_bytes(b"\xff{")
    lock = SessionLock.take(saved)
    assert isinstance(lock, SessionLock)
    lock.release()
