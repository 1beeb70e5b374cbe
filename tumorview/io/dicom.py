"""DICOM files and folders as a Study: which study, which series, their roles, and their voxels."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.core.progress import Progress
from tumorview.core.rendering import Window
from tumorview.core.study import MODEL_CHANNELS, Role, Series, Study
from tumorview.core.volume import Volume, finite_range
from tumorview.errors import ReadError
from tumorview.io.dicom_decode import PixelFiles
from tumorview.io.dicom_pixels import read_stack
from tumorview.io.dicom_scan import Frame, Scan, is_dicom, scan
from tumorview.io.dicom_stacks import Stack, stacks_of
from tumorview.io.files import walk
from tumorview.io.roles import Acquisition, role_of

_SCAN_PART = 0.3  # of the progress bar
_COMPONENTS = {"P": "PHASE", "PHASE": "PHASE"}
_MIN_WINDOW, _MAX_WINDOW = 0.02, 10.0  # widths of a sane window, in ranges of the voxels

Placed = tuple[Stack, Role, float]


class DicomReader:
    """Reads a DICOM file, or a folder with all its sub-folders, as a Study."""

    name = "DICOM"

    def recognises(self, path: Path) -> bool:
        """Whether ``path`` is a DICOM file by content, or a folder with one somewhere below."""
        if path.is_file():
            return is_dicom(path)
        return any(is_dicom(file) for file in walk(path))

    def read(self, path: Path, progress: Progress) -> Study:
        """The Study in ``path``; where there are several, the one with the most channels and slices."""
        found = _scan(path, progress.part(0.0, _SCAN_PART))
        if not found.frames:
            raise ReadError(
                f"'{path.name}' holds DICOM objects but no image. {' '.join(found.warnings)}".strip(),
                "Open the folder of the images.",
            )
        stacks, warnings = _choose_study(found.frames)
        if not stacks:
            raise ReadError(f"'{path.name}' holds no stack of slices. {' '.join(warnings)}", "Open another series.")
        series, damaged = _read_all(stacks, progress.part(_SCAN_PART, 1.0))
        notes = (*found.warnings, *warnings, *damaged)
        patient = _identity(stacks[0][0].first)
        return Study(path=path, series=series, title=path.name, patient=patient, warnings=notes)


def _identity(frame: Frame) -> str:
    """Who the header says it is, as one line: name, id, date of the study."""
    name = " ".join(frame.text("PatientName").split("=")[0].replace("^", " ").split())
    date = frame.text("StudyDate")
    if len(date) == 8 and date.isdecimal():
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return "  ".join(part for part in (name, frame.text("PatientID"), date) if part)


def _scan(path: Path, progress: Progress) -> Scan:
    """The headers below ``path``; a DICOMDIR stands for its folder, whose files are found without its help."""
    if path.is_file() and path.name.upper() != "DICOMDIR":
        return scan([path], progress)
    folder = path if path.is_dir() else path.parent
    return scan([file for file in walk(folder, progress) if is_dicom(file)], progress)


def _choose_study(frames: list[Frame]) -> tuple[list[Placed], list[str]]:
    """The stacks of one study with their roles, and warnings; other studies are left out and counted."""
    studies: dict[str, list[Frame]] = {}
    for frame in frames:
        studies.setdefault(frame.text("StudyInstanceUID"), []).append(frame)
    candidates = [_stacks_of_study(members) for members in studies.values()]
    stacks, warnings = max(candidates, key=lambda candidate: _richness(candidate[0]))
    if len(candidates) > 1:
        warnings = [
            f"The folder holds {len(candidates)} studies; the one with the most of FLAIR, T1 and post-contrast T1 was"
            " opened. Open another by its own folder or file.",
            *warnings,
        ]
    return stacks, warnings


def _stacks_of_study(frames: list[Frame]) -> tuple[list[Placed], list[str]]:
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


def _read_all(stacks: list[Placed], progress: Progress) -> tuple[tuple[Series, ...], list[str]]:
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
                series.append(_read_series(stack, role, confidence, files, part))
            except ReadError as error:
                errors.append(error)
    if errors and not series:
        raise errors[0]
    return tuple(series), [f"A series was left out: {error.message}" for error in errors]


def _read_series(stack: Stack, role: Role, confidence: float, files: PixelFiles, progress: Progress) -> Series:
    first = stack.first
    voxels, warnings = read_stack(stack, files, progress)
    description = first.text("SeriesDescription") or first.text("ProtocolName") or first.path.name
    return Series(
        uid=stack.uid,
        volume=Volume(voxels, stack.geometry),
        role=role,
        role_confidence=confidence,
        description=f"{description} ({stack.label})" if stack.label else description,
        modality=first.text("Modality") or "OT",
        window=_window(stack, voxels),
        frame_of_reference=first.text("FrameOfReferenceUID") or None,
        inverted=first.text("PhotometricInterpretation").upper() == "MONOCHROME1",
        warnings=(*stack.warnings, *warnings),
    )


def _window(stack: Stack, voxels: npt.NDArray[Any]) -> Window | None:
    """The median of the frames' own windows, where it is sane for these voxels."""
    pairs = [
        (frame.number("WindowCenter"), frame.number("WindowWidth")) for frame in stack.frames if frame is not None
    ]
    known = [(centre, width) for centre, width in pairs if centre is not None and width is not None and width > 0]
    if not known:
        return None
    centre, width = (float(value) for value in np.median(np.array(known), axis=0))
    low, high = finite_range(voxels)
    span = high - low
    window = Window(centre, width)
    sane = low <= centre <= high and _MIN_WINDOW * span <= width <= _MAX_WINDOW * span
    return window if sane else None


