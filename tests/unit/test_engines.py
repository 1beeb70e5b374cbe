"""Engines agree with the network, stop when asked, and ``auto`` measures instead of guessing."""

import subprocess
import sys
import threading
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.tiny_models import tiny_network, write_model
from tumorview.core.metrics import count as counts_of
from tumorview.core.progress import Progress
from tumorview.errors import EngineError, JobCancelled
from tumorview.ml.data import discover
from tumorview.ml.engines import (
    Engine,
    FunctionEngine,
    calibration,
    machine,
    open_engine,
    opening,
    openvino_engine,
    torch_engine,
)
from tumorview.ml.engines.calibration import AutoEngine, Candidate, agrees
from tumorview.ml.engines.openvino_engine import OpenVinoEngine, converted, native_precisions
from tumorview.ml.engines.torch_engine import TorchEngine
from tumorview.ml.inputs import prepare
from tumorview.ml.model_evaluation import lgg_study
from tumorview.ml.registry import ModelRegistry
from tumorview.resources import resource_path

SHAPE = (1, 3, 64, 64)


class Cancelled(Progress):
    """Cancels at the n-th look."""

    def __init__(self, after: int) -> None:
        self._left = after

    def check(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise JobCancelled


def slices(n=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n, *SHAPE[1:])).astype(np.float32)


def expected(network: nn.Module, given):
    with torch.inference_mode():
        return network(torch.from_numpy(given)).softmax(1).numpy()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    write_model(root, "tiny", width=4, classes=3)
    return ModelRegistry(None, root).usable("tiny")


