"""JSON documents that belong to a session: measurements and whatever else must survive with the mask.

Who owns a document puts it here whenever it changes; the journal and the session file keep it, and ``restored`` tells
the owner to read it again after a session was brought back.
"""

from collections.abc import Mapping

from tumorview.core.event import Event
from tumorview.core.session_state import Document


class StateRecords:
    """Documents by name; ``changed`` is emitted with the name.

    ``restored`` is emitted whenever all of them were replaced: empty for a study that was just opened, otherwise by
    those of the session that was brought back. An owner begins anew then, and needs to listen to nothing else.
    """

    def __init__(self) -> None:
        self.changed: Event[str] = Event()
        self.restored: Event[None] = Event()
        self.unsaved = False  # whether the user's work in them is only in memory and in the journal
        self._documents: dict[str, Document] = {}

    @property
    def all(self) -> Mapping[str, Document]:
        """Every document by name."""
        return dict(self._documents)

    def get(self, name: str) -> Document:
        """The document of that name; None where there is none."""
        return self._documents.get(name)

    def put(self, name: str, value: Document, *, work: bool = False) -> None:
        """Keep ``value`` (plain JSON, not changed afterwards) under ``name``; None takes it away.

        ``work`` says that the user would miss it: it counts as unsaved until the session is saved.
        """
        if self._documents.get(name) == value:
            return
        if value is None:
            self._documents.pop(name, None)
        else:
            self._documents[name] = value
        self.unsaved |= work
        self.changed.emit(name)

    def replace(self, documents: Mapping[str, Document]) -> None:
        """Put ``documents`` in the place of all that are there; who calls this emits ``restored`` in due time."""
        self._documents = {name: value for name, value in documents.items() if value is not None}
        self.unsaved = False
