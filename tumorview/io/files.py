"""Finding files: listing folders, natural order, the first bytes."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tumorview.core.progress import Progress
from tumorview.errors import ReadError

MAX_FILES = 100_000

_IGNORED_FOLDERS = {"__MACOSX"}


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts ``slice_2`` before ``slice_10``."""
    parts = re.split(r"(\d+)", text.casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def walk(folder: Path, progress: Progress | None = None) -> Iterator[Path]:
    """Regular files under ``folder`` in natural order, hidden ones left out; links to folders are not followed.

    Raises ReadError for a folder that cannot be listed or holds more than MAX_FILES.
    """
    found = 0
    for name, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted((f for f in folders if not _hidden(f)), key=natural_key)
        if progress is not None:
            progress.check()
        for file in sorted(files, key=natural_key):
            path = Path(name, file)
            if _hidden(file) or not path.is_file():
                continue
            found += 1
            if found > MAX_FILES:
                raise ReadError(
                    f"'{folder.name}' holds more than {MAX_FILES:,} files.", "Open the folder of one patient."
                )
            yield path


def children(folder: Path) -> list[Path]:
    """Regular, visible files directly in ``folder``, in natural order."""
    try:
        paths = [path for path in folder.iterdir() if not _hidden(path.name) and path.is_file()]
    except OSError as error:
        _refuse(error)
    return sorted(paths, key=lambda path: natural_key(path.name))


def several_warning(count: int) -> str:
    """What is said where one of ``count`` studies was opened because nobody said which."""
    return f"There are {count} studies here; the fullest was opened (another: Choose Study, or --study)."


def head(path: Path, count: int) -> bytes:
    """The first ``count`` bytes of a file; fewer where it is shorter, none where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in _IGNORED_FOLDERS


def _refuse(error: OSError) -> None:
    name = Path(error.filename or "").name
    raise ReadError(
        f"The folder '{name}' cannot be listed.", "Change its permissions, or copy it to your own folder."
    ) from error
