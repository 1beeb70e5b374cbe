"""The session file: one zip with JSON, the packed mask and its packed steps; ``docs/decisions/0006`` has the format.

Every byte of the file is covered by one SHA-256 in the zip's comment, so that damage is noticed wherever it is; the
parts have checksums of their own, so that what is sound can still be used.
"""

import datetime
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorview import __version__
from tumorview.core.edits import Edit, changed_box, pack, unpack
from tumorview.core.mask import Box, MaskArray
from tumorview.core.session_state import SessionState
from tumorview.errors import ReadError
from tumorview.io.atomic import atomic_write_bytes
from tumorview.io.session_json import (
    MALFORMED,
    Json,
    edit_from_json,
    edit_to_json,
    image_from_json,
    image_to_json,
    labels_from_json,
    labels_to_json,
)

SUFFIX = ".tvsession"
FORMAT = "tumorview-session"
VERSION = 1
# From the version of the key to the next one. Files of version 1 are the oldest there are.
MIGRATIONS: dict[int, Callable[[Json], Json]] = {}

_JSON, _MASK, _STEPS = "session.json", "mask.bin", "steps.bin"
_SEAL = b"sha256:"
_SEAL_BYTES = len(_SEAL) + 64
_MAX_BYTES = 4 * 2**30  # of a file; the steps of a session are limited to far less
_MAX_JSON_BYTES = 256 * 2**20

_UNREADABLE: tuple[type[Exception], ...] = (*MALFORMED, zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError)

HISTORY_LOST = "The list of steps in the session file is damaged: the mask is complete, but nothing can be undone."
FILE_DAMAGED = "The session file is damaged, yet everything in it could be read. Save it again."


@dataclass(frozen=True, eq=False)
class SessionContent:
    """What a session file holds; ``relative`` leads from its folder to the image, ``warnings`` tell of damage."""

    state: SessionState
    relative: str = ""
    warnings: tuple[str, ...] = ()


# -- writing ---------------------------------------------------------------------------------------------------


def write_session(state: SessionState, path: Path) -> None:
    """Write ``state`` to ``path``, atomically and read back; raises WriteError with a remedy."""
    atomic_write_bytes(path, _sealed(_zipped(state, path.parent)))


def _zipped(state: SessionState, folder: Path) -> bytes:
    box = changed_box((state.data != 0) | (state.provenance != 0))
    mask = b"" if box is None else pack(state.data[box.slices], state.provenance[box.slices])
    steps = b"".join(part for edit in (*state.done, *state.undone) for part in (edit.before, edit.after))
    document = {
        "format": FORMAT,
        "version": VERSION,
        "program": __version__,
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "image": {**image_to_json(state.image), "relative_path": _relative(state.image.path, folder)},
        "labels": labels_to_json(state.labels),
        "mask": None if box is None else {"start": box.start, "stop": box.stop},
        "done": [edit_to_json(edit) for edit in state.done],
        "undone": [edit_to_json(edit) for edit in state.undone],
        "saved": state.saved,
        "documents": dict(state.documents),
        "sha256": {_MASK: hashlib.sha256(mask).hexdigest(), _STEPS: hashlib.sha256(steps).hexdigest()},
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_JSON, json.dumps(document, indent=1, allow_nan=False), zipfile.ZIP_DEFLATED)
        archive.writestr(_MASK, mask)
        archive.writestr(_STEPS, steps)
        archive.comment = bytes(_SEAL_BYTES)
    return content.getvalue()


def _sealed(content: bytes) -> bytes:
    body = content[:-_SEAL_BYTES]
    return body + _seal_of(body)


def _seal_of(body: bytes | memoryview) -> bytes:
    return _SEAL + hashlib.sha256(body).hexdigest().encode()


def _relative(image: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(image, folder.absolute())).as_posix()
    except ValueError:  # another drive
        return ""


# -- reading ---------------------------------------------------------------------------------------------------


