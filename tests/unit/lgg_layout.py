"""Synthetic patients in the LGG layout: an elliptical head with a bright round tumour in FLAIR."""

from pathlib import Path

import numpy as np
from PIL import Image


def head_and_tumour(side: int, seed: int, *, tumour: bool = True):
    """[side, side, 3] uint8 image (T1, FLAIR, T1CE) and [side, side] boolean mask."""
    random = np.random.default_rng(seed)
    row, column = np.mgrid[:side, :side] / side - 0.5
    head = (row / 0.45) ** 2 + (column / 0.36) ** 2 < 1
    centre = random.uniform(-0.15, 0.15, 2)
    mask = (np.hypot(row - centre[0], column - centre[1]) < random.uniform(0.07, 0.12)) & tumour
    texture = np.kron(random.uniform(0.7, 1.0, (16, 16)), np.ones((side // 16, side // 16)))
    image = np.stack([head * texture * level for level in (110, 90, 120)], axis=-1)
    image[mask] = (70, 220, 90)
    return image.astype(np.uint8), mask


def write_patient(folder: Path, name: str, slices: int = 4, seed: int = 0, side: int = 256) -> Path:
    """A patient of which every fourth slice is empty; returns the patient's folder."""
    target = folder / name
    target.mkdir(parents=True)
    for number in range(1, slices + 1):
        image, mask = head_and_tumour(side, seed * 100 + number, tumour=number % 4 != 0)
        Image.fromarray(image).save(target / f"{name}_{number}.tif")
        Image.fromarray((mask * 255).astype(np.uint8)).save(target / f"{name}_{number}_mask.tif")
    return target


def write_data_set(folder: Path, patients: int = 3, slices: int = 4) -> Path:
    """A data set in the LGG layout below ``kaggle_3m``."""
    for index in range(patients):
        write_patient(folder / "kaggle_3m", f"TCGA_XX_{index:04d}_20000101", slices, seed=index + 1)
    return folder
