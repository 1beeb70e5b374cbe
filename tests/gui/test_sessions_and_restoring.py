"""Sessions and what a crash leaves, through the window: saved, opened, restored, discarded, in use elsewhere."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from doubles import SHAPE, TIMEOUT, MakeWindow, run_segmentation, write_nifti
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from tumorview.app import journal_writer
from tumorview.app.abandoned import abandoned
from tumorview.app.journal import FOLDER
from tumorview.app.session_lock import SessionLock, lock_path
from tumorview.core.rendering import Window
from tumorview.core.slicing import Plane, PlaneView
from tumorview.gui import autosaving
from tumorview.gui.main_window import MainWindow
from tumorview.io import journal_file
from tumorview.io.session_file import read_session


def finish(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)


def paint(window: MainWindow, k: int, row: float = 8, column: float = 8) -> None:
    session = window.session
    session.begin_stroke(PlaneView.of(session.mask.geometry, Plane.AXIAL))
    session.stroke_to(k, row, column)
    session.end_stroke()


def work(qtbot: QtBot, window: MainWindow) -> None:
    """Two strokes, a run of the network, one step taken back."""
    paint(window, 1)
    run_segmentation(qtbot, window)
    paint(window, 2, 20, 30)
    window.actions["edit.undo"].trigger()


def crash(window: MainWindow) -> None:
    """What is left of a window whose process dies: a journal without an owner."""
    window.restoring.journal.close(keep=True)


def box(window: MainWindow, name: str) -> QMessageBox:
    found = window.findChild(QMessageBox, name)
    assert found is not None, name
    return found


def press(window: MainWindow, name: str, text: str) -> None:
    asked = box(window, name)
    next(button for button in asked.buttons() if button.text().replace("&", "") == text).click()


def state(window: MainWindow) -> tuple[bytes, bytes, list[str], list[str]]:
    session = window.session
    return (
        session.mask.data.tobytes(),
        session.mask.provenance.tobytes(),
        [step.title for step in session.history.steps],
        [step.title for step in session.history.undone],
    )


def button(window: MainWindow, name: str) -> QPushButton:
    found = window.findChild(QPushButton, name)
    assert found is not None
    return found


# -- after a crash ---------------------------------------------------------------------------------------------


def test_work_of_a_window_that_crashed_is_offered_and_restored_with_its_steps(
    qtbot: QtBot, make_window: MakeWindow, flair: Path
) -> None:
    first = make_window(flair)
    work(qtbot, first)
    first.session.change_label(1, name="Glioma")
    wanted = state(first)
    crash(first)
    second = make_window()
    assert second.restoring.bar.isVisible()
    text = second.restoring.bar.text.full_text()
    assert "patient_flair" in text
    assert "2 steps" in text
    button(second, "restore_button").click()
    finish(qtbot, second)
    assert state(second) == wanted
    assert second.session.mask.labels[1].name == "Glioma"
    assert second.session.dirty
    assert not second.restoring.bar.isVisible()
    second.actions["edit.redo"].trigger()
    while second.session.history.can_undo:
        second.actions["edit.undo"].trigger()
    assert not second.session.mask.has_labels
    assert second.restoring.journal.flush()
    assert len(list((second.memory.store.folder / FOLDER).glob("*.tvjournal"))) == 1


def test_discarding_asks_and_then_deletes_for_good(qtbot: QtBot, make_window: MakeWindow, flair: Path) -> None:
    first = make_window(flair)
    work(qtbot, first)
    crash(first)
    second = make_window()
    button(second, "discard_button").click()
    box(second, "discard_dialog").button(QMessageBox.StandardButton.Cancel).click()
    assert second.restoring.bar.isVisible()
    qtbot.waitUntil(lambda: second.findChild(QMessageBox, "discard_dialog") is None)
    button(second, "discard_button").click()
    box(second, "discard_dialog").button(QMessageBox.StandardButton.Discard).click()
    assert not second.restoring.bar.isVisible()
    assert list((second.memory.store.folder / FOLDER).iterdir()) == []


def test_later_offers_it_again_at_the_next_start_and_only_to_one_window(
    qtbot: QtBot, make_window: MakeWindow, flair: Path
) -> None:
    first = make_window(flair)
    work(qtbot, first)
    crash(first)
    second = make_window()
    assert not make_window().restoring.bar.isVisible()  # the second window holds it
    button(second, "later_button").click()
    assert not second.restoring.bar.isVisible()
    assert make_window().restoring.bar.isVisible()


def test_work_that_must_wait_does_not_stand_in_the_way_of_other_work(
    qtbot: QtBot, make_window: MakeWindow, flair: Path
) -> None:
    for k, strokes in ((1, 1), (2, 2)):
        window = make_window(flair)
        if window.restoring.bar.isVisible():
            button(window, "later_button").click()
        for column in range(strokes):
            paint(window, k, 8, 8 + 12 * column)
        crash(window)
    last = make_window()
    assert "2 steps" in last.restoring.bar.text.full_text()
    button(last, "later_button").click()
    assert "1 step," in last.restoring.bar.text.full_text()
    button(last, "restore_button").click()
    finish(qtbot, last)
    assert last.session.mask.data[1].any()
    assert not last.restoring.bar.isVisible()
    assert "2 steps" in make_window().restoring.bar.text.full_text()


def test_closing_without_an_answer_keeps_the_work(qtbot: QtBot, make_window: MakeWindow, flair: Path) -> None:
    first = make_window(flair)
    work(qtbot, first)
    crash(first)
    second = make_window()
    second.close()
    assert make_window().restoring.bar.isVisible()


def test_a_window_that_was_closed_leaves_nothing_to_restore(qtbot: QtBot, make_window: MakeWindow, flair: Path) -> None:
    first = make_window(flair)
    work(qtbot, first)
    first.close()
    box(first, "unsaved_dialog").button(QMessageBox.StandardButton.Discard).click()
    assert not first.isVisible()
    assert not make_window().restoring.bar.isVisible()


def test_a_damaged_journal_is_told_and_its_sound_part_restored(
    qtbot: QtBot, make_window: MakeWindow, flair: Path
) -> None:
    first = make_window(flair)
    work(qtbot, first)
    crash(first)
    (path,) = (first.memory.store.folder / FOLDER).glob("*.tvjournal")
    content = path.read_bytes()
    path.write_bytes(content[:-3] + bytes([content[-3] ^ 8]) + content[-2:])
    second = make_window()
    button(second, "restore_button").click()
    finish(qtbot, second)
    assert "damaged" in box(second, "session_warning").text()
    box(second, "session_warning").close()
    assert second.session.mask.has_labels


def test_a_journal_that_is_damaged_at_its_start_can_only_be_discarded(
    qtbot: QtBot, make_window: MakeWindow, flair: Path
) -> None:
    first = make_window(flair)
    work(qtbot, first)
    crash(first)
    (path,) = (first.memory.store.folder / FOLDER).glob("*.tvjournal")
    path.write_bytes(b"X" + path.read_bytes()[1:])
    second = make_window()
    assert "cannot be restored" in second.restoring.bar.text.full_text()
    assert not button(second, "restore_button").isVisible()


def test_the_image_may_have_moved_meanwhile(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_window(flair)
    work(qtbot, first)
    wanted = state(first)
    crash(first)
    elsewhere = Path(shutil.move(flair, tmp_path / "elsewhere.nii.gz"))
    second = make_window()
    button(second, "restore_button").click()
    finish(qtbot, second)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(elsewhere), ""))
    press(second, "image_missing_dialog", "Find File…")
    finish(qtbot, second)
    assert state(second) == wanted


def test_a_disk_that_is_full_is_told_in_a_bar_that_goes_when_there_is_room(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(flair)
    write, full = journal_file._write_all, [True]
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)

    def refuse(file: object, content: bytes) -> None:
        if full:
            raise OSError(28, "No space left on device")
        write(file, content)

    monkeypatch.setattr(journal_file, "_write_all", refuse)
    paint(window, 1)
    qtbot.waitUntil(window.restoring.problem_bar.isVisible, timeout=TIMEOUT)
    assert "the disk is full" in window.restoring.problem_bar.text.full_text()
    paint(window, 2)
    full.clear()
    qtbot.waitUntil(lambda: not window.restoring.problem_bar.isVisible(), timeout=TIMEOUT)
    assert window.restoring.journal.flush()


# -- sessions --------------------------------------------------------------------------------------------------


def save_session(qtbot: QtBot, window: MainWindow, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    window.actions["file.save_session"].trigger()
    finish(qtbot, window)


def test_a_session_is_saved_and_opened_with_its_steps_and_is_in_the_recent_list(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_window(flair)
    work(qtbot, first)
    wanted, path = state(first), tmp_path / "mine.tvsession"
    save_session(qtbot, first, tmp_path / "mine", monkeypatch)
    assert path.is_file()
    assert not first.session.dirty
    assert first.memory.settings.recent[0] == str(path)
    first.close()
    assert not lock_path(path).exists()
    second = make_window(path)
    assert state(second) == wanted
    assert not second.session.dirty
    second.actions["edit.redo"].trigger()
    assert second.session.dirty
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: pytest.fail("it has a file already"))
    second.actions["file.save_session"].trigger()
    finish(qtbot, second)
    assert not second.session.dirty


def test_a_save_that_is_asked_for_during_another_comes_after_it(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path
) -> None:
    window = make_window(flair)
    path, order = tmp_path / "mine.tvsession", []
    paint(window, 1)
    window.files.sessions.save_to(path, lambda: order.append("first"))
    paint(window, 2)
    window.files.sessions.save_to(path, lambda: order.append("second"))
    paint(window, 3)
    window.files.sessions.save_to(path, lambda: order.append("third"))
    qtbot.waitUntil(lambda: "third" in order, timeout=TIMEOUT)
    assert order == ["first", "third"], "the third says all that the second would have said"
    assert len(read_session(path).state.done) == 3
    assert not window.session.dirty


def test_a_session_with_a_file_saves_itself_and_says_when_it_cannot(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosaving, "MINUTE_MS", 20)
    monkeypatch.setattr(autosaving, "BUSY_MS", 5)
    window = make_window(flair)
    session, path = window.session, tmp_path / "mine.tvsession"
    paint(window, 1)
    assert not window.files.autosave._timer.isActive(), "work without a file is kept by the journal alone"
    save_session(qtbot, window, path, monkeypatch)
    first = path.read_bytes()
    session.begin_stroke(PlaneView.of(session.mask.geometry, Plane.AXIAL))
    session.stroke_to(2, 20, 20)
    session.undo()
    session.redo()
    session.begin_stroke(PlaneView.of(session.mask.geometry, Plane.AXIAL))
    with qtbot.waitSignal(window.files.autosave._timer.timeout, timeout=TIMEOUT):
        session.stroke_to(3, 20, 20)
    assert path.read_bytes() == first, "never in the middle of a stroke"
    session.end_stroke()
    qtbot.waitUntil(lambda: not session.dirty, timeout=TIMEOUT)
    assert path.read_bytes() != first
    assert len(read_session(path).state.done) == len(session.history.steps)
    SessionLock.take(path, by_force=True).release()
    paint(window, 4)
    with qtbot.waitSignal(window.files.told, timeout=TIMEOUT) as told:
        pass
    assert "taken this session over" in told.args[0]
    assert session.dirty
    window.memory.set(autosave_minutes=0)
    assert not window.files.autosave._timer.isActive()


def test_a_session_that_is_open_elsewhere_can_be_opened_as_a_copy_or_taken_over(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_window(flair)
    paint(first, 1)
    path = tmp_path / "mine.tvsession"
    save_session(qtbot, first, path, monkeypatch)
    second = make_window(path)
    assert "process" in box(second, "session_in_use_dialog").informativeText()
    press(second, "session_in_use_dialog", "Open a Copy")
    finish(qtbot, second)
    assert second.session.mask.has_labels
    assert second.files.sessions.path is None
    third = make_window(path)
    press(third, "session_in_use_dialog", "Take It Over")
    finish(qtbot, third)
    assert third.files.sessions.path == path
    paint(first, 2)
    before = path.read_bytes()
    first.actions["file.save_session"].trigger()
    press(first, "session_taken_dialog", "Cancel")
    finish(qtbot, first)
    assert path.read_bytes() == before
    assert first.session.dirty


def test_saving_over_a_session_that_somebody_has_open_is_refused(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(flair)
    paint(window, 1)
    path = tmp_path / "theirs.tvsession"
    path.write_bytes(b"theirs")
    theirs = SessionLock.take(path)
    assert isinstance(theirs, SessionLock)
    save_session(qtbot, window, path, monkeypatch)
    assert "open elsewhere" in box(window, "error_dialog").text()
    box(window, "error_dialog").close()
    assert path.read_bytes() == b"theirs"
    theirs.release()


def test_a_session_is_opened_again_over_itself(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(flair)
    paint(window, 1)
    path = tmp_path / "mine.tvsession"
    save_session(qtbot, window, path, monkeypatch)
    wanted = state(window)
    window.files.open_path(path)
    finish(qtbot, window)
    assert state(window) == wanted
    assert window.files.sessions.path == path
    assert lock_path(path).exists()


def test_unsaved_work_can_be_saved_as_a_session_when_closing(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(flair)
    paint(window, 1)
    path = tmp_path / "mine.tvsession"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    window.close()
    press(window, "unsaved_dialog", "Save Session…")
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=TIMEOUT)
    assert path.is_file()
    assert abandoned(window.memory.store.folder / FOLDER) == []


def test_unsaved_measurements_are_asked_about_and_go_into_the_session(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(flair)
    window.session.records.put("measurements", {"version": 1, "items": []}, work=True)
    path = tmp_path / "mine.tvsession"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    window.close()
    box(window, "unsaved_dialog").button(QMessageBox.StandardButton.Save).click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=TIMEOUT)
    again = make_window(path)
    assert again.session.records.get("measurements") == {"version": 1, "items": []}
    assert not again.session.dirty


def test_a_window_that_was_set_comes_back_with_the_session(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(flair)
    window.view().set_window(Window(70.0, 30.0))
    qtbot.waitUntil(lambda: window.session.records.get("looks") is not None, timeout=TIMEOUT)
    save_session(qtbot, window, tmp_path / "mine.tvsession", monkeypatch)
    window.close()
    assert make_window(tmp_path / "mine.tvsession").view().window == Window(70.0, 30.0)


def test_an_image_with_other_voxels_needs_consent(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window(flair)
    paint(window, 1)
    path = tmp_path / "mine.tvsession"
    save_session(qtbot, window, path, monkeypatch)
    window.close()
    write_nifti(flair, np.zeros(SHAPE, np.int16))
    again = make_window(path)
    press(again, "other_voxels_dialog", "Cancel")
    assert again.session.study is None
    assert not lock_path(path).exists()
    again.files.open_path(path)
    finish(qtbot, again)
    press(again, "other_voxels_dialog", "Open Anyway")
    assert again.session.mask.has_labels
    box(again, "session_warning").close()


def test_a_damaged_session_is_told_and_what_is_open_stays(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, tmp_path: Path
) -> None:
    window = make_window(flair)
    path = tmp_path / "broken.tvsession"
    path.write_bytes(b"PK nonsense")
    window.files.open_path(path)
    finish(qtbot, window)
    assert "damaged" in box(window, "error_dialog").text()
    box(window, "error_dialog").close()
    assert window.session.study is not None
    assert not lock_path(path).exists()


# -- masks from elsewhere --------------------------------------------------------------------------------------


def test_a_mask_on_another_grid_is_resampled_once_the_user_agrees(
    qtbot: QtBot, make_window: MakeWindow, flair: Path, other_grid: Path
) -> None:
    window = make_window(flair)
    window.files.masks.load_mask(other_grid)
    finish(qtbot, window)
    asked = box(window, "resample_dialog")
    assert "8 x 8 x 3" in asked.text()
    assert "40 x 32 x 6" in asked.text()
    press(window, "resample_dialog", "Cancel")
    assert not window.session.mask.has_labels
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "resample_dialog") is None)
    window.files.masks.load_mask(other_grid)
    finish(qtbot, window)
    press(window, "resample_dialog", "Resample to This Image")
    finish(qtbot, window)
    assert np.count_nonzero(window.session.mask.data) == 3 * 8 * 8
    assert [step.title for step in window.session.history.steps] == ["Load other_seg.nii.gz"]


def test_the_bars_leave_the_image_its_room(make_window: MakeWindow, flair: Path) -> None:
    window = make_window(flair)
    shown = [bar for bar in window.findChildren(QWidget) if bar.objectName().endswith("_bar") and bar.isVisible()]
    assert window.restoring.bar not in shown
    assert window.restoring.problem_bar not in shown
