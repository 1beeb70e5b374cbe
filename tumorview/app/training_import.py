"""Reading a case, checking it, and preparing it for the trainer: framed slices in the LGG layout in the run's folder.

The user's files are read and never written. ``aside/<id>`` in the run's folder holds what was prepared,
``aside/<id>.npy`` the fingerprints that tell copies, ``aside/<id>.png`` the picture for the table; ``place`` moves the
chosen cases to ``data``.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorview.app.jobs import JobContext
from tumorview.app.restoring import grid_of, study_as_in
from tumorview.app.session_files import open_session
from tumorview.app.training_cases import (
    CaseRecord,
    Fingerprints,
    OpenCase,
    Problem,
    ProblemKind,
    patient_of,
    source_site,
)
from tumorview.app.training_plan import DATA_NAME
from tumorview.core.geometry import Geometry
from tumorview.core.labels import LabelTable
from tumorview.core.mask import Mask
from tumorview.core.rendering import OverlayStyle, composite, overlay
from tumorview.core.resample import overlaps, resample_mask
from tumorview.core.study import LIKELY, Role, Study
from tumorview.errors import GeometryError, ModelError, ReadError, TrainingError
from tumorview.io.atomic import atomic_write, make_folder, not_identical, write_error
from tumorview.io.case_finder import CaseFiles, Layout
from tumorview.io.case_reader import read_case
from tumorview.io.export import write_png
from tumorview.ml import inputs, twins
from tumorview.ml.data import PatientFiles, discover
from tumorview.ml.data_files import framed_labels, read_pair, write_slices

ASIDE_NAME = "aside"
THUMBNAIL_SIDE = 128
_NOT_ALL = "All labels of the mask count as tumour: {}."

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Slices of one case as the trainer reads them: images [n, 3, 256, 256], labels [n, 256, 256]."""

    images: Bytes
    labels: Bytes
    roles: tuple[str, ...]
    volume_ml: float | None
    notes: tuple[Problem, ...]


def import_case(
    source: CaseFiles | OpenCase, case_id: str, run_folder: Path, *, added: Path | None = None,
    context: JobContext | None = None,
) -> CaseRecord:  # fmt: skip
    """Read, check and prepare one case; what is wrong with it is in the record. WriteError where the disk is full."""
    context = context or JobContext()
    record = _blank(source, case_id, added)
    try:
        study, mask, notes = _read(source, context)
        prepared = _prepared(study, mask, context)
    except _CaseError as error:
        return replace(record, problems=(error.problem,))
    except (ReadError, GeometryError, ModelError) as error:
        other = isinstance(error, GeometryError)
        kind = ProblemKind.OTHER_GEOMETRY if other else ProblemKind.UNREADABLE
        return replace(record, problems=(Problem(kind, error.message, error.remedy),))
    context.check()
    _write(prepared, case_id, run_folder)
    tumour = prepared.labels > 0
    head = np.count_nonzero(prepared.images[:, 1] > 0) or 1
    return replace(
        record,
        roles=prepared.roles,
        slices=len(prepared.images),
        tumour_slices=int(tumour.any((1, 2)).sum()),
        volume_ml=None if prepared.volume_ml is None else round(prepared.volume_ml, 2),
        burden=round(np.count_nonzero(tumour) / head, 6),
        problems=(*notes, *prepared.notes),
    )


def _blank(source: CaseFiles | OpenCase, case_id: str, added: Path | None) -> CaseRecord:
    path = source.study.path if isinstance(source, OpenCase) else source.path
    layout = Layout.OPEN if isinstance(source, OpenCase) else source.layout
    site = source_site(source.title, added or path.parent)
    return CaseRecord(case_id, source.title, layout, str(path), patient_of(source.title), site)


class _CaseError(Exception):
    """The case cannot be used."""

    def __init__(self, kind: ProblemKind, text: str, remedy: str) -> None:
        self.problem = Problem(kind, text, remedy)
        super().__init__(text)


# ---- reading and checking ------------------------------------------------------------------------------------------


def _read(source: CaseFiles | OpenCase, context: JobContext) -> tuple[Study, Mask, tuple[Problem, ...]]:
    """The study and its mask on any grid, and what was noted on the way."""
    if isinstance(source, OpenCase):
        return source.study, source.mask, ()
    if source.layout is Layout.SESSION:
        back = open_session(source.path, context)
        study = study_as_in(back.study, back.state)
        mask = Mask(back.state.data, grid_of(study, back.state), back.state.labels)
        return study, mask, tuple(Problem(ProblemKind.NOTE, text) for text in back.warnings)
    study, mask_or_none, notes = read_case(source, context)
    if mask_or_none is None:
        raise _CaseError(
            ProblemKind.NO_MASK,
            " ".join(("There is no mask of the tumour.", *(text for text in notes if "ground truth" in text))),
            "Put NAME_mask.nii.gz beside the image; or open it, segment and correct it, and save the session.",
        )
    return study, mask_or_none, tuple(Problem(ProblemKind.NOTE, text) for text in notes)


