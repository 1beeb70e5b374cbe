"""The model manager: everything is listed, nothing is lost by accident, the Segment panel follows at once."""

import zipfile
from pathlib import Path

import pytest
from doubles import TIMEOUT, MakeWindow
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from tests.unit.finished_runs import compared, write_installed, write_run
from tumorview.app.model_store import ModelStore
from tumorview.gui.main_window import MainWindow
from tumorview.gui.model_manager import ModelManager


@pytest.fixture
def store(window: MainWindow) -> ModelStore:
    return window.models.store


@pytest.fixture
def own(store: ModelStore, tmp_path: Path) -> str:
    """An own model that passed."""
    run = write_run(tmp_path / "run")
    return store.install_run(run, title="Ours", notes="our 3 T", comparison=compared(store, run, 0.1)).id


@pytest.fixture
def candidate(store: ModelStore, tmp_path: Path) -> str:
    """An own model that did not pass."""
    run = write_run(tmp_path / "worse", seed=2)
    return store.install_run(run, title="Theirs", comparison=compared(store, run, -0.1)).id


def opened(qtbot: QtBot, window: MainWindow) -> ModelManager:
    window.actions["segment.models"].trigger()
    manager = window.findChild(ModelManager)
    assert manager is not None
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    return manager


def panel_titles(window: MainWindow) -> list[str]:
    combo = window.tools.segment.model
    return [combo.itemText(index) for index in range(combo.count())]


def answer(parent: QDialog, name: str, text: str) -> None:
    """Press a button of the question that is open."""
    box = parent.findChild(QMessageBox, name)
    assert box is not None
    next(button for button in box.buttons() if button.text() == text).click()


def test_the_manager_is_no_modal_dialog_and_shows_the_default(qtbot: QtBot, window: MainWindow) -> None:
    manager = opened(qtbot, window)
    assert not manager.isModal()
    assert manager.chosen.id == "unet-cbam-lgg"
    assert "default" in manager.standing.text()
    text = manager.card.toPlainText()
    assert "CC BY-NC-SA 4.0" in text
    assert "Dice, mean over patients" in text
    assert "Research use only" in text
    assert not manager.delete_button.isEnabled()
    assert not manager.edit_button.isEnabled()
    manager.close()


def test_making_a_model_the_default_chooses_it_in_the_segment_panel(qtbot: QtBot, window: MainWindow, own: str) -> None:
    manager = opened(qtbot, window)
    assert "Ours" in panel_titles(window)
    assert window.tools.segment.model_id == "unet-cbam-lgg"
    manager.choose(own)
    manager.default_button.click()
    assert window.models.store.default().id == own
    assert window.tools.segment.model_id == own
    assert manager.history.rowCount() == 1
    manager.back_button.click()
    assert window.tools.segment.model_id == "unet-cbam-lgg"
    assert manager.history.rowCount() == 2
    assert not manager.back_button.isEnabled()
    manager.close()


def test_a_candidate_says_why_and_cannot_become_the_default(qtbot: QtBot, window: MainWindow, candidate: str) -> None:
    manager = opened(qtbot, window)
    manager.choose(candidate)
    assert "candidate" in manager.standing.text()
    assert "loses" in manager.standing.text()
    assert not manager.default_button.isEnabled()
    assert "Theirs, candidate" in panel_titles(window)
    manager.close()


def test_deleting_asks_first_and_names_the_next_default(qtbot: QtBot, window: MainWindow, own: str) -> None:
    manager = opened(qtbot, window)
    manager.choose(own)
    manager.default_button.click()
    manager.delete_button.click()
    box = manager.findChild(QMessageBox, "delete_model_dialog")
    assert "becomes the default" in box.informativeText()
    box.button(QMessageBox.StandardButton.Cancel).click()
    assert own in {model.id for model in window.models.store.models()}
    qtbot.waitUntil(lambda: manager.findChild(QMessageBox) is None)
    manager.delete_button.click()
    answer(manager, "delete_model_dialog", "Delete")
    assert own not in {model.id for model in window.models.store.models()}
    assert window.tools.segment.model_id == "unet-cbam-lgg"
    assert "Ours" not in panel_titles(window)
    manager.close()


