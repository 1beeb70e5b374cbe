"""The controls of the recipe page, and the recipe as text for those who want every setting."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from tumorview.app.training_recipe import (
    BATCHES,
    FINE_TUNE_RATE,
    FREEZE_LEVELS,
    SCRATCH_RATE,
    SIZES,
    WIDTHS,
    BaseModel,
    Budget,
    RecipeChoices,
    Variation,
)
from tumorview.gui import theme
from tumorview.gui.timing import Debounce
from tumorview.gui.widgets import ComboBox, named, row

EXPERT_REST_MS = 300
DEVICES = (("auto", "Fastest there is"), ("cpu", "Processor"), ("cuda", "NVIDIA graphics card"))
VARIATIONS = {
    Variation.OFF: "None",
    Variation.LIGHT: "Light",
    Variation.STANDARD: "Standard",
    Variation.STRONG: "Strong, as the bundled model was trained",
}


class RecipeForm(QWidget):
    """``changed`` carries the new RecipeChoices, ``name_changed`` the name of the new model."""

    changed = Signal(object)
    name_changed = Signal(str)

    def __init__(self, bases: Sequence[BaseModel], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices = RecipeChoices()
        self._showing = False
        self.name = QLineEdit()
        named(self.name, "training_name", "Name of the new model", "What the new model is called in every list")
        self.name.setMaxLength(60)
        self.name.textEdited.connect(self.name_changed)
        self.base_model = self._box("training_base", "Start from", "The model whose weights the training starts with")
        self.freeze = self._box("training_freeze", "Frozen levels", "These levels of the encoder keep their weights")
        self.net_width = self._box("training_width", "Width", "Channels of the first level: 64 is the paper's network")
        self.budget = self._box("training_budget", "Length", "What ends the training")
        self.epochs = self._spin("training_epochs", "Epochs", "How often each slice with tumour comes up", 1, 1000)
        self.minutes = self._spin("training_minutes", "Minutes", "How long it may take, validations included", 1, 6000)
        self.rate = QDoubleSpinBox()
        named(self.rate, "training_rate", "Learning rate", "Smaller is slower and safer; it falls along a cosine")
        self.rate.setDecimals(6)
        self.rate.setRange(1e-6, 0.1)
        self.rate.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.rate.setKeyboardTracking(False)
        self.rate.setMinimumHeight(theme.TARGET)
        self.rate.valueChanged.connect(lambda value: self._tell(learning_rate=value))
        self.batch = self._box("training_batch", "Batch", "Slices of one step: more is steadier and takes memory")
        self.slice_size = self._box("training_size", "Slice size", "Pixels; 256 is what segmenting uses")
        self.variation = self._box("training_variation", "Augmentation", "How much training slices are varied")
        self.device = self._box("training_device", "Device", "Where the training computes")
        self._fill()
        self.set_bases(bases)
        self._lay_out()

    def _box(self, name: str, title: str, tip: str) -> ComboBox:
        box = ComboBox()
        named(box, name, title, tip)
        return box

    def _spin(self, name: str, title: str, tip: str, low: int, high: int) -> QSpinBox:
        spin = QSpinBox()
        named(spin, name, title, tip)
        spin.setRange(low, high)
        spin.setKeyboardTracking(False)
        spin.setMinimumHeight(theme.TARGET)
        field = title.lower()
        spin.valueChanged.connect(lambda value: self._tell(**{field: value}))
        return spin

    def _fill(self) -> None:
        entries: tuple[tuple[QComboBox, str, list[tuple[object, str]]], ...] = (
            (self.freeze, "freeze", [(0, "None"), *((n, _levels(n)) for n in range(1, FREEZE_LEVELS + 1))]),
            (self.net_width, "width", [(n, str(n)) for n in WIDTHS]),
            (self.budget, "budget", [(Budget.EPOCHS, "Epochs"), (Budget.MINUTES, "Minutes")]),
            (self.batch, "batch", [(n, str(n)) for n in BATCHES]),
            (self.slice_size, "size", [(n, f"{n} × {n}") for n in SIZES]),
            (self.variation, "variation", list(VARIATIONS.items())),
            (self.device, "device", list(DEVICES)),
        )
        for box, field, values in entries:
            for data, text in values:
                box.addItem(text, data)
            box.currentIndexChanged.connect(lambda _, box=box, field=field: self._tell(**{field: box.currentData()}))
        self.base_model.currentIndexChanged.connect(lambda _: self._base_chosen())

    def _lay_out(self) -> None:
        self.length = QStackedWidget()
        self.length.addWidget(self.epochs)
        self.length.addWidget(self.minutes)
        self.length.setFixedHeight(self.epochs.sizeHint().height() + 2)
        self.rows = QFormLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.rows)
        column.addStretch(1)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setVerticalSpacing(theme.GRID)
        self.rows.setHorizontalSpacing(2 * theme.GRID)
        self.rows.addRow("Name", self.name)
        self.rows.addRow("Start from", self.base_model)
        self.rows.addRow("Frozen", self.freeze)
        self.rows.addRow("Width", self.net_width)
        self.rows.addRow("Length", row(self.budget, self.length))
        self.rows.addRow("Learning rate", self.rate)
        self.rows.addRow("Batch", self.batch)
        self.rows.addRow("Slice size", self.slice_size)
        self.rows.addRow("Augmentation", self.variation)
        self.rows.addRow("Device", self.device)

    def set_bases(self, bases: Sequence[BaseModel]) -> None:
        """Offer these models; one that cannot be used is listed and says why."""
        blocked = self.base_model.blockSignals(True)
        self.base_model.clear()
        for base in bases:
            self.base_model.addItem(f"{base.title} ({base.id})" if base.title != base.id else base.id, base.id)
            if base.problem:
                self.base_model.disable(self.base_model.count() - 1)
                self.base_model.setItemData(self.base_model.count() - 1, base.problem, 3)  # the tooltip's role
        self.base_model.addItem("Nothing: random weights", "")
        self.base_model.select(self._choices.base_model)
        self.base_model.blockSignals(blocked)

    def show_choices(self, name: str, choices: RecipeChoices) -> None:
        """Show these without reporting them."""
        self._choices = choices
        self._showing = True
        if self.name.text() != name:
            self.name.setText(name)
        boxes = (
            self.base_model, self.freeze, self.net_width, self.budget, self.batch, self.slice_size, self.variation,
            self.device,
        )  # fmt: skip
        values = (
            choices.base_model, choices.freeze, choices.width, choices.budget, choices.batch, choices.size,
            choices.variation, choices.device,
        )  # fmt: skip
        for box, value in zip(boxes, values, strict=True):
            if not box.select(value):
                box.addItem(str(value), value)  # from a file, between the steps of the list
                box.select(value)
        self.epochs.setValue(choices.epochs)
        self.minutes.setValue(choices.minutes)
        self.rate.setValue(choices.learning_rate)
        self.length.setCurrentWidget(self.epochs if choices.budget is Budget.EPOCHS else self.minutes)
        self.rows.setRowVisible(self.freeze, bool(choices.base_model))
        self.rows.setRowVisible(self.net_width, not choices.base_model)
        self._showing = False

    def _base_chosen(self) -> None:
        """The usual learning rate changes with what is started from, unless another was chosen."""
        base = self.base_model.currentData() or ""
        usual = {FINE_TUNE_RATE, SCRATCH_RATE}
        rate = self._choices.learning_rate
        if rate in usual:
            rate = FINE_TUNE_RATE if base else SCRATCH_RATE
        self._tell(base_model=base, learning_rate=rate)

    def _tell(self, **values: object) -> None:
        if not self._showing:
            self.changed.emit(replace(self._choices, **values))  # type: ignore[arg-type]  # fields by name


def _levels(count: int) -> str:
    if count == FREEZE_LEVELS:
        return "The whole encoder"
    return "The first level" if count == 1 else f"The first {count} levels"


class ExpertText(QPlainTextEdit):
    """The recipe's TOML; ``edited`` carries the text once the hand rests."""

    edited = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "training_recipe_text", "Recipe file", "The recipe as the command line reads it")
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._rest = Debounce(EXPERT_REST_MS, lambda: self.edited.emit(self.toPlainText()), self)
        self.textChanged.connect(self._rest.request)

    def show_text(self, text: str) -> None:
        """Show ``text`` unless it is what is there already."""
        if text.strip() and text != self.toPlainText():
            blocked = self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(blocked)
