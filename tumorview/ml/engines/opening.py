"""From a model and the user's wishes to an engine."""

import sys
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tumorview.core.progress import Progress
from tumorview.errors import EngineError
from tumorview.ml.engines.base import Engine
from tumorview.ml.engines.calibration import AutoEngine, Candidate
from tumorview.ml.engines.machine import fingerprint, native_bfloat16
from tumorview.ml.registry import UsableModel

if TYPE_CHECKING:
    from torch import nn

ENGINES = ("auto", "torch", "openvino")
DEVICES = ("auto", "cpu", "cuda", "mps")


def open_engine(
    model: UsableModel,
    *,
    engine: str = "auto",
    device: str = "auto",
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Engine:
    """The fastest engine for a model among those asked for; takes seconds at the first time: call it from a job.

    ``cache`` is the folder for converted networks and remembered measurements; None keeps nothing.
    Raises EngineError for an engine or device that is unknown or missing here, ModelError for a broken model.
    """
    if engine not in ENGINES:
        raise EngineError(f"There is no engine {engine!r}.", f"Choose one of: {', '.join(ENGINES)}.")
    if device not in DEVICES:
        raise EngineError(f"There is no device {device!r}.", f"Choose one of: {', '.join(DEVICES)}.")
    if engine == "openvino" and device not in ("auto", "cpu"):
        raise EngineError(f"OpenVINO does not run on {device.upper()} here.", "Choose the device CPU or auto.")
    (progress or Progress()).check()
    found = candidates(Source.of(model, cache), engine, device)
    if not found:
        raise EngineError(
            f"Neither torch nor OpenVINO offers the device {device.upper()} on this machine.", "Choose CPU or auto."
        )
    memory = None
    if cache is not None:
        labels = " ".join(candidate.label for candidate in found)
        card = model.card
        key = fingerprint(
            card.weights_sha256, card.width, card.input_size, labels, _version("torch"), _version("openvino")
        )
        memory = cache / "engines" / f"{key}.json"
    return AutoEngine(found, memory)


class Source:
    """A network for slices of ``shape`` [1, c, h, w], loaded and converted once and only if a candidate needs it.

    ``key`` names the weights in ``cache``, the folder of converted networks (None keeps nothing).
    """

    def __init__(
        self,
        load: "Callable[[], nn.Module]",
        shape: tuple[int, int, int, int],
        key: str = "",
        cache: Path | None = None,
    ) -> None:
        self._load, self._shape, self._key, self._cache = load, shape, key, cache

    @classmethod
    def of(cls, model: UsableModel, cache: Path | None) -> "Source":
        """The network of a model in the registry."""
        card = model.card
        shape = (1, len(card.channels), card.input_size, card.input_size)
        return cls(model.network, shape, card.weights_sha256, cache)

    @cached_property
    def network(self) -> "nn.Module":
        """Float32, as trained."""
        return self._load()

    @cached_property
    def converted(self) -> object:
        """For OpenVINO."""
        from tumorview.ml.engines.openvino_engine import converted

        return converted(lambda: self.network, self._shape, self._key, self._cache)


def candidates(source: Source, engine: str = "auto", device: str = "auto") -> list[Candidate]:
    """Every engine worth measuring for these wishes, the most precise and most likely fast ones first.

    Which reduced precisions are native is asked of the libraries and the processor, never guessed from its name.
    """
    found: list[Candidate] = []
    if engine in ("auto", "torch"):
        for name in _accelerators() if device == "auto" else (device,) if device in _accelerators() else ():
            found += [_torch(source, name, "float32"), _torch(source, name, "float16")]
    if device in ("auto", "cpu"):
        if engine in ("auto", "openvino") and _installed("openvino"):
            found += [_openvino(source, precision) for precision in _openvino_precisions()]
        if engine in ("auto", "torch"):
            found.append(_torch(source, "cpu", "float32"))
            if native_bfloat16():
                found.append(_torch(source, "cpu", "bfloat16"))
    return found


def _torch(source: Source, device: str, precision: str) -> Candidate:
    def make() -> Engine:
        from tumorview.ml.engines.torch_engine import TorchEngine

        return TorchEngine(source.network, device=device, precision=precision)

    return Candidate("torch", device, precision, make)


def _openvino(source: Source, precision: str) -> Candidate:
    def make() -> Engine:
        from tumorview.ml.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(source.converted, precision=precision)

    return Candidate("openvino", "cpu", precision, make)


def _openvino_precisions() -> tuple[str, ...]:
    from tumorview.ml.engines.openvino_engine import native_precisions

    return native_precisions()


def _accelerators() -> tuple[str, ...]:
    """Devices other than the CPU; torch is only asked (and imported) where there can be one."""
    if "+cpu" in _version("torch") or not (sys.platform == "darwin" or _nvidia_driver()):
        return ()
    from tumorview.ml.engines.torch_engine import available_devices

    return tuple(device for device in available_devices() if device != "cpu")


def _nvidia_driver() -> bool:
    # Windows keeps the driver's library in system32; ROCm builds of torch also answer to "cuda".
    places = ("/dev/nvidiactl", "/dev/kfd", "C:/Windows/System32/nvcuda.dll", "/dev/dxg")
    return any(Path(place).exists() for place in places)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _installed(package: str) -> bool:
    return find_spec(package) is not None
