"""Follows a session and has every finished step on disk a moment later, so that a crash costs nothing.

One thread writes (``app.journal_writer``); whoever edits never waits for a disk. ``app.abandoned`` finds the rest.
"""

import uuid
from collections.abc import Callable
from pathlib import Path

from tumorview.app.abandoned import Abandoned
from tumorview.app.journal_writer import JournalWriter
from tumorview.app.session import Session
from tumorview.app.snapshot import snapshot
from tumorview.core.event import Event
from tumorview.core.history import Move, MoveKind
from tumorview.core.mask import Mask
from tumorview.core.session_state import ImageReference, fingerprint
from tumorview.core.study import Study
from tumorview.errors import WriteError
from tumorview.io import journal_file
from tumorview.io.journal_file import SUFFIX, Kind, Record

FOLDER = "journals"  # beside the settings


class Journal:
    """The journal of what ``session`` shows, in ``folder``; begins with the first step of a study.

    ``problem`` is emitted, on the writer's thread, with the WriteError when nothing can be written any more and with
    None once everything is on disk again: until then the work is in memory only.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self.folder = folder
        self.problem: Event[WriteError | None] = Event()
        self._session = session
        self._writer: JournalWriter | None = None
        self._mask: Mask | None = None  # that the file is about
        self._former: Abandoned | None = None
        self._stops: list[Callable[[], None]] = [
            session.study_changed.connect(self._study_changed),
            session.moved.connect(self._moved),
            session.saved.connect(lambda _: self._saved()),
            session.labels_changed.connect(lambda _: self._labels_changed()),
            session.records.changed.connect(self._record_changed),
        ]

    @property
    def path(self) -> Path | None:
        """The file that is being written; None where nothing was done yet."""
        return None if self._writer is None else self._writer.path

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until every finished step is on disk; False where that could not be done in ``timeout`` seconds."""
        return self._writer is None or self._writer.flush(timeout)

    def replaces(self, former: Abandoned) -> None:
        """The study that is opened next is brought back from ``former``, deleted once its successor is on disk."""
        self._former = former

    def close(self, *, keep: bool = False) -> None:
        """Stop following. The journal is deleted, as its session was saved or given up, unless it is to be kept."""
        for stop in self._stops:
            stop()
        writer = self._writer
        self._end(keep=keep)
        if writer is not None:
            writer.join()

    # -- following the session ---------------------------------------------------------------------------------

    def _study_changed(self, study: Study | None) -> None:
        self._end()
        former, self._former = self._former, None
        mask, history = self._session.mask, self._session.history
        if study is None or mask is None or history is None:
            return
        if former is not None or history.steps or history.undone or mask.has_labels:
            self._begin(former)
            self._restart()

    def _moved(self, move: Move) -> None:
        if not self._following():
            self._begin()
            self._begin_blank()  # the first move of a mask is a step on an empty one
        if move.kind is MoveKind.PUSH:
            self._append(move.edit.size_bytes, lambda: journal_file.step_record(move.edit))
            if move.forgotten:
                self._append(0, lambda: journal_file.forget_record(move.forgotten))
        else:
            kind = Kind.UNDO if move.kind is MoveKind.UNDO else Kind.REDO
            self._append(0, lambda: Record(kind))

    def _saved(self) -> None:
        if self._following():
            count = self._session.saved_count
            self._append(0, lambda: journal_file.saved_record(count))

    def _labels_changed(self) -> None:
        mask = self._session.mask
        if mask is not None and self._following():
            labels = mask.labels
            self._append(0, lambda: journal_file.labels_record(labels), name="labels")

    def _record_changed(self, name: str) -> None:
        if self._following():
            value = self._session.records.get(name)
            self._append(0, lambda: journal_file.document_record(name, value), name=f"document {name}")
        elif self._session.records.unsaved and self._session.study is not None:
            self._begin()
            self._begin_blank()

    # -- the file ----------------------------------------------------------------------------------------------

    def _following(self) -> bool:
        return self._writer is not None and self._mask is self._session.mask

    def _begin(self, former: Abandoned | None = None) -> None:
        """Open a file for the session's mask; nothing is written yet."""
        self._end()
        study, mask = self._session.study, self._session.mask
        assert study is not None
        assert mask is not None
        self._mask = mask
        path = self.folder / f"{uuid.uuid4().hex}{SUFFIX}"
        volume = study.by_uid(ImageReference.of(study, mask.geometry).series_uid).volume
        self._writer = JournalWriter(
            path,
            problem=self.problem.emit,
            fingerprint=lambda wanted: fingerprint(volume, wanted),
            begun=lambda: former.discard() if former is not None else None,
        )

    def _begin_blank(self) -> None:
        """The mask is empty but for the step that follows: no voxels need to be copied."""
        study, mask = self._session.study, self._session.mask
        assert self._writer is not None
        assert study is not None
        assert mask is not None
        image, labels, documents = ImageReference.of(study, mask.geometry), mask.labels, self._session.records.all
        self._writer.restart(image, lambda: journal_file.blank_records(image, labels, documents))

    def _restart(self) -> None:
        """Begin the file anew with all that the session holds now."""
        assert self._writer is not None
        state = snapshot(self._session)
        self._writer.restart(state.image, lambda: journal_file.state_records(state))

    def _append(self, size: int, record: Callable[[], Record], name: str = "") -> None:
        assert self._writer is not None
        if self._writer.wants_restart and not self._session.painting:
            self._restart()
        else:
            self._writer.append(size, record, name)

    def _end(self, *, keep: bool = False) -> None:
        if self._writer is not None:
            self._writer.close(remove=not keep)
        self._writer = self._mask = None
