"""The wizard's result page alone: it compares, says what came out, and installs only what may be installed."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import TIMEOUT
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from tests.unit.finished_runs import write_installed, write_run
from tests.unit.lgg_layout import write_patient
from tumorview.app import model_comparison, tasks
from tumorview.app.comparison import COMPARISON_NAME, Comparison
from tumorview.app.model_store import ModelStore
from tumorview.app.session import Session
from tumorview.app.settings import Settings
from tumorview.app.training_plan import PlannedCase, Side, TrainingPlan
from tumorview.gui import theme
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.wizard.page import WizardServices
from tumorview.gui.wizard.result_page import ResultPage
from tumorview.ml import engines
from tumorview.ml.engines import FunctionEngine
from tumorview.ml.recipes import load_recipe
from tumorview.ml.registry import ModelRegistry

TEST = tuple(f"case-{n}" for n in range(4, 9))


class Networks:
    """Stands in for both networks: tumour where FLAIR is brighter than a level; can be held, or made to fail."""

    def __init__(self) -> None:
        self.level = {"unet-cbam-lgg": 9.0, "new-model": 1.6}
        self.opened = 0
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def open(self, model: object, **_: object) -> FunctionEngine:
        self.opened += 1
        if self.error is not None:
            raise self.error
        level = self.level[model.card.id]

        def predict(given: np.ndarray) -> np.ndarray:
            self.gate.wait()
            tumour = (given[:, 1] > level).astype(np.float32)
            return np.stack([1 - tumour, tumour], axis=1)

        return FunctionEngine(predict)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Networks]:
    found = Networks()
    monkeypatch.setattr(engines, "open_engine", found.open)
    yield found
    found.gate.set()


@pytest.fixture(autouse=True)
def _small_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample patient of two slices instead of twenty."""
    write_patient(tmp_path / "sample", "TCGA_XX_0001_20000101", 2, seed=9)
    monkeypatch.setattr(model_comparison, "resource_path", lambda name: tmp_path / name)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = write_run(tmp_path / "run", test=TEST)
    sides = {"case-1": Side.TRAINING, "case-2": Side.TRAINING, "case-3": Side.VALIDATION}
    cases = [PlannedCase(name, f"Doe {name[-1]}", "here", name, sides.get(name, Side.TEST))
             for name in (*sides, *TEST)]  # fmt: skip
    TrainingPlan(run, "Our scanner", load_recipe("quick"), tuple(cases), "unet-cbam-lgg").save()
    for number, name in enumerate(TEST):
        write_patient(run / "data", name, 2, seed=number)
    return run


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    write_installed(tmp_path / "bundled", "unet-cbam-lgg")
    return ModelStore(ModelRegistry(tmp_path / "models", tmp_path / "bundled"))


@pytest.fixture
def page(qtbot: QtBot, run: Path, store: ModelStore, networks: Networks, tmp_path: Path) -> Iterator[ResultPage]:
    jobs = JobRunner(lambda: None)
    told: list[int] = []
    services = WizardServices(Session(), jobs, Settings, tmp_path, tmp_path / "models", lambda: told.append(1))

    def compare(run: Path, *, models: Path, **options: Any) -> Comparison:
        """In this process, where the networks are doubles."""
        assert models == services.models_folder
        return tasks.compare_run(run, models=store.registry, **options)

    page = ResultPage(run, services, store=store, compare=compare)
    page.told = told
    page.jobs = jobs
    page.resize(1000, 700)
    qtbot.addWidget(page)
    page.show()
    yield page
    networks.gate.set()
    page.retire()
    assert jobs.shutdown()
    page.close()


def finish(qtbot: QtBot, page: ResultPage) -> None:
    qtbot.waitUntil(lambda: not page.jobs.running, timeout=TIMEOUT)


