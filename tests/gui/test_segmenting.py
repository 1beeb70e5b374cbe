"""Run, live parts, threshold, cancel, stale results: the network's double decides the pace."""

import threading
from pathlib import Path

import numpy as np
from doubles import SHAPE, TIMEOUT, TUMOUR, FakeSegmenter, run_segmentation, write_nifti
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QSlider, QTableWidget
from pytestqt.qtbot import QtBot

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Provenance
from tumorview.core.study import Role, Series, Study
from tumorview.core.tools import Brush, Stroke
from tumorview.core.volume import Volume
from tumorview.errors import EngineError
from tumorview.gui.main_window import MainWindow


def shown_count(window: MainWindow) -> int:
    shown = window.session.shown
    return 0 if shown is None else int(np.count_nonzero(shown))


def wait_for_parts(qtbot: QtBot, window: MainWindow, slices: int) -> None:
    _, j, i = TUMOUR
    area = (j.stop - j.start) * (i.stop - i.start)
    qtbot.waitUntil(lambda: shown_count(window) >= slices * area, timeout=TIMEOUT)


def test_run_gives_the_mask_as_one_step(qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter) -> None:
    window.findChild(QPushButton, "segment_run_button").click()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    mask = window.session.mask
    assert mask is not None
    wanted = np.zeros(SHAPE, bool)
    wanted[TUMOUR] = True
    assert np.array_equal(mask.data > 0, wanted)
    assert window.session.dirty
    assert window.isWindowModified()
    assert window.tools.segment.status.full_text().startswith("2.1 ml in")
    assert "fake · cpu · float32" in window.tools.segment.status.toolTip()
    assert [step.title for step in window.session.history.steps] == ["AI segmentation"]


def test_the_network_runs_off_the_gui_thread(qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter) -> None:
    run_segmentation(qtbot, window)
    assert len(segmenter.threads) == 1
    assert segmenter.threads != [threading.current_thread().name]


def test_the_slice_in_view_is_asked_for_first(qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter) -> None:
    window.view().go_to(4, 16, 20)
    run_segmentation(qtbot, window)
    assert segmenter.options[0].first == (4, 16, 20)


def test_parts_are_shown_before_the_end_and_are_no_step(
    qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter
) -> None:
    segmenter.hold = True
    window.actions["segment.run"].trigger()
    assert not window.actions["segment.run"].isEnabled()
    assert window.actions["segment.cancel"].isEnabled()
    segmenter.release(4)
    wait_for_parts(qtbot, window, 2)
    assert not window.session.mask.has_labels
    assert not window.session.dirty
    segmenter.release()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    assert window.session.mask.has_labels


def hear_all(window: MainWindow) -> None:
    """Wait until no thread works any more, and take in everything they said."""
    assert window.jobs.shutdown()
    QApplication.processEvents()


def test_cancel_answers_at_once_and_leaves_the_mask(qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter) -> None:
    run_segmentation(qtbot, window)
    before = window.session.mask.data.copy()
    steps = window.session.history.steps
    segmenter.hold = segmenter.deaf = True  # even a network that does not listen
    window.actions["segment.run"].trigger()
    segmenter.release(2)
    qtbot.waitUntil(lambda: window.tools.segment.status.full_text().startswith("Segmenting"), timeout=TIMEOUT)
    with qtbot.waitSignal(window.jobs.idle, timeout=TIMEOUT):  # while the network is held: nobody waits for it
        window.findChild(QPushButton, "segment_cancel_button").click()
    assert not window.jobs.running
    assert np.array_equal(window.session.shown, before)
    assert window.actions["segment.run"].isEnabled()
    segmenter.release()
    hear_all(window)  # what it still delivers is not looked at
    assert np.array_equal(window.session.mask.data, before)
    assert window.session.history.steps == steps


def test_a_result_for_a_study_that_was_closed_is_dropped(
    qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter, tmp_path: Path
) -> None:
    segmenter.hold = segmenter.deaf = True
    window.actions["segment.run"].trigger()
    segmenter.release(3)
    wait_for_parts(qtbot, window, 1)
    other = write_nifti(tmp_path / "other.nii.gz", np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16))
    window.files.open_path(other)
    qtbot.waitUntil(lambda: window.session.study.path == other, timeout=TIMEOUT)
    segmenter.release()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    hear_all(window)
    assert shown_count(window) == 0
    assert window.session.prediction is None
    assert not window.session.dirty


