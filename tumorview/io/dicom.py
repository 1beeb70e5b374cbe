"""DICOM files and folders as a Study: which study, which series, their roles, and their voxels."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.opening import Irregular, Opening, StudyChoice, chosen
from tumorview.core.placing import Placing
from tumorview.core.progress import Progress
from tumorview.core.rendering import Window
from tumorview.core.restack import restack
from tumorview.core.study import MODEL_CHANNELS, Role, Series, Study
from tumorview.core.volume import Volume, finite_range
from tumorview.errors import ReadError
from tumorview.io.dicom_decode import PixelFiles
from tumorview.io.dicom_dir import NAME, directory_warnings
from tumorview.io.dicom_frame import Frame
from tumorview.io.dicom_header import is_dicom
from tumorview.io.dicom_neighbours import with_neighbours
from tumorview.io.dicom_pixels import read_stack
from tumorview.io.dicom_placing import Stack, longest_part, positions_of, steps
from tumorview.io.dicom_scan import Scan, scan
from tumorview.io.dicom_stacks import stacks_of
from tumorview.io.files import several_warning, walk
from tumorview.io.roles import Acquisition, protocol_of, role_of
from tumorview.io.volumes import named_like_volume

_SCAN_PART = 0.3  # of the progress bar
_PLACED = "DICOM image position and orientation (patient)"
_COMPONENTS = {"P": "PHASE", "PHASE": "PHASE"}
_MIN_WINDOW, _MAX_WINDOW = 0.02, 10.0  # widths of a sane window, in ranges of the voxels

Placed = tuple[Stack, Role, float]
Candidate = tuple[list[Placed], list[str]]  # the stacks of a study, and warnings


class DicomReader:
    """Reads a DICOM file, or a folder with all its sub-folders, as a Study."""

    name = "DICOM"

    def recognises(self, path: Path) -> bool:
        """Whether ``path`` is a DICOM file by content, or a folder with one somewhere below."""
        if path.is_file():
            return is_dicom(path)
        return any(is_dicom(file) for file in walk(path))

    def read(self, path: Path, progress: Progress, opening: Opening) -> Study:
        """The Study in ``path``; of several the one that ``opening`` names, otherwise the fullest."""
        found = _scan(path, progress.part(0.0, _SCAN_PART), alone=opening.alone)
        if not found.frames:
            raise ReadError(
                f"'{path.name}' holds DICOM objects but no image. {' '.join(found.warnings)}".strip(),
                "Open the folder of the images.",
            )
        candidates = _studies(found.frames)
        choices = _choices(candidates)
        if not choices:
            reasons = " ".join(candidates[0][1])
            raise ReadError(f"'{path.name}' holds no stack of slices. {reasons}", "Open another series.")
        number = chosen(choices, opening, path.name, [_richness(stacks) for stacks, _ in candidates])
        stacks, warnings = candidates[number]
        if opening.irregular is Irregular.PART:
            stacks = [(longest_part(stack), role, confidence) for stack, role, confidence in stacks]
        series, damaged = _read_all(stacks, opening, progress.part(_SCAN_PART, 1.0))
        others = [several_warning(len(choices))] if len(choices) > 1 and not opening.study else []
        return Study(
            path=path,
            series=series,
            title=path.name,
            patient=_identity(stacks[0][0].first),
            warnings=(*found.warnings, *others, *warnings, *damaged),
            choices=choices if len(choices) > 1 else (),
            opening=opening.naming(choices[number].key),
        )


def _identity(frame: Frame) -> str:
    """Who the header says it is, as one line: name, id, date of the study."""
    name = " ".join(frame.text("PatientName").split("=")[0].replace("^", " ").split())
    date = frame.text("StudyDate")
    if len(date) == 8 and date.isdecimal():
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return "  ".join(part for part in (name, frame.text("PatientID"), date) if part)


def _scan(path: Path, progress: Progress, *, alone: bool) -> Scan:
    """The headers below ``path``, for a slice that is not ``alone`` of those beside it.

    A DICOMDIR stands for its folder, whose files are found without its help.
    """
    if path.is_file() and path.name.upper() != NAME:
        found = scan([path], progress)
        return found if alone or len(found.frames) != 1 else with_neighbours(found.frames[0], progress)
    files = list(walk(path if path.is_dir() else path.parent, progress))
    found = scan(files, progress)
    for directory in (file for file in files if file.name.upper() == NAME):
        found.remarks.extend(directory_warnings(directory, files))
    others = sum(1 for file in files if named_like_volume(file))
    if others and found.frames:
        found.remarks.append(f"{others} files of other formats lie among the DICOM files; they were not opened.")
    return found


def _studies(frames: list[Frame]) -> list[Candidate]:
    """The stacks of each study, with their roles, and warnings. Patients are kept apart whatever the UIDs say."""
    studies: dict[tuple[str, str], list[Frame]] = {}
    for frame in frames:
        studies.setdefault((frame.text("StudyInstanceUID"), frame.text("PatientID")), []).append(frame)
    found = [_stacks_of_study(members) for members in studies.values()]
    return [candidate for candidate in found if candidate[0]] or found[:1]


def _choices(candidates: list[Candidate]) -> tuple[StudyChoice, ...]:
    """The studies as the user is asked about them; keys are study UIDs, numbered where two patients share one."""
    choices: list[StudyChoice] = []
    for stacks, _ in candidates:
        if not stacks:
            return ()
        first = stacks[0][0].first
        uid = first.text("StudyInstanceUID") or "unnamed"
        count = sum(1 for choice in choices if choice.key == uid or choice.key.startswith(f"{uid}#"))
        title = "  ".join(filter(None, (_identity(first), first.text("StudyDescription"))))
        roles = sorted({str(role) for _, role, _ in stacks if role is not Role.OTHER})
        slices = sum(len(stack.frames) for stack, _, _ in stacks)
        content = f"{len(stacks)} series, {slices} slices" + (f": {', '.join(roles)}" if roles else "")
        choices.append(StudyChoice(f"{uid}#{count + 1}" if count else uid, title, content))
    return tuple(choices)


def _stacks_of_study(frames: list[Frame]) -> Candidate:
    by_series: dict[str, list[Frame]] = {}
    for frame in frames:
        by_series.setdefault(frame.text("SeriesInstanceUID") or str(frame.path), []).append(frame)
    placed: list[Placed] = []
    warnings: list[str] = []
    ordered = sorted(by_series.values(), key=lambda members: members[0].number("SeriesNumber") or 0.0)
    for members in ordered:
        stacks, left = stacks_of(members)
        warnings.extend(left)
        placed.extend((stack, *role_of(acquisition(stack.first))) for stack in stacks)
    return placed, warnings


def _richness(stacks: list[Placed]) -> tuple[int, int]:
    roles = {role for _, role, _ in stacks}
    return len(roles & set(MODEL_CHANNELS)), sum(len(stack.frames) for stack, _, _ in stacks)


def acquisition(frame: Frame) -> Acquisition:
    """What the header of ``frame`` says about the sequence."""
    kinds = {_COMPONENTS.get(kind, kind) for kind in (*frame.strings("ImageType"), *frame.strings("FrameType"))}
    kinds |= {_COMPONENTS.get(kind, kind) for kind in frame.strings("ComplexImageComponent")}
    sequence = set(frame.strings("ScanningSequence"))
    if frame.text("EchoPlanarPulseSequence").upper() == "YES":
        sequence.add("EP")
    if frame.text("EchoPulseSequence").upper() in ("GRADIENT", "BOTH"):
        sequence.add("GR")
    if frame.text("InversionRecovery").upper() == "YES":
        sequence.add("IR")
    if (frame.number("DiffusionBValue") or 0.0) > 0:
        kinds.add("DIFFUSION")
    return Acquisition(
        text=" ".join(frame.text(name) for name in ("SeriesDescription", "ProtocolName", "SequenceName")),
        echo_time=_first(frame, "EffectiveEchoTime", "EchoTime"),
        repetition_time=frame.number("RepetitionTime"),
        inversion_time=_first(frame, "InversionTimes", "InversionTime"),
        sequence=frozenset(sequence),
        kinds=frozenset(kinds),
        stated_contrast=frame.text("AcquisitionContrast").upper(),
        contrast_agent=_contrast_agent(frame),
    )


def _first(frame: Frame, *keywords: str) -> float | None:
    return next((value for name in keywords if (value := frame.number(name)) is not None), None)


def _contrast_agent(frame: Frame) -> bool | None:
    administered = frame.text("ContrastBolusAgentAdministered").upper()
    if administered:
        return administered == "YES" and frame.text("ContrastBolusAgentPhase").upper() != "PRE_CONTRAST"
    agent = frame.text("ContrastBolusAgent").upper()
    if not agent:
        return None
    return agent not in ("NONE", "NO", "N", "0", "WITHOUT")


def _read_all(stacks: list[Placed], opening: Opening, progress: Progress) -> tuple[tuple[Series, ...], list[str]]:
    """The Series of all stacks; one whose pixels cannot be read is left out while another can."""
    series: list[Series] = []
    errors: list[ReadError] = []
    total = sum(len(stack.frames) for stack, _, _ in stacks)
    done = 0
    with PixelFiles() as files:
        for stack, role, confidence in stacks:
            part = progress.part(done / total, (done + len(stack.frames)) / total)
            done += len(stack.frames)
            try:
                series.append(_read_series(stack, role, confidence, files, opening, part))
            except ReadError as error:
                errors.append(error)
    if errors and not series:
        raise errors[0]
    return tuple(series), [f"A series was left out: {error.message}" for error in errors]


def _read_series(
    stack: Stack, role: Role, confidence: float, files: PixelFiles, opening: Opening, progress: Progress
) -> Series:
    first = stack.first
    pixels = read_stack(stack, files, progress)
    volume, warnings, irregular = Volume(pixels.voxels, stack.geometry), stack.warnings, stack.irregular
    if irregular and opening.irregular is Irregular.RESAMPLE:
        volume = _regular(stack, pixels.voxels, progress)
        warnings, irregular = (f"The slices were resampled onto a regular grid. As acquired: {irregular}",), ""
    description = first.text("SeriesDescription") or first.text("ProtocolName") or first.path.name
    return Series(
        uid=stack.uid,
        volume=volume,
        role=role,
        role_confidence=confidence,
        description=f"{description} ({stack.label})" if stack.label else description,
        modality=first.text("Modality") or "OT",
        window=_window(stack, pixels.voxels),
        frame_of_reference=first.text("FrameOfReferenceUID") or None,
        inverted=first.text("PhotometricInterpretation").upper() == "MONOCHROME1",
        warnings=(*warnings, *pixels.warnings),
        irregular=irregular,
        padding=pixels.padding,
        placing=Placing(_PLACED if first.position is not None else ""),
        files=tuple(dict.fromkeys(frame.path for frame in stack.frames if frame is not None)),
        protocol=protocol_of(acquisition(first)),
    )


def _regular(stack: Stack, voxels: npt.NDArray[Any], progress: Progress) -> Volume:
    """The slices that are there, interpolated onto a regular grid."""
    slots = [slot for slot, frame in enumerate(stack.frames) if frame is not None]
    positions, axes = positions_of(stack.present), stack.first.axes
    assert axes is not None, "an irregular stack has positions"
    gap, _, _ = steps(np.diff(positions @ axes[2]))
    _, along_column, along_row = stack.geometry.spacing
    return restack(voxels[slots], positions, axes, (along_row, along_column, gap), progress)


def _window(stack: Stack, voxels: npt.NDArray[Any]) -> Window | None:
    """The median of the frames' own windows, where it is sane for these voxels."""
    pairs = [(frame.number("WindowCenter"), frame.number("WindowWidth")) for frame in stack.frames if frame is not None]
    known = [(centre, width) for centre, width in pairs if centre is not None and width is not None and width > 0]
    if not known:
        return None
    centre, width = (float(value) for value in np.median(np.array(known), axis=0))
    low, high = finite_range(voxels)
    span = high - low
    window = Window(centre, width)
    sane = low <= centre <= high and _MIN_WINDOW * span <= width <= _MAX_WINDOW * span
    return window if sane else None
