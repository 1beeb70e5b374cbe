"""What the user chose and the program remembers: one frozen table; only what differs from the defaults is saved."""

import json
import logging
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

from tumorview.errors import WriteError
from tumorview.io.atomic import atomic_write_bytes

VERSION = 1
RECENT_LIMIT = 12

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Everything that is remembered between two starts, with its default."""

    theme: str = "dark"
    model: str = ""
    engine: str = "auto"
    device: str = "auto"
    overlay_opacity: float = 0.4
    boundary: bool = True
    boundary_width: int = 2
    compare_with_truth: bool = False
    brush_radius: float = 5.0
    smooth_interpolation: bool = True
    recent: tuple[str, ...] = ()
    last_folder: str = ""
    window_geometry: str = ""
    window_state: str = ""
    folded_panels: tuple[str, ...] = ()


def default_folder() -> Path:
    """The folder of settings, models and caches of this user."""
    return Path(platformdirs.user_data_dir("TumorView", appauthor=False))


class SettingsStore:
    """Settings in ``folder/settings.json``.

    A file that cannot be read is put aside as ``settings.json.broken`` and the defaults are used; an entry of the
    wrong type is ignored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "settings.json"
        self.current = self._load()

    def change(self, **changes: Any) -> Settings:  # noqa: ANN401 - one keyword per field of Settings
        """Replace some settings, save, and return the new table; a read-only folder only costs the memory."""
        self.current = replace(self.current, **changes)
        defaults = asdict(Settings())
        overrides = {name: value for name, value in asdict(self.current).items() if value != defaults[name]}
        text = json.dumps({"version": VERSION, **overrides}, indent=2)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic_write_bytes(self.path, text.encode())
        except (OSError, WriteError) as error:
            log.warning("settings are not remembered: %s", error)
        return self.current

    def remember_recent(self, path: Path) -> Settings:
        """Put ``path`` on top of the recent studies."""
        text = str(path.resolve())
        others = [old for old in self.current.recent if old != text]
        return self.change(recent=(text, *others)[:RECENT_LIMIT])

    def _load(self) -> Settings:
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError) as error:
            log.warning("settings could not be read, using defaults: %s", error)
            self._put_aside()
            return Settings()
        return _checked(stored) if isinstance(stored, dict) else Settings()

    def _put_aside(self) -> None:
        try:
            self.path.replace(self.path.with_suffix(".json.broken"))
        except OSError as error:
            log.warning("the broken settings file stays: %s", error)


def _checked(stored: dict[str, Any]) -> Settings:
    defaults = Settings()
    values: dict[str, Any] = {}
    for entry in fields(Settings):
        value = stored.get(entry.name)
        default = getattr(defaults, entry.name)
        if isinstance(default, tuple):
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                values[entry.name] = tuple(value)
        elif isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
            values[entry.name] = float(value)
        elif value is not None and type(value) is type(default):
            values[entry.name] = value
    return Settings(**values)
