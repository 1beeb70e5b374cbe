"""Which keys do what: the table's own shortcuts, presets after other programs, and what the user changed.

Sources of the presets: "Mouse & Keyboard Shortcuts" of the user guide of 3D Slicer; the shortcuts page in the help of
ITK-SNAP. Where a preset takes a key, the action that had it goes without.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tumorview.app.actions import ACTIONS

Keys = tuple[str, ...]
Keymap = Mapping[str, Keys]

# Held in the image, so no shortcut may have them.
RESERVED = {"G": "held, it hides the overlay", "Space": "held, it pans"}


@dataclass(frozen=True)
class KeyPreset:
    """The keys of another program, for the actions that it has too."""

    id: str
    title: str
    keys: Keymap


PACS = KeyPreset("pacs", "PACS", {})
SLICER = KeyPreset(
    "slicer",
    "3D Slicer",
    {
        "view.next_slice": ("F", "Right", "Down", "PgDown"),
        "view.previous_slice": ("B", "Left", "Up", "PgUp"),
        "edit.undo": ("Z", "Ctrl+Z"),
        "edit.redo": ("Y", "Ctrl+Shift+Z", "Ctrl+Y"),
        "edit.brush": ("P",),
        "view.previous_tumour": ("Shift+N",),
        "edit.brush_smaller": ("-",),
        "edit.brush_larger": ("+", "="),
        "file.settings": ("Ctrl+2",),
        "help.log": ("Ctrl+0",),
    },
)
ITK_SNAP = KeyPreset(
    "itksnap",
    "ITK-SNAP",
    {
        "file.open": ("Ctrl+G", "Ctrl+O"),
        "file.open_mask": ("Ctrl+D",),
        "edit.navigate": ("1", "Esc"),
        "edit.brush": ("4",),
        "edit.brush_smaller": ("-",),
        "edit.brush_larger": ("+", "="),
        "view.toggle_overlay": ("S",),
        "view.next_slice": ("PgUp", "Down"),
        "view.previous_slice": ("PgDown", "Up"),
        "view.auto_window": ("Ctrl+J",),
    },
)
KEY_PRESETS = {preset.id: preset for preset in (PACS, SLICER, ITK_SNAP)}


def preset_keymap(preset_id: str) -> dict[str, Keys]:
    """The keys of every action in that preset; the table's own where it is unknown."""
    preset = KEY_PRESETS.get(preset_id, PACS)
    return _overlaid({spec.id: spec.shortcuts for spec in ACTIONS}, preset.keys)


def keymap(preset_id: str, changes: Iterable[str]) -> dict[str, Keys]:
    """The keys of every action: a preset with the user's ``changes`` (lines of ``line_of``) on top."""
    return _overlaid(preset_keymap(preset_id), dict(_parsed(changes)))


def line_of(action_id: str, keys: Keys) -> str:
    """One change as the settings keep it: ``view.reset=R Ctrl+0``, nothing after ``=`` for no key."""
    return f"{action_id}={' '.join(keys)}"


def changes_between(preset_id: str, wanted: Keymap) -> tuple[str, ...]:
    """What differs in ``wanted`` from the preset, as lines for the settings."""
    before = preset_keymap(preset_id)
    return tuple(line_of(id_, keys) for id_, keys in wanted.items() if keys != before.get(id_, ()))


def with_keys(current: Keymap, action_id: str, keys: Keys) -> dict[str, Keys]:
    """``current`` with ``keys`` for one action; the actions that had them go without."""
    return _overlaid(current, {action_id: keys})


def users_of(current: Keymap, key: str, *, but: str = "") -> list[str]:
    """The actions (other than ``but``) that ``key`` would clash with."""
    return [id_ for id_, keys in current.items() if key in keys and id_ != but]


def _parsed(changes: Iterable[str]) -> Iterable[tuple[str, Keys]]:
    known = {spec.id for spec in ACTIONS}
    for line in changes:
        action_id, sign, keys = line.partition("=")
        if sign and action_id in known:
            yield action_id, tuple(keys.split())


def _overlaid(base: Keymap, over: Keymap) -> dict[str, Keys]:
    taken = {key for keys in over.values() for key in keys}
    result = {id_: tuple(key for key in keys if key not in taken) for id_, keys in base.items()}
    result.update((id_, keys) for id_, keys in over.items() if id_ in base)
    return result
