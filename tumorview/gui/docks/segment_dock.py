"""Model, device and engine of a run; threshold; Run and Cancel; progress and what came out."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from tumorview.core.labels import LabelTable
from tumorview.core.prediction import Origin
from tumorview.gui import icons, theme
from tumorview.gui.docks.channel_slots import ChannelSlots
from tumorview.gui.docks.fitness_light import FitnessLight
from tumorview.gui.docks.notes import Notes
from tumorview.gui.docks.panel import Panel
from tumorview.gui.widgets import CheckBox, ComboBox, ElidedLabel, Slider, label, named, push_button, row

DEVICES = {"auto": "Auto device", "cpu": "CPU", "cuda": "CUDA", "mps": "Apple GPU"}
ENGINES = {"auto": "Auto engine", "torch": "PyTorch", "openvino": "OpenVINO"}


@dataclass(frozen=True)
class ModelChoice:
    """One entry of the model list; ``problem`` says why it cannot be used."""

    id: str
    title: str
    threshold: float = 0.5
    problem: str = ""


@dataclass(frozen=True)
class ThresholdMoved:
    """The slider shows ``threshold`` (0..1); ``settled`` once the user let go."""

    threshold: float
    settled: bool


class SegmentPanel(Panel):
    """Reports choices; the segment controller does the work."""

    threshold_moved = Signal(object)  # ThresholdMoved
    options_changed = Signal()

    def __init__(self, run: QAction, cancel: QAction, parent: QWidget | None = None) -> None:
        super().__init__("Segment", "segment", parent)
        self.model = ComboBox()
        named(self.model, "model_combo", "Model", "The network that segments")
        self.device = _choices(DEVICES, "device_combo", "Device", "Where the network computes")
        self.engine = _choices(ENGINES, "engine_combo", "Engine", "Which library computes; Auto takes the fastest")
        self._models: dict[str, ModelChoice] = {}
        self.into = ComboBox()
        named(self.into, "segment_label", "Label to write", "The label that a network which finds one thing writes")
        self.inputs, self.fitness = ChannelSlots(), FitnessLight()
        self._target = QWidget()
        target = row(label("Into"), self.into)
        target.setStretch(1, 1)
        self._target.setLayout(target)
        self.threshold = Slider(1, 99)
        self.threshold.setValue(50)
        named(self.threshold, "threshold_slider", "Threshold", "Tumour where the network is at least this sure")
        self._value = label("0.50")
        theme.tabular(self._value)
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._value.setMinimumWidth(self._value.fontMetrics().horizontalAdvance("0.00"))
        self.replace = CheckBox("Replace my edits")
        named(
            self.replace,
            "replace_edits_checkbox",
            "Replace my edits",
            "The next run may change what was painted and erased by hand; it can be undone",
        )
        self.run_button = push_button(run, "segment_run_button", "Run", height=30)
        self.run_button.setProperty("primary", True)
        self.run_button.setIcon(icons.icon("run", theme.colours().on_accent))
        self.cancel_button = push_button(cancel, "segment_cancel_button", "Cancel", height=30)
        self.progress = QProgressBar()
        self.progress.setObjectName("segment_progress")
        self.progress.setAccessibleName("Progress of the segmentation")
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing under it jumps when a run starts
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.status = ElidedLabel("No segmentation yet")
        self.status.setObjectName("segment_status")
        self.status.setProperty("dim", True)
        theme.tabular(self.status)
        self.notes = Notes()
        self._lay_out()
        self.model.activated.connect(self._model_chosen)
        self.device.activated.connect(lambda: self.options_changed.emit())
        self.engine.activated.connect(lambda: self.options_changed.emit())
        self.threshold.valueChanged.connect(self._threshold_changed)
        self.threshold.sliderReleased.connect(lambda: self._report(settled=True))

    def _lay_out(self) -> None:
        self.content.addWidget(self.model)
        both = QHBoxLayout()
        both.setSpacing(6)
        both.addWidget(self.device, 1)
        both.addWidget(self.engine, 1)
        self.content.addLayout(both)
        self.content.addWidget(self.inputs)
        self.content.addWidget(self._target)
        self.content.addLayout(row(label("Threshold"), self.threshold, self._value))
        self.content.addWidget(self.replace)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.fitness)
        buttons.addWidget(self.run_button, 3)
        buttons.addWidget(self.cancel_button, 2)
        self.content.addLayout(buttons)
        self.content.addWidget(self.progress)
        self.content.addWidget(self.status)
        self.content.addWidget(self.notes)

    # -- choices -----------------------------------------------------------------------------------------------

    def set_models(self, models: Sequence[ModelChoice], chosen: str) -> None:
        """Fill the model list; unusable ones are listed, greyed, with what is wrong as tooltip."""
        self._models = {model.id: model for model in models}
        self.model.clear()
        for index, model in enumerate(models):
            self.model.addItem(model.title, model.id)
            self.model.setItemData(index, model.problem or model.title, Qt.ItemDataRole.ToolTipRole)
            if model.problem:
                self.model.disable(index)
        usable = [model.id for model in models if not model.problem]
        self.model.select(chosen if chosen in usable else next(iter(usable), ""))
        self._show_model()

    @property
    def model_id(self) -> str:
        """Id of the chosen model; empty where there is none."""
        return self.model.currentData() or ""

    @property
    def chosen_model(self) -> ModelChoice | None:
        """The chosen model."""
        return self._models.get(self.model_id)

    def set_options(self, device: str, engine: str) -> None:
        """Show what is remembered."""
        self.device.select(device)
        self.engine.select(engine)

    def show_labels(self, labels: LabelTable | None) -> None:
        """Offer the labels to write into; nothing to choose where there is one at most."""
        chosen = self.into.currentData()
        self.into.clear()
        self.into.addItem("The model's own label", None)
        for entry in labels or ():
            self.into.addItem(icons.swatch(entry.colour), entry.name, entry.number)
            if entry.locked:
                self.into.disable(self.into.count() - 1)
        if not self.into.select(chosen):
            self.into.setCurrentIndex(0)
        self._target.setVisible(labels is not None and len(labels) > 1)

    @property
    def label_to_write(self) -> int | None:
        """The label that the user chose for the network; None for the model's own."""
        number: int | None = self.into.currentData()
        return number

    # -- threshold ---------------------------------------------------------------------------------------------

    def show_threshold(self, threshold: float) -> None:
        """Move the slider without reporting it."""
        blocked = self.threshold.blockSignals(True)
        self.threshold.setValue(round(threshold * 100))
        self.threshold.blockSignals(blocked)
        self._value.setText(f"{threshold:.2f}")

    @property
    def threshold_value(self) -> float:
        """What the slider shows, 0..1."""
        return self.threshold.value() / 100

    def _threshold_changed(self, value: int) -> None:
        self._value.setText(f"{value / 100:.2f}")
        self._report(settled=False)

    def _report(self, *, settled: bool) -> None:
        self.threshold_moved.emit(ThresholdMoved(self.threshold_value, settled))

    # -- human edits win ---------------------------------------------------------------------------------------

    def offer_replacing(self, *, possible: bool) -> None:
        """Offer to replace what was set by hand; hidden, and not chosen, while nothing was."""
        if not possible:
            self.replace.setChecked(False)
        self.replace.setVisible(possible)

    # -- a run -------------------------------------------------------------------------------------------------

    def show_running(self, fraction: float, text: str) -> None:
        """A run is under way."""
        self.progress.show()
        self.progress.setValue(round(1000 * fraction))
        self.status.set_text(f"{text or 'Segmenting'}  {fraction:.0%}")
        self.notes.show_notes(())

    def show_message(self, text: str) -> None:
        """No run is under way; say why."""
        self.progress.hide()
        self.status.set_text(text)
        self.notes.show_notes(())

    def show_result(self, origin: Origin, title: str, amount: str) -> None:
        """What a run gave and what made it."""
        self.progress.hide()
        where = f"{origin.engine} · {origin.device} · {origin.precision}"
        made = "\n".join((title, f"weights {origin.weights_sha256[:12]}", where, *origin.postprocess))
        self.status.set_text(f"{amount} in {origin.seconds:.1f} s", made)
        self.notes.show_notes(origin.warnings)

    def _model_chosen(self) -> None:
        self._show_model()
        self.options_changed.emit()

    def _show_model(self) -> None:
        chosen = self.chosen_model
        self.model.setToolTip(chosen.title if chosen else "No usable model is installed")


def _choices(entries: dict[str, str], name: str, accessible: str, tip: str) -> ComboBox:
    combo = ComboBox()
    for key, text in entries.items():
        combo.addItem(text, key)
    named(combo, name, accessible, tip)
    return combo
