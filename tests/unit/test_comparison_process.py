"""A comparison in a process of its own: the same result, its progress, its errors by their kind, an end at once."""

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.unit.finished_runs import write_run
from tests.unit.test_model_evaluation import write_patient
from tests.unit.tiny_models import tiny_network, write_model
from tumorview.app import child_process, tasks
from tumorview.app.comparison import Comparison
from tumorview.app.comparison_process import compare_in_child
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.model_store import ModelStore
from tumorview.app.training_plan import PlannedCase, Side, TrainingPlan
from tumorview.errors import EngineError, JobCancelled, TrainingError
from tumorview.ml.recipes import load_recipe

TEST = ("case-3", "case-4")


def compared_in_child(run: Path, folder: Path, context: JobContext | None = None) -> Comparison:
    return compare_in_child(
        run, device="cpu", engine="torch", models=folder / "models", cache=folder / "cache",
        context=context or JobContext(),
    )  # fmt: skip


def child_says(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(child_process, "program", lambda: [sys.executable, "-c", program])


@pytest.mark.slow
def test_a_child_gives_what_a_comparison_in_this_process_gives(tmp_path: Path):
    write_model(tmp_path / "models", "tiny", size=256)
    store = ModelStore.in_folder(tmp_path / "models")
    store.set_default("tiny", vouch=True)
    run = write_run(tmp_path / "run", training=("case-1",), validation=("case-2",), test=TEST)
    network = tiny_network(seed=3)
    state = {key: tensor.half().contiguous() for key, tensor in network.state_dict().items()}
    save_file(state, run / "model.safetensors", metadata=network.metadata())
    sides = {"case-1": Side.TRAINING, "case-2": Side.VALIDATION}
    cases = [PlannedCase(name, name, "here", name, sides.get(name, Side.TEST)) for name in (*sides, *TEST)]
    TrainingPlan(run, "Ours", load_recipe("quick"), tuple(cases), "tiny").save()
    for name in TEST:
        write_patient(run / "data", name, 2)
    told: list[tuple[float, str]] = []
    found = compared_in_child(run, tmp_path, JobContext(on_progress=lambda *report: told.append(report)))
    assert told[-1][0] == 1.0
    assert any(text == "Segmenting with Ours" for _, text in told)
    here = tasks.compare_run(run, device="cpu", engine="torch", models=store.registry, cache=tmp_path / "cache")
    assert (found.old, found.new, found.notes) == (here.old, here.new, here.notes)
    assert [pair.id for pair in found.pairs] == [pair.id for pair in here.pairs] == list(TEST)
    # Not to the last bit: sums may be made in another order there.
    assert [pair.new for pair in found.pairs] == pytest.approx([pair.new for pair in here.pairs], abs=0.01)
    assert [cost.old for cost in found.original] == pytest.approx([cost.old for cost in here.original], abs=0.01)
    assert [case.patient for case in found.worst] == [case.patient for case in here.worst]


def test_an_error_of_the_real_child_is_raised_here_in_its_words(tmp_path: Path):
    run = write_run(tmp_path / "run")
    with pytest.raises(TrainingError, match="does not say where its data is"):
        compared_in_child(run, tmp_path)


def test_an_error_comes_back_by_its_kind_and_other_words_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    error = '{"error": {"kind": "EngineError", "message": "No such engine.", "remedy": "Choose torch."}}'
    child_says(monkeypatch, f"print('a library speaks'); print('3'); print('{error}'); raise SystemExit(1)")
    with pytest.raises(EngineError, match=r"No such engine\. Choose torch\.") as caught:
        compared_in_child(tmp_path, tmp_path)
    assert caught.value.remedy == "Choose torch."


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit('a library broke')", "a library broke"),
        ("import os; os.abort()", "ended with -6"),
        ('print(\'{"error": {"kind": "os", "message": "Odd."}}\')', "Odd"),
        ("pass", "its process ended with 0"),  # and has left no result
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="codes of another system")
def test_a_child_that_dies_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
):  # fmt: skip
    child_says(monkeypatch, program)
    with pytest.raises(TrainingError, match=reason):
        compared_in_child(tmp_path, tmp_path)


def test_cancelling_ends_the_child_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    half = '{"fraction": 0.5, "text": "half"}'
    child_says(monkeypatch, f"import time; print('{half}', flush=True); time.sleep(600)")
    started: list[subprocess.Popen] = []
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **o: started.append(real(*a, **o)) or started[-1])
    token = CancelToken()
    context = JobContext(token, on_progress=lambda fraction, _: token.cancel() if fraction else None)
    with pytest.raises(JobCancelled):
        compared_in_child(tmp_path, tmp_path, context)
    assert started[0].poll() is not None
