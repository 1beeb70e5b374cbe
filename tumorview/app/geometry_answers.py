"""What the user said about a place that the file leaves open: asked once, kept with the session, told in exports.

Until there is an answer no mask is saved on such a Series: a mask on the wrong side looks as good as one on the right.
"""

from dataclasses import dataclass

from tumorview.app import registrations
from tumorview.app.series_records import ANSWERS, answers_in
from tumorview.app.session import Session
from tumorview.core.passport import doubt_of
from tumorview.core.session_state import Document
from tumorview.core.study import Series

AS_SHOWN = "as shown"


@dataclass(frozen=True, eq=False)
class Question:
    """``text`` is what is open about ``series``; ``other`` names the file's other statement, "" where it has none."""

    series: Series
    text: str
    other: str = ""


def question_of(session: Session) -> Question | None:
    """What is open about the series that the mask lies on; None once it was answered."""
    study, mask = session.study, session.mask
    if study is None or mask is None:
        return None
    series = next((one for one in study.series if one.volume.geometry.same_grid(mask.geometry)), study.reference)
    text = doubt_of(series)
    if not text or series.uid in answers_in(session.records.get(ANSWERS)):
        return None
    return Question(series, text, series.placing.second if series.placing.other is not None else "")


def keep_as_shown(session: Session, question: Question) -> None:
    """The place that is shown is right."""
    _put(session, question.series, question.series.placing.source or AS_SHOWN)


def use_other(session: Session, question: Question) -> None:
    """The file's other statement is right: the study is shown anew with it, without the work that was on it."""
    study, placing = session.study, question.series.placing
    assert study is not None
    assert placing.other is not None
    here = question.series.volume.geometry
    session.open(study.with_geometry(question.series, placing.other, placing.swapped(here)))
    _put(session, question.series, placing.second)


def placing_note(session: Session) -> Document:
    """What the user decided about places, for the note beside an exported mask; None where nothing was decided."""
    sources = sorted(set(answers_in(session.records.get(ANSWERS)).values()))
    registered = registrations.note(session)
    told = {"confirmed_by_user": sources, "registered": registered}
    return {name: value for name, value in told.items() if value} or None


def _put(session: Session, series: Series, source: str) -> None:
    session.records.put(ANSWERS, {**answers_in(session.records.get(ANSWERS)), series.uid: source})
