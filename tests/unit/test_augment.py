"""Augmentation: reproducible, aligned with the labels, and each event does what its name says."""

import dataclasses

import numpy as np
import pytest
import torch
from lgg_layout import head_and_tumour

from tumorview.ml.augment import (
    FLAIR,
    T1,
    Augmenter,
    carve_mix,
    choose_channels,
    foreign_contrast,
    grey_air,
    noise,
    soft_head,
    tone,
)
from tumorview.ml.preprocess import zscore
from tumorview.ml.recipes import AugmentSettings, load_recipe

STILL = AugmentSettings(flip=0.0)


def batch(count: int = 4, side: int = 128):
    pairs = [head_and_tumour(side, seed) for seed in range(count)]
    images = np.stack([image.transpose(2, 0, 1) for image, _ in pairs])
    return images, np.stack([mask for _, mask in pairs]).astype(np.uint8)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def values(count: int = 8) -> torch.Tensor:
    return torch.from_numpy(batch(count)[0]).float() / 255


def test_without_events_it_is_the_preprocessing_of_inference():
    images, labels = batch()
    inputs, target = Augmenter(STILL, 128)(images, labels, random())
    np.testing.assert_allclose(inputs.numpy(), zscore(images.astype(np.float32) / 255), atol=2e-3)
    assert np.array_equal(target.numpy(), labels)


def test_half_size_is_the_mean_of_four_pixels():
    images, labels = batch()
    inputs, _ = Augmenter(STILL, 64)(images, labels, random())
    small = images.astype(np.float32).reshape(4, 3, 64, 2, 64, 2).mean((3, 5)) / 255
    np.testing.assert_allclose(inputs.numpy(), zscore(small), atol=2e-3)


def test_a_step_depends_on_its_seed_alone():
    augmenter = Augmenter(load_recipe("lgg").augment, 64)
    images, labels = batch()
    first, again, other = (augmenter(images, labels, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_the_cached_slices_are_not_changed():
    images, labels = batch()
    before = images.copy()
    Augmenter(load_recipe("lgg").augment, 128)(images, labels, random())
    assert np.array_equal(images, before)


def test_labels_move_with_the_image():
    settings = AugmentSettings(flip=0.5, rotation_degrees=25, scale=0.2, shift=0.08, elastic=0.05)
    _, labels = batch(8)
    marked = np.where(labels[:, None].repeat(3, 1) > 0, 255, 0).astype(np.uint8)  # the image is its own mask
    inputs, target = Augmenter(settings, 128)(marked, labels, random(3))
    found = inputs[:, 0] > 0
    overlap = (found & (target > 0)).sum() / (found | (target > 0)).sum()
    assert overlap > 0.9
    assert not np.array_equal(target.numpy(), labels)


def test_label_values_are_never_mixed():
    images, labels = batch()
    _, target = Augmenter(AugmentSettings(rotation_degrees=25, elastic=0.05), 96)(images, labels * 4, random())
    assert set(target.unique().tolist()) == {0, 4}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("all_flair", (1, 1, 1)), ("t1_missing", (1, 1, 2)), ("t1ce_missing", (0, 1, 1)), ("t1_alone", (0, 0, 0)),
        ("t1ce_alone", (2, 2, 2)),
    ],
)  # fmt: skip
def test_missing_channels_are_joint_events(event: str, expected: tuple[int, ...]):
    start = values()
    chosen = choose_channels(start, dataclasses.replace(STILL, **{event: 1.0}), random())
    assert torch.equal(chosen, start[:, list(expected)])


def test_event_shares_are_the_recipes():
    start = torch.arange(3.0).reshape(1, 3, 1, 1).expand(20_000, 3, 1, 1)
    settings = dataclasses.replace(STILL, all_flair=0.2, t1_missing=0.1)
    chosen = choose_channels(start, settings, random()).flatten(1)
    all_flair, t1_missing = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 2.0])
    assert (chosen == all_flair).all(1).float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert (chosen == t1_missing).all(1).float().mean().item() == pytest.approx(0.1, abs=0.01)


def test_grey_air_is_above_the_darkest_tissue_and_leaves_flair_alone():
    start = values(32)
    head = soft_head(start)
    changed = grey_air(start.clone(), head, 1.0, random())
    corner = changed[:, T1, :8, :8].mean((1, 2))
    grey = corner > 0.1
    assert 8 <= int(grey.sum()) <= 24  # about half keep the grey air
    assert torch.equal(changed[:, FLAIR], start[:, FLAIR])
    assert float(changed[grey, T1].amin((1, 2)).mean()) < float(corner[grey].mean())


def test_foreign_contrast_keeps_air_at_zero():
    start = values()
    changed = foreign_contrast(start.clone(), 1.0, random())
    assert torch.equal(changed[:, :, :4, :4], torch.zeros(8, 3, 4, 4))
    assert torch.equal(changed[:, FLAIR], start[:, FLAIR])
    assert not torch.equal(changed[:, T1], start[:, T1])


def carvable(count: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    images, labels = batch(count)
    labels[1::2] = 0
    raw = torch.from_numpy(images).float() / 255
    return raw, torch.from_numpy(labels).long(), soft_head(raw)


def test_carved_tumours_are_those_of_another_slice_and_the_donors_stay_as_they_are():
    raw, labels, head = carvable()
    before, labels_before = raw.clone(), labels.clone()
    mixed, target = carve_mix(raw, labels, head, 1.0, random())
    assert torch.equal(raw, before), "donors are read after their own turn: they must not change"
    assert torch.equal(labels, labels_before)
    assert target[1::2].any(), "slices without tumour received one"
    assert set(np.unique(target.numpy())) <= {0, 1}
    for index in range(len(raw)):
        changed = (mixed[index] != raw[index]).any(0)
        assert not (changed & (head[index, 0] <= 0.5)).any(), "nothing lands outside the head"
        assert not ((target[index] != labels[index]) & (head[index, 0] <= 0.5)).any()


def test_without_a_donor_with_tumour_carving_changes_nothing():
    raw, labels, head = carvable()
    mixed, target = carve_mix(raw, torch.zeros_like(labels), head, 1.0, random())
    assert torch.equal(mixed, raw)
    assert not target.any()


def test_bright_tissue_is_not_cut_off():
    """A tumour brighter than its surroundings stays brighter, however the tone changes."""
    start = torch.full((64, 3, 32, 32), 0.6)
    start[:, :, 12:20, 12:20] = 0.9
    head = torch.ones(64, 1, 32, 32)
    changed = tone(start, head, gamma=0.5, contrast=0.15, random=random())
    assert (changed[:, :, 16, 16] / changed[:, :, 4, 4] > 1.1).all()


def test_noise_is_that_of_a_magnitude_image():
    start = values()
    changed = noise(start, 0.2, 1.0, random())
    assert changed.min() >= 0
    error = (changed - start).std((2, 3))
    assert (error > 0).all()
    assert (error < 0.2 * start.std((2, 3))).all()


def test_everything_stays_finite_even_on_blank_slices():
    images, labels = np.zeros((4, 3, 64, 64), np.uint8), np.zeros((4, 64, 64), np.uint8)
    inputs, _ = Augmenter(load_recipe("lgg").augment, 64)(images, labels, random())
    assert torch.isfinite(inputs).all()
