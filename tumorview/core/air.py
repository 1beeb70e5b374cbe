"""The air around the head: found, never assumed to be zero.

A real-valued inversion recovery has grey air with tissue darker and brighter than it, a z-scored volume has its air at
the minimum, a scanner's magnitude image has noise above zero.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

TOP_PERCENTILE = 99.8  # the brightest voxels are vessels and spikes
_GREY_AIR_SHARE = 0.05  # of the head's voxels darker than air: more than noise and vessels explain


@dataclass(frozen=True, slots=True)
class AirLevel:
    """What the air around the head looks like: its level, its noise and whether tissue lies on both sides of it."""

    level: float
    noise: float
    grey: bool


def air_level(volume: npt.NDArray[Any]) -> AirLevel:
    """The air around the head, from the in-plane corners of [k, j, i]."""
    margin = max(1, min(volume.shape[1:]) // 16)
    ends = (slice(None, margin), slice(-margin, None))
    border = np.concatenate([volume[:, rows, columns].ravel() for rows in ends for columns in ends])
    border = in_order(border.astype(np.float32))
    finite = in_order(sample(volume))
    if not border.size or not finite.size:
        return AirLevel(0.0, 0.0, grey=False)
    level = float(percentiles(border, 50))
    noise = 1.4826 * float(percentiles(np.sort(np.abs(border - np.float32(level))), 50))
    low, high = percentiles(finite, (0.1, TOP_PERCENTILE))
    span = max(float(high - low), 1e-12)
    darker = int(np.count_nonzero(finite < level - max(4 * noise, 0.05 * span)))
    brighter = int(np.count_nonzero(finite > level + max(4 * noise, 0.05 * span)))
    return AirLevel(level, noise, grey=bool(darker > _GREY_AIR_SHARE * max(1, darker + brighter)))


def sample(values: npt.NDArray[Any]) -> Floats:
    """At most about half a million values, evenly spread: enough for percentiles."""
    flat = values.reshape(-1)
    # An odd stride, so that it does not fall into step with the rows.
    return np.asarray(flat[:: max(1, flat.size // 500_000) | 1], dtype=np.float32)


def in_order(values: Floats) -> Floats:
    """The finite ones of ``values`` [n], sorted."""
    return np.sort(values[np.isfinite(values)])


def percentiles(ordered: Floats, percents: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Percentiles of values [n] that are sorted already, with linear interpolation; much faster than selecting."""
    places = np.asarray(percents, dtype=np.float64) / 100.0 * (len(ordered) - 1)
    below = np.floor(places).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    low = ordered[below].astype(np.float64)
    return np.asarray(low + (ordered[above] - low) * (places - below))