def _prepared(study: Study, mask: Mask, context: JobContext) -> _Prepared:
    _require_flair(study)
    flair = study.channels[Role.FLAIR]
    assert flair is not None, "required above"
    if not mask.has_labels:
        raise _CaseError(
            ProblemKind.EMPTY_MASK, "The mask is empty.", "Mark the tumour, or leave the case out."
        )
    volume = mask.volume_ml()
    mask, notes = _on_grid(mask, flair.volume.geometry)
    framed = inputs.prepare(study, progress=context)
    labels = inputs.presented(mask.data, framed.view)
    marked = np.flatnonzero(labels.any((1, 2))).tolist()
    kept = sorted({*framed.occupied, *marked})
    channels: dict[int, Bytes] = {}
    for voxels in framed.volumes:
        context.check()
        if id(voxels) not in channels:
            values = framed.framing.apply(voxels[kept])
            channels[id(voxels)] = np.rint(values * 255).clip(0, 255).astype(np.uint8)
    images = np.stack([channels[id(voxels)] for voxels in framed.volumes], axis=1)
    roles = tuple(role for role, uid in framed.channels.items() if uid is not None)
    notes += tuple(Problem(ProblemKind.NOTE, text) for text in framed.warnings)
    framed_mask = framed_labels(np.ascontiguousarray(labels[kept]), framed.framing)
    if not framed_mask.any():
        raise _CaseError(ProblemKind.EMPTY_MASK, "The mask lies outside the head.", "Check that it fits the image.")
    return _Prepared(images, framed_mask, roles, volume, notes + _label_notes(mask))


def _require_flair(study: Study) -> None:
    flair = study.channels[Role.FLAIR]
    only = study.series[0]
    mistaken = len(study.series) == 1 and only.role not in (Role.FLAIR, Role.OTHER) and only.role_confidence >= LIKELY
    if flair is None or (mistaken and only.uid not in study.roles):
        found = ", ".join(dict.fromkeys(str(study.role_of(series)) for series in study.series))
        raise _CaseError(
            ProblemKind.NO_FLAIR,
            f"No series is a FLAIR (found: {found}).",
            "Add the FLAIR to the folder; or open the study, say which series is the FLAIR, and add the open session.",
        )


def _on_grid(mask: Mask, grid: Geometry) -> tuple[Mask, tuple[Problem, ...]]:
    """The mask on FLAIR's voxels."""
    if mask.geometry.same_grid(grid):
        return mask, ()
    if mask.geometry.calibrated and grid.calibrated and overlaps(mask.geometry, grid):
        placed = resample_mask(mask, grid)
        if placed.has_labels:
            return placed, (Problem(ProblemKind.NOTE, "The mask was resampled to the FLAIR's grid."),)
    raise _CaseError(
        ProblemKind.OTHER_GEOMETRY,
        f"The mask has {mask.geometry.describe()}, the FLAIR has {grid.describe()}.",
        "Use the mask that was made on this FLAIR, or resample it to the FLAIR's grid.",
    )


def _label_notes(mask: Mask) -> tuple[Problem, ...]:
    numbers = [int(number) for number in np.unique(mask.data) if number]
    if len(numbers) < 2:
        return ()
    return (Problem(ProblemKind.NOTE, _NOT_ALL.format(", ".join(map(str, numbers)))),)


# ---- writing -------------------------------------------------------------------------------------------------------


def _write(prepared: _Prepared, case_id: str, run_folder: Path) -> None:
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


def _verify(folder: Path, prepared: _Prepared) -> None:
    (written,) = discover([folder])
    for number, pair in enumerate(written.pairs):
        image, label = read_pair(pair)
        wanted = prepared.labels[number]
        if not (np.array_equal(image[0], prepared.images[number]) and np.array_equal(label[0], wanted)):
            raise not_identical(folder)


def _thumbnail(prepared: _Prepared) -> Bytes:
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


# ---- which cases the trainer sees ----------------------------------------------------------------------------------


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


def prepared_patients(run_folder: Path) -> list[PatientFiles]:
    """The cases in ``data`` as the trainer finds them; TrainingError where one is damaged."""
    return discover([run_folder / DATA_NAME])
