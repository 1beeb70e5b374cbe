"""Frames grouped into stacks of parallel slices, each with its place in the patient.

A stack is what one Series shows: same series, orientation, matrix and pixel spacing, one frame per position. Where a
series has several frames at a position they are told apart by what varies between them (echo, b-value, time ...).
Positions come from ImagePositionPatient along the slice normal; SliceThickness is not a distance between slices.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import POSITION_TOLERANCE_MM, Affine, Geometry
from tumorview.io.dicom_scan import Frame

MAX_PARTS = 32  # stacks that one series may fall into
_COSINE_TOLERANCE = 1e-3
_SAME_PLACE_MM = 1e-2  # frames nearer than this along the normal are at one position
_GAP_TOLERANCE = 0.05  # of a step: how near to a whole number of steps a gap is "missing slices"
_SLAB_STEPS = 5.0  # a wider gap that cannot be filled separates two stacks
_MAX_FILLED = 0.5  # of a stack's slices may be missing and still be left blank

# What tells frames at one position apart, the most telling first.
_VARYING: tuple[tuple[str, str], ...] = (
    ("EchoTime", "echo time {} ms"),
    ("EffectiveEchoTime", "echo time {} ms"),
    ("EchoNumbers", "echo {}"),
    ("InversionTime", "inversion time {} ms"),
    ("InversionTimes", "inversion time {} ms"),
    ("DiffusionBValue", "b-value {}"),
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
)


@dataclass(frozen=True)
class Stack:
    """Frames in slice order (None where a slice is missing) on a Geometry; ``label`` says what sets it apart."""

    uid: str
    frames: tuple[Frame | None, ...]
    geometry: Geometry
    label: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def first(self) -> Frame:
        """A frame that speaks for the stack."""
        return next(frame for frame in self.frames if frame is not None)


def stacks_of(frames: Sequence[Frame]) -> tuple[list[Stack], list[str]]:
    """The stacks of one series, and warnings about frames that were left out."""
    frames, warnings = _without_copies(frames)
    parts: list[tuple[list[Frame], str]] = []
    for group in _by(frames, _grid_key):
        for parallel in _by_orientation(group):
            split = _by_position(parallel)
            if len(split) > MAX_PARTS:
                name = parallel[0].text("SeriesDescription") or parallel[0].path.name
                warnings.append(f"'{name}' was left out: {len(split)} pictures of one place are no stack of slices.")
            else:
                parts.extend(run for part, label in split for run in _runs(part, label))
    uid = frames[0].text("SeriesInstanceUID") or frames[0].path.name
    stacks = [
        _stack(part, uid if len(parts) == 1 else f"{uid}-{number}", label)
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


def _by_position(frames: list[Frame]) -> list[tuple[list[Frame], str]]:
    """Parallel frames as stacks with one frame per position, and what tells each stack from the others."""
    ordered = sorted(frames, key=lambda frame: (frame.height, frame.number("InstanceNumber") or 0, frame.index))
    if frames[0].position is None or _most_per_position(ordered) == 1:
        return [(ordered, "")]
    keys: list[tuple[str, str]] = []
    parts, crowd = [ordered], _most_per_position(ordered)
    for keyword, text in _VARYING:
        tried = [part for old in parts for part in _by(old, lambda frame, word=keyword: frame.strings(word))]  # type: ignore[misc]
        left = max(_most_per_position(part) for part in tried)
        if left < crowd:
            keys.append((keyword, text))
            parts, crowd = tried, left
        if crowd == 1:
            break
    result = [(part, _label(part[0], keys)) for part in parts]
    return [numbered for part, label in result for numbered in _by_turn(part, label)]


def _runs(frames: list[Frame], label: str) -> list[tuple[list[Frame], str]]:
    """Sorted parallel frames cut where they lie too far apart to be one stack (slabs, strayed slices)."""
    if frames[0].position is None or len(frames) < 3:
        return [(frames, label)]
    gaps = np.diff([frame.height for frame in frames])
    step, turns, whole = _steps(gaps)
    cuts = np.flatnonzero(gaps > _SLAB_STEPS * step) + 1
    if cuts.size == 0 or _can_be_filled(turns, whole):
        return [(frames, label)]
    ends = [0, *cuts.tolist(), len(frames)]
    runs = [frames[start:stop] for start, stop in itertools.pairwise(ends)]
    return [(run, ", ".join(filter(None, (label, f"part {number}")))) for number, run in enumerate(runs, 1)]


def _steps(gaps: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64], bool]:
    """The distance between neighbouring slices, each gap's number of steps, and whether all are whole numbers."""
    step = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    turns = np.rint(gaps / step)
    return step, turns, bool((np.abs(gaps / step - turns) <= _GAP_TOLERANCE).all())


