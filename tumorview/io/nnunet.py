"""nnU-Net's trees: ``imagesTr/CASE_0000.nii.gz`` a channel, ``labelsTr/CASE.nii.gz``, and what the channels are.

The names of channels are in ``dataset.json`` beside the folders ("channel_names", or "modality" in older ones).
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tumorview.core.study import Role
from tumorview.io.nifti import stem_of
from tumorview.io.roles import role_from_text

_IMAGES = re.compile(r"images(?P<part>Tr|Ts|Val)")
_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")
_DESCRIPTION = "dataset.json"
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class NnunetCase:
    """One case: its channels in their order, and its labels, None where there are none."""

    root: Path
    name: str
    images: tuple[Path, ...]
    labels: Path | None


def find_nnunet(files: Iterable[Path]) -> tuple[list[NnunetCase], set[Path]]:
    """The cases, and every file that belongs to such a tree."""
    known = set(files)
    channels: dict[tuple[Path, str, str], list[Path]] = defaultdict(list)
    for path in sorted(known):
        folder, match = _IMAGES.fullmatch(path.parent.name), _CHANNEL.fullmatch(stem_of(path))
        if folder is not None and match is not None:
            channels[path.parent.parent, folder["part"], match["case"]].append(path)
    cases, used = [], set()
    for (root, part, name), images in channels.items():
        labels = [root / f"labels{part}" / f"{name}{suffix}" for suffix in (".nii.gz", ".nii")]
        mask = next((path for path in labels if path in known), None)
        cases.append(NnunetCase(root, name, tuple(images), mask))
        used |= {*images, *labels}
    return cases, used


def channel_roles(images: Iterable[Path], root: Path) -> dict[Path, Role]:
    """What ``dataset.json`` says the channels are; nothing for those of which it does not tell."""
    try:
        path = root / _DESCRIPTION
        if path.stat().st_size > _MOST_BYTES:
            return {}
        document = json.loads(path.read_text(encoding="utf-8"))
        names = document.get("channel_names") or document.get("modality") or {}
        told = {int(number): str(name) for number, name in names.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}
    found = {}
    for image in images:
        match = _CHANNEL.fullmatch(stem_of(image))
        role, confidence = role_from_text(told.get(int(match["channel"]), "")) if match else (Role.OTHER, 0.0)
        if confidence:
            found[image] = role
    return found
