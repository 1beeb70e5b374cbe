"""Colours for intensities: tables of 256 colours, from dark to bright.

Greys are the default everywhere. The perceptual maps rise evenly in lightness, so that equal steps of intensity look
equal in every colour vision.
"""

from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt

ColourTable = npt.NDArray[np.uint8]

LEVELS = np.arange(256, dtype=np.uint8)  # from dark to bright


class ColourMap(StrEnum):
    """The maps on offer; the value is remembered in settings."""

    GREY = "grey"
    HOT_IRON = "hot_iron"
    INFERNO = "inferno"
    VIRIDIS = "viridis"


TITLES = {
    ColourMap.GREY: "Grey",
    ColourMap.HOT_IRON: "Hot iron",
    ColourMap.INFERNO: "Inferno",
    ColourMap.VIRIDIS: "Viridis",
}


@cache
def table(colour_map: ColourMap) -> ColourTable:
    """The RGB colours [256, 3] of a map; read-only."""
    if colour_map is ColourMap.GREY:
        colours = LEVELS[:, None].repeat(3, axis=1)
    elif colour_map is ColourMap.HOT_IRON:
        colours = _hot_iron()
    else:
        import cmap  # a tenth of a second that a window in greys should not wait for

        colours = np.rint(cmap.Colormap(str(colour_map)).lut(256)[:, :3] * 255).astype(np.uint8)
    colours.setflags(write=False)
    return colours


def _hot_iron() -> ColourTable:
    """The Hot Iron palette of DICOM PS3.6, B.1.1: red rises first, then green, then blue at twice the pace."""
    level = np.arange(256)
    colours = np.stack([2 * level, 2 * (level - 128), 4 * (level - 191)], axis=1).clip(0, 255)
    colours[128:, 0] = 255
    colours[255] = 255
    return colours.astype(np.uint8)
