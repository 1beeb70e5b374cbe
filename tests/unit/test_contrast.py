"""Presets follow their image: any scale and offset of the intensities gives the same picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.synthetic import head_volume
from tumorview.core import colour_maps
from tumorview.core.colour_maps import TITLES, ColourMap
from tumorview.core.contrast import BINS, Intensities, Preset, auto_window, first_window, preset_window
from tumorview.core.geometry import Geometry
from tumorview.core.rendering import Window, grey
from tumorview.core.study import Role, Series
from tumorview.core.volume import Volume

FROM_VOXELS = [preset for preset in Preset if preset is not Preset.FILE]


def head(shape=(6, 48, 40)) -> np.ndarray:
    """A head with air at 0, scanner noise, CSF, white and grey matter, a lesion and a few very bright vessels."""
    rng = np.random.default_rng(2)
    row, column = np.mgrid[: shape[1], : shape[2]]
    radius = np.hypot((row - 24) / 20, (column - 20) / 16)
    one = np.where(radius < 1, 400.0, 0.0) + np.where(radius < 0.7, 150.0, 0.0) - np.where(radius < 0.2, 350.0, 0.0)
    one[28:36, 10:18] += 300
    volume = np.tile(one, (shape[0], 1, 1))
    volume = np.abs(volume + rng.normal(0, 6, volume.shape))
    volume[2, 30, 20] = 9000.0
    return volume


@pytest.mark.parametrize("preset", FROM_VOXELS)
@settings(max_examples=30, deadline=None)
@given(
    scale=st.floats(1e-4, 1e3),
    offset=st.sampled_from([0.0, -1.0, 0.5, -1024.0, 3000.0]),
    role=st.sampled_from(Role),
)
def test_scaled_and_shifted_intensities_give_the_same_picture(preset, scale, offset, role):
    volume = head()
    shifted = volume * scale + offset * scale  # an offset in proportion: float32 has seven digits
    pictures = [
        grey(data[3], preset_window(preset, role, Intensities.of(data))).astype(int) for data in (volume, shifted)
    ]
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


def test_air_and_outliers_are_left_out_of_the_automatic_window():
    window = auto_window(head())
    assert 0 < window.low < 200
    assert 700 < window.high < 1100


@pytest.mark.parametrize("background", [0.0, -2.5, 4096.0])
def test_padding_of_any_value_is_left_out(background):
    data = np.full((20, 50, 50), background)
    data[5:15, 10:40, 10:40] = np.random.default_rng(0).normal(background + 500, 50, (10, 30, 30))
    window = auto_window(data)
    assert background + 250 < window.low < background + 450
    assert background + 600 < window.high < background + 800


def test_grey_air_lies_inside_the_window():
    rng = np.random.default_rng(1)
    volume = head()
    recovery = np.where(volume > 450, volume, -volume) + rng.normal(0, 5, volume.shape)  # CSF and scalp are negative
    window = auto_window(recovery)
    assert window.low < -200
    assert window.high > 600


def test_the_wide_window_clips_nothing_and_the_lesion_s_gives_up_normal_tissue():
    volume = head()
    known = Intensities.of(volume)
    windows = {preset: preset_window(preset, Role.FLAIR, known) for preset in FROM_VOXELS}
    wide = windows[Preset.WIDE]
    assert wide.low <= 5
    assert wide.high >= 9000
    assert windows[Preset.CONTRAST].width < windows[Preset.AUTO].width < wide.width
    lesion, brain = grey(np.array([[850.0, 400.0]]), windows[Preset.LESION])[0]
    assert lesion > 180
    assert brain < 40
    dark = preset_window(Preset.LESION, Role.T1, known)
    assert dark.high < windows[Preset.AUTO].high


def test_blank_broken_and_tiny_volumes_have_a_window():
    for data in (np.full((2, 4, 4), 7), np.full((2, 4, 4), np.nan), np.zeros((1, 1, 1)), np.array([[[0, np.inf]]])):
        known = Intensities.of(data)
        for preset in FROM_VOXELS:
            window = preset_window(preset, Role.OTHER, known)
            assert window.width > 0
            assert np.isfinite([window.low, window.high]).all()
        assert known.counts.shape == (BINS,)
        assert known.low < known.high


def test_the_histogram_counts_every_voxel_but_the_outliers():
    volume = head()
    known = Intensities.of(volume)
    assert known.counts.sum() == pytest.approx(volume.size, rel=0.002)
    assert known.high < 9000
    peak = known.low + (known.counts.argmax() + 0.5) * (known.high - known.low) / BINS
    assert peak == pytest.approx(0, abs=10)  # air


def test_the_file_s_window_goes_first():
    volume = Volume(head_volume((4, 6, 7)), Geometry.from_spacing((4, 6, 7), (1, 1, 1)))
    own = Window(40.0, 80.0)
    assert first_window(Series("a", volume, window=own)) == own
    assert first_window(Series("a", volume)) == auto_window(volume.data)
    assert preset_window(Preset.FILE, Role.T1, Intensities.of(volume.data), own) == own
    assert preset_window(Preset.FILE, Role.T1, Intensities.of(volume.data)) is None


# colour maps
def lightness(colours) -> np.ndarray:
    """CIE L* (0..100) of sRGB colours [n, 3]."""
    linear = np.where(colours <= 10, colours / 3294.6, ((colours / 255 + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


@pytest.mark.parametrize("colour_map", list(ColourMap))
def test_brighter_is_lighter_in_every_colour_map(colour_map):
    table = colour_maps.table(colour_map)
    assert table.shape == (256, 3)
    assert (np.diff(lightness(table.astype(float))) > -0.35).all()
    assert colour_map in TITLES


@pytest.mark.parametrize("colour_map", [ColourMap.INFERNO, ColourMap.VIRIDIS])
def test_perceptual_maps_rise_evenly(colour_map):
    steps = np.diff(lightness(colour_maps.table(colour_map).astype(float))[::32])
    assert steps.max() < 1.6 * steps.min()
