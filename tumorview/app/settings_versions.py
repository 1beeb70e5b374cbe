"""The settings file through the versions: each step turns what an older program wrote into what the next one reads."""

from collections.abc import Callable
from typing import Any

VERSION = 2

Stored = dict[str, Any]


def _interpolation_by_name(stored: Stored) -> Stored:
    """1 to 2: a switch became a choice, so that a third way of interpolating has a place."""
    migrated = {name: value for name, value in stored.items() if name != "smooth_interpolation"}
    if stored.get("smooth_interpolation") is False:
        migrated["interpolation"] = "nearest"
    return migrated


# From which version, with which step, to the next.
STEPS: dict[int, Callable[[Stored], Stored]] = {1: _interpolation_by_name}


def version_of(stored: Stored) -> int:
    """The version a file says it has; 1 where it says nothing sensible."""
    version = stored.get("version", 1)
    return version if isinstance(version, int) and not isinstance(version, bool) and version >= 1 else 1


def migrated(stored: Stored) -> Stored:
    """``stored`` as this version writes it; a newer one is a ValueError."""
    version = version_of(stored)
    if version > VERSION:
        raise ValueError(f"settings version {version} is newer than {VERSION}")
    for step in range(version, VERSION):
        stored = STEPS[step](stored)
    return {**stored, "version": VERSION}
