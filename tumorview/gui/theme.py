"""The look of the window: a reading room at night. Two palettes, one small stylesheet, no theme library.

Chrome is neutral grey so that nothing competes with the image; one accent marks what is selected or primary, amber is
for warnings, red for errors. The colours of labels appear nowhere else.
"""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

GRID = 8  # px
TARGET = 24  # px: the smallest thing to click on


@dataclass(frozen=True)
class Colours:
    """The named colours of one theme, as #rrggbb."""

    window: str
    panel: str
    control: str
    control_hover: str
    border: str
    text: str
    text_dim: str
    text_disabled: str
    accent: str
    accent_hover: str
    on_accent: str
    amber: str
    red: str
    green: str


DARK = Colours(
    window="#17181a",
    panel="#1f2023",
    control="#2b2d31",
    control_hover="#36393e",
    border="#3b3e44",
    text="#dcdde0",
    text_dim="#9b9ea5",
    text_disabled="#62656b",
    accent="#4371cc",
    accent_hover="#6390e4",
    on_accent="#ffffff",
    amber="#e2b93b",
    red="#e5695f",
    green="#5fb37a",
)
LIGHT = Colours(
    window="#e4e5e8",
    panel="#f3f3f5",
    control="#ffffff",
    control_hover="#e9ebef",
    border="#b9bcc3",
    text="#1d1f23",
    text_dim="#575b63",
    text_disabled="#9c9fa6",
    accent="#2f62c4",
    accent_hover="#3f73d6",
    on_accent="#ffffff",
    amber="#855e00",
    red="#b3261e",
    green="#2e7d4a",
)
THEMES = {"dark": DARK, "light": LIGHT}

# Names of properties: the system's font, a widget's text relative to it, a widget's sizes at normal text.
_SYSTEM_FONT, _OWN_SCALE, _SIZES = "tumorview_system_font", "tumorview_font_scale", "tumorview_sizes"
_current = DARK


def colours() -> Colours:
    """The colours of the theme that was applied last."""
    return _current


def apply(application: QApplication, name: str, font_scale: float = 1.0) -> None:
    """Give the whole program the theme of that name ("system" follows the desktop, "dark" where it is unknown).

    ``font_scale`` is relative to the system's font.
    """
    global _current
    _current = DARK if effective(name) == "dark" else LIGHT
    if application.style().name() != "fusion":  # under a style sheet its object has another name
        application.setStyle("Fusion")
    application.setPalette(palette(_current))
    _scale_font(application, font_scale)
    application.setStyleSheet(stylesheet(_current))  # after the font: widgets under a style sheet take it only so
    for widget in application.allWidgets():
        own, sizes = widget.property(_OWN_SCALE), widget.property(_SIZES)
        if own is not None:
            _set_size(widget, own)
        if sizes is not None:
            _fit(widget, sizes)


def effective(name: str) -> str:
    """The theme that ``name`` means now: "dark" or "light"."""
    if name == "system":
        return "light" if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light else "dark"
    return name if name in THEMES else "dark"


def _scale_font(application: QApplication, factor: float) -> None:
    """The program's font relative to the system's."""
    system = application.property(_SYSTEM_FONT)
    if system is None:
        system = QFont(application.font())
        application.setProperty(_SYSTEM_FONT, system)
    font = QFont(system)
    font.setPointSizeF(QFontInfo(system).pointSizeF() * factor)
    if font != application.font():
        application.setFont(font)


def text_scale() -> float:
    """The size of the program's text relative to the system's."""
    application = QApplication.instance()
    system = None if application is None else application.property(_SYSTEM_FONT)
    return 1.0 if system is None else QApplication.font().pointSizeF() / QFontInfo(system).pointSizeF()


def grows(widget: QWidget, **sizes: int) -> None:
    """Give a widget a ``height``, ``width`` or ``least_width`` in pixels at normal text; larger text has more room."""
    widget.setProperty(_SIZES, sizes)
    _fit(widget, sizes)


