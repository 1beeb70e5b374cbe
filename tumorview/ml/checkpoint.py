"""Checkpoints of a run: one safetensors file each, written atomically, with the run's state in its header."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tumorview.errors import TrainingError, TrainingStorageError
from tumorview.ml.models import Network


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run is: ``step`` counts within the phase; ``best`` is the best validation score of this phase.

    ``scored`` is the total step of the last finished validation: one that a stop interrupted is made up for.
    ``blended`` is the last phase whose weights were averaged with those it began with.
    """

    phase: int = 0
    step: int = 0
    total_step: int = 0
    best: float = -1.0
    seconds: float = 0.0
    scored: int = 0
    blended: int = -1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by name: ``model.*``, ``ema.*``, ``optimiser.<n>.<slot>``; metadata describes the network."""

    state: RunState
    metadata: dict[str, str]
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors of one part, without its prefix."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write to a neighbour, sync, rename: a crash or a full disk leaves the old file as it was."""
    header = {**checkpoint.metadata, "state": json.dumps(dataclasses.asdict(checkpoint.state))}
    save_tensors(path, checkpoint.tensors, header)


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Atomic safetensors writing; a TrainingError when the disk is full or gone."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(plain, partial, metadata=metadata)
        partial.chmod(0o644)  # it was made for its owner alone
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise TrainingStorageError(
            f"The checkpoint {path} could not be written ({error}).",
            "Free some disk space and resume; the checkpoint before it is intact.",
        ) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of our own; nothing in it is code."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping, it only has keys()
        state = RunState(**json.loads(metadata.pop("state")))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"The checkpoint {path} cannot be read ({error}).", "Start the run anew without --resume."
        ) from error
    return Checkpoint(state, metadata, tensors)


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """``<parameter number>.<slot>`` -> tensor."""
    states: dict[int, dict[str, Tensor]] = optimiser.state_dict()["state"]
    return {f"{number}.{slot}": tensor for number, slots in states.items() for slot, tensor in slots.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put saved slots back, each in the memory layout of its parameter (the fused step works on raw memory)."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for key, saved in tensors.items():
        number, _, slot = key.partition(".")
        parameter = parameters[int(number)]
        if saved.shape == parameter.shape:
            value = torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(saved)
        else:
            value = saved.clone()
        optimiser.state[parameter][slot] = value.detach()


def export_model(path: Path, model: Network, weights: dict[str, Tensor]) -> None:
    """The network alone as float16, as it is shipped."""
    save_tensors(path, {name: tensor.to(torch.float16) for name, tensor in weights.items()}, model.metadata())
