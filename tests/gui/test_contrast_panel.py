"""The Contrast panel and the overlay's controls, through the mouse and the keyboard."""

import numpy as np
import pytest
from doubles import SHAPE, TUMOUR, run_segmentation
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QToolButton

from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Preset
from tumorview.core.labels import PALETTE, Label
from tumorview.core.mask import Mask
from tumorview.core.rendering import BoundaryStyle, Window
from tumorview.gui.docks.contrast_dock import ContrastPanel
from tumorview.gui.docks.histogram import HEIGHT, Handle
from tumorview.gui.main_window import MainWindow

Key, Button, Modifier = Qt.Key, Qt.MouseButton, Qt.KeyboardModifier


@pytest.fixture
def panel(window: MainWindow) -> ContrastPanel:
    window.tools.contrast.set_folded(False)
    return window.tools.contrast


def shown(window: MainWindow) -> Window:
    series = window.session.active_series
    assert series is not None
    return window.reading.window_of(series)


def drag(histogram, handle: Handle, to_x: float, y: int) -> None:
    start, end = QPoint(round(histogram.x_of_handle(handle)), y), QPoint(round(to_x), y)
    QTest.mousePress(histogram, Button.LeftButton, pos=start)
    QTest.mouseMove(histogram, (start + end) / 2)
    QTest.mouseMove(histogram, end)
    QTest.mouseRelease(histogram, Button.LeftButton, pos=end)


# -- histogram -------------------------------------------------------------------------------------------------


def test_dragging_an_end_moves_that_end_alone(window: MainWindow, panel: ContrastPanel) -> None:
    histogram, before = panel.histogram, shown(window)
    target = histogram.x_of_handle(Handle.UPPER) - 60
    drag(histogram, Handle.UPPER, target, HEIGHT - 4)
    after = shown(window)
    assert after.low == pytest.approx(before.low)
    assert after.high == pytest.approx(histogram.intensity_at(target), abs=2 * histogram.intensity_at(1) / 50 + 10)
    assert after.high < before.high
    drag(histogram, Handle.LOWER, histogram.x_of_handle(Handle.LOWER) + 30, HEIGHT - 4)
    assert shown(window).high == pytest.approx(after.high)
    assert shown(window).low > after.low
    assert panel.preset.currentText() == "Custom"


def test_dragging_the_middle_moves_the_level_and_keeps_the_width(window: MainWindow, panel: ContrastPanel) -> None:
    before, histogram = shown(window), panel.histogram
    drag(histogram, Handle.LEVEL, histogram.x_of_handle(Handle.LEVEL) + 25, 3)
    assert shown(window).width == pytest.approx(before.width)
    assert shown(window).centre > before.centre


def test_an_end_cannot_pass_the_other_one(window: MainWindow, panel: ContrastPanel) -> None:
    histogram = panel.histogram
    drag(histogram, Handle.UPPER, -200, HEIGHT - 4)
    assert 0 < shown(window).width < 0.01 * (histogram.axis[1] - histogram.axis[0])


def test_a_double_click_is_the_automatic_window(window: MainWindow, panel: ContrastPanel) -> None:
    automatic = shown(window)
    drag(panel.histogram, Handle.UPPER, 60, HEIGHT - 4)
    QTest.mouseDClick(panel.histogram, Button.LeftButton, pos=QPoint(50, 20))
    assert shown(window) == automatic
    assert panel.preset.currentData() == Preset.AUTO


def test_handles_move_by_the_keyboard(window: MainWindow, panel: ContrastPanel) -> None:
    histogram, before = panel.histogram, shown(window)
    span = histogram.axis[1] - histogram.axis[0]
    histogram.setFocus()
    QTest.keyClick(histogram, Key.Key_Right)
    assert shown(window).centre == pytest.approx(before.centre + span / 100)
    QTest.keyClick(histogram, Key.Key_Up)
    assert histogram.handle is Handle.UPPER
    QTest.keyClick(histogram, Key.Key_Left, Modifier.ShiftModifier)
    assert shown(window).high == pytest.approx(before.high + span / 100 - span / 1000)
    QTest.keyClick(histogram, Key.Key_Up)
    assert histogram.handle is Handle.LOWER
    QTest.keyClick(histogram, Key.Key_Return)
    assert shown(window) == before


