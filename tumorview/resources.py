"""The one way to files that ship with the program: icons, the sample study, bundled models and recipes."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_resources", _PACKAGE.parent / "resources")  # installed wheel, source checkout


def resource_path(*parts: str) -> Path:
    """Path of a bundled file or folder, e.g. ``resource_path("models", "unet-cbam-lgg")``."""
    for root in _ROOTS:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"This installation of TumorView lacks {'/'.join(parts)}.")
