"""Cases to train on, found in a folder by their files' names: an image and the mask that was made on it.

Recognised are the LGG layout, NIfTI, NRRD and MetaImage files beside a mask (BraTS among them), BIDS trees with masks
in their derivatives, nnU-Net's trees, PNG pictures with masks, DICOM folders with a mask in or above them, and saved
sessions. Nothing is read here but the first bytes of DICOM and NRRD files.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tumorview.core.progress import Progress
from tumorview.io.dicom_header import is_dicom
from tumorview.io.dicom_seg import is_dicom_seg
from tumorview.io.files import walk
from tumorview.io.lgg import find_patients, is_slice_name
from tumorview.io.mask_names import is_brain_mask_name, is_mask_name, mask_rank, without_mask_words
from tumorview.io.nnunet import find_nnunet
from tumorview.io.picture_pairs import find_pairs
from tumorview.io.series_files import stem_of
from tumorview.io.session_file import SUFFIX
from tumorview.io.volumes import is_segmentation, named_like_volume

_BIDS = re.compile(r"(?P<subject>sub-[A-Za-z0-9]+)(?:_(?P<session>ses-[A-Za-z0-9]+))?(?:_|$)")
_DICOM_SUFFIXES = frozenset(("", ".dcm", ".ima", ".dicom"))
_FEW = 3  # files of a folder that may hold DICOM segmentations instead of a series


class Layout(StrEnum):
    """How the files of a case lie."""

    LGG = "LGG TIFF"
    NIFTI = "NIfTI"
    NRRD = "NRRD"
    METAIMAGE = "MetaImage"
    BIDS = "BIDS"
    NNUNET = "nnU-Net"
    PNG = "PNG"
    DICOM = "DICOM"
    SESSION = "Session"
    OPEN = "Open session"


@dataclass(frozen=True)
class CaseFiles:
    """One case as it was found: ``path`` is its folder (or session file), ``images`` are empty where that says it all.

    ``masks`` are in the order in which they are tried. ``title`` is what the files call the case.
    """

    layout: Layout
    title: str
    path: Path
    images: tuple[Path, ...] = ()
    masks: tuple[Path, ...] = ()


def find_cases(folder: Path, progress: Progress | None = None) -> list[CaseFiles]:
    """Every case in ``folder`` (or the one of a session file), in the order of their paths; ReadError if unreadable."""
    if folder.is_file():
        return [CaseFiles(Layout.SESSION, folder.stem, folder)] if folder.suffix.lower() == SUFFIX else []
    files = list(walk(folder, progress))
    sessions = [CaseFiles(Layout.SESSION, path.stem, path) for path in files if path.suffix.lower() == SUFFIX]
    slices = _lgg_cases(files)
    dicom = _dicom_cases(folder, files, progress or Progress())
    used = {path for case in dicom for path in case.masks}
    rest = [path for path in files if path not in used and named_like_volume(path)]
    nnunet, used = find_nnunet(rest)
    rest = [path for path in rest if path not in used]
    found = [*slices, *dicom, *_bids_cases(rest), *_volume_cases(path for path in rest if _bids_key(path) is None)]
    found += [
        CaseFiles(Layout.NNUNET, case.name, case.root, case.images, (case.labels,) if case.labels else ())
        for case in nnunet
    ]
    found += [
        CaseFiles(Layout.PNG, pairs.patient, place, pairs.images, tuple(path for path in pairs.masks if path))
        for place, pairs in find_pairs(files)
    ]
    return [*sorted(found, key=lambda case: (str(case.path), case.title)), *sessions]


# ---- LGG ---------------------------------------------------------------------------------------------------------


def _lgg_cases(files: Iterable[Path]) -> list[CaseFiles]:
    folders = dict.fromkeys(path.parent for path in files if is_slice_name(path))
    cases = []
    for folder in folders:
        for patient, slices in find_patients(folder).items():
            masks = tuple(path for path in slices.masks if path is not None)
            cases.append(CaseFiles(Layout.LGG, patient, folder, slices.images, masks))
    return cases


# ---- NIfTI, NRRD, MetaImage ----------------------------------------------------------------------------------------


def _bids_key(path: Path) -> tuple[str, str] | None:
    """Subject and session of a file with a BIDS name."""
    match = _BIDS.match(path.name)
    return None if match is None else (match["subject"], match["session"] or "")


def _bids_cases(files: Sequence[Path]) -> list[CaseFiles]:
    """Masks lie in derivatives, the images beside them or in the raw tree, which goes before processed copies."""
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in files:
        key = _bids_key(path)
        if key is not None and not is_brain_mask_name(stem_of(path)):
            groups[key].append(path)
    cases = []
    for (subject, session), paths in groups.items():
        masks = _ranked(filter(_is_mask, paths))
        images = [path for path in paths if path not in masks]
        raw = [path for path in images if "derivatives" not in path.parts]
        if images:
            chosen = tuple(raw or images)
            title = f"{subject} {session}".strip()
            cases.append(CaseFiles(Layout.BIDS, title, chosen[0].parent, chosen, masks))
    return cases


def _volume_cases(files: Iterable[Path]) -> list[CaseFiles]:
    """Folder by folder: images that share the beginning of a mask's name, or all of them where there is one mask."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        if not is_brain_mask_name(stem_of(path)):
            folders[path.parent].append(path)
    return [case for folder, paths in folders.items() for case in _in_one_folder(folder, paths)]


