"""The journal on disk: an append-only file of checksummed records; ``io.journal_reading`` brings a session back.

``docs/decisions/0006-journal-and-session-files.md`` describes the format byte by byte.
"""

import errno
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from tumorview.core.edits import Edit, changed_box, pack
from tumorview.core.labels import LabelTable
from tumorview.core.mask import MaskArray
from tumorview.core.session_state import Document, ImageReference, SessionState
from tumorview.io.atomic import remove_leftover, write_error
from tumorview.io.session_json import edit_to_json, image_to_json, labels_to_json

MAGIC = b"TVJRNL\r\n"  # like PNG's: a transfer that "repairs" line ends is noticed
VERSION = 1
SUFFIX = ".tvjournal"

HEADER = struct.Struct("<IBI")  # payload length, kind, number of the record
CRC = struct.Struct("<I")
LENGTH = struct.Struct("<I")


class Kind(IntEnum):
    """What a record says. The numbers are part of the format."""

    IMAGE = 1  # JSON: the study the mask is on; always the first record, perhaps again with the fingerprint
    MASK = 2  # the mask to begin with, where it is not empty
    DONE = 3  # a step that is in that mask, oldest first
    UNDONE = 4  # a step that was taken back before, the next to redo first
    STEP = 5  # a step is made
    UNDO = 6
    REDO = 7
    FORGET = 8  # JSON: so many of the oldest steps cannot be undone any more
    LABELS = 9  # JSON: the whole label table
    DOCUMENT = 10  # JSON: a named value; null takes it away
    SAVED = 11  # JSON: how many steps were in the mask that was saved last, or null


@dataclass(frozen=True)
class Record:
    """One entry of the journal, not framed yet."""

    kind: Kind
    payload: bytes = b""


# -- records ---------------------------------------------------------------------------------------------------


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def image_record(image: ImageReference) -> Record:
    """The study that the mask is made on."""
    return Record(Kind.IMAGE, _json({"version": VERSION, **image_to_json(image)}))


def step_record(edit: Edit, kind: Kind = Kind.STEP) -> Record:
    """A step with its voxels."""
    return Record(kind, _with_head(edit_to_json(edit), edit.before, edit.after))


def mask_record(data: MaskArray, provenance: MaskArray) -> Record | None:
    """The voxels to begin with; None where all are untouched background."""
    box = changed_box((data != 0) | (provenance != 0))
    if box is None:
        return None
    packed = pack(data[box.slices], provenance[box.slices])
    return Record(Kind.MASK, _with_head({"start": box.start, "stop": box.stop}, packed))


def labels_record(labels: LabelTable) -> Record:
    """The label table."""
    return Record(Kind.LABELS, _json(labels_to_json(labels)))


def document_record(name: str, value: Document) -> Record:
    """A JSON value that is kept under a name; None takes it away."""
    return Record(Kind.DOCUMENT, _json({"name": name, "value": value}))


def forget_record(count: int) -> Record:
    """The oldest ``count`` steps cannot be undone any more."""
    return Record(Kind.FORGET, _json(count))


def saved_record(count: int | None) -> Record:
    """The mask was saved when ``count`` steps were in it."""
    return Record(Kind.SAVED, _json(count))


def state_records(state: SessionState) -> Iterator[Record]:
    """Everything of ``state``, as a journal begins."""
    yield image_record(state.image)
    mask = mask_record(state.data, state.provenance)
    if mask is not None:
        yield mask
    yield from (step_record(edit, Kind.DONE) for edit in state.done)
    yield from (step_record(edit, Kind.UNDONE) for edit in state.undone)
    yield labels_record(state.labels)
    yield from (document_record(name, value) for name, value in state.documents.items())
    yield saved_record(state.saved)


def blank_records(image: ImageReference, labels: LabelTable, documents: Mapping[str, Document]) -> Iterator[Record]:
    """How the journal of an empty mask begins, before its first step."""
    yield image_record(image)
    yield labels_record(labels)
    yield from (document_record(name, value) for name, value in documents.items())


def _with_head(head: object, *blobs: bytes) -> bytes:
    text = _json(head)
    return b"".join([LENGTH.pack(len(text)), text, *blobs])


# -- writing ---------------------------------------------------------------------------------------------------


class JournalFile:
    """A journal that is being written. Every method raises WriteError and leaves a file that can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.vanished = False  # somebody deleted it: only ``start`` makes it anew
        self._file: BinaryIO | None = None
        self._number = 0
        self._good = 0  # bytes that are known to be on disk

    def start(self, records: Iterable[Record]) -> None:
        """Begin anew with ``records``: a file that is there already is replaced as a whole, or stays as it was."""
        temporary = self.path.with_suffix(".tmp")
        self._number = 0
        content = MAGIC + self._framed(records)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.close()
            # Only the user may read it: it names the study.
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            _write_all(self._file, content)
            os.fsync(descriptor)
            self._rename(temporary)
        except OSError as error:
            self.close()
            remove_leftover(temporary)
            raise write_error(self.path, error) from error
        self._good = len(content)
        self.vanished = False

    def append(self, records: Sequence[Record]) -> None:
        """Add ``records`` and wait until they are on the disk; all of them or none are there afterwards."""
        if self._file is None:
            raise ValueError("the journal was not started")
        number = self._number
        content = self._framed(records)
        try:
            if os.fstat(self._file.fileno()).st_nlink == 0:
                self.vanished = True
                raise FileNotFoundError(errno.ENOENT, "the journal was deleted")
            self._file.seek(self._good)
            _write_all(self._file, content)
            os.fsync(self._file.fileno())
        except OSError as error:
            self._number = number
            self._cut()
            raise write_error(self.path, error) from error
        self._good += len(content)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Delete the journal: its session was saved and closed, or given up by the user."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _framed(self, records: Iterable[Record]) -> bytes:
        parts = []
        for record in records:
            parts.append(frame(record, self._number))
            self._number += 1
        return b"".join(parts)

    def _cut(self) -> None:
        """Take half-written records away; where even that fails the reader drops them as torn."""
        try:
            assert self._file is not None
            self._file.truncate(self._good)
        except OSError:
            return

    def _rename(self, temporary: Path) -> None:
        if os.name == "nt":  # Windows does not rename an open file
            self.close()
            temporary.replace(self.path)
            self._file = self.path.open("r+b", buffering=0)
            return
        temporary.replace(self.path)
        descriptor = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def frame(record: Record, number: int) -> bytes:
    """The bytes of ``record`` as the ``number``-th of a file."""
    head = HEADER.pack(len(record.payload), record.kind, number)
    head_crc = zlib.crc32(head)
    return b"".join([head, CRC.pack(head_crc), record.payload, CRC.pack(zlib.crc32(record.payload, head_crc))])


def _write_all(file: BinaryIO, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
