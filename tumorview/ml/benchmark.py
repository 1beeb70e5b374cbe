"""Inference rows of ``tumorview bench``: every engine against torch eager float32, in turns, on this machine.

Medians of interleaved runs: whatever else the machine does hits all engines alike, so the ratios hold when the
milliseconds do not.
"""

import io
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tumorview.core.geometry import Geometry
from tumorview.core.progress import Progress
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.ml.card import ModelCard
from tumorview.ml.data import discover
from tumorview.ml.engines.base import Engine, Floats, FunctionEngine
from tumorview.ml.engines.calibration import AutoEngine
from tumorview.ml.engines.machine import native_bfloat16, physical_cores
from tumorview.ml.engines.opening import Source, candidates
from tumorview.ml.inputs import prepare
from tumorview.ml.model_evaluation import lgg_study
from tumorview.ml.models import UNetCBAM, fold_batch_norm, grow_width
from tumorview.ml.predictor import predict_study
from tumorview.ml.registry import ModelRegistry
from tumorview.resources import resource_path

EAGER = "torch eager float32"
FULL_WIDTH = 64
_ROUNDS = 7
_MATRIX = 2048
_STUDY = (155, 240, 240)


@dataclass(frozen=True)
class BenchRow:
    """One measurement. ``ratio`` is how many times faster than ``against`` it is, unless ``unit`` says otherwise.

    ``value`` is None where the thing is not installed.
    """

    name: str
    value: float | None
    unit: str
    against: str | None = None
    ratio: float | None = None