def test_the_threshold_moves_the_mask_live_and_becomes_one_step(qtbot: QtBot, window: MainWindow) -> None:
    run_segmentation(qtbot, window)
    tight = shown_count(window)
    slider = window.findChild(QSlider, "threshold_slider")
    slider.setSliderDown(True)
    slider.setValue(25)
    qtbot.waitUntil(lambda: shown_count(window) > tight)
    assert len(window.session.history.steps) == 1
    slider.setValue(20)
    slider.setSliderDown(False)
    slider.sliderReleased.emit()
    assert len(window.session.history.steps) == 2
    assert int(np.count_nonzero(window.session.mask.data)) > tight
    window.actions["edit.undo"].trigger()
    assert shown_count(window) == tight


def test_a_threshold_set_by_key_or_script_settles_by_itself(qtbot: QtBot, window: MainWindow) -> None:
    run_segmentation(qtbot, window)
    window.findChild(QSlider, "threshold_slider").setValue(20)
    qtbot.waitUntil(lambda: len(window.session.history.steps) == 2)


def test_dice_follows_the_mask(qtbot: QtBot, window: MainWindow, truth: Path, segmenter: FakeSegmenter) -> None:
    window.files.masks.load_truth(truth)
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    table = window.findChild(QTableWidget, "agreement_table")
    window.view().go_to(0, 0, 0)
    qtbot.waitUntil(lambda: table.item(0, 2).text() == "0.000")
    qtbot.waitUntil(lambda: table.item(0, 1).text() == "–")
    assert "Undefined" in table.item(0, 1).toolTip()
    run_segmentation(qtbot, window)
    qtbot.waitUntil(lambda: table.item(0, 2).text() == "1.000")
    window.view().go_to(3, 16, 20)
    qtbot.waitUntil(lambda: table.item(0, 1).text() == "1.000")
    window.view().begin_stroke(erase=True)
    window.session.stroke_to(3, 15, 20)
    qtbot.waitUntil(lambda: table.item(0, 1).text() != "1.000")
    window.session.end_stroke()
    window.actions["edit.undo"].trigger()
    qtbot.waitUntil(lambda: table.item(0, 1).text() == "1.000")


def test_a_stroke_survives_a_run_and_the_next_one(qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter) -> None:
    segmenter.hold = True
    window.actions["segment.run"].trigger()
    segmenter.release(1)
    window.session.begin_stroke(window.view().plane_view)
    window.session.stroke_to(0, 16, 20)
    window.session.end_stroke()
    segmenter.release()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    assert window.session.mask.data[0, 16, 20] == 1
    run_segmentation(qtbot, window)
    assert window.session.mask.data[0, 16, 20] == 1


def test_an_engine_that_fails_is_told_and_the_mask_stays(
    qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter
) -> None:
    segmenter.error = EngineError("The device is gone.", "Choose another device.")
    run_segmentation(qtbot, window)
    box = window.findChild(QMessageBox, "error_dialog")
    assert box.text() == "The device is gone."
    assert box.informativeText() == "Choose another device."
    assert not window.session.mask.has_labels
    box.close()


def test_a_bug_is_told_without_a_traceback_and_the_program_goes_on(
    qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter
) -> None:
    segmenter.error = ValueError("secret of '/data/patient/x.nii'")
    run_segmentation(qtbot, window)
    box = window.findChild(QMessageBox, "error_dialog")
    assert "bug" in box.text()
    assert "Traceback" not in box.text() + box.informativeText()
    box.findChild(QPushButton, "copy_details_button").click()
    from PySide6.QtGui import QGuiApplication

    details = QGuiApplication.clipboard().text()
    assert "ValueError" in details
    assert "patient" not in details
    box.close()
    segmenter.error = None
    run_segmentation(qtbot, window)
    assert window.session.mask.has_labels


def test_undo_and_redo_follow_the_actions(qtbot: QtBot, window: MainWindow) -> None:
    assert not window.actions["edit.undo"].isEnabled()
    run_segmentation(qtbot, window)
    stroke = Stroke(window.session.mask, window.view().plane_view, Brush(3.0, 1), title="Brush")
    stroke.move_to(0, 5, 5)
    window.session.history.push(stroke.finish())
    everything = window.session.mask.data.copy()
    window.actions["edit.undo"].trigger()
    window.actions["edit.undo"].trigger()
    assert not window.session.mask.has_labels
    assert not window.isWindowModified()
    assert not window.actions["edit.undo"].isEnabled()
    window.actions["edit.redo"].trigger()
    window.actions["edit.redo"].trigger()
    assert np.array_equal(window.session.mask.data, everything)
    assert not window.actions["edit.redo"].isEnabled()


