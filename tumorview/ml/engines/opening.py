"""From a model and the user's wishes to an engine."""

from pathlib import Path

from tumorview.core.progress import Progress
from tumorview.errors import EngineError
from tumorview.ml.engines.base import Engine
from tumorview.ml.registry import UsableModel

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
    """The engine for a model; takes seconds at the first time (torch is imported), so call it from a job.

    ``cache`` is the folder for converted networks and remembered measurements; None keeps nothing.
    Raises EngineError for an engine or device that is unknown or missing here, ModelError for a broken model.
    """
    if engine not in ENGINES:
        raise EngineError(f"There is no engine {engine!r}.", f"Choose one of: {', '.join(ENGINES)}.")
    if device not in DEVICES:
        raise EngineError(f"There is no device {device!r}.", f"Choose one of: {', '.join(DEVICES)}.")
    from tumorview.ml.engines.torch_engine import TorchEngine

    return TorchEngine(model.network(), device="cpu" if device == "auto" else device)
