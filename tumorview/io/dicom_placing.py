"""Where the slices of a DICOM stack lie: the distance between them, missing slices, unevenness, tilt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tumorview.core.geometry import POSITION_TOLERANCE_MM, SPACING_TOLERANCE_MM, Affine, Geometry
from tumorview.io.dicom_frame import Frame

_GAP_TOLERANCE = 0.05  # of a step: how near to a whole number of steps a gap is "missing slices"
_MAX_FILLED = 0.5  # of a stack's slices may be missing and still be left blank
_TILT_DEGREES = 0.5  # below it the slices' own rounding tilts a stack
_NAMED = 10  # slices by number, then dots

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stack:
    """Frames in slice order (None where a slice is missing) on a Geometry; ``label`` says what sets it apart.

    ``irregular`` says in a sentence why the grid is not just a row of slices at one distance; "" where it is.
    """

    uid: str
    frames: tuple[Frame | None, ...]
    geometry: Geometry
    label: str = ""
    warnings: tuple[str, ...] = ()
    irregular: str = ""

    @property
    def present(self) -> list[Frame]:
        """The frames that are there, in slice order."""
        return [frame for frame in self.frames if frame is not None]

    @property
    def first(self) -> Frame:
        """A frame that speaks for the stack."""
        return self.present[0]


def placed(frames: Sequence[Frame], uid: str, label: str) -> Stack:
    """The Stack of parallel ``frames``, sorted along their normal, one at a position."""
    first = frames[0]
    rows, columns = int(first.number("Rows") or 0), int(first.number("Columns") or 0)
    spacing = first.numbers("PixelSpacing", 2)
    axes = first.axes
    if axes is None or first.position is None or spacing is None or min(spacing) <= 0:
        geometry = Geometry.uncalibrated((len(frames), rows, columns))
        text = "The images carry no position or spacing: millimetres and patient sides are unknown."
        return Stack(uid, tuple(frames), geometry, label, (text,))
    positions = positions_of(frames)
    slots, irregular = _slots(positions @ axes[2])
    count = slots[-1] + 1
    filled: list[Frame | None] = [None] * count
    for slot, frame in zip(slots, frames, strict=True):
        filled[slot] = frame
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = axes[0] * spacing[1], axes[1] * spacing[0]
    affine[:3, 2] = (positions[-1] - positions[0]) / (count - 1) if count > 1 else axes[2] * _thickness(first)
    affine[:3, 3] = positions[0]
    remarks: list[str] = []
    if not irregular:
        irregular, remarks = _unevenness(positions, slots, affine, axes[2])
    shifted, more = _off_line(positions, slots, affine, axes[2])
    irregular = " ".join(filter(None, (irregular, *shifted)))
    warnings = (*filter(None, (irregular,)), *remarks, *more)
    return Stack(uid, tuple(filled), Geometry((count, rows, columns), affine), label, warnings, irregular)


def longest_part(stack: Stack) -> Stack:
    """The longest run of slices of an irregular ``stack`` that lie behind one another at one distance."""
    frames = stack.present
    if not stack.irregular or len(frames) < 3:
        return stack
    steps_mm = np.diff(positions_of(frames), axis=0)
    usual = np.median(steps_mm, axis=0)
    even = np.linalg.norm(steps_mm - usual, axis=1) <= POSITION_TOLERANCE_MM
    best, start = (0, 0), 0
    for index, fits in enumerate([*even.tolist(), False]):
        if not fits:
            best = max(best, (index - start, -start))
            start = index + 1
    begin, end = -best[1], -best[1] + best[0]
    part = placed(frames[begin : end + 1], stack.uid, stack.label)
    text = f"Slices {begin + 1} to {end + 1} of {len(frames)} were opened. The whole stack: {stack.irregular}"
    return replace(part, warnings=(text, *part.warnings))


def positions_of(frames: Sequence[Frame]) -> Floats:
    """LPS mm of the first pixel of each frame, [n, 3]."""
    return np.array([frame.position for frame in frames], np.float64)


def steps(gaps: Floats) -> tuple[float, Floats, bool]:
    """The distance between neighbouring slices, each gap's number of steps, and whether all are whole numbers."""
    step = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    turns = np.rint(gaps / step)
    return step, turns, bool((np.abs(gaps / step - turns) <= _GAP_TOLERANCE).all())