def test_name_and_notes_are_changed_with_the_keyboard(qtbot: QtBot, window: MainWindow, own: str) -> None:
    manager = opened(qtbot, window)
    manager.choose(own)
    qtbot.keyClick(manager.edit_button, Qt.Key.Key_Space)
    dialog = manager.findChild(QDialog, "describe_model_dialog")
    qtbot.keyClicks(dialog.name, "Bay 3 T")
    dialog.notes.setPlainText("new coil")
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    model = window.models.store.get(own)
    assert (model.title, model.own_notes) == ("Bay 3 T", "new coil")
    assert "Bay 3 T" in panel_titles(window)
    assert "new coil" in manager.card.toPlainText()
    manager.close()


def test_export_and_import_are_jobs_and_an_import_needs_somebody_to_vouch(
    qtbot: QtBot, window: MainWindow, own: str, tmp_path: Path
) -> None:
    manager = opened(qtbot, window)
    path = tmp_path / "ours.tvmodel"
    manager.choose(own)
    manager.files.export(manager.chosen, path)
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    assert zipfile.is_zipfile(path)
    window.models.store.delete(own)
    manager.files.import_file(path)
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    assert manager.chosen.id == own
    manager.default_button.click()
    assert window.tools.segment.model_id == "unet-cbam-lgg"
    answer(manager, "vouch_dialog", "Make It the Default")
    assert window.tools.segment.model_id == own
    manager.close()


def test_an_import_that_fails_says_why_and_changes_nothing(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    manager = opened(qtbot, window)
    (tmp_path / "bad.tvmodel").write_text("hello")
    manager.files.import_file(tmp_path / "bad.tvmodel")
    qtbot.waitUntil(lambda: manager.findChild(QMessageBox, "error_dialog") is not None, timeout=TIMEOUT)
    assert "not a TumorView model" in manager.findChild(QMessageBox, "error_dialog").text()
    assert manager.list.count() == len(window.models.store.models())
    manager.findChild(QMessageBox, "error_dialog").close()
    manager.close()


def test_broken_and_damaged_models_are_listed_and_can_be_deleted(
    qtbot: QtBot, window: MainWindow, store: ModelStore
) -> None:
    root = store.registry.user
    (write_installed(root, "broken") / "card.json").write_text("hello")
    weights = write_installed(root, "damaged", 5) / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    manager = opened(qtbot, window)
    for name, word in (("broken", "JSON"), ("damaged", "SHA-256")):
        manager.choose(name)
        assert word in manager.standing.text()
        assert "cannot be used" in manager.list.currentItem().text()
        assert not manager.default_button.isEnabled()
        assert not manager.export_button.isEnabled()
        manager.delete_button.click()
        answer(manager, "delete_model_dialog", "Delete")
        qtbot.waitUntil(lambda: manager.findChild(QMessageBox) is None)
    assert {model.id for model in store.models() if not model.entry.bundled} == set()
    assert window.tools.segment.model_id == "unet-cbam-lgg"
    manager.close()


def test_a_full_disk_while_renaming_keeps_the_dialog_open(
    qtbot: QtBot, window: MainWindow, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = opened(qtbot, window)
    manager.choose(own)
    manager.edit_button.click()
    dialog = manager.findChild(QDialog, "describe_model_dialog")
    dialog.name.setText("Other")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tumorview.io.atomic._put", full)
        dialog.findChild(QPushButton, "describe_model_save").click()
    assert dialog.isVisible()
    assert "disk is full" in manager.findChild(QMessageBox, "error_dialog").text()
    manager.findChild(QMessageBox, "error_dialog").close()
    dialog.close()
    assert window.models.store.get(own).title == "Ours"
    manager.close()


def test_the_manager_can_be_closed_while_it_works(qtbot: QtBot, window: MainWindow, own: str, tmp_path: Path) -> None:
    manager = opened(qtbot, window)
    path = tmp_path / "ours.tvmodel"
    manager.choose(own)
    manager.files.export(manager.chosen, path)
    manager.close()
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)
    assert zipfile.is_zipfile(path)


def test_a_new_window_segments_with_the_default(make_window: MakeWindow, window: MainWindow, own: str) -> None:
    window.models.store.set_default(own)
    assert make_window().tools.segment.model_id == own
