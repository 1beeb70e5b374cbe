"""The report that goes with a bug: the program, the machine, the settings and the log, and nothing of a patient."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tumorview import __version__
from tumorview.app.settings import Settings
from tumorview.ml.engines.machine import cpu_facts, physical_cores

LOG_LINES = 60
PACKAGES = ("PySide6-Essentials", "pyqtgraph", "numpy", "scipy", "torch", "openvino", "pydicom", "nibabel")
FLAGS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "neon", "asimd", "bf16")
# They hold paths, or say nothing that helps.
PRIVATE_SETTINGS = frozenset(
    ("recent", "last_folder", "model_folder", "export_folder", "window_geometry", "window_state")
)


def report(
    settings: Settings, *, folder: Path, lines: Iterable[str] = (), display: Mapping[str, str] | None = None
) -> str:
    """The whole report; ``folder`` is the user's (for its measurements), ``display`` what a window knows of screens."""
    defaults = asdict(Settings())
    changed = {
        name: value
        for name, value in asdict(settings).items()
        if value != defaults[name] and name not in PRIVATE_SETTINGS
    }
    sections = {
        "TumorView": _program(),
        "Machine": _machine(),
        "Display": dict(display or {}),
        "Engines": _calibrations(folder / "cache" / "engines"),
        "Settings that are not default": {name: json.dumps(value) for name, value in changed.items()},
    }
    parts = [f"## {title}\n{_listed(entries)}" for title, entries in sections.items()]
    parts.append("## Log\n" + "\n".join(list(lines)[-LOG_LINES:]))
    return "\n\n".join(parts) + "\n"


def _program() -> dict[str, str]:
    found = {"TumorView": __version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _machine() -> dict[str, str]:
    model, flags = cpu_facts()
    return {
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Processor": model,
        "Instructions": " ".join(flag for flag in FLAGS if flag in flags) or "unknown",
        "Cores": f"{physical_cores() or 'unknown'} used of {os.cpu_count()}",
        "Memory": _memory(),
    }


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def _calibrations(folder: Path) -> dict[str, str]:
    """What ``auto`` measured on this machine: the fastest engine, and milliseconds a slice of each."""
    found = {}
    for number, file in enumerate(sorted(folder.glob("*.json")), start=1):
        try:
            measured = json.loads(file.read_text(encoding="utf-8"))
            times = ", ".join(f"{label} {ms} ms" for label, ms in measured["ms_per_slice"].items())
            found[f"Measurement {number}"] = f"{measured['fastest']} is fastest ({times})"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            found[f"Measurement {number}"] = "cannot be read"
    return found


def _listed(entries: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in entries.items()) or "none"
