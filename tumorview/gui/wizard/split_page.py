"""The second page: who is trained on, who chooses the best weights, who is kept for the comparison at the end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLabel,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tumorview.app.training_flow import FlowState, TrainingFlow
from tumorview.app.training_plan import Side
from tumorview.app.training_split import SideSummary, moved, proposed, short_of_test_patients, summaries
from tumorview.errors import TumorViewError
from tumorview.gui import theme
from tumorview.gui.widgets import command_button, label, named, row
from tumorview.gui.wizard.case_table import volume_text
from tumorview.gui.wizard.page import WizardPage, WizardServices

SIDES = {
    Side.TRAINING: ("Training", "the network learns from these", Qt.Key.Key_1),
    Side.VALIDATION: ("Validation", "the best weights are chosen by these", Qt.Key.Key_2),
    Side.TEST: ("Test", "old and new model are compared on these", Qt.Key.Key_3),
}
COLUMNS = ("Case", "Patient", "Source", "Tumour", "Side")
_ID = Qt.ItemDataRole.UserRole


class SideCard(QFrame):
    """What one side holds."""

    def __init__(self, side: Side, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"training_side_{side}")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        title, purpose, _ = SIDES[side]
        heading = label(title)
        theme.scaled(heading, 1.1, bold=True)
        self.text = QLabel()
        self.text.setObjectName(f"training_side_{side}_text")
        theme.tabular(self.text)
        self.sites = label("", dim=True, wrap=True)
        column = QVBoxLayout(self)
        for part in (heading, label(purpose, dim=True), self.text, self.sites):
            column.addWidget(part)

    def show_summary(self, summary: SideSummary) -> None:
        """Counts, tumour size and sources."""
        plural = "" if summary.patients == 1 else "s"
        burden = "" if summary.burden is None else f"\nmedian tumour {summary.burden:.1%} of the head"
        self.text.setText(
            f"{summary.patients} patient{plural}, {summary.cases} case{'' if summary.cases == 1 else 's'}\n"
            f"{summary.slices} slices, {summary.tumour_slices} with tumour{burden}"
        )
        self.sites.setText(", ".join(f"{site} {count}" for site, count in summary.sites))


class SplitTable(QTableWidget):
    """The chosen cases; the keys 1, 2, 3 move the selected ones."""

    def __init__(self, move: Callable[[Side], None], parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        named(self, "training_split_table", "Split", "1 training, 2 validation, 3 test for the selected cases")
        self._move = move
        self.setHorizontalHeaderLabels(COLUMNS)
        self.verticalHeader().hide()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    @property
    def selected_ids(self) -> list[str]:
        """The selected cases."""
        rows = sorted({index.row() for index in self.selectedIndexes()})
        return [item.data(_ID) for row in rows if (item := self.item(row, 0)) is not None]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A number moves the selected cases to its side."""
        for side, (_, _, key) in SIDES.items():
            if event.key() == key:
                self._move(side)
                return
        super().keyPressEvent(event)