def _fit(widget: QWidget, sizes: dict[str, int]) -> None:
    factor = max(1.0, text_scale())
    for name, pixels in sizes.items():
        set_ = {"height": widget.setFixedHeight, "width": widget.setFixedWidth, "least_width": widget.setMinimumWidth}
        set_[name](round(pixels * factor))


def palette(c: Colours) -> QPalette:
    """Qt's palette in these colours."""
    role = QPalette.ColorRole
    result = QPalette()
    for target, colour in (
        (role.Window, c.panel),
        (role.WindowText, c.text),
        (role.Base, c.control),
        (role.AlternateBase, c.panel),
        (role.Text, c.text),
        (role.PlaceholderText, c.text_dim),
        (role.Button, c.control),
        (role.ButtonText, c.text),
        (role.BrightText, c.red),
        (role.Highlight, c.accent),
        (role.HighlightedText, c.on_accent),
        (role.Link, c.accent_hover),
        (role.ToolTipBase, c.control_hover),
        (role.ToolTipText, c.text),
        (role.Light, c.control_hover),
        (role.Midlight, c.control),
        (role.Mid, c.border),
        (role.Dark, c.window),
        (role.Shadow, "#000000"),
        (role.Accent, c.accent),
    ):
        result.setColor(target, QColor(colour))
    for target in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        result.setColor(QPalette.ColorGroup.Disabled, target, QColor(c.text_disabled))
    result.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(c.border))
    return result