def test_arrow_keys_in_the_histogram_do_not_scroll(window: MainWindow, panel: ContrastPanel) -> None:
    index = window.view().current_index
    panel.histogram.setFocus()
    QTest.keyClick(panel.histogram, Key.Key_Down)
    assert window.view().current_index == index


# -- presets, numbers, colours ---------------------------------------------------------------------------------


def test_keys_1_to_4_are_presets_and_5_says_that_the_file_has_none(window: MainWindow, panel: ContrastPanel) -> None:
    view, series = window.view(), window.session.active_series
    view.setFocus()
    for key, preset in zip("1234", Preset, strict=False):
        QTest.keyClick(view, key)
        assert window.reading.preset_of(series) is preset
        assert shown(window) == window.reading.preset_window(series, preset)
        assert panel.preset.currentData() == preset
    QTest.keyClick(view, "5")
    assert window.reading.preset_of(series) is Preset.LESION
    assert "no window of its own" in window.status.currentMessage()


def test_the_panel_follows_a_drag_in_the_view(window: MainWindow, panel: ContrastPanel) -> None:
    view = window.view()
    QTest.mousePress(view, Button.LeftButton, pos=QPoint(100, 100))
    QTest.mouseMove(view, QPoint(140, 90))
    QTest.mouseRelease(view, Button.LeftButton, pos=QPoint(140, 90))
    assert panel.histogram.window_shown == shown(window)
    assert panel.width_.value() == pytest.approx(shown(window).width, abs=0.5)
    assert panel.preset.currentText() == "Custom"
    panel.preset.setCurrentIndex(panel.preset.findData(Preset.WIDE))
    panel.preset.activated.emit(panel.preset.currentIndex())
    assert panel.preset.findText("Custom") < 0


def test_numbers_are_typed(window: MainWindow, panel: ContrastPanel) -> None:
    for spin, text in ((panel.width_, "250"), (panel.level, "400")):
        spin.setFocus()
        spin.selectAll()
        QTest.keyClicks(spin, text)
        QTest.keyClick(spin, Key.Key_Return)
    assert shown(window) == Window(400.0, 250.0)


def test_colours_are_shown_and_greys_come_back(window: MainWindow, panel: ContrastPanel) -> None:
    view, series = window.view(), window.session.active_series
    place = view.voxel_to_widget(view.current_index, 14, 18)
    window.actions["view.viridis_colours"].trigger()
    assert window.reading.colour_map_of(series) is ColourMap.VIRIDIS
    colour = view.grab().toImage().pixelColor(place)
    assert max(colour.getRgb()[:3]) - min(colour.getRgb()[:3]) > 40
    window.actions["view.grey_colours"].trigger()
    colour = view.grab().toImage().pixelColor(place)
    assert colour.red() == colour.green() == colour.blue()


def test_a_folded_panel_counts_nothing(window: MainWindow) -> None:
    window.tools.contrast.set_folded(True)
    window.session.show_series(window.session.active_series)
    assert window.tools.contrast.histogram.intensities is None
    window.tools.contrast.set_folded(False)
    assert window.tools.contrast.histogram.intensities is not None


def test_a_role_s_window_in_the_settings_is_used_at_once(window: MainWindow) -> None:
    series = window.session.active_series
    window.memory.set(flair_window="lesion")
    assert window.reading.preset_of(series) is Preset.LESION


# -- overlay ---------------------------------------------------------------------------------------------------


def two_labels(window: MainWindow) -> None:
    session = window.session
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[TUMOUR] = 1
    voxels[TUMOUR[0], 10:14, TUMOUR[2]] = 2
    session.set_labels(session.mask.labels.with_label(Label(2, "Oedema", PALETTE[1])))
    session.import_mask(Mask(voxels, session.mask.geometry), window.session.study.path)


def visible(window: MainWindow) -> list[int]:
    return [label.number for label in window.session.mask.labels if label.visible]


