"""Opening, loading, saving and exporting from the window; bad input; unsaved work."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from doubles import SHAPE, TIMEOUT, TUMOUR, MakeWindow, run_segmentation, write_nifti
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from tumorview.gui.main_window import MainWindow


def finish(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)


def error_of(window: MainWindow) -> str:
    box = window.findChild(QMessageBox, "error_dialog")
    assert box is not None
    text = f"{box.text()} {box.informativeText()}"
    assert box.informativeText()
    assert "Traceback" not in text
    box.close()
    return text


def choose(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Every file dialog answers ``path``."""
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(path))


def answer(qtbot: QtBot, window: MainWindow, button: QMessageBox.StandardButton) -> None:
    box = window.findChild(QMessageBox, "unsaved_dialog")
    assert box is not None
    box.button(button).click()
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "unsaved_dialog") is None)


# -- saving and exporting --------------------------------------------------------------------------------------


def test_the_mask_is_saved_in_the_geometry_of_the_image(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, flair: Path, tmp_path: Path
) -> None:
    run_segmentation(qtbot, window)
    target = tmp_path / "out.nii.gz"
    choose(monkeypatch, target)
    window.actions["file.save_mask"].trigger()
    finish(qtbot, window)
    saved, image = nibabel.load(target), nibabel.load(flair)
    assert np.allclose(saved.affine, image.affine)
    assert np.array_equal(np.asarray(saved.dataobj).transpose(2, 1, 0) > 0, window.session.mask.data > 0)
    assert not window.session.dirty
    assert not window.isWindowModified()
    assert window.status.saved.text() == "Saved"
    assert str(target) in window.status.toolTip()
    assert window.status.currentMessage().endswith("out.nii.gz")


