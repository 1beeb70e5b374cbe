"""What one row of the table of actions says."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ActionState:
    """What the session and the window can do right now."""

    has_study: bool = False
    has_truth: bool = False
    has_mask: bool = False
    running: bool = False
    can_undo: bool = False
    can_redo: bool = False
    has_prediction: bool = False
    several_studies: bool = False


Condition = Callable[[ActionState], bool]


def always(_: ActionState) -> bool:
    """Enabled at any time."""
    return True


def with_study(state: ActionState) -> bool:
    """Enabled while a study is open."""
    return state.has_study


def plain_title(title: str) -> str:
    """A title without its mnemonic and its ellipsis."""
    return title.replace("&", "").rstrip("…")


@dataclass(frozen=True)
class ActionSpec:
    """One action: ``id`` is ``group.verb``; ``shortcuts`` are in Qt's portable text, the first is the one shown."""

    id: str
    title: str
    menu: str
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    checkable: bool = False
    enabled: Condition = always
    ends_group: bool = False  # after it the menu has a dividing line

    @property
    def plain_title(self) -> str:
        """The title as words: without mnemonic and ellipsis."""
        return plain_title(self.title)

    @property
    def shortcut(self) -> str:
        """The shortcut shown in menus and tooltips; empty where there is none."""
        return self.shortcuts[0] if self.shortcuts else ""
