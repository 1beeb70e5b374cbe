"""Which greys to show: what is known of a series' intensities, and window/level presets made from it.

MR intensities have no absolute unit, so a preset is a pair of percentiles of the voxels that are not air. Every preset
follows its image: scaled or shifted intensities give the same picture.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.air import TOP_PERCENTILE, AirLevel, air_level, in_order, percentiles, sample
from tumorview.core.rendering import Window
from tumorview.core.study import Role, Series

Floats = npt.NDArray[np.float64]

BINS = 192  # of a histogram: about one for each pixel of the panel that draws it
_AIR_MARGIN = 0.06  # of the span of all intensities, as the head is told from air for the network
_STEPS = 1000  # of the table of quantiles
_OUTLIERS = 0.05  # percent of the voxels at each end that the histogram's axis leaves out


class Preset(StrEnum):
    """What a window is to show best; keys 1 to 5 in this order."""

    AUTO = "auto"
    CONTRAST = "contrast"
    WIDE = "wide"
    LESION = "lesion"
    FILE = "file"


AUTO_PERCENTILES = (0.1, 99.9)  # of the whole head
# Of the middle of the head, where there is brain: the fat of the scalp, a tenth of the voxels and the brightest on T1,
# would take the greys from it.
CONTRAST_PERCENTILES = (1.0, 97.0)
# Where the lesion is looked for: oedema is bright on FLAIR and T2 and dark on T1; enhancement is bright on T1CE. Part
# of the other end of the greys, where normal tissue lies, is given up.
LESION_PERCENTILES = {
    Role.FLAIR: (15.0, 99.9),
    Role.T2: (15.0, 99.5),
    Role.T1CE: (25.0, 99.9),
    Role.T1: (0.5, 95.0),
    Role.OTHER: (15.0, 99.9),
}


@dataclass(frozen=True, eq=False)
class Intensities:
    """The intensities of one volume, from at most half a million of its voxels.

    ``quantiles`` [1001] are those of the voxels that are not air, at 0, 0.1 ... 100 percent; ``inner`` [1001] are those
    of the middle half of rows and columns, where the brain lies. ``counts`` [BINS] are the
    numbers of sampled voxels, air included, in equal steps from ``low`` to ``high``; outliers lie beyond.
    """

    air: AirLevel
    quantiles: Floats
    inner: Floats
    counts: npt.NDArray[np.int64]
    low: float
    high: float

    @classmethod
    def of(cls, data: npt.NDArray[Any]) -> "Intensities":
        """What is known of ``data`` [k, j, i]; values that are no numbers are left out."""
        values = in_order(sample(data))
        if values.size == 0:
            nothing = np.array([0.0, 1.0])
            return cls(AirLevel(0.0, 0.0, grey=False), nothing, nothing, np.zeros(BINS, np.int64), 0.0, 1.0)
        air = air_level(data)
        away = _margin(values, air)
        percents = np.linspace(0.0, 100.0, _STEPS + 1)
        quantiles = percentiles(_tissue(values, air, away), percents)
        middle = in_order(sample(_middle(data)))
        inner = percentiles(_tissue(middle, air, away), percents) if middle.size else quantiles
        low, high = (float(end) for end in percentiles(values, (_OUTLIERS, 100.0 - _OUTLIERS)))
        low, high = min(low, float(quantiles[1])), max(high, float(quantiles[-2]))
        if not high > low:
            high = Window.of_range(low, low).high
        edges = np.linspace(low, high, BINS + 1)
        edges[-1] = np.nextafter(high, np.inf)  # the last step holds its end
        counts = np.diff(np.searchsorted(values, edges))
        return cls(air, quantiles, inner, counts, low, high)

    def percentile(self, percent: float, *, inner: bool = False) -> float:
        """The intensity that ``percent`` of the voxels that are not air lie below; ``inner``: those in the middle."""
        known = self.inner if inner else self.quantiles
        return float(np.interp(percent / 100.0, np.linspace(0.0, 1.0, len(known)), known))

    def window(self, low_percent: float, high_percent: float, *, inner: bool = False) -> Window:
        """The window between two of these percentiles."""
        ends = (self.percentile(percent, inner=inner) for percent in (low_percent, high_percent))
        return Window.of_range(*ends)


def preset_window(preset: Preset, role: Role, intensities: Intensities, own: Window | None = None) -> Window | None:
    """The window of ``preset`` for a series of ``role``; None where it needs the file's ``own`` and there is none."""
    if preset is Preset.FILE:
        return own
    if preset is Preset.WIDE:
        # Nothing is clipped, and air is black where no tissue is darker than it.
        darkest = intensities.percentile(0.0)
        return Window.of_range(min(intensities.air.level, darkest), intensities.percentile(100.0))
    if preset is Preset.AUTO:
        return intensities.window(*AUTO_PERCENTILES)
    percents = CONTRAST_PERCENTILES if preset is Preset.CONTRAST else LESION_PERCENTILES[role]
    return intensities.window(*percents, inner=True)


def auto_window(data: npt.NDArray[Any]) -> Window:
    """The automatic window of ``data`` [k, j, i]: between the 0.1st and 99.9th percentile of what is not air."""
    return Intensities.of(data).window(*AUTO_PERCENTILES)


def first_window(series: Series) -> Window:
    """What ``series`` is shown with where nobody chose: the file's own window, or the automatic one."""
    return series.window or auto_window(series.volume.data)


def _margin(values: npt.NDArray[np.float32], air: AirLevel) -> float:
    """How far from the air's level tissue begins; ``values`` are sorted."""
    low, high = percentiles(values, (0.1, TOP_PERCENTILE))
    return max(3 * air.noise, _AIR_MARGIN * float(high - low))


def _tissue(values: npt.NDArray[np.float32], air: AirLevel, margin: float) -> npt.NDArray[np.float32]:
    """Those of the sorted ``values`` that are not air; all of them where nothing else is there."""
    bright = values[np.searchsorted(values, air.level + margin, side="right") :]
    dark = values[: np.searchsorted(values, air.level - margin)] if air.grey else values[:0]
    tissue = np.concatenate([dark, bright])
    return tissue if tissue.size else values


def _middle(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The middle half of rows and columns of every so many slices of [k, j, i], a few million voxels at most."""
    rows, columns = (slice(extent // 4, extent - extent // 4) for extent in data.shape[1:])
    return data[:: max(1, data.size // 8_000_000), rows, columns]
