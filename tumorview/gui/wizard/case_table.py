"""The table of cases: a picture with the outline, what was found, what is wrong; Space takes a case in or out."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from tumorview.app.training_cases import CaseRecord
from tumorview.gui import icons, theme
from tumorview.gui.widgets import named
from tumorview.gui.wizard.page import WizardServices

COLUMNS = ("Case", "Layout", "Sequences", "Slices", "Tumour", "Volume", "State")
CASE, LAYOUT, ROLES, SLICES, TUMOUR, VOLUME, STATE = range(len(COLUMNS))
PICTURE, ICON = 56, 16  # px
EMPTY = "Add a folder, or drop folders and sessions here."
_ID = Qt.ItemDataRole.UserRole

Picture = Callable[[str], Path]


def state_text(case: CaseRecord) -> str:
    """What stands in the way, in two words; "Used" where nothing does."""
    for problem in case.problems:
        if problem.blocking:
            return str(problem.kind).capitalize()
    if case.excluded:
        return "Excluded"
    worst = next((problem for problem in case.problems if problem.kind != "note"), None)
    if worst is not None:
        return f"Used, {worst.kind}"
    notes = len(case.problems)
    return "Used" if not notes else f"Used, {notes} note{'s' if notes > 1 else ''}"


def volume_text(case: CaseRecord) -> str:
    """Millilitres, or the share of the head where the image has no millimetres."""
    if not case.tumour_slices:
        return "–"
    return f"{case.burden:.1%} of head" if case.volume_ml is None else f"{case.volume_ml:.1f} ml"


def _small(name: str, colour: str) -> QIcon:
    """An icon that is not blown up to the size of the pictures."""
    return QIcon(icons.icon(name, colour).pixmap(ICON, ICON))


class CaseTable(QTableWidget):
    """``excluded_changed`` tells (case id, excluded), ``remove_asked`` the ids of the selected rows."""

    excluded_changed = Signal(str, bool)
    remove_asked = Signal(list)
    picked = Signal(str)  # the current case's id, "" for none

    def __init__(self, picture: Picture, services: WizardServices, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self._services = services
        named(self, "training_case_table", "Cases", "Space takes a case in or out, Delete takes it off the list")
        self._picture = picture
        self._shown: dict[str, CaseRecord] = {}
        self.setHorizontalHeaderLabels(COLUMNS)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(PICTURE + 8)
        self.setIconSize(QSize(PICTURE, PICTURE))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in range(len(COLUMNS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(CASE, QHeaderView.ResizeMode.Stretch)
        theme.tabular(self)
        self.itemChanged.connect(self._item_changed)
        self.currentCellChanged.connect(lambda *_: self.picked.emit(self.current_id))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The table, or what to do as long as it is empty."""
        super().paintEvent(event)
        if self.rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(theme.colours().text_dim))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, EMPTY)
            painter.end()

    @property
    def current_id(self) -> str:
        """The case that the cursor is on."""
        item = self.item(self.currentRow(), CASE)
        return "" if item is None else item.data(_ID)

    @property
    def selected_ids(self) -> list[str]:
        """The cases that are selected."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        return [item.data(_ID) for row in rows if (item := self.item(row, CASE)) is not None]

    def show_cases(self, cases: Sequence[CaseRecord]) -> None:
        """Show these; rows that stay the same are left alone, so that selection and place remain."""
        blocked = self.blockSignals(True)
        current = self.current_id
        if [case.id for case in cases] != list(self._shown):
            self.setRowCount(0)
            self._shown = {}
            self.setRowCount(len(cases))
        for row, case in enumerate(cases):
            if self._shown.get(case.id) != case:
                self._show_case(row, case)
        self._shown = {case.id: case for case in cases}
        self.blockSignals(blocked)
        ids = list(self._shown)
        if current in ids and self.current_id != current:
            self.setCurrentCell(ids.index(current), CASE)
        elif self.currentRow() < 0 and ids:
            self.setCurrentCell(0, CASE)
        self.picked.emit(self.current_id)

    def _show_case(self, row: int, case: CaseRecord) -> None:
        title = self._services.title_of(case)
        missing = [role for role in ("T1", "FLAIR", "T1CE") if role not in case.roles]
        texts = (
            title,
            str(case.layout),
            " ".join(case.roles) or "–",
            str(case.slices or "–"),
            f"{case.tumour_slices} slices" if case.tumour_slices else "–",
            volume_text(case),
            state_text(case),
        )
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setData(_ID, case.id)
            flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
            if column == CASE:
                if case.usable:
                    flags |= Qt.ItemFlag.ItemIsUserCheckable
                    item.setCheckState(Qt.CheckState.Checked if case.chosen else Qt.CheckState.Unchecked)
                item.setIcon(self._icon(case))
                item.setToolTip(f"{title}\n{self._services.place_of(case)}".rstrip())
            if column == ROLES and case.roles and missing:
                item.setToolTip(f"FLAIR stands in for {' and '.join(missing)}")
            if column == STATE:
                self._colour_state(item, case)
            if not case.chosen and column != STATE:
                item.setForeground(QColor(theme.colours().text_dim))
            item.setFlags(flags)
            self.setItem(row, column, item)

    def _colour_state(self, item: QTableWidgetItem, case: CaseRecord) -> None:
        c = theme.colours()
        notable = any(problem.kind != "note" for problem in case.problems)
        if not case.usable:
            item.setForeground(QColor(c.red))
            item.setIcon(_small("error", c.red))
        elif notable:
            item.setForeground(QColor(c.amber))
            item.setIcon(_small("warning", c.amber))
        elif case.excluded:
            item.setForeground(QColor(c.text_dim))
        item.setToolTip("\n".join(map(self._services.problem_text, case.problems)))

    def _icon(self, case: CaseRecord) -> QIcon:
        pixmap = QPixmap(str(self._picture(case.id)))
        if pixmap.isNull():
            pixmap = QPixmap(PICTURE, PICTURE)
            pixmap.fill(QColor("black"))
        icon = QIcon(pixmap)
        icon.addPixmap(pixmap, QIcon.Mode.Selected)  # otherwise tinted while its row is selected
        return icon

    def _item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == CASE and item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
            self.excluded_changed.emit(item.data(_ID), item.checkState() is not Qt.CheckState.Checked)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space takes the selected cases in or out, Delete takes them off the list."""
        if event.key() == Qt.Key.Key_Delete:
            self.remove_asked.emit(self.selected_ids)
        elif event.key() == Qt.Key.Key_Space:
            self.toggle_selected()
        else:
            super().keyPressEvent(event)

    def toggle_selected(self) -> None:
        """Take the selected cases out, or in again where the first of them is out."""
        usable = [case_id for case_id in self.selected_ids if self._shown[case_id].usable]
        if usable:
            excluded = self._shown[usable[0]].chosen
            for case_id in usable:
                self.excluded_changed.emit(case_id, excluded)
