"""The journal on disk: an append-only file of checksummed records from which a session is brought back.

``docs/decisions/0006-journal-and-session-files.md`` describes the format byte by byte.
"""

import errno
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tumorview.core.edits import Edit, changed_box, pack, unpack
from tumorview.core.labels import LabelTable
from tumorview.core.mask import Box, MaskArray
from tumorview.core.session_state import Document, ImageReference, SessionState
from tumorview.errors import ReadError
from tumorview.io.atomic import remove_leftover, write_error
from tumorview.io.session_json import (
    MALFORMED,
    edit_from_json,
    edit_to_json,
    image_from_json,
    image_to_json,
    labels_from_json,
    labels_to_json,
)

MAGIC = b"TVJRNL\r\n"  # like PNG's: a transfer that "repairs" line ends is noticed
VERSION = 1
SUFFIX = ".tvjournal"

_HEADER = struct.Struct("<IBI")  # payload length, kind, number of the record
_CRC = struct.Struct("<I")
_LENGTH = struct.Struct("<I")
_HEAD_BYTES = _HEADER.size + _CRC.size


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


class Damage(StrEnum):
    """What ended the reading of a journal."""

    NONE = "none"
    TORN = "torn"  # the last record was being written: the ordinary end after a crash
    DAMAGED = "damaged"  # a checksum does not fit


@dataclass(frozen=True, eq=False)
class JournalContent:
    """What a journal holds up to its first fault; ``good_bytes`` of the file are sound."""

    state: SessionState
    damage: Damage
    good_bytes: int
    records: int


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
    return b"".join([_LENGTH.pack(len(text)), text, *blobs])


def _split(payload: bytes) -> tuple[Any, bytes]:
    (length,) = _LENGTH.unpack_from(payload)
    end = _LENGTH.size + length
    return json.loads(payload[_LENGTH.size : end]), payload[end:]


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
    head = _HEADER.pack(len(record.payload), record.kind, number)
    head_crc = zlib.crc32(head)
    return b"".join([head, _CRC.pack(head_crc), record.payload, _CRC.pack(zlib.crc32(record.payload, head_crc))])


