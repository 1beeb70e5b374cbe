"""The torch engine: batch norm folded, channels last, reduced precision where the device computes in it natively."""

import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from tumorview.core.progress import Progress
from tumorview.errors import EngineError
from tumorview.ml.engines.base import Floats, softmax
from tumorview.ml.engines.machine import physical_cores
from tumorview.ml.models import UNetCBAM, fold_batch_norm
from tumorview.ml.models.unet_cbam import Block

_DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchEngine:
    """A network on ``device`` in ``precision``. Raises EngineError for a device that this machine lacks.

    When a device's memory is exhausted the batch is halved, and at one slice the work goes on on the CPU; ``notices``
    says so.
    """

    name: Final = "torch"

    def __init__(self, network: nn.Module, *, device: str = "cpu", precision: str = "float32") -> None:
        if device not in available_devices():
            raise EngineError(f"This machine has no {device.upper()} device that torch can use.", "Choose CPU or auto.")
        if device == "cpu" and (cores := physical_cores()):
            torch.set_num_threads(cores)
        assert isinstance(network, UNetCBAM)
        self._float32 = fold_batch_norm(network.cpu().float())
        self._lock = threading.Lock()
        self._check: Callable[[], None] = _never
        self._batch = 64
        self.notices: tuple[str, ...] = ()
        self._place(device, precision)

    def _place(self, device: str, precision: str) -> None:
        self.device, self.precision = device, precision
        network = fold_batch_norm(self._float32)  # a copy: the original stays for a fall back to the CPU
        # The whole network is cast: autocast would cast the weights anew at each call under inference mode.
        self._network = network.to(device=device, dtype=_DTYPES[precision])
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stubs
        for module in self._network.modules():
            if isinstance(module, Block):
                module.register_forward_pre_hook(self._between_blocks)

    def _between_blocks(self, *_: Any) -> None:  # noqa: ANN401 - torch's hook signature
        self._check()

    def predict(self, slices: Floats, progress: Progress | None = None) -> Floats:
        """See Engine; a cancel is answered between two blocks of the network."""
        with self._lock:
            self._check = progress.check if progress is not None else _never
            try:
                return self._in_batches(slices)
            finally:
                self._check = _never

    def _in_batches(self, slices: Floats) -> Floats:
        parts, start = [], 0
        while start < len(slices):
            self._check()
            try:
                part = self._run(slices[start : start + self._batch])
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise EngineError(f"Torch failed on {self.device} ({error}).", "Choose another engine.") from error
                self._use_less_memory(min(self._batch, len(slices) - start), error)
                continue
            parts.append(part)
            start += len(part)
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    @torch.inference_mode()
    def _run(self, slices: Floats) -> Floats:
        tensor = torch.from_numpy(np.ascontiguousarray(slices))
        tensor = tensor.to(device=self.device, dtype=_DTYPES[self.precision], memory_format=torch.channels_last)
        logits = self._network(tensor).float().cpu().contiguous().numpy()
        return softmax(logits)

    def _use_less_memory(self, tried: int, error: BaseException) -> None:
        if self.device == "cuda":
            torch.cuda.empty_cache()
        if tried > 1:
            self._batch = tried // 2
            self.notices = (f"The memory of {self.device.upper()} was short: batches of {self._batch}.",)
            return
        if self.device == "cpu":
            raise EngineError("There is not enough memory for one slice.", "Close other programs.") from error
        self.notices += (f"The memory of {self.device.upper()} was exhausted; the rest was computed on the CPU.",)
        self._place("cpu", "float32")
        self._batch = 8


def available_devices() -> tuple[str, ...]:
    """Devices that torch can compute on here, fastest kind first."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return (*devices, "cpu")


def _out_of_memory(error: BaseException) -> bool:
    """Torch raises its own error for CUDA and a plain RuntimeError for the CPU and MPS."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def _never() -> None:
    """Nobody cancels."""
