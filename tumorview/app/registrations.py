"""Registrations that the user accepted: kept with the session, taken back at will, told in exports."""

from dataclasses import replace

import numpy as np

from tumorview.app.registration import Registration
from tumorview.app.series_records import REGISTRATIONS, Matrix, registrations_in
from tumorview.app.session import Session
from tumorview.core.session_state import Document
from tumorview.core.study import MODEL_CHANNELS, Series, Study, shares_space


def candidate(study: Study, active: Series | None) -> Series | None:
    """What a registration would move: the series that is shown, otherwise the first input that may lie elsewhere."""
    fixed = study.reference
    if active is not None and active.uid != fixed.uid:
        return active
    inputs = [series for role in MODEL_CHANNELS if (series := study.channels[role]) is not None]
    others = [one for one in (*inputs, *study.series) if one.uid != fixed.uid and not one.registered_to]
    unsure = [one for one in others if None in (one.frame_of_reference, fixed.frame_of_reference)]
    apart = [one for one in others if not shares_space(one, fixed)]
    return next(iter((*apart, *unsure, *others)), None)


def accept(session: Session, found: Registration) -> None:
    """Let the moving series lie where ``found`` says; measurements on it go with it."""
    series = found.moved
    first = series.acquired or series
    total = series.volume.geometry.affine @ first.volume.geometry.inverse
    entry = {"onto": found.fixed.uid, "matrix_lps": total.tolist(), "information": [found.before, found.after]}
    _put(session, series.uid, entry)
    _move_measurements(session, series.uid, found.matrix)
    session.replace_series(series)


def take_back(session: Session, series: Series) -> None:
    """Let ``series`` lie where its file says."""
    first = series.acquired
    if first is None:
        return
    _put(session, series.uid, None)
    _move_measurements(session, series.uid, first.volume.geometry.affine @ series.volume.geometry.inverse)
    session.replace_series(first)


def note(session: Session) -> list[Document]:
    """Accepted registrations by roles, for the note beside an exported mask."""
    study = session.study
    if study is None:
        return []
    roles = {series.uid: str(study.role_of(series)) for series in study.series}
    return [
        {"role": roles.get(uid), "onto": roles.get(str(entry.get("onto"))), "matrix_lps": entry.get("matrix_lps")}
        for uid, entry in registrations_in(session.records.get(REGISTRATIONS)).items()
    ]


def _put(session: Session, uid: str, entry: Document) -> None:
    entries = registrations_in(session.records.get(REGISTRATIONS))
    entries.pop(uid, None)
    session.records.put(REGISTRATIONS, ({**entries, uid: entry} if entry else entries) or None, work=True)


def _move_measurements(session: Session, uid: str, matrix: Matrix) -> None:
    for one in session.measurements.items:
        if one.series_uid == uid:
            places = np.array(one.points) @ matrix[:3, :3].T + matrix[:3, 3]
            points = tuple((float(x), float(y), float(z)) for x, y, z in places)
            session.measurements.replace(replace(one, points=points))
