"""The prepared cases of a training on disk: written whole, moved to where the trainer looks, removed again.

``aside/<id>`` in the run's folder holds what was prepared, ``aside/<id>.npy`` the fingerprints that tell copies,
``aside/<id>.png`` the picture for the table; ``place`` moves the chosen cases to ``data``.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorview.app.training_cases import CaseRecord, Fingerprints, Problem
from tumorview.app.training_plan import DATA_NAME
from tumorview.core.labels import LabelTable
from tumorview.core.rendering import OverlayStyle, composite, overlay
from tumorview.errors import TrainingError
from tumorview.io.atomic import atomic_write, make_folder, not_identical, write_error
from tumorview.io.export import write_png
from tumorview.ml import twins
from tumorview.ml.data import PatientFiles, discover
from tumorview.ml.data_files import read_pair, write_slices

ASIDE_NAME = "aside"
THUMBNAIL_SIDE = 128

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """Slices of one case as the trainer reads them: images [n, 3, 256, 256], labels [n, 256, 256]."""

    images: Bytes
    labels: Bytes
    roles: tuple[str, ...]
    volume_ml: float | None
    notes: tuple[Problem, ...]


def write_case(prepared: PreparedCase, case_id: str, run_folder: Path) -> None:
    """Write into a folder beside the final one, read it back, then rename: a prepared case is whole or not there."""
    aside = run_folder / ASIDE_NAME
    make_folder(aside)
    target, part = aside / case_id, aside / f".{case_id}.part"
    try:
        for leftover in (part, target):
            shutil.rmtree(leftover, ignore_errors=True)
        part.mkdir()
        write_slices(part, case_id, prepared.images, prepared.labels)
        _verify(part, prepared)
        part.rename(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise write_error(target, error) from error
    flair = prepared.images[:, 1]
    marks = twins.fingerprints(flair[twins.shows_head(flair)])
    with_head = aside / f"{case_id}.npy"
    atomic_write(with_head, lambda path: np.save(path, marks))
    write_png(_thumbnail(prepared), thumbnail_path(run_folder, case_id))


def _verify(folder: Path, prepared: PreparedCase) -> None:
    (written,) = discover([folder])
    for number, pair in enumerate(written.pairs):
        image, label = read_pair(pair)
        wanted = prepared.labels[number]
        if not (np.array_equal(image[0], prepared.images[number]) and np.array_equal(label[0], wanted)):
            raise not_identical(folder)


def _thumbnail(prepared: PreparedCase) -> Bytes:
    """The slice with most tumour, RGB, outlined."""
    index = int((prepared.labels > 0).sum((1, 2)).argmax())
    step = prepared.images.shape[-1] // THUMBNAIL_SIDE
    small = prepared.images[index, 1].reshape(THUMBNAIL_SIDE, step, THUMBNAIL_SIDE, step).mean((1, 3))
    mask = (prepared.labels[index, ::step, ::step] > 0).astype(np.uint8)
    outline = overlay(mask, LabelTable.whole_tumour(), OverlayStyle(fill=False, boundary_width=1))
    return composite(small.astype(np.uint8), outline)[..., :3]


def thumbnail_path(run_folder: Path, case_id: str) -> Path:
    """The picture of a prepared case."""
    return run_folder / ASIDE_NAME / f"{case_id}.png"


def load_fingerprints(run_folder: Path, cases: Iterable[CaseRecord]) -> Fingerprints:
    """What tells copies, of each case that was prepared."""
    found = {}
    for case in cases:
        path = run_folder / ASIDE_NAME / f"{case.id}.npy"
        if path.is_file():
            try:
                found[case.id] = np.load(path, allow_pickle=False)
            except (OSError, ValueError):
                continue  # a copy of this case goes unnoticed here; the trainer looks for copies once more
    return found


def place(run_folder: Path, ids: Sequence[str]) -> Path:
    """Have ``data`` hold exactly these prepared cases, the others wait in ``aside``; the data folder."""
    data, aside = run_folder / DATA_NAME, run_folder / ASIDE_NAME
    make_folder(data)
    make_folder(aside)
    try:
        for folder in data.iterdir():
            if folder.name not in ids:
                folder.rename(aside / folder.name)
        for name in ids:
            if not (data / name).is_dir():
                _require_prepared(aside / name)
                (aside / name).rename(data / name)
    except OSError as error:
        raise write_error(data, error) from error
    return data


def _require_prepared(folder: Path) -> None:
    if not folder.is_dir():
        raise TrainingError(
            f"The prepared slices of {folder.name} are gone from {folder.parent}.", "Remove the case and add it again."
        )


def forget(run_folder: Path, case_id: str) -> None:
    """Remove what was prepared of a case; the user's own files stay."""
    for folder in (run_folder / ASIDE_NAME, run_folder / DATA_NAME):
        shutil.rmtree(folder / case_id, ignore_errors=True)
    for suffix in (".npy", ".png"):
        (run_folder / ASIDE_NAME / f"{case_id}{suffix}").unlink(missing_ok=True)


def prepared_folder(run_folder: Path, case_id: str) -> Path:
    """Where the slices of a prepared case are now; TrainingError where they are gone."""
    data, aside = run_folder / DATA_NAME / case_id, run_folder / ASIDE_NAME / case_id
    if data.is_dir():
        return data
    _require_prepared(aside)
    return aside


def prepared_patients(run_folder: Path) -> list[PatientFiles]:
    """The cases in ``data`` as the trainer finds them; TrainingError where one is damaged."""
    return discover([run_folder / DATA_NAME])