def stylesheet(c: Colours) -> str:
    """What Fusion cannot be told through the palette."""
    return f"""
QMainWindow, QMenuBar, QToolBar, QStatusBar, #top_row {{ background: {c.window}; border: none; }}
QMainWindow::separator {{ background: {c.window}; width: 4px; height: 4px; }}
QMainWindow::separator:hover {{ background: {c.accent}; }}
QMenuBar::item {{ padding: 6px 9px; background: transparent; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {c.control_hover}; }}
QMenu {{ background: {c.panel}; border: 1px solid {c.border}; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 10px; border-radius: 4px; }}
QMenu::item:selected {{ background: {c.control_hover}; color: {c.text}; }}
QMenu::item:disabled {{ color: {c.text_disabled}; background: transparent; }}
QMenu::icon {{ padding-left: 8px; }}
QMenu::icon:checked {{ background: {c.accent}; border-radius: 4px; }}
QMenu::icon:checked:selected {{ background: {c.accent_hover}; }}
QMenu::separator {{ height: 1px; background: {c.border}; margin: 4px 8px; }}
QToolTip {{ background: {c.control_hover}; color: {c.text}; border: 1px solid {c.border}; padding: 4px 6px; }}
QStatusBar {{ color: {c.text_dim}; }}
QStatusBar QLabel {{ color: {c.text_dim}; padding: 0 6px; }}
QStatusBar::item {{ border: none; }}
QToolButton {{ border: 1px solid transparent; border-radius: 4px; padding: 3px; background: transparent; }}
QToolButton:hover {{ background: {c.control_hover}; }}
QToolButton:pressed {{ background: {c.border}; }}
QToolButton:checked {{ background: {c.accent}; color: {c.on_accent}; }}
QToolButton[quiet="true"]:checked {{ background: {c.control}; }}
QToolButton:checked:disabled {{ background: transparent; }}
QToolButton:focus, QPushButton:focus {{ border: 1px solid {c.accent_hover}; }}
QPushButton {{
    background: {c.control}; border: 1px solid {c.border}; border-radius: 4px; padding: 3px 12px; min-height: 20px;
}}
QPushButton:hover {{ background: {c.control_hover}; }}
QPushButton:pressed {{ background: {c.border}; }}
QPushButton:disabled {{ color: {c.text_disabled}; background: {c.panel}; }}
QPushButton:default {{ border: 1px solid {c.accent_hover}; }}
QPushButton[primary="true"] {{
    background: {c.accent}; color: {c.on_accent}; border: 1px solid {c.accent}; font-weight: 600;
}}
QPushButton[primary="true"]:hover {{ background: {c.accent_hover}; }}
QPushButton[primary="true"]:focus {{ border: 1px solid {c.on_accent}; }}
QPushButton[primary="true"]:disabled {{
    background: {c.control}; color: {c.text_disabled}; border: 1px solid {c.border};
}}
QComboBox QAbstractItemView {{ background: {c.panel}; border: 1px solid {c.border}; outline: none; }}
QProgressBar {{ background: {c.control}; border: none; border-radius: 3px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
QTableWidget {{ background: transparent; border: none; gridline-color: {c.border}; }}
QHeaderView {{ background: transparent; }}
QHeaderView::section {{ background: transparent; color: {c.text_dim}; border: none; padding: 2px 4px; }}
QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {c.border}; border-radius: 4px; min-height: 24px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
    background: none; border: none; height: 0;
}}
QDialogButtonBox, QMessageBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QMessageBox QLabel#qt_msgbox_label {{ min-width: 340px; }}
#panel_header {{
    background: {c.panel}; border: none; border-radius: 0; padding: 0 4px; text-align: left; font-weight: 600;
}}
#panel_header:hover {{ background: {c.control}; }}
#panel_header:focus {{ border: 1px solid {c.accent_hover}; }}
Notes {{ color: {c.amber}; padding: 0 4px 0 0; }}
#notes_popup {{ background: {c.panel}; border: 1px solid {c.border}; }}
#passport_popup, #fitness_popup {{ background: {c.panel}; border: 1px solid {c.border}; }}
QPushButton[slot="true"] {{
    background: {c.control}; border: 1px solid transparent; text-align: left; padding: 0 6px; min-height: 18px;
}}
QPushButton[slot="true"]:hover {{ background: {c.control_hover}; }}
QPushButton[slot="true"][warning="true"] {{ color: {c.amber}; }}
QPushButton[slot="true"][ready="true"], QPushButton[slot="true"]:focus {{ border: 1px solid {c.accent_hover}; }}
#command_palette {{ border: 1px solid {c.border}; }}
#top_line {{ background: {c.border}; margin: 0; }}
#panel_separator {{ background: {c.window}; }}
QPushButton[step] {{ background: transparent; border: 1px solid transparent; text-align: left; padding: 6px 8px; }}
QPushButton[step="current"] {{ background: {c.control}; color: {c.text}; font-weight: 600; }}
QPushButton[step="done"] {{ color: {c.text}; }}
QPushButton[step="done"]:disabled {{ color: {c.text_dim}; }}
QPushButton[step]:focus {{ border: 1px solid {c.accent_hover}; }}
#training_steps {{ border: none; }}
#training_case_table::item:selected, #training_split_table::item:selected {{
    background: {c.control_hover}; color: {c.text};
}}
QLabel[dim="true"] {{ color: {c.text_dim}; }}
QLabel[warning="true"] {{ color: {c.amber}; }}
QLabel[error="true"] {{ color: {c.red}; }}
"""


def tabular(widget: QWidget) -> None:
    """Give a widget figures of one width, so that changing numbers stand still."""
    font = QFont(widget.font())
    font.setFeature(QFont.Tag("tnum"), 1)
    widget.setFont(font)


def scaled(widget: QWidget, factor: float, *, bold: bool = False) -> None:
    """Set a widget's text relative to the program's font, now and when that changes."""
    font = QFont(widget.font())
    font.setBold(bold)
    widget.setFont(font)
    widget.setProperty(_OWN_SCALE, factor)
    _set_size(widget, factor)


def _set_size(widget: QWidget, factor: float) -> None:
    font = QFont(widget.font())
    font.setPointSizeF(QFontInfo(QApplication.font()).pointSizeF() * factor)
    widget.setFont(font)
