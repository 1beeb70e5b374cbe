"""Small building blocks of the docks: collapsible panels, sliders that do not steal the keyboard, elided text."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QStandardItemModel,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from tumorview.gui import icons, theme

NOTES_WIDTH = 380


def named(widget: QWidget, object_name: str, accessible: str, tip: str = "") -> None:
    """Give a control the names by which tests, scripts and screen readers find it."""
    widget.setObjectName(object_name)
    widget.setAccessibleName(accessible)
    widget.setToolTip(tip or accessible)


class Slider(QSlider):
    """A horizontal slider that a click does not focus and the wheel does not move by accident."""

    def __init__(self, low: int, high: int, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(low, high)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumHeight(theme.TARGET)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only while focused."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """With a ring while the keys belong to it."""
        super().paintEvent(event)
        focus_ring(self)


def focus_ring(widget: QWidget) -> None:
    """Outline a control that has the focus, from within its paint event: Fusion marks too few of them."""
    if widget.hasFocus():
        painter = QPainter(widget)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.colours().accent_hover), 1.5))
        painter.drawRoundedRect(QRectF(widget.rect()).adjusted(1, 1, -1, -1), 3, 3)
        painter.end()


class CheckBox(QCheckBox):
    """A check box that shows its focus, also without a text."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMinimumSize(theme.TARGET, theme.TARGET)

    def paintEvent(self, event: QPaintEvent) -> None:
        """With a ring while the keys belong to it."""
        super().paintEvent(event)
        focus_ring(self)


class ComboBox(QComboBox):
    """A combo box that may be narrower than its longest entry, with the same manners as Slider."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(4)
        self.setMinimumHeight(theme.TARGET)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only while focused."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A text that is too long ends in an ellipsis instead of half a letter."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        room = field.width() - 2 - (0 if option.currentIcon.isNull() else option.iconSize.width() + 4)
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
        focus_ring(self)

    def disable(self, index: int) -> None:
        """Grey an entry: it is listed and cannot be chosen."""
        model = self.model()
        if isinstance(model, QStandardItemModel):
            model.item(index).setEnabled(False)

    def select(self, data: object) -> bool:
        """Choose the entry with that data; False where there is none."""
        index = self.findData(data)
        if index >= 0:
            self.setCurrentIndex(index)
        return index >= 0


def compact_spin(spin: QSpinBox | QDoubleSpinBox, width: int) -> None:
    """A number field without arrows, that gives the keyboard back when Enter is pressed."""
    spin.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    theme.grows(spin, width=width)
    spin.setMinimumHeight(theme.TARGET)
    spin.setKeyboardTracking(False)
    spin.lineEdit().returnPressed.connect(spin.clearFocus)
    theme.tabular(spin)


class ElidedLabel(QLabel):
    """One line of text that is cut with an ellipsis instead of widening its dock; the tooltip has all of it."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full = ""
        self._mode = Qt.TextElideMode.ElideRight
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.set_text(text)

    def set_text(self, text: str, tip: str | None = None) -> None:
        """Show ``text``."""
        self._full = text
        self.setToolTip(text if tip is None else tip)
        self._elide()

    def full_text(self) -> str:
        """The text before it was cut."""
        return self._full

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut anew."""
        super().resizeEvent(event)
        self._elide()

    def minimumSizeHint(self) -> QSize:
        """Any width will do."""
        return QSize(0, super().minimumSizeHint().height())

    def _elide(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._full, self._mode, max(self.width(), 0)))


def cell(table: QTableWidget, line: int, column: int) -> QTableWidgetItem:
    """The item there; one that was never set is a mistake."""
    item = table.item(line, column)
    assert item is not None
    return item


def label(text: str, *, dim: bool = False, warning: bool = False, wrap: bool = False) -> QLabel:
    """A plain text label in one of the theme's voices."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setProperty("dim", dim)
    result.setProperty("warning", warning)
    result.setWordWrap(wrap)
    return result


def row(*items: QWidget | int, spacing: int = 6) -> QHBoxLayout:
    """Widgets side by side; a number is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for item in items:
        if isinstance(item, int):
            layout.addStretch(item)
        else:
            layout.addWidget(item)
    return layout


def action_button(action: QAction, *, with_text: bool = False, size: int = 18) -> QToolButton:
    """A tool button for an action of the table."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setProperty("quiet", action.isCheckable() and action.objectName().startswith("view."))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setIconSize(QSize(size, size))
    button.setMinimumSize(theme.TARGET + 4, theme.TARGET + 2)
    button.setAccessibleName(action.text().replace("&", ""))
    if with_text:
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button


