"""What a session keeps about where series lie: registrations that were accepted, and answers about open places."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tumorview.core.session_state import Document
from tumorview.core.study import Study, moved

REGISTRATIONS = "registrations"
ANSWERS = "geometry"

Matrix = npt.NDArray[np.float64]


def as_registered(study: Study, documents: Mapping[str, Document]) -> Study:
    """``study`` with its series where accepted registrations put them; the id may be another."""
    known = {series.uid: series for series in study.series}
    for uid, entry in registrations_in(documents.get(REGISTRATIONS)).items():
        series, fixed, matrix = known.get(uid), known.get(str(entry.get("onto"))), _matrix(entry.get("matrix_lps"))
        if series is not None and fixed is not None and matrix is not None:
            study = study.with_series(moved(series, matrix, fixed))
    return study


def as_answered(study: Study, documents: Mapping[str, Document]) -> Study:
    """``study`` with its series where an earlier answer put them; the id stays."""
    for uid, source in answers_in(documents.get(ANSWERS)).items():
        series = next((one for one in study.series if one.uid == uid), None)
        if series is not None and series.placing.other is not None and series.placing.second == source:
            placing = series.placing.swapped(series.volume.geometry)
            study = study.with_geometry(series, series.placing.other, placing)
    return study


def registrations_in(document: Document) -> dict[str, dict[str, Document]]:
    """Entries of the record REGISTRATIONS by the uid of the series that was moved."""
    if not isinstance(document, dict):
        return {}
    return {str(uid): entry for uid, entry in document.items() if isinstance(entry, dict)}


def answers_in(document: Document) -> dict[str, str]:
    """Entries of the record ANSWERS: the source of the place that the user took for right, by the uid of the series."""
    return {str(uid): str(source) for uid, source in document.items()} if isinstance(document, dict) else {}


def _matrix(value: Document) -> Matrix | None:
    """A rigid motion from JSON; None where it is none, as in a damaged file."""
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        return None
    rigid = np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-6) and np.linalg.det(matrix[:3, :3]) > 0
    return matrix if rigid and np.array_equal(matrix[3], (0, 0, 0, 1)) else None
