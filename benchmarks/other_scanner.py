"""Patients of the LGG set as another scanner would have taken them: data of a foreign source, to fine-tune on.

``python benchmarks/other_scanner.py path/to/kaggle_3m OUT PATIENT...`` writes PATIENT_flair.nii.gz, _t1, _t1ce and
_mask into OUT/PATIENT. What differs from the originals: slices are stored as sagittal ones, in-plane pixels are 1.5
times as large, FLAIR leaves fluid bright (as with a wrong inversion time: what was darker than the median of the head
turns brighter than it) and tumours less so, all channels have another gamma, a coil's bias field and noise. A patient
comes out the same each time.
"""

import argparse
import zlib
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from skimage.morphology import convex_hull_image

from tumorview.io.lgg import Slices, find_patients

COARSER = 1.5
PIXEL_MM, SLICE_MM = 0.9375, 5.0  # the originals do not say theirs; these are usual for the collection
FLUID, LESION = 0.9, 0.6  # slopes of FLAIR below (reflected) and above the median of the head
GAMMA = {"t1": 1.4, "flair": 0.75, "t1ce": 1.3}
BIAS, NOISE = 0.4, 0.02
FULL_SCALE = 1500

Floats = npt.NDArray[np.float32]


def read_patient(slices: Slices) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Channels [3, slice, row, column] in 0..1 and the mask."""
    images = np.stack([np.asarray(Image.open(path), np.float32) for path in slices.images])
    masks = [np.asarray(Image.open(path)) > 0 for path in slices.masks if path is not None]
    return images.transpose(3, 0, 1, 2) / np.float32(255), np.stack(masks)


def head_of(flair: Floats) -> npt.NDArray[np.bool_]:
    """The head with all that is dark in it: fluid is reflected there, and air outside is not."""
    solid = ndimage.binary_opening(flair > 0.06, np.ones((1, 5, 5)))
    pieces, _ = ndimage.label(solid)
    largest = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    filled: npt.NDArray[np.bool_] = np.stack([convex_hull_image(one) if one.any() else one for one in largest])
    return filled


def foreign(values: Floats, name: str, head: npt.NDArray[np.bool_], random: np.random.Generator) -> Floats:
    """One channel under the other scanner's law; air stays at 0 but for noise."""
    scaled = values / max(1e-3, float(np.quantile(values[head], 0.995)))
    if name == "flair":
        middle = float(np.median(scaled[head]))
        scaled = middle + np.where(scaled < middle, FLUID * (middle - scaled), LESION * (scaled - middle))
    curved = np.clip(scaled, 0, 1.3) ** GAMMA[name]
    coarse = random.uniform(-1, 1, (3, 3, 3))
    field = ndimage.zoom(coarse, np.array(values.shape) / 3, order=1, mode="nearest", grid_mode=True)
    shaded = curved * np.exp(BIAS * field) * head
    noise = random.normal(0, NOISE, (2, *values.shape))
    result: Floats = np.hypot(shaded + noise[0], noise[1]).astype(np.float32)
    return result


def coarser(values: Floats) -> Floats:
    """Larger pixels, each the mean of what it covers."""
    smooth = ndimage.gaussian_filter(values, (0, COARSER / 3, COARSER / 3))
    result: Floats = ndimage.zoom(smooth, (1, 1 / COARSER, 1 / COARSER), order=1, grid_mode=True, mode="nearest")
    return result


def sagittal(values: npt.NDArray[np.generic]) -> nibabel.Nifti1Image:
    """Axial [slice, row, column] (from the feet, from the front, from the patient's right) stored as sagittal slices.

    The file's axes run to the back, up, and from right to left.
    """
    pixel = PIXEL_MM * COARSER
    affine = np.zeros((4, 4))  # RAS
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = -pixel, SLICE_MM, -pixel, 1
    return nibabel.Nifti1Image(np.ascontiguousarray(values.transpose(1, 0, 2)), affine)


def write_patient(slices: Slices, name: str, out: Path) -> None:
    """All files of one patient; a channel that FLAIR stands in for is not written."""
    channels, mask = read_patient(slices)
    random = np.random.default_rng(zlib.crc32(name.encode()))
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    head = head_of(channels[1])
    for number, role in enumerate(GAMMA):
        if role != "flair" and np.array_equal(channels[number], channels[1]):
            continue
        values = coarser(foreign(channels[number], role, head, random))
        stored = np.rint(values.clip(0) * FULL_SCALE).astype(np.int16)
        nibabel.save(sagittal(stored), folder / f"{name}_{role}.nii.gz")
    marked = coarser(mask.astype(np.float32)) > 0.5
    nibabel.save(sagittal(marked.astype(np.uint8)), folder / f"{name}_mask.nii.gz")


def main() -> None:
    """Write the patients that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lgg", type=Path, help="the LGG set, unpacked (kaggle_3m)")
    parser.add_argument("out", type=Path)
    parser.add_argument("patients", nargs="+", help="folder names of patients")
    wish = parser.parse_args()
    for name in wish.patients:
        (slices,) = find_patients(wish.lgg / name).values()
        write_patient(slices, name, wish.out)
        print(name)


if __name__ == "__main__":
    main()