def test_saving_again_asks_nothing(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_segmentation(qtbot, window)
    choose(monkeypatch, tmp_path / "out.nii.gz")
    window.actions["file.save_mask"].trigger()
    finish(qtbot, window)
    window.actions["edit.undo"].trigger()
    assert window.session.dirty
    choose(monkeypatch, tmp_path / "never.nii.gz")
    window.actions["file.save_mask"].trigger()
    finish(qtbot, window)
    assert not window.session.dirty
    assert not (tmp_path / "never.nii.gz").exists()
    assert not np.asarray(nibabel.load(tmp_path / "out.nii.gz").dataobj).any()


def test_a_name_without_suffix_becomes_nifti(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, tmp_path / "result")
    window.actions["file.export_nifti"].trigger()
    finish(qtbot, window)
    assert (tmp_path / "result.nii.gz").is_file()


def test_the_suggested_name_lies_beside_the_image(window: MainWindow, flair: Path) -> None:
    assert window.files.folders.suggested_path() == flair.parent / "patient_flair_mask.nii.gz"


def test_png_slices_are_exported_and_hold_the_mask(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_segmentation(qtbot, window)
    folder = tmp_path / "pictures"
    folder.mkdir()
    choose(monkeypatch, folder)
    window.actions["file.export_png"].trigger()
    finish(qtbot, window)
    masks, overlays = sorted((folder / "masks").iterdir()), sorted((folder / "overlays").iterdir())
    assert len(masks) == len(overlays) == SHAPE[0]
    _, j, i = TUMOUR
    area = (j.stop - j.start) * (i.stop - i.start)
    painted = [np.count_nonzero(np.asarray(Image.open(path))) for path in masks]
    assert painted == [0, 0, area, area, area, 0]


def test_an_edit_made_while_the_mask_is_written_stays_unsaved(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    run_segmentation(qtbot, window)
    window.files.save_to(tmp_path / "out.nii.gz")
    window.actions["edit.undo"].trigger()
    finish(qtbot, window)
    assert window.session.dirty


def test_a_folder_that_cannot_be_written_is_told_and_the_work_stays(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    run_segmentation(qtbot, window)
    window.files.save_to(tmp_path / "missing" / "out.nii.gz")
    finish(qtbot, window)
    assert "does not exist" in error_of(window)
    assert window.session.dirty
    assert window.session.mask.has_labels


# -- unsaved work ----------------------------------------------------------------------------------------------


def test_closing_asks_and_cancel_keeps_everything(qtbot: QtBot, window: MainWindow) -> None:
    run_segmentation(qtbot, window)
    window.close()
    assert window.isVisible()
    answer(qtbot, window, QMessageBox.StandardButton.Cancel)
    assert window.isVisible()
    assert window.session.dirty


def test_closing_and_discarding_closes(qtbot: QtBot, window: MainWindow) -> None:
    run_segmentation(qtbot, window)
    window.close()
    answer(qtbot, window, QMessageBox.StandardButton.Discard)
    assert not window.isVisible()


def test_closing_and_saving_saves_then_closes(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_segmentation(qtbot, window)
    choose(monkeypatch, tmp_path / "out.nii.gz")
    window.close()
    answer(qtbot, window, QMessageBox.StandardButton.Save)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=TIMEOUT)
    assert np.asarray(nibabel.load(tmp_path / "out.nii.gz").dataobj).any()


def test_closing_and_saving_where_it_fails_does_not_close(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_segmentation(qtbot, window)
    choose(monkeypatch, tmp_path / "missing" / "out.nii.gz")
    window.close()
    answer(qtbot, window, QMessageBox.StandardButton.Save)
    finish(qtbot, window)
    error_of(window)
    assert window.isVisible()
    assert window.session.dirty


def test_opening_another_study_asks_first(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    run_segmentation(qtbot, window)
    first = window.session.study
    other = write_nifti(tmp_path / "other.nii.gz", np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE))
    window.files.open_path(other)
    answer(qtbot, window, QMessageBox.StandardButton.Cancel)
    finish(qtbot, window)
    assert window.session.study is first
    window.files.open_path(other)
    answer(qtbot, window, QMessageBox.StandardButton.Discard)
    qtbot.waitUntil(lambda: window.session.study.path == other, timeout=TIMEOUT)


# -- bad input -------------------------------------------------------------------------------------------------


def bad_inputs(folder: Path) -> dict[str, Path]:
    text = folder / "text.nii.gz"
    text.write_text("not a NIfTI")
    empty = folder / "empty"
    empty.mkdir()
    dicom = folder / "cut.dcm"
    dicom.write_bytes(b"\0" * 128 + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00")
    return {"text": text, "empty folder": empty, "truncated DICOM": dicom, "missing": folder / "nowhere.nii"}


@pytest.mark.parametrize("kind", ["text", "empty folder", "truncated DICOM", "missing"])
def test_what_cannot_be_read_is_told_and_the_study_stays(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, kind: str
) -> None:
    study = window.session.study
    window.files.open_path(bad_inputs(tmp_path)[kind])
    finish(qtbot, window)
    error_of(window)
    assert window.session.study is study
    assert window.view().isVisible()


def test_a_truth_of_another_shape_is_refused(qtbot: QtBot, window: MainWindow, other_grid: Path) -> None:
    run_segmentation(qtbot, window)
    before = window.session.mask.data.copy()
    window.files.masks.load_truth(other_grid)
    finish(qtbot, window)
    text = error_of(window)
    assert "8 x 8 x 3" in text
    assert "40 x 32 x 6" in text
    assert window.session.truth is None
    assert np.array_equal(window.session.mask.data, before)


def test_a_bad_path_at_the_start_leaves_the_welcome_page(make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window(tmp_path / "nowhere")
    error_of(window)
    assert window.welcome.isVisible()


def test_a_recent_study_that_is_gone_leaves_the_list(qtbot: QtBot, window: MainWindow, flair: Path) -> None:
    assert window.memory.settings.recent == (str(flair),)
    flair.unlink()
    window.files.open_path(flair)
    finish(qtbot, window)
    error_of(window)
    assert window.memory.settings.recent == ()


# -- drag and drop ---------------------------------------------------------------------------------------------


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button, modifier = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(90, 90), action, data, button, modifier)
    event.ignore()
    window.dragEnterEvent(event)
    assert event.isAccepted()
    window.dropEvent(event)


def test_a_file_dropped_on_an_empty_window_is_opened(qtbot: QtBot, make_window: MakeWindow, flair: Path) -> None:
    window = make_window()
    drop(window, flair)
    finish(qtbot, window)
    assert window.session.study.path == flair


def test_a_file_dropped_on_a_study_may_be_its_ground_truth(qtbot: QtBot, window: MainWindow, truth: Path) -> None:
    drop(window, truth)
    menu = window.findChild(QMenu, "drop_menu")
    texts = [entry.text() for entry in menu.actions()]
    assert texts == ["Open as study", "Load as mask", "Load as ground truth"]
    menu.actions()[2].trigger()
    menu.close()
    finish(qtbot, window)
    assert window.session.truth is not None


def test_the_sample_study_comes_with_its_truth_and_is_not_recent(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    window.actions["file.open_sample"].trigger()
    finish(qtbot, window)
    assert len(window.session.study.series) == 3
    assert window.session.truth is not None
    assert len(window.series_list.cards) == 3
    assert window.memory.settings.recent == ()
    assert window.files.folders.suggested_path().parent == Path.home()
