"""The state of an open session, as it goes to disk."""

from tumorview.app.session import Session
from tumorview.core.session_state import ImageReference, SessionState


def snapshot(session: Session) -> SessionState:
    """Everything of ``session`` that must survive the window, as it is now; the voxels are copied.

    A study must be open. Voxels of a stroke under way are in it, its step is not: finish the stroke first.
    """
    study, mask, history = session.study, session.mask, session.history
    assert study is not None
    assert mask is not None
    assert history is not None
    return SessionState(
        image=ImageReference.of(study, mask.geometry),
        data=mask.data.copy(),
        provenance=mask.provenance.copy(),
        labels=mask.labels,
        done=history.steps,
        undone=history.undone,
        saved=session.saved_count,
        documents=session.records.all,
    )
