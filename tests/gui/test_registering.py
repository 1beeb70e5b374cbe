"""A registration is checked by eye before it counts, and can be taken back."""

from pathlib import Path

import numpy as np
import pytest
from doubles import SHAPE, TIMEOUT, MakeWindow, write_nifti
from pytestqt.qtbot import QtBot

from tumorview.app.registration import Registration
from tumorview.core.progress import Progress
from tumorview.core.study import Role, Series
from tumorview.gui.main_window import MainWindow
from tumorview.gui.registration_check import RegistrationCheck, blended, checkerboard

SHIFT = np.array([[1.0, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def shifted(fixed: Series, moving: Series, progress: Progress | None = None) -> Registration:
    """The double: everything goes 4 mm to the left."""
    if progress is not None:
        progress.check()
    return Registration(fixed, moving, SHIFT, 0.2, 0.6)


@pytest.fixture
def window(make_window: MakeWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    monkeypatch.setattr("tumorview.gui.registering.register", shifted)
    folder = tmp_path / "study"
    folder.mkdir()
    data = np.zeros(SHAPE, np.int16)
    data[:, 4:28, 4:36] = 300
    data[:, 10:14, 10:20] = 900
    for name in ("flair", "t1"):
        write_nifti(folder / f"{name}.nii.gz", data)
    return make_window(folder)


def check(window: MainWindow, qtbot: QtBot) -> RegistrationCheck:
    window.actions["study.register"].trigger()
    qtbot.waitUntil(lambda: window.findChild(RegistrationCheck) is not None, timeout=TIMEOUT)
    dialog = window.findChild(RegistrationCheck)
    assert dialog is not None
    return dialog


def origin(window: MainWindow) -> float:
    study = window.session.study
    assert study is not None
    t1 = study.best(Role.T1)
    assert t1 is not None
    return float(t1.volume.geometry.affine[0, 3])


def test_nothing_counts_before_it_was_accepted(window: MainWindow, qtbot: QtBot) -> None:
    before = origin(window)
    dialog = check(window, qtbot)
    assert "moved by 4.0 mm, turned by 0.0°" in dialog.verdict.text()
    dialog.reject()
    assert origin(window) == before
    assert window.session.records.get("registrations") is None


def test_an_accepted_one_moves_the_series_in_every_view_and_can_be_undone(window: MainWindow, qtbot: QtBot) -> None:
    before = origin(window)
    study = window.session.study
    assert study is not None
    t1 = study.best(Role.T1)
    assert t1 is not None
    window.session.show_series(t1)
    check(window, qtbot).accept()
    assert origin(window) == before + 4
    shown = window.view().series
    assert shown is not None
    assert shown.registered_to
    assert any("Registered" in fact for fact in _passport(window))
    assert window.session.dirty  # the session has work that is not saved
    window.actions["study.unregister"].trigger()
    assert origin(window) == before
    assert window.view().series is t1


def _passport(window: MainWindow) -> list[str]:
    from tumorview.core.passport import passport_of

    series = window.view().series
    assert series is not None
    return [fact.name for fact in passport_of(series, window.session.study).facts]


def test_both_modes_show_both_images_and_the_way_they_lay_before(window: MainWindow, qtbot: QtBot) -> None:
    dialog = check(window, qtbot)
    squares = dialog.picture()
    dialog.mode.select("blend")
    dialog.amount.setValue(50)
    mixed = dialog.picture()
    assert not np.array_equal(squares, mixed)
    dialog.before.setChecked(True)
    assert not np.array_equal(dialog.picture(), mixed)  # 4 mm away from it
    dialog.slices.setValue(1)
    dialog.reject()


def test_the_check_goes_with_its_study(window: MainWindow, qtbot: QtBot) -> None:
    check(window, qtbot)
    window.actions["file.close"].trigger()
    qtbot.waitUntil(lambda: window.findChild(RegistrationCheck) is None, timeout=TIMEOUT)


def test_pictures_are_put_together_square_by_square_or_mixed() -> None:
    first, second = np.zeros((4, 4), np.uint8), np.full((4, 4), 200, np.uint8)
    assert checkerboard(first, second, 2).tolist() == [[0, 0, 200, 200]] * 2 + [[200, 200, 0, 0]] * 2
    assert blended(first, second, 0.25).tolist() == [[50] * 4] * 4
