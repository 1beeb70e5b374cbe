"""Reading files that nobody vouches for: every way a parser can fail becomes one sentence and a remedy.

Messages of the format libraries quote what they choke on, and in a medical file that can be the patient's name; they
are therefore neither shown nor logged.
"""

import contextlib
import logging
import struct
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from PIL import Image
from pydicom.errors import BytesLengthException, InvalidDicomError
from tifffile import TiffFileError

from tumorview.errors import ReadError

# What pydicom, nibabel, tifffile and Pillow raise on damaged input (found by reading and by fuzzing them).
PARSER_ERRORS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    HeaderDataError,
    ImageFileError,
    WrapStructError,
    BytesLengthException,
    InvalidDicomError,
    TiffFileError,
    Image.DecompressionBombError,
)

_REMEDY = "Copy it again from its source, or open another file."

MAX_FILE_BYTES = 8 * 2**30  # of voxels in memory: above any brain MRI, below what would bring a workstation down
MAX_DEFLATE_RATIO = 1040  # zlib cannot pack more than 1032 to 1; what claims to is a lie
SUSPICIOUS_RATIO = 150  # images pack 2 to 1, masks up to a few hundred ...
SUSPICIOUS_BYTES = 256 * 2**20  # ... and only small ones do


def silence_parsers() -> None:
    """Keep the format libraries' own log lines, which quote file contents, out of every log."""
    for name in ("pydicom", "nibabel.global", "tifffile", "PIL"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)


silence_parsers()


class _Quiet:
    """Python's warnings are off while anybody is inside; the setting is the process's, and readers run in threads."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)


_quiet = _Quiet()


@contextlib.contextmanager
def reading(path: Path, what: str, remedy: str = _REMEDY) -> Iterator[None]:
    """Turn a parser's failure inside the block into a ReadError; ``what`` says what the file was taken for."""
    with _quiet:
        try:
            yield
        except PermissionError as error:
            raise ReadError(
                f"'{path.name}' may not be read by this user.", "Change its permissions, or copy it to your own folder."
            ) from error
        except FileNotFoundError as error:
            raise ReadError(f"'{path.name}' does not exist.", "Check the path.") from error
        except PARSER_ERRORS as error:
            raise ReadError(f"'{path.name}' is damaged or cut short: it cannot be read as {what}.", remedy) from error


def check_allocation(path: Path, wanted: int, stored: int, *, compressed: bool) -> None:
    """Raise ReadError unless ``wanted`` bytes of voxels can come from a file of ``stored`` bytes."""
    if wanted > MAX_FILE_BYTES:
        raise ReadError(
            f"'{path.name}' claims {wanted / 2**30:.1f} GB of voxels, more than TumorView opens.",
            "If the image really is that large, reduce it first.",
        )
    ratio = wanted / max(stored, 1)
    hostile = ratio > MAX_DEFLATE_RATIO or (wanted > SUSPICIOUS_BYTES and ratio > SUSPICIOUS_RATIO)
    if ratio > 1 and (not compressed or hostile):
        raise ReadError(
            f"'{path.name}' is cut short or its header is wrong: it claims {wanted:,} bytes of voxels"
            f" but holds {stored:,} bytes.",
            "Copy it again from its source.",
        )
