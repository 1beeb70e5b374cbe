"""The wizard's page of a run: what it draws, what its buttons do, and that it never waits for the disk."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from tumorview.app.training_events import Curves, RunState, Validated
from tumorview.app.training_process import trainer_of
from tumorview.app.training_run import TrainingRun
from tumorview.gui import theme
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.widgets import CheckBox
from tumorview.gui.wizard import run_page
from tumorview.gui.wizard.curves import CurvesView
from tumorview.gui.wizard.run_page import RunPage
from tumorview.ml.recipes import Phase, Recipe, load_recipe, recipe_text
from tumorview.ml.samples import SampleSet, write_samples
from tumorview.ml.training_report import ValidationScores

ROOT = Path(__file__).resolve().parents[2]
FAKE = [sys.executable, str(ROOT / "tests" / "unit" / "fake_trainer.py")]
ENDLESS = "100000 done"
TIMEOUT = 20_000
MakePage = Callable[[], RunPage]


@pytest.fixture
def make_page(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePage]:
    """Pages of one run, shown one after another as windows come and go; nothing is left running."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(run_page, "LOOK_MS", 20)
    (tmp_path / "recipe.toml").write_text(recipe_text(Recipe("fake", "Fake", (Phase(32, 8, 6, 0.3),))))
    made: list[tuple[RunPage, JobRunner, TrainingRun]] = []

    def make() -> RunPage:
        jobs = JobRunner(lambda: None)
        page = RunPage(jobs)
        run = TrainingRun(tmp_path / "run", [tmp_path], tmp_path / "recipe.toml", command=FAKE)
        made.append((page, jobs, run))
        page.resize(1000, 700)
        page.set_run(run)
        page.enter()
        page.show()
        return page

    yield make
    for page, jobs, run in made:
        child = run._child
        page.retire()
        jobs.shutdown()
        page.close()
        page.deleteLater()
        if child is not None:
            child.kill()
            child.wait()
    if (left := trainer_of(tmp_path / "run")) is not None:
        left.kill()


def part(page: RunPage, name: str, kind: type[QWidget] = QPushButton) -> QWidget:
    found = page.findChild(kind, name)
    assert found is not None, name
    return found


def press(qtbot: QtBot, page: RunPage, name: str) -> None:
    button = part(page, name)
    qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled(), timeout=TIMEOUT)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def until(qtbot: QtBot, page: RunPage, *states: RunState) -> None:
    qtbot.waitUntil(lambda: page.run.state in states, timeout=TIMEOUT)


def text(page: RunPage, name: str) -> str:
    return part(page, name, QLabel).text()


