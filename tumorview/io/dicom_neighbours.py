"""The slices that lie beside a single one: who opens a file of a classic series means the series."""

import contextlib

from tumorview.core.progress import Progress
from tumorview.errors import ReadError
from tumorview.io.dicom_frame import Frame
from tumorview.io.dicom_scan import Scan, scan
from tumorview.io.dicom_stacks import stacks_of
from tumorview.io.files import children

_SERIES = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")


def with_neighbours(only: Frame, progress: Progress) -> Scan:
    """The stack around ``only``, from files of its folder; ``only`` alone where there are none.

    Copies of it, and other stacks of its series (a localizer's other directions, other echoes), are left alone. A
    picture without a place, such as a screen capture, is no part of a stack.
    """
    path = only.path
    if only.position is None:
        return Scan([only])
    beside = Scan()
    with contextlib.suppress(ReadError):  # the folder cannot be listed, or its one other file is damaged
        beside = scan([file for file in children(path.parent) if file != path], progress)
    identity, own = [only.text(name) for name in _SERIES], only.text("SOPInstanceUID")
    same = [
        frame
        for frame in beside.frames
        if [frame.text(name) for name in _SERIES] == identity and frame.text("SOPInstanceUID") not in ("", own)
    ]
    stacks = stacks_of([only, *same])[0] if identity[-1] and same else []
    frames = next((stack.present for stack in stacks if only in stack.present), [only])
    if len(frames) == 1:
        return Scan([only])
    note = f"'{path.name}' is one of {len(frames)} slices that lie in its folder; they were opened together."
    return Scan(frames, damaged=beside.damaged, remarks=[note])
