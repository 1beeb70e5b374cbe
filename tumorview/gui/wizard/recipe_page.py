"""The third page: from which model, how long, how fast, on what; what that costs and what augmentation looks like."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from tumorview.app.jobs import Job, JobContext
from tumorview.app.training_flow import FlowState, TrainingFlow
from tumorview.app.training_measure import measure_recipe
from tumorview.app.training_recipe import RecipeChoices, epochs_of, named_recipes, recipe_text_of, run_seconds
from tumorview.errors import TumorViewError
from tumorview.gui import theme
from tumorview.gui.job_runner import Handlers
from tumorview.gui.widgets import CheckBox, ComboBox, command_button, label, named, row
from tumorview.gui.wizard.augment_preview import AugmentPreview
from tumorview.gui.wizard.page import MEASURE_GROUP, WizardPage, WizardServices
from tumorview.gui.wizard.recipe_form import ExpertText, RecipeForm


class RecipePage(WizardPage):
    """Between the flow's choices, the form, the text of the recipe, the measurement and the preview."""

    title = "Recipe"
    lead = "The defaults suit twenty cases or so from one scanner. Fine-tuning starts from a model that works already."

    def __init__(self, flow: TrainingFlow, services: WizardServices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training_recipe_page")
        self.flow, self.services = flow, services
        self.form = RecipeForm(flow.bases())
        self.expert = ExpertText()
        self.preview = AugmentPreview(flow, services.jobs)
        self._build()
        self.form.name_changed.connect(lambda name: self._try(lambda: flow.change(name=name)))
        self.form.changed.connect(lambda choices: self._try(lambda: flow.change(choices=choices)))
        self.expert.edited.connect(self._expert_edited)
        self.preview.failed.connect(self.failed)
        self._disconnect = flow.changed.connect(self._show)
        self._show(flow.state)

    def _build(self) -> None:
        self.as_text = CheckBox("Edit the recipe file instead")
        named(self.as_text, "training_expert", "Edit the recipe file", "Every setting there is, as text")
        self.as_text.toggled.connect(self._show_expert)
        self.template = ComboBox()
        named(self.template, "training_template", "Fill from", "Take a recipe that comes with the program instead")
        self.template.addItem("Fill from…")
        for name, title, text in named_recipes():
            self.template.addItem(name, text)
            self.template.setItemData(self.template.count() - 1, title, Qt.ItemDataRole.ToolTipRole)
        self.template.activated.connect(lambda _: self._fill_from(self.template.currentData()))
        self.choices = QStackedWidget()
        self.choices.addWidget(self.form)
        self.choices.addWidget(self.expert)
        self.cost = label("", wrap=True)
        self.cost.setObjectName("training_cost")
        self.cost.setMinimumHeight(3 * theme.TARGET)
        self.cost.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.measure = command_button(
            "&Measure", "training_measure", "Time a few steps on this machine and see the memory they need",
            self._measure_or_cancel,
        )  # fmt: skip
        left, right = QVBoxLayout(), QVBoxLayout()
        left.addWidget(self.choices, 1)
        left.addLayout(row(self.as_text, 1, self.template))
        heading = label("Cost on this machine")
        theme.scaled(heading, 1.0, bold=True)
        right.addLayout(row(heading, 1, self.measure))
        right.addWidget(self.cost)
        right.addWidget(self.preview, 1)
        columns = QHBoxLayout(self)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(3 * theme.GRID)
        columns.addLayout(left, 5)
        columns.addLayout(right, 6)

    # -- the page's protocol -----------------------------------------------------------------------------------------

    @property
    def first_control(self) -> QWidget:
        """The name."""
        return self.form.name

    @property
    def complete(self) -> bool:
        """Not while it is being measured: the training would be slower, and the measurement wrong."""
        return not self.measuring

    @property
    def measuring(self) -> bool:
        """Whether a measurement is under way."""
        return self.services.jobs.is_running(MEASURE_GROUP)

    def enter(self) -> None:
        """Models may have come and gone; the preview is drawn, the cost measured if it is not known."""
        self.form.set_bases(self.flow.bases())
        self._show(self.flow.state)
        self.preview.show_slices()
        if self.flow.estimate is None and not self.flow.begun:
            self.start_measuring()

    def leave(self) -> None:
        """Nobody is waiting any more."""
        self.services.jobs.cancel_group(MEASURE_GROUP)
        self.preview.stop()

    def retire(self) -> None:
        """Listen no more."""
        self.leave()
        self._disconnect()

    # -- measuring ---------------------------------------------------------------------------------------------------

    def start_measuring(self) -> None:
        """Time a few steps in a process of their own."""
        flow = self.flow
        try:
            recipe, key = flow.recipe_to_measure, flow.measuring
        except TumorViewError:
            return  # what is wrong is said beside Next
        device = flow.state.choices.device

        def work(context: JobContext) -> object:
            return measure_recipe(recipe, device, context)

        def done(estimate: object) -> None:
            self._try(lambda: flow.change(estimate=estimate, measured=key))

        def failed(error: Exception) -> None:
            self._ended()
            self.failed.emit(error)

        handlers = Handlers(done=done, failed=failed, cancelled=self._ended)
        self.services.jobs.start(Job("Measuring training steps", work, exclusive=MEASURE_GROUP), handlers)
        self._ended()

    def _measure_or_cancel(self) -> None:
        if self.measuring:
            self.services.jobs.cancel_group(MEASURE_GROUP)
        else:
            self.start_measuring()

    def _ended(self) -> None:
        self._show(self.flow.state)

    # -- the recipe as text ------------------------------------------------------------------------------------------

    def _show_expert(self, on: bool) -> None:
        choices = self.flow.state.choices
        if on and not choices.expert:
            try:
                text = recipe_text_of(self.flow.plan().recipe)
            except TumorViewError as error:
                self.as_text.setChecked(False)
                self.failed.emit(error)
                return
            self._try(lambda: self.flow.change(choices=replace(choices, expert=text)))
        elif not on and choices.expert:
            self._try(lambda: self.flow.change(choices=replace(choices, expert="")))

    def _fill_from(self, text: str | None) -> None:
        self.template.setCurrentIndex(0)
        if text is not None:
            self._expert_edited(text)

    def _expert_edited(self, text: str) -> None:
        self._try(lambda: self.flow.change(choices=replace(self.flow.state.choices, expert=text or " ")))

    def _try(self, change: Callable[[], None]) -> None:
        try:
            change()
        except TumorViewError as error:
            self.failed.emit(error)

    # -- showing -----------------------------------------------------------------------------------------------------

    def _show(self, state: FlowState) -> None:
        self.form.show_choices(state.name, state.choices)
        self.expert.show_text(state.choices.expert)
        blocked = self.as_text.blockSignals(True)
        self.as_text.setChecked(bool(state.choices.expert))
        self.as_text.blockSignals(blocked)
        self.template.setVisible(bool(state.choices.expert))
        self.choices.setCurrentWidget(self.expert if state.choices.expert else self.form)
        for widget in (self.form, self.expert, self.as_text, self.template):
            widget.setEnabled(not self.flow.begun)
        self.measure.setText("Cancel" if self.measuring else "&Measure")
        self.cost.setText(self._cost_text(state.choices))
        self.preview.set_choices(state)
        self.changed.emit()

    def _cost_text(self, choices: RecipeChoices) -> str:
        if self.measuring:
            return "Timing a few steps on this machine…"
        estimate = self.flow.estimate
        try:
            recipe = self.flow.plan().recipe
        except TumorViewError as error:
            return str(error)
        counts = self.flow.counts
        steps = f"{recipe.steps} steps of {recipe.phases[-1].batch} slices, {epochs_of(recipe, counts):.1f} epochs"
        if estimate is None:
            return f"{steps}. Measure to know how long it will take."
        phase = recipe.phases[-1]
        memory = estimate.memory_bytes / 1e9
        scaled = (phase.size, phase.batch) != (estimate.size, estimate.batch)
        about = f" (scaled from steps of {estimate.batch} slices of {estimate.size})" if scaled else ""
        return (
            f"{steps}: about {_duration(run_seconds(recipe, counts, estimate))} with validations{about}. "
            f"{estimate.step_seconds:.2f} s a step and {memory:.1f} GB of memory were measured "
            f"on {estimate.device.upper()}, with one core left to the viewer."
        )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
