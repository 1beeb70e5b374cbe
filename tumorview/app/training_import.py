"""Reading a case, checking it, and preparing it for the trainer: framed slices in the LGG layout in the run's folder.

The user's files are read and never written.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorview.app.jobs import JobContext
from tumorview.app.restoring import grid_of, study_as_in
from tumorview.app.session_files import open_session
from tumorview.app.training_cases import (
    CaseRecord,
    OpenCase,
    Problem,
    ProblemKind,
    find_cases,
    marked_twins,
    next_id,
    patient_of,
    source_site,
)
from tumorview.app.training_store import Bytes, PreparedCase, forget, load_fingerprints, write_case
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.progress import Progress
from tumorview.core.resample import overlaps, resample_mask
from tumorview.core.study import LIKELY, Role, Study
from tumorview.errors import GeometryError, ModelError, ReadError, TrainingError
from tumorview.io.case_finder import CaseFiles, Layout
from tumorview.io.case_reader import read_case
from tumorview.ml import inputs
from tumorview.ml.data_files import framed_labels

_NOT_ALL = "All labels of the mask count as tumour: {}."


def import_case(
    source: CaseFiles | OpenCase, case_id: str, run_folder: Path, *, added: Path | None = None,
    context: Progress | None = None,
) -> CaseRecord:  # fmt: skip
    """Read, check and prepare one case; what is wrong with it is in the record. WriteError where the disk is full."""
    context = context or Progress()
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
    write_case(prepared, case_id, run_folder)
    tumour = prepared.labels > 0
    head = np.count_nonzero(prepared.images[:, 1] > 0) or 1
    return replace(
        record,
        roles=prepared.roles,
        slices=len(prepared.images),
        tumour_slices=int(tumour.any((1, 2)).sum()),
        volume_ml=None if prepared.volume_ml is None else round(prepared.volume_ml, 2),
        burden=round(float(np.count_nonzero(tumour) / head), 6),
        problems=(*notes, *prepared.notes),
    )


def import_cases(
    run_folder: Path, cases: Sequence[CaseRecord], sources: Sequence[Path | OpenCase], context: JobContext
) -> list[CaseRecord]:
    """A job: the cases so far and those that ``sources`` hold, read, checked and prepared; copies are marked.

    Each record is published as soon as it is there. A case that is on the list already is not read twice, unless it had
    a problem that may have been solved since.
    """
    found: list[tuple[CaseFiles | OpenCase, Path | None]] = []
    for source in sources:
        if isinstance(source, OpenCase):
            found.append((source, None))
        else:
            found += [(case, source) for case in find_cases(source, context)]
    if not found:
        names = ", ".join(source.name for source in sources if isinstance(source, Path))
        raise TrainingError(
            f"No case was found in {names}.",
            "A case is an image with a mask: LGG TIFF, NIfTI with NAME_mask or NAME_seg, BIDS, nnU-Net, PNG with"
            " NAME_mask, DICOM with a mask, or a .tvsession file.",
        )
    result = _without_reread(cases, found, run_folder)
    known = {(case.title, case.source) for case in result}
    for done, (case, added) in enumerate(found):
        context.check()
        context.report(done / len(found), f"Case {done + 1} of {len(found)}")
        if isinstance(case, CaseFiles) and (case.title, str(case.path)) in known:
            continue
        part = context.part(done / len(found), (done + 1) / len(found))
        record = import_case(case, next_id(result), run_folder, added=added, context=part)
        result.append(record)
        context.publish(record)
    context.report(1.0, "Looking for copies")
    return marked_twins(result, load_fingerprints(run_folder, result), context)


def _without_reread(
    cases: Sequence[CaseRecord], found: Sequence[tuple[CaseFiles | OpenCase, Path | None]], run_folder: Path
) -> list[CaseRecord]:
    """The cases without those to be read anew: an open study with its mask as it is now, what could not be used."""
    open_now = {str(case.study.path) for case, _ in found if isinstance(case, OpenCase)}
    again = {(case.title, str(case.path)) for case, _ in found if isinstance(case, CaseFiles)}
    stale = [
        case
        for case in cases
        if (case.layout is Layout.OPEN and case.source in open_now)
        or (not case.usable and (case.title, case.source) in again)
    ]
    for case in stale:
        forget(run_folder, case.id)
    return [case for case in cases if case not in stale]


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


def _read(source: CaseFiles | OpenCase, context: Progress) -> tuple[Study, Mask, tuple[Problem, ...]]:
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
            "Put each mask beside its image as NAME_mask; or open the case, correct its mask, and save the session.",
        )
    return study, mask_or_none, tuple(Problem(ProblemKind.NOTE, text) for text in notes)


def _prepared(study: Study, mask: Mask, context: Progress) -> PreparedCase:
    _require_flair(study)
    flair = study.channels[Role.FLAIR]
    assert flair is not None, "required above"
    if not mask.has_labels:
        raise _CaseError(ProblemKind.EMPTY_MASK, "The mask is empty.", "Mark the tumour, or leave the case out.")
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
    return PreparedCase(images, framed_mask, roles, volume, notes + _label_notes(mask))


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