@pytest.mark.parametrize("classes", [2, 4])
def test_torch_gives_the_networks_probabilities(classes):
    network = tiny_network(width=4, classes=classes)
    engine: Engine = TorchEngine(network)
    given = slices(3)
    answer = engine.predict(given)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, expected(network, given), atol=1e-5)
    np.testing.assert_allclose(answer.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_openvino_gives_the_networks_probabilities(classes):
    network = tiny_network(width=4, classes=classes)
    engine: Engine = OpenVinoEngine(converted(lambda: network, SHAPE, "", None))
    given = slices(3)
    np.testing.assert_allclose(engine.predict(given), expected(network, given), atol=1e-5)


def test_openvino_keeps_the_converted_network_and_needs_no_torch_for_it_again(tmp_path):
    network = tiny_network(width=4)
    first = OpenVinoEngine(converted(lambda: network, SHAPE, "key", tmp_path)).predict(slices())

    def never() -> nn.Module:
        raise AssertionError("converted twice")

    again = OpenVinoEngine(converted(never, SHAPE, "key", tmp_path)).predict(slices())
    np.testing.assert_array_equal(first, again)


def test_a_damaged_or_unwritable_cache_only_costs_time(tmp_path):
    network = tiny_network(width=4)
    converted(lambda: network, SHAPE, "key", tmp_path)
    (kept,) = (tmp_path / "openvino").iterdir()
    (kept / "network.xml").write_text("<net")
    answer = OpenVinoEngine(converted(lambda: network, SHAPE, "key", tmp_path)).predict(slices())
    np.testing.assert_allclose(answer, expected(network, slices()), atol=1e-5)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert converted(lambda: network, SHAPE, "key", blocked) is not None


def test_only_a_few_converted_networks_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(openvino_engine, "_KEPT_NETWORKS", 2)
    network = tiny_network()
    for number in range(4):
        converted(lambda: network, SHAPE, f"key{number}", tmp_path)
    assert len(list((tmp_path / "openvino").iterdir())) == 2


def test_openvino_is_imported_without_its_telemetry():
    code = (
        "import sys; from tumorview.ml.engines.openvino_engine import openvino; openvino();"
        "sent = [name for name in sys.modules if name.startswith('openvino_telemetry') and sys.modules[name]];"
        "assert not sent, sent; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_slice_of_another_size_is_a_clear_error():
    engine = OpenVinoEngine(converted(tiny_network, SHAPE, "", None))
    with pytest.raises(EngineError, match="compiled for"):
        engine.predict(np.zeros((1, 3, 32, 32), np.float32))


def openvino_of(network: nn.Module) -> OpenVinoEngine:
    return OpenVinoEngine(converted(lambda: network, SHAPE, "", None))


@pytest.mark.parametrize("make", [TorchEngine, openvino_of])
def test_a_cancel_inside_the_network_is_answered_and_the_engine_stays_usable(make):
    network = tiny_network(width=4)
    engine = make(network)
    before = engine.predict(slices(4))
    with pytest.raises(JobCancelled):
        engine.predict(slices(4), Cancelled(after=2))
    np.testing.assert_array_equal(engine.predict(slices(4)), before)


def test_torch_looks_for_a_cancel_between_blocks():
    class Counting(Progress):
        looks = 0

        def check(self) -> None:
            self.looks += 1

    progress = Counting()
    TorchEngine(tiny_network()).predict(slices(1), progress)
    assert progress.looks >= 9  # five encoder and four decoder blocks


def test_openvino_stops_in_the_middle_of_a_slice():
    network = tiny_network(width=32)
    engine = OpenVinoEngine(converted(lambda: network, (1, 3, 256, 256), "", None))
    given = np.zeros((1, 3, 256, 256), np.float32)
    with pytest.raises(JobCancelled):
        engine.predict(given, Cancelled(after=1))  # the second look is taken while the slice runs
    assert np.isfinite(engine.predict(given)).all()


def test_an_engine_may_be_shared_by_threads():
    network = tiny_network(width=4)
    engine = TorchEngine(network)
    given = [slices(2, seed) for seed in range(6)]
    answers: dict[int, object] = {}
    threads = [
        threading.Thread(target=lambda n=n: answers.update({n: engine.predict(given[n])})) for n in range(len(given))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, batch in enumerate(given):
        np.testing.assert_allclose(answers[n], expected(network, batch), atol=1e-5)


def test_out_of_memory_halves_the_batch(monkeypatch):
    network = tiny_network()
    engine = TorchEngine(network)
    run, sizes = TorchEngine._run, []

    def limited(self, batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(self, batch)

    monkeypatch.setattr(TorchEngine, "_run", limited)
    given = slices(7)
    np.testing.assert_allclose(engine.predict(given), expected(network, given), atol=1e-5)
    assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert engine.notices == ("The memory of CPU was short: batches of 1.",)


def test_out_of_memory_at_one_slice_goes_on_on_the_cpu_and_says_so(monkeypatch):
    network = tiny_network()
    engine = TorchEngine(network)
    engine.device = "cuda"  # as if: there is none in the test machine
    run = TorchEngine._run
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)

    def exhausted(self, batch):
        if self.device == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(self, batch)

    monkeypatch.setattr(TorchEngine, "_run", exhausted)
    given = slices(3)
    np.testing.assert_allclose(engine.predict(given), expected(network, given), atol=1e-5)
    assert engine.device == "cpu"
    assert "CUDA" in engine.notices[0]


def test_without_memory_on_the_cpu_there_is_a_clear_error(monkeypatch):
    engine = TorchEngine(tiny_network())

    def exhausted(self, batch):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(TorchEngine, "_run", exhausted)
    with pytest.raises(EngineError, match="memory"):
        engine.predict(slices(2))


def test_a_device_that_is_missing_is_a_clear_error(model, monkeypatch):
    monkeypatch.setattr(torch_engine, "available_devices", lambda: ("cpu",))
    with pytest.raises(EngineError, match="CUDA"):
        TorchEngine(tiny_network(), device="cuda")


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        ({"engine": "tensorrt"}, "tensorrt"),
        ({"device": "tpu"}, "tpu"),
        ({"engine": "openvino", "device": "cuda"}, "CUDA"),
    ],
)
def test_wishes_that_cannot_be_met_are_clear_errors(model, wish, word):
    with pytest.raises(EngineError, match=word) as caught:
        open_engine(model, **wish)
    assert caught.value.remedy


def test_an_accelerator_that_is_missing_is_a_clear_error(model, monkeypatch):
    monkeypatch.setattr(opening, "_accelerators", lambda: ())
    with pytest.raises(EngineError, match="MPS"):
        open_engine(model, device="mps")


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_a_named_engine_is_the_one_used(model, name):
    engine = open_engine(model, engine=name)
    engine.predict(slices(1))
    assert engine.name == name


# ----------------------------------------------------------------------------------------------------------------- auto
@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A stopwatch that engines wind forward themselves: no test depends on how busy the machine is."""
    now = [0.0]
    monkeypatch.setattr(calibration, "perf_counter", lambda: now[0])
    monkeypatch.setattr(sys.modules[__name__], "NOW", now)


NOW = [0.0]


def answering(tumour: float, seconds: float = 0.0):
    def function(given):
        NOW[0] += seconds
        answer = np.zeros((len(given), 2, *given.shape[2:]), np.float32)
        answer[:, 1, 10:40, 10:40] = tumour
        answer[:, 0] = 1 - answer[:, 1]
        return answer

    return function


def candidate(name, tumour=0.9, seconds=0.001, precision="float32"):
    return Candidate(name, "cpu", precision, lambda: FunctionEngine(answering(tumour, seconds), name, "cpu", precision))


def broken(name):
    def fail() -> Engine:
        raise EngineError("not here")

    return Candidate(name, "cpu", "float32", fail)


def run_until_decided(auto):
    while not auto.decided:
        auto.predict(slices(1))


def test_auto_answers_at_once_with_the_first_and_then_takes_the_fastest():
    opened = []
    fast = candidate("fast", seconds=0.001)
    watched = Candidate("fast", "cpu", "float32", lambda: opened.append("fast") or fast.open())
    auto = AutoEngine([candidate("precise", seconds=0.03), watched, candidate("slow", seconds=0.1)])
    auto.predict(slices(1))
    assert auto.name == "precise"
    assert not opened
    run_until_decided(auto)
    assert auto.name == "fast"


def test_an_engine_that_fails_in_the_middle_gives_way_to_the_next_and_says_so(tmp_path):
    left = [3]

    def exhausted(given):
        left[0] -= 1
        if left[0] < 0:
            raise EngineError("OpenVINO failed (bad allocation).")
        return answering(0.9)(given)

    first = Candidate("openvino", "cpu", "float32", lambda: FunctionEngine(exhausted, "openvino"))
    auto = AutoEngine([first, candidate("torch")])
    for _ in range(4):
        np.testing.assert_array_equal(auto.predict(slices(1)), answering(0.9)(slices(1)))
    assert auto.name == "torch"
    (notice,) = auto.notices
    assert notice == "openvino/cpu/float32 failed; torch/cpu/float32 went on. OpenVINO failed (bad allocation)."
    alone = AutoEngine([first])
    with pytest.raises(EngineError, match="bad allocation"):
        alone.predict(slices(1))


def test_auto_never_uses_a_reduced_precision_that_changes_the_mask():
    wrong = candidate("fast", tumour=0.4, precision="bfloat16")
    auto = AutoEngine([candidate("precise", seconds=0.005), wrong])
    run_until_decided(auto)
    assert auto.precision == "float32"


def test_auto_remembers_its_measurement(tmp_path):
    memory = tmp_path / "engines" / "key.json"
    run_until_decided(AutoEngine([candidate("precise", seconds=0.03), candidate("fast")], memory))
    again = AutoEngine([broken("precise"), candidate("fast")], memory)
    assert again.decided
    assert again.name == "fast"


def test_auto_stops_measuring_on_a_busy_machine_and_measures_again_next_time(tmp_path):
    memory = tmp_path / "key.json"
    untried = candidate("untried")
    candidates = [candidate("precise", seconds=4.0), candidate("fast", seconds=1.0), untried]
    auto = AutoEngine(candidates, memory)
    run_until_decided(auto)
    assert auto.name == "fast"
    assert not memory.exists()
    assert not AutoEngine(candidates, memory).decided


@pytest.mark.parametrize("text", ["", "[]", '{"fastest": "gone/cpu/float32"}'])
def test_auto_measures_again_where_the_memory_is_useless(tmp_path, text):
    memory = tmp_path / "key.json"
    memory.write_text(text)
    auto = AutoEngine([candidate("precise", seconds=0.03), candidate("fast")], memory)
    assert not auto.decided
    run_until_decided(auto)
    assert auto.name == "fast"


def test_auto_does_not_open_a_second_engine_where_there_is_one_candidate():
    auto = AutoEngine([candidate("only")])
    assert auto.decided


def test_auto_leaves_out_what_does_not_open():
    auto = AutoEngine([broken("first"), candidate("second"), broken("third")])
    run_until_decided(auto)
    assert auto.name == "second"
    with pytest.raises(EngineError, match="No inference engine"):
        AutoEngine([broken("only")])


def test_measuring_can_be_cancelled_and_is_made_up_for_later():
    auto = AutoEngine([candidate("precise", seconds=0.03), candidate("fast")])
    for _ in range(3):
        auto.predict(slices(1))
    with pytest.raises(JobCancelled):
        auto.predict(slices(1), Cancelled(after=1))
    assert not auto.decided
    auto.predict(slices(1))
    assert auto.decided


def test_masks_agree_by_their_dice():
    one = answering(0.9)(slices(1))
    assert agrees(one, one)
    moved = np.roll(one, 1, axis=-1)
    assert not agrees(one, moved)
    nearly = one.copy()
    nearly[0, :, 10, 10:14] = nearly[0, ::-1, 10, 10:14]
    assert agrees(one, nearly)
    assert not agrees(one, np.full_like(one, np.nan))


def test_the_fingerprint_changes_with_what_it_names(monkeypatch):
    assert machine.fingerprint("a", 1) == machine.fingerprint("a", 1)
    assert machine.fingerprint("a", 1) != machine.fingerprint("a", 2)
    before = machine.fingerprint()
    monkeypatch.setattr(machine, "cpu_facts", lambda: ("another", frozenset({"avx2"})))
    assert machine.fingerprint() != before


def test_cores_are_counted_without_hyper_threads_and_within_the_quota(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert machine.physical_cores.__wrapped__() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    cores = machine.physical_cores.__wrapped__()
    assert cores is None or cores >= 1
    if not hasattr(machine.os, "sched_getaffinity"):
        pytest.skip("this system does not tell the affinity")
    monkeypatch.setattr(machine, "_quota", lambda: 1)
    assert machine.physical_cores.__wrapped__() in (1, None)


# ---------------------------------------------------------------------------------------------------------- real slices
@pytest.fixture(scope="module")
def sample():
    patients = discover([resource_path("sample")])
    inputs = prepare(lgg_study(patients[0]))
    return inputs.batch(inputs.occupied[7:9])


def test_all_engines_of_this_machine_mark_the_same_on_real_slices(sample):
    model = ModelRegistry(None).usable()
    source = opening.Source.of(model, None)
    masks = {}
    for candidate in opening.candidates(source):
        masks[candidate.label] = candidate.open().predict(sample)[:, 1] >= model.card.threshold
    assert {"openvino/cpu/float32", "torch/cpu/float32"} <= set(masks)
    assert len(masks) >= len(native_precisions())
    reference = masks["torch/cpu/float32"]
    assert reference.any()
    for label, mask in masks.items():
        dice = counts_of(mask, reference).dice
        assert dice is not None
        assert dice >= 0.995, label


def test_candidates_are_asked_of_the_machine_not_named(monkeypatch):
    numbers = count()
    source = opening.Source(lambda: next(numbers), SHAPE)
    monkeypatch.setattr(opening, "_openvino_precisions", lambda: ("float32",))
    monkeypatch.setattr(opening, "native_bfloat16", lambda: False)
    monkeypatch.setattr(opening, "_accelerators", lambda: ("cuda",))
    labels = [candidate.label for candidate in opening.candidates(source)]
    assert labels == ["torch/cuda/float32", "torch/cuda/float16", "openvino/cpu/float32", "torch/cpu/float32"]
    assert [c.label for c in opening.candidates(source, "openvino")] == ["openvino/cpu/float32"]
    assert [c.label for c in opening.candidates(source, "auto", "cuda")] == labels[:2]
    assert next(numbers) == 0
