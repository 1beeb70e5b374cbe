"""The wheel is complete: package, bundled resources, entry point. It is built offline with the pinned backend."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
                   cwd=ROOT, capture_output=True, check=True)
    return next(folder.glob("tumorview-*.whl"))


@pytest.mark.slow
def test_every_module_and_resource_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    expected = {
        **{path.relative_to(ROOT).as_posix(): path for path in (ROOT / "tumorview").rglob("*.py")},
        **{f"tumorview/_resources/{path.relative_to(ROOT / 'resources').as_posix()}": path
           for path in (ROOT / "resources").rglob("*") if path.is_file()},
    }
    for name, path in expected.items():
        assert packed[name] == hashlib.sha256(path.read_bytes()).hexdigest(), name
    assert not [name for name in packed if name.startswith(("tests/", "docs/", "resources/"))]


@pytest.mark.slow
def test_an_unpacked_wheel_finds_its_resources(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        entry_points = archive.read(next(name for name in archive.namelist() if name.endswith("entry_points.txt")))
    code = "import tumorview.resources as r; print(r.__file__); print(r.resource_path('sample', 'ATTRIBUTION.md'))"
    run = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
                         cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [Path(line).is_relative_to(tmp_path) for line in run.stdout.splitlines()] == [True, True]
    assert "tumorview = tumorview.__main__:main" in entry_points.decode()
