"""The wizard's last page: is the new model better on patients it has not seen? Then it is named and installed."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QLabel,
    QProgressBar,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from tumorview.app.comparison import Comparison
from tumorview.app.comparison_process import compare_in_child
from tumorview.app.jobs import Job, JobContext
from tumorview.app.model_comparison import RunContents, kept_comparison
from tumorview.app.model_store import ModelStore, StoredModel
from tumorview.app.training_plan import TrainingPlan
from tumorview.errors import TumorViewError
from tumorview.gui import icons, messages, theme
from tumorview.gui.job_runner import Handlers, JobProgress
from tumorview.gui.model_describe import name_field, notes_field
from tumorview.gui.widgets import CheckBox, command_button, label, named, row
from tumorview.gui.wizard.figure_table import FigureTable
from tumorview.gui.wizard.page import WizardPage, WizardServices
from tumorview.gui.wizard.paired_plot import PairedPlot
from tumorview.gui.wizard.worst_cases import WorstCasesView

COMPARE, INSTALL = "training_compare", "training_install"
_OTHER_DEFAULT = "This was measured against {}, which is not the default now: compare again to make it the default."
_UNCOMPARED = "Without a comparison the new model is installed as a candidate."


class ResultPage(WizardPage):
    """Compares the run's model with the default and installs it.

    ``store`` takes the place of the user's models, ``compare`` that of a comparison in a process of its own.
    """

    title = "Result"
    lead = "Old and new model on the held-out patients, which neither training nor the choice of weights has seen."

    def __init__(
        self,
        run_folder: Path,
        services: WizardServices,
        parent: QWidget | None = None,
        *,
        store: ModelStore | None = None,
        compare: Callable[..., Comparison] = compare_in_child,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("training_result_page")
        self._run, self._services = run_folder, services
        self._store = store or ModelStore.in_folder(services.models_folder)
        self._compare = compare
        self._reference: Path | None = None  # data like the old model's own, where the user has named some
        self.comparison: Comparison | None = None
        self.installed: StoredModel | None = None
        self._current = True  # the comparison was with the default of now
        self._named = False
        self._build()
        self._lay_out()
        services.jobs.progressed.connect(self._progressed)
        self._show_state()

    # -- the page's protocol -----------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether nothing is under way."""
        return not self._working

    def enter(self) -> None:
        """Show what was compared before, or compare now."""
        if self._working:
            return
        if not self.name.text():
            with contextlib.suppress(TumorViewError):  # a run of the command line has no name yet
                self.name.setText(TrainingPlan.load(self._run).name)
        self.compare(anew=False)

    def leave(self) -> None:
        """Stop comparing; it starts anew when the page comes back."""
        self._services.jobs.cancel_group(COMPARE)

    @property
    def _working(self) -> bool:
        jobs = self._services.jobs
        return jobs.is_running(COMPARE) or jobs.is_running(INSTALL)

    # -- widgets -----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.verdict = label("", wrap=True)
        self.verdict.setObjectName("result_verdict")
        theme.scaled(self.verdict, 1.15, bold=True)
        self.verdict_icon = QLabel()
        self.verdict_icon.setFixedWidth(28)
        self.grounds = label("", dim=True, wrap=True)
        self.grounds.setObjectName("result_grounds")
        self.notes_line = label("", warning=True, wrap=True)
        self.notes_line.setObjectName("result_notes")
        self.table, self.plot, self.worst = FigureTable(), PairedPlot(), WorstCasesView()
        self.bar = QProgressBar()
        named(self.bar, "result_progress", "Progress of the comparison")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar_text = label("", dim=True)
        self.bar_text.setObjectName("result_progress_text")
        self.bar_text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.cancel = command_button("Cancel", "result_cancel", "Stop comparing", self.leave)
        self.again = command_button("&Compare Again", "result_compare", "Measure both models once more", self.compare)
        self.elsewhere = command_button(
            "Cost &Elsewhere…", "result_reference",
            "Also measure on a folder of data like those that the old model was made for", self._choose_reference,
        )  # fmt: skip
        self.name, self.notes = name_field(), notes_field()
        self.notes.setFixedHeight(52)
        self.as_default = CheckBox("Make it the &default")
        named(self.as_default, "result_default", "Make it the default", "Segment with it unless another one is chosen")
        self.install = command_button(
            "&Install", "result_install", "Keep the new model in the viewer", self.install_model
        )
        self.install.setProperty("primary", True)
        self.install.setMinimumHeight(30)
        self.installed_line = label("", wrap=True)
        self.installed_line.setObjectName("result_installed")
        self.name.textChanged.connect(lambda _: self._show_install())
        self.name.textEdited.connect(lambda _: setattr(self, "_named", True))

    def _lay_out(self) -> None:
        waiting = QWidget()
        middle = QVBoxLayout(waiting)
        middle.addStretch(1)
        middle.addWidget(self.bar)
        middle.addWidget(self.bar_text)
        middle.addLayout(row(1, self.cancel, 1))
        middle.addStretch(2)
        self.results = QSplitter(Qt.Orientation.Vertical)
        self.results.setChildrenCollapsible(False)
        figures = QSplitter()
        figures.setChildrenCollapsible(False)
        figures.addWidget(self.table)
        figures.addWidget(self.plot)
        figures.setSizes([600, 300])
        self.results.addWidget(figures)
        self.results.addWidget(self.worst)
        self.results.setSizes([250, 250])
        self.stack = QStackedWidget()
        for page in (waiting, self.results):
            self.stack.addWidget(page)
        head = QVBoxLayout()
        head.setSpacing(2)
        for line in (self.verdict, self.grounds, self.notes_line):
            head.addWidget(line)
        top = row(self.verdict_icon, spacing=theme.GRID)
        top.addLayout(head, 1)
        for button in (self.elsewhere, self.again):
            top.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID)
        column.addLayout(top)
        column.addWidget(self.stack, 1)
        column.addLayout(self._form())

    def _form(self) -> QGridLayout:
        form = QGridLayout()
        form.setHorizontalSpacing(theme.GRID)
        form.setVerticalSpacing(4)
        for line, (text, field) in enumerate((("&Name", self.name), ("N&otes", self.notes))):
            head = label(text)
            head.setBuddy(field)
            form.addWidget(head, line, 0, Qt.AlignmentFlag.AlignTop if line else Qt.AlignmentFlag.AlignVCenter)
            form.addWidget(field, line, 1)
        form.addWidget(self.as_default, 0, 2)
        form.addWidget(self.install, 0, 3)
        form.addWidget(self.installed_line, 1, 2, 1, 2, Qt.AlignmentFlag.AlignTop)
        form.setColumnStretch(1, 3)
        form.setColumnStretch(3, 1)
        form.setColumnMinimumWidth(3, 150)
        return form

    # -- comparing ---------------------------------------------------------------------------------------------

    def compare(self, *, anew: bool = True) -> None:
        """Compare in the background; what was measured of these weights before is taken, unless ``anew``."""
        run, store, settings, compare = self._run, self._store, self._services.settings(), self._compare
        reference = self._reference
        cache, models = self._services.folder / "cache", self._services.models_folder

        def work(context: JobContext) -> tuple[RunContents, Comparison, StoredModel | None, bool]:
            contents = RunContents.read(run)
            found = None if anew else kept_comparison(contents)
            found = found or compare(
                run, device=settings.device, engine=settings.engine, models=models, cache=cache, reference=reference,
                context=context,
            )  # fmt: skip
            defaults = {one.entry.card.weights_sha256 for one in store.models() if one.default_for and one.entry.card}
            current = bool(defaults & {found.old.weights_sha256, found.new.weights_sha256})
            return contents, found, store.with_weights(found.new.weights_sha256), current

        self.comparison = None
        handlers = Handlers(done=self._compared, failed=self._failed, cancelled=self._cancelled)
        self._services.jobs.start(Job("Comparing the models", work, exclusive=COMPARE), handlers)
        self._show_state()

    def _choose_reference(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Data like those of the old model, in the LGG layout")
        if folder:
            self._reference = Path(folder)
            self.compare()

    def _progressed(self, report: JobProgress) -> None:
        if report.job.exclusive == COMPARE:
            self.bar.setValue(round(1000 * report.fraction))
            self.bar_text.setText(report.text)

    def _compared(self, result: tuple[RunContents, Comparison, StoredModel | None, bool]) -> None:
        contents, comparison, self.installed, self._current = result
        self.comparison = comparison = _masked(comparison) if self._services.settings().hide_identity else comparison
        if self.installed is not None:
            self.name.setText(self.installed.title)
            self.notes.setPlainText(self.installed.own_notes)
        elif not self._named:
            self.name.setText(contents.name or comparison.new.title)
        self.table.show_comparison(comparison)
        self.plot.show_pairs(comparison.pairs, comparison.test.margin)
        self.worst.show_cases(comparison.worst)
        self.as_default.setChecked(self._passes)
        self._show_state()

    def _failed(self, error: Exception) -> None:
        self._show_state()
        if isinstance(error, TumorViewError):
            self._say("The models could not be compared.", str(error), broken=True)
        else:
            self._say("The models could not be compared.", _UNCOMPARED, broken=True)
            messages.show_error(self, error)

    def _cancelled(self) -> None:
        self._show_state()

    # -- showing -----------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        comparing = self._services.jobs.is_running(COMPARE)
        comparison = self.comparison
        self.stack.setVisible(comparing or comparison is not None)
        self.stack.setCurrentIndex(0 if comparing else 1)
        self.again.setVisible(not comparing)
        self.elsewhere.setVisible(comparison is not None)
        self.again.setText("&Compare Again" if comparison is not None else "&Compare")
        if comparing:
            self.bar.setValue(0)
            self._say("Comparing the old and the new model", "This takes a few minutes; the viewer stays usable.")
        elif comparison is None:
            self._say("Not compared yet", _UNCOMPARED)
        else:
            first, *others = comparison.test.sentences
            self._say(first, " ".join(others), passed=comparison.test.verdict.passes, judged=True)
            stale = () if self._current else (_OTHER_DEFAULT.format(comparison.old.title),)
            self.notes_line.setText(" ".join((*stale, *comparison.notes)))
        self._show_install()
        self.changed.emit()

    def _say(
        self, headline: str, grounds: str, *, passed: bool = False, judged: bool = False, broken: bool = False
    ) -> None:
        c = theme.colours()
        self.verdict.setText(headline)
        self.grounds.setText(grounds)
        self.notes_line.setText("")
        name, colour = ("passed", c.accent_hover) if passed else ("warning", c.amber)
        name, colour = ("error", c.red) if broken else (name, colour)
        picture = icons.icon(name, colour).pixmap(24, 24) if judged or broken else icons.icon("compare").pixmap(24, 24)
        self.verdict_icon.setPixmap(picture)

    def _show_install(self) -> None:
        passes = self._passes
        ready = not self._working and (self._run / "model.safetensors").is_file()
        there = self.installed is not None
        self.install.setEnabled(ready and not there and bool(self.name.text().strip()))
        self.install.setText("&Install" if passes else "&Install as Candidate")
        for field in (self.name, self.notes):
            field.setEnabled(not there)
        self.as_default.setEnabled(passes and not there)
        if not passes:
            self.as_default.setChecked(False)
        self.as_default.setToolTip(
            "Segment with it unless another one is chosen" if passes else "Only a model that is not worse may be it"
        )
        if self.installed is not None:
            standing = (
                "the default" if self.installed.default_for else "a candidate" if self.installed.candidate else ""
            )
            self.installed_line.setText(
                f"Installed as {self.installed.title}{f', {standing}' if standing else ''}. Segment, Models shows it."
            )

    @property
    def _passes(self) -> bool:
        """Whether the new model may become the default: it passed, against the default of now."""
        return self.comparison is not None and self.comparison.test.verdict.passes and self._current

    # -- installing --------------------------------------------------------------------------------------------

    def install_model(self) -> None:
        """Install the weights under the name given, in the background."""
        run, store, comparison = self._run, self._store, self.comparison
        title, notes, as_default = self.name.text(), self.notes.toPlainText(), self.as_default.isChecked()

        def work(_: JobContext) -> StoredModel:
            parent = RunContents.read(run).base_model
            known = {model.id for model in store.models()}
            model = store.install_run(
                run, title=title, notes=notes, comparison=comparison, parent=parent if parent in known else ""
            )
            return store.set_default(model.id) if as_default else model

        handlers = Handlers(done=self._is_installed, failed=self._not_installed, cancelled=self._show_state)
        self._services.jobs.start(Job("Installing the model", work, exclusive=INSTALL), handlers)
        self._show_state()

    def _is_installed(self, model: StoredModel) -> None:
        self.installed = model
        self._services.models_changed()
        self._show_state()

    def _not_installed(self, error: Exception) -> None:
        if self.comparison is not None:  # it may be there, and only not be the default
            self.installed = self._store.with_weights(self.comparison.new.weights_sha256)
        self._services.models_changed()
        self._show_state()
        messages.show_error(self, error)


def _masked(comparison: Comparison) -> Comparison:
    """With numbers in place of the patients' titles."""
    numbers = {pair.id: f"Patient {number}" for number, pair in enumerate(comparison.pairs, 1)}
    pairs = tuple(replace(pair, title=numbers[pair.id]) for pair in comparison.pairs)
    worst = tuple(replace(case, title=numbers[case.patient]) for case in comparison.worst)
    return replace(comparison, pairs=pairs, worst=worst)
