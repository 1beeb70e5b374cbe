"""The way back from the state of a session to its study, grid and saved place."""

from tumorview.app.series_records import as_answered, as_registered
from tumorview.core.edits import Edit
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Box, Provenance
from tumorview.core.prediction import Origin
from tumorview.core.session_state import Document, SessionState
from tumorview.core.study import Role, Study
from tumorview.errors import GeometryError

# Where a mask was saved to which no step leads any more.
_NOWHERE = Edit("", Provenance.UNTOUCHED, Box((0, 0, 0), (0, 0, 0)), b"", b"")


def saved_place(state: SessionState) -> Edit | None:
    """The step of ``state`` after which it was saved last, as ``Session`` remembers it."""
    places = (None, *state.done, *state.undone)
    return _NOWHERE if state.saved is None else places[min(state.saved, len(places) - 1)]


def study_as_in(study: Study, state: SessionState) -> Study:
    """``study`` with the roles and places that the user gave its series in the session ``state``."""
    study = as_registered(as_answered(study, state.documents), state.documents)
    roles = state.documents.get("roles")
    for uid, name in roles.items() if isinstance(roles, dict) else ():
        series = next((one for one in study.series if one.uid == uid), None)
        if series is not None and name in set(Role):
            study = study.with_role(series, Role(name))
    return study


def grid_of(study: Study, state: SessionState) -> Geometry:
    """The grid in ``study`` that the mask of ``state`` lies on; GeometryError naming both where there is none."""
    wanted = state.image.geometry
    for series in (study.reference, *study.series):
        if series.volume.geometry.same_grid(wanted):
            return series.volume.geometry
    raise GeometryError(
        f"The session belongs to another image: its mask has {wanted.describe()},"
        f" '{study.title or study.path.name}' has {study.reference.volume.geometry.describe()}.",
        "Choose the image that the session was made on.",
    )


def made_by(origin: Origin, threshold: float) -> Document:
    """What made a prediction, as the JSON that is kept with its mask."""
    return {
        "model": origin.model_id,
        "weights_sha256": origin.weights_sha256,
        "engine": origin.engine,
        "device": origin.device,
        "precision": origin.precision,
        "threshold": round(threshold, 4),
        "postprocess": list(origin.postprocess),
        "flair_in_place_of": [role for role, uid in origin.channels.items() if uid is None],
    }
