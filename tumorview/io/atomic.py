"""Writing so that a reader sees the old file or the new one, never half of either."""

import contextlib
import errno
import os
import uuid
from collections.abc import Callable
from pathlib import Path

from tumorview.errors import WriteError

PathAction = Callable[[Path], None]

_REMEDIES = {
    errno.ENOSPC: ("the disk is full", "Free some space or choose another disk."),
    errno.EDQUOT: ("your disk quota is used up", "Free some space or choose another disk."),
    errno.EACCES: ("the folder may not be written to", "Choose a folder of your own."),
    errno.EPERM: ("the folder may not be written to", "Choose a folder of your own."),
    errno.EROFS: ("the disk is read-only", "Choose a folder on another disk."),
    errno.ENOENT: ("its folder does not exist", "Create the folder first or choose another."),
    errno.ENOTDIR: ("its folder does not exist", "Create the folder first or choose another."),
    errno.ENAMETOOLONG: ("its name is too long", "Choose a shorter name."),
}


def atomic_write(path: Path, write: PathAction, *, verify: PathAction | None = None) -> None:
    """Let ``write`` fill a temporary file beside ``path``, fsync it, ``verify`` it, then rename it into place.

    Whatever was at ``path`` stays as it was unless all of that succeeded. ``verify`` raises WriteError where the file
    does not read back as it should. Raises WriteError with a remedy for every failure of the file system.
    """
    check_target(path)
    temporary = path.with_name(f".tumorview-{uuid.uuid4().hex[:12]}{_suffix(path)}")
    try:
        write(temporary)
        _sync(temporary)
        if verify is not None:
            verify(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        remove_leftover(temporary)


def atomic_write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` into ``path`` atomically and check that it reads back."""

    def verify(written: Path) -> None:
        if written.read_bytes() != content:
            raise not_identical(path)

    atomic_write(path, lambda temporary: _put(temporary, content), verify=verify)


def remove_leftover(path: Path) -> None:
    """Delete a file that may not be there; a disk that refuses (a read-only one does even then) is no new error."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """Raise WriteError where ``path`` is a folder or its folder is missing."""
    if path.is_dir():
        raise WriteError(f"'{path}' is a folder, not a file.", "Give the name of a file.")
    if not path.parent.is_dir():
        raise WriteError(
            f"'{path.name}' was not written: the folder '{path.parent}' does not exist.",
            "Create the folder first or choose another.",
        )


def make_folder(folder: Path) -> None:
    """Create ``folder`` (its parent must exist); raises WriteError with a remedy."""
    if folder.exists() and not folder.is_dir():
        raise WriteError(f"'{folder}' is a file, not a folder.", "Give the name of a folder.")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def write_error(path: Path, error: OSError) -> WriteError:
    """The WriteError that says why ``path`` could not be written and what to do."""
    reason, remedy = _REMEDIES.get(error.errno or 0, ("the system refused", "Choose another folder and try again."))
    return WriteError(f"'{path}' was not written: {reason}.", remedy)


def not_identical(path: Path) -> WriteError:
    """The WriteError for an output that does not read back as it was meant."""
    return WriteError(
        f"'{path}' was not written: it did not read back identical.", "Check the disk and try another folder."
    )


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _suffix(path: Path) -> str:
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder for syncing; its rename is journalled
        return
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
