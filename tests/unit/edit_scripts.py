"""Random work on a small study, as a radiologist might do it, for the tests of undo, journal and session files."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from tumorview.app.restoring import snapshot
from tumorview.app.session import Session
from tumorview.core.geometry import Geometry
from tumorview.core.labels import Label
from tumorview.core.mask import Mask
from tumorview.core.prediction import ModelClass, Origin, Prediction
from tumorview.core.session_state import SessionState
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume

SHAPE = (5, 14, 11)
GRID = Geometry.from_spacing(SHAPE, (4.0, 1.0, 1.5))
CLASSES = (ModelClass("Oedema", 2, (86, 180, 233)),)

_unit = st.floats(0.0, 1.0, width=32)
_places = st.lists(st.tuples(_unit, _unit), min_size=1, max_size=3)
_command = st.one_of(
    st.tuples(st.just("stroke"), st.sampled_from(list(Plane)), st.booleans(), _places, _unit),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(st.just("go to"), st.integers(0, 12)),
    st.tuples(st.just("run"), st.integers(0, 99), st.booleans()),
    st.tuples(st.just("threshold"), st.floats(0.1, 0.9)),
    st.tuples(st.just("import"), st.integers(0, 99)),
    st.tuples(st.just("label"), st.integers(1, 9)),
    st.tuples(st.just("document"), st.sampled_from("ab"), st.one_of(st.none(), st.integers(), st.text(max_size=4))),
    st.tuples(st.just("saved")),
)
scripts = st.lists(_command, max_size=14)


def small_study(folder: Path, *, seed: int = 0) -> Study:
    """A FLAIR of noise."""
    voxels = np.random.default_rng(seed).integers(0, 400, SHAPE).astype(np.int16)
    return Study(folder, (Series("flair", Volume(voxels, GRID), Role.FLAIR, 1.0),), title="Small")


def opened(folder: Path) -> Session:
    """A session with the small study."""
    session = Session()
    session.open(small_study(folder))
    session.set_brush(radius=2.0)
    return session


def perform(session: Session, command: tuple) -> None:
    """Do one command of a script."""
    match command:
        case "stroke", plane, erase, places, depth:
            view = PlaneView.of(GRID, plane)
            session.begin_stroke(view, erase=erase)
            for row, column in places:
                session.stroke_to(int(depth * (view.count - 1)), row * view.size[0], column * view.size[1])
            session.end_stroke()
        case ("undo",):
            session.undo()
        case ("redo",):
            session.redo()
        case "go to", count:
            session.go_to_step(count)
        case "run", seed, replace_human:
            session.begin_prediction(replace_human=replace_human)
            session.finish_prediction(prediction(seed))
        case "threshold", value:
            session.set_threshold(value)
            session.keep_threshold()
        case "import", seed:
            voxels = np.random.default_rng(seed).integers(0, 4, SHAPE).astype(np.uint8)
            session.import_mask(Mask(voxels, GRID), Path("other.nii.gz"))
        case "label", number:
            added = Label(number, f"Number {number}", (number, 0, 0), locked=number == 9)
            session.set_labels(session.mask.labels.with_label(added))
        case "document", name, value:
            session.records.put(name, value, work=True)
        case ("saved",):
            session.mark_saved()


def prediction(seed: int) -> Prediction:
    """Random probabilities of one class."""
    probabilities = np.random.default_rng(seed).random((1, *SHAPE)).astype(np.float16)
    origin = Origin("m", "0" * 64, "torch", "cpu", "float32", {})
    return Prediction(probabilities, GRID, CLASSES, origin)


def assert_same(found: SessionState, session: Session) -> None:
    """``found`` is exactly what ``session`` holds: mask, steps both ways, labels, documents, what was saved."""
    now = snapshot(session)
    assert np.array_equal(found.data, now.data)
    assert np.array_equal(found.provenance, now.provenance)
    assert found.done == now.done
    assert found.undone == now.undone
    assert found.labels == now.labels
    assert found.documents == now.documents
    assert found.saved == now.saved
    assert found.image.geometry == now.image.geometry
