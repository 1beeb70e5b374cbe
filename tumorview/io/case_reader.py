"""Reading a case that ``case_finder`` found: its study and the mask that was made on it."""

from dataclasses import replace
from pathlib import Path

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.progress import Progress
from tumorview.core.study import Study
from tumorview.errors import GeometryError, OtherGridError, ReadError
from tumorview.io.case_finder import CaseFiles, Layout
from tumorview.io.lgg import Slices, find_patients, read_patient
from tumorview.io.nnunet import channel_roles
from tumorview.io.picture_pairs import read_pairs
from tumorview.io.registry import open_mask, open_study
from tumorview.io.roles import NAMED
from tumorview.io.series_files import unique_series
from tumorview.io.volumes import read_volume_series


def read_case(files: CaseFiles, progress: Progress) -> tuple[Study, Mask | None, tuple[str, ...]]:
    """The study, its mask on FLAIR's grid (None where there is none), and what had to be decided.

    Raises ReadError, and GeometryError where the mask lies elsewhere than the image.
    """
    if files.layout is Layout.LGG:
        slices = find_patients(files.path).get(files.title)
        if slices is None:
            raise ReadError(f"The slices of '{files.title}' are gone.", "Bring the folder back.")
        study = read_patient(slices, files.path, progress)
        return study, study.truth, () if study.truth is not None else study.warnings
    if files.layout is Layout.PNG:
        pairs = Slices(files.title, tuple(range(1, 1 + len(files.images))), files.images, files.masks)
        study = read_pairs(pairs, files.path, progress)
        return study, study.truth, () if study.truth is not None else study.warnings
    study = open_study(files.path, progress) if files.layout is Layout.DICOM else _volume_study(files, progress)
    if not files.masks:
        return study, study.truth, ()
    mask, notes = _mask_on(files.masks[0], study.reference.volume.geometry)
    left_out = ", ".join(f"'{path.name}'" for path in files.masks[1:])
    if left_out:
        notes += (f"There are several masks: '{files.masks[0].name}' was taken, {left_out} left out.",)
    return study, mask, notes


def _volume_study(files: CaseFiles, progress: Progress) -> Study:
    series = []
    told = channel_roles(files.images, files.path) if files.layout is Layout.NNUNET else {}
    for done, path in enumerate(files.images):
        progress.check()
        progress.report(done / len(files.images), "Reading images")
        own = read_volume_series(path)
        if path in told:
            own = [replace(one, role=told[path], role_confidence=NAMED) for one in own]
        series += own
    return Study(path=files.path, series=unique_series(series), title=files.title)


def _mask_on(path: Path, grid: Geometry) -> tuple[Mask, tuple[str, ...]]:
    """The mask on ``grid``; one that shares its place but not its voxels is resampled, and that is noted."""
    try:
        mask = open_mask(path, grid)
    except OtherGridError:
        mask = open_mask(path, grid, resample=True)
        if not mask.has_labels:
            raise GeometryError(
                f"The mask '{path.name}' has no label within the image.", "Use the mask that was made on this image."
            ) from None
    return mask, mask.remarks
