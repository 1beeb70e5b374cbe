"""The header pass over DICOM files: what each frame is and where it lies, without reading a pixel."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import UID

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.dicom_frame import Frame, frames_of
from tumorview.io.dicom_header import Start, read_header
from tumorview.io.untrusted import reading

MOSAIC = "Siemens mosaic"
DIRECTORY_CLASS = "1.2.840.10008.1.3.10"

_THREADS = 8
_TURN = 8  # files that a thread reads in one go: handing over each alone costs as much as parsing it
_AHEAD = 16  # turns that wait to be parsed: 8 MB
# Objects that have rows and columns but are no images to look at.
_NO_IMAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.4.2": "MR Spectroscopy",
    "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation",
    "1.2.840.10008.5.1.4.1.1.481.2": "RT Dose",
}


@dataclass
class Scan:
    """Frames found, and what was left out: objects that are no images by kind, files that could not be read.

    ``others`` counts files that are no DICOM, ``remarks`` are about the folder as a whole.
    """

    frames: list[Frame] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    others: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about files that were left out."""
        lines = [*self.remarks]
        mosaics = self.left_out[MOSAIC]
        if mosaics:
            lines.append(
                f"{mosaics} Siemens mosaics (all slices tiled in one picture) were left out: the tiles carry no"
                " positions."
            )
        objects = {kind: count for kind, count in self.left_out.items() if kind != MOSAIC}
        if objects:
            kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(objects.items()))
            lines.append(f"Objects that are not images were left out: {kinds}.")
        if self.damaged:
            shown = ", ".join(self.damaged[:5]) + (" ..." if len(self.damaged) > 5 else "")
            count = len(self.damaged)
            files = "1 damaged DICOM file was" if count == 1 else f"{count} damaged DICOM files were"
            lines.append(f"{files} left out: {shown}.")
        return tuple(lines)


def scan(paths: Iterable[Path], progress: Progress) -> Scan:
    """Read the headers of those of ``paths`` that are DICOM.

    Threads wait for slow disks and network shares at the same time; the order of the files is kept.
    """
    files = list(paths)
    result = Scan()
    pool = ThreadPoolExecutor(_THREADS, "headers")
    try:
        for done, start in enumerate(_starts(files, pool)):
            progress.check()
            progress.report(done / len(files), f"Reading headers, {done:,} of {len(files):,} files")
            path, outcome = start.path, _outcome(start)
            if isinstance(outcome, ReadError):
                if len(files) == 1:
                    raise outcome
                result.damaged.append(path.name)
            elif isinstance(outcome, str):
                result.left_out[outcome] += 1
            elif outcome is None:
                result.others += 1
            else:
                result.frames.extend(outcome)
    finally:
        pool.shutdown(cancel_futures=True)
    return result


def _starts(files: Sequence[Path], pool: ThreadPoolExecutor) -> Iterator[Start]:
    """The first bytes of ``files``, in order; threads read some ahead."""
    ahead: deque[Future[list[Start]]] = deque()
    for turn in range(0, len(files), _TURN):
        ahead.append(pool.submit(_read, files[turn : turn + _TURN]))
        if len(ahead) == _AHEAD:
            yield from ahead.popleft().result()
    while ahead:
        yield from ahead.popleft().result()


def _read(files: Sequence[Path]) -> list[Start]:
    return [Start.of(path) for path in files]


def _outcome(start: Start) -> list[Frame] | str | ReadError | None:
    """The frames of a DICOM image (none of a DICOMDIR), the kind of another object, an error; None for other files."""
    try:
        if not start.is_dicom:
            return None
        header = read_header(start)
        with reading(start.path, "a DICOM image"):
            kind = header.kind
            if kind == DIRECTORY_CLASS:
                return []
            if kind in _NO_IMAGE_CLASSES or not header.whole("Rows") or not header.whole("Columns"):
                return _NO_IMAGE_CLASSES.get(kind) or _without_pixels(kind)
            header.check_size()
            frames = list(frames_of(header))
            return MOSAIC if "MOSAIC" in frames[0].strings("ImageType") else frames
    except ReadError as error:
        return error


def _without_pixels(kind: str) -> str:
    name = UID(kind).name if kind else "object"
    return name if kind and "Image" not in name else f"{name} without pixels"