def _write_all(file: BinaryIO, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


# -- reading ---------------------------------------------------------------------------------------------------


def read_journal(path: Path) -> JournalContent:
    """The session in the journal ``path``, up to its first fault.

    Raises ReadError where nothing can be brought back: not a journal, of a newer version, or damaged at its start.
    """
    try:
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as error:
        raise ReadError(f"The journal '{path.name}' may not be read.", "Check the disk and its permissions.") from error


def _read(file: BinaryIO, path: Path) -> JournalContent:
    size = os.fstat(file.fileno()).st_size
    if file.read(len(MAGIC)) != MAGIC:
        raise _nothing_left(path)
    replay: _Replay | None = None
    good, number, damage = len(MAGIC), 0, Damage.NONE
    while good < size:
        record = _next(file, size, number)
        if isinstance(record, Damage):
            damage = record
            break
        try:
            if replay is None:
                replay = _begin(record, path)
            else:
                replay.apply(record)
        except ReadError:
            raise
        except MALFORMED as error:
            if replay is None:
                raise _nothing_left(path) from error
            damage = Damage.DAMAGED
            break
        good, number = file.tell(), number + 1
    if replay is None:
        raise _nothing_left(path)
    return JournalContent(replay.state(), damage, good, number)


def _next(file: BinaryIO, size: int, number: int) -> Record | Damage:
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return Damage.TORN
    length, kind, found = _HEADER.unpack_from(head)
    (head_crc,) = _CRC.unpack_from(head, _HEADER.size)
    if zlib.crc32(head[: _HEADER.size]) != head_crc or found != number or kind not in iter(Kind):
        return Damage.DAMAGED
    if file.tell() + length + _CRC.size > size:
        return Damage.TORN
    payload = file.read(length)
    (crc,) = _CRC.unpack(file.read(_CRC.size))
    return Record(Kind(kind), payload) if zlib.crc32(payload, head_crc) == crc else Damage.DAMAGED


def _begin(record: Record, path: Path) -> "_Replay":
    if record.kind is not Kind.IMAGE:
        raise _nothing_left(path)
    value = json.loads(record.payload)
    if int(value["version"]) > VERSION:
        raise ReadError(
            f"The journal '{path.name}' was written by a newer TumorView.", "Open it with that version; it is kept."
        )
    return _Replay(image_from_json(value))


def _nothing_left(path: Path) -> ReadError:
    return ReadError(
        f"The journal '{path.name}' is damaged at its very start: nothing in it can be restored.",
        "Keep the file if the work matters, otherwise discard it.",
    )


class _Replay:
    """Plays records into a mask, as the session did."""

    def __init__(self, image: ImageReference) -> None:
        self._image = image
        shape = image.geometry.shape
        self._data: MaskArray = np.zeros(shape, np.uint8)
        self._provenance: MaskArray = np.zeros(shape, np.uint8)
        self._labels = LabelTable.whole_tumour()
        self._done: list[Edit] = []
        self._undone: list[Edit] = []  # the next to redo last
        self._documents: dict[str, Document] = {}
        self._saved: int | None = 0

    def state(self) -> SessionState:
        """The session as it is now."""
        present = self._labels.covering(np.unique(self._data))  # a crash between a step and the names of its labels
        undone = tuple(reversed(self._undone))
        return SessionState(
            self._image, self._data, self._provenance, present, tuple(self._done), undone, self._saved, self._documents
        )

    def apply(self, record: Record) -> None:
        """Do what ``record`` says; raises one of MALFORMED."""
        match record.kind:
            case Kind.IMAGE:
                self._take_fingerprint(image_from_json(json.loads(record.payload)))
            case Kind.MASK:
                self._put_mask(record.payload)
            case Kind.DONE:
                self._done.append(self._edit(record.payload))
            case Kind.UNDONE:
                self._undone.insert(0, self._edit(record.payload))
            case Kind.STEP:
                self._step(self._edit(record.payload))
            case Kind.UNDO:
                edit = self._done.pop()
                self._undone.append(edit)
                self._put(edit.box, edit.old)
            case Kind.REDO:
                edit = self._undone.pop()
                self._done.append(edit)
                self._put(edit.box, edit.new)
            case _:
                self._take_value(record.kind, json.loads(record.payload))

    def _take_value(self, kind: Kind, value: Any) -> None:  # noqa: ANN401 - JSON
        match kind:
            case Kind.FORGET:
                self._forget(int(value))
            case Kind.LABELS:
                self._labels = labels_from_json(value)
            case Kind.DOCUMENT if value["value"] is None:
                self._documents.pop(value["name"], None)
            case Kind.DOCUMENT:
                self._documents[str(value["name"])] = value["value"]
            case Kind.SAVED:
                self._saved = None if value is None else int(value)

    def _take_fingerprint(self, image: ImageReference) -> None:
        if image.geometry != self._image.geometry:
            raise ValueError("the image changed within a journal")
        self._image = replace(self._image, fingerprint=image.fingerprint)

    def _edit(self, payload: bytes) -> Edit:
        head, packed = _split(payload)
        return edit_from_json(head, packed, self._image.geometry.shape)

    def _step(self, edit: Edit) -> None:
        if self._saved is not None and self._saved > len(self._done):
            self._saved = None  # what was saved had been taken back, and now no step leads there
        self._undone.clear()
        self._done.append(edit)
        self._put(edit.box, edit.new)

    def _forget(self, count: int) -> None:
        if not 0 < count < len(self._done):
            raise ValueError("more steps forgotten than there are")
        del self._done[:count]
        if self._saved is not None:
            self._saved = self._saved - count if self._saved >= count else None

    def _put_mask(self, payload: bytes) -> None:
        head, packed = _split(payload)
        (k0, j0, i0), (k1, j1, i1) = head["start"], head["stop"]
        box = Box((k0, j0, i0), (k1, j1, i1))
        if box.empty or box != box.clipped(self._data.shape):
            raise ValueError("a mask outside the image")
        voxels = unpack(packed, box.shape)
        if voxels is None:
            raise ValueError("a mask whose voxels do not fill its box")
        self._put(box, voxels)

    def _put(self, box: Box, voxels: tuple[MaskArray, MaskArray]) -> None:
        self._data[box.slices], self._provenance[box.slices] = voxels
