"""The training row of ``bench``: the trainer's own step against a plain loop, tiny here."""

import pytest
import torch

from tumorview.ml import training_benchmark
from tumorview.ml.recipes import Phase


def test_our_step_is_measured_against_a_plain_loop(monkeypatch: pytest.MonkeyPatch):
    for name, value in {"FULL_WIDTH": 2, "_SIZE": 32, "_BATCH": 2, "_ROUNDS": 1}.items():
        monkeypatch.setattr(training_benchmark, name, value)
    monkeypatch.setattr(training_benchmark, "compiler_found", lambda _: False)  # compiling takes a minute
    plain, ours = training_benchmark.training_rows()
    assert plain.name.startswith("training: full width, 32x32, batches of 2: plain eager float32")
    assert ours.name.endswith("bfloat16 autocast, channels last, fused AdamW")
    assert ours.unit == "slices/s"
    assert ours.ratio == pytest.approx(ours.value / plain.value)
    assert min(plain.value, ours.value) > 0


def test_both_learn_the_same_task(monkeypatch: pytest.MonkeyPatch):
    """Neither side of the comparison leaves work out: twenty steps lower the loss of both networks."""
    monkeypatch.setattr(training_benchmark, "FULL_WIDTH", 4)
    monkeypatch.setattr(training_benchmark, "compiler_found", lambda _: False)
    losses = {"ours": [], "plain": []}
    real = training_benchmark.loss_by_name

    def watched(side: str):
        loss = real("cross_entropy_dice")

        def value(logits, labels):
            found = loss(logits, labels)
            losses[side].append(float(found.detach()))
            return found

        return value

    phase = Phase(size=32, steps=1, batch=2, lr=1e-2)
    torch.manual_seed(0)
    images, labels = 0.1 * torch.randn(2, 3, 32, 32), torch.zeros(2, 32, 32, dtype=torch.long)
    images[..., 8:20, 8:20] += 1.0
    labels[:, 8:20, 8:20] = 1
    batch = (images, labels)
    monkeypatch.setattr(training_benchmark, "loss_by_name", lambda _: watched("ours"))
    ours, _ = training_benchmark._our_step(phase, batch)
    monkeypatch.setattr(training_benchmark, "loss_by_name", lambda _: watched("plain"))
    plain = training_benchmark._plain_step(phase, batch)
    for _ in range(20):
        ours()
        plain()
    for side in losses.values():
        assert len(side) == 20
        assert side[-1] < 0.95 * side[0]
