"""Layouts, cine and the other actions of the views in the whole window, and what it remembers of them."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import slices
from doubles import SHAPE, MakeWindow, write_nifti
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from tumorview.app.layouts import Layout, default_layout
from tumorview.app.tasks import open_study
from tumorview.core.rendering import Window
from tumorview.core.slicing import Plane
from tumorview.core.study import Role
from tumorview.gui.main_window import MainWindow


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """FLAIR, T1 and T1CE of one patient on one grid of 5 mm slices."""
    folder = tmp_path / "patient"
    folder.mkdir()
    for number, name in enumerate(("flair", "t1", "t1ce")):
        write_nifti(folder / f"patient_{name}.nii.gz", np.full(SHAPE, 100 * (number + 1), np.int16))
    return folder


@pytest.fixture
def fine(tmp_path: Path) -> Path:
    """A study of nearly isotropic voxels."""
    return write_nifti(tmp_path / "fine_flair.nii.gz", np.ones((20, 32, 40), np.int16), (1.0, 1.0, 1.5))


def test_thick_slices_open_alone_and_thin_ones_in_four_views(make_window: MakeWindow, flair: Path, fine: Path) -> None:
    assert make_window(flair).grid.arrangement is Layout.AXIAL
    assert make_window(fine).grid.arrangement is Layout.QUAD


@pytest.mark.parametrize("layout", list(Layout))
def test_every_layout_is_an_action_and_gives_the_images_seven_tenths(
    qtbot: QtBot, make_window: MakeWindow, several: Path, layout: Layout
) -> None:
    window = make_window(several)
    window.resize(1600, 1000)
    action = window.actions[f"view.{layout.value}"]
    action.trigger()
    assert window.grid.arrangement is layout
    assert [name for name in Layout if window.actions[f"view.{name.value}"].isChecked()] == [layout]
    qtbot.waitUntil(
        lambda: sum(cell.width() * cell.height() for cell in window.grid.cells) >= 0.7 * 1600 * 1000, timeout=5000
    )
    for plane in Plane:
        view = window.view(plane.value)
        view.go_to(4, 20, 22)
        assert view.current_voxel == (4, 20, 22)
        assert view.current_index == (4, 20, 22)[view.plane_view.normal_axis]


def test_a_layout_is_remembered_for_studies_of_its_kind(make_window: MakeWindow, several: Path, fine: Path) -> None:
    window = make_window(several)
    window.actions["view.hang_tumour"].trigger()
    assert [view.series and window.session.study.role_of(view.series) for view in window.grid.shown] == [
        Role.FLAIR, Role.T1, Role.T1CE, None,
    ]  # fmt: skip
    window.close()
    again = make_window(several)
    assert [view.series.role for view in again.grid.shown[:3]] == [Role.FLAIR, Role.T1, Role.T1CE]
    again.close()
    other = make_window(fine)  # another kind, and but one series
    assert other.grid.arrangement is default_layout(other.session.study) is Layout.QUAD
    other.actions["view.coronal_only"].trigger()
    other.close()
    assert make_window(fine).grid.arrangement is Layout.CORONAL


def test_one_series_is_not_opened_in_a_layout_that_compares(
    make_window: MakeWindow, several: Path, flair: Path
) -> None:
    window = make_window(several)
    window.actions["view.side_by_side"].trigger()
    window.close()
    assert make_window(flair).grid.arrangement is Layout.AXIAL


def test_keys_act_on_the_view_under_the_pointer_and_panels_follow_the_active_one(
    make_window: MakeWindow, several: Path
) -> None:
    window = make_window(several)
    window.actions["view.quad"].trigger()
    sagittal, coronal = window.view("sagittal"), window.view("coronal")
    slices.drag(sagittal, QPoint(80, 80))
    assert window.grid.active is sagittal
    assert window.strip.current == sagittal.current_index
    assert len(window.strip._areas) == SHAPE[2]
    coronal.setFocus()
    window.activateWindow()
    before = coronal.current_index
    window.actions["view.next_slice"].trigger()
    assert coronal.current_index == before + 1
    window.strip.slice_selected.emit(7)
    assert sagittal.current_index == 7


def test_what_is_under_the_pointer_is_told_after_a_click_and_a_wheel_step(make_window: MakeWindow, fine: Path) -> None:
    window = make_window(fine)
    view = window.view()
    spot = view.voxel_to_widget(view.current_index, 10, 14)
    slices.move(view, spot, Qt.MouseButton.NoButton)
    slices.drag(view, spot)  # the other planes follow, with no pointer over them
    assert window.status.position.text() == f"IJK 14, 10, {view.current_index}"
    slices.wheel(view, -1, place=spot)
    assert window.status.position.text() == f"IJK 14, 10, {view.current_index}"


def test_the_largest_tumour_is_shown_in_every_plane(make_window: MakeWindow, fine: Path) -> None:
    window = make_window(fine)
    voxels = np.zeros(window.session.mask.data.shape, np.uint8)
    voxels[4, 20, 22] = voxels[6, 20:25, 22:27] = 1
    slices.put(window.session, voxels)
    window.actions["view.largest_tumour"].trigger()
    assert [window.view(plane.value).current_index for plane in Plane] == [6, 22, 24]


def test_the_crosshair_is_remembered_for_one_view_and_for_several(make_window: MakeWindow, several: Path) -> None:
    window = make_window(several)
    crosshair = window.actions["view.crosshair"]
    assert not crosshair.isChecked()
    window.actions["view.quad"].trigger()
    assert crosshair.isChecked()
    assert all(view.crosshair for view in window.grid.shown)
    crosshair.trigger()
    window.actions["view.axial_only"].trigger()
    crosshair.trigger()
    assert window.grid.active.crosshair
    window.actions["view.quad"].trigger()
    assert not window.grid.active.crosshair


def test_inversion_belongs_to_the_series_and_the_action_tells_it(make_window: MakeWindow, several: Path) -> None:
    window = make_window(several)
    window.actions["view.side_by_side"].trigger()
    first, second = window.grid.shown
    invert = window.actions["view.invert"]
    invert.trigger()
    assert (first.inverted, second.inverted) == (True, False)
    slices.drag(second, QPoint(50, 50))
    assert not invert.isChecked()
    slices.drag(first, QPoint(50, 50))
    assert invert.isChecked()


def test_the_menu_marks_the_preset_and_colours_of_the_active_series(make_window: MakeWindow, several: Path) -> None:
    window = make_window(several)
    looks = [name for name in window.actions if name.endswith(("_window", "_colours"))]

    def marked() -> list[str]:
        return [name for name in looks if window.actions[name].isChecked()]

    assert marked() == ["view.auto_window", "view.grey_colours"]
    for _ in range(2):  # choosing again what is chosen changes nothing
        window.actions["view.wide_window"].trigger()
        window.actions["view.viridis_colours"].trigger()
        assert marked() == ["view.wide_window", "view.viridis_colours"]
    window.view().set_window(Window(7.0, 3.0))
    assert marked() == ["view.viridis_colours"]
    window.actions["view.next_series"].trigger()
    assert marked() == ["view.auto_window", "view.grey_colours"]


def test_flipping_and_rotating_are_undone_by_reset(window: MainWindow) -> None:
    view = window.view()
    before = view.voxel_to_widget(2, 5, 6)
    for name in ("flip_horizontal", "rotate", "flip_vertical"):
        window.actions[f"view.{name}"].trigger()
    assert view.voxel_to_widget(2, 5, 6) != before
    window.actions["view.reset"].trigger()
    assert view.voxel_to_widget(2, 5, 6) == before


def test_interpolation_is_an_action_and_remembered(make_window: MakeWindow, flair: Path) -> None:
    window = make_window(flair)
    assert all(view.smooth for view in window.grid.views)
    window.actions["view.smooth"].trigger()
    assert not any(view.smooth for view in window.grid.views)
    window.close()
    assert not make_window(flair).view().smooth


def test_cine_runs_round_and_stops_when_the_hand_takes_over(qtbot: QtBot, window: MainWindow) -> None:
    view, cine = window.view(), window.actions["view.cine"]
    seen: list[int] = []
    view.slice_changed.connect(seen.append)
    window.viewing.cine.set_rate(30.0)
    cine.trigger()
    qtbot.waitUntil(lambda: len(seen) > SHAPE[0])
    assert {(after - before) % SHAPE[0] for before, after in itertools.pairwise(seen)} == {1}
    slices.wheel(view, 1)
    assert not cine.isChecked()
    assert not window.viewing.cine.playing


def test_cine_stops_at_an_edit_and_keeps_its_rate(make_window: MakeWindow, flair: Path, truth: Path) -> None:
    window = make_window(flair, mask=truth)
    rate = window.viewing.cine.rate
    window.actions["view.cine_faster"].trigger()
    window.actions["view.cine"].trigger()
    assert window.viewing.cine.playing
    window.actions["edit.undo"].trigger()
    assert not window.viewing.cine.playing
    window.session.mark_saved()
    window.close()
    assert make_window(flair).viewing.cine.rate > rate


def test_a_menu_asks_where_to_show_a_series(qtbot: QtBot, make_window: MakeWindow, several: Path) -> None:
    window = make_window(several)
    window.actions["view.quad"].trigger()
    card = next(card for card in window.series_list.cards if card.series.role is Role.T1)
    window.activateWindow()
    card.thumbnail.menu_requested.emit(card.thumbnail.mapToGlobal(QPoint(4, 4)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    entries = [entry for entry in menu.actions() if not entry.isSeparator()]
    coronal = window.view("coronal")
    assert len(entries) == 1 + len(window.grid.shown)
    menu.setActiveAction(next(entry for entry in entries if "coronal" in entry.text()))
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert coronal.series is card.series
    assert window.view("axial").series.role is Role.FLAIR


def test_next_series_shows_it_in_all_planes(make_window: MakeWindow, several: Path) -> None:
    window = make_window(several)
    window.actions["view.quad"].trigger()
    window.actions["view.next_series"].trigger()
    assert window.session.active_series is window.session.study.series[1]
    assert {window.view(plane.value).series.uid for plane in Plane} == {window.session.study.series[1].uid}
    window.actions["view.previous_series"].trigger()
    assert window.session.active_series is window.session.study.series[0]


def test_the_three_axial_series_of_a_real_study_agree_at_any_zoom(make_window: MakeWindow, shared_data: Path) -> None:
    folder = shared_data / "dicom" / "nema_wg16_enhanced_brtum"
    if not folder.is_dir():
        pytest.skip("the NEMA study is not here")
    window = make_window()
    window.session.open(open_study(folder))  # the fullest of three studies
    window.resize(1600, 1000)
    window.actions["view.hang_tumour"].trigger()
    QApplication.processEvents()
    views = [view for view in window.grid.shown if view.series is not None]
    assert len(views) == 4
    window.reading.set_linked(False)
    for number, view in enumerate(views):
        view.zoom_about(view.rect().center().toPointF(), 1.0 + 0.6 * number)
    window.reading.set_linked(True)
    for view in views:
        spot = QPoint(view.width() // 2 + 31, view.height() // 2 - 17)
        slices.drag(view, spot)
        place = view.series.volume.geometry.index_to_world(view.current_voxel)
        for other in views:
            geometry = other.series.volume.geometry
            index, row, column = other.plane_view.from_voxel(geometry.world_to_index(place))
            assert abs(other.current_index - index) <= 0.5 + 1e-6
            assert other.viewport.to_widget(*other.place) == pytest.approx(other.viewport.to_widget(row, column))
            shown = geometry.index_to_world(other.current_voxel)
            assert np.linalg.norm(shown - place) <= np.linalg.norm(geometry.spacing) / 2 + 1e-6