def inference_rows(registry: ModelRegistry, *, progress: Progress | None = None) -> list[BenchRow]:
    """Peak arithmetic of the machine, then the default model and its full width on every engine."""
    progress = progress or Progress()
    model = registry.usable()
    peaks = {"float32": _peak(torch.float32)}
    if native_bfloat16():
        peaks["bfloat16"] = _peak(torch.bfloat16)
    rows = [BenchRow(f"machine: {name} matrix product", peak, "GFLOP/s") for name, peak in peaks.items()]
    network = model.network()
    assert isinstance(network, UNetCBAM)
    slices = _real_slice(model.card)
    networks = {f"{model.card.id} (width {network.width})": network}
    if FULL_WIDTH % network.width == 0 and network.width < FULL_WIDTH:
        # The full width at the same function: its masks mean something, so that reduced precision can be judged.
        networks[f"grown to width {FULL_WIDTH}"] = grow_width(network, FULL_WIDTH // network.width)
    for number, (title, one) in enumerate(networks.items()):
        part = progress.part(number / (len(networks) + 1), (number + 1) / (len(networks) + 1))
        rows += _network_rows(title, one, slices, peaks, part)
    part = progress.part(len(networks) / (len(networks) + 1), 1.0)
    return [*rows, _study_row(model.card, network, slices, max(peaks.values()), part)]


def _network_rows(
    title: str, network: UNetCBAM, slices: Floats, peaks: dict[str, float], progress: Progress
) -> list[BenchRow]:
    """ms a slice of every engine, of ``auto``, and the share of the machine's peak that the fastest reaches."""
    engines: dict[str, Engine] = {EAGER: FunctionEngine(_eager(network))}
    found = candidates(Source(lambda: network, slices.shape))
    for candidate in found:
        progress.check()
        engines[f"{candidate.name} {candidate.device} {candidate.precision}"] = candidate.open()
    missing = []
    try:
        engines["ONNX Runtime float32"] = FunctionEngine(_onnx_runtime(network, slices))
    except ImportError:
        missing.append(BenchRow(f"{title}: ONNX Runtime float32 (not installed)", None, "ms/slice", EAGER))
    auto = AutoEngine(found)
    while not auto.decided:
        auto.predict(slices, progress)
    chosen = f"{auto.name} {auto.device} {auto.precision}"
    times = _milliseconds(engines, slices, progress)
    eager = times[EAGER]
    rows = [BenchRow(f"{title}: {EAGER}", eager, "ms/slice")]
    rows += [
        BenchRow(f"{title}: {label}", ms, "ms/slice", EAGER, eager / ms)
        for label, ms in times.items()
        if label != EAGER
    ]
    fastest = min(times, key=lambda label: times[label])
    work = gflop(network, slices)
    peak = max(peaks.values())
    return [
        *rows,
        *missing,
        BenchRow(f"{title}: auto chose {chosen}", times[chosen], "ms/slice", fastest, times[fastest] / times[chosen]),
        BenchRow(
            f"{title}: {chosen} reaches", work / times[chosen] * 1000, "GFLOP/s", "measured peak of the machine",
            work / times[chosen] * 1000 / peak,
        ),
    ]  # fmt: skip


def _study_row(card: ModelCard, network: nn.Module, slices: Floats, peak: float, progress: Progress) -> BenchRow:
    """A FLAIR of 155 slices of 240x240 from voxels to probabilities; ratio = time / (slices x FLOP / peak)."""
    auto = AutoEngine(candidates(Source(lambda: network, slices.shape)))
    while not auto.decided:
        auto.predict(slices, progress)
    prediction = predict_study(_phantom(), card, auto, progress=progress)
    ideal = _STUDY[0] * gflop(network, slices) / peak
    seconds = prediction.origin.seconds
    name = f"{card.id}: 155 slices of 240x240, tumour in a third (ratio: time over slices x FLOP / peak)"
    return BenchRow(name, seconds, "s", "arithmetic at the machine's peak", seconds / ideal)


def gflop(network: nn.Module, slices: Floats) -> float:
    """Multiplications and additions of one slice, in 1e9."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.from_numpy(slices[:1]))
    return float(counter.get_total_flops()) / 1e9


def _milliseconds(engines: dict[str, Engine], slices: Floats, progress: Progress) -> dict[str, float]:
    """Median ms a slice; the engines take turns and each is warm."""
    times: dict[str, list[float]] = {label: [] for label in engines}
    for engine in engines.values():
        engine.predict(slices, progress)
    for done in range(_ROUNDS):
        progress.report(done / _ROUNDS, "Timing the engines")
        for label, engine in engines.items():
            started = time.perf_counter()
            engine.predict(slices, progress)
            times[label].append(1000 * (time.perf_counter() - started))
    return {label: statistics.median(values) for label, values in times.items()}


def _eager(network: UNetCBAM) -> Callable[[Floats], Floats]:
    """The network as trained, run the plain way: what every other engine is measured against."""

    def run(slices: Floats) -> Floats:
        with torch.inference_mode():
            answer: Floats = network(torch.from_numpy(slices)).softmax(1).numpy()
        return answer

    return run


def _onnx_runtime(network: UNetCBAM, slices: Floats) -> Callable[[Floats], Floats]:
    """The folded network in ONNX Runtime; ImportError where the extra ``bench`` is not installed."""
    import onnx  # noqa: F401 - torch's exporter needs it
    import onnxruntime

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            fold_batch_norm(network),
            (torch.from_numpy(slices),),
            file,  # type: ignore[arg-type]  # streams are taken too
            dynamo=False,
            input_names=["x"],
        )
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = physical_cores() or 0
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda batch: np.asarray(session.run(None, {"x": batch})[0])


def _peak(dtype: torch.dtype) -> float:
    """GFLOP/s of the best of several matrix products: what the processor can do, for shares and budgets."""
    if cores := physical_cores():
        torch.set_num_threads(cores)
    left, right = (torch.ones(_MATRIX, _MATRIX, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 2 * _MATRIX**3 / min(times) / 1e9


def _real_slice(card: ModelCard) -> Floats:
    """The middle slice of the sample study as network input [1, c, h, w]."""
    inputs = prepare(lgg_study(discover([resource_path("sample")])[0]), size=card.input_size)
    return inputs.batch([inputs.occupied[len(inputs.occupied) // 2]])


def _phantom() -> Study:
    """A head of BraTS size, dimly textured, with a bright lesion in a third of its slices."""
    k, j, i = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in _STUDY), indexing="ij")
    head = k**2 + j**2 + i**2 < 0.9**2
    lesion = (k / 0.33) ** 2 + ((j + 0.2) / 0.2) ** 2 + ((i - 0.35) / 0.2) ** 2 < 1
    texture = np.random.default_rng(0).normal(400, 20, _STUDY).astype(np.float32)
    voxels = np.where(head, texture + 350 * lesion, 0).astype(np.int16)
    volume = Volume(voxels, Geometry.from_spacing(_STUDY, (1.0, 1.0, 1.0)))
    return Study(Path("phantom"), (Series("phantom", volume, Role.FLAIR, 1.0),))
