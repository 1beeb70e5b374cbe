"""Keeps the settings of this user on disk: read once, saved at every change, put aside where they cannot be read."""

import json
import logging
from dataclasses import asdict, fields, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import platformdirs

from tumorview.app.settings import OPTIONS, Settings
from tumorview.app.settings_versions import VERSION, migrated, version_of
from tumorview.core.event import Event
from tumorview.errors import WriteError
from tumorview.io.atomic import atomic_write_bytes

RECENT_LIMIT = 12

log = logging.getLogger(__name__)


def default_folder() -> Path:
    """The folder of settings, models and caches of this user."""
    return Path(platformdirs.user_data_dir("TumorView", appauthor=False))


class SettingsStore:
    """Settings in ``folder/settings.json``; ``changed`` tells the new table, ``notice`` what the user should know.

    A file that cannot be read is put aside as ``settings.json.broken``, one that a newer TumorView wrote as
    ``settings.version-N.json``; then the defaults are used. An entry of a wrong type or value is ignored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "settings.json"
        self.changed: Event[Settings] = Event()
        self.notice = ""
        self.current = self._load()

    def change(self, **changes: Any) -> Settings:  # noqa: ANN401 - one keyword per field of Settings
        """Replace some settings, save, and return the new table; a read-only folder only costs the memory."""
        new = replace(self.current, **changes)
        if new == self.current:
            return new
        self.current = new
        defaults = asdict(Settings())
        overrides = {name: value for name, value in asdict(new).items() if value != defaults[name]}
        text = json.dumps({"version": VERSION, **overrides}, indent=2)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic_write_bytes(self.path, text.encode())
        except (OSError, WriteError) as error:
            log.warning("settings are not remembered: %s", type(error).__name__)
        self.changed.emit(new)
        return new

    def remember_recent(self, path: Path) -> Settings:
        """Put ``path`` on top of the recent studies, unless none are kept."""
        if not self.current.keep_recent:
            return self.current
        text = str(path.resolve())
        others = [old for old in self.current.recent if old != text]
        return self.change(recent=(text, *others)[:RECENT_LIMIT])

    def forget_recent(self, path: Path) -> Settings:
        """Take ``path`` from the recent studies."""
        gone = {str(path), str(path.resolve())}
        return self.change(recent=tuple(old for old in self.current.recent if old not in gone))

    def _load(self) -> Settings:
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            if not isinstance(stored, dict):
                raise TypeError("no table of settings")
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError, TypeError) as error:
            log.warning("settings could not be read, using defaults: %s", type(error).__name__)
            kept = self._put_aside(self.path.with_suffix(".json.broken"))
            self.notice = f"The settings could not be read; defaults are in use.{kept}"
            return Settings()
        version = version_of(stored)
        if version > VERSION:
            kept = self._put_aside(self._free_name(version))
            self.notice = (
                f"The settings were written by a newer TumorView (version {version} of the file, this program knows "
                f"{VERSION}); defaults are in use.{kept}"
            )
            return Settings()
        return _checked(migrated(stored))

    def _free_name(self, version: int) -> Path:
        """Where a newer file is kept: an earlier one is never written over."""
        first = self.folder / f"settings.version-{version}.json"
        others = (self.folder / f"settings.version-{version}-{number}.json" for number in count(2))
        return next(path for path in chain((first,), others) if not path.exists())

    def _put_aside(self, kept: Path) -> str:
        """Move the file away untouched; a sentence about where it is now."""
        try:
            self.path.replace(kept)
        except OSError as error:
            log.warning("the settings file stays: %s", type(error).__name__)
            return ""
        return f" The file is kept as {kept.name}."


def _checked(stored: dict[str, Any]) -> Settings:
    defaults = Settings()
    values: dict[str, Any] = {}
    for entry in fields(Settings):
        value = _of_type(stored.get(entry.name), getattr(defaults, entry.name))
        option_ = OPTIONS.get(entry.name)
        if value is not None and (option_ is None or option_.allows(value)):
            values[entry.name] = value
    return Settings(**values)


def _of_type(value: object, default: object) -> object | None:
    """``value`` as the type of ``default``; None where it is something else."""
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if fits and isinstance(value, list) else None
    if isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value if type(value) is type(default) else None
