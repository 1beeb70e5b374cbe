"""Files of volumes sorted into studies: which belong to one patient and session, told from names and folders.

Two patients in one study would be the worst mistake here, so where two files claim the same role and lie in folders of
their own, or their names begin differently, they are taken apart and the user is asked.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tumorview.core.study import Role
from tumorview.io.mask_names import is_brain_mask_name, is_mask_name, without_mask_words
from tumorview.io.roles import normalised, role_from_text
from tumorview.io.series_files import stem_of

_BIDS = re.compile(r"(?P<subject>sub-[A-Za-z0-9]+)(?:_(?P<session>ses-[A-Za-z0-9]+))?_")
_PLANE_WORDS = frozenset(
    (
        "ax",
        "axial",
        "tra",
        "trans",
        "transversal",
        "transverse",
        "sag",
        "sagittal",
        "cor",
        "coronal",
        "3d",
        "2d",
        "hr",
        "mr",
        "mri",
        "mrhr",
        "iso",
        "native",
        "brain",
    )
)
_DERIVED = "derivatives"

Groups = dict[str, list[Path]]


def studies_in(folder: Path, files: Sequence[Path]) -> Groups:
    """``files`` below ``folder`` by study; the keys name subject and session, a sub-folder or how the names begin."""
    bids = {path: key for path in files if (key := _bids_key(path))}
    if bids:
        groups: Groups = {}
        for path, key in bids.items():
            groups.setdefault(key, []).append(path)
        return {key: _raw_first(members) for key, members in sorted(groups.items())}
    return _by_folder(folder, list(files), 0) or {folder.name: list(files)}


def _bids_key(path: Path) -> str:
    """``sub-01/ses-02`` of a file with a BIDS name; "" for others."""
    match = _BIDS.match(path.name)
    return "" if match is None else "/".join(filter(None, (match["subject"], match["session"])))


def _raw_first(paths: Sequence[Path]) -> list[Path]:
    """Masks from anywhere; images from the raw tree where it has any, processed copies only where it has none."""
    raw = [path for path in paths if _DERIVED not in path.parts]
    images = [path for path in raw if not is_mask_name(stem_of(path))]
    return [path for path in paths if not images or path in raw or _is_mask(path)]


def _is_mask(path: Path) -> bool:
    stem = stem_of(path)
    return is_mask_name(stem) and not is_brain_mask_name(stem)


def _by_folder(root: Path, files: list[Path], depth: int) -> Groups:
    """Split by sub-folder where two of them claim the same role, otherwise by how the names begin."""
    branches: dict[str, list[Path]] = {}
    for path in files:
        parts = path.relative_to(root).parts[:-1]
        branches.setdefault(parts[depth] if len(parts) > depth else "", []).append(path)
    if len(branches) > 1 and _clash(branches):
        result: Groups = {}
        for name, members in branches.items():
            result.update(_by_folder(root, members, depth + 1) if name else _by_prefix(members, root))
        return result
    if len(branches) == 1 and "" not in branches:
        return _by_folder(root, files, depth + 1)
    return _by_prefix(files, root)


def _by_prefix(files: list[Path], root: Path) -> Groups:
    """Split by what stands before the role in the names, where two beginnings claim the same role."""
    prefixes: dict[str, list[Path]] = {}
    for path in files:
        if not is_mask_name(stem_of(path)):
            prefixes.setdefault(_prefix(path), []).append(path)
    place = _common_folder(root, files)
    if len(prefixes) < 2 or not _clash(prefixes):
        return {place: files}
    for path in files:
        if is_mask_name(stem_of(path)):
            words = normalised(without_mask_words(stem_of(path)))
            owner = max((key for key in prefixes if key and words.startswith(key)), key=len, default=None)
            if owner is not None:
                prefixes[owner].append(path)
    return {
        "/".join(filter(None, (place if place != root.name else "", key))) or place: members
        for key, members in prefixes.items()
    }


def _prefix(path: Path) -> str:
    """The words of a name before those that tell a role, without words about planes and resolution."""
    words = normalised(stem_of(path)).split()
    for count in range(len(words) + 1):
        if role_from_text(" ".join(words[:count]))[1] > 0:
            words = words[: count - 1]
            break
    return " ".join(word for word in words if word not in _PLANE_WORDS)


def _clash(groups: Mapping[str, Iterable[Path]]) -> bool:
    """Whether two groups claim the same role."""
    seen: set[Role] = set()
    for members in groups.values():
        images = (path for path in members if not is_mask_name(stem_of(path)))
        roles = {role_from_text(stem_of(path))[0] for path in images} - {Role.OTHER}
        if seen & roles:
            return True
        seen |= roles
    return False


def _common_folder(root: Path, files: Sequence[Path]) -> str:
    """The deepest folder that holds all ``files``, as it is called below ``root``."""
    parts = [path.relative_to(root).parts[:-1] for path in files]
    common = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        common.append(names[0])
    return "/".join(common) or root.name
