"""Networks from weights files: safetensors only, checked tensor by tensor."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tumorview.errors import ModelError
from tumorview.ml.models.network import Network
from tumorview.ml.models.unet_cbam import Norm, UNetCBAM


def build_model(metadata: Mapping[str, str]) -> UNetCBAM:
    """The untrained network that a weights file's metadata (or a ModelCard) describes."""
    if metadata.get("architecture") != "unet-cbam":
        raise ModelError(
            f"The architecture {metadata.get('architecture', 'unknown')!r} is not known.",
            "Update TumorView or choose another model.",
        )
    norms: dict[str, Norm | None] = {"batch": "batch", "none": None}
    try:
        return UNetCBAM(
            width=int(metadata["width"]),
            in_channels=int(metadata.get("in_channels", "3")),
            classes=int(metadata.get("classes", "2")),
            norm=norms[metadata.get("norm", "batch")],
            reduction=int(metadata.get("reduction", "16")),
            deepest=int(metadata["deepest"]) if "deepest" in metadata else None,
        )
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"The model's description is incomplete or wrong ({error}).", "The file was not written by TumorView."
        ) from error


def load_model(path: Path) -> UNetCBAM:
    """The network with its weights (float32, eval mode) from a safetensors file that describes itself."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            with torch.device("meta"):  # takes no memory: a file that claims a giant is refused before it is built
                expected = _shapes(build_model(metadata).state_dict())
            found = {name: torch.Size(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping, it only has keys()
            _check_fit(expected, found, path.name)
            state: dict[str, Tensor] = {name: file.get_tensor(name) for name in found}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path.name} is not a readable weights file ({error}).", "Choose a .safetensors file."
        ) from error
    model = build_model(metadata)
    load_state(model, state, path.name)
    return model.eval()


def load_state(model: Network, state: Mapping[str, Tensor], name: str) -> None:
    """Load tensors strictly; every name and shape has to fit."""
    _check_fit(_shapes(model.state_dict()), _shapes(state), name)
    model.load_state_dict({key: tensor.to(torch.float32) for key, tensor in state.items()}, strict=True)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}


def _check_fit(expected: Mapping[str, torch.Size], found: Mapping[str, torch.Size], name: str) -> None:
    """Raise ModelError unless a file has exactly the network's tensors."""
    missing, unknown = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    wrong = sorted(key for key in expected.keys() & found.keys() if expected[key] != found[key])
    if missing or unknown or wrong:
        culprit = (missing or unknown or wrong)[0]
        problem = "lacks" if missing else "has an unknown tensor" if unknown else "has a wrong shape for"
        raise ModelError(f"{name} {problem} {culprit}.", "The weights do not belong to this architecture and width.")