def test_alt_click_shows_one_label_alone_and_again_all_that_were_shown(window: MainWindow) -> None:
    two_labels(window)
    first, second = window.tools.labels.rows
    QTest.mouseClick(second.visible, Button.LeftButton, Modifier.AltModifier)
    assert visible(window) == [2]
    QTest.mouseClick(first.visible, Button.LeftButton, Modifier.AltModifier)
    assert visible(window) == [1]
    QTest.mouseClick(first.visible, Button.LeftButton, Modifier.AltModifier)
    assert visible(window) == [1, 2]


def test_solo_ends_when_an_eye_is_clicked(window: MainWindow) -> None:
    two_labels(window)
    window.view().setFocus()
    QTest.keyClick(window.view(), Key.Key_S, Modifier.ShiftModifier)
    assert visible(window) == [1]
    QTest.mouseClick(window.tools.labels.rows[1].visible, Button.LeftButton)
    assert visible(window) == [1, 2]
    QTest.keyClick(window.view(), Key.Key_S, Modifier.ShiftModifier)
    QTest.keyClick(window.view(), Key.Key_S, Modifier.ShiftModifier)
    assert visible(window) == [1, 2]


def test_keys_make_the_overlay_stronger_and_fainter(window: MainWindow) -> None:
    view = window.view()
    view.setFocus()
    for key, opacity in (("-", 0.3), ("-", 0.2), ("=", 0.3), ("=", 0.4), ("+", 0.5)):
        QTest.keyClick(view, key)
        assert window.display.overlay.opacity == pytest.approx(opacity)
    for _ in range(8):
        QTest.keyClick(view, "-")
    assert window.display.overlay.opacity == 0.0
    assert window.tools.labels.opacity.value() == 0


def test_the_outline_is_chosen_and_remembered(window: MainWindow) -> None:
    button = window.findChild(QToolButton, "boundary_voxels")
    assert window.display.overlay.outline is BoundaryStyle.SMOOTH
    QTest.mouseClick(button, Button.LeftButton)
    assert window.display.overlay.outline is BoundaryStyle.VOXEL
    assert window.actions["view.voxel_outline"].isChecked()
    window.memory.flush()
    assert window.memory.settings.outline == "voxel"
    QTest.mouseClick(window.findChild(QCheckBox, "boundary_checkbox"), Button.LeftButton)
    assert not button.isEnabled()


def test_the_heat_map_shows_probabilities_with_their_key(qtbot, window: MainWindow) -> None:
    view, action = window.view(), window.actions["view.heat_map"]
    assert not action.isEnabled()
    run_segmentation(qtbot, window)
    view.go_to(3, 15, 19)
    inside, rim = view.voxel_to_widget(3, 15, 19), view.voxel_to_widget(3, 15, 11)
    view.setFocus()
    QTest.keyClick(view, Key.Key_O, Modifier.ShiftModifier)
    assert action.isChecked()
    picture = view.grab().toImage()
    hot, warm = picture.pixelColor(inside), picture.pixelColor(rim)
    assert hot.red() > warm.red() + 60  # 0.9 beside 0.3
    assert warm.blue() > warm.green()  # the violet of inferno, where the mask has nothing
    bar = [picture.pixelColor(view.width() - 69, y) for y in range(view.height())]
    assert any(colour.green() > 220 and colour.red() > 220 for colour in bar)
    QTest.keyPress(view, Key.Key_G)
    assert picture != view.grab().toImage()
    hidden = view.grab().toImage().pixelColor(rim)
    assert hidden.red() == hidden.green() == hidden.blue()
    QTest.keyRelease(view, Key.Key_G)
    assert view.grab().toImage().pixelColor(rim) == warm
    QTest.keyClick(view, Key.Key_O, Modifier.ShiftModifier)
    assert view.grab().toImage().pixelColor(inside) != hot


def test_the_threshold_line_follows_the_slider(qtbot, window: MainWindow) -> None:
    run_segmentation(qtbot, window)
    view = window.view()
    view.go_to(3, 15, 19)
    window.actions["view.heat_map"].setChecked(True)
    lines = view.source.overlay(3, view.overlay).shapes[-1].lines
    window.session.set_threshold(0.2)
    wider = view.source.overlay(3, view.overlay).shapes[-1].lines
    assert min(line.x1() for line in wider) < min(line.x1() for line in lines) - 1.5
    assert view.source.heat_key(view.overlay) is not None
