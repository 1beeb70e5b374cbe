"""The image views and the strip under them."""

from tumorview.gui.views.slice_strip import SliceStrip
from tumorview.gui.views.slice_view import SliceView
from tumorview.gui.views.values import CursorInfo, OverlayOptions, Tool

__all__ = ["CursorInfo", "OverlayOptions", "SliceStrip", "SliceView", "Tool"]
