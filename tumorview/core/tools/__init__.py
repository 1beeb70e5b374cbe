"""Editing tools as pure geometry on a Mask: which voxels a gesture covers, and the Edit it leaves.

A tool finds a ``Region``; ``paint`` and ``reshape`` turn it into a ``Change`` that respects locked labels and the
PaintRule; ``Change.make`` puts it into a Mask as one Edit. Tools that are seen while the hand moves are LiveEdits.
scipy and scikit-image are imported where they are used: a window that only shows should not wait for them.
"""

from tumorview.core.tools.footprint import Shape, sweep
from tumorview.core.tools.painting import (
    BACKGROUND,
    Change,
    Over,
    PaintRule,
    Region,
    label_box,
    paint,
    reshape,
    slab,
)
from tumorview.core.tools.stroke import Brush, LiveEdit, LiveRegion, Stroke

__all__ = [
    "BACKGROUND",
    "Brush",
    "Change",
    "LiveEdit",
    "LiveRegion",
    "Over",
    "PaintRule",
    "Region",
    "Shape",
    "Stroke",
    "label_box",
    "paint",
    "reshape",
    "slab",
    "sweep",
]