def test_entering_compares_and_says_what_came_out(qtbot: QtBot, page: ResultPage) -> None:
    page.enter()
    assert not page.complete
    assert not page.install.isEnabled()
    finish(qtbot, page)
    assert page.complete
    assert page.verdict.text().startswith("Better")
    assert "5 held-out patients" in page.grounds.text()
    titles = [page.table.item(line, 0).text() for line in range(page.table.rowCount())]
    assert "Dice, mean over patients" in titles
    assert any("sample patient" in title for title in titles)
    assert page.worst.choice.count() == 5
    assert page.plot.accessibleDescription() == "5 patients rise, 0 fall, of 5"
    assert page.name.text() == "Our scanner"
    assert page.as_default.isChecked()
    assert page.table.isVisible()
    assert page.plot.isVisible()
    assert page.worst.pictures.isVisible()


def test_a_result_is_kept_and_not_measured_again(qtbot: QtBot, page: ResultPage, networks: Networks) -> None:
    page.enter()
    finish(qtbot, page)
    opened = networks.opened
    page.leave()
    page.enter()
    finish(qtbot, page)
    assert networks.opened == opened
    assert page.comparison is not None
    page.again.click()
    finish(qtbot, page)
    assert networks.opened > opened


def test_what_the_new_model_costs_is_measured_on_data_that_the_user_names(
    qtbot: QtBot, page: ResultPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.enter()
    finish(qtbot, page)
    write_patient(tmp_path / "collection", "TCGA_YY_0001_20000101", 2, seed=5)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "collection"))
    qtbot.mouseClick(page.elsewhere, Qt.MouseButton.LeftButton)
    finish(qtbot, page)
    titles = [page.table.item(line, 0).text() for line in range(page.table.rowCount())]
    assert any("collection" in title for title in titles)
    page.again.click()  # and once more without asking for the folder
    finish(qtbot, page)
    assert [cost.name for cost in page.comparison.original][1:] == ["collection"]


def test_a_result_against_a_model_that_is_not_the_default_any_more_makes_no_default(
    qtbot: QtBot, page: ResultPage, store: ModelStore, tmp_path: Path, networks: Networks
) -> None:
    page.enter()
    finish(qtbot, page)
    assert page.as_default.isEnabled()
    write_installed(tmp_path / "bundled", "unet-cbam-other", seed=7)
    networks.level["unet-cbam-other"] = 9.0
    store.set_default("unet-cbam-other")
    page.leave()
    page.enter()
    finish(qtbot, page)
    assert "not the default now" in page.notes_line.text()
    assert not page.as_default.isEnabled()
    assert page.install.text() == "&Install as Candidate"
    page.again.click()
    finish(qtbot, page)
    assert page.comparison.old.id == "unet-cbam-other"
    assert page.as_default.isEnabled()
    assert page.notes_line.text().startswith("Trained on from")


def test_cancelling_leaves_a_page_that_can_compare_again(qtbot: QtBot, page: ResultPage, networks: Networks) -> None:
    networks.gate.clear()
    page.enter()
    qtbot.waitUntil(lambda: networks.opened == 2, timeout=TIMEOUT)
    qtbot.mouseClick(page.cancel, Qt.MouseButton.LeftButton)
    assert page.complete
    assert page.verdict.text() == "Not compared yet"
    assert page.install.isEnabled()
    assert page.install.text() == "&Install as Candidate"
    networks.gate.set()
    qtbot.mouseClick(page.again, Qt.MouseButton.LeftButton)
    finish(qtbot, page)
    assert page.verdict.text().startswith("Better")


def test_leaving_the_page_ends_its_work(qtbot: QtBot, page: ResultPage, networks: Networks, run: Path) -> None:
    networks.gate.clear()
    page.enter()
    qtbot.waitUntil(lambda: networks.opened == 2, timeout=TIMEOUT)
    page.leave()
    assert not page.jobs.running
    assert not (run / COMPARISON_NAME).exists()


def test_installing_makes_it_the_default_and_tells_it(qtbot: QtBot, page: ResultPage, store: ModelStore) -> None:
    page.enter()
    finish(qtbot, page)
    page.name.clear()
    assert not page.install.isEnabled()
    page.name.setFocus()
    qtbot.keyClicks(page.name, "Bay 3 T")
    page.notes.setPlainText("new coil")
    qtbot.keyClick(page.install, Qt.Key.Key_Space)
    finish(qtbot, page)
    model = store.default()
    assert (model.title, model.own_notes) == ("Bay 3 T", "new coil")
    assert page.told == [1]
    assert "the default" in page.installed_line.text()
    assert not page.install.isEnabled()
    page.leave()
    page.enter()
    finish(qtbot, page)
    assert "Bay 3 T" in page.installed_line.text()
    assert not page.install.isEnabled()