class SplitPage(WizardPage):
    """Shows and changes the flow's split."""

    title = "Split"
    lead = "By patient, never by slice: scores on a patient the network has seen would flatter."

    def __init__(self, flow: TrainingFlow, services: WizardServices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_split_page")
        self.flow, self.services = flow, services
        self._build()
        self._disconnect = flow.changed.connect(self._show)
        self._show(flow.state)

    def _build(self) -> None:
        wish = self.flow.state.wish
        self.validation = self._share("training_validation_share", "Validation share", wish.validation_share)
        self.test = self._share("training_test_share", "Test share", wish.test_share)
        self.draw = command_button(
            "&Draw Again", "training_draw_split", "Draw other patients for each side", self._draw_again
        )
        self.cards = {side: SideCard(side) for side in Side}
        self.table = SplitTable(self._move)
        self.moves: dict[Side, QPushButton] = {}
        for number, (side, (title, _, _)) in enumerate(SIDES.items(), 1):
            tip = f"Move the selected cases to {title.lower()} ({number})"
            self.moves[side] = command_button(title, f"training_move_{side}", tip, partial(self._move, side))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID)
        column.addLayout(
            row(label("Validation"), self.validation, label("Test"), self.test, self.draw, 1, spacing=theme.GRID)
        )
        cards = row(*self.cards.values(), spacing=theme.GRID)
        for index in range(len(self.cards)):
            cards.setStretch(index, 1)
        column.addLayout(cards)
        self.warning = label("", warning=True, wrap=True)
        self.warning.setObjectName("training_split_warning")
        column.addWidget(self.warning)
        column.addWidget(self.table, 1)
        column.addLayout(row(label("Move selected to", dim=True), *self.moves.values(), 1))
        column.addWidget(label("Cases of one patient, and copies of a case, move together.", dim=True))

    def _share(self, name: str, title: str, value: float) -> QSpinBox:
        spin = QSpinBox()
        named(spin, name, title, f"{title} of the patients, in percent")
        spin.setRange(5, 60)
        spin.setSuffix(" %")
        spin.setKeyboardTracking(False)
        spin.setMinimumHeight(theme.TARGET)
        spin.setValue(round(100 * value))
        spin.valueChanged.connect(lambda _: self._redraw())
        return spin

    @property
    def first_control(self) -> QWidget:
        """The table."""
        return self.table

    def retire(self) -> None:
        """Listen no more."""
        self._disconnect()

    # -- changing ----------------------------------------------------------------------------------------------------

    def _draw_again(self) -> None:
        self._redraw(self.flow.state.wish.seed + 1)

    def _redraw(self, seed: int | None = None) -> None:
        state = self.flow.state
        wish = replace(
            state.wish,
            validation_share=self.validation.value() / 100,
            test_share=self.test.value() / 100,
            seed=state.wish.seed if seed is None else seed,
        )
        self._try(lambda: self.flow.change(wish=wish, sides=proposed(state.cases, wish)))

    def _move(self, side: Side) -> None:
        selected = self.table.selected_ids
        sides = dict(self.flow.state.sides)
        for case_id in selected:
            sides = moved(self.flow.state.cases, sides, case_id, side)
        if selected:
            self._try(lambda: self.flow.change(sides=sides))

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
        except TumorViewError as error:
            self.failed.emit(error)

    # -- showing -----------------------------------------------------------------------------------------------------

    def _show(self, state: FlowState) -> None:
        for summary in summaries(state.cases, state.sides):
            self.cards[summary.side].show_summary(summary)
        warning = short_of_test_patients(state.cases, state.sides) if state.sides else ""
        self.warning.setText(warning)
        self.warning.setVisible(bool(warning))
        self._show_table(state, self.table.selected_ids)
        for widget in (self.draw, self.validation, self.test, *self.moves.values()):
            widget.setEnabled(not self.flow.begun)
        self.changed.emit()

    def _show_table(self, state: FlowState, selected: Sequence[str]) -> None:
        order = list(Side)
        cases = sorted(
            (case for case in state.cases if case.id in state.sides), key=lambda case: order.index(state.sides[case.id])
        )
        titles = {case.id: self.services.title_of(case) for case in state.cases}
        groups = {case.group: titles[case.id] for case in reversed(state.cases)}
        hidden = self.services.settings().hide_identity
        self.table.setRowCount(len(cases))
        self.table.clearSelection()
        for number, case in enumerate(cases):
            side = state.sides[case.id]
            patient = groups[case.group] if hidden else case.group
            texts = (titles[case.id], patient, case.site, volume_text(case), SIDES[side][0])
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setData(_ID, case.id)
                if side is not Side.TRAINING and column == len(texts) - 1:
                    item.setForeground(QColor(theme.colours().accent_hover))
                self.table.setItem(number, column, item)
                if case.id in selected:
                    item.setSelected(True)
