"""Paths that can be opened in more than one way: which study, and what becomes of irregular slices."""

from pathlib import Path

import numpy as np
import pytest
from doubles import TIMEOUT, MakeWindow
from PySide6.QtWidgets import QDialog, QListWidget, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from tests.unit.synthetic import SeriesSpec, pattern, write_classic
from tumorview.app import tasks
from tumorview.core.opening import Irregular
from tumorview.gui.main_window import MainWindow

SHAPE = (8, 20, 24)


def two_patients(folder: Path) -> None:
    for name in ("Anna", "Bert"):
        identity = {"PatientName": f"Doe^{name}", "PatientID": name}
        write_classic(folder / name, SeriesSpec(pattern(SHAPE), study_uid=f"1.2.{len(name)}", attributes=identity))


def uneven(folder: Path) -> None:
    spec = SeriesSpec(pattern(SHAPE))

    def move(dataset, index):
        dataset.ImagePositionPatient = (spec.position(index) + np.array([0, 0, 2.5 * (index > 4)])).tolist()

    write_classic(folder, spec, edit=move)


def dialog(qtbot: QtBot, window: MainWindow, kind: type[QDialog], name: str) -> QDialog:
    qtbot.waitUntil(lambda: window.findChild(kind, name) is not None, timeout=TIMEOUT)
    found = window.findChild(kind, name)
    assert found is not None
    return found


def finish(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: not window.jobs.running, timeout=TIMEOUT)


@pytest.mark.parametrize(("row", "patient"), [(0, "Doe Anna"), (1, "Doe Bert")])
def test_the_user_says_which_patient_of_a_folder_is_opened(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path, row: int, patient: str
) -> None:
    two_patients(tmp_path / "disc")
    window = make_window()
    window.files.open_path(tmp_path / "disc")
    box = dialog(qtbot, window, QDialog, "study_choice_dialog")
    assert window.session.study is None
    studies = box.findChild(QListWidget, "study_choice_list")
    assert studies.item(row).text().startswith(patient)
    assert "8 slices: FLAIR" in studies.item(row).text()
    studies.setCurrentRow(row)
    box.accept()
    finish(qtbot, window)
    assert window.session.study.patient.startswith(patient)
    assert len(window.session.study.choices) == 2


def test_another_study_of_the_folder_is_opened_from_the_menu(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    for uid, name in (("1.2.1", "AX FLAIR"), ("1.2.1", "AX T1"), ("1.2.2", "AX T1")):
        write_classic(tmp_path / "disc" / f"{uid}{name}", SeriesSpec(pattern(SHAPE), study_uid=uid, description=name))
    window = make_window(tmp_path / "disc")
    assert window.session.study.opening.study == "1.2.1"
    assert window.actions["file.choose_study"].isEnabled()
    window.actions["file.choose_study"].trigger()
    box = dialog(qtbot, window, QDialog, "study_choice_dialog")
    studies = box.findChild(QListWidget, "study_choice_list")
    assert studies.currentRow() == 0
    studies.setCurrentRow(1)
    box.accept()
    qtbot.waitUntil(lambda: window.session.study.opening.study == "1.2.2", timeout=TIMEOUT)
    finish(qtbot, window)


def test_names_are_not_in_the_list_where_identity_is_hidden(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    two_patients(tmp_path / "disc")
    window = make_window()
    window.actions["view.hide_identity"].trigger()
    window.files.open_path(tmp_path / "disc")
    box = dialog(qtbot, window, QDialog, "study_choice_dialog")
    studies = box.findChild(QListWidget, "study_choice_list")
    assert [studies.item(row).text().splitlines()[0] for row in range(2)] == ["Study 1", "Study 2"]
    box.reject()
    assert window.session.study is None


@pytest.mark.parametrize(
    ("button", "chosen", "slices"),
    [
        ("resample_button", Irregular.RESAMPLE, 8),
        ("part_button", Irregular.PART, 5),
        ("as_acquired_button", Irregular.AS_IS, 8),
    ],
)
def test_the_user_says_what_becomes_of_uneven_slices(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path, button: str, chosen: Irregular, slices: int
) -> None:
    uneven(tmp_path / "series")
    window = make_window()
    window.files.open_path(tmp_path / "series")
    box = dialog(qtbot, window, QMessageBox, "irregular_dialog")
    assert "unevenly spaced, 6.00 to 8.50 mm" in box.text()
    first = window.session.study.id
    box.findChild(QPushButton, button).click()
    finish(qtbot, window)
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "irregular_dialog") is None, timeout=TIMEOUT)
    study = window.session.study
    assert study.opening.irregular is chosen
    assert study.reference.volume.shape[0] == slices
    assert (study.id == first) is (chosen is Irregular.AS_IS)
    assert bool(study.reference.irregular) is (chosen is Irregular.AS_IS)


def test_the_question_goes_with_its_study(qtbot: QtBot, make_window: MakeWindow, tmp_path: Path, flair: Path) -> None:
    uneven(tmp_path / "series")
    window = make_window()
    window.files.open_path(tmp_path / "series")
    dialog(qtbot, window, QMessageBox, "irregular_dialog")
    window.files.open_path(flair)
    finish(qtbot, window)
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "irregular_dialog") is None, timeout=TIMEOUT)
    assert window.session.study.path == flair


def test_a_session_leads_back_to_the_study_that_was_chosen(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    two_patients(tmp_path / "disc")
    window = make_window()
    window.files.open_path(tmp_path / "disc")
    box = dialog(qtbot, window, QDialog, "study_choice_dialog")
    box.findChild(QListWidget, "study_choice_list").setCurrentRow(1)
    box.accept()
    finish(qtbot, window)
    window.files.sessions.save_to(tmp_path / "work.tvsession")
    finish(qtbot, window)
    back = tasks.open_session(tmp_path / "work.tvsession", tasks.JobContext())
    assert back.study.patient.startswith("Doe Bert")
    assert not back.other_voxels
