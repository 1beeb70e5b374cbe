"""What was measured: tools, the list of measurements, and the diameters of the lesions of the mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from tumorview.app.measurements import Kind, Measurement
from tumorview.core.labels import LabelTable
from tumorview.core.lesions import Burden, Lesion
from tumorview.gui import icons, theme
from tumorview.gui.docks.panel import Panel
from tumorview.gui.widgets import ComboBox, ElidedLabel, action_button, named

ROWS_SHOWN = 6  # more are scrolled to
EDITS = ("measure.copy", "measure.export", "measure.bring_back", "measure.delete")
ID = Qt.ItemDataRole.UserRole
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Entry:
    """A measurement as the table lists it: the ``series`` by its role, ``slice`` from 1."""

    measurement: Measurement
    series: str
    slice: int | None


@dataclass(frozen=True)
class Renaming:
    """The user gave a measurement a label."""

    id: str
    label: str


class MeasurePanel(Panel):
    """Tables appear with what they list; a click on a line goes there. The panel itself appears with the first use."""

    chosen = Signal(str)  # id of a measurement
    renamed = Signal(object)  # Renaming
    lesion_chosen = Signal(object)  # Lesion
    label_chosen = Signal(object)  # number of the label whose lesions are measured, or None for all

    def __init__(self, actions: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        self._listed: dict[str, Entry] = {}
        super().__init__("Measure", "measure", parent)
        self.table = _table("measurement_table", "Measurements", ("Name", "Value", "Slice"))
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.lesions = _table("lesion_table", "Lesions of the mask", ("", "Diameters", "mm²", "ml"))
        self.lesions.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.label = ComboBox()
        named(self.label, "lesion_label", "Label to measure", "Whose lesions are measured")
        self.summary = ElidedLabel()
        named(self.summary, "lesion_summary", "Sum of the lesions")
        self.summary.setProperty("dim", True)
        self._edits = QWidget()
        edits = QHBoxLayout(self._edits)
        edits.setContentsMargins(0, 0, 0, 0)
        edits.setSpacing(2)
        for name in EDITS:
            edits.addWidget(action_button(actions[name]))
        edits.addStretch(1)
        tools = QHBoxLayout()
        tools.setSpacing(2)
        for kind in Kind:
            tools.addWidget(action_button(actions[f"measure.{kind}"]))
        tools.addStretch(1)
        tools.addWidget(action_button(actions["measure.lesions"]))
        self.content.addLayout(tools)
        for part in (self.table, self._edits, self.label, self.lesions, self.summary):
            self.content.addWidget(part)
            part.hide()
        self._shown_lesions: tuple[Lesion, ...] = ()
        self._filling = False
        self.table.itemChanged.connect(self._item_changed)
        self.table.currentCellChanged.connect(lambda row, *_: self._chosen(row))
        self.table.cellClicked.connect(lambda row, _: self._chosen(row))
        self.lesions.cellClicked.connect(lambda row, _: self._lesion_clicked(row))
        self.label.activated.connect(lambda: self.label_chosen.emit(self.label.currentData()))

    def refresh_icons(self) -> None:
        """Draw the icons again in the theme's colours."""
        super().refresh_icons()
        self._filling = True
        for row, entry in enumerate(self._listed.values()):
            item = self.table.item(row, 0)
            if item is not None:
                item.setIcon(_kind_icon(entry.measurement))
        self._filling = False

    # -- measurements ------------------------------------------------------------------------------------------

    def show_measurements(self, entries: Sequence[Entry], selected: str | None, *, can_bring_back: bool) -> None:
        """List ``entries`` and mark the selected one."""
        self._filling = True
        self._listed = {entry.measurement.id: entry for entry in entries}
        self.table.setRowCount(len(entries))
        for row, entry in enumerate(entries):
            self._fill(row, entry)
        self.table.setVisible(bool(entries))
        self._edits.setVisible(bool(entries) or can_bring_back)
        _fit_height(self.table)
        self._filling = False
        self.mark(selected)

    def mark(self, selected: str | None) -> None:
        """Mark the line of one measurement, without reporting it."""
        self._filling = True
        rows = [row for row in range(self.table.rowCount()) if self._id(row) == selected]
        if rows:
            self.table.setCurrentCell(rows[0], max(self.table.currentColumn(), 0))
        else:
            self.table.setCurrentCell(-1, -1)
            self.table.clearSelection()
        self._filling = False

    def _fill(self, row: int, entry: Entry) -> None:
        one = entry.measurement
        value = one.quantities[0].text if one.quantities else "–"
        where = f"{entry.series} {'' if entry.slice is None else entry.slice}".strip()
        tip = "\n".join(f"{quantity.name.capitalize()}: {quantity.text}" for quantity in one.quantities)
        for column, text in enumerate((one.label or one.kind.capitalize(), value, where)):
            item = QTableWidgetItem(text)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setToolTip(tip if column else f"{one.kind.capitalize()}, {one.plane} plane. Double click to rename")
            if column == 0:
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setIcon(_kind_icon(one))
                item.setData(ID, one.id)
            else:
                item.setTextAlignment(RIGHT)
            self.table.setItem(row, column, item)

    def _id(self, row: int) -> str | None:
        item = self.table.item(row, 0)
        return None if item is None else item.data(ID)

    def _chosen(self, row: int) -> None:
        found = self._id(row)
        if not self._filling and found is not None:
            self.chosen.emit(found)

    def _item_changed(self, item: QTableWidgetItem) -> None:
        entry = self._listed.get(item.data(ID) or "")
        if self._filling or entry is None:
            return
        kind = entry.measurement.kind.capitalize()
        text = item.text().strip()
        self.renamed.emit(Renaming(entry.measurement.id, "" if text == kind else text))

    # -- lesions -----------------------------------------------------------------------------------------------

    def show_labels(self, labels: LabelTable | None, chosen: int | None) -> None:
        """Offer the labels of the mask; the choice appears with the lesions where there are several."""
        self.label.clear()
        self.label.addItem("All labels", None)
        for one in labels or ():
            self.label.addItem(icons.swatch(one.colour), one.name, one.number)
        self.label.setCurrentIndex(max(self.label.findData(chosen), 0))

    def show_burden(self, burden: Burden | None) -> None:
        """List the lesions; None hides them."""
        self._shown_lesions = () if burden is None else burden.lesions
        self.lesions.setVisible(bool(self._shown_lesions))
        self.label.setVisible(burden is not None and self.label.count() > 2)
        self.summary.setVisible(burden is not None)
        if burden is None:
            return
        unit = "mm" if burden.calibrated else "px"
        self.lesions.setHorizontalHeaderLabels(["", "Diameters", f"{unit}²", "ml"])
        self.lesions.setRowCount(len(self._shown_lesions))
        for row, lesion in enumerate(self._shown_lesions):
            self._fill_lesion(row, lesion, unit)
        _fit_height(self.lesions)
        self.summary.set_text(summary_of(burden), tip_of(burden))

    def _fill_lesion(self, row: int, lesion: Lesion, unit: str) -> None:
        texts = (
            f"{lesion.number}",
            f"{lesion.longest_length:.1f} × {lesion.perpendicular_length:.1f}",
            f"{lesion.product:.0f}",
            "–" if lesion.volume_ml is None else f"{lesion.volume_ml:.2f}",
        )
        measurable = "Measurable" if lesion.measurable else f"Not measurable: {', '.join(lesion.shortcomings)}"
        tip = f"{measurable}. Largest on slice {lesion.index + 1} ({lesion.plane}): {lesion.area:.0f} {unit}²"
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setToolTip(tip)
            if not lesion.measurable:
                item.setForeground(QColor(theme.colours().text_dim))
            if column:
                item.setTextAlignment(RIGHT)
            self.lesions.setItem(row, column, item)

    def _lesion_clicked(self, row: int) -> None:
        if 0 <= row < len(self._shown_lesions):
            self.lesion_chosen.emit(self._shown_lesions[row])


