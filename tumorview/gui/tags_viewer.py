"""What the headers of a series say, to be searched; who the patient is stays masked while identity is hidden."""

from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from tumorview.app.jobs import Job
from tumorview.app.session import Session
from tumorview.core.study import Series
from tumorview.core.tags import HeaderTag, matching
from tumorview.gui import messages, theme
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.sessions import tasks
from tumorview.gui.timing import Memory
from tumorview.gui.widgets import ComboBox, label, named, row

GROUP = "tags"
WIDTH, HEIGHT = 860, 640
HIDDEN = "hidden"
COLUMNS = ("Tag", "Name", "Type", "Value")
Index = QModelIndex | QPersistentModelIndex


class TagsModel(QAbstractTableModel):
    """The tags that match the search."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tags: list[HeaderTag] = []
        self._rows: list[int] = []
        self.masked = True

    def show_tags(self, tags: list[HeaderTag], words: str, *, masked: bool) -> None:
        """List those of ``tags`` that match; ``masked`` hides what identifies, from the search as well."""
        self.beginResetModel()
        self.masked, self._tags = masked, tags
        self._rows = matching([self._seen(tag) for tag in tags], words)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """How many match."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """Tag, name, type, value."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The column's title."""
        across = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return COLUMNS[section] if across else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """One cell."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        tag = self._seen(self._tags[self._rows[index.row()]])
        indent = "    " * tag.depth if role == Qt.ItemDataRole.DisplayRole else ""
        return (tag.number, indent + tag.name, tag.kind, tag.value)[index.column()]

    def text(self) -> str:
        """All lines as they are seen, to be copied."""
        seen = (self._seen(self._tags[index]) for index in self._rows)
        return "\n".join("\t".join((tag.number, "  " * tag.depth + tag.name, tag.kind, tag.value)) for tag in seen)

    def _seen(self, tag: HeaderTag) -> HeaderTag:
        if not (self.masked and tag.identifying):
            return tag
        return HeaderTag(tag.number, tag.name, tag.kind, HIDDEN, identifying=True, depth=tag.depth)


class TagsViewer(QDialog):
    """Series, file and search above the list."""

    def __init__(self, session: Session, jobs: JobRunner, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tags_viewer")
        self.setWindowTitle("Header Tags")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self._jobs, self._memory = jobs, memory
        self._tags: list[HeaderTag] = []
        self._series: tuple[Series, ...] = () if session.study is None else session.study.series
        self.model = TagsModel(self)
        self.series = ComboBox()
        named(self.series, "tags_series", "Series", "Whose header is shown")
        self.file = ComboBox()
        named(self.file, "tags_file", "File", "Files of the series, in the order of its slices")
        self.search = QLineEdit()
        named(self.search, "tags_search", "Search", "Words that occur in tag, name, type or value")
        self.search.setPlaceholderText("Search in tags, names and values")
        self.search.setClearButtonEnabled(True)
        self.count = label("", dim=True)
        self.table = self._table()
        self._lay_out()
        for series in self._series:
            self.series.addItem(series.description or series.role.value, series.uid)
        active = session.active_series
        self.series.select("" if active is None else active.uid)
        self.series.activated.connect(lambda: self._show_series())
        self.file.activated.connect(lambda: self._read())
        self.search.textChanged.connect(lambda _: self._show())
        # Another patient's header is not what was asked for.
        stops = [
            memory.store.changed.connect(lambda _: self._show()),
            session.study_changed.connect(lambda _: self.close()),
            lambda: jobs.cancel_group(GROUP),
        ]
        self.finished.connect(lambda _: [stop() for stop in stops])
        self.search.setFocus()
        self._show_series()

    def _table(self) -> QTableView:
        table = QTableView()
        named(table, "tags_table", "Header tags")
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setWordWrap(False)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for column, width in enumerate((100, 260, 50)):
            table.setColumnWidth(column, width)
        theme.tabular(table)
        return table

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        named(buttons.button(QDialogButtonBox.StandardButton.Close), "tags_close", "Close the tags")
        copy = QPushButton("Copy")
        named(copy, "tags_copy", "Copy the tags", "Put the lines that are shown on the clipboard")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.model.text()))
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID)
        above = row(self.series, self.file)
        above.setStretch(0, 3)
        above.setStretch(1, 2)
        column.addLayout(above)
        column.addWidget(self.search)
        column.addWidget(self.table, 1)
        column.addWidget(self.count)
        column.addWidget(buttons)

    def _show_series(self) -> None:
        self.file.clear()
        series = next((one for one in self._series if one.uid == self.series.currentData()), None)
        files: tuple[Path, ...] = () if series is None else series.files
        for number, path in enumerate(files, start=1):
            self.file.addItem(f"File {number} of {len(files)}", path)  # its name may be the patient's
        self.file.setEnabled(len(files) > 1)
        self._read()

    def _read(self) -> None:
        path = self.file.currentData()
        if not isinstance(path, Path):
            self._show_tags([])
            self.count.setText("This series has no file with a header.")
            return
        job = Job("Reading the header", lambda _: tasks().read_tags(path), exclusive=GROUP)
        self._jobs.start(job, Handlers(done=self._show_tags, failed=self._failed))

    def _failed(self, error: Exception) -> None:
        self._show_tags([])
        self.count.setText(getattr(error, "message", "The header could not be read."))
        if not hasattr(error, "message"):
            messages.show_error(self, error, hide_names=True)

    def _show_tags(self, tags: list[HeaderTag]) -> None:
        self._tags = tags
        self._show()

    def _show(self) -> None:
        masked = self._memory.settings.hide_identity
        self.model.show_tags(self._tags, self.search.text(), masked=masked)
        hidden = "; what identifies the patient is hidden (View, Hide Identity)" if masked else ""
        self.count.setText(f"{self.model.rowCount()} of {len(self._tags)} entries{hidden}")
