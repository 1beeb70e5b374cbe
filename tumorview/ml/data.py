"""Training data: patients found on disk, split by patient, cached as uint8 slices.

A data set is a folder in the LGG layout (a folder per patient with ``<patient>_<n>.tif`` and ``..._mask.tif``) or any
tree of image and mask pairs (``NAME.ext`` beside ``NAME_mask.ext``; TIFF, PNG or NIfTI).
"""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorview.errors import TrainingDataError, TrainingError, TrainingStorageError
from tumorview.ml.data_files import SUFFIXES, Pair, read_pair

Bytes = npt.NDArray[np.uint8]

_CACHE_VERSION = 1


@dataclass(frozen=True, slots=True)
class PatientFiles:
    """One patient's image and mask files, in slice order."""

    id: str
    site: str
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class SliceSet:
    """All slices of some patients: images [n, 3, s, s] and labels [n, s, s] uint8, ``owner`` [n] into ``patients``."""

    patients: tuple[str, ...]
    images: Bytes
    labels: Bytes
    owner: npt.NDArray[np.int64]

    def indices_of(self, patients: Sequence[str]) -> npt.NDArray[np.int64]:
        """Slices that belong to the patients named, in order."""
        wanted = [index for index, name in enumerate(self.patients) if name in set(patients)]
        return np.flatnonzero(np.isin(self.owner, wanted))

    def with_tumour(self) -> npt.NDArray[np.bool_]:
        """[n] whether the slice has any label."""
        return np.fromiter((bool(part.any()) for part in self.labels), dtype=np.bool_, count=len(self.labels))


def discover(folders: Sequence[Path]) -> list[PatientFiles]:
    """Every patient under the folders, sorted by id; a clear error when there is nothing to train on."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for folder in folders:
        if not folder.is_dir():
            raise TrainingDataError(f"The data folder {folder} does not exist.", "Check --data.")
        for mask in _masks(folder):
            pair = _pair_of(mask)
            found[pair.patient].append(pair)
    if not found:
        raise TrainingError(
            f"No image and mask pairs were found under {', '.join(str(folder) for folder in folders)}.",
            "A pair is NAME.tif and NAME_mask.tif (or .png, .nii.gz) side by side.",
        )
    return [
        PatientFiles(patient, site_of(patient), tuple(sorted(pairs, key=lambda pair: (pair.number, pair.image))))
        for patient, pairs in sorted(found.items())
    ]


def site_of(patient: str) -> str:
    """The institution a patient comes from: TCGA_XX and BraTS collections by prefix, otherwise one site."""
    match = re.match(r"TCGA[_-]([A-Z0-9]{2})[_-]|Brats\d+_([A-Za-z]+)", patient)
    return next(group for group in match.groups() if group) if match else "local"


def load_slices(
    patients: Sequence[PatientFiles],
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SliceSet:
    """Read every pair (or the cache of an earlier reading of the same files) into one SliceSet."""
    key = _fingerprint(patients)
    if cache is not None and (ready := _read_cache(cache, key)) is not None:
        return ready
    images, labels, owner = [], [], []
    for index, patient in enumerate(patients):
        for pair in patient.pairs:
            image, label = read_pair(pair)
            images.append(image)
            labels.append(label)
            owner.extend([index] * len(image))
        if progress is not None:
            progress(index + 1, len(patients))
    loaded = SliceSet(
        tuple(patient.id for patient in patients),
        np.concatenate(images),
        np.concatenate(labels),
        np.asarray(owner, dtype=np.int64),
    )
    if not loaded.labels.any():
        first = patients[0].pairs[0].mask
        raise TrainingError(
            f"Every mask in the data set is empty, {first} for one.", "Training needs slices with marked tumour."
        )
    if cache is not None:
        _write_cache(cache, key, loaded)
    return loaded


def split_patients(
    patients: Sequence[PatientFiles], *, validation: Sequence[str] = (), share: float = 0.15, seed: int = 0
) -> tuple[list[str], list[str]]:
    """(training, validation) ids: those that the recipe names, otherwise drawn per site; no patient is in both."""
    if len(patients) < 2:
        raise TrainingError(
            f"The data set has one patient only ({patients[0].id})." if patients else "The data set is empty.",
            "Training and validation need different patients; add at least one more.",
        )
    ids = [patient.id for patient in patients]
    chosen = _named(patients, validation, "validation") if validation else _draw_per_site(patients, share, seed)
    training = [name for name in ids if name not in chosen]
    if not training:
        raise TrainingError("The validation list names every patient.", "Leave patients to train on.")
    return training, [name for name in ids if name in chosen]


def draw_test_patients(
    patients: Sequence[PatientFiles], share: float, seed: int, *, named: Sequence[str] = ()
) -> list[str]:
    """Ids kept out of training and validation: the ``named`` ones, otherwise about ``share`` of each site's."""
    chosen: set[str] = set()
    if named:
        chosen = _named(patients, named, "test")
    elif share:
        chosen = _draw_per_site(patients, share, seed)
    return [patient.id for patient in patients if patient.id in chosen]


