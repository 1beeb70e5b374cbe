"""Series as NIfTI files in exact geometry, whichever study at a path they belong to. Part of ``app.tasks``."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tumorview.app.jobs import JobContext
from tumorview.core.study import Study
from tumorview.errors import ReadError
from tumorview.io import export as exports
from tumorview.io import registry
from tumorview.io.atomic import make_folder


def convert(study: Study, output: Path, *, uid: str | None = None) -> Path:
    """Write one series (the reference one if ``uid`` is None) as NIfTI in exact geometry."""
    series = study.reference if uid is None else study_with_series(study, uid).by_uid(uid)
    exports.write_nifti_volume(series.volume, output)
    return output


def convert_all(study: Study, folder: Path) -> list[Path]:
    """Write every series as ``<uid>.nii.gz`` into ``folder``."""
    make_folder(folder)
    return [convert(study, folder / f"{series.uid}.nii.gz", uid=series.uid) for series in study.series]


def convert_every_study(study: Study, folder: Path, context: JobContext | None = None) -> tuple[list[Path], list[str]]:
    """Write every series of ``study`` and of the other studies that lie where it does; files and warnings.

    A uid that two studies share (files of one name) gets a number.
    """
    written, warnings = convert_all(study, folder), _told(study)
    for other in _others(study, context):
        warnings += _told(other)
        for series in other.series:
            target, count = folder / f"{series.uid}.nii.gz", 1
            while target in written:
                count += 1
                target = folder / f"{series.uid}-{count}.nii.gz"
            written.append(convert(other, target, uid=series.uid))
    return written, list(dict.fromkeys(warnings))


def study_with_series(study: Study, uid: str, context: JobContext | None = None) -> Study:
    """``study``, or the one of the others that lie where it does to which the series ``uid`` belongs.

    Raises ReadError where there is none.
    """
    known = [series.uid for series in study.series]
    if uid in known:
        return study
    for other in _others(study, context):
        found = [series.uid for series in other.series]
        if uid in found:
            return other
        known += found
    raise ReadError(f"There is no series {uid!r} here.", f"Choose one of: {', '.join(known)}.")


def _others(study: Study, context: JobContext | None) -> Iterator[Study]:
    """The other studies at the path of ``study``, opened one after another."""
    for choice in study.choices:
        if choice.key != study.opening.study:
            yield registry.open_study(study.path, context, replace(study.opening, study=choice.key))


def _told(study: Study) -> list[str]:
    return [*study.warnings, *(text for series in study.series for text in series.warnings)]
