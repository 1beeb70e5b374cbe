"""Opens the training wizard for the window, on the training that was left last, and lets it go at the end."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from tumorview.app.segmenter import Segmenter
from tumorview.app.session import Session
from tumorview.app.training_flow import TRAINING_NAME, TrainingFlow, list_trainings, suggested_name
from tumorview.app.training_recipe import BaseModel, base_models
from tumorview.errors import TumorViewError
from tumorview.gui import messages
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.timing import Memory
from tumorview.gui.wizard.page import WizardServices
from tumorview.gui.wizard.shell import TrainingWizard

NEW_NAME = "Own model"


class TrainingController(QObject):
    """``wizard`` is None until it is asked for."""

    def __init__(
        self,
        window: QWidget,
        session: Session,
        jobs: JobRunner,
        memory: Memory,
        models_changed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(window)
        self._window = window
        self.wizard: TrainingWizard | None = None
        folder = memory.store.folder
        self._models = Segmenter.of_user(memory.store).registry
        own = self._models.user or folder / "models"
        self.services = WizardServices(session, jobs, lambda: memory.settings, folder, own, models_changed)

    @property
    def root(self) -> Path:
        """Where trainings are kept."""
        return self.services.folder / TRAINING_NAME

    def open(self) -> None:
        """Show the wizard: as it was, on the unfinished training of last time, or on a new one."""
        if self.wizard is None:
            try:
                flow = self._last_or_new()
            except TumorViewError as error:
                messages.show_error(self._window, error)
                return
            self.wizard = TrainingWizard(flow, self.services, self._window)
        elif self.wizard.flow.state.done:
            self.wizard.start_new()
        self.wizard.reopen()

    def _last_or_new(self) -> TrainingFlow:
        known = list_trainings(self.root)
        for training in known:
            if training.page is not None and not training.done:
                return TrainingFlow.open(training.folder, self.bases)
        return TrainingFlow.create(self.root, suggested_name([one.name for one in known], NEW_NAME), self.bases)

    def bases(self) -> list[BaseModel]:
        """The models that training may start from."""
        return base_models(self._models)

    def close(self) -> None:
        """The program ends; a run goes on by itself."""
        if self.wizard is not None:
            self.wizard.retire()
