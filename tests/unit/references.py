"""Programs of the field that read the same files without knowing of us: dcm2niix and highdicom."""

import shutil
import subprocess
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pytest

from tumorview.core.volume import Volume

WORLD_TOLERANCE_MM = 1e-3
Image = tuple[np.ndarray, np.ndarray]  # voxels [i, j, k] and affine to LPS


def assert_same_in_world(volume: Volume, data: np.ndarray, affine: np.ndarray, *, atol: float = 0.0) -> None:
    """Every voxel of ``volume`` has the value of ``data`` [i, j, k] (``affine`` to LPS) at the same LPS position."""
    corners = volume.geometry.corners()
    index = np.linalg.solve(affine, np.c_[volume.geometry.index_to_world(corners), np.ones(8)].T).T[:, :3]
    off = np.abs((index - np.rint(index)) @ affine[:3, :3].T).max()
    assert off < WORLD_TOLERANCE_MM, f"the grids differ by {off:.4f} mm"
    k, j, i = np.indices(volume.shape).reshape(3, -1)
    world = volume.geometry.index_to_world(np.stack([k, j, i], axis=-1))
    place = np.rint(np.linalg.solve(affine, np.c_[world, np.ones(len(world))].T).T[:, :3]).astype(int)
    assert (place >= 0).all()
    values = data[place[:, 0], place[:, 1], place[:, 2]].reshape(volume.shape)
    np.testing.assert_allclose(volume.data, values, rtol=1e-5, atol=atol)


def agrees_with_one_of(volume: Volume, images: list[Image], *, atol: float = 0.0) -> bool:
    """Whether one of ``images`` is the same as ``volume``, voxel by voxel in the world."""
    for image in images:
        try:
            assert_same_in_world(volume, *image, atol=atol)
        except (AssertionError, IndexError):
            continue
        return True
    return False


def by_highdicom(path: Path) -> Image:
    """An Enhanced file as highdicom reads it."""
    volume = highdicom.imread(path).get_volume(apply_real_world_transform=False, apply_voi_transform=False)
    array = np.asarray(volume.array)
    # highdicom indexes (slice, row, column); its affine maps that index to LPS.
    return array.transpose(2, 1, 0), volume.affine[:, [2, 1, 0, 3]]


def by_dcm2niix(folder: Path, out: Path) -> list[Image]:
    """Every image that dcm2niix makes of ``folder``; skips the test where the program is missing."""
    program = shutil.which("dcm2niix")
    if program is None:
        pytest.skip("dcm2niix is not installed")
    out.mkdir()
    command = [program, "-z", "n", "-b", "n", "-p", "n", "-f", "%s_%d_%e", "-o", str(out), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    images = []
    for path in sorted(out.glob("*.nii")):
        if "_ROI" in path.name:  # a DICOM overlay plane as an image of its own
            continue
        image = nib.load(path)
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
        voxels = np.asarray(image.dataobj).reshape(*image.shape[:3], -1)
        images.extend((voxels[..., number], affine) for number in range(voxels.shape[3]))
    return images
