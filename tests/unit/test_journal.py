"""The journal: what is finished is on disk, and comes back whatever happened to the process or to the file."""

import errno
import os
import time

import numpy as np
import pytest
from edit_scripts import SHAPE, assert_same, opened, perform, scripts, small_study
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_disk import needs_mount, small_disk

from tumorview.app import journal_writer
from tumorview.app.abandoned import abandoned
from tumorview.app.journal import Journal
from tumorview.app.session import Session
from tumorview.app.snapshot import snapshot
from tumorview.core.session_state import fingerprint
from tumorview.core.slicing import Plane
from tumorview.errors import ReadError, WriteError
from tumorview.io import journal_file, journal_reading
from tumorview.io.journal_file import JournalFile, frame
from tumorview.io.journal_reading import Damage, read_journal

STROKE = ("stroke", Plane.AXIAL, False, [(0.5, 0.5)], 0.5)
OTHER = ("stroke", Plane.CORONAL, False, [(0.2, 0.7), (0.6, 0.1)], 0.3)
ERASE = ("stroke", Plane.AXIAL, True, [(0.5, 0.5)], 0.5)
WORK = [
    STROKE,
    ("run", 3, False),
    ("label", 5),
    ERASE,
    ("undo",),
    OTHER,
    ("threshold", 0.7),
    ("import", 8),
    ("document", "a", "seven"),
    ("undo",),
    ("undo",),
]


@pytest.fixture
def session(tmp_path):
    return opened(tmp_path)


@pytest.fixture
def journal(session, tmp_path):
    kept = Journal(session, tmp_path / "journals")
    yield kept
    kept.close()


# -- the law ---------------------------------------------------------------------------------------------------


