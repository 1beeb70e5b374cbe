"""Losses against values computed by hand."""

import math

import pytest
import torch

from tumorview.ml.losses import cross_entropy, cross_entropy_dice, loss_by_name, soft_dice


def certain(labels: torch.Tensor, classes: int, sureness: float = 50.0) -> torch.Tensor:
    return sureness * torch.nn.functional.one_hot(labels, classes).movedim(-1, 1).float()


def test_cross_entropy_is_the_papers_equation():
    logits = torch.tensor([[[[0.0]], [[math.log(3.0)]]]])
    assert cross_entropy(logits, torch.tensor([[[1]]])).item() == pytest.approx(-math.log(0.75))


@pytest.mark.parametrize("classes", [2, 4])
def test_perfect_prediction_costs_nothing(classes: int):
    labels = torch.randint(classes, (3, 8, 8), generator=torch.Generator().manual_seed(0))
    assert cross_entropy_dice(certain(labels, classes), labels).item() == pytest.approx(0.0, abs=1e-5)


def test_soft_dice_counts_over_the_whole_batch():
    labels = torch.zeros(2, 4, 4, dtype=torch.long)
    labels[0, :2] = 1  # 8 pixels in the first slice, none in the second
    found = torch.zeros_like(labels)
    found[0, :1] = 1  # 4 right
    found[1, :1] = 1  # 4 wrong
    expected = 1 - (2 * 4 + 1) / (8 + 8 + 1)
    assert soft_dice(certain(found, 2), labels).item() == pytest.approx(expected, abs=1e-5)


def test_soft_dice_averages_classes_without_background():
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    labels[0, 0], labels[0, 1] = 1, 2
    found = labels.clone()
    found[0, 1] = 0  # class 2 missed, class 1 right
    expected = 1 - (1.0 + 1 / (4 + 1)) / 2
    assert soft_dice(certain(found, 3), labels).item() == pytest.approx(expected, abs=1e-5)


def test_empty_batch_without_marks_costs_nothing_in_dice():
    labels = torch.zeros(2, 4, 4, dtype=torch.long)
    assert soft_dice(certain(labels, 2), labels).item() == pytest.approx(0.0, abs=1e-5)


def test_losses_have_gradients():
    logits = torch.zeros(1, 2, 4, 4, requires_grad=True)
    labels = torch.ones(1, 4, 4, dtype=torch.long)
    loss_by_name("cross_entropy_dice")(logits, labels).backward()
    assert logits.grad is not None
    assert (logits.grad[:, 1] < 0).all()