def _can_be_filled(turns: npt.NDArray[np.float64], whole: bool) -> bool:
    count = turns.sum() + 1
    return whole and count - (len(turns) + 1) <= _MAX_FILLED * count


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


def _stack(frames: list[Frame], uid: str, label: str) -> Stack:
    first = frames[0]
    rows, columns = int(first.number("Rows") or 0), int(first.number("Columns") or 0)
    spacing = first.numbers("PixelSpacing", 2)
    axes = first.axes
    if axes is None or first.position is None or spacing is None or min(spacing) <= 0:
        geometry = Geometry.uncalibrated((len(frames), rows, columns))
        text = "The images carry no position or spacing: millimetres and patient sides are unknown."
        return Stack(uid, tuple(frames), geometry, label, (text,))
    positions = np.array([frame.position for frame in frames])
    slots, warnings = _slots(positions @ axes[2])
    count = slots[-1] + 1
    filled: list[Frame | None] = [None] * count
    for slot, frame in zip(slots, frames, strict=True):
        filled[slot] = frame
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = axes[0] * spacing[1], axes[1] * spacing[0]
    affine[:3, 2] = (positions[-1] - positions[0]) / (count - 1) if count > 1 else axes[2] * _thickness(first)
    affine[:3, 3] = positions[0]
    warnings += _off_line(positions, slots, affine, axes[2])
    return Stack(uid, tuple(filled), Geometry((count, rows, columns), affine), label, tuple(warnings))


def _thickness(frame: Frame) -> float:
    """How thick a single slice counts, mm."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = frame.number(keyword)
        if value is not None and value > 0:
            return value
    return 1.0


def _slots(heights: npt.NDArray[np.float64]) -> tuple[list[int], list[str]]:
    """The slice number of each of the sorted ``heights`` (mm), leaving room where slices are missing, and warnings."""
    plain = list(range(len(heights)))
    gaps = np.diff(heights)
    if gaps.size == 0:
        return plain, []
    _, turns, whole = _steps(gaps)
    count = int(turns.sum()) + 1
    if turns.max() == 1 and whole:
        return plain, []
    if _can_be_filled(turns, whole):
        slots = [0, *np.cumsum(turns).astype(int).tolist()]
        missing = sorted(set(range(count)) - set(slots))
        names = ", ".join(str(number + 1) for number in missing[:10]) + (" ..." if len(missing) > 10 else "")
        return slots, [f"{len(missing)} of {count} slices are missing and left blank: {names}."]
    mean = float(gaps.mean())
    off = float(np.abs(heights - heights[0] - mean * np.arange(len(heights))).max())
    widest = int(gaps.argmax()) + 1
    return plain, [
        f"The slices are unevenly spaced, {gaps.min():.2f} to {gaps.max():.2f} mm (widest between slices {widest} and"
        f" {widest + 1}); they are shown {mean:.2f} mm apart, so positions are off by up to {off:.1f} mm."
    ]


def _off_line(
    positions: npt.NDArray[np.float64], slots: list[int], affine: Affine, normal: npt.NDArray[np.float64]
) -> list[str]:
    """Warnings about a stack that is sheared, or whose slices do not start on one line."""
    if len(slots) < 2:
        return []
    warnings = []
    step = affine[:3, 2]
    tilt = float(np.degrees(np.arccos(np.clip(abs(step @ normal) / np.linalg.norm(step), 0.0, 1.0))))
    if tilt > 0.5:
        warnings.append(f"The stack is tilted: slices are shifted against each other by {tilt:.1f} degrees.")
    line = affine[:3, 3] + np.array(slots)[:, None] * step
    sideways = positions - line
    sideways = sideways - (sideways @ normal)[:, None] * normal
    worst = float(np.linalg.norm(sideways, axis=1).max())
    if worst > POSITION_TOLERANCE_MM:
        warnings.append(f"The slices do not lie behind one another: some are off sideways by up to {worst:.1f} mm.")
    return warnings
