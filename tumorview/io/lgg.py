"""The layout of the LGG segmentation data set: a folder of ``<patient>_<n>.tif`` with ``<patient>_<n>_mask.tif``.

Each image is 8-bit with three channels: pre-contrast T1, FLAIR, post-contrast T1, in radiological display. Where a
sequence was never acquired the data set repeats FLAIR in its channel; such a channel is no series of its own.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask, MaskArray
from tumorview.core.opening import Opening, StudyChoice, chosen
from tumorview.core.progress import Progress
from tumorview.core.study import MODEL_CHANNELS, Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import ReadError
from tumorview.io.files import children, walk
from tumorview.io.mask_pixels import labels_of
from tumorview.io.pixels import Pixels, raster_kind, read_info, read_pages

FRAME = (256, 256)  # pixels of a slice that has the training data's framing already

_NAME = re.compile(r"(?P<patient>.+)_(?P<number>\d{1,6})(?P<mask>_mask)?\.tiff?", re.IGNORECASE)
_DESCRIPTIONS = {Role.T1: "T1, pre-contrast", Role.FLAIR: "FLAIR", Role.T1CE: "T1, post-contrast"}


@dataclass(frozen=True)
class Slices:
    """The files of one patient in slice order; ``masks`` has None where a slice has no mask file."""

    patient: str
    numbers: tuple[int, ...]
    images: tuple[Path, ...]
    masks: tuple[Path | None, ...]


class LggReader:
    """Reads one patient's folder, or one slice of it, as three Series with their ground truth."""

    name = "LGG layout"

    def recognises(self, path: Path) -> bool:
        """Whether ``path`` is a three-channel 8-bit TIFF slice, or a folder (of folders) of them."""
        if path.is_dir():
            first = _first_image(path)
            return first is not None and _is_slice(first)
        match = _NAME.fullmatch(path.name)
        return match is not None and not match["mask"] and _is_slice(path)

    def read(self, path: Path, progress: Progress, opening: Opening) -> Study:
        """The Study of a patient in ``path``; a data set of several opens where ``opening`` names one or asks."""
        if path.is_file():
            return read_patient(_one_slice(path), path, progress)
        patients = _patients_below(path)
        choices = tuple(
            StudyChoice(one.patient, one.patient, f"{len(one.images)} slices: T1, FLAIR, T1CE") for one in patients
        )
        if len(patients) > 1 and not (opening.ask or opening.study):
            raise ReadError(f"'{path.name}' holds {len(patients)} patients.", "Open the folder of one patient.")
        number = chosen(choices, opening, path.name, [(3, len(one.images)) for one in patients])
        study = read_patient(patients[number], path, progress)
        if len(choices) == 1:
            return study
        key = choices[number].key
        return replace(study, title=key, choices=choices, opening=opening.naming(key))


def read_patient(slices: Slices, path: Path, progress: Progress) -> Study:
    """The Study of one patient's ``slices``, whatever else lies in their folder ``path``."""
    return study_of(_stack(slices.images, progress), slices, path)


def study_of(stack: Pixels, slices: Slices, path: Path) -> Study:
    """The Study of pixels [slice, row, column, 3] that were read from the images of ``slices``."""
    geometry = Geometry.uncalibrated(stack.shape[:3], oriented=True)
    truth, warnings = _truth(slices, geometry)
    series, missing = _series(stack, geometry)
    return Study(path=path, series=series, title=path.name, truth=truth, warnings=(*missing, *_gaps(slices), *warnings))


def is_slice_name(path: Path) -> bool:
    """Whether the file is called like an image slice of the layout."""
    match = _NAME.fullmatch(path.name)
    return match is not None and not match["mask"]


def find_patients(folder: Path) -> dict[str, Slices]:
    """The patients whose slices lie directly in ``folder``, by name."""
    images: dict[str, dict[int, Path]] = {}
    masks: dict[tuple[str, int], Path] = {}
    for path in children(folder):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        patient, number = match["patient"], int(match["number"])
        if match["mask"]:
            masks[patient, number] = path
        else:
            images.setdefault(patient, {})[number] = path
    return {patient: _ordered(patient, files, masks) for patient, files in images.items()}


