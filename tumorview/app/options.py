"""What the settings dialog shows of a setting: section, title, help, and which values it may have."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Which control fits a setting."""

    CHOICE = "choice"
    SWITCH = "switch"
    NUMBER = "number"
    FOLDER = "folder"


@dataclass(frozen=True)
class Choice:
    """One value of a choice and how it is called."""

    value: str
    title: str


@dataclass(frozen=True)
class Option:
    """A setting that the user sees. ``low``, ``high`` and ``step`` count in the setting's own unit, times ``scale``."""

    name: str
    default: Any
    section: str
    title: str
    help: str
    choices: tuple[Choice, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    scale: float = 1.0  # shown value = stored value * scale
    suffix: str = ""
    folder: bool = False

    @property
    def kind(self) -> Kind:
        """The control it gets."""
        if self.choices:
            return Kind.CHOICE
        if self.folder:
            return Kind.FOLDER
        return Kind.SWITCH if isinstance(self.default, bool) else Kind.NUMBER

    def allows(self, value: object) -> bool:
        """Whether a value of the right type is one of its own."""
        if self.choices:
            return any(choice.value == value for choice in self.choices)
        if self.kind is Kind.NUMBER:
            return isinstance(value, int | float) and self.low <= value <= self.high
        return True

    def matches(self, words: str) -> bool:
        """Whether every word of a search occurs in what is said about it."""
        text = " ".join((self.section, self.title, self.help, *(choice.title for choice in self.choices))).casefold()
        return all(word in text for word in words.casefold().split())


def option(default: Any, section: str, title: str, help: str, **more: Any) -> Any:  # noqa: ANN401 - as dataclasses.field
    """A field of the table of settings that the dialog shows; ``more`` goes to Option."""
    return field(default=default, metadata={"section": section, "title": title, "help": help, **more})


def choices(**titles: str) -> tuple[Choice, ...]:
    """Values and titles of a choice."""
    return tuple(Choice(value, title) for value, title in titles.items())


def options_of(table: type) -> Mapping[str, Option]:
    """The settings of a table that the user sees, by name, in its order."""
    return {
        entry.name: Option(entry.name, entry.default, **entry.metadata) for entry in fields(table) if entry.metadata
    }
