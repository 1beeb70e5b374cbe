"""What a DICOMDIR promises, compared with what lies beside it. Its references are never followed out of its folder."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pydicom.dataset import Dataset

from tumorview.errors import ReadError
from tumorview.io.dicom_header import read_directory
from tumorview.io.untrusted import reading

NAME = "DICOMDIR"


def directory_warnings(directory: Path, files: Iterable[Path]) -> list[str]:
    """Warnings about files that ``directory`` names and that are not among ``files``, or lie outside its folder."""
    try:
        named = _referenced(directory)
    except ReadError as error:
        return [f"{error.message} The files beside it were opened without its help."]
    root = directory.parent
    known = {_folded(path.relative_to(root).parts) for path in files if path.is_relative_to(root)}
    outside = sum(1 for parts in named if not _inside(parts))
    missing = sum(1 for parts in named if _inside(parts) and _folded(parts) not in known)
    warnings = []
    if outside:
        warnings.append(f"The DICOMDIR names {outside} files outside its own folder; they were not opened.")
    if missing:
        warnings.append(f"{missing} of {len(named)} files that the DICOMDIR names are not there.")
    return warnings


def _referenced(directory: Path) -> list[tuple[str, ...]]:
    with reading(directory, "a DICOMDIR"):
        records: Iterable[Dataset] = read_directory(directory).get("DirectoryRecordSequence") or ()
        values = [record.get("ReferencedFileID") for record in records]
        return [(value,) if isinstance(value, str) else tuple(map(str, value)) for value in values if value]


def _inside(parts: tuple[str, ...]) -> bool:
    """Whether a reference stays in its folder: no absolute path, no drive, no way up."""
    return not any(part in ("", "..", ".") or {"/", "\\", ":"} & set(part) for part in parts)


def _folded(parts: Iterable[str]) -> str:
    """A path as CDs are compared: without case, and without the version that some file systems append."""
    return str(PurePosixPath(*parts)).casefold().removesuffix(";1").removesuffix(".")