def _ordered(patient: str, files: dict[int, Path], masks: dict[tuple[str, int], Path]) -> Slices:
    numbers = tuple(sorted(files))
    return Slices(patient, numbers, tuple(files[n] for n in numbers), tuple(masks.get((patient, n)) for n in numbers))


def _first_image(folder: Path) -> Path | None:
    for path in walk(folder):
        match = _NAME.fullmatch(path.name)
        if match is not None and not match["mask"] and raster_kind(path) == "TIFF":
            return path
    return None


def _is_slice(path: Path) -> bool:
    if raster_kind(path) != "TIFF":
        return False
    try:
        info = read_info(path)
    except ReadError:
        return False
    return (info.pages, info.channels, info.dtype) == (1, 3, np.dtype(np.uint8))


def _one_slice(path: Path) -> Slices:
    for slices in find_patients(path.parent).values():
        if path in slices.images:
            place = slices.images.index(path)
            return Slices(slices.patient, (slices.numbers[place],), (path,), (slices.masks[place],))
    raise ReadError(f"'{path.name}' is not a slice of the LGG layout.", "Open the patient's folder.")


def _patients_below(folder: Path) -> list[Slices]:
    folders = sorted({path.parent for path in walk(folder) if _NAME.fullmatch(path.name)})
    return [slices for each in folders for slices in find_patients(each).values()]


def _stack(images: tuple[Path, ...], progress: Progress) -> Pixels:
    """Pixels [slice, row, column, 3] of the images."""
    pages: list[Pixels] = []
    for done, path in enumerate(images):
        progress.check()
        progress.report(done / len(images), "Reading slices")
        pixels = read_pages(path)
        if pixels.shape[0] != 1 or pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
            raise ReadError(f"'{path.name}' is not an 8-bit image of three channels.", "Remove it from the folder.")
        if pages and pixels.shape[1:] != pages[0].shape:
            raise ReadError(f"'{path.name}' differs in size from the slices before it.", "Remove it from the folder.")
        pages.append(pixels[0])
    return np.stack(pages)


def _series(stack: npt.NDArray[np.uint8], geometry: Geometry) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    flair = stack[..., MODEL_CHANNELS.index(Role.FLAIR)]
    series, warnings = [], []
    for channel, role in enumerate(MODEL_CHANNELS):
        data = np.ascontiguousarray(stack[..., channel])
        if role is not Role.FLAIR and np.array_equal(data, flair):
            warnings.append(f"{_DESCRIPTIONS[role]} was not acquired: the data set repeats FLAIR in its place.")
            continue
        series.append(
            Series(
                uid=f"lgg-{role.value.lower()}",
                volume=Volume(data, geometry),
                role=role,
                role_confidence=1.0,
                description=_DESCRIPTIONS[role],
                framed=geometry.shape[1:] == FRAME,
            )
        )
    return tuple(series), tuple(warnings)


def _truth(slices: Slices, geometry: Geometry) -> tuple[Mask | None, tuple[str, ...]]:
    files = [path for path in slices.masks if path is not None]
    if not files:
        return None, ()
    if len(files) < len(slices.masks):
        missing = len(slices.masks) - len(files)
        return None, (f"The ground truth was left out: {missing} of {len(slices.masks)} slices have no mask file.",)
    pages: list[MaskArray] = []
    for path in files:
        labels = labels_of(read_pages(path), path)
        if labels.shape != (1, *geometry.shape[1:]):
            return None, (f"The ground truth was left out: '{path.name}' differs in size from its slice.",)
        pages.append(labels[0])
    return Mask(np.stack(pages), geometry), ()


def _gaps(slices: Slices) -> tuple[str, ...]:
    first, last = slices.numbers[0], slices.numbers[-1]
    missing = sorted(set(range(first, last + 1)) - set(slices.numbers))
    if not missing:
        return ()
    names = ", ".join(str(number) for number in missing[:8]) + (" ..." if len(missing) > 8 else "")
    return (f"Slices are missing from the folder: {names}. The slices around them are shown as neighbours.",)
