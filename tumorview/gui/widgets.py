"""Small building blocks of docks and dialogs: sliders that do not steal the keyboard, combo boxes, elided text."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import (
    QAction,
    QActionEvent,
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
    QWidget,
)

from tumorview.gui import icons, theme


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
        self.setText(self.fontMetrics().elidedText(self._full, self._mode, self.contentsRect().width()))


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


class ActionButton(QToolButton):
    """Shows its default action, and follows it by itself: QToolButton (6.11) connects to it anew at every change."""

    def actionEvent(self, event: QActionEvent) -> None:
        """Look and behave as the action does now."""
        action = event.action()
        if event.type() is not QEvent.Type.ActionChanged or action is not self.defaultAction():
            super().actionEvent(event)
            return
        self.setText(action.iconText().replace("&", "&&"))
        self.setIcon(action.icon())
        self.setToolTip(action.toolTip())
        self.setCheckable(action.isCheckable())
        self.setChecked(action.isChecked())
        self.setEnabled(action.isEnabled())


def action_button(action: QAction, *, with_text: bool = False, size: int = 18) -> QToolButton:
    """A tool button for an action of the table."""
    button = ActionButton()
    button.setDefaultAction(action)
    button.setProperty("quiet", action.isCheckable() and action.objectName().startswith("view."))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setIconSize(QSize(size, size))
    button.setMinimumSize(theme.TARGET + 4, theme.TARGET + 2)
    button.setAccessibleName(action.text().replace("&", ""))
    if with_text:
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button


def command_button(text: str, name: str, tip: str, pressed: Callable[[], object] | None = None) -> QPushButton:
    """A push button of a dialog or page that calls ``pressed``; Enter elsewhere does not press it."""
    button = QPushButton(text)
    named(button, name, text.replace("&", "").rstrip("…"), tip)
    button.setAutoDefault(False)
    button.setMinimumHeight(theme.TARGET)
    if pressed is not None:
        button.clicked.connect(lambda: pressed())
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
