"""Frames grouped into stacks of parallel slices, each with its place in the patient.

A stack is what one Series shows: same series, orientation, matrix and pixel spacing, one frame per position. Where a
series has several frames at a position they are told apart by what varies between them (echo, b-value, time ...).
Positions come from ImagePositionPatient along the slice normal; SliceThickness is not a distance between slices.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from tumorview.io.dicom_frame import Frame
from tumorview.io.dicom_placing import Stack, can_be_filled, numbers_of, placed, steps
from tumorview.io.dicom_values import PRIVATE_B_VALUE

MAX_PARTS = 32  # images of the same slices in one series (times, directions) that are all opened ...
SHOWN = 8  # ... and how many of more
_COSINE_TOLERANCE = 1e-3
_SAME_PLACE_MM = 1e-2  # frames nearer than this along the normal are at one position
_SLAB_STEPS = 5.0  # a wider gap that cannot be filled separates two stacks

# What tells frames at one position apart, the most telling first.
_VARYING: tuple[tuple[str, str], ...] = (
    ("EchoTime", "echo time {} ms"),
    ("EffectiveEchoTime", "echo time {} ms"),
    ("EchoNumbers", "echo {}"),
    ("InversionTime", "inversion time {} ms"),
    ("InversionTimes", "inversion time {} ms"),
    ("DiffusionBValue", "b-value {}"),
    (PRIVATE_B_VALUE, "b-value {}"),
    ("DiffusionDirectionality", "{}"),
    ("ComplexImageComponent", "{}"),
    ("AgentPhase", "{}"),
    ("ContrastBolusAgentPhase", "{}"),
    ("TemporalPositionIdentifier", "time {}"),
    ("TemporalPositionIndex", "time {}"),
    ("MetaboliteMapDescription", "{}"),
    ("FrameType", "{}"),
    ("ImageType", "{}"),
    ("AcquisitionNumber", "acquisition {}"),
    ("FrameAcquisitionNumber", "acquisition {}"),
    ("TriggerTime", "trigger time {} ms"),
    ("FlipAngle", "flip angle {}"),
    ("AcquisitionTime", "acquired at {}"),
    ("ContentTime", "made at {}"),
    ("StackID", "stack {}"),
)


def stacks_of(frames: Sequence[Frame]) -> tuple[list[Stack], list[str]]:
    """The stacks of one series, and warnings about frames that were left out."""
    frames, warnings = _without_copies(frames)
    parts: list[tuple[list[Frame], str]] = []
    for group in _by(frames, _grid_key):
        for parallel in _by_orientation(group):
            split, crowded = _by_position(parallel)
            name = parallel[0].text("SeriesDescription") or parallel[0].path.name
            if len(split) > MAX_PARTS and max(len(part) for part, _ in split) == 1:
                warnings.append(f"'{name}' was left out: {len(split)} pictures of one place are no stack of slices.")
                continue
            if len(split) > MAX_PARTS:
                warnings.append(f"'{name}' holds {len(split)} images of the same slices; the first {SHOWN} are opened.")
                split = split[:SHOWN]
            if crowded:
                warnings.append(
                    f"'{name}' has several pictures at slice {numbers_of(crowded)} that nothing tells apart: the"
                    " second and later ones are series of their own."
                )
            parts.extend(run for part, label in split for run in _runs(part, label))
    uid = frames[0].text("SeriesInstanceUID") or frames[0].path.name
    stacks = [
        placed(part, uid if len(parts) == 1 else f"{uid}-{number}", label)
        for number, (part, label) in enumerate(parts, 1)
    ]
    return stacks, warnings


def _without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[str]]:
    unique: dict[Hashable, Frame] = {}
    for frame in frames:
        identity = frame.text("SOPInstanceUID") or str(frame.path)
        unique.setdefault((identity, frame.index), frame)
    dropped = len(frames) - len(unique)
    return list(unique.values()), [f"{dropped} frames are copies of others and were left out."] * bool(dropped)


def _by(frames: Sequence[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return list(groups.values())


def _grid_key(frame: Frame) -> Hashable:
    spacing = frame.numbers("PixelSpacing", 2)
    rounded = None if spacing is None else tuple(round(mm, 4) for mm in spacing)
    size = frame.number("Rows"), frame.number("Columns"), frame.number("SamplesPerPixel") or 1
    return size, rounded, frame.position is not None


def _by_orientation(frames: list[Frame]) -> list[list[Frame]]:
    if frames[0].position is None:
        return [frames]
    groups: list[tuple[npt.NDArray[np.float64], list[Frame]]] = []
    for frame in frames:
        axes = frame.axes
        assert axes is not None, "a frame with a position has axes"
        for known, members in groups:
            if np.abs(known - axes).max() < _COSINE_TOLERANCE:
                members.append(frame)
                break
        else:
            groups.append((axes, [frame]))
    return [members for _, members in groups]


def _by_position(frames: list[Frame]) -> tuple[list[tuple[list[Frame], str]], list[int]]:
    """Parallel frames as stacks with one frame per position, and what tells each stack from the others.

    Also the slices (from 0) at which there are more pictures than at the others and nothing tells them apart.
    """
    ordered = sorted(frames, key=lambda frame: (frame.height, frame.number("InstanceNumber") or 0, frame.index))
    if frames[0].position is None or _most_per_position(ordered) == 1:
        return [(ordered, "")], []
    keys: list[tuple[str, str]] = []
    parts = [ordered]
    for keyword, text in _VARYING:
        tried = [sub for part in parts for sub in _told_apart(part, keyword)]
        if len(tried) > len(parts):
            keys.append((keyword, text))
            parts = tried
        if all(_most_per_position(part) == 1 for part in parts):
            break
    result = [(part, _label(part[0], keys)) for part in parts]
    crowded = [place for part in parts for place in _crowded(part)]
    return [numbered for part, label in result for numbered in _by_turn(part, label)], crowded


def _told_apart(frames: list[Frame], keyword: str) -> list[list[Frame]]:
    """``frames`` by the value of ``keyword``, where that makes stacks of them.

    Not where there are more values than pictures at a position: such a value (a time of each slice) would take the
    stack apart, not the pictures at a position.
    """
    crowd = _most_per_position(frames)
    if crowd == 1:
        return [frames]
    groups = _by(frames, lambda frame: frame.strings(keyword))
    helps = len(groups) <= crowd and max(_most_per_position(group) for group in groups) < crowd
    return groups if helps else [frames]


def _crowded(frames: list[Frame]) -> list[int]:
    """The positions (from 0) with more frames than the emptiest has; none where all have the same number."""
    counts = Counter(_places(frames))
    least = min(counts.values())
    return sorted(place for place, count in counts.items() if count > least)


def _runs(frames: list[Frame], label: str) -> list[tuple[list[Frame], str]]:
    """Sorted parallel frames cut where they lie too far apart to be one stack (slabs, strayed slices)."""
    if frames[0].position is None or len(frames) < 3:
        return [(frames, label)]
    gaps = np.diff([frame.height for frame in frames])
    step, turns, whole = steps(gaps)
    cuts = np.flatnonzero(gaps > _SLAB_STEPS * step) + 1
    if cuts.size == 0 or can_be_filled(turns, whole):
        return [(frames, label)]
    ends = [0, *cuts.tolist(), len(frames)]
    runs = [frames[start:stop] for start, stop in itertools.pairwise(ends)]
    return [(run, ", ".join(filter(None, (label, f"part {number}")))) for number, run in enumerate(runs, 1)]


def _label(frame: Frame, keys: list[tuple[str, str]]) -> str:
    return ", ".join(text.format(_shown(frame, keyword)) for keyword, text in keys)


def _shown(frame: Frame, keyword: str) -> str:
    value = frame.number(keyword)
    return "/".join(frame.strings(keyword)).lower() if value is None else f"{value:g}"


def _by_turn(frames: list[Frame], label: str) -> list[tuple[list[Frame], str]]:
    """Frames that no tag tells apart, told apart by their order at each position."""
    if _most_per_position(frames) == 1:
        return [(frames, label)]
    turns: dict[int, list[Frame]] = {}
    seen: Counter[int] = Counter()
    for frame, place in zip(frames, _places(frames), strict=True):
        turns.setdefault(seen[place], []).append(frame)
        seen[place] += 1
    return [(part, ", ".join(filter(None, (label, f"number {turn + 1}")))) for turn, part in turns.items()]


def _places(frames: list[Frame]) -> list[int]:
    """The number of each frame's position; ``frames`` are sorted by height."""
    heights = np.array([frame.height for frame in frames])
    return [0, *np.cumsum(np.diff(heights) > _SAME_PLACE_MM).tolist()]


def _most_per_position(frames: list[Frame]) -> int:
    return max(Counter(_places(sorted(frames, key=lambda frame: frame.height))).values())
