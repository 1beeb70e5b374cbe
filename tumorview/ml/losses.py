"""Losses on logits [n, c, h, w] and class indices [n, h, w], for any number of classes (0 is background)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Eq. 5 and 6 of the paper: mean over all pixels of -log of the true class's probability."""
    return functional.cross_entropy(logits.float(), labels)


def soft_dice(logits: Tensor, labels: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - Dice of the probabilities, each class but background summed over the whole batch, then averaged.

    Sums over the batch keep slices without tumour meaningful: they only add false positives.
    """
    probabilities = logits.float().softmax(1)[:, 1:]
    truth = functional.one_hot(labels, logits.shape[1]).movedim(-1, 1)[:, 1:].to(probabilities.dtype)
    axes = (0, 2, 3)
    overlap = (probabilities * truth).sum(axes)
    total = probabilities.sum(axes) + truth.sum(axes)
    return 1 - torch.mean((2 * overlap + smooth) / (total + smooth))


def cross_entropy_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice, equally weighted."""
    return cross_entropy(logits, labels) + soft_dice(logits, labels)


def loss_by_name(name: str) -> Loss:
    """The loss that a recipe names."""
    return {"cross_entropy": cross_entropy, "cross_entropy_dice": cross_entropy_dice}[name]
