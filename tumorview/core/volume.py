"""Voxels with a place in the patient."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry
from tumorview.errors import GeometryError


@dataclass(frozen=True, eq=False)
class Volume:
    """``data`` [k, j, i] (any real dtype) on ``geometry``; raises GeometryError when their shapes differ."""

    data: npt.NDArray[Any]
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.data.shape != self.geometry.shape:
            raise GeometryError(f"Voxels of shape {self.data.shape} do not fit a grid of {self.geometry.shape}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(k, j, i)."""
        return self.geometry.shape


def finite_range(data: npt.NDArray[Any]) -> tuple[float, float]:
    """Smallest and largest finite value; (0, 0) where there is none."""
    if np.issubdtype(data.dtype, np.floating):
        data = data[np.isfinite(data)]
    if data.size == 0:
        return 0.0, 0.0
    return float(data.min()), float(data.max())
