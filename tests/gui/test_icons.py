"""Icons stand out from what they are drawn on."""

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QApplication

from tumorview.gui import icons, theme


def ink(icon: QIcon, mode: QIcon.Mode) -> QColor:
    """The colour of the most opaque pixel."""
    image = icon.pixmap(QSize(24, 24), mode, QIcon.State.Off).toImage()
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return max(pixels, key=QColor.alpha)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_a_focused_or_hovered_button_keeps_its_icon_legible(qapp: QApplication, name: str) -> None:
    theme.apply(qapp, name, 1.0)
    try:
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Active):
            assert ink(icons.icon("warning"), mode) == QColor(theme.colours().text)
    finally:
        theme.apply(qapp, "dark", 1.0)
