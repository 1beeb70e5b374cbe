"""Real training processes that are killed, run out of disk, lose their data or their numbers: resumed or explained."""

import csv
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from lgg_layout import write_data_set

from tumorview.app.training_events import RunState, Trouble
from tumorview.app.training_process import trainer_of
from tumorview.app.training_run import TrainingRun
from tumorview.ml.checkpoint import load_checkpoint
from tumorview.ml.recipes import (
    AugmentSettings,
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    Phase,
    Recipe,
    load_recipe,
    recipe_text,
)
from tumorview.ml.trainer import train

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
# Eight slices an epoch: 14 steps of 3 slices are five epochs, and validations lie inside them.
RECIPE = Recipe(
    name="survival",
    title="One phase",
    phases=(Phase(size=32, steps=14, batch=3, lr=3e-3, warmup=2, evaluate_every=2),),
    model=ModelSettings(width=4),
    data=DataSettings(validation=("XX_0002",)),
    augment=AugmentSettings(rotation_degrees=20, noise=0.05, noise_probability=0.5, all_flair=0.2),
    optimiser=OptimiserSettings(ema=0.9),
)
# The program with 600 MB more of memory than it holds once torch is loaded.
SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import tumorview.ml.trainer
from tumorview.__main__ import main

held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 600_000_000, resource.RLIM_INFINITY))
sys.exit(main())
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here"),
]


@pytest.fixture(autouse=True)
def _alike(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread here and in the processes: sums of other order are other figures."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("data"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None:
        pytest.skip("only root may mount a small disk")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=24m", "none", place], check=False).returncode:
        pytest.skip("this system mounts no tmpfs")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def run_of(folder: Path, data: Path, recipe: Recipe = RECIPE) -> TrainingRun:
    path = folder.parent / "survival.toml"
    path.write_text(recipe_text(recipe))
    return TrainingRun(folder, [data], path, device="cpu")


def follow(run: TrainingRun, *states: RunState, validations: int = 0) -> None:
    """Until it is in one of the states, or has validated so often."""
    end = time.monotonic() + PATIENCE
    while run.poll() not in states and not 0 < validations <= len(run.curves.validations):
        if time.monotonic() > end:
            run.kill()
            pytest.fail(f"{run.state} and not {states}")
        time.sleep(0.02)


def fill(path: Path) -> None:
    """Write until it does not go on."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))


def figures(run: Path) -> dict[int, dict[str, str]]:
    """The validations by step, without what depends on the clock; what was repeated counts once."""
    clock = ("seconds", "images_per_second")
    with (run / "metrics.csv").open(newline="") as file:
        return {
            int(row["total_step"]): {key: value for key, value in row.items() if key not in clock}
            for row in csv.DictReader(file)
        }


def test_killed_in_an_epoch_and_data_gone_the_run_ends_with_the_figures_of_the_uninterrupted_one(
    data_set: Path, tmp_path: Path
):
    data = shutil.copytree(data_set, tmp_path / "data")
    run = run_of(tmp_path / "run", data)
    run.start()
    follow(run, RunState.FAILED, RunState.FINISHED, validations=2)
    os.kill(trainer_of(run.folder).pid, signal.SIGKILL)
    follow(run, RunState.FAILED)
    assert run.failure.trouble is Trouble.KILLED
    saved = load_checkpoint(run.folder / "last.safetensors").state.total_step
    assert 0 < saved < RECIPE.steps
    assert f"goes on from step {saved}" in run.failure.remedy

    data.rename(tmp_path / "unplugged")
    run.start(run.failure.offers[0])
    follow(run, RunState.FAILED)
    assert run.failure.trouble is Trouble.DATA
    assert str(data) in run.failure.message

    (tmp_path / "unplugged").rename(data)
    run.start(run.failure.offers[0])
    follow(run, RunState.FINISHED)
    train([data_set], tmp_path / "whole", RECIPE)
    assert figures(run.folder) == figures(tmp_path / "whole")
    assert list(run.curves.validations) == list(range(2, RECIPE.steps + 1, 2))


def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(data_set: Path, small_disk: Path):
    run = run_of(small_disk / "run", data_set)
    run.start()
    follow(run, RunState.FAILED, RunState.FINISHED, validations=2)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        fill(ballast)
    follow(run, RunState.FAILED, RunState.FINISHED)
    assert run.state is RunState.FAILED
    assert run.failure.trouble is Trouble.STORAGE
    assert "disk" in f"{run.failure.message} {run.failure.remedy}"
    step = load_checkpoint(run.folder / "last.safetensors").state.total_step  # whole, as it was before
    ballast.unlink()
    run.start(run.failure.offers[0])
    follow(run, RunState.FINISHED)
    assert step < max(run.curves.validations) == RECIPE.steps


def test_a_loss_that_is_no_number_is_explained_and_a_lower_rate_offered(data_set: Path, tmp_path: Path):
    phase = dataclasses.replace(RECIPE.phases[0], lr=1e12, warmup=0)
    wild = dataclasses.replace(RECIPE, phases=(phase,), model=ModelSettings(width=4, norm="none"))
    run = run_of(tmp_path / "run", data_set, wild)
    run.start()
    follow(run, RunState.FAILED, RunState.FINISHED)
    assert run.failure.trouble is Trouble.DIVERGED
    offer = next(one for one in run.failure.offers if one.name == "lower_rate")
    assert load_recipe(run._recipe_for(offer)).phases[0].lr == pytest.approx(phase.lr / 3)
    assert not (run.folder / "best.safetensors").exists()  # weights that are no numbers are never kept


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process as Linux does")
def test_real_want_of_memory_in_a_step_is_explained_and_half_the_batch_goes_on_from_the_checkpoint(
    data_set: Path, tmp_path: Path
):
    small = dataclasses.replace(RECIPE.phases[0], steps=4)
    greedy = dataclasses.replace(small, size=256, batch=192, steps=1)
    recipe = dataclasses.replace(RECIPE, phases=(small, greedy))
    run = run_of(tmp_path / "run", data_set, recipe)
    run._command = [sys.executable, "-c", SHORT_OF_MEMORY]
    run.start()
    follow(run, RunState.FAILED, RunState.FINISHED)
    assert run.state is RunState.FAILED
    assert run.failure.trouble is Trouble.MEMORY
    assert f"goes on from step {small.steps}" in run.failure.remedy
    half = run.failure.offers[0]
    assert half.name == "half_batch"
    assert [phase.batch for phase in load_recipe(run._recipe_for(half)).phases] == [1, 96]

    less = dataclasses.replace(greedy, batch=2)  # other programs were closed, or the user has changed the recipe
    (run.folder / "recipe.toml").write_text(recipe_text(dataclasses.replace(recipe, phases=(small, less))))
    run.start(half)
    follow(run, RunState.FAILED, RunState.FINISHED)
    assert run.state is RunState.FINISHED
    assert list(run.curves.validations) == [2, 4, 5]
