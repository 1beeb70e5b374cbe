"""The window is killed while a network trains, and the trainer after it: nothing of the training is lost."""

import csv
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from display import Display, needs_display, wait_until
from driven_wizard import SECONDS, Program

from tests.unit.lgg_layout import write_patient
from tumorview.app import tasks
from tumorview.app.settings_store import default_folder
from tumorview.app.training_flow import TRAINING_NAME
from tumorview.app.training_plan import TrainingPlan
from tumorview.app.training_process import trainer_of
from tumorview.ml.checkpoint import load_checkpoint
from tumorview.ml.recipes import load_recipe
from tumorview.ml.trainer import train

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900), needs_display]
STEPS, EVERY = 40, 4
CLOCK = ("seconds", "images_per_second")


@pytest.fixture(autouse=True)
def _alike(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread here and in the processes: sums of other order are other figures."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    """A training as the wizard leaves it on the page of the run, small enough for a minute."""
    for number in range(5):
        write_patient(tmp_path / "data", f"P{number}", slices=4, seed=number + 1)
    options = tasks.PrepareOptions(base_model="", epochs=1, device="cpu")
    made = tasks.prepare_training([tmp_path / "data"], default_folder() / TRAINING_NAME, options)
    found = TrainingPlan.load(Path(made["run"]))
    lines = {"width": 2, "size": 64, "batch": 4, "steps": STEPS, "evaluate_every": EVERY}
    text = found.recipe_file.read_text().splitlines()
    small = [f"{key} = {lines[key]}" if (key := line.partition(" ")[0]) in lines else line for line in text]
    found.recipe_file.write_text("\n".join(small))
    return found


def figures(run: Path) -> dict[int, dict[str, str]]:
    """The validations by step, without what depends on the clock."""
    path = run / "metrics.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dice_pooled"] is not None]
    return {int(row["total_step"]): {key: row[key] for key in row if key not in CLOCK} for row in rows}


def opened(display: Display) -> Program:
    """The program with its wizard, which is on the training that was left."""
    program = Program(display)
    program.until(lambda told: told["controls"], "the window is there")
    program.keys("TumorView", "ctrl+k")
    program.until(lambda told: "palette_list" in told["controls"], "the command palette is open")
    display.do("type", "train a model")
    display.do("key", "Return")
    program.until(lambda told: told.get("page") == "run", "the wizard is on the page of the run")
    return program


def test_the_window_killed_in_an_epoch_and_then_the_trainer_the_run_ends_as_if_nothing_had_been(
    display: Display, plan: TrainingPlan, tmp_path: Path
) -> None:
    run = plan.run_folder
    first = opened(display)
    first.click("training_start_button")
    first.until(lambda told: len(figures(run)) >= 2, "it has validated")
    trainer = trainer_of(run)
    first.process.send_signal(signal.SIGKILL)
    first.stop()
    assert trainer is not None
    assert trainer.alive
    seen = len(figures(run))
    wait_until(lambda: len(figures(run)) > seen, SECONDS, "it trains on without a window")
    os.kill(trainer.pid, signal.SIGSTOP)  # on a fast machine it would end before the next window is there

    second = opened(display)
    try:
        second.until(lambda told: told["training"] == "running", "the new window has found the run")
        os.kill(trainer.pid, signal.SIGKILL)
        second.until(lambda told: told["training"] == "failed", "the new window knows that it was killed")
        assert load_checkpoint(run / "last.safetensors").state.total_step < STEPS
        second.click("training_offer_resume")
        second.until(lambda told: told["training"] == "finished", "it is resumed and ends")
        program_said = second.stop()
    finally:
        second.stop()
    assert "Traceback" not in program_said
    train([plan.data_folder], tmp_path / "whole", load_recipe(plan.recipe_file), device="cpu")
    assert figures(run) == figures(tmp_path / "whole")
    assert max(figures(run)) == STEPS
