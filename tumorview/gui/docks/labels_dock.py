"""The labels of the mask and how they are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QMouseEvent
from PySide6.QtWidgets import (
    QColorDialog,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from tumorview.core.labels import STANDARD_OPACITY, Label, LabelTable
from tumorview.core.rendering import BoundaryStyle
from tumorview.gui import icons, theme
from tumorview.gui.docks.panel import Panel
from tumorview.gui.widgets import CheckBox, ElidedLabel, Slider, action_button, compact_spin, label, named, row


@dataclass(frozen=True)
class LabelChange:
    """New values for some fields of a label."""

    number: int
    fields: dict[str, object] = field(default_factory=dict)


class Eye(QToolButton):
    """Shows or hides a label; with Alt (or Ctrl, where the window manager takes Alt) it asks for the label alone."""

    solo_asked = Signal()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click with a modifier is another question."""
        if event.modifiers() & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier):
            self.solo_asked.emit()
        else:
            super().mousePressEvent(event)


class LabelRow(QWidget):
    """One label: colour, name, volume, strength of its fill, visible, locked."""

    changed = Signal(object)  # LabelChange
    chosen = Signal(int)  # the label's number
    solo_asked = Signal(int)  # the label's number

    def __init__(self, entry: Label, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self.colour = _flat_button("label_colour", f"Colour of {entry.name}", "Choose the colour")
        self.colour.clicked.connect(self._choose_colour)
        self.name = QLineEdit(entry.name)
        self.name.setFrame(False)
        self.name.setMinimumSize(40, 20)
        self.name.setStyleSheet("background: transparent; padding: 0;")
        named(self.name, "label_name", f"Name of label {entry.number}", "Click to rename")
        self.name.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.name.editingFinished.connect(self._rename)
        self.name.returnPressed.connect(self.name.clearFocus)
        self.volume = ElidedLabel("")
        self.volume.setObjectName("label_volume")
        self.volume.setProperty("dim", True)
        self.volume.setIndent(2)  # as a text field does, so that name and volume stand in line
        theme.tabular(self.volume)
        self.strength = QSpinBox()
        self.strength.setRange(0, 100)
        self.strength.setSuffix(" %")
        named(
            self.strength,
            "label_opacity",
            f"Fill of {entry.name}",
            "Fill of this label, relative to Opacity",
        )
        compact_spin(self.strength, 46)
        self.strength.valueChanged.connect(lambda percent: self._send(opacity=percent / 100 * STANDARD_OPACITY))
        self.visible = Eye()
        tip = "Show or hide; hidden labels are not edited. Alt+click: this label alone (Shift+S)"
        _flatten(self.visible, "label_visible", f"Show {entry.name}", tip)
        self.visible.setCheckable(True)
        self.visible.solo_asked.connect(lambda: self.solo_asked.emit(self.entry.number))
        self.visible.toggled.connect(lambda on: self._send(visible=on))
        self.locked = _flat_button("label_locked", f"Lock {entry.name}", "Locked labels are not edited")
        self.locked.setCheckable(True)
        self.locked.toggled.connect(lambda on: self._send(locked=on))
        self._lay_out()
        self.show_label(entry)

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self.name)
        texts.addWidget(self.volume)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.colour)
        layout.addLayout(texts, 1)
        for control in (self.strength, self.visible, self.locked):
            layout.addWidget(control)

    def show_label(self, entry: Label) -> None:
        """Show the label as it is, without reporting it."""
        self.entry = entry
        for control in (self.strength, self.visible, self.locked):
            control.blockSignals(True)
        self.colour.setIcon(icons.swatch(entry.colour, 16))
        if not self.name.hasFocus():
            self.name.setText(entry.name)
        self.strength.setValue(round(min(entry.opacity / STANDARD_OPACITY, 1.0) * 100))
        self.visible.setChecked(entry.visible)
        self.locked.setChecked(entry.locked)
        self.visible.setIcon(icons.toggle_icon("eye", "eye_off"))
        self.locked.setIcon(icons.toggle_icon("lock", "unlock"))
        for control in (self.strength, self.visible, self.locked):
            control.blockSignals(False)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside the controls chooses the label to paint with."""
        self.chosen.emit(self.entry.number)
        super().mousePressEvent(event)

    def set_chosen(self, chosen: bool) -> None:
        """Mark the label that is painted."""
        font = self.name.font()
        font.setBold(chosen)
        self.name.setFont(font)

    def show_volume(self, millilitres: float | None, voxels: int) -> None:
        """Show how much of it there is; voxels where the image has no spacing."""
        self.volume.set_text(f"{voxels:,} voxels" if millilitres is None else f"{millilitres:.1f} ml")

    def _send(self, **fields: object) -> None:
        self.changed.emit(LabelChange(self.entry.number, fields))

    def _rename(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.name.setText(self.entry.name)
        elif name != self.entry.name:
            self._send(name=name)

    def _choose_colour(self) -> None:
        dialog = QColorDialog(QColor(*self.entry.colour), self)
        dialog.setObjectName("colour_dialog")
        dialog.setWindowTitle(f"Colour of {self.entry.name}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda c: self._send(colour=(c.red(), c.green(), c.blue())))
        dialog.open()


@dataclass(frozen=True)
class OverlayChoice:
    """How the mask is drawn; None stays as it is."""

    opacity: float | None = None
    boundary: bool | None = None
    boundary_width: int | None = None
    outline: BoundaryStyle | None = None


class LabelsPanel(Panel):
    """A row per label, and what applies to all of them."""

    label_changed = Signal(object)  # LabelChange
    label_chosen = Signal(int)  # a label's number
    overlay_chosen = Signal(object)  # OverlayChoice
    solo_asked = Signal(int)  # a label's number

    def __init__(self, parent: QWidget | None = None) -> None:
        self._presets: QToolButton | None = None
        super().__init__("Labels", "labels", parent)
        self._rows: dict[int, LabelRow] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        self.opacity = Slider(0, 100)
        named(self.opacity, "opacity_slider", "Overlay opacity", "How strongly labels are filled")
        self._percent = label("")
        theme.tabular(self._percent)
        self._percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._percent.setMinimumWidth(self._percent.fontMetrics().horizontalAdvance("100 %"))
        self.boundary = CheckBox("Boundary")
        named(self.boundary, "boundary_checkbox", "Boundary", "Outline of every label (Shift+B)")
        self.boundary_width = QSpinBox()
        self.boundary_width.setRange(1, 9)
        self.boundary_width.setSuffix(" px")
        named(self.boundary_width, "boundary_width", "Boundary width", "Width of the outline in screen pixels")
        compact_spin(self.boundary_width, 48)
        self.boundary_width.setButtonSymbols(QSpinBox.ButtonSymbols.UpDownArrows)
        theme.grows(self.boundary_width, width=60)
        self.content.addLayout(self._list)
        self.content.addLayout(row(label("Opacity"), self.opacity, self._percent))
        self.voxels = _flat_button("boundary_voxels", "Outline along voxels", "Outline on the edges of voxels")
        self.voxels.setCheckable(True)
        self.voxels.setStyleSheet("")
        self.voxels.setProperty("quiet", True)
        self.content.addLayout(row(self.boundary, 1, self.voxels, self.boundary_width))
        self.opacity.valueChanged.connect(self._opacity_changed)
        self.boundary.toggled.connect(lambda on: self.overlay_chosen.emit(OverlayChoice(boundary=on)))
        self.voxels.toggled.connect(self._outline_chosen)
        self.boundary_width.valueChanged.connect(
            lambda pixels: self.overlay_chosen.emit(OverlayChoice(boundary_width=pixels))
        )

    def refresh_icons(self) -> None:
        """Draw the icons again in the theme's colours."""
        super().refresh_icons()
        if self._presets is not None:
            self._presets.setIcon(icons.icon("presets"))

    @property
    def rows(self) -> tuple[LabelRow, ...]:
        """The labels as they are shown."""
        return tuple(self._rows.values())

    def offer(self, actions: Sequence[QAction]) -> None:
        """Buttons in the header for adding and removing a label (the first two), and a menu of presets (the others)."""
        self._presets = _flat_button("label_presets", "Label presets", "Name and colour the labels after a convention")
        self._presets.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self._presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._presets.addActions(actions[2:])
        buttons = [action_button(action, size=14) for action in actions[:2]]
        for button in buttons:
            button.setFixedSize(theme.TARGET, theme.TARGET)
        self.add_to_header(*buttons, self._presets)
        self.refresh_icons()

    def show_overlay(self, opacity: float, boundary: bool, width: int, outline: BoundaryStyle) -> None:
        """Show how the overlay is drawn, without reporting it."""
        controls = (self.opacity, self.boundary, self.boundary_width, self.voxels)
        for control in controls:
            control.blockSignals(True)
        self.voxels.setIcon(icons.icon("voxels", quiet=True))
        self.voxels.setChecked(outline is BoundaryStyle.VOXEL)
        self.voxels.setEnabled(boundary)
        self.opacity.setValue(round(opacity * 100))
        self._percent.setText(f"{round(opacity * 100)} %")
        self.boundary.setChecked(boundary)
        self.boundary_width.setValue(width)
        self.boundary_width.setEnabled(boundary)
        for control in controls:
            control.blockSignals(False)

    def show_chosen(self, number: int) -> None:
        """Mark the label that is painted, where there is more than one."""
        for one in self.rows:
            one.set_chosen(one.entry.number == number and len(self._rows) > 1)

    def show_labels(self, labels: LabelTable | None) -> None:
        """Show every label; rows that stay are kept, so that a field being edited keeps the focus."""
        wanted = {entry.number: entry for entry in labels or ()}
        for number in [number for number in self._rows if number not in wanted]:
            gone = self._rows.pop(number)
            self._list.removeWidget(gone)
            gone.deleteLater()
        for position, (number, entry) in enumerate(wanted.items()):
            if number in self._rows:
                self._rows[number].show_label(entry)
                continue
            added = LabelRow(entry)
            added.changed.connect(self.label_changed)
            added.chosen.connect(self.label_chosen)
            added.solo_asked.connect(self.solo_asked)
            self._rows[number] = added
            self._list.insertWidget(position, added)

    def _outline_chosen(self, voxels: bool) -> None:
        outline = BoundaryStyle.VOXEL if voxels else BoundaryStyle.SMOOTH
        self.overlay_chosen.emit(OverlayChoice(outline=outline))

    def _opacity_changed(self, percent: int) -> None:
        self._percent.setText(f"{percent} %")
        self.overlay_chosen.emit(OverlayChoice(opacity=percent / 100))


def _flat_button(name: str, accessible: str, tip: str) -> QToolButton:
    button = QToolButton()
    _flatten(button, name, accessible, tip)
    return button


def _flatten(button: QToolButton, name: str, accessible: str, tip: str) -> None:
    named(button, name, accessible, tip)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setFixedSize(theme.TARGET, theme.TARGET)
    button.setIconSize(QSize(16, 16))
    # A toggle here shows its state with its glyph; the accent behind it would shout.
    button.setStyleSheet("QToolButton:checked { background: transparent; }")