def can_be_filled(turns: Floats, whole: bool) -> bool:
    """Whether the gaps are slices that are missing, few enough to be left blank."""
    count = turns.sum() + 1
    return whole and count - (len(turns) + 1) <= _MAX_FILLED * count


def _thickness(frame: Frame) -> float:
    """How thick a single slice counts, mm."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = frame.number(keyword)
        if value is not None and value > 0:
            return value
    return 1.0


def _slots(heights: Floats) -> tuple[list[int], str]:
    """The slice number of each of the sorted ``heights`` (mm), leaving room where slices are missing, and why."""
    plain = list(range(len(heights)))
    gaps = np.diff(heights)
    if gaps.size == 0:
        return plain, ""
    _, turns, whole = steps(gaps)
    if turns.max() == 1 and whole:
        return plain, ""
    if can_be_filled(turns, whole):
        slots = [0, *np.cumsum(turns).astype(int).tolist()]
        count = slots[-1] + 1
        missing = sorted(set(range(count)) - set(slots))
        return slots, f"{len(missing)} of {count} slices are missing and left blank: {numbers_of(missing)}."
    return plain, _uneven(heights)


def numbers_of(indices: Sequence[int]) -> str:
    """Slices by number, counted from one as on the screen."""
    return ", ".join(str(index + 1) for index in indices[:_NAMED]) + (" ..." if len(indices) > _NAMED else "")


def _uneven(heights: Floats) -> str:
    gaps = np.diff(heights)
    mean = float(gaps.mean())
    off = float(np.abs(heights - heights[0] - mean * np.arange(len(heights))).max())
    widest = int(gaps.argmax()) + 1
    return (
        f"The slices are unevenly spaced, {gaps.min():.2f} to {gaps.max():.2f} mm (widest between slices {widest} and"
        f" {widest + 1}); they are shown {mean:.2f} mm apart, so positions are off by up to {off:.1f} mm."
    )


def _unevenness(positions: Floats, slots: list[int], affine: Affine, normal: Floats) -> tuple[str, list[str]]:
    """What is uneven although every gap is about one step: small differences add up. Of the least only a remark."""
    if len(slots) < 3:
        return "", []
    heights = (positions - positions[0]) @ normal
    off = float(np.abs(heights - np.array(slots) * float(affine[:3, 2] @ normal)).max())
    if off > POSITION_TOLERANCE_MM:
        return _uneven(heights), []
    if off > 2 * SPACING_TOLERANCE_MM:
        return "", [f"The slices are not quite evenly spaced: positions are off by up to {off:.2f} mm."]
    return "", []


def _off_line(positions: Floats, slots: list[int], affine: Affine, normal: Floats) -> tuple[list[str], list[str]]:
    """What makes a stack irregular, and lesser remarks: it is sheared, or its slices do not start on one line."""
    if len(slots) < 2:
        return [], []
    step = affine[:3, 2]
    irregular = []
    tilt = float(np.degrees(np.arccos(np.clip(abs(step @ normal) / np.linalg.norm(step), 0.0, 1.0))))
    if tilt > _TILT_DEGREES:
        irregular.append(f"The stack is tilted: slices are shifted against each other by {tilt:.1f} degrees.")
    line = affine[:3, 3] + np.array(slots)[:, None] * step
    sideways = positions - line
    sideways = sideways - (sideways @ normal)[:, None] * normal
    worst = float(np.linalg.norm(sideways, axis=1).max())
    if worst > POSITION_TOLERANCE_MM:
        irregular.append(f"The slices do not lie behind one another: some are off sideways by up to {worst:.1f} mm.")
        return irregular, []
    if worst > 2 * SPACING_TOLERANCE_MM:
        return irregular, [f"The slices do not quite lie behind one another: off sideways by up to {worst:.2f} mm."]
    return irregular, []
