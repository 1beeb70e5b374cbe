"""How the user chose to see each series, kept with the session: window, preset, colours, inversion."""

from typing import TYPE_CHECKING, Any

from tumorview.core.colour_maps import ColourMap
from tumorview.core.contrast import Preset
from tumorview.core.rendering import Window
from tumorview.core.study import Series

if TYPE_CHECKING:
    from tumorview.app.reading import Reading

RECORD = "looks"
LARGEST = 1e30  # no intensity is beyond


def keep(reading: "Reading") -> None:
    """Put what was chosen for the series of the open study into its session; what is untouched is left out."""
    study = reading.session.study
    if study is not None:
        found = {series.uid: look for series in study.series if (look := _look(reading, series))}
        reading.session.records.put(RECORD, found or None)


def bring_back(reading: "Reading") -> None:
    """Show the series as the session says; what it says wrongly is left out."""
    study, document = reading.session.study, reading.session.records.get(RECORD)
    if study is None or not isinstance(document, dict):
        return
    for series in study.series:
        look = document.get(series.uid)
        if isinstance(look, dict):
            _show(reading, series, look)


def _look(reading: "Reading", series: Series) -> dict[str, Any]:
    look: dict[str, Any] = {}
    preset = reading.chosen_preset_of(series)
    if reading.preset_of(series) is None:
        window = reading.window_of(series)
        look["window"] = [window.centre, window.width]
    elif preset is not None:
        look["preset"] = str(preset)
    if reading.colour_map_of(series) is not ColourMap.GREY:
        look["colours"] = str(reading.colour_map_of(series))
    if reading.inverted(series):
        look["inverted"] = True
    return look


def _show(reading: "Reading", series: Series, look: dict[str, Any]) -> None:
    window, preset, colours = look.get("window"), look.get("preset"), look.get("colours")
    if preset in tuple(Preset):
        reading.set_preset(series, Preset(preset))
    if isinstance(window, list) and len(window) == 2 and all(map(_sensible, window)) and window[1] > 0:
        reading.set_window(series, Window(float(window[0]), float(window[1])))
    if colours in tuple(ColourMap):
        reading.set_colour_map(series, ColourMap(colours))
    reading.set_inverted(series, inverted=look.get("inverted") is True)


def _sensible(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < LARGEST