def _named(patients: Sequence[PatientFiles], patterns: Sequence[str], side: str) -> set[str]:
    """Ids of those that the recipe names; names of other data sets are passed over, as long as some are of this one.

    Drawing others instead would validate on patients that the recipe's author trained on, or test on them.
    """
    chosen = {patient.id for patient in patients if any(_names(pattern, patient.id) for pattern in patterns)}
    if not chosen:
        raise TrainingError(
            f"None of the {side} patients that the recipe names is in the data: {_some(patterns)}.",
            f"The data set holds {_some([patient.id for patient in patients])}. Name some of these in [data] {side}, or"
            f" leave that out and give {side}_share to have patients drawn.",
        )
    return chosen


def _some(names: Sequence[str], limit: int = 6) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


def _draw_per_site(patients: Sequence[PatientFiles], share: float, seed: int) -> set[str]:
    """About ``share`` of each site's patients, at least one over all."""
    random = np.random.default_rng(seed)
    sites: dict[str, list[str]] = defaultdict(list)
    for patient in patients:
        sites[patient.site].append(patient.id)
    chosen: set[str] = set()
    for site in sorted(sites):
        count = round(share * len(sites[site]))
        chosen.update(str(name) for name in random.permutation(sites[site])[:count])
    if not chosen:
        largest = max(sorted(sites), key=lambda site: len(sites[site]))
        chosen.add(str(random.permutation(sites[largest])[0]))
    return chosen


def _names(pattern: str, patient: str) -> bool:
    """Whether a recipe's short name ("CS_6188") means this patient."""
    return pattern == patient or re.search(rf"(^|[_-]){re.escape(pattern)}([_-]|$)", patient) is not None


def _masks(folder: Path) -> list[Path]:
    """Every mask file below the folder, linked folders included."""
    endings = tuple(f"_mask{suffix}" for suffix in SUFFIXES)
    walk = os.walk(folder, followlinks=True)
    return sorted(Path(place, name) for place, _, names in walk for name in names if name.endswith(endings))


def _pair_of(mask: Path) -> Pair:
    """The pair that a mask file belongs to; the patient is the name without its trailing slice number."""
    suffix = next(ending for ending in SUFFIXES if mask.name.endswith(f"_mask{ending}"))
    stem = mask.name.removesuffix(f"_mask{suffix}")
    image = mask.with_name(stem + suffix)
    if not image.is_file():
        raise TrainingError(f"{mask} has no image beside it.", f"{image.name} is expected in the same folder.")
    match = re.fullmatch(r"(.+)_(\d+)", stem)
    patient, number = (match[1], int(match[2])) if match and not suffix.startswith(".nii") else (stem, 0)
    return Pair(patient, number, image, mask)


def _fingerprint(patients: Sequence[PatientFiles]) -> str:
    """Changes when any file is added, removed, resized or touched."""
    digest = hashlib.sha256(str(_CACHE_VERSION).encode())
    for patient in patients:
        for pair in patient.pairs:
            for path in (pair.image, pair.mask):
                try:
                    status = path.stat()
                except OSError as error:
                    raise TrainingDataError(
                        f"{path} disappeared while the data set was being read ({error.strerror}).",
                        "Bring the data back, or check the drive it is on.",
                    ) from error
                digest.update(f"{path.name}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read_cache(folder: Path, key: str) -> SliceSet | None:
    """The cached slices, mapped from disk, when they are of the same files."""
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if index["key"] != key:
            return None
        images = np.load(folder / "images.npy", mmap_mode="r")
        labels = np.load(folder / "labels.npy", mmap_mode="r")
    except (OSError, ValueError, KeyError):
        return None
    return SliceSet(tuple(index["patients"]), images, labels, np.asarray(index["owner"], dtype=np.int64))


def _write_cache(folder: Path, key: str, slices: SliceSet) -> None:
    """Written with the index last, so that a half-written cache is never read."""
    index = {"key": key, "patients": slices.patients, "owner": slices.owner.tolist()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.json").unlink(missing_ok=True)
        np.save(folder / "images.npy", slices.images)
        np.save(folder / "labels.npy", slices.labels)
        (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    except OSError as error:
        size = (slices.images.nbytes + slices.labels.nbytes) / 1e9
        raise TrainingStorageError(
            f"The slices could not be kept in {folder} ({error}).", f"They need {size:.1f} GB: free some disk space."
        ) from error
