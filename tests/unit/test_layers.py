"""The layers of docs/architecture.md hold, and the check that says so really bites."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check_contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in ``folder`` with the project's own contracts."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--no-logo", "--config", ROOT / "pyproject.toml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """A package with the project's layers, all empty, for a violation to be written into."""
    package = tmp_path / "tumorview"
    for name in ("app", "cli", "core", "gui", "io", "ml"):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").touch()
    for name in ("__init__", "__main__", "errors", "resources"):
        (package / f"{name}.py").touch()
    return tmp_path


def test_an_empty_skeleton_keeps_every_contract(skeleton: Path) -> None:
    run = check_contracts(skeleton)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("core/bad.py", "import tumorview.app", "Layers"),
        ("app/bad.py", "import tumorview.gui", "Layers"),
        ("io/bad.py", "import tumorview.ml", "Layers"),
        ("cli/bad.py", "import tumorview.gui", "Layers"),
        ("extra/__init__.py", "", "Layers"),
        ("app/bad.py", "import torch", "Only ml imports torch"),
        ("gui/bad.py", "import openvino", "Only ml imports torch"),
        ("cli/bad.py", "from PySide6 import QtCore", "Only gui imports Qt"),
        ("app/bad.py", "import nibabel", "Only io imports file formats"),
        ("core/bad.py", "import SimpleITK", "Only app.registration imports SimpleITK"),
        ("core/bad.py", "import PIL.Image", "core is arrays only"),
        ("gui/bad.py", "from tumorview import ml", "Front ends reach"),
        ("app/bad.py", "import typer", "Only cli imports typer"),
    ],
)
def test_a_violation_breaks_its_contract(skeleton: Path, module: str, statement: str, contract: str) -> None:
    path = skeleton / "tumorview" / module
    path.parent.mkdir(exist_ok=True)
    path.write_text(statement + "\n")
    run = check_contracts(skeleton)
    assert run.returncode != 0
    assert any(contract in line and "BROKEN" in line for line in run.stdout.splitlines()), run.stdout


@pytest.mark.parametrize("module", ["tumorview.gui.application", "tumorview.__main__", "tumorview.cli.application"])
def test_starting_does_not_import_torch(module: str) -> None:
    """Torch is loaded by the first job that needs it, so the window is there at once."""
    heavy = {"torch", "openvino", "lightning_fabric", "skimage"}
    code = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_nothing_but_the_window_needs_qt() -> None:
    code = "import sys, tumorview.app.tasks; print([name for name in sys.modules if name.startswith('PySide6')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_bundled_resources_are_found(sample_study_folder: Path) -> None:
    assert len(list(sample_study_folder.glob("*_mask.tif"))) == 20
    assert shutil.which("tumorview", path=str(Path(sys.executable).parent))
