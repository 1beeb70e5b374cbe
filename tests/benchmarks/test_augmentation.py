"""Augmenting a batch beside training on it: `make bench` prints both figures."""

import numpy as np
import pytest
import torch

from tumorview.ml.augment import Augmenter
from tumorview.ml.recipes import load_recipe


@pytest.mark.benchmark
def test_augment_a_batch_of_16_at_128(benchmark):
    augmenter = Augmenter(load_recipe("lgg").augment, 128)
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (16, 3, 256, 256), dtype=np.uint8)
    labels = random.integers(0, 2, (16, 256, 256), dtype=np.uint8)
    values, target = benchmark(augmenter, images, labels, torch.Generator().manual_seed(0))
    assert values.shape == (16, 3, 128, 128)
    assert target.shape == (16, 128, 128)