@pytest.fixture
def fast_disk(monkeypatch):
    """Hundreds of examples need not wait for a real disk each."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=scripts)
def test_replaying_the_journal_gives_the_same_mask_and_the_same_history(tmp_path, fast_disk, script):
    session = opened(tmp_path)
    journal = Journal(session, tmp_path / "journals")
    try:
        for command in script:
            perform(session, command)
        assert journal.flush()
        if journal.path is None:
            assert not session.history.steps
            return
        content = read_journal(journal.path)
        assert content.damage is Damage.NONE
        assert_same(content.state, session)
        again = Session()
        again.open(small_study(tmp_path), content.state)
        assert again.dirty == session.dirty or session.records.unsaved
        total = len(session.history.steps) + len(session.history.undone)
        for count in (0, total):  # undo everything, redo everything, in the session and in the one brought back
            session.go_to_step(count)
            again.go_to_step(count)
            assert np.array_equal(again.mask.data, session.mask.data)
            assert np.array_equal(again.mask.provenance, session.mask.provenance)
            assert again.mask.data.any() <= bool(count)
    finally:
        journal.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=scripts, after=scripts)
def test_a_session_brought_back_is_journalled_on_from_where_it_was(tmp_path, before, after):
    session = opened(tmp_path)
    journal = Journal(session, tmp_path / "journals")
    try:
        for command in before:
            perform(session, command)
        state = None
        if journal.path is not None:
            assert journal.flush()
            state = read_journal(journal.path).state
        session.open(small_study(tmp_path), state)
        for command in after:
            perform(session, command)
        assert journal.flush()
        if journal.path is not None:
            assert_same(read_journal(journal.path).state, session)
    finally:
        journal.close()


def test_forgotten_steps_stay_forgotten(session, journal):
    perform(session, STROKE)
    session.history.limit_bytes = 1
    for command in (OTHER, ("run", 1, False), ("saved",), ("import", 2)):
        perform(session, command)
    assert journal.flush()
    state = read_journal(journal.path).state
    assert len(state.done) == 1
    assert_same(state, session)


# -- where it begins and ends ----------------------------------------------------------------------------------


def test_looking_at_a_study_leaves_no_file(session, journal):
    session.set_role(session.study.series[0], session.study.series[0].role)
    session.change_label(1, name="Glioma")
    assert journal.path is None
    assert not journal.folder.exists()


def test_a_measurement_alone_is_journalled_and_counts_as_unsaved(session, journal):
    session.records.put("measurements", [{"mm": 12.5}], work=True)
    assert journal.flush()
    assert read_journal(journal.path).state.documents == {"measurements": [{"mm": 12.5}]}
    assert session.dirty
    session.mark_saved()
    assert not session.dirty


def test_the_image_is_named_by_place_and_by_content(session, journal, tmp_path):
    perform(session, STROKE)
    wanted = fingerprint(session.study.reference.volume)
    deadline = time.monotonic() + 5
    while read_journal(journal.path).state.image.fingerprint != wanted if journal.flush() else True:
        assert time.monotonic() < deadline
    image = read_journal(journal.path).state.image
    assert image.path == tmp_path
    assert image.series_uid == "flair"
    assert fingerprint(small_study(tmp_path, seed=1).reference.volume) != wanted


def test_a_step_is_on_disk_within_200_ms(session, journal):
    perform(session, STROKE)
    assert journal.flush()
    waits = []
    for number in range(30):
        begun = time.perf_counter()
        perform(session, OTHER if number % 2 else ERASE)
        perform(session, ("undo",))
        assert journal.flush()
        waits.append(time.perf_counter() - begun)
    assert_same(read_journal(journal.path).state, session)
    assert np.median(waits) < 0.2, waits


def test_a_closed_session_leaves_nothing_behind(session, tmp_path):
    journal = Journal(session, tmp_path / "journals")
    perform(session, STROKE)
    assert journal.flush()
    journal.close()
    assert list(journal.folder.iterdir()) == []


def test_opening_another_study_ends_the_journal_of_the_first(session, journal, tmp_path):
    perform(session, STROKE)
    assert journal.flush()
    first = journal.path
    session.open(small_study(tmp_path))
    perform(session, OTHER)
    assert journal.flush()
    deadline = time.monotonic() + 5
    while first.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert journal.path != first


def test_a_kept_journal_has_everything(session, tmp_path):
    journal = Journal(session, tmp_path / "journals")
    for command in WORK:
        perform(session, command)
    path = journal.path
    journal.close(keep=True)
    assert_same(read_journal(path).state, session)
    (found,) = abandoned(journal.folder)
    assert found.path == path
    found.discard()
    assert list(journal.folder.iterdir()) == []


# -- two processes ---------------------------------------------------------------------------------------------


def test_the_journal_of_a_living_process_is_not_taken(session, journal):
    perform(session, STROKE)
    assert journal.flush()
    assert abandoned(journal.folder) == []


def test_of_two_starts_only_one_gets_an_abandoned_journal(session, tmp_path):
    journal = Journal(session, tmp_path / "journals")
    perform(session, STROKE)
    journal.close(keep=True)
    (first,) = abandoned(journal.folder)
    assert abandoned(journal.folder) == []
    first.keep()
    (again,) = abandoned(journal.folder)
    again.discard()


def test_leftovers_without_a_journal_are_swept(tmp_path):
    (tmp_path / "a.tmp").write_bytes(b"half")
    (tmp_path / "b.lock").touch()
    (tmp_path / "notes.txt").touch()
    assert abandoned(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_former_journal_goes_once_its_successor_is_on_disk(session, tmp_path):
    journal = Journal(session, tmp_path / "journals")
    perform(session, STROKE)
    journal.close(keep=True)
    (former,) = abandoned(journal.folder)
    content = former.read()
    successor = Journal(session, tmp_path / "journals")
    successor.replaces(former)
    session.open(small_study(tmp_path), content.state)
    assert successor.flush()
    assert not former.path.exists()
    assert_same(read_journal(successor.path).state, session)
    successor.close()
    assert list(journal.folder.iterdir()) == []


# -- damage ----------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """A journal, where its records end, and the number of steps that can be undone after each."""
    session = opened(tmp_path)
    journal = Journal(session, tmp_path / "journals")
    counts = []
    for command in WORK:
        perform(session, command)
        assert journal.flush()
        content = read_journal(journal.path)
        counts.append((content.good_bytes, len(content.state.done), content.state.data.tobytes()))
    path = journal.path
    journal.close(keep=True)
    return path, counts


def newest_before(counts, place):
    return [entry for entry in counts if entry[0] <= place][-1] if counts[0][0] <= place else None


def test_a_journal_cut_anywhere_gives_everything_before_the_cut(written, tmp_path):
    path, counts = written
    content = path.read_bytes()
    cut = tmp_path / "cut.tvjournal"
    places = {0, 1, 8, 20, 21, 25, len(content) - 1, len(content)}
    places |= {end + distance for end, _, _ in counts for distance in (-5, -1, 0, 3)}
    for place in sorted(places | set(range(9, len(content), 97))):
        cut.write_bytes(content[:place])
        known = newest_before(counts, place)
        if known is None:
            continue
        found = read_journal(cut)
        assert found.good_bytes >= known[0]
        assert found.damage in (Damage.NONE, Damage.TORN)
        if found.good_bytes == known[0]:
            assert len(found.state.done) == known[1]
            assert found.state.data.tobytes() == known[2]


def test_any_flipped_byte_is_noticed_and_what_lies_before_it_survives(written, tmp_path):
    path, counts = written
    content = path.read_bytes()
    flipped = tmp_path / "flipped.tvjournal"
    ends = [end for end, _, _ in counts]
    chance = np.random.default_rng(5)
    places = {0, 7, 8, 12, 13, 17, 21, *(end + d for end in ends for d in (-4, -1, 0, 4, 5, 9, 12))}
    for place in sorted(places | set(chance.integers(0, len(content), 150).tolist())):
        if place >= len(content):
            continue
        broken = bytearray(content)
        broken[place] ^= 1 << int(chance.integers(8))
        flipped.write_bytes(broken)
        known = newest_before(counts, place)
        try:
            found = read_journal(flipped)
        except ReadError:
            assert known is None, place
            continue
        assert found.damage is Damage.DAMAGED, place
        assert found.good_bytes <= place
        if known is not None:
            assert found.good_bytes >= known[0]


def test_records_that_are_repeated_or_out_of_order_are_noticed(written, tmp_path):
    path, counts = written
    content = path.read_bytes()
    first, second = counts[0][0], counts[1][0]
    twice = tmp_path / "twice.tvjournal"
    twice.write_bytes(content[:second] + content[first:])
    found = read_journal(twice)
    assert (found.damage, found.good_bytes) == (Damage.DAMAGED, second)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_bytes_that_are_no_journal_are_refused_with_a_remedy(tmp_path, content):
    path = tmp_path / "x.tvjournal"
    for start in (b"", journal_file.MAGIC):
        path.write_bytes(start + content)
        with pytest.raises(ReadError) as caught:
            read_journal(path)
        assert caught.value.remedy


def test_a_sound_record_with_nonsense_inside_ends_the_reading(written, tmp_path):
    path, _ = written
    content = read_journal(path)
    for record in (
        journal_file.Record(journal_file.Kind.STEP, b"\x05\0\0\0{}"),
        journal_file.forget_record(99),
        journal_file.Record(journal_file.Kind.LABELS, b'[{"number": 999}]'),
        journal_file.Record(journal_file.Kind.SAVED, b"not json"),
    ):
        longer = tmp_path / "longer.tvjournal"
        longer.write_bytes(path.read_bytes() + frame(record, content.records))
        found = read_journal(longer)
        assert found.damage is Damage.DAMAGED
        assert found.good_bytes == content.good_bytes


def test_a_journal_of_a_newer_version_is_kept_and_says_so(written, monkeypatch):
    path, _ = written
    monkeypatch.setattr(journal_reading, "VERSION", 0)
    with pytest.raises(ReadError, match="newer TumorView"):
        read_journal(path)


# -- disks that refuse -----------------------------------------------------------------------------------------


class Problems:
    def __init__(self, journal: Journal) -> None:
        self.seen: list[object] = []
        journal.problem.connect(self.seen.append)

    def wait(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.seen) < count:
            assert time.monotonic() < deadline, self.seen
            time.sleep(0.01)


@pytest.fixture
def full_disk(monkeypatch):
    """A disk that can be filled and freed: writing fails half-way through, as on a real one."""
    write_all, state = journal_file._write_all, {"full": False}

    def write(file, content):
        if state["full"]:
            file.write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write_all(file, content)

    monkeypatch.setattr(journal_file, "_write_all", write)
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)
    return state


def test_a_full_disk_is_told_once_costs_nothing_in_memory_and_heals(session, journal, full_disk):
    problems = Problems(journal)
    perform(session, STROKE)
    assert journal.flush()
    full_disk["full"] = True
    steps = len(session.history.steps)
    perform(session, OTHER)
    perform(session, ("run", 1, False))
    problems.wait(1)
    assert "the disk is full" in str(problems.seen[0])
    assert not journal.flush(0.3)
    assert len(problems.seen) == 1
    assert len(session.history.steps) > steps
    survivor = read_journal(journal.path)
    assert len(survivor.state.done) == 1
    assert survivor.damage is Damage.NONE
    full_disk["full"] = False
    problems.wait(2)
    assert problems.seen[1] is None
    assert journal.flush()
    assert_same(read_journal(journal.path).state, session)


def test_a_disk_that_is_full_from_the_start_is_told_and_heals(session, journal, full_disk):
    problems = Problems(journal)
    full_disk["full"] = True
    perform(session, STROKE)
    problems.wait(1)
    assert not journal.path.exists()
    full_disk["full"] = False
    problems.wait(2)
    assert_same(read_journal(journal.path).state, session)


@needs_mount
def test_a_small_disk_that_is_really_full_costs_nothing_and_heals(session, tmp_path, monkeypatch):
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)
    with small_disk(tmp_path / "disk") as disk:
        journal = Journal(session, disk.path / "journals")
        problems = Problems(journal)
        perform(session, STROKE)
        assert journal.flush()
        disk.fill()
        for seed in range(40):  # more than the file's last block has room for
            perform(session, ("import", seed))
        problems.wait(1)
        assert "the disk is full" in str(problems.seen[0])
        survivor = read_journal(journal.path)
        assert survivor.damage is not Damage.DAMAGED
        assert 1 <= len(survivor.state.done) < len(session.history.steps)
        disk.free()
        problems.wait(2)
        assert journal.flush()
        assert_same(read_journal(journal.path).state, session)
        journal.close()


@needs_mount
def test_a_journal_on_a_disk_that_became_read_only_says_so_and_stays(session, tmp_path):
    perform(session, STROKE)
    records = list(journal_file.state_records(snapshot(session)))
    with small_disk(tmp_path / "disk") as disk:
        file = JournalFile(disk.path / "x.tvjournal")
        file.start(records)
        file.close()
        disk.make_read_only()
        with pytest.raises(WriteError, match="read-only"):
            file.start(records)
        assert_same(read_journal(file.path).state, session)


def test_a_fault_of_the_program_itself_is_told_and_the_writer_lives_on(session, journal, monkeypatch):
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)
    problems = Problems(journal)
    perform(session, STROKE)
    assert journal.flush()
    with monkeypatch.context() as patch:
        patch.setattr(journal_file, "step_record", lambda edit: 1 / 0)
        perform(session, OTHER)
        problems.wait(1)
        assert problems.seen[0].remedy
    problems.wait(2)
    assert journal.flush()
    assert_same(read_journal(journal.path).state, session)


def test_what_waits_for_a_full_disk_is_bounded_and_the_present_state_takes_its_place(
    session, journal, full_disk, monkeypatch
):
    monkeypatch.setattr(journal_writer, "MAX_WAITING_BYTES", 500)
    problems = Problems(journal)
    perform(session, STROKE)
    assert journal.flush()
    full_disk["full"] = True
    for seed in range(12):
        perform(session, ("import", seed))
        assert journal._writer._waiting < 500 + session.history.steps[-1].size_bytes * 2
    problems.wait(1)
    full_disk["full"] = False
    assert journal.flush()
    assert_same(read_journal(journal.path).state, session)


def test_closing_while_the_disk_is_full_does_not_hang(session, tmp_path, full_disk):
    journal = Journal(session, tmp_path / "journals")
    perform(session, STROKE)
    assert journal.flush()
    full_disk["full"] = True
    perform(session, OTHER)
    begun = time.monotonic()
    journal.close(keep=True)
    assert time.monotonic() - begun < 5
    (found,) = abandoned(tmp_path / "journals")
    assert len(found.read().state.done) == 1
    found.discard()


def test_a_journal_that_somebody_deletes_is_begun_again(session, journal):
    perform(session, STROKE)
    assert journal.flush()
    journal.path.unlink()
    perform(session, OTHER)
    deadline = time.monotonic() + 5
    while not journal._writer.wants_restart:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    perform(session, ERASE)
    assert journal.flush()
    assert_same(read_journal(journal.path).state, session)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid"), reason="POSIX permissions")
def test_a_folder_that_may_not_be_written_is_told(session, tmp_path):
    blocker = tmp_path / "journals"
    blocker.write_text("a file where the folder should be")  # refused for root too, unlike permissions
    journal = Journal(session, blocker)
    problems = Problems(journal)
    perform(session, STROKE)
    problems.wait(1)
    assert problems.seen[0].remedy
    assert session.mask.has_labels
    journal.close()


def test_a_file_that_cannot_be_cut_back_is_still_read_up_to_the_fault(tmp_path, session, monkeypatch):
    perform(session, STROKE)
    file = JournalFile(tmp_path / "x.tvjournal")
    file.start(journal_file.state_records(snapshot(session)))
    with file.path.open("ab") as other:
        other.write(frame(journal_file.forget_record(1), 99)[:11])
    found = read_journal(file.path)
    assert found.damage is Damage.TORN
    assert_same(found.state, session)
    file.append([journal_file.document_record("a", 1)])
    assert read_journal(file.path).state.documents["a"] == 1
    file.close()
    assert found.state.data.shape == SHAPE
