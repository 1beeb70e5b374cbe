"""What all files of one volume (NIfTI, NRRD, MetaImage) have in common: plain voxels, roles from names, series."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorview.core.placing import Placing
from tumorview.core.study import Role, Series
from tumorview.core.volume import Volume
from tumorview.errors import ReadError
from tumorview.io.pixels import Pixels, to_grey
from tumorview.io.raster import finite_voxels
from tumorview.io.roles import Acquisition, protocol_of, protocol_of_name, role_from_text, role_of

MAX_VOLUMES = 8  # of a 4-D image that become series of their own
MAX_SIDECAR_BYTES = 2**20

_ENDINGS = re.compile(r"\.(nii|hdr|img|nrrd|nhdr|mha|mhd)$", re.IGNORECASE)
_SECONDS = 1000.0  # BIDS and dcm2niix write times in seconds

ReadVolume = Callable[[int], tuple[Volume, tuple[str, ...], Placing]]


def stem_of(path: Path) -> str:
    """The file's name without the endings of its format, as ``.nii.gz``."""
    return _ENDINGS.sub("", re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE))


def series_from(path: Path, prefix: str, count: int, read: ReadVolume) -> list[Series]:
    """A Series for each of the ``count`` volumes that ``read`` gives, at most MAX_VOLUMES."""
    stem = stem_of(path)
    role, confidence = role_of_file(path)
    protocol = _protocol_of_file(path)
    series = []
    for number in range(min(count, MAX_VOLUMES)):
        volume, warnings, placing = read(number)
        if count > 1:
            shown = f" of which {MAX_VOLUMES} are opened" if count > MAX_VOLUMES else ""
            warnings = (f"The file holds {count} volumes{shown}; this is number {number + 1}.", *warnings)
        series.append(
            Series(
                uid=f"{prefix}-{stem}" + (f"-{number + 1}" if count > 1 else ""),
                volume=volume,
                role=role if count == 1 else Role.OTHER,
                role_confidence=confidence if count == 1 else 0.0,
                description=stem + (f", volume {number + 1}" if count > 1 else ""),
                warnings=warnings,
                placing=placing,
                files=(path,),
                protocol=protocol,
            )
        )
    return series


def unique_series(series: Sequence[Series]) -> tuple[Series, ...]:
    """The series with a number added to a uid that two files in different folders share."""
    seen: dict[str, int] = {}
    result = []
    for one in series:
        seen[one.uid] = seen.get(one.uid, 0) + 1
        count = seen[one.uid]
        result.append(one if count == 1 else replace(one, uid=f"{one.uid}-{count}"))
    return tuple(result)


def role_of_file(path: Path) -> tuple[Role, float]:
    """The role that the file's sidecar (BIDS, dcm2niix) and its name tell, and its confidence."""
    stem = stem_of(path)
    known = _sidecar(path.with_name(f"{stem}.json"))
    return role_of(_acquisition(known, stem)) if known else role_from_text(stem)


def _protocol_of_file(path: Path) -> str:
    """The protocol by the sidecar, otherwise by the words of the name; a patient's name is in neither."""
    stem = stem_of(path)
    known = _sidecar(path.with_name(f"{stem}.json"))
    return protocol_of(_acquisition(known, "")) if known else protocol_of_name(stem)


def plain(voxels: Pixels) -> tuple[Pixels, list[str]]:
    """Real, finite voxels of at most 32 bits, and what had to be done for it."""
    warnings = []
    if voxels.dtype.fields is not None:
        voxels, _ = to_grey(np.stack([voxels[name] for name in voxels.dtype.names or ()][:3], axis=-1))
        warnings.append("The colour image is shown in greys.")
    if voxels.dtype.kind == "c":
        voxels = np.abs(voxels)
        warnings.append("Of the complex image the magnitude is shown.")
    if voxels.dtype.kind not in "biuf":
        raise ReadError(f"The image has voxels of the type {voxels.dtype}.", "Save it as 16-bit integers or floats.")
    finite, repaired = finite_voxels(voxels)
    return _narrow(finite), warnings + repaired


def _narrow(voxels: Pixels) -> Pixels:
    """The smallest usual type that keeps the values: int16 or int32 for whole numbers stored wider, else float32."""
    if voxels.dtype.kind == "b":
        return voxels.astype(np.uint8)
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize > 2:
        low, high = int(voxels.min()), int(voxels.max())
        for kind in (np.int16, np.int32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return voxels.astype(kind)
        return voxels.astype(np.float32)
    if voxels.dtype.kind == "f" and voxels.dtype != np.float32:
        return voxels.astype(np.float32)
    return voxels if voxels.dtype.isnative else voxels.astype(voxels.dtype.newbyteorder("="))


def _sidecar(path: Path) -> dict[str, Any]:
    """The JSON object beside an image; empty where there is none that can be read."""
    try:
        if path.stat().st_size > MAX_SIDECAR_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _acquisition(known: dict[str, Any], stem: str) -> Acquisition:
    texts = [known.get(key) for key in ("SeriesDescription", "ProtocolName")]
    agent = known.get("ContrastBolusIngredient") or known.get("ContrastBolusAgent")
    return Acquisition(
        text=" ".join([stem, *(text for text in texts if isinstance(text, str))]),
        echo_time=_milliseconds(known.get("EchoTime")),
        repetition_time=_milliseconds(known.get("RepetitionTime")),
        inversion_time=_milliseconds(known.get("InversionTime")),
        sequence=frozenset(_words(known.get("ScanningSequence"))),
        kinds=frozenset(_words(known.get("ImageType"))),
        contrast_agent=True if isinstance(agent, str) and agent.strip().upper() not in ("", "NONE", "NO") else None,
    )


def _milliseconds(seconds: object) -> float | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return seconds * _SECONDS


def _words(value: object) -> list[str]:
    items = value if isinstance(value, list) else re.split(r"[\\_,]", value) if isinstance(value, str) else []
    return [str(item).strip().upper() for item in items]
