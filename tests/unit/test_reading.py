"""The crosshair is one place of the patient in every series; greys are remembered per series."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorview.app import looks
from tumorview.app.reading import Reading
from tumorview.app.session import Session
from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Preset, auto_window
from tumorview.core.geometry import Geometry
from tumorview.core.rendering import Window
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume

SHAPE = (5, 8, 10)
OBLIQUE = np.array([[0.0, 0.8, 2.4, -12.0], [0.9, 0.0, 0.0, 3.0], [0.0, 0.6, -3.2, 40.0], [0.0, 0.0, 0.0, 1.0]])


def series(uid, geometry=None, role=Role.OTHER, frame=None, window=None):
    geometry = geometry or Geometry.from_spacing(SHAPE, (5.0, 1.0, 1.0))
    ramp = np.arange(np.prod(geometry.shape), dtype=np.int16).reshape(geometry.shape)
    return Series(uid, Volume(ramp, geometry), role, 1.0, frame_of_reference=frame, window=window)


def reading_of(*stack):
    session = Session()
    session.open(Study(Path("study"), stack))
    return Reading(session)


def test_a_study_is_opened_at_the_middle_of_its_reference():
    flair = series("flair", Geometry(SHAPE, OBLIQUE), Role.FLAIR)
    reading = reading_of(series("t2"), flair)
    assert reading.index_in(flair) == pytest.approx((2, 3, 4))
    reading.session.close()
    assert reading.position is None


@given(place=st.tuples(*[st.floats(-80, 80)] * 3))
def test_one_place_is_found_in_every_series_of_the_space(place):
    flair, oblique = series("flair", role=Role.FLAIR), series("t1", Geometry(SHAPE, OBLIQUE))
    reading = reading_of(flair, oblique)
    reading.move_to(place)
    for one in (flair, oblique):
        index = reading.index_in(one)
        np.testing.assert_allclose(one.volume.geometry.index_to_world(index), place, atol=1e-9)


def test_another_frame_of_reference_has_a_crosshair_of_its_own():
    here, there, beside = series("a", role=Role.FLAIR, frame="1"), series("b", frame="2"), series("c", frame="2")
    # Series of one space may have different grids; those of two spaces must not share one.
    there = Series("b", Volume(there.volume.data, Geometry(SHAPE, OBLIQUE)), frame_of_reference="2")
    beside = Series("c", Volume(beside.volume.data, Geometry.from_spacing(SHAPE, (2, 2, 2))), frame_of_reference="2")
    reading = reading_of(here, there, beside)
    start = reading.position
    assert reading.index_in(there) is None
    reading.move_to((1.0, 2.0, 3.0), there)
    assert reading.position == start
    assert reading.position_in(beside) == (1.0, 2.0, 3.0)


def test_series_without_calibration_are_linked_by_their_voxels_only():
    flair = series("flair", Geometry.uncalibrated(SHAPE), Role.FLAIR)
    same, other = series("t1", Geometry.uncalibrated(SHAPE)), series("t2", Geometry.uncalibrated((3, 4, 5)))
    reading = reading_of(flair, same, other)
    reading.move_to((3.0, 2.0, 1.0))
    assert reading.index_in(same) == (1.0, 2.0, 3.0)
    assert reading.index_in(other) is None


def test_listeners_hear_of_a_move_once():
    reading = reading_of(series("flair", role=Role.FLAIR))
    heard = []
    reading.position_changed.connect(heard.append)
    reading.move_to([1, 2, 3])
    reading.move_to([1, 2, 3])
    assert heard == [(1.0, 2.0, 3.0)]


def test_greys_are_remembered_per_series_until_the_study_is_closed():
    flair, t1 = series("flair", role=Role.FLAIR), series("t1", window=Window(7.0, 3.0))
    reading = reading_of(flair, t1)
    heard = []
    reading.window_changed.connect(heard.append)
    assert reading.window_of(flair) == auto_window(flair.volume.data)
    assert reading.window_of(t1) == Window(7.0, 3.0)
    reading.set_window(flair, Window(50.0, 20.0))
    reading.set_window(flair, Window(50.0, 20.0))
    reading.set_inverted(t1, inverted=True)
    assert heard == [flair]
    assert (reading.window_of(flair), reading.window_of(t1)) == (Window(50.0, 20.0), Window(7.0, 3.0))
    assert reading.inverted(t1)
    assert not reading.inverted(flair)
    reading.session.open(reading.session.study)
    assert reading.window_of(flair) == auto_window(flair.volume.data)
    assert not reading.inverted(t1)


def test_a_preset_holds_until_a_window_is_set_by_hand_and_follows_the_role():
    one = series("one", role=Role.FLAIR)
    reading = reading_of(one)
    assert reading.preset_of(one) is Preset.AUTO
    assert reading.set_preset(one, Preset.LESION)
    bright = reading.window_of(one)
    assert bright == reading.preset_window(one, Preset.LESION) != reading.auto_window_of(one)
    reading.session.set_role(one, Role.T1)  # its lesions are dark
    assert reading.window_of(one).low < bright.low
    reading.set_window(one, Window(5.0, 3.0))
    assert reading.preset_of(one) is None
    assert reading.set_preset(one, Preset.AUTO)
    assert reading.window_of(one) == reading.auto_window_of(one)


def test_a_file_without_a_window_refuses_that_preset():
    plain, windowed = series("a", role=Role.FLAIR), series("b", window=Window(7.0, 3.0))
    reading = reading_of(plain, windowed)
    assert not reading.set_preset(plain, Preset.FILE)
    assert reading.preset_of(plain) is Preset.AUTO
    assert reading.preset_of(windowed) is Preset.FILE
    assert reading.set_preset(windowed, Preset.AUTO)
    assert reading.set_preset(windowed, Preset.FILE)
    assert reading.window_of(windowed) == Window(7.0, 3.0)


def test_a_role_s_default_is_used_where_nothing_was_chosen():
    flair, t1 = series("flair", role=Role.FLAIR, window=Window(7.0, 3.0)), series("t1", role=Role.T1)
    reading = reading_of(flair, t1)
    heard = []
    reading.window_changed.connect(heard.append)
    reading.set_role_presets({Role.FLAIR: Preset.CONTRAST, Role.T1: Preset.FILE})
    assert heard == [flair, t1]
    assert reading.preset_of(flair) is Preset.CONTRAST
    assert reading.preset_of(t1) is Preset.AUTO  # the file has none
    reading.set_preset(flair, Preset.WIDE)
    assert reading.preset_of(flair) is Preset.WIDE


def test_colours_are_greys_until_chosen_and_forgotten_with_the_study():
    flair = series("flair", role=Role.FLAIR)
    reading = reading_of(flair)
    heard = []
    reading.colours_changed.connect(heard.append)
    reading.set_colour_map(flair, ColourMap.GREY)
    reading.set_colour_map(flair, ColourMap.VIRIDIS)
    assert heard == [flair]
    assert reading.colour_map_of(flair) is ColourMap.VIRIDIS
    reading.session.open(reading.session.study)
    assert reading.colour_map_of(flair) is ColourMap.GREY


def test_what_was_chosen_for_a_series_comes_back_with_the_session():
    flair, t1, t2 = (series(name, role=role) for name, role in (("a", Role.FLAIR), ("b", Role.T1), ("c", Role.T2)))
    reading = reading_of(flair, t1, t2)
    reading.set_window(flair, Window(50.0, 20.0))
    reading.set_preset(t1, Preset.LESION)
    reading.set_inverted(t1, inverted=True)
    reading.set_colour_map(t2, ColourMap.VIRIDIS)
    looks.keep(reading)
    assert not reading.session.dirty  # nobody is asked to save a window
    kept = reading.session.records.get(looks.RECORD)
    reading.session.open(reading.session.study)
    assert reading.preset_of(flair) is Preset.AUTO
    reading.session.records.put(looks.RECORD, json.loads(json.dumps(kept)))
    looks.bring_back(reading)
    assert reading.window_of(flair) == Window(50.0, 20.0)
    assert (reading.preset_of(t1), reading.inverted(t1)) == (Preset.LESION, True)
    assert reading.colour_map_of(t2) is ColourMap.VIRIDIS
    assert (reading.preset_of(t2), reading.inverted(flair)) == (Preset.AUTO, False)


@pytest.mark.parametrize("look", [7, {}, {"window": [1.0]}, {"window": ["x", 2]}, {"window": [1, -1]}, {"preset": []}])
def test_a_damaged_look_is_left_out(look):
    flair = series("flair", role=Role.FLAIR)
    reading = reading_of(flair)
    before = reading.window_of(flair)
    reading.session.records.put(looks.RECORD, {"flair": look, "other": {}})
    looks.bring_back(reading)
    assert reading.window_of(flair) == before


def test_intensities_are_counted_once():
    flair = series("flair", role=Role.FLAIR)
    reading = reading_of(flair)
    assert reading.intensities_of(flair) is reading.intensities_of(flair)
