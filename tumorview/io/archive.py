"""Zip archives: unpacked into a folder of our own that goes away again, with everything a hostile one tries refused.

No name in the archive becomes a path of ours unchecked, no byte is written beyond what is allowed, and what an entry
claims about its size is not believed while it is unpacked.
"""

import contextlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.files import MAX_FILES, head
from tumorview.io.untrusted import SUSPICIOUS_BYTES, SUSPICIOUS_RATIO, reading

MAX_UNPACKED = 16 * 2**30  # bytes: a whole study with everything in it, not a bomb
MAX_NESTED = 64  # archives in an archive; archives in those are not opened
MAX_DEPTH = 32  # of folders

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK = 2**20
_SPARE_BYTES = 512 * 2**20  # left free on the disk
_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*\\]')
_SYMLINK = 0o120000


def is_zip(path: Path) -> bool:
    """Whether the file begins as a zip archive does."""
    return path.is_file() and head(path, 4) in _MAGIC


@contextlib.contextmanager
def unpacked(path: Path, progress: Progress | None = None) -> Iterator[Path]:
    """A temporary folder with the files of the archive at ``path``; it is gone afterwards. Raises ReadError."""
    with tempfile.TemporaryDirectory(prefix="tumorview-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        budget = _Budget(path.name)
        _unpack(path, folder, budget, progress or Progress())
        nested = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() == ".zip" and is_zip(file)]
        if len(nested) > MAX_NESTED:
            raise ReadError(f"'{path.name}' holds {len(nested)} archives.", "Unpack it first.")
        for file in nested:
            inside = file.with_name(file.name + ".unpacked")
            inside.mkdir()
            _unpack(file, inside, budget, Progress())
            file.unlink()
        yield folder


class _Budget:
    """What may still be written: files and bytes of all archives together."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._files, self._bytes = MAX_FILES, MAX_UNPACKED

    def file(self) -> None:
        self._files -= 1
        if self._files < 0:
            raise ReadError(f"'{self._name}' holds more than {MAX_FILES:,} files.", "Unpack the part you need.")

    def take(self, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise self.bomb()

    def bomb(self) -> ReadError:
        return ReadError(
            f"'{self._name}' unpacks to far more than it holds: it is damaged or made to do harm.",
            "If you trust it, unpack it yourself and open the folder.",
        )


def _unpack(path: Path, folder: Path, budget: _Budget, progress: Progress) -> None:
    with reading(path, "a zip archive"), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        total = sum(entry.file_size for entry in entries)
        packed = path.stat().st_size
        if total > MAX_UNPACKED or (total > SUSPICIOUS_BYTES and total > packed * SUSPICIOUS_RATIO):
            raise budget.bomb()
        if total + _SPARE_BYTES > shutil.disk_usage(folder).free:
            raise ReadError(
                f"'{path.name}' needs {total / 2**30:.1f} GB of temporary space, more than there is.",
                "Free some space, or unpack it elsewhere and open the folder.",
            )
        for done, entry in enumerate(entries):
            progress.check()
            progress.report(done / len(entries), "Unpacking")
            if entry.flag_bits & 1:
                raise ReadError(f"'{path.name}' is protected with a password.", "Unpack it and open the folder.")
            if entry.external_attr >> 16 & 0o170000 == _SYMLINK:
                continue  # a link is no image, and where it leads is not ours
            budget.file()
            target = folder / _safe(entry.filename, path.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():  # the same name twice, or names that differ in case only
                target = target.with_name(f"{done}-{target.name}")
            _copy(archive, entry, target, budget, progress)


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, budget: _Budget, progress: Progress) -> None:
    """One entry, never more bytes than it claims."""
    written = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            progress.check()
            written += len(chunk)
            if written > entry.file_size:
                raise budget.bomb()
            budget.take(len(chunk))
            file.write(chunk)


def _safe(name: str, archive: str) -> Path:
    """The entry's name as a path below our folder; raises ReadError where it leads out of it."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or re.match(r"[A-Za-z]:", parts[0]):
        raise ReadError(
            f"'{archive}' holds a file that would be written outside its folder.", "Do not open archives like this."
        )
    if len(parts) > MAX_DEPTH:
        raise ReadError(f"'{archive}' holds folders more than {MAX_DEPTH} deep.", "Unpack it first.")
    return Path(*(_UNSAFE.sub("_", part)[-120:] for part in parts))
