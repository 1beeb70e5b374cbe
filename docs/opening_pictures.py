"""Takes the pictures of the page about opening studies, with synthetic patients.

usage: .venv/bin/python docs/opening_pictures.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from make_screenshots import SIZE, settle, take, wait
from pydicom import dcmread
from pydicom.uid import generate_uid
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox

from tumorview.gui.application import create_window
from tumorview.gui.main_window import MainWindow
from tumorview.io.dicom_phantom import write_phantom

SLICES, SIDE = 24, 256


def series(folder: Path, description: str, identity: dict[str, str], *, gap_after: int | None = None) -> None:
    """A synthetic series; ``gap_after`` a slice the others lie 4 mm further up."""
    write_phantom(folder, SLICES, SIDE)
    for path in sorted(folder.iterdir()):
        dataset = dcmread(path)
        dataset.SeriesDescription = description
        for keyword, value in identity.items():
            setattr(dataset, keyword, value)
        x, y, z = dataset.ImagePositionPatient
        shift = 4.0 if gap_after is not None and z > gap_after else 0.0
        dataset.ImagePositionPatient = [x, y, 5 * z + shift]
        dataset.save_as(path)


def two_patients(folder: Path) -> None:
    """A disc with two patients, one of them there twice."""
    for name, patient, date in (
        ("Sample^Anna", "1001", "20240311"),
        ("Sample^Anna", "1001", "20240902"),
        ("Sample^Bert", "1002", "20240715"),
    ):
        identity = {
            "PatientName": name,
            "PatientID": patient,
            "StudyDate": date,
            "StudyInstanceUID": generate_uid(),
            "StudyDescription": "MR Brain",
        }
        for description in ("AX FLAIR", "AX T1", "AX T1 POST GD"):
            series(folder / f"{patient}{date}" / description, description, identity)


def dialog(window: MainWindow, kind: type[QDialog], name: str) -> QDialog:
    """The dialog of that name, once it is there."""
    wait(lambda: window.findChild(kind, name) is not None)
    settle(window)
    found = window.findChild(kind, name)
    assert found is not None
    return found


def main(folder: Path) -> None:
    """Both questions, over the window."""
    application = QApplication.instance() or QApplication(sys.argv)
    with tempfile.TemporaryDirectory() as place:
        two_patients(Path(place) / "CD-ROM")
        identity = {"PatientName": "Sample^Anna", "PatientID": "1001"}
        series(Path(place) / "uneven", "AX FLAIR", identity, gap_after=14)
        window = create_window(settings_dir=Path(place) / "settings")
        window.resize(*SIZE)
        window.show()
        window.files.open_path(Path(place) / "CD-ROM")
        choice = dialog(window, QDialog, "study_choice_dialog")
        take(choice, folder, "opening-study-choice")
        choice.reject()
        window.files.open_path(Path(place) / "uneven")
        question = dialog(window, QMessageBox, "irregular_dialog")
        take(question, folder, "opening-irregular")
        question.reject()
        settle(window)
        window.close()
    application.processEvents()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images")
