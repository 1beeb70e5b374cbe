"""The program's log: the last lines in memory, a rotating file on disk, and never a patient in either.

Nothing should write a path or a name into the log in the first place; the filter is the second line of defence.
"""

import logging
import logging.handlers
import re
import sys
import traceback
from collections import deque
from collections.abc import Iterable
from pathlib import Path

LINES = 500
FILE_NAME = "tumorview.log"
FILE_BYTES = 512 * 1024
BACKUPS = 1
SHORTEST_WORD = 3  # shorter parts of a name would take ordinary words with them
PATH, NAME = "<path>", "<name>"

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_IMAGE_END = r"\.(?:nii(?:\.gz)?|dcm|dicom|ima|img|hdr|tiff?|png|jpe?g)\b"
_STARTS = r"(?:(?<=[\s'\"(=:,\[])|^)(?:[A-Za-z]:[\\/]|~?/|\\\\)"
_PATHS = (
    re.compile(rf"{_STARTS}[^\n]*{_IMAGE_END}", re.IGNORECASE),  # with blanks in the middle
    re.compile(r"(['\"])(?:(?!\1)[^\n])*[\\/](?:(?!\1)[^\n])*\1"),  # quoted
    re.compile(rf"{_STARTS}[^\s'\",;:)\]]+"),
    re.compile(rf"[^\s'\"(=]+{_IMAGE_END}", re.IGNORECASE),  # a file's name alone
)


class Privacy(logging.Filter):
    """Takes paths, file names of images and the names that were told to ``hide`` out of every record."""

    def __init__(self) -> None:
        super().__init__()
        self._words: set[str] = set()

    def hide(self, texts: Iterable[str]) -> None:
        """Whatever of ``texts`` turns up from now on is masked, whole or word by word."""
        for text in texts:
            words = [text, *re.split(r"[^\w]+", text)]
            self._words |= {word for word in words if len(word) >= SHORTEST_WORD and not word.isdecimal()}
            self._words |= {word for word in words if len(word) > SHORTEST_WORD and word.isdecimal()}

    def cleaned(self, text: str) -> str:
        """``text`` without paths and hidden names."""
        for path in _PATHS:
            text = path.sub(PATH, text)
        for word in sorted(self._words, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", NAME, text, flags=re.IGNORECASE)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; every record passes."""
        record.msg, record.args = self.cleaned(record.getMessage()), None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = self.cleaned(_where(record.exc_info[1]))
        record.exc_info = record.stack_info = None
        return True


def _where(error: BaseException) -> str:
    """Kind and places of an exception in our words: a formatted traceback quotes the file system and the source."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"  {Path(frame.filename).name} line {frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([f"{type(error).__name__}: {error}", *places])


class _Ring(logging.Handler):
    """Keeps the last lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one more; the oldest goes."""
        self.lines.append(self.format(record))


class ProgramLog:
    """Listens from the start until ``stop``; with a ``folder`` it writes a rotating file there as well."""

    def __init__(self, folder: Path | None = None) -> None:
        self.privacy = Privacy()
        self.file: Path | None = None
        self._ring = _Ring()
        self._handlers: list[logging.Handler] = [self._ring]
        if folder is not None:
            self._handlers += [self._console(), *self._to_file(folder)]
        root, ours = logging.getLogger(), logging.getLogger("tumorview")
        self._level = ours.level
        ours.setLevel(logging.INFO)
        for handler in self._handlers:
            handler.addFilter(self.privacy)
            handler.setFormatter(logging.Formatter(_FORMAT))
            root.addHandler(handler)

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines, oldest first."""
        return tuple(self._ring.lines)

    def stop(self) -> None:
        """Listen no more; the lines stay."""
        root = logging.getLogger()
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()
        if self._handlers:
            logging.getLogger("tumorview").setLevel(self._level)
        self._handlers = []

    @staticmethod
    def _console() -> logging.Handler:
        handler = logging.StreamHandler()
        handler.setLevel(logging.WARNING)
        return handler

    def _to_file(self, folder: Path) -> list[logging.Handler]:
        self.file = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return [
                logging.handlers.RotatingFileHandler(
                    self.file, maxBytes=FILE_BYTES, backupCount=BACKUPS, encoding="utf-8"
                )
            ]
        except OSError as error:
            sys.stderr.write(f"No log file: {error}\n")
            self.file = None
            return []
