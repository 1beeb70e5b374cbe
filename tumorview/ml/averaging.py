"""Exponential moving average of a network's weights: what is validated, kept and shipped."""

from collections.abc import Iterable, Mapping

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


@torch.no_grad()
def estimate_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Measure the batch norm statistics of averaged weights anew on network input [n, c, h, w]; leaves eval mode on.

    The average of the statistics is not the statistics of the average (Izmailov et al. 2018, "Averaging Weights Leads
    to Wider Optima and Better Generalization").
    """
    norms = [module for module in model.modules() if getattr(module, "running_mean", None) is not None]
    momenta = [module.momentum for module in norms]
    model.train()
    for number, batch in enumerate(batches if norms else (), 1):
        for module in norms:
            module.momentum = 1 / number  # type: ignore[assignment]  # a plain mean over the batches
        model(batch)
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
    model.eval()
