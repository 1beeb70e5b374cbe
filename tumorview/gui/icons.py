"""One icon set (Phosphor, through qtawesome) tinted from the theme, and the small pictures we draw ourselves."""

from functools import cache
from pathlib import Path

import qtawesome
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from qtawesome.iconic_font import IconicFont

from tumorview.core.labels import Colour
from tumorview.gui import theme

_PREFIX = "ph"
_FONT_FOLDER = Path(qtawesome.__file__).parent / "fonts"

# Names of our table of actions and of the panels -> names of the set.
GLYPHS = {
    "open": "file",
    "folder": "folder-open",
    "sample": "flask",
    "truth": "circle-wavy-check",
    "mask": "stack",
    "save": "floppy-disk",
    "by_network": "robot",
    "by_tool": "magic-wand",
    "by_interpolation": "stack-simple",
    "save_session": "floppy-disk-back",
    "session": "briefcase",
    "export": "export",
    "picture": "image",
    "picture_3d": "cube",
    "run": "play",
    "cancel": "stop",
    "undo": "arrow-u-up-left",
    "redo": "arrow-u-up-right",
    "window": "circle-half",
    "brush": "paint-brush",
    "erase": "eraser",
    "smart_brush": "magic-wand",
    "polygon": "polygon",
    "lasso": "scribble-loop",
    "fill": "paint-bucket",
    "grow_region": "drop",
    "threshold": "selection-foreground",
    "relabel": "tag",
    "delete": "trash",
    "fill_holes": "selection-background",
    "keep_largest": "number-circle-one",
    "islands": "circles-three",
    "grow": "arrows-out",
    "shrink": "arrows-in",
    "smooth_mask": "waves",
    "interpolate": "stack-simple",
    "copy_previous": "arrow-fat-line-up",
    "copy_next": "arrow-fat-line-down",
    "mirror": "arrows-left-right",
    "add": "plus",
    "remove": "minus",
    "presets": "list-bullets",
    "eye": "eye",
    "eye_off": "eye-slash",
    "compare": "intersect",
    "reset": "frame-corners",
    "lock": "lock-simple",
    "unlock": "lock-simple-open",
    "open_panel": "caret-down",
    "closed_panel": "caret-right",
    "warning": "warning",
    "geometry": "compass",
    "error": "warning-octagon",
    "close": "x",
    "brain": "brain",
    "recent": "clock-counter-clockwise",
    "left_panel": "layout",
    "right_panel": "sliders",
    "invert": "swap",
    "heat": "fire-simple",
    "voxels": "grid-four",
    "one_view": "square",
    "quad": "grid-four",
    "two_views": "columns",
    "hanging": "squares-four",
    "link": "link",
    "crosshair": "crosshair-simple",
    "cine": "film-strip",
    "distance": "ruler",
    "angle": "caret-left",
    "ellipse": "circle",
    "rectangle": "rectangle",
    "freehand": "scribble-loop",
    "probe": "eyedropper",
    "lesions": "plus-circle",
    "show_measured": "eye",
    "copy": "copy",
    "drop": "download-simple",
    "settings": "gear",
    "command": "command",
    "keyboard": "keyboard",
    "log": "notebook",
    "report": "clipboard-text",
    "hidden": "user-circle-minus",
    "default": "star",
    "candidate": "hourglass",
    "passed": "check-circle",
    "train": "graduation-cap",
}


@cache
def _font() -> IconicFont:
    """The set's font alone: qtawesome itself would load every set that it ships."""
    charmap = next(_FONT_FOLDER.glob("phosphor-charmap-*.json"))
    return IconicFont((_PREFIX, next(_FONT_FOLDER.glob("phosphor-*.ttf")).name, charmap.name, str(_FONT_FOLDER)))


def icon(name: str, colour: str | None = None, *, quiet: bool = False) -> QIcon:
    """The icon of one of our names in the theme's text colour (or ``colour``); empty for an empty name.

    ``quiet`` dims it while its action is unchecked instead of standing out while it is checked.
    """
    if not name:
        return QIcon()
    c = theme.colours()
    return _font().icon(
        f"{_PREFIX}.{GLYPHS[name]}",
        color=colour or (c.text_dim if quiet else c.text),
        color_disabled=c.text_disabled,
        color_on=colour or (c.text if quiet else c.on_accent),
        color_off_active=colour or c.text,  # focused, hovered: not on the accent colour
        color_on_disabled=c.text_disabled,
    )


def toggle_icon(on: str, off: str) -> QIcon:
    """An icon that shows one glyph while its button is checked and a fainter one while it is not."""
    c = theme.colours()
    return _font().icon(
        f"{_PREFIX}.{GLYPHS[off]}",
        on=f"{_PREFIX}.{GLYPHS[on]}",
        color=c.text_dim,
        color_off=c.text_dim,
        color_on=c.text,
        color_disabled=c.text_disabled,
    )


def swatch(colour: Colour, size: int = 14, ratio: float = 2.0) -> QIcon:
    """A filled rounded square in a label's colour."""
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(*colour))
    painter.setPen(QPen(QColor(0, 0, 0, 120), 1))
    painter.drawRoundedRect(QRectF(0.5, 0.5, size - 1, size - 1), 3, 3)
    painter.end()
    return QIcon(pixmap)