def test_a_run_from_start_to_end(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", "6 done")
    page = make_page()
    assert text(page, "training_state") == "Ready to train"
    assert not page.complete
    with qtbot.waitSignal(page.changed, timeout=TIMEOUT):
        press(qtbot, page, "training_start_button")
    until(qtbot, page, RunState.FINISHED)
    assert page.complete
    assert text(page, "training_state") == "Finished"
    assert "step 6 of 6" in text(page, "training_numbers")
    assert "best Dice 0.500 (step 2)" in text(page, "training_numbers")
    steps, losses = page._curves.loss.lines["loss"].getData()
    assert steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert losses.tolist() == [1 / step for step in range(1, 7)]
    assert page._curves.dice.lines["flair"].getData()[1].tolist() == [0.3] * 3
    assert not part(page, "training_start_button").isVisible()


def test_pause_and_resume(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    page = make_page()
    press(qtbot, page, "training_start_button")
    until(qtbot, page, RunState.RUNNING)
    press(qtbot, page, "training_pause_button")
    until(qtbot, page, RunState.PAUSED)
    assert trainer_of(page.run.folder) is None
    assert part(page, "training_start_button").text() == "Resume"
    before = page.run.progress.total_step
    press(qtbot, page, "training_start_button")
    qtbot.waitUntil(lambda: page.run.progress.total_step > before, timeout=TIMEOUT)
    press(qtbot, page, "training_stop_button")
    until(qtbot, page, RunState.STOPPED)
    assert page.complete


def test_the_keyboard_reaches_every_button(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    page = make_page()
    page.activateWindow()
    start = part(page, "training_start_button")
    start.setFocus()
    qtbot.keyClick(start, Qt.Key.Key_Space)
    until(qtbot, page, RunState.RUNNING)
    qtbot.waitUntil(lambda: part(page, "training_stop_button").isEnabled(), timeout=TIMEOUT)
    reached = set()
    for _ in range(12):
        qtbot.keyClick(QApplication.focusWidget() or page, Qt.Key.Key_Tab)
        reached.add((QApplication.focusWidget() or page).objectName())
    assert {"training_pause_button", "training_stop_button", "training_goes_on"} <= reached
    for button in page.findChildren(QPushButton):
        assert button.accessibleName()


@pytest.mark.parametrize("goes_on", [True, False])
def test_closing_the_window(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch, goes_on: bool):
    """It goes on and is found again by the next window, or saves and waits to be resumed."""
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    page = make_page()
    press(qtbot, page, "training_start_button")
    until(qtbot, page, RunState.RUNNING)
    part(page, "training_goes_on", CheckBox).setChecked(goes_on)
    page.retire()
    again = make_page()
    until(qtbot, again, RunState.RUNNING if goes_on else RunState.PAUSED)
    assert len(again.run.curves.loss) >= 1


def test_a_failure_offers_what_helps(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", "3 TrainingMemoryError")
    page = make_page()
    press(qtbot, page, "training_start_button")
    until(qtbot, page, RunState.FAILED)
    assert text(page, "training_failure_message") == "It was TrainingMemoryError."
    assert "goes on from step 2" in text(page, "training_failure_remedy")
    monkeypatch.setenv("FAKE_TRAINER", "5 done")
    press(qtbot, page, "training_offer_half_batch")
    until(qtbot, page, RunState.FINISHED)
    assert not part(page, "training_failure", QWidget).isVisible()
    words = json.loads((page.run.folder / "words.json").read_text())
    assert load_recipe(words[words.index("--recipe") + 1]).phases[0].batch == 3


def test_a_failure_leads_back_to_the_recipe(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", "3 TrainingDivergedError")
    page = make_page()
    press(qtbot, page, "training_start_button")
    until(qtbot, page, RunState.FAILED)
    with qtbot.waitSignal(page.revise_requested, timeout=TIMEOUT):
        press(qtbot, page, "training_offer_revise")


def test_a_crash_has_details(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", "1 abort")
    page = make_page()
    press(qtbot, page, "training_start_button")
    until(qtbot, page, RunState.FAILED)
    details = part(page, "training_failure_details", QWidget)
    assert not details.isVisible()
    press(qtbot, page, "training_details_button")
    assert details.isVisible()
    assert "something broke" in details.toPlainText()


def test_a_run_that_cannot_start_says_why(qtbot: QtBot, make_page: MakePage, tmp_path: Path):
    (tmp_path / "run").write_text("in the way")
    page = make_page()
    press(qtbot, page, "training_start_button")
    qtbot.waitUntil(lambda: "could not be started" in text(page, "training_failure_message"), timeout=TIMEOUT)
    assert part(page, "training_start_button").isEnabled()


def test_a_run_that_does_not_answer_may_be_ended(qtbot: QtBot, make_page: MakePage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_TRAINER", ENDLESS)
    monkeypatch.setattr(run_page, "ANSWER_SECONDS", 0.0)
    page = make_page()
    press(qtbot, page, "training_start_button")
    until(qtbot, page, RunState.RUNNING)
    monkeypatch.setattr(TrainingRun, "_state", lambda self, alive: RunState.STOPPING if alive else RunState.PAUSED)
    press(qtbot, page, "training_pause_button")
    until(qtbot, page, RunState.STOPPING, RunState.PAUSED)
    if page.run.state is RunState.STOPPING:  # it may be quicker than the button
        press(qtbot, page, "training_end_button")
    until(qtbot, page, RunState.PAUSED)


def samples(step: int) -> SampleSet:
    images = np.zeros((2, 32, 32), np.uint8)
    images[:, 4:28, 6:26] = 90
    truth = np.zeros((2, 32, 32), bool)
    truth[:, 10:18, 10:20] = True
    return SampleSet(step, images, truth, (truth * min(step, 255)).astype(np.uint8))


def test_samples_are_shown_and_can_be_looked_back_through(qtbot: QtBot, make_page: MakePage, tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    for step in (0, 100, 200):
        write_samples(folder, samples(step))
    page = make_page()
    qtbot.waitUntil(lambda: page._samples.shown == 200, timeout=TIMEOUT)
    pictures, slider = part(page, "training_samples", QWidget), part(page, "training_samples_slider", QWidget)
    with_mask = pictures.grab().toImage()
    slider.setValue(0)
    qtbot.waitUntil(lambda: page._samples.shown == 0, timeout=TIMEOUT)
    assert text(page, "training_samples_step") == "before training"
    assert pictures.grab().toImage() != with_mask  # the network found nothing before training
    write_samples(folder, samples(250))
    qtbot.waitUntil(lambda: slider.maximum() == 3, timeout=TIMEOUT)
    assert page._samples.shown == 0  # whoever looks back is left alone
    slider.setValue(3)
    qtbot.waitUntil(lambda: page._samples.shown == 250, timeout=TIMEOUT)


def test_a_run_of_the_command_line_has_a_loss_and_a_rate_at_its_validations(qtbot: QtBot):
    view, curves = CurvesView(), Curves()
    qtbot.addWidget(view)
    scores = ValidationScores(0.5, 0.4, 0.3, {})
    for step, loss in ((0, None), (10, 0.8), (20, 0.4)):
        curves.add(Validated(step, 1, loss, step / 1000, scores))
    view.show_curves(curves, None)
    assert [points.tolist() for points in view.loss.lines["loss"].getData()] == [[10, 20], [0.8, 0.4]]
    assert [points.tolist() for points in view.rate.lines["lr"].getData()] == [[10, 20], [0.01, 0.02]]


def test_the_curves_follow_the_theme(qtbot: QtBot, make_page: MakePage, qapp: QApplication):
    page = make_page()
    try:
        theme.apply(qapp, "light")
        qtbot.waitUntil(lambda: page._curves._dressed is theme.LIGHT, timeout=TIMEOUT)
        picture = page._curves.loss.grab().toImage()
        assert picture.pixelColor(3, 3).name() == theme.LIGHT.panel
    finally:
        theme.apply(qapp, "dark")
