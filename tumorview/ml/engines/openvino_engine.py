"""The OpenVINO engine: the folded network compiled for this processor, one slice a request, cancelled at once.

The converted network is kept in the user's cache by the hash of its weights: a warm start takes a third of a second
and does not import torch.
"""

import contextlib
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tumorview.core.progress import Progress
from tumorview.errors import EngineError
from tumorview.ml.engines.base import Floats, softmax
from tumorview.ml.engines.machine import physical_cores

if TYPE_CHECKING:
    from torch import nn

_HINTS: Final = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
_CAPABILITIES: Final = {"BF16": "bfloat16", "FP16": "float16"}
_WAIT_MS: Final = 30  # how often a running slice looks for a cancel
_KEPT_NETWORKS: Final = 4


def openvino() -> ModuleType:
    """The openvino package, without its telemetry: as installed it reports every import to Google Analytics."""
    # None in sys.modules makes "import openvino_telemetry" fail, for which openvino has a stub that sends nothing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # documented meaning of None
    import openvino as package

    return package  # type: ignore[no-any-return]  # openvino is untyped


@cache
def _core() -> Any:
    return openvino().Core()


@cache
def native_precisions() -> tuple[str, ...]:
    """Precisions that the CPU plugin computes in natively, float32 first."""
    offered = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("float32", *(name for capability, name in _CAPABILITIES.items() if capability in offered))


class OpenVinoEngine:
    """A converted network on the CPU. ``model`` is what ``converted`` gave; slices have the shape it was made for."""

    name: Final = "openvino"
    device: Final = "cpu"
    notices: tuple[str, ...] = ()

    def __init__(self, model: Any, *, precision: str = "float32") -> None:
        if precision not in native_precisions():
            raise EngineError(f"OpenVINO does not compute in {precision} on this processor.", "Choose auto.")
        self.precision = precision
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",  # all cores on one slice: the visible one comes first
        }
        if cores := physical_cores():
            options["INFERENCE_NUM_THREADS"] = cores
        self._lock = threading.Lock()
        try:
            compiled = _core().compile_model(model, "CPU", options)
            self._request = compiled.create_infer_request()
        except RuntimeError as error:
            raise EngineError(
                f"OpenVINO cannot compile the network ({_first_line(error)}).", "Choose torch."
            ) from error
        self._shape = tuple(int(n) for n in compiled.input(0).shape)

    def predict(self, slices: Floats, progress: Progress | None = None) -> Floats:
        """See Engine; a cancel stops the network between two of its layers."""
        if tuple(slices.shape[1:]) != self._shape[1:]:
            raise EngineError(
                f"The network was compiled for slices of {self._shape[1:]}, not {slices.shape[1:]}.",
                "Frame the slices to the size that the model card gives.",
            )
        progress = progress or Progress()
        with self._lock:
            return softmax(np.concatenate([self._run(slices[n : n + 1], progress) for n in range(len(slices))]))

    def _run(self, one: Floats, progress: Progress) -> Floats:
        progress.check()
        try:
            self._request.start_async([np.ascontiguousarray(one, dtype=np.float32)])
            while not self._request.wait_for(_WAIT_MS):
                self._check(progress)
            return np.array(self._request.get_output_tensor(0).data, dtype=np.float32)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed ({_first_line(error)}).", "Choose the engine torch.") from error

    def _check(self, progress: Progress) -> None:
        try:
            progress.check()
        except BaseException:
            self._request.cancel()
            with contextlib.suppress(RuntimeError):  # a cancelled request reports itself as failed
                self._request.wait()
            raise


def converted(
    network: "Callable[[], nn.Module]", shape: tuple[int, int, int, int], key: str, folder: Path | None
) -> Any:
    """The OpenVINO model of a network for input ``shape``, from ``folder`` if it was converted before.

    ``key`` names weights and architecture; ``network`` is only called (and torch imported) for a conversion.
    """
    if folder is None:
        return _convert(network(), shape)
    name = f"{key[:24]}-{'x'.join(map(str, shape))}-{version('openvino')}"
    target = folder / "openvino" / name
    with contextlib.suppress(RuntimeError, OSError):
        return _read(target)
    model = _convert(network(), shape)
    with contextlib.suppress(OSError, RuntimeError):  # a full disk or read-only folder costs time, nothing else
        _store(model, target)
    return model


def _read(target: Path) -> Any:
    if not (target / "network.xml").is_file():
        raise FileNotFoundError(target)
    return _core().read_model(target / "network.xml", target / "network.bin")


def _store(model: Any, target: Path) -> None:
    """Save beside the final place and rename; the oldest networks beyond a few are removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)  # unreadable, or it would have been used
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".draft-") as scratch:
        draft = Path(scratch) / target.name
        draft.mkdir()
        # Full precision: the same numbers whether the network was just converted or read from here.
        openvino().save_model(model, draft / "network.xml", compress_to_fp16=False)
        draft.rename(target)
    kept = [path for path in target.parent.iterdir() if not path.name.startswith(".")]
    for old in sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT_NETWORKS:]:
        shutil.rmtree(old, ignore_errors=True)


def _convert(network: "nn.Module", shape: tuple[int, int, int, int]) -> Any:
    import torch

    from tumorview.ml.models import UNetCBAM, fold_batch_norm

    assert isinstance(network, UNetCBAM)
    example = torch.zeros(shape)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns about its own future
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]  # torch's stub
            fold_batch_norm(network), example, check_trace=False
        )
        return openvino().convert_model(traced, example_input=example, input=[list(shape)])


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
