"""Labels' colours stay apart from each other and from every grey, for readers with each common colour vision.

Dichromacy is simulated as Machado, Oliveira and Fernandes (2009, IEEE TVCG 15:1291) do, severity 1.0, in linear RGB.
Distances are CIE76 in L*a*b* (D65): 2.3 is just noticeable.
"""

from itertools import combinations

import numpy as np
import pytest

from tumorview.core.labels import PALETTE, STANDARD_OPACITY
from tumorview.core.rendering import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE

VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ.sum(axis=1)
SAFE = 4  # the first colours of the palette are those of most masks
GREYS = np.arange(0, 256, 5)


def linear(colours: np.ndarray) -> np.ndarray:
    values = np.asarray(colours, float) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(colours: np.ndarray, vision: str) -> np.ndarray:
    """sRGB [n, 3] as somebody with ``vision`` sees them, in L*a*b*."""
    seen = (linear(colours) @ VISIONS[vision].T).clip(0, 1)
    ratio = seen @ TO_XYZ.T / WHITE
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def distance(first, second, vision: str) -> float:
    one, other = lab(np.array([first, second]), vision)
    return float(np.linalg.norm(one - other))


@pytest.mark.parametrize("vision", VISIONS)
def test_the_simulation_keeps_greys(vision):
    greys = GREYS[:, None].repeat(3, axis=1)
    assert np.abs(lab(greys, vision) - lab(greys, "normal")).max() < 1.0


@pytest.mark.parametrize("vision", VISIONS)
def test_no_two_labels_are_mistaken_for_each_other(vision):
    nearest = min(distance(one, other, vision) for one, other in combinations(PALETTE[:SAFE], 2))
    assert nearest > 24
    assert min(distance(one, other, vision) for one, other in combinations(PALETTE, 2)) > 16
    agreement = (TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE)
    assert min(distance(one, other, vision) for one, other in combinations(agreement, 2)) > 24


@pytest.mark.parametrize("vision", VISIONS)
def test_no_outline_is_mistaken_for_grey(vision):
    nearest = {
        colour: min(distance(colour, (grey, grey, grey), vision) for grey in GREYS.tolist()) for colour in PALETTE
    }
    assert nearest[PALETTE[0]] > 40  # the tumour itself
    assert min(nearest.values()) > 30


@pytest.mark.parametrize("vision", VISIONS)
def test_the_tumour_s_standard_fill_shows_on_every_grey(vision):
    for grey in GREYS.tolist():
        filled = STANDARD_OPACITY * np.array(PALETTE[0]) + (1 - STANDARD_OPACITY) * grey
        assert distance(filled, (grey, grey, grey), vision) > 12
