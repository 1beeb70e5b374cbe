"""Pairs of pictures to train on: ``PATIENT_7.png`` and ``PATIENT_7_mask.png``, or one name in ``images`` and ``masks``.

The pictures of a patient are slices in the order of their numbers. Grey ones are FLAIR, those of three channels hold
T1, FLAIR and T1 with contrast, as in the LGG layout, which is often passed on as PNG.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tumorview.core.progress import Progress
from tumorview.core.study import Study
from tumorview.errors import ReadError
from tumorview.io.lgg import Slices, study_of
from tumorview.io.pixels import Pixels, read_pages, to_grey

_SUFFIX = ".png"
_MASK_ENDING = "_mask"
_IMAGE_FOLDERS = frozenset(("image", "images", "img", "imgs"))
_MASK_FOLDERS = ("masks", "mask", "labels", "label")
_NUMBERED = re.compile(r"(?P<patient>.*[^_\s-])[_\s-]+(?P<number>\d{1,6})")


def find_pairs(files: Iterable[Path]) -> list[tuple[Path, Slices]]:
    """Folder and slices of each patient that has pictures with masks; other pictures are left alone."""
    pictures = {path for path in files if path.suffix.lower() == _SUFFIX}
    patients: dict[tuple[Path, str], dict[int, tuple[Path, Path]]] = defaultdict(dict)
    for image in sorted(pictures):
        mask = next((path for path in _masks_of(image) if path in pictures), None)
        if mask is not None and not image.stem.endswith(_MASK_ENDING):
            match = _NUMBERED.fullmatch(image.stem)
            patient, number = (match["patient"], int(match["number"])) if match else (image.stem, 0)
            patients[image.parent, patient][number] = image, mask
    return [
        (folder, Slices(patient, tuple(sorted(pairs)), *zip(*(pairs[n] for n in sorted(pairs)), strict=True)))
        for (folder, patient), pairs in patients.items()
    ]


def read_pairs(slices: Slices, path: Path, progress: Progress) -> Study:
    """The patient's Study, uncalibrated, with its ground truth; ReadError where the pictures are no stack."""
    pages: list[Pixels] = []
    for done, image in enumerate(slices.images):
        progress.check()
        progress.report(done / len(slices.images), "Reading slices")
        page = _three_channels(read_pages(image), image)
        if pages and page.shape != pages[0].shape:
            raise ReadError(
                f"'{image.name}' differs in size from the slices before it.",
                "Slices of one patient are of one size: number only those PATIENT_1, PATIENT_2 ...",
            )
        pages.append(page)
    return study_of(np.stack(pages), slices, path)


def _masks_of(image: Path) -> list[Path]:
    """Where the mask of a picture may lie."""
    found = [image.with_name(f"{image.stem}{_MASK_ENDING}{image.suffix}")]
    if image.parent.name.lower() in _IMAGE_FOLDERS:
        around = image.parent.parent
        names = (image.name, f"{image.stem}{_MASK_ENDING}{image.suffix}")
        found += [around / folder / name for folder in _MASK_FOLDERS for name in names]
    return found


def _three_channels(pixels: Pixels, path: Path) -> Pixels:
    """[row, column, 3] of one picture; a grey one three times."""
    if pixels.shape[0] != 1:
        raise ReadError(f"'{path.name}' holds several pictures.", "Use one picture a slice.")
    page = pixels[0]
    if page.ndim == 3:
        grey, coloured = to_grey(pixels)
        page = page[..., :3] if coloured else grey[0]
    return np.repeat(page[..., None], 3, axis=2) if page.ndim == 2 else page
