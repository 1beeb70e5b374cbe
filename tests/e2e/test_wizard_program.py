"""The training wizard in the real program with mouse and keyboard: from a folder of patients to a model in use."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from display import Display, needs_display, wait_until
from driven_wizard import SECONDS, Program
from PIL import Image

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900), needs_display]
PATIENTS, SLICES = 12, 4


def write_patient(source: Path, target: Path, name: str) -> None:
    """The slices around the largest tumour of a patient of the collection, in the LGG layout."""
    masks = {int(path.stem.removesuffix("_mask")): np.asarray(Image.open(path)) for path in source.glob("*_mask.png")}
    largest = max(masks, key=lambda number: int((masks[number] > 0).sum()))
    numbers = sorted(int(path.stem) for path in source.glob("*.webp"))
    middle = numbers.index(largest)
    target.mkdir(parents=True)
    for number in numbers[max(0, middle - SLICES // 2) :][:SLICES]:
        image = Image.open(source / f"{number}.webp").convert("RGB")
        mask = masks.get(number, np.zeros(image.size[::-1], np.uint8))
        image.save(target / f"{name}_{number}.tif")
        Image.fromarray(((mask > 0) * 255).astype(np.uint8)).save(target / f"{name}_{number}_mask.tif")


@pytest.fixture
def patients(shared_data: Path, tmp_path: Path) -> Path:
    folders = sorted(path for path in (shared_data / "lgg").glob("TCGA_*") if any(path.glob("*_mask.png")))
    if len(folders) < PATIENTS:
        pytest.skip(f"the LGG collection is not in {shared_data}")
    for folder in folders[:: len(folders) // PATIENTS][:PATIENTS]:
        write_patient(folder, tmp_path / "cases" / folder.name, folder.name)
    return tmp_path / "cases"


@pytest.fixture
def program(display: Display, patients: Path) -> Iterator[Program]:
    running = Program(display, next(iter(sorted(patients.iterdir()))))
    yield running
    running.stop()


def test_from_a_folder_of_patients_to_a_model_that_segments(program: Program, display: Display, patients: Path) -> None:
    before = {path: path.read_bytes() for path in patients.rglob("*.tif")}
    program.until(lambda told: "segment_run_button" in told["controls"], "the study is open")
    bundled = list(program.told["models"])
    program.keys("TumorView", "ctrl+k")
    program.until(lambda told: "palette_list" in told["controls"], "the command palette is open")
    display.do("type", "train a model")
    display.do("key", "Return")

    program.click("training_add_folder")
    wait_until(lambda: display.find("Folder of cases"), SECONDS, "the dialog is open")
    display.press(display.find("Folder of cases"), "ctrl+a")
    display.do("type", str(patients))
    display.do("key", "Return")
    program.until(lambda told: told.get("cases") == PATIENTS and not told["jobs"], "the cases are read")
    program.click("training_next")
    program.until(lambda told: told["page"] == "split", "the split is shown")
    program.keys("Train a Model", "alt+Right")
    program.until(lambda told: told["page"] == "recipe", "the recipe is shown")

    if "training_measure" in program.told["jobs"]:
        program.click("training_measure")  # its cost is not under test here
    program.until(lambda told: "training_measure" not in told["jobs"], "nothing is measured")
    program.choose("training_base", "End")
    program.until(lambda told: "training_width" in told["controls"], "random weights are chosen")
    program.choose("training_width", "Home")
    program.choose("training_size", "Home")
    program.click("training_epochs")
    program.until(lambda told: told["focus"] == "training_epochs", "the number can be typed")
    program.keys("Train a Model", "ctrl+a", "1", "Return")
    wanted = {"width": 8, "size": 64, "epochs": 1}
    program.until(lambda told: wanted.items() <= told["choices"].items(), "the small recipe is chosen")
    program.click("training_next")

    program.click("training_start_button")
    program.until(lambda told: "training_next" in told["controls"] and told["page"] == "run", "the network is trained")
    program.click("training_next")
    program.until(lambda told: told["page"] == "result", "the result is shown")
    program.click("result_install")
    program.until(lambda told: len(told["models"]) == len(bundled) + 1, "the new model is installed")
    (new,) = set(program.told["models"]) - set(bundled)
    program.click("training_next")
    program.until(lambda told: "training_next" not in told["controls"], "the wizard is closed")

    program.choose("model_combo", "End")
    program.keys("TumorView", "F5")
    program.until(lambda told: told["by"] == new, "the study is segmented by the new model")
    run = Path(program.told["run"])
    summary = json.loads((run / "model.json").read_text())
    assert len(summary["training_patients"]) + len(summary["validation_patients"]) + len(summary["test_patients"]) == 12
    assert {path: path.read_bytes() for path in patients.rglob("*.tif")} == before
    assert "Traceback" not in program.stop()
