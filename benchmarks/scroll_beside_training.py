"""How the window scrolls while a training run works on the same processor: wheel step to painted frame, 2x2 layout.

Measured in turn, so that whatever else the machine does meets them alike: without training; beside a run as the window
starts it (``--background``: lowest priority, one core left free); the same on all cores; with ``--plain`` also with
usual priority. The network is of width 32 at 256x256 with batches of 4, not compiled, which would take minutes each.
``python benchmarks/scroll_beside_training.py --rounds 3``
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication, QPointF
from PySide6.QtWidgets import QApplication

from tumorview.app.layouts import Layout
from tumorview.app.session import Session
from tumorview.app.training_events import RunState
from tumorview.app.training_run import TrainingRun
from tumorview.core.slicing import Plane
from tumorview.gui import bench
from tumorview.ml.recipes import DataSettings, ModelSettings, Phase, Recipe, load_recipe, recipe_text

BUDGET_MS = 33.0
PATIENCE_SECONDS = 900.0
NOTHING, BACKGROUND, ALL_CORES, PLAIN = "no training", "in the background", "the same on all cores", "usual priority"


class PlainRun(TrainingRun):
    """The same process without making way."""

    def _words(self, recipe: Path) -> list[str]:
        return [word for word in super()._words(recipe) if word != "--background"]


def write_data(folder: Path) -> None:
    """Three patients of noise with a bright block, in the LGG layout."""
    random = np.random.default_rng(0)
    for patient in range(3):
        name = f"P{patient}"
        (folder / name).mkdir(parents=True)
        for number in range(1, 9):
            image = random.integers(30, 120, (256, 256, 3), dtype=np.uint8)
            mask = np.zeros((256, 256), np.uint8)
            mask[90 : 120 + 5 * number, 80 : 120 + 9 * patient] = 255
            image[mask > 0, 1] = 250
            Image.fromarray(image).save(folder / name / f"{name}_{number}.tif")
            Image.fromarray(mask).save(folder / name / f"{name}_{number}_mask.tif")


def write_recipe(path: Path) -> None:
    """A run of steps that take a second, for longer than this takes, with the augmentation of the bundled model."""
    phase = Phase(size=256, steps=100_000, batch=4, lr=1e-4, evaluate_every=100_000)
    recipe = Recipe("beside", "Beside the window", (phase,), model=ModelSettings(width=32),
                    data=DataSettings(validation=("P2",)), augment=load_recipe("lgg").augment)  # fmt: skip
    path.write_text(recipe_text(recipe))


def moving(run: TrainingRun) -> None:
    """Wait until steps are made."""
    end = time.monotonic() + PATIENCE_SECONDS
    while run.progress is None:
        state = run.poll()
        if state is RunState.FAILED or time.monotonic() > end:
            raise SystemExit(f"the training did not start: {run.failure}")
        time.sleep(0.2)


def ended(run: TrainingRun) -> None:
    """Wait until its process is gone."""
    while run.poll() in (RunState.STARTING, RunState.RUNNING, RunState.STOPPING):
        time.sleep(0.1)


def scroll(session: Session, repeats: int, pause: float) -> list[float]:
    """Milliseconds of wheel steps, a hand's time apart."""
    milliseconds = []
    with bench._window(session, Layout.QUAD) as grid:
        view = grid.view(Plane.AXIAL)
        watch, place = bench.FrameWatch(view), QPointF(view.rect().center())
        for number in range(repeats):
            until = time.perf_counter() + pause
            while time.perf_counter() < until:
                QCoreApplication.processEvents()
                time.sleep(0.001)
            start = time.perf_counter()
            QCoreApplication.sendEvent(view, bench._wheel(view, place, -120 if number % 100 < 50 else 120))
            watch.wait()
            milliseconds.append((time.perf_counter() - start) * 1000)
    return milliseconds


def main() -> None:
    """Measure in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.03, help="seconds between wheel steps")
    parser.add_argument("--plain", action="store_true", help="also with usual priority")
    chosen = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["PATH"] = ""  # without a compiler
    application = QApplication([])
    session = bench.example_session()
    names = [NOTHING, BACKGROUND, ALL_CORES, *([PLAIN] if chosen.plain else [])]
    measured: dict[str, list[float]] = {name: [] for name in names}
    speeds: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_data(root / "data")
        write_recipe(root / "recipe.toml")
        for turn in range(chosen.rounds):
            for number, name in enumerate(names):
                if name == NOTHING:
                    measured[name] += scroll(session, chosen.repeats, chosen.pause)
                    continue
                os.environ.pop("OMP_NUM_THREADS", None)
                if name == ALL_CORES:
                    os.environ["OMP_NUM_THREADS"] = str(os.cpu_count() or 2)
                kind = PlainRun if name == PLAIN else TrainingRun
                run = kind(root / f"run{turn}{number}", [root / "data"], root / "recipe.toml", device="cpu")
                run.start()
                try:
                    moving(run)
                    measured[name] += scroll(session, chosen.repeats, chosen.pause)
                    run.poll()
                    speeds[name].append(run.progress.images_per_second if run.progress else 0.0)
                finally:
                    run.kill()
                    ended(run)
    application.processEvents()
    for name, values in measured.items():
        median, late, most = np.percentile(values, (50, 95, 100))
        known = [one for one in speeds[name] if one > 0]  # a first step has no speed yet
        speed = f"{np.mean(known):.2f} slices/s" if known else ""
        print(f"{name:30} median {median:6.1f} ms  p95 {late:6.1f} ms  longest {most:6.1f} ms  "
              f"({BUDGET_MS / late:.2f} of the budget of {BUDGET_MS:.0f} ms)  {speed}")  # fmt: skip


if __name__ == "__main__":
    main()
