"""Takes the pictures of the page about whole studies: the sample study, written as NIfTI as a hospital might send it.

usage: xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python docs/study_pictures.py [FOLDER]
"""

import tempfile
from pathlib import Path

import nibabel
import numpy as np
from make_screenshots import SIZE, photograph, quantized, settle, take, wait
from PySide6.QtCore import QPoint
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QFrame, QWidget

from tumorview.app import tasks
from tumorview.core.study import Role
from tumorview.gui.main_window import MainWindow
from tumorview.gui.registration_check import RegistrationCheck
from tumorview.gui.tags_viewer import TagsViewer

SPACING = (0.9, 0.9, 5.0)


def hospital_study(folder: Path) -> None:
    """FLAIR whose two orientations disagree, a T1 whose header lies 9 mm and 5 degrees off; no post-contrast T1."""
    sample = tasks.open_study(tasks.sample_path())
    straight = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    straight[:3, 3] = 115.0, 115.0, -60.0
    mirrored = np.diag([-1.0, 1.0, 1.0, 1.0]) @ straight
    turn = np.deg2rad(5.0)
    away = np.eye(4)
    away[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    away[:3, 3] = 7.0, -5.0, 3.0
    for role, name, sform, qform in (
        (Role.FLAIR, "ax_flair", straight, mirrored),
        (Role.T1, "ax_t1_se", away @ straight, None),
    ):
        series = sample.best(role)
        assert series is not None
        image = nibabel.Nifti1Image(series.volume.data.transpose(2, 1, 0), None)
        image.set_sform(sform, 1)
        image.set_qform(qform, 0 if qform is None else 1)
        nibabel.save(image, folder / f"{name}.nii.gz")


def part(window: MainWindow, folder: Path, name: str, top_left: QPoint, size: QPoint, over: QWidget | None) -> None:
    """Save a part of the window, with a popup where it lies on the screen."""
    picture = window.grab()
    if over is not None:
        painter = QPainter(picture)
        painter.drawPixmap(window.mapFromGlobal(over.mapToGlobal(QPoint(0, 0))), over.grab())
        painter.end()
    path = folder / f"{name}.png"
    picture.copy(top_left.x(), top_left.y(), size.x(), size.y()).save(str(path))
    quantized(path)


def popup(window: MainWindow, name: str) -> QFrame:
    """The popup of that name."""
    found = window.findChild(QFrame, name)
    assert found is not None
    QApplication.processEvents()
    return found


def doubts(window: MainWindow, folder: Path) -> None:
    """The bar and the passport of a FLAIR whose orientations disagree; then the light beside Run."""
    wait(lambda: window.tools.segment.fitness.fitness is not None)
    settle(window)
    window.series_list.cards[0].badge.click()
    shown = popup(window, "passport_popup")
    part(window, folder, "study-passport", QPoint(0, 0), QPoint(760, 560), shown)
    shown.close()
    window.tools.segment.fitness.click()
    shown = popup(window, "fitness_popup")
    part(window, folder, "study-fitness", QPoint(SIZE[0] - 640, 30), QPoint(640, 330), shown)
    shown.close()
    window.geometry_guard._keep.click()


def registration(window: MainWindow, folder: Path) -> None:
    """Before and after, as squares of both."""
    window.actions["study.register"].trigger()
    wait(lambda: window.findChild(RegistrationCheck) is not None)
    check = window.findChild(RegistrationCheck)
    assert check is not None
    check.before.setChecked(True)
    take(check, folder, "study-registration-before")
    check.before.setChecked(False)
    take(check, folder, "study-registration")
    check.accept()
    settle(window)


def uncertainty(window: MainWindow, folder: Path) -> None:
    """The most doubtful slice with the map of doubt."""
    window.actions["segment.run"].trigger()
    settle(window)
    window.actions["view.uncertainty"].setChecked(True)
    window.actions["segment.next_doubtful"].trigger()
    settle(window)
    part(window, folder, "study-uncertainty", QPoint(132, 32), QPoint(1240, 968), None)


def tags(window: MainWindow, folder: Path) -> None:
    """The header with a search."""
    window.actions["file.tags"].trigger()
    viewer = window.findChild(TagsViewer)
    assert viewer is not None
    viewer.search.setText("code")
    settle(window)
    take(viewer, folder, "study-tags")
    viewer.close()


def tour(window: MainWindow, folder: Path) -> None:
    """All pictures of this study."""
    for part_ in (doubts, registration, uncertainty, tags):
        part_(window, folder)


def main() -> int:
    """Make the study and take the pictures."""
    with tempfile.TemporaryDirectory() as place:
        study = Path(place) / "brain MRI"
        study.mkdir()
        hospital_study(study)
        return photograph(tour, [study])


if __name__ == "__main__":
    raise SystemExit(main())