def read_session(path: Path) -> SessionContent:
    """The session in ``path``.

    Raises ReadError: not a session, of a newer version, or so damaged that the mask is lost. Where only the steps or
    the wrapping are damaged the rest is given, and a warning says so.
    """
    content = _content(path)
    sound = bytes(content[-_SEAL_BYTES:]) == _seal_of(memoryview(content)[:-_SEAL_BYTES])
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            document = _migrated(_document(archive), path)
            parts = {name: _part(archive, name, document["sha256"][name]) for name in (_MASK, _STEPS)}
        return _assembled(document, parts, path, sound=sound)
    except ReadError:
        raise
    except _UNREADABLE as error:
        raise _damaged(path) from error


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ReadError(f"'{path.name}' is larger than any session of TumorView.", "Choose a session file.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ReadError(f"The session '{path.name}' does not exist.", "It may have been moved or renamed.") from error
    except OSError as error:
        raise ReadError(f"The session '{path.name}' may not be read.", "Change its permissions or copy it.") from error


def _document(archive: zipfile.ZipFile) -> Json:
    if archive.getinfo(_JSON).file_size > _MAX_JSON_BYTES:
        raise ValueError("a document of such a size")
    document = json.loads(archive.read(_JSON))
    if document["format"] != FORMAT:
        raise ValueError("another format")
    return dict(document)


def _migrated(document: Json, path: Path) -> Json:
    version = int(document["version"])
    if version > VERSION:
        raise ReadError(
            f"The session '{path.name}' was written by a newer TumorView ({document.get('program', 'unknown')}).",
            "Update TumorView to open it; the file was not touched.",
        )
    for step in range(version, VERSION):
        document = MIGRATIONS[step](document)
    return document


def _part(archive: zipfile.ZipFile, name: str, digest: str) -> bytes | None:
    """The member ``name``, stored without packing; None where it is damaged."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        return None
    try:
        content = archive.read(name)
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError):
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None


def _assembled(document: Json, parts: Mapping[str, bytes | None], path: Path, *, sound: bool) -> SessionContent:
    image = image_from_json(document["image"])
    mask, packed = parts[_MASK], parts[_STEPS]
    if mask is None:
        raise _damaged(path)
    data, provenance = _mask_voxels(document["mask"], mask, image.geometry.shape)
    warnings: tuple[str, ...] = () if sound else (FILE_DAMAGED,)
    done, undone = document["done"], document["undone"]
    saved = None if document["saved"] is None else int(document["saved"])
    steps: tuple[Edit, ...] | None = None
    if packed is not None:
        steps = _steps([*done, *undone], packed, image.geometry.shape)
    if steps is None:
        steps, done, warnings, saved = (), [], (HISTORY_LOST,), 0
    state = SessionState(
        image=image,
        data=data,
        provenance=provenance,
        labels=labels_from_json(document["labels"]).covering(np.unique(data)),
        done=steps[: len(done)],
        undone=steps[len(done) :],
        saved=saved,
        documents={str(name): value for name, value in document["documents"].items()},
    )
    return SessionContent(state, str(document["image"].get("relative_path", "")), warnings)


def _mask_voxels(extent: Json | None, packed: bytes, shape: tuple[int, int, int]) -> tuple[MaskArray, MaskArray]:
    data, provenance = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    if extent is not None:
        (k0, j0, i0), (k1, j1, i1) = extent["start"], extent["stop"]
        box = Box((int(k0), int(j0), int(i0)), (int(k1), int(j1), int(i1)))
        if box.empty or box != box.clipped(shape):
            raise ValueError("a mask outside its image")
        voxels = unpack(packed, box.shape)
        if voxels is None:
            raise ValueError("a mask whose voxels do not fill its box")
        data[box.slices], provenance[box.slices] = voxels
    return data, provenance


def _steps(heads: Sequence[Json], packed: bytes, shape: tuple[int, int, int]) -> tuple[Edit, ...] | None:
    """The edits of ``heads``, whose voxels follow each other in ``packed``; None where they do not."""
    edits, place = [], 0
    try:
        for head in heads:
            size = int(head["before"]) + int(head["after"])
            edits.append(edit_from_json(head, packed[place : place + size], shape))
            place += size
    except MALFORMED:
        return None
    return tuple(edits) if place == len(packed) else None


def _damaged(path: Path) -> ReadError:
    return ReadError(
        f"'{path.name}' is damaged or is no session of TumorView.", "Open a copy of it, or an earlier session."
    )
