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


AUTO_PERCENTILES = (0.1, 99.9)
# The robust range of FSL's tools (Smith 2002, Human Brain Mapping 17:143) leaves fat, vessels and the darkest CSF out.
CONTRAST_PERCENTILES = (2.0, 98.0)
# Where the lesion is looked for: oedema is bright on FLAIR and T2 and dark on T1; enhancement is bright on T1CE. The
# other end of the greys, where normal tissue lies, is given up.
LESION_PERCENTILES = {
    Role.FLAIR: (35.0, 99.9),
    Role.T2: (35.0, 99.9),
    Role.T1CE: (40.0, 99.9),
    Role.T1: (1.0, 85.0),
    Role.OTHER: (35.0, 99.9),
}


@dataclass(frozen=True, eq=False)
class Intensities:
    """The intensities of one volume, from at most half a million of its voxels.

    ``quantiles`` [1001] are those of the voxels that are not air, at 0, 0.1 ... 100 percent. ``counts`` [BINS] are the
    numbers of sampled voxels, air included, in equal steps from ``low`` to ``high``; outliers lie beyond.
    """

    air: AirLevel
    quantiles: Floats
    counts: npt.NDArray[np.int64]
    low: float
    high: float

    @classmethod
    def of(cls, data: npt.NDArray[Any]) -> "Intensities":
        """What is known of ``data`` [k, j, i]; values that are no numbers are left out."""
        values = in_order(sample(data))
        if values.size == 0:
            return cls(AirLevel(0.0, 0.0, grey=False), np.array([0.0, 1.0]), np.zeros(BINS, np.int64), 0.0, 1.0)
        air = air_level(data)
        quantiles = percentiles(_tissue(values, air), np.linspace(0.0, 100.0, _STEPS + 1))
        low, high = (float(end) for end in percentiles(values, (_OUTLIERS, 100.0 - _OUTLIERS)))
        low, high = min(low, float(quantiles[1])), max(high, float(quantiles[-2]))
        if not high > low:
            high = Window.of_range(low, low).high
        edges = np.linspace(low, high, BINS + 1)
        edges[-1] = np.nextafter(high, np.inf)  # the last step holds its end
        counts = np.diff(np.searchsorted(values, edges))
        return cls(air, quantiles, counts, low, high)

    def percentile(self, percent: float) -> float:
        """The intensity that ``percent`` of the voxels that are not air lie below."""
        return float(np.interp(percent / 100.0, np.linspace(0.0, 1.0, len(self.quantiles)), self.quantiles))

    def window(self, low_percent: float, high_percent: float) -> Window:
        """The window between two percentiles of the voxels that are not air."""
        return Window.of_range(self.percentile(low_percent), self.percentile(high_percent))


def preset_window(preset: Preset, role: Role, intensities: Intensities, own: Window | None = None) -> Window | None:
    """The window of ``preset`` for a series of ``role``; None where it needs the file's ``own`` and there is none."""
    if preset is Preset.FILE:
        return own
    if preset is Preset.WIDE:
        # Nothing is clipped, and air is black where no tissue is darker than it.
        darkest = intensities.percentile(0.0)
        return Window.of_range(min(intensities.air.level, darkest), intensities.percentile(100.0))
    if preset is Preset.LESION:
        return intensities.window(*LESION_PERCENTILES[role])
    return intensities.window(*(CONTRAST_PERCENTILES if preset is Preset.CONTRAST else AUTO_PERCENTILES))


def auto_window(data: npt.NDArray[Any]) -> Window:
    """The automatic window of ``data`` [k, j, i]: between the 0.1st and 99.9th percentile of what is not air."""
    return Intensities.of(data).window(*AUTO_PERCENTILES)


def first_window(series: Series) -> Window:
    """What ``series`` is shown with where nobody chose: the file's own window, or the automatic one."""
    return series.window or auto_window(series.volume.data)


def _tissue(values: npt.NDArray[np.float32], air: AirLevel) -> npt.NDArray[np.float32]:
    """Those of the sorted ``values`` that are not air; all of them where nothing else is there."""
    low, high = percentiles(values, (0.1, TOP_PERCENTILE))
    margin = max(3 * air.noise, _AIR_MARGIN * float(high - low))
    bright = values[np.searchsorted(values, air.level + margin, side="right") :]
    dark = values[: np.searchsorted(values, air.level - margin)] if air.grey else values[:0]
    tissue = np.concatenate([dark, bright])
    return tissue if tissue.size else values
