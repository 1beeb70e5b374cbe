"""The inference rows of ``bench``: every engine in turns, with what is missing named."""

import sys

import numpy as np
import pytest

from tests.unit.tiny_models import write_model
from tumorview.ml import benchmark
from tumorview.ml.engines import FunctionEngine
from tumorview.ml.engines.calibration import Candidate
from tumorview.ml.registry import ModelRegistry


@pytest.fixture
def registry(tmp_path, monkeypatch):
    for name, value in {"FULL_WIDTH": 2, "_ROUNDS": 1, "_MATRIX": 64, "_STUDY": (6, 40, 40)}.items():
        monkeypatch.setattr(benchmark, name, value)
    write_model(tmp_path, "tiny", width=2, size=32)
    return ModelRegistry(None, tmp_path)


def nothing(given):
    answer = np.zeros((len(given), 2, *given.shape[2:]), np.float32)
    answer[:, 0] = 1
    return answer


@pytest.fixture
def doubles(monkeypatch):
    double = Candidate("double", "cpu", "float32", lambda: FunctionEngine(nothing, "double"))
    monkeypatch.setattr(benchmark, "candidates", lambda source: [double])


def test_every_engine_is_measured_against_torch_eager(registry):
    rows = {row.name: row for row in benchmark.inference_rows(registry)}
    eager = rows["tiny (width 2): torch eager float32"]
    for engine in ("openvino cpu float32", "torch cpu float32", "ONNX Runtime float32"):
        row = rows[f"tiny (width 2): {engine}"]
        assert row.against == "torch eager float32"
        assert row.ratio == pytest.approx(eager.value / row.value)
    assert any(name.startswith("tiny (width 2): auto chose") for name in rows)
    assert any("155 slices" in name for name in rows)
    assert all(row.value > 0 for row in rows.values())


@pytest.mark.usefixtures("doubles")
def test_the_full_width_is_measured_too_and_what_is_not_installed_is_named(registry, monkeypatch):
    monkeypatch.setattr(benchmark, "FULL_WIDTH", 4)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    rows = benchmark.inference_rows(registry)
    missing = [row for row in rows if "not installed" in row.name]
    assert [row.name.split(":")[0] for row in missing] == ["tiny (width 2)", "grown to width 4"]
    assert all(row.value is None and row.ratio is None for row in missing)
