"""Pictures of the window that are compared by structure: where what lies and in which colours, not how glyphs look.

A picture is reduced to the mean colour of blocks of 8 pixels. Text is written in one font on every machine (Pillow
brings it), and small differences of its rendering vanish in the blocks; a panel that is gone, moved or of another
colour does not.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont
from PySide6.QtGui import QFont, QFontDatabase, QImage
from PySide6.QtWidgets import QApplication, QWidget

FOLDER = Path(__file__).parent / "screens"
FAILURES = Path(__file__).parents[2] / "build" / "screens"
BLOCK = 8  # px
# Measured: on a machine without a single font of its own at most 0.2 % of the blocks differ by more than 10; with a
# folded panel 0.6 % do.
COLOUR_TOLERANCE = 10  # of 255, in the mean of a block
SHARE_TOLERANCE = 0.003  # of the blocks may differ more
UPDATE = "TUMORVIEW_UPDATE_SCREENS"
FONT_SIZE = 9.0

Blocks = np.ndarray  # uint8 [rows, columns, 3]


def install_font() -> QFont:
    """The same font on every machine."""
    data = ImageFont.load_default(size=10).font_bytes
    number = QFontDatabase.addApplicationFontFromData(data)
    font = QFont(QFontDatabase.applicationFontFamilies(number)[0])
    font.setPointSizeF(FONT_SIZE)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def pixels(widget: QWidget) -> np.ndarray:
    """What the widget shows, uint8 [rows, columns, 3]."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def blocks(picture: np.ndarray) -> Blocks:
    """Mean colour of each whole block."""
    rows, columns = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    whole = picture[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
    return whole.reshape(rows, BLOCK, columns, BLOCK, 3).mean(axis=(1, 3)).round().astype(np.uint8)


@dataclass(frozen=True)
class Difference:
    """Which blocks differ, and what is said about it."""

    changed: np.ndarray  # bool [rows, columns]
    message: str = ""

    @property
    def share(self) -> float:
        """0..1 of the blocks."""
        return float(self.changed.mean())


def updating() -> bool:
    """Whether the pictures are made anew instead of compared."""
    return bool(os.environ.get(UPDATE))


def keep(name: str, widget: QWidget) -> None:
    """Make what the widget shows the picture ``name``."""
    FOLDER.mkdir(exist_ok=True)
    Image.fromarray(blocks(pixels(widget))).save(FOLDER / f"{name}.png", optimize=True)


def compared(name: str, widget: QWidget, failures: Path) -> Difference:
    """``widget`` against the kept picture ``name``; where they differ, a picture of it is put into ``failures``."""
    picture = pixels(widget)
    now, place = blocks(picture), FOLDER / f"{name}.png"
    with Image.open(place) as image:
        kept = np.asarray(image.convert("RGB"))
    if kept.shape != now.shape:
        sizes = " and ".join(f"{shape[1] * BLOCK}x{shape[0] * BLOCK}" for shape in (kept.shape, now.shape))
        return Difference(np.ones(now.shape[:2], bool), f"{name}: the size was and is {sizes}")
    changed = np.abs(kept.astype(int) - now.astype(int)).max(axis=2) > COLOUR_TOLERANCE
    if changed.mean() <= SHARE_TOLERANCE:
        return Difference(changed)
    failures.mkdir(parents=True, exist_ok=True)
    saved = failures / f"{name}.png"
    _save_failure(saved, kept, picture, changed)
    where = ", ".join(f"{part} {share:.0%}" for part, share in _parts(widget, changed))
    return Difference(
        changed,
        f"{name}: {changed.mean():.1%} of the picture changed ({where}). Was, is and difference: {saved}. "
        "If it is meant: make screens",
    )


def _save_failure(place: Path, kept: Blocks, picture: np.ndarray, changed: np.ndarray) -> None:
    """Was, is and the changed blocks in red, beside each other."""
    height, width = kept.shape[0] * BLOCK, kept.shape[1] * BLOCK
    was = kept.repeat(BLOCK, 0).repeat(BLOCK, 1)
    now = picture[:height, :width]
    marked = now // 3
    marked[changed.repeat(BLOCK, 0).repeat(BLOCK, 1)] = (230, 40, 40)
    Image.fromarray(np.concatenate((was, now, marked), axis=1)).save(place)


def _parts(root: QWidget, changed: np.ndarray) -> list[tuple[str, float]]:
    """The named widgets that hold the most changed blocks, with their share of all changes."""
    count: dict[str, int] = {}
    for row, column in np.argwhere(changed):
        widget = root.childAt(int(column) * BLOCK + BLOCK // 2, int(row) * BLOCK + BLOCK // 2) or root
        while not widget.objectName() and widget is not root:
            widget = widget.parentWidget()
        count[widget.objectName()] = count.get(widget.objectName(), 0) + 1
    total = max(int(changed.sum()), 1)
    return [(name, n / total) for name, n in sorted(count.items(), key=lambda one: -one[1])[:5]]


def use_font(application: QApplication, font: QFont) -> None:
    """Make ``font`` what the theme takes for the system's."""
    application.setProperty("tumorview_system_font", font)
