"""The training wizard's window: a thin shell that shows the flow's page and goes where the flow allows.

It does not block the viewer: studies can be opened, corrected and added while it is open, and read while a run goes on.
"""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from tumorview.app.training_flow import PAGES, PageId, TrainingFlow, list_trainings, suggested_name
from tumorview.app.training_run import TrainingRun
from tumorview.errors import TumorViewError
from tumorview.gui import messages, theme
from tumorview.gui.widgets import ElidedLabel, label, named, row
from tumorview.gui.wizard.data_page import DataPage
from tumorview.gui.wizard.page import WizardPage, WizardServices
from tumorview.gui.wizard.recipe_page import RecipePage
from tumorview.gui.wizard.result_page import ResultPage
from tumorview.gui.wizard.run_page import RunPage
from tumorview.gui.wizard.split_page import SplitPage
from tumorview.gui.wizard.steps import Steps

WIDTH, HEIGHT = 1060, 700  # fits a screen of 1366x768 with its bars
NEXT_TEXTS = {PageId.RECIPE: "&Prepare Training", PageId.RESULT: "&Close"}


class TrainingWizard(QWidget):
    """One training at a time; ``switched`` is emitted when it shows another one."""

    switched = Signal()

    def __init__(self, flow: TrainingFlow, services: WizardServices, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("training_wizard")
        self.setWindowTitle("Train a Model")
        self.resize(WIDTH, HEIGHT)
        self.services = services
        self.flow = flow
        self.pages: dict[PageId, WizardPage] = {}
        self._shown: WizardPage | None = None
        self._build()
        self._follow(flow)

    # -- making it ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.steps = Steps()
        self.steps.chosen.connect(self._go_back_to)
        self.trainings = QPushButton("Trainings")
        tip = "Go on with another training, or start a new one"
        named(self.trainings, "training_list_button", "Other trainings", tip)
        self.trainings.setAutoDefault(False)
        self.menu = QMenu(self)
        self.menu.setObjectName("training_list_menu")
        self.menu.aboutToShow.connect(self._fill_menu)
        self.trainings.setMenu(self.menu)
        self.heading = label("")
        self.heading.setObjectName("training_page_title")
        theme.scaled(self.heading, 1.4, bold=True)
        self.lead = label("", dim=True, wrap=True)
        self.stack = QStackedWidget()
        self.hint = ElidedLabel()
        self.hint.setObjectName("training_hint")
        self.hint.setProperty("warning", True)
        self.back = QPushButton("&Back")
        named(self.back, "training_back", "Back to the page before", "Alt+Left")
        self.back.clicked.connect(self.go_back)
        self.next = QPushButton("&Next")
        named(self.next, "training_next", "Go on to the next page", "Alt+Right")
        self.next.setProperty("primary", True)
        self.next.clicked.connect(self.go_on)
        for button in (self.back, self.next):
            button.setMinimumWidth(110)
            button.setMinimumHeight(28)
            button.setAutoDefault(False)
        keys = {"Alt+Left": self.go_back, "Alt+Right": self.go_on, "Ctrl+W": self.close}
        for shortcut, work in keys.items():
            QShortcut(QKeySequence(shortcut), self, work)
        line = QFrame()
        line.setObjectName("top_line")
        line.setFixedHeight(1)
        right = QVBoxLayout()
        right.setSpacing(theme.GRID)
        right.addLayout(row(self.heading, 1, self.trainings))
        right.addWidget(self.lead)
        right.addWidget(self.stack, 1)
        right.addWidget(line)
        bottom = row(self.hint, self.back, self.next, spacing=theme.GRID)
        bottom.setStretch(0, 1)
        right.addLayout(bottom)
        columns = QHBoxLayout(self)
        columns.setContentsMargins(*(2 * theme.GRID,) * 4)
        columns.setSpacing(theme.GRID)
        columns.addWidget(self.steps)
        columns.addLayout(right, 1)

    # -- which training ----------------------------------------------------------------------------------------------

    def open_flow(self, flow: TrainingFlow) -> None:
        """Show another training on the page where it was left."""
        self._let_go()
        self._follow(flow)
        self.switched.emit()

    def _follow(self, flow: TrainingFlow) -> None:
        self.flow = flow
        self._disconnect = flow.changed.connect(lambda _: self.refresh())
        self._show_page()

    def _let_go(self) -> None:
        self._disconnect()
        if self._shown is not None:
            self._shown.leave()
        self._shown = None
        for page in self.pages.values():
            page.retire()
            self.stack.removeWidget(page)
            page.deleteLater()
        self.pages = {}

    def _fill_menu(self) -> None:
        self.menu.clear()
        self.menu.addAction("New training", self.start_new)
        self.menu.addAction("New training with these cases", self.start_derived)
        self.menu.addSeparator()
        for training in list_trainings(self.flow.run_folder.parent)[:20]:
            state = "cannot be read" if training.page is None else str(training.page)
            entry = self.menu.addAction(f"{training.name}  ({training.folder.name}, {state})".replace("&", "&&"))
            entry.setEnabled(training.page is not None)
            entry.setCheckable(True)
            entry.setChecked(training.folder == self.flow.run_folder)
            entry.triggered.connect(lambda _=False, folder=training.folder: self.open_training(folder))

    def start_new(self) -> None:
        """A new training without cases."""
        self._try(lambda: self.open_flow(TrainingFlow.create(self._root, self.new_name(), self.flow.bases)))

    def start_derived(self) -> None:
        """A new training with the cases and choices of this one."""
        self._try(lambda: self.open_flow(self.flow.derived(self._root)))

    def start_revised(self) -> None:
        """Change the recipe of a run that has begun: a new training with the same cases and split."""

        def revise() -> None:
            flow = self.flow.derived(self._root)
            flow.change(page=PageId.RECIPE)
            self.open_flow(flow)

        self._try(revise)

    def open_training(self, folder: Path) -> None:
        """Go on with the training in ``folder``."""
        if folder != self.flow.run_folder:
            self._try(lambda: self.open_flow(TrainingFlow.open(folder, self.flow.bases)))

    def new_name(self) -> str:
        """A name that no training has yet."""
        return suggested_name([one.name for one in list_trainings(self._root)], "Own model")

    @property
    def _root(self) -> Path:
        return self.flow.run_folder.parent

    # -- which page --------------------------------------------------------------------------------------------------

    def page(self, page_id: PageId) -> WizardPage:
        """The page's widget, made when it is first needed."""
        if page_id not in self.pages:
            page = self._make(page_id)
            page.changed.connect(self.refresh)
            page.failed.connect(self.show_error)
            self.stack.addWidget(page)
            self.pages[page_id] = page
        return self.pages[page_id]

    def _make(self, page_id: PageId) -> WizardPage:
        match page_id:
            case PageId.DATA:
                return DataPage(self.flow, self.services)
            case PageId.SPLIT:
                return SplitPage(self.flow, self.services)
            case PageId.RECIPE:
                return RecipePage(self.flow, self.services)
            case PageId.RUN:
                return self._run_page()
            case PageId.RESULT:
                return ResultPage(self.flow.run_folder, self.services)

    def _run_page(self) -> RunPage:
        page = RunPage(self.services.jobs)
        page.set_run(TrainingRun.of(self.flow.plan()))
        page.revise_requested.connect(self.start_revised)
        return page

    def _show_page(self) -> None:
        try:
            page = self.page(self.flow.state.page)
        except TumorViewError as error:  # the plan of a run is gone or damaged
            self.show_error(error)
            self.flow.change(page=PageId.DATA)
            page = self.page(PageId.DATA)
        if page is not self._shown:
            if self._shown is not None:
                self._shown.leave()
            self._shown = page
            self.stack.setCurrentWidget(page)
            self.heading.setText(page.title)
            self.lead.setText(page.lead)
            page.enter()
            self.refresh()
            (page.first_control or (self.next if self.next.isEnabled() else self.back)).setFocus()
        self.refresh()

    def go_on(self) -> None:
        """The next page, where nothing is in the way."""
        page_id = self.flow.state.page
        if page_id is PageId.RESULT:
            self._try(self.flow.next)
            self.close()
        elif self._blocked() is None:
            self._try(self.flow.next)
            self._show_page()

    def go_back(self) -> None:
        """The page before."""
        if self.flow.can_go_back:
            self._try(self.flow.back)
            self._show_page()

    def _go_back_to(self, page_id: PageId) -> None:
        while self.flow.can_go_back and PAGES.index(self.flow.state.page) > PAGES.index(page_id):
            before = self.flow.state.page
            self._try(self.flow.back)
            if self.flow.state.page is before:
                break
        self._show_page()

    def _blocked(self) -> str | None:
        """Why one cannot go on; "" where the page itself is busy."""
        page_id = self.flow.state.page
        if page_id is PageId.RESULT:
            return None
        if not self.page(page_id).complete:
            return ""
        obstacles = self.flow.obstacles()
        return str(obstacles[0]) if obstacles else None

    def refresh(self) -> None:
        """Follow the flow: what may be pressed, and what stands in the way."""
        page_id = self.flow.state.page
        if self._shown is None or self._shown is not self.pages.get(page_id):
            return  # on the way to another page
        blocked = self._blocked()
        self.next.setEnabled(blocked is None)
        self.next.setText(NEXT_TEXTS.get(page_id, "&Next"))
        self.back.setEnabled(self.flow.can_go_back)
        self.hint.set_text(blocked or "")
        back_to: frozenset[PageId] = frozenset(PAGES[: PAGES.index(page_id)]) if self.flow.can_go_back else frozenset()
        if self.flow.begun:
            back_to &= {PageId.RUN}
        self.steps.show_page(page_id, back_to)
        self.setWindowTitle(f"Train a Model: {self.flow.state.name}")

    # -- errors and the end ------------------------------------------------------------------------------------------

    def show_error(self, error: Exception) -> None:
        """One sentence and a remedy; the wizard stays as it is."""
        messages.show_error(self, error, hide_names=self.services.settings().hide_identity)

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except TumorViewError as error:
            self.show_error(error)

    def closeEvent(self, event: QCloseEvent) -> None:
        """What was chosen is on disk already; a run goes on without the window."""
        if self._shown is not None:
            self._shown.leave()
            self._shown = None
        super().closeEvent(event)

    def reopen(self) -> None:
        """Come into view again, on the page where it was left."""
        self._show_page()
        self.show()
        self.raise_()
        self.activateWindow()

    def retire(self) -> None:
        """The program ends."""
        self._let_go()
        self.close()
