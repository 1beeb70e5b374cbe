"""What can stop a run, as errors that say what to do: full disks, short memory, weights that are no numbers."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from tumorview.errors import TrainingDivergedError, TrainingMemoryError, TrainingStorageError

# How torch's CPU allocator and oneDNN say in a plain RuntimeError that there is not enough memory.
_MEMORY_WORDS = ("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory")


@contextmanager
def explained(step: Callable[[], int]) -> Iterator[None]:
    """Turn errors of the system into TrainingErrors that name the step; what is no such error passes."""
    try:
        yield
    except OSError as error:
        raise TrainingStorageError(
            f"Training stopped at step {step()} because a file could not be used ({error}).",
            "Check the disk and resume; the last checkpoint is intact.",
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not _is_about_memory(error):
            raise
        raise TrainingMemoryError(
            f"There was not enough memory for the step after {step()}.",
            "Resume with a smaller batch, or close other programs; the last checkpoint is intact.",
        ) from error


def _is_about_memory(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(words in text for words in _MEMORY_WORDS)


@torch.no_grad()
def check_finite(loss: float, model: nn.Module, step: int) -> None:
    """Stop before broken weights are validated or saved: a loss is finite for one step longer than they are."""
    norms = torch.stack(torch._foreach_norm(list(model.parameters())))
    if not math.isfinite(loss) or not bool(norms.isfinite().all()):
        what = f"The loss became {loss}" if not math.isfinite(loss) else "The weights became infinite"
        raise TrainingDivergedError(
            f"{what} at step {step}.",
            "Resume with a lower learning rate; what was saved before is intact.",
        )
