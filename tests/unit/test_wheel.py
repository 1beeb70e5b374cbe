"""The wheel is complete: package, bundled resources, entry point. It is built offline with the pinned backend."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return next(folder.glob("tumorview-*.whl"))


@pytest.mark.slow
def test_every_module_and_resource_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    expected = {
        **{path.relative_to(ROOT).as_posix(): path for path in (ROOT / "tumorview").rglob("*.py")},
        **{
            f"tumorview/_resources/{path.relative_to(ROOT / 'resources').as_posix()}": path
            for path in (ROOT / "resources").rglob("*")
            if path.is_file()
        },
    }
    for name, path in expected.items():
        assert packed[name] == hashlib.sha256(path.read_bytes()).hexdigest(), name
    assert not [name for name in packed if name.startswith(("tests/", "docs/", "resources/"))]


@pytest.mark.slow
def test_the_installed_program_works_on_its_own_resources(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)  # what pip does with a wheel of pure Python
        entry_points = archive.read(next(name for name in archive.namelist() if name.endswith("entry_points.txt")))
    assert "tumorview = tumorview.__main__:main" in entry_points.decode()

    def tumorview(*arguments: str | Path) -> Any:
        command = [sys.executable, "-m", "tumorview", *arguments]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
        return json.loads(run.stdout)

    sample = next(folder for folder in (tmp_path / "tumorview/_resources/sample").iterdir() if folder.is_dir())
    assert {series["role"] for series in tumorview("info", sample, "--json")["series"]} == {"T1", "FLAIR", "T1CE"}
    models = tumorview("models", "list", "--json")
    assert "unet-cbam-lgg" in {model["id"] for model in models}
    assert {(model["bundled"], model["status"]) for model in models} == {(True, "ok")}
