"""About, and the list of keys and gestures; the rest is asked in the window itself."""

import platform

import PySide6
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from tumorview import __version__
from tumorview.app.actions import ACTIONS, menus, plain_title
from tumorview.app.keymap import RESERVED, Keymap
from tumorview.app.mouse import MousePreset
from tumorview.gui import theme
from tumorview.gui.action_set import native_shortcut
from tumorview.gui.status import NOTICE
from tumorview.gui.widgets import label

_ABOUT = (
    "An open viewer for brain-tumour MRI: automatic segmentation with a UNet+CBAM network, correction by hand, "
    "agreement with ground truth, export in the geometry of the source.",
    "Nothing leaves this computer: no network connection, no telemetry.",
    "Code: Apache License 2.0. The bundled network and sample study derive from the TCGA lower-grade glioma "
    "collection (Buda et al. 2019; The Cancer Imaging Archive) and are for non-commercial use, CC BY-NC-SA 4.0.",
    "Icons: Phosphor (MIT), through QtAwesome (MIT). Qt and PySide6: LGPL 3.",
)


def about(parent: QWidget) -> QDialog:
    """Open what this program is, and is not."""
    dialog, column = _dialog(parent, "about_dialog", "About TumorView")
    title = label("TumorView")
    theme.scaled(title, 1.8, bold=True)
    column.addWidget(title)
    column.addWidget(
        label(f"Version {__version__}   Python {platform.python_version()}   Qt {PySide6.__version__}", dim=True)
    )
    notice = label(f"{NOTICE}. Do not use it for diagnosis or treatment.", warning=True, wrap=True)
    column.addWidget(notice)
    for paragraph in _ABOUT:
        column.addWidget(label(paragraph, wrap=True))
    _finish(dialog, column)
    dialog.setFixedWidth(480)
    dialog.setFixedHeight(column.totalHeightForWidth(480))  # wrapped labels guess their height too large
    dialog.open()
    return dialog


def shortcuts(parent: QWidget, keys: Keymap, mouse: MousePreset) -> QDialog:
    """Open the list of every key and gesture, made from the tables."""
    dialog, column = _dialog(parent, "shortcuts_dialog", "Keyboard and Mouse")
    content = QWidget()
    across = QHBoxLayout(content)
    across.setSpacing(4 * theme.GRID)
    left, right = QVBoxLayout(), QVBoxLayout()
    across.addLayout(left)
    across.addLayout(right)
    sections = [(plain_title(menu), _keys_of(menu, keys)) for menu in menus()]
    gestures = [*mouse.rows(), *((f"{native_shortcut(key)}, held", what) for key, what in RESERVED.items())]
    sections.append((f"In the image ({mouse.title})", [(what, gesture) for gesture, what in gestures]))
    metrics = content.fontMetrics()
    room = max(metrics.horizontalAdvance(keys) for _, rows in sections for _, keys in rows)  # one column in all of them
    total, placed = sum(len(rows) + 2 for _, rows in sections), 0
    for heading, rows in sections:
        (left if placed + len(rows) / 2 < total / 2 else right).addLayout(_section(heading, rows, room))
        placed += len(rows) + 2
    left.addStretch(1)
    right.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidget(content)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QScrollArea.Shape.NoFrame)
    column.addWidget(scroll)
    _finish(dialog, column)
    dialog.resize(content.sizeHint().boundedTo(QSize(980, 640)) + QSize(8 * theme.GRID, 12 * theme.GRID))
    dialog.open()
    return dialog


def _keys_of(menu: str, keys: Keymap) -> list[tuple[str, str]]:
    return [
        (spec.plain_title, ", ".join(native_shortcut(key) for key in keys[spec.id]))
        for spec in ACTIONS
        if spec.menu == menu and keys[spec.id]
    ]


def _section(heading: str, rows: list[tuple[str, str]], room: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(3 * theme.GRID)
    grid.setVerticalSpacing(4)
    title = label(heading)
    theme.scaled(title, 1.1, bold=True)
    grid.addWidget(title, 0, 0, 1, 2)
    for number, (what, keys) in enumerate(rows, start=1):
        grid.addWidget(label(what), number, 0)
        grid.addWidget(label(keys, dim=True), number, 1)
    grid.setColumnStretch(0, 1)
    grid.setColumnMinimumWidth(1, room)
    grid.setContentsMargins(0, 0, 0, 2 * theme.GRID)
    return grid


def _dialog(parent: QWidget, name: str, title: str) -> tuple[QDialog, QVBoxLayout]:
    dialog = QDialog(parent)
    dialog.setObjectName(name)
    dialog.setWindowTitle(title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(3 * theme.GRID, 2 * theme.GRID, 3 * theme.GRID, 2 * theme.GRID)
    column.setSpacing(theme.GRID + 4)
    return dialog, column


def _finish(dialog: QDialog, column: QVBoxLayout) -> None:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.close)
    column.addWidget(buttons)
