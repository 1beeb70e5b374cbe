"""Random work on a small study, as a radiologist might do it, for the tests of undo, journal and session files."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from tumorview.app.label_editing import LabelEditor
from tumorview.app.session import Session
from tumorview.app.snapshot import snapshot
from tumorview.app.tool_commands import COMMANDS
from tumorview.app.tool_options import Tool
from tumorview.app.tools import Spot, Tools
from tumorview.core.geometry import Geometry
from tumorview.core.labels import Label, unnamed
from tumorview.core.mask import Mask
from tumorview.core.prediction import ModelClass, Origin, Prediction
from tumorview.core.progress import Progress
from tumorview.core.session_state import SessionState
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.tools import Over, PaintRule, Shape
from tumorview.core.volume import Volume
from tumorview.errors import EditError

SHAPE = (5, 14, 11)
GRID = Geometry.from_spacing(SHAPE, (4.0, 1.0, 1.5))
CLASSES = (ModelClass("Oedema", 2, (86, 180, 233)),)
OUTLINES = (Tool.POLYGON, Tool.LASSO, Tool.THRESHOLD)
CLICKS = (Tool.FILL, Tool.RELABEL, Tool.DELETE)
BRUSHES = (
    {"label": 1, "ball": False, "rule": PaintRule()},
    {"label": 2, "ball": True, "rule": PaintRule(Over.BACKGROUND)},
    {"label": 1, "shape": Shape.SQUARE, "rule": PaintRule(Over.LABEL, 2)},
)

_unit = st.floats(0.0, 1.0, width=32)
_places = st.lists(st.tuples(_unit, _unit), min_size=1, max_size=3)
_corners = st.lists(st.tuples(_unit, _unit), min_size=3, max_size=5)
_command = st.one_of(
    st.tuples(st.just("stroke"), st.sampled_from(list(Plane)), st.booleans(), _places, _unit),
    st.tuples(st.just("brush"), st.sampled_from(BRUSHES)),
    st.tuples(st.just("smart"), st.sampled_from(list(Plane)), _places, _unit),
    st.tuples(st.just("outline"), st.sampled_from(OUTLINES), st.sampled_from(list(Plane)), st.booleans(), _corners),
    st.tuples(st.just("click"), st.sampled_from(CLICKS), st.sampled_from(list(Plane)), _unit, _unit),
    st.tuples(st.just("grow"), st.sampled_from(list(Plane)), _unit, _unit, st.floats(0.05, 1.0)),
    st.tuples(st.just("command"), st.sampled_from(sorted(COMMANDS)), st.sampled_from(list(Plane)), st.booleans()),
    st.tuples(st.just("remove label")),
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
    """Do one command of a script; a tool that cannot do what it is asked for says so and changes nothing."""
    before = session.mask.revision
    try:
        _perform(session, command)
    except EditError:
        assert session.mask.revision == before


def _perform(session: Session, command: tuple) -> None:
    match command:
        case "stroke", plane, erase, places, depth:
            view = PlaneView.of(GRID, plane)
            session.begin_stroke(view, erase=erase)
            for row, column in places:
                session.stroke_to(int(depth * (view.count - 1)), row * view.size[0], column * view.size[1])
            session.end_stroke()
        case "brush", fields:
            number = fields["label"]
            if session.mask.labels.get(number) is None:
                session.set_labels(session.mask.labels.with_label(unnamed(number)))
            session.set_brush(**fields)
        case "smart", plane, places, depth:
            view = PlaneView.of(GRID, plane)
            session.begin_stroke(view, smart_on=_greys(session))
            for row, column in places:
                session.stroke_to(int(depth * (view.count - 1)), row * view.size[0], column * view.size[1])
            session.end_stroke()
        case "outline", tool, plane, subtract, corners:
            tools, spot = Tools(session), _spot(session, plane)
            rows, columns = spot.view.size
            points = [(row * rows, column * columns) for row, column in corners]
            tools.do(tools.outlined(tool, spot, points, subtract=subtract))
        case "click", tool, plane, row, column:
            tools, spot = Tools(session), _spot(session, plane)
            tools.do(tools.at(tool, spot, *_inside(spot, row, column)))
        case "grow", plane, row, column, tolerance:
            tools, spot = Tools(session), _spot(session, plane)
            tools.set_options(grow_radius=6.0, grow_tolerance=tolerance)
            growing = tools.grow(spot, *_inside(spot, row, column))
            for factor in (1.5, 0.5):
                growing.scale_tolerance(factor)
                growing.show(growing.work()(Progress()))
            growing.finish()
        case "command", action, plane, deep:
            tools = Tools(session)
            tools.set_options(shape_deep=deep, island_ml=0.02)
            tools.do(COMMANDS[action](tools, _spot(session, plane)))
        case ("remove label",):
            LabelEditor(session).remove(session.brush.label)
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


def _greys(session: Session) -> np.ndarray:
    return session.study.reference.volume.data


def _spot(session: Session, plane: Plane) -> Spot:
    view = PlaneView.of(GRID, plane)
    return Spot(view, view.count // 2, _greys(session), 400.0)


def _inside(spot: Spot, row: float, column: float) -> tuple[float, float]:
    rows, columns = spot.view.size
    return row * (rows - 1), column * (columns - 1)


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
