"""The image views, their grid and the strip under them."""

from tumorview.gui.views.cine import Cine
from tumorview.gui.views.slice_strip import SliceStrip
from tumorview.gui.views.slice_view import SliceView
from tumorview.gui.views.values import CursorInfo, OverlayOptions
from tumorview.gui.views.view_grid import ViewGrid

__all__ = ["Cine", "CursorInfo", "OverlayOptions", "SliceStrip", "SliceView", "ViewGrid"]
