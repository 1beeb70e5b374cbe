"""Time of the two diameters on a slice of 512 x 512: a compact tumour, a concave one, and one with many small holes."""

import numpy as np
import pytest

from tumorview.core.diameters import diameters, steps_of

ROWS, COLUMNS = np.ogrid[:512, :512]


def ellipse(rows, columns):
    return ((ROWS - 256) / rows) ** 2 + ((COLUMNS - 256) / columns) ** 2 <= 1


SHAPES = {
    "compact": ellipse(120, 90),
    "horseshoe": ellipse(200, 200) & ~ellipse(150, 150) & (ROWS <= 256),
    "holes": ellipse(120, 90) & (np.random.default_rng(0).random((512, 512)) > 0.01),
}


@pytest.mark.benchmark
@pytest.mark.parametrize("shape", list(SHAPES))
def test_diameters_of_a_slice(benchmark, shape):
    found = benchmark(diameters, SHAPES[shape], steps_of((0.5, 0.5)))
    assert found.longest_length > found.perpendicular_length > 0
