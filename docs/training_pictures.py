"""Takes the pictures of a training run: half way, and after it was killed. Trains the quick recipe for a minute.

usage: .venv/bin/python docs/training_pictures.py DATA [FOLDER]     (DATA: some patients in the LGG layout)
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from make_screenshots import quantized
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from tumorview.app.training_events import RunState
from tumorview.app.training_run import TrainingRun
from tumorview.gui import theme
from tumorview.gui.job_runner import JobRunner
from tumorview.gui.wizard.run_page import RunPage
from tumorview.resources import resource_path

SIZE = 1000, 700
HALF_WAY = 200  # steps
PATIENCE_SECONDS = 1800.0


class QuickRun(TrainingRun):
    """With usual priority: nobody reads meanwhile."""

    def _words(self, recipe: Path) -> list[str]:
        return [word for word in super()._words(recipe) if word != "--background"]


def wait(condition: Callable[[], bool]) -> None:
    """Let the page work until something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the run did not get there")
        QCoreApplication.processEvents()
        time.sleep(0.02)


def keep(window: QWidget, path: Path) -> None:
    """Write a picture of the window."""
    window.grab().save(str(path))
    quantized(path)


def main(data: Path, target: Path) -> None:
    """Train, look, kill, look."""
    application = QApplication([])
    theme.apply(application, "dark")
    jobs = JobRunner(lambda: None)
    window = QWidget()
    layout = QVBoxLayout(window)
    layout.setContentsMargins(16, 16, 16, 16)
    page = RunPage(jobs)
    layout.addWidget(page)
    window.resize(*SIZE)
    window.show()
    with tempfile.TemporaryDirectory() as folder:
        run = QuickRun(Path(folder) / "run", [data], resource_path("recipes", "quick.toml"))
        page.set_run(run)
        page.enter()
        wait(lambda: page.run is run and run.state is RunState.NEW)
        run.start()
        wait(lambda: run.progress is not None and run.progress.total_step >= HALF_WAY and run.state.alive)
        wait(lambda: max(run.curves.validations, default=0) >= HALF_WAY and page._samples.shown is not None)
        keep(window, target / "training-run.png")
        child = run._child
        child.kill()
        wait(lambda: run.state is RunState.FAILED)
        QCoreApplication.processEvents()
        keep(window, target / "training-run-failure.png")
        page.retire()
    jobs.shutdown()
    window.close()


if __name__ == "__main__":
    images = Path(__file__).parent / "images"
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else images)