def _kind_icon(one: Measurement) -> QIcon:
    return icons.icon(one.kind.value, theme.colours().text_dim)


def summary_of(burden: Burden) -> str:
    """All lesions in one line."""
    if burden.whole is None:
        return "No lesion in the mask"
    measurable = sum(lesion.measurable for lesion in burden.lesions)
    parts = []
    if burden.calibrated:
        parts += [f"Sum {burden.sum_of_products:.0f} mm²", f"{burden.whole.volume_ml:.1f} ml"]
        if measurable < len(burden.lesions):
            parts.append(f"{measurable} measurable")
    else:
        parts.append("No spacing: none measurable")
    if burden.further:
        parts.append(f"{burden.further} smaller")
    return ", ".join(parts)


def tip_of(burden: Burden) -> str:
    """How the numbers come about."""
    further = f"\n{burden.further} smaller lesions are not listed." if burden.further else ""
    return (
        f"{summary_of(burden)}\nSum of the products of diameters of the five largest measurable lesions (RANO 2010):\n"
        f"both diameters at least 10 mm and seen on two slices or more. Research use only.{further}"
    )


def _table(name: str, accessible: str, columns: Sequence[str]) -> QTableWidget:
    table = QTableWidget(0, len(columns))
    named(table, name, accessible, " ")
    table.setToolTip("")
    table.setHorizontalHeaderLabels(list(columns))
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setTabKeyNavigation(False)
    theme.tabular(table)
    header = table.horizontalHeader()
    header.setMinimumSectionSize(24)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0 if name == "measurement_table" else 1, QHeaderView.ResizeMode.Stretch)
    header.setHighlightSections(False)
    header.setDefaultAlignment(RIGHT)
    first = table.horizontalHeaderItem(0)
    assert first is not None
    first.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table


def _fit_height(table: QTableWidget) -> None:
    """As high as its lines, up to ROWS_SHOWN of them."""
    height = max(22, table.fontMetrics().height() + 6)
    for row in range(table.rowCount()):
        table.setRowHeight(row, height)
    table.horizontalHeader().setFixedHeight(height)
    table.setFixedHeight(height * (min(table.rowCount(), ROWS_SHOWN) + 1) + 2)
