"""A doubtful place is asked about, never saved in silence; roles are given by drop, menu or box and remembered."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from doubles import SHAPE, TIMEOUT, MakeWindow, write_nifti
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from tumorview.core.fitness import Light
from tumorview.core.study import Role
from tumorview.gui.docks.channel_slots import ChannelSlot
from tumorview.gui.main_window import MainWindow
from tumorview.gui.views.series_drag import series_data


@pytest.fixture
def doubtful(tmp_path: Path) -> Path:
    """Its qform is the mirror image of its sform."""
    image = nibabel.Nifti1Image(np.full(SHAPE[::-1], 100, np.int16), None)
    image.set_sform(np.diag([-1.0, -1.0, 5.0, 1.0]), 1)
    image.set_qform(np.diag([1.0, -1.0, 5.0, 1.0]), 1)
    path = tmp_path / "patient_flair.nii.gz"
    nibabel.save(image, path)
    return path


def dialog(window: MainWindow) -> QMessageBox | None:
    return window.findChild(QMessageBox, "geometry_dialog")


def test_an_ordinary_image_is_not_asked_about(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert window.geometry_guard.bar.isHidden()
    window.files.save_to(tmp_path / "mask.nii.gz")
    qtbot.waitUntil(lambda: (tmp_path / "mask.nii.gz").exists(), timeout=TIMEOUT)


def test_a_doubtful_place_blocks_saving_until_it_is_confirmed(
    make_window: MakeWindow, doubtful: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window(doubtful)
    assert window.geometry_guard.bar.isVisible()
    window.files.save_to(tmp_path / "mask.nii.gz")
    box = dialog(window)
    assert box is not None
    box.button(QMessageBox.StandardButton.Cancel).click()
    assert not window.jobs.running
    assert not (tmp_path / "mask.nii.gz").exists()
    qtbot.waitUntil(lambda: dialog(window) is None)
    window.files.save_to(tmp_path / "mask.nii.gz")
    box = dialog(window)
    assert box is not None
    next(button for button in box.buttons() if "Save" in button.text()).click()
    qtbot.waitUntil(lambda: (tmp_path / "mask.nii.gz").exists(), timeout=TIMEOUT)
    assert window.geometry_guard.bar.isHidden()


def test_the_other_orientation_is_one_click_away(make_window: MakeWindow, doubtful: Path) -> None:
    window = make_window(doubtful)
    before = window.session.study
    assert before is not None
    window.geometry_guard._other.click()
    study = window.session.study
    assert study is not None
    assert study.reference.volume.geometry.axis_codes != before.reference.volume.geometry.axis_codes
    assert window.session.grid == study.reference.volume.geometry
    assert window.geometry_guard.bar.isHidden()


def test_the_badge_opens_the_passport(window: MainWindow, qtbot: QtBot) -> None:
    badge = window.series_list.cards[0].badge
    assert badge.text() == "Axial"
    badge.click()
    popup = window.findChild(QFrame, "passport_popup")
    assert popup is not None
    texts = [part.text() for part in popup.findChildren(QLabel)]
    assert "NIfTI sform" in texts
    popup.close()


@pytest.fixture
def two(make_window: MakeWindow, tmp_path: Path) -> MainWindow:
    """A FLAIR and another image of the same grid whose name tells nothing but that it is T2."""
    folder = tmp_path / "study"
    folder.mkdir()
    data = np.zeros(SHAPE, np.int16)
    data[:, 4:28, 4:36] = 300
    for name in ("a_flair", "b_t2_ax"):
        write_nifti(folder / f"{name}.nii.gz", data)
    return make_window(folder)


def slot(window: MainWindow, role: Role) -> ChannelSlot:
    return window.tools.segment.inputs.slots_of[role]


def drop(window: MainWindow, role: Role, name: str) -> None:
    """Let go of the series over the slot."""
    study = window.session.study
    assert study is not None
    series = next(one for one in study.series if one.description == name)
    data = series_data(series)
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    slot(window, role).dropEvent(event)


def test_the_inputs_show_what_feeds_them_and_what_is_missing(two: MainWindow) -> None:
    assert slot(two, Role.FLAIR).feeds() == "a_flair"
    assert slot(two, Role.T1).feeds() == "missing"


def test_a_series_dropped_on_an_input_plays_that_part_and_is_remembered(
    two: MainWindow, make_window: MakeWindow, tmp_path: Path
) -> None:
    drop(two, Role.T1CE, "b_t2_ax")
    assert slot(two, Role.T1CE).feeds() == "b_t2_ax"
    assert [card.role.currentData() for card in two.series_list.cards] == [Role.FLAIR, Role.T1CE]
    assert two.session.records.get("roles") == {"nifti-b_t2_ax": "T1CE"}
    # Another patient of the same protocol, in a window of its own.
    folder = tmp_path / "next"
    folder.mkdir()
    for name in ("x_flair", "y_t2_ax"):
        write_nifti(folder / f"{name}.nii.gz", np.ones(SHAPE, np.int16))
    other = make_window(folder)
    assert slot(other, Role.T1CE).feeds() == "y_t2_ax"
    assert other.session.records.get("roles") == {"nifti-y_t2_ax": "T1CE"}
    kept = other.memory.store.path.read_text()
    assert '"protocol_roles"' in kept
    assert "b_t2_ax" not in "".join(other.memory.settings.protocol_roles)


def test_a_series_takes_the_part_from_one_that_was_given_it(two: MainWindow) -> None:
    drop(two, Role.T1, "b_t2_ax")
    drop(two, Role.T1, "a_flair")
    assert slot(two, Role.T1).feeds() == "a_flair"
    assert slot(two, Role.FLAIR).feeds() != "b_t2_ax"


def test_the_menu_of_an_input_offers_every_series(two: MainWindow, qtbot: QtBot) -> None:
    chosen = slot(two, Role.T1)
    chosen.click()
    menu = chosen.findChild(QMenu, "channel_menu")
    assert menu is not None
    assert [action.text() for action in menu.actions()] == ["FLAIR  a_flair", "T2  b_t2_ax"]
    menu.actions()[1].trigger()
    menu.close()
    assert chosen.feeds() == "b_t2_ax"


def test_the_light_says_how_fit_the_inputs_are_and_follows_the_roles(two: MainWindow, qtbot: QtBot) -> None:
    light = two.tools.segment.fitness
    qtbot.waitUntil(lambda: light.fitness is not None, timeout=TIMEOUT)
    assert light.fitness is not None
    assert light.fitness.light is Light.AMBER
    assert "There is no pre-contrast T1: FLAIR takes its place." in light.toolTip()
    drop(two, Role.FLAIR, "b_t2_ax")
    two.session.set_role(two.session.study.series[1], Role.OTHER)  # type: ignore[union-attr]
    two.session.set_role(two.session.study.series[0], Role.OTHER)  # type: ignore[union-attr]
    assert light.fitness is None  # nothing is known of the new inputs yet
    qtbot.waitUntil(lambda: light.fitness is not None and light.fitness.light is Light.RED, timeout=TIMEOUT)
    light.click()
    popup = light.findChild(QFrame, "fitness_popup")
    assert popup is not None
    assert any("FLAIR" in part.text() for part in popup.findChildren(QLabel))
    popup.close()
