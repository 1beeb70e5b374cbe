"""Exponential moving average of a network's weights: what is validated, kept and shipped."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class WeightAverage:
    """Holds the averaged tensors (buffers too) beside the network that is trained."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the present weights; early steps are forgotten faster than the decay says."""
        decay = min(self._decay, (1 + step) / (10 + step)) if self._decay else 0.0
        current = model.state_dict()
        torch._foreach_lerp_(list(self.tensors.values()), [current[name] for name in self.tensors], 1 - decay)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take saved averages over, keeping the memory layout."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])