def _in_one_folder(folder: Path, paths: Sequence[Path]) -> list[CaseFiles]:
    masks = list(filter(_is_mask, paths))
    images = [path for path in paths if path not in masks]
    keys: dict[str, list[Path]] = defaultdict(list)
    for mask in masks:
        keys[without_mask_words(stem_of(mask))].append(mask)
    owned: dict[str, list[Path]] = defaultdict(list)
    for image in images:
        stem = stem_of(image).lower()
        fitting = [key for key in keys if key and (stem == key or re.match(rf"{re.escape(key)}[._\s-]", stem))]
        if fitting:
            owned[max(fitting, key=len)].append(image)
    if len(owned) < 2 and images:  # one patient's folder
        title = folder.name
        if len(images) == 1 and owned:
            (key,) = owned
            title = _original_case(key, images[0])
        return [CaseFiles(_layout_of(images[0]), title, folder, tuple(images), _ranked(masks))]
    return [
        CaseFiles(_layout_of(own[0]), _original_case(key, keys[key][0]), folder, tuple(own), _ranked(keys[key]))
        for key, own in owned.items()
    ]


def _original_case(key: str, file: Path) -> str:
    """The key with the capitals of the file's name, which begins with it."""
    return file.name[: len(key)]


def _is_mask(path: Path) -> bool:
    """By its name, or by the segments that its header names."""
    return is_mask_name(stem_of(path)) or is_segmentation(path)


def _layout_of(image: Path) -> Layout:
    endings = {".nrrd": Layout.NRRD, ".nhdr": Layout.NRRD, ".mha": Layout.METAIMAGE, ".mhd": Layout.METAIMAGE}
    return endings.get(image.suffix.lower(), Layout.NIFTI)


def _ranked(masks: Iterable[Path]) -> tuple[Path, ...]:
    """Those named as ground truth first."""
    return tuple(sorted(masks, key=lambda path: (mask_rank(stem_of(path)), path.name)))


# ---- DICOM -------------------------------------------------------------------------------------------------------


def _dicom_cases(root: Path, files: Sequence[Path], progress: Progress) -> list[CaseFiles]:
    """A case is the nearest folder at or above a series that holds a mask; without one, the patient's folder."""
    masks: dict[Path, list[Path]] = defaultdict(list)
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        if named_like_volume(path):
            masks[path.parent].append(path)
        elif path.suffix.lower() in _DICOM_SUFFIXES or path.suffix[1:].isdecimal():
            by_folder[path.parent].append(path)
    series = []
    for folder, paths in by_folder.items():
        progress.check()
        segmentations = [path for path in paths if _perhaps_segmentation(path, len(paths)) and is_dicom_seg(path)]
        masks[folder if len(segmentations) < len(paths) else folder.parent].extend(segmentations)
        if any(path not in segmentations and is_dicom(path) for path in paths[:2] + paths[-1:]):
            series.append(folder)
    found: dict[Path, tuple[Path, ...]] = {}
    for folder in series:
        place, own = _case_of(folder, root, masks)
        found[place] = own
    return [CaseFiles(Layout.DICOM, place.name, place, (), own) for place, own in found.items()]


def _perhaps_segmentation(path: Path, siblings: int) -> bool:
    return siblings <= _FEW or "seg" in path.name.lower()


def _case_of(folder: Path, root: Path, masks: dict[Path, list[Path]]) -> tuple[Path, tuple[Path, ...]]:
    below: Path | None = None  # the child of ``place`` that leads to the series
    place = folder
    while True:
        here = [path for path in masks.get(place, ()) if not is_brain_mask_name(stem_of(path))]
        if here:
            named = [path for path in here if below is not None and path.name.startswith(below.name)]
            if named and below is not None:
                return below, _ranked(named)
            if below is None or place != root or len(here) == 1:
                return place, _ranked(here)
        if place in (root, place.parent):
            return below or place, ()
        below, place = place, place.parent
