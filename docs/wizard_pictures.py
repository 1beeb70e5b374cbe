"""Takes the pictures of the training wizard's pages: cases with their problems, the split, the recipe and its file.

usage: .venv/bin/python docs/wizard_pictures.py DATA [FOLDER]     (DATA: a dozen patients in the LGG layout)
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from make_screenshots import quantized
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from tumorview.app.training_flow import PageId
from tumorview.gui.application import create_window
from tumorview.gui.main_window import MainWindow
from tumorview.gui.wizard.data_page import DataPage
from tumorview.gui.wizard.recipe_page import RecipePage
from tumorview.gui.wizard.shell import TrainingWizard

PATIENTS = 12
PATIENCE_SECONDS = 900.0


def wait(condition: Callable[[], bool]) -> None:
    """Let the window work until something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        QCoreApplication.processEvents()
        time.sleep(0.02)
    for _ in range(10):
        QCoreApplication.processEvents()


def some_patients(data: Path, target: Path) -> Path:
    """Copies of some patients, one of them twice and one with a lost mask."""
    folders = sorted(path.parent for path in data.rglob("*_1.tif"))
    for folder in folders[:: max(1, len(folders) // PATIENTS)][:PATIENTS]:
        shutil.copytree(folder, target / "our scanner" / folder.name)
    copied = sorted((target / "our scanner").iterdir())
    shutil.copytree(copied[0], target / "our scanner" / "the same again")
    next(copied[2].glob("*_mask.tif")).unlink()
    return target / "our scanner"


def keep(wizard: TrainingWizard, path: Path) -> None:
    """Write a picture of the wizard, once it is laid out."""
    for _ in range(10):
        QCoreApplication.processEvents()
    wizard.grab().save(str(path))
    quantized(path)


def take(window: MainWindow, data: Path, target: Path) -> None:
    """Go through the wizard's first pages."""
    window.actions["train.wizard"].trigger()
    wizard = window.training.wizard
    assert wizard is not None
    cases, recipe = wizard.page(PageId.DATA), wizard.page(PageId.RECIPE)
    assert isinstance(cases, DataPage)
    assert isinstance(recipe, RecipePage)
    cases.add([data])
    wait(lambda: not cases.importing)
    cases.table.setCurrentCell(2, 0)
    keep(wizard, target / "wizard-cases.png")
    wizard.go_on()
    keep(wizard, target / "wizard-split.png")
    wizard.go_on()
    wait(lambda: not window.jobs.running and wizard.flow.estimate is not None)
    keep(wizard, target / "wizard-recipe.png")
    recipe.as_text.click()
    wait(lambda: not window.jobs.running)
    keep(wizard, target / "wizard-recipe-file.png")


def main(data: Path, target: Path) -> None:
    """Make a window with settings of its own and take the pictures."""
    application = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        window = create_window(settings_dir=Path(folder) / "settings")
        window.show()
        take(window, some_patients(data, Path(folder)), target)
        window.close()
    application.quit()


if __name__ == "__main__":
    images = Path(__file__).parent / "images"
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else images)
