"""The steps of the mask, oldest first: a click goes there and back."""

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from tumorview.core.edits import Edit
from tumorview.core.mask import Provenance
from tumorview.gui import icons, theme
from tumorview.gui.docks.panel import Panel
from tumorview.gui.widgets import named

ROWS_SHOWN = 6
_ICONS = {
    Provenance.UNTOUCHED: "folder",
    Provenance.AI: "by_network",
    Provenance.BRUSH: "brush",
    Provenance.TOOL: "by_tool",
    Provenance.INTERPOLATION: "by_interpolation",
    Provenance.IMPORTED: "drop",
}
_MADE_BY = {
    Provenance.UNTOUCHED: "The study as it was opened",
    Provenance.AI: "Made by the network",
    Provenance.BRUSH: "Painted by hand",
    Provenance.TOOL: "Made with a tool",
    Provenance.INTERPOLATION: "Interpolated between painted slices",
    Provenance.IMPORTED: "Loaded from a file",
}
Index = QModelIndex | QPersistentModelIndex


class StepsModel(QAbstractListModel):
    """Row 0 is the start, row n the n-th step; those beyond ``done`` were taken back."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[tuple[str, Provenance], ...] = ()
        self.done = 0

    def show(self, titles: Sequence[tuple[str, Provenance]], done: int) -> None:
        """Put other steps in the place of these."""
        self.beginResetModel()
        self._steps, self.done = tuple(titles), done
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """The start and every step; nothing where no study is open."""
        return len(self._steps)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | QIcon | QColor | QSize | None:
        """Title, icon by provenance; steps that were taken back are dim."""
        title, provenance = self._steps[index.row()]
        colours = theme.colours()
        undone = index.row() > self.done
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return title
            case Qt.ItemDataRole.DecorationRole:
                return icons.icon(_ICONS[provenance], colours.text_disabled if undone else colours.text_dim)
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(colours.text_disabled) if undone else None
            case Qt.ItemDataRole.ToolTipRole:
                return f"{_MADE_BY[provenance]}; a click goes to the mask as it was then"
            case Qt.ItemDataRole.SizeHintRole:
                return QSize(0, theme.TARGET)
        return None


class HistoryPanel(Panel):
    """Reports the step that was clicked: so many steps are to be in the mask."""

    step_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("History", "history", parent)
        self.model = StepsModel()
        self.list = QListView()
        named(self.list, "history_list", "Steps", "Every step of the mask; a click goes back or forward to it")
        self.list.setModel(self.model)
        self.list.setUniformItemSizes(True)
        self.list.setIconSize(QSize(14, 14))
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFixedHeight(ROWS_SHOWN * theme.TARGET + 2)
        self.content.addWidget(self.list)
        self.list.clicked.connect(lambda index: self.step_chosen.emit(index.row()))
        self.list.activated.connect(lambda index: self.step_chosen.emit(index.row()))

    def show_steps(self, done: Sequence[Edit], undone: Sequence[Edit], *, hide_names: bool = False) -> None:
        """Show the start and every step, the present one selected."""
        steps = [(shown_title(edit, hide_names=hide_names), edit.provenance) for edit in (*done, *undone)]
        self.model.show([("Start", Provenance.UNTOUCHED), *steps], len(done))
        present = self.model.index(len(done))
        self.list.setCurrentIndex(present)
        self.list.scrollTo(present)

    def clear(self) -> None:
        """No study is open."""
        self.model.show([], 0)


def shown_title(edit: Edit, *, hide_names: bool) -> str:
    """What a step is called; the name of a file it came from may be a patient's."""
    return "Load mask" if hide_names and edit.provenance is Provenance.IMPORTED else edit.title
