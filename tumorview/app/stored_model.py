"""One model of this computer as the user sees it: what was found, what is known of it here, where it stands."""

from dataclasses import dataclass
from typing import Any, Final

from tumorview.ml.model_state import ModelRecord, Purpose
from tumorview.ml.registry import ModelEntry

OWN_NOTE: Final = "Note: "


@dataclass(frozen=True)
class StoredModel:
    """One model as the user sees it. ``default_for`` is the purpose it is the default of, None where it is not.

    ``obstacle`` says why it may not become the default: what makes it a candidate; "" where it may, or is.
    ``vouched`` is set where the obstacle is only that nobody compared it here, which the user may answer for.
    """

    entry: ModelEntry
    record: ModelRecord
    purpose: Purpose | None
    default_for: Purpose | None = None
    obstacle: str = ""
    vouched: bool = False

    @property
    def id(self) -> str:
        """Its id in the registry."""
        return self.entry.id

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.entry.card.title if self.entry.card else self.entry.id

    @property
    def candidate(self) -> bool:
        """Whether it works but may not become the default."""
        return self.entry.ok and bool(self.obstacle)

    @property
    def own_notes(self) -> str:
        """What the user wrote about it."""
        notes = self.entry.card.notes if self.entry.card else ()
        return "\n".join(note.removeprefix(OWN_NOTE) for note in notes if note.startswith(OWN_NOTE))

    def to_dict(self) -> dict[str, Any]:
        """The entry of ``tumorview models list --json``."""
        return {
            **self.entry.to_dict(),
            "purpose": self.purpose.value if self.purpose else None,
            "default": self.default_for is not None,
            "candidate": self.candidate,
            "source": self.record.source.value,
            "installed": self.record.installed or None,
        }