def push_button(action: QAction, name: str, text: str, *, height: int = theme.TARGET) -> QPushButton:
    """A push button that does an action of the table and follows its state, with a text of its own."""
    button = QPushButton(text)
    named(button, name, action.text().replace("&", ""), action.toolTip())
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setMinimumHeight(height)
    button.setEnabled(action.isEnabled())
    button.clicked.connect(lambda: action.trigger())

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())

    action.changed.connect(follow)
    return button


class Panel(QWidget):
    """A titled section of a dock that folds away; ``folded_changed`` tells the new state."""

    folded_changed = Signal(bool)

    def __init__(self, title: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_panel")
        self.header = QToolButton()
        self.header.setObjectName("panel_header")
        self.header.setText(f" {title}")
        self.header.setAccessibleName(f"{title} panel")
        self.header.setToolTip(f"Fold or unfold {title}")
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.grows(self.header, height=theme.TARGET)
        self.header.setIconSize(QSize(12, 12))
        self.header.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.header.clicked.connect(lambda: self.set_folded(not self.folded))
        self.body = QWidget()
        self.content = QVBoxLayout(self.body)
        self.content.setContentsMargins(theme.GRID, 0, theme.GRID, theme.GRID)
        self.content.setSpacing(6)
        line = QFrame()
        line.setObjectName("panel_separator")
        line.setFixedHeight(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.body)
        layout.addWidget(line)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.refresh_icons()

    def add_to_header(self, *widgets: QWidget) -> None:
        """Put small controls at the right end of the header, where they need no row of their own."""
        layout = self.header.layout() or QHBoxLayout(self.header)
        layout.setContentsMargins(0, 0, theme.GRID // 2, 0)
        layout.setSpacing(0)
        if isinstance(layout, QHBoxLayout):
            layout.addStretch(1)
        for widget in widgets:
            layout.addWidget(widget)

    @property
    def folded(self) -> bool:
        """Whether only the header is shown."""
        return self.body.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Hide or show what is under the header."""
        if folded != self.folded:
            self.body.setHidden(folded)
            self.refresh_icons()
            self.folded_changed.emit(folded)

    def refresh_icons(self) -> None:
        """Draw the icons again in the theme's colours."""
        name = "closed_panel" if self.folded else "open_panel"
        self.header.setIcon(icons.icon(name, theme.colours().text_dim))


class Notes(QToolButton):
    """Amber, one line high: how many warnings there are; a click opens them, nothing is pushed aside."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notes: tuple[str, ...] = ()
        self.setObjectName("notes_button")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setMinimumHeight(theme.TARGET)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._open)
        self.hide()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is warned of."""
        return self._notes

    def show_notes(self, notes: Sequence[str]) -> None:
        """Offer these; hidden where there is none."""
        self._notes = tuple(notes)
        count = len(self._notes)
        self.setText(f" {count} warning{'s' if count > 1 else ''}")
        self.setIcon(icons.icon("warning", theme.colours().amber))
        self.setAccessibleName(". ".join(self._notes) or "No warnings")
        self.setToolTip("\n".join(self._notes))
        self.setVisible(bool(self._notes))

    def _open(self) -> None:
        popup = QFrame(self, Qt.WindowType.Popup)
        popup.setObjectName("notes_popup")
        popup.setFrameShape(QFrame.Shape.StyledPanel)
        popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(popup)
        for note in self._notes:
            line = label(note, warning=True, wrap=True)
            line.setFixedWidth(NOTES_WIDTH)
            column.addWidget(line)
        popup.move(self.mapToGlobal(self.rect().bottomLeft()))
        popup.show()


class Swatch(QWidget):
    """A small square of one colour, for keys."""

    def __init__(self, colour: tuple[int, int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = colour
        self.setFixedSize(12, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the square."""
        painter = QPainter(self)
        painter.drawPixmap(0, 0, icons.swatch(self._colour, 12, self.devicePixelRatioF()).pixmap(12, 12))
        painter.end()