def test_closing_the_window_mid_run_ends_its_thread(qtbot: QtBot, window: MainWindow, segmenter: FakeSegmenter) -> None:
    segmenter.hold = True
    window.actions["segment.run"].trigger()
    segmenter.release(2)
    window.close()
    assert not window.isVisible()
    assert not window.jobs.running


def test_volumes_are_shown_per_label(qtbot: QtBot, window: MainWindow) -> None:
    run_segmentation(qtbot, window)
    qtbot.waitUntil(lambda: window.tools.labels.rows[0].volume.full_text() == "2.1 ml")


def two_grids(tmp_path: Path) -> Study:
    """A FLAIR and another series on a finer grid."""
    rng = np.random.default_rng(5)
    series = tuple(
        Series(
            name,
            Volume(rng.integers(0, 900, shape).astype(np.int16), Geometry.from_spacing(shape, (5.0, 1.0, 1.0))),
            role=role,
            role_confidence=0.9,
        )
        for name, shape, role in (("a", SHAPE, Role.FLAIR), ("b", (8, 40, 48), Role.OTHER))
    )
    return Study(tmp_path, series, title="two grids")


def swap_roles(window: MainWindow) -> None:
    a, b = window.session.study.series
    window.session.set_role(a, Role.OTHER)
    window.session.set_role(b, Role.FLAIR)


def test_an_untouched_mask_follows_the_series_that_is_named_flair(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    window.session.open(two_grids(tmp_path))
    swap_roles(window)
    assert window.session.mask.data.shape == (8, 40, 48)
    run_segmentation(qtbot, window)
    assert window.session.mask.has_labels


def test_a_mask_that_was_begun_is_not_mixed_with_another_grid(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    window.session.open(two_grids(tmp_path))
    run_segmentation(qtbot, window)
    before = window.session.mask.data.copy()
    swap_roles(window)
    run_segmentation(qtbot, window)
    box = window.findChild(QMessageBox, "error_dialog")
    assert "another series" in box.text()
    box.close()
    assert np.array_equal(window.session.mask.data, before)


def test_the_keys_lead_through_slices_in_doubt_until_they_are_corrected(window: MainWindow, qtbot: QtBot) -> None:
    told: list[str] = []
    window.viewing.told.connect(told.append)
    assert not window.actions["segment.next_doubtful"].isEnabled()
    run_segmentation(qtbot, window)
    window.view().go_to(TUMOUR[0].stop - 1, 0, 0)  # in doubt as well: the greatest comes first all the same
    window.actions["segment.next_doubtful"].trigger()
    first = window.view().current_index
    assert first in range(TUMOUR[0].start, TUMOUR[0].stop)  # the double is unsure at the rim of these slices
    assert told[-1].startswith("Doubt 1 of 3: slice")
    window.actions["segment.next_doubtful"].trigger()
    second = window.view().current_index
    assert second != first
    window.actions["segment.previous_doubtful"].trigger()
    assert window.view().current_index == first
    assert window.session.mask is not None
    window.session.mask.provenance[TUMOUR[0]] = Provenance.BRUSH
    window.actions["segment.next_doubtful"].trigger()
    assert told[-1] == "No slice is in doubt."


def test_the_uncertainty_map_takes_the_place_of_the_heat_map(window: MainWindow, qtbot: QtBot) -> None:
    run_segmentation(qtbot, window)
    window.actions["view.heat_map"].setChecked(True)
    window.actions["view.uncertainty"].setChecked(True)
    assert not window.actions["view.heat_map"].isChecked()
    view = window.view()
    view.go_to(3, 15, 15)
    key = view.source.heat_key(view.overlay)
    assert key is not None
    assert (key.title, key.threshold) == ("Uncertainty", None)
    picture = view.source.overlay(3, view.overlay)
    assert picture.fill is not None
    inside, rim, far = (picture.fill.pixelColor(18, row) for row in (15, 9, 1))
    assert rim.lightness() > inside.lightness()  # 0.3 is nearer to a coin's toss than 0.9
    assert far.alpha() == 0
    window.actions["view.heat_map"].setChecked(True)
    assert not window.actions["view.uncertainty"].isChecked()