def test_a_worse_model_can_only_be_a_candidate(
    qtbot: QtBot, page: ResultPage, networks: Networks, store: ModelStore
) -> None:
    networks.level = {"unet-cbam-lgg": 1.6, "new-model": 9.0}
    page.enter()
    finish(qtbot, page)
    assert page.verdict.text().startswith("Worse")
    assert not page.as_default.isEnabled()
    assert not page.as_default.isChecked()
    page.install.click()
    finish(qtbot, page)
    assert store.get("our-scanner").candidate
    assert store.default().id == "unet-cbam-lgg"
    assert "candidate" in page.installed_line.text()


def test_a_run_that_cannot_be_read_is_told_on_the_page(qtbot: QtBot, page: ResultPage, run: Path) -> None:
    (run / "model.json").write_text("{")
    page.enter()
    finish(qtbot, page)
    assert "could not be compared" in page.verdict.text()
    assert "cannot be read" in page.grounds.text()
    assert page.findChild(QMessageBox) is None


def test_an_installation_that_fails_can_be_tried_again(
    qtbot: QtBot, page: ResultPage, store: ModelStore, tmp_path: Path
) -> None:
    page.enter()
    finish(qtbot, page)
    (tmp_path / "models").write_text("a file is in the way")
    page.install.click()
    finish(qtbot, page)
    box = page.findChild(QMessageBox, "error_dialog")
    assert "was not written" in box.text()
    box.close()
    (tmp_path / "models").unlink()
    page.install.click()
    finish(qtbot, page)
    assert store.default().title == "Our scanner"


def test_cases_are_stepped_through_and_the_pointer_names_a_patient(qtbot: QtBot, page: ResultPage) -> None:
    page.enter()
    finish(qtbot, page)
    first = page.worst.pictures.accessibleDescription()
    assert not page.worst.back.isEnabled()
    page.worst.forth.click()
    assert page.worst.pictures.accessibleDescription() != first
    assert page.worst.back.isEnabled()
    pair = page.comparison.pairs[0]
    place = page.plot.getPlotItem().vb.mapViewToScene(QPointF(0.0, pair.old))
    found = page.plot.pair_at(place)
    assert found is not None
    assert found.old == pytest.approx(pair.old, abs=0.05)
    assert page.plot.pair_at(QPointF(-500, -500)) is None


def test_hidden_identity_hides_the_titles_of_cases(qtbot: QtBot, page: ResultPage) -> None:
    page._services = replace(page._services, settings=lambda: Settings(hide_identity=True))
    page.enter()
    finish(qtbot, page)
    assert {pair.title for pair in page.comparison.pairs} == {f"Patient {number}" for number in range(1, 6)}
    assert {page.worst.choice.itemText(n).split(",")[0] for n in range(5)} == {f"Patient {n}" for n in range(1, 6)}


def test_a_default_that_changed_meanwhile_leaves_an_installed_candidate(
    qtbot: QtBot, page: ResultPage, store: ModelStore, tmp_path: Path
) -> None:
    page.enter()
    finish(qtbot, page)
    store.import_file(write_installed(tmp_path / "elsewhere", "other", 7))
    store.set_default("other", vouch=True)
    page.install.click()
    finish(qtbot, page)
    assert "stays a candidate" in page.findChild(QMessageBox, "error_dialog").text()
    page.findChild(QMessageBox, "error_dialog").close()
    assert "candidate" in page.installed_line.text()
    assert not page.install.isEnabled()
    assert store.default().id == "other"


def test_both_themes_are_followed(qtbot: QtBot, page: ResultPage) -> None:
    page.enter()
    finish(qtbot, page)
    application = QApplication.instance()
    for name in ("light", "dark"):
        theme.apply(application, name)
        assert page.plot.backgroundBrush().color().name() == theme.colours().panel
