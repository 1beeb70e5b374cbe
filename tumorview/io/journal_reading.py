"""Reading a journal back: its records are played into a mask, as the session did, up to the first fault."""

import json
import os
import zlib
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tumorview.core.edits import Edit, unpack
from tumorview.core.labels import LabelTable
from tumorview.core.mask import Box, MaskArray
from tumorview.core.session_state import Document, ImageReference, SessionState
from tumorview.errors import ReadError
from tumorview.io.journal_file import CRC, HEADER, LENGTH, MAGIC, VERSION, Kind, Record
from tumorview.io.session_json import MALFORMED, edit_from_json, image_from_json, labels_from_json

HEAD_BYTES = HEADER.size + CRC.size


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
    head = file.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return Damage.TORN
    length, kind, found = HEADER.unpack_from(head)
    (head_crc,) = CRC.unpack_from(head, HEADER.size)
    if zlib.crc32(head[: HEADER.size]) != head_crc or found != number or kind not in iter(Kind):
        return Damage.DAMAGED
    if file.tell() + length + CRC.size > size:
        return Damage.TORN
    payload = file.read(length)
    (crc,) = CRC.unpack(file.read(CRC.size))
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


def _split(payload: bytes) -> tuple[Any, bytes]:
    (length,) = LENGTH.unpack_from(payload)
    end = LENGTH.size + length
    return json.loads(payload[LENGTH.size : end]), payload[end:]
