"""What the 3D view draws, as plain values."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.labels import Colour
from tumorview.core.surfaces import Surface


@dataclass(frozen=True, eq=False)
class Solid:
    """A surface and how it is drawn; a ``shell`` is seen through, its edges more than its middle."""

    surface: Surface
    colour: Colour
    opacity: float = 1.0
    shell: bool = False


@dataclass(frozen=True, eq=False)
class Sheet:
    """A slice in space: ``pixels`` [h, w, 4] uint8 RGBA (alpha below 128 outside the head) between four ``corners``.

    The corners [4, 3] are LPS mm: top left, top right, bottom right, bottom left of the slice. ``outline`` is drawn
    around it.
    """

    pixels: npt.NDArray[np.uint8]
    corners: npt.NDArray[np.float64]
    outline: Colour


@dataclass(frozen=True)
class Scene:
    """Everything that is drawn."""

    solids: tuple[Solid, ...] = ()
    sheets: tuple[Sheet, ...] = ()


class NoOpenGLError(Exception):
    """This display cannot draw in three dimensions; the text says why, for the user."""
