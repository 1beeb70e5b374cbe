"""The models of this computer: what they score, which one is the default, the way back, import and export."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QListWidget,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from tumorview.app.jobs import Job, JobContext
from tumorview.app.model_store import Purpose, StoredModel
from tumorview.errors import TumorViewError
from tumorview.gui import messages, theme
from tumorview.gui.job_runner import Handlers, JobRunner
from tumorview.gui.model_card_view import ModelCardView
from tumorview.gui.model_describe import DescribeDialog
from tumorview.gui.model_exchange import ModelExchange
from tumorview.gui.model_list import ModelList
from tumorview.gui.model_rows import DefaultHistory, model_item
from tumorview.gui.widgets import command_button, label, named, row

WIDTH, HEIGHT = 980, 660
CHECK = "models_check"


class ModelManager(QDialog):
    """Shows ``models`` and does what the user wants with them; work on whole files is a job."""

    def __init__(self, models: ModelList, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("model_manager")
        self.setWindowTitle("Models")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self._list, self._store, self._jobs = models, models.store, jobs
        self._damaged: dict[str, str] = {}
        self.files = ModelExchange(models, jobs, self)
        self.files.told.connect(self._say)
        self.files.imported.connect(self.choose)
        self._build()
        self._lay_out()
        models.changed.connect(self._follow)
        models.reload()
        self.list.setCurrentRow(max(0, self._line_of(self._default_id())))
        self.list.setFocus()
        self._check_weights()

    # -- making ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.list = QListWidget()
        named(self.list, "model_list", "Models")
        self.list.setIconSize(QSize(18, 18))
        self.list.setAlternatingRowColors(False)
        self.list.currentRowChanged.connect(lambda _: self._show_chosen())
        self.standing = label("", wrap=True)
        self.standing.setObjectName("model_standing")
        self.standing.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.card = ModelCardView()
        self.history = DefaultHistory()
        self.tabs = QTabWidget()
        named(self.tabs, "model_tabs", "Card and history")
        self.tabs.addTab(self.card, "Card")
        self.tabs.addTab(self.history, "Defaults so far")
        self.message = label("", dim=True)
        self.message.setObjectName("model_message")
        self.import_button = command_button(
            "&Import…", "model_import", "Install a .tvmodel file", self.files.choose_import
        )
        self.export_button = command_button(
            "&Export…", "model_export", "Write weights and card as one .tvmodel file", self._export
        )
        self.edit_button = command_button("&Rename…", "model_edit", "Name and notes of your own model", self.describe)
        self.delete_button = command_button(
            "&Delete…", "model_delete", "Delete your own model for good", self.ask_delete
        )
        self.back_button = command_button("&Go Back", "model_rollback", "", self.roll_back)
        self.default_button = command_button("Make De&fault", "model_default", "", self.make_default)
        self.close_button = command_button("Close", "model_close", "Close the models", self.close)

    def _lay_out(self) -> None:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(theme.GRID, 0, 0, 0)
        column.setSpacing(theme.GRID)
        column.addWidget(self.standing)
        column.addWidget(self.tabs, 1)
        split = QSplitter()
        split.setChildrenCollapsible(False)
        split.addWidget(self.list)
        split.addWidget(right)
        split.setSizes([290, WIDTH - 290])
        split.setStretchFactor(1, 1)
        whole = QVBoxLayout(self)
        margin = 2 * theme.GRID
        whole.setContentsMargins(margin, margin, margin, margin)
        whole.setSpacing(theme.GRID)
        whole.addWidget(split, 1)
        whole.addWidget(self.message)
        left = (self.import_button, self.export_button, self.edit_button, self.delete_button)
        whole.addLayout(row(*left, 1, self.back_button, self.default_button, self.close_button))

    # -- showing -----------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> StoredModel | None:
        """The model of the chosen line."""
        line = self.list.currentRow()
        return self._list.models[line] if 0 <= line < len(self._list.models) else None

    def choose(self, model_id: str) -> None:
        """Choose a model of the list."""
        self.list.setCurrentRow(self._line_of(model_id))

    def _line_of(self, model_id: str) -> int:
        return next((n for n, model in enumerate(self._list.models) if model.id == model_id), -1)

    def _default_id(self) -> str:
        return next((model.id for model in self._list.models if model.default_for is not None), "")

    def _follow(self) -> None:
        """Fill the list anew; the chosen model stays chosen if it is still there."""
        before = self.list.currentItem()
        chosen = before.data(Qt.ItemDataRole.UserRole) if before is not None else ""
        blocked = self.list.blockSignals(True)
        self.list.clear()
        for model in self._list.models:
            self.list.addItem(model_item(model, broken=not model.entry.ok or model.id in self._damaged))
        self.list.setCurrentRow(max(0, self._line_of(chosen)))
        self.list.blockSignals(blocked)
        self.history.show_changes(self._store.history(), self._title)
        self._show_chosen()

    def _show_chosen(self) -> None:
        model = self.chosen
        self.card.show_model(model)
        if model is None:
            return
        broken = self._damaged.get(model.id, "" if model.entry.ok else model.entry.status)
        own = not model.entry.bundled
        _voice(self.standing, error=bool(broken), warning=bool(model.obstacle) and not broken)
        self.standing.setText(broken or _standing(model))
        self.export_button.setEnabled(not broken)
        self.edit_button.setEnabled(own and model.entry.card is not None)
        self.delete_button.setEnabled(own)
        may = not broken and model.default_for is None and (not model.obstacle or model.vouched)
        self.default_button.setEnabled(may)
        self.default_button.setToolTip(_default_tip(model, may=may))
        purpose = model.purpose or Purpose.WHOLE_TUMOUR
        back = self._store.previous(purpose)
        self.back_button.setEnabled(back is not None)
        tip = f"Make {self._title(back)} the default again" if back else "There is no default to go back to"
        self.back_button.setToolTip(tip)

    def _title(self, model_id: str) -> str:
        return next((model.title for model in self._list.models if model.id == model_id), model_id or "none")

    # -- damage ------------------------------------------------------------------------------------------------

    def _check_weights(self) -> None:
        """Compare all weights with their cards, in the background."""
        store = self._store

        def work(_: JobContext) -> dict[str, str]:
            return {model.id: model.entry.status for model in store.models(verify=True) if not model.entry.ok}

        self._jobs.start(Job("Checking the models", work, exclusive=CHECK), Handlers(done=self._checked))

    def _checked(self, damaged: dict[str, str]) -> None:
        if damaged != self._damaged:
            self._damaged = damaged
            self._follow()

    # -- what the user wants -----------------------------------------------------------------------------------

    def make_default(self) -> None:
        """Make the chosen model the default; an imported one only if the user vouches for it."""
        model = self.chosen
        if model is None:
            return
        if not model.obstacle:
            self._change(lambda: self._store.set_default(model.id), f"{model.title} is the default now")
            return
        told = f"{model.title} is the default now"
        messages.ask(
            self,
            "vouch_dialog",
            f"{model.title} was not compared with the default on patients of yours.",
            "Make it the default only if you trust where it comes from. Go Back undoes it.",
            answer="Make It the Default",
            then=lambda: self._change(lambda: self._store.set_default(model.id, vouch=True), told),
        )

    def roll_back(self) -> None:
        """Make the default before the default again."""
        purpose = self.chosen.purpose if self.chosen is not None else None
        self._change(lambda: self._store.rollback(purpose or Purpose.WHOLE_TUMOUR), "The default before is back")

    def _export(self) -> None:
        if self.chosen is not None:
            self.files.choose_export(self.chosen)

    def describe(self) -> None:
        """Ask for another name and other notes."""
        model = self.chosen
        if model is None or model.entry.bundled:
            return
        dialog = DescribeDialog(model, self)

        def keep() -> None:
            title, notes = dialog.values
            if self._change(lambda: self._store.describe(model.id, title=title, notes=notes), "Renamed"):
                dialog.accept()

        dialog.save_requested.connect(keep)
        dialog.open()

    def ask_delete(self) -> None:
        """Ask, then delete the chosen model."""
        model = self.chosen
        if model is None or model.entry.bundled:
            return
        instead = ""
        if model.default_for is not None:
            instead = self._store.previous(model.default_for) or next(
                (one.id for one in self._list.models if one.entry.bundled and one.purpose is model.purpose), ""
            )
        follows = f" {self._title(instead)} becomes the default." if instead else ""
        messages.ask(
            self,
            "delete_model_dialog",
            f"Delete {model.title} for good?",
            f"Its weights and its card are removed from this computer.{follows} Export it first to keep a copy.",
            answer="Delete",
            then=lambda: self._change(
                lambda: self._store.delete(model.id, instead=instead), f"{model.title} was deleted"
            ),
            destructive=True,
        )

    def _change(self, change: Callable[[], object], told: str) -> bool:
        """Do it and show what is now; False where it failed, and why."""
        try:
            change()
        except TumorViewError as error:
            messages.show_error(self, error)
            return False
        finally:
            self._list.reload()
        self.message.setText(f"{told}.")
        return True

    def _say(self, text: str) -> None:
        self.message.setText(text)

    def done(self, result: int) -> None:
        """The dialog closes: what is being written is finished, nobody looks at the rest any more."""
        self.files.dismiss()
        self._jobs.cancel_group(CHECK)
        super().done(result)


def _standing(model: StoredModel) -> str:
    if model.default_for is not None:
        return f"The default for {'the ' * (model.default_for is Purpose.WHOLE_TUMOUR)}{model.default_for}."
    if model.obstacle:
        return f"A candidate: it can be chosen in the Segment panel, but is not the default. {model.obstacle}"
    return "It may become the default."


def _default_tip(model: StoredModel, *, may: bool) -> str:
    if may:
        return "Segment with this model unless another one is chosen"
    return "It is the default already" if model.default_for is not None else model.obstacle or "It cannot be used"


def _voice(line: QLabel, *, error: bool, warning: bool) -> None:
    """Red for what is broken, amber for what is held back."""
    line.setProperty("error", error)
    line.setProperty("warning", warning)
    line.style().unpolish(line)
    line.style().polish(line)
