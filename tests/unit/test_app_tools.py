"""Tools on a session: one gesture, one step; what cannot be done says why; stale work is dropped."""

from dataclasses import replace

import numpy as np
import pytest

from tumorview.app.label_editing import LabelEditor
from tumorview.app.session import Session
from tumorview.app.settings import Settings
from tumorview.app.settings_store import SettingsStore
from tumorview.app.tool_commands import COMMANDS
from tumorview.app.tool_options import Greys, Tool, ToolOptions, from_settings, to_settings
from tumorview.app.tools import Spot, Tools
from tumorview.core.geometry import Geometry
from tumorview.core.labels import LABEL_PRESETS, Label
from tumorview.core.mask import Box, Mask, Provenance
from tumorview.core.prediction import ModelClass, Origin, Prediction, PredictionPart
from tumorview.core.progress import Progress
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.tools import Over, PaintRule, Shape
from tumorview.core.volume import Volume
from tumorview.errors import EditError

SHAPE = (8, 30, 32)


@pytest.fixture
def session(tmp_path):
    geometry = Geometry.from_spacing(SHAPE, (4.0, 1.0, 1.0))
    greys = np.random.default_rng(0).normal(100, 5, SHAPE)
    greys[2:6, 8:18, 8:20] += 100
    opened = Session()
    opened.open(Study(tmp_path, (Series("flair", Volume(greys.astype(np.int16), geometry), Role.FLAIR, 1.0),)))
    opened.set_labels(opened.mask.labels.with_label(Label(2, "Oedema", (0, 255, 0))))
    return opened


@pytest.fixture
def tools(session):
    return Tools(session)


def spot(session, index=3, plane=Plane.AXIAL):
    view = PlaneView.of(session.grid, plane)
    return Spot(view, index, session.study.reference.volume.data, width=200.0)


def put(session, *regions, label=1):
    for region in regions:
        session.mask.data[region] = label


SQUARE = [(7.5, 7.5), (7.5, 17.5), (17.5, 17.5), (17.5, 7.5)]


def test_an_outline_adds_and_cuts_out_in_one_step_each(session, tools):
    tools.do(tools.outlined(Tool.POLYGON, spot(session), SQUARE, subtract=False))
    assert session.mask.volume_ml() == pytest.approx(100 * 4 / 1000)
    assert (session.mask.provenance[session.mask.data == 1] == Provenance.TOOL).all()
    tools.do(
        tools.outlined(Tool.LASSO, spot(session), [(7.5, 7.5), (7.5, 12.5), (17.5, 12.5), (17.5, 7.5)], subtract=True)
    )
    assert session.mask.data[3, 8:18, 13:18].all()
    assert session.mask.data.sum() == 50
    assert [step.title for step in session.history.steps] == ["Polygon", "Cut out"]
    session.undo()
    session.undo()
    assert not session.mask.has_labels


def test_cutting_out_under_a_rule_leaves_other_labels(session, tools):
    put(session, np.s_[3, 8:18, 8:13])
    put(session, np.s_[3, 8:18, 13:18], label=2)
    tools.set_brush(rule=PaintRule(Over.BACKGROUND))
    tools.do(tools.outlined(Tool.LASSO, spot(session), SQUARE, subtract=True))
    assert np.unique(session.mask.data).tolist() == [0, 2]


def test_threshold_in_an_outline_takes_the_bright_the_dark_or_a_range(session, tools):
    around = [(3.5, 3.5), (3.5, 25.5), (25.5, 25.5), (25.5, 3.5)]
    tools.do(tools.outlined(Tool.THRESHOLD, spot(session), around, subtract=False))
    lesion = np.zeros(SHAPE, bool)
    lesion[3, 8:18, 8:20] = True
    np.testing.assert_array_equal(session.mask.data == 1, lesion)
    session.undo()
    tools.set_options(greys=Greys.DARK)
    tools.do(tools.outlined(Tool.THRESHOLD, spot(session), around, subtract=False))
    assert session.mask.data.sum() == 22 * 22 - 120
    session.undo()
    tools.set_options(greys=Greys.RANGE, low=1000.0, high=2000.0)
    with pytest.raises(EditError, match="in the range"):
        tools.do(tools.outlined(Tool.THRESHOLD, spot(session), around, subtract=False))
    assert not session.history.steps


def test_threshold_everywhere_stays_inside_the_label_that_may_be_painted_over(session, tools):
    put(session, np.s_[0:4, 5:15, 5:25])
    tools.set_brush(label=2, rule=PaintRule(Over.LABEL, 1))
    tools.do(COMMANDS["edit.threshold_everywhere"](tools, spot(session)))
    wanted = np.zeros(SHAPE, bool)
    wanted[2:4, 8:15, 8:20] = True
    np.testing.assert_array_equal(session.mask.data == 2, wanted)


def test_fill_relabel_and_delete_take_the_part_under_the_cursor(session, tools):
    put(session, np.s_[3, 8:18, 8:18], np.s_[4, 8:10, 8:10], np.s_[3, 25:28, 25:28])
    session.mask.data[3, 10:16, 10:16] = 0
    tools.do(tools.at(Tool.FILL, spot(session), 12.0, 12.0))
    assert session.mask.data[3, 8:18, 8:18].all()
    tools.set_brush(label=2)
    tools.do(tools.at(Tool.RELABEL, spot(session), 9.0, 9.0))
    assert (session.mask.data == 2).sum() == 104
    assert (session.mask.data == 1).sum() == 9
    tools.do(tools.at(Tool.DELETE, spot(session), 26.0, 26.0))
    assert (session.mask.data == 1).sum() == 0
    with pytest.raises(EditError, match="no label under"):
        tools.at(Tool.DELETE, spot(session), 26.0, 26.0)
    with pytest.raises(EditError, match="no image under"):
        tools.at(Tool.FILL, spot(session), -5.0, 2.0)
    with pytest.raises(EditError, match="not enclosed"):
        tools.do(tools.at(Tool.FILL, spot(session), 1.0, 1.0))
    assert len(session.history.steps) == 3


def test_a_region_follows_the_tolerance_and_is_one_step(session, tools):
    tools.set_options(grow_tolerance=0.01, grow_radius=100.0)
    growing = tools.grow(spot(session), 12.0, 12.0)
    growing.show(growing.work()(Progress()))
    few = session.mask.data.sum()
    assert growing.scale_tolerance(20) == pytest.approx(0.2)
    growing.show(growing.work()(Progress()))
    assert few < session.mask.data.sum() == 4 * 10 * 12
    growing.finish()
    assert [step.title for step in session.history.steps] == ["Grow region"]
    session.undo()
    assert not session.mask.has_labels


def test_an_abandoned_region_leaves_no_trace_and_a_late_one_is_not_shown(session, tools):
    growing = tools.grow(spot(session), 12.0, 12.0)
    region = growing.work()(Progress())
    growing.show(region)
    growing.abandon()
    assert not session.mask.has_labels
    growing.show(region)
    growing.finish()
    assert not session.mask.has_labels
    assert not session.history.steps


def test_growing_in_the_slice_stays_in_it(session, tools):
    tools.set_options(grow_deep=False)
    growing = tools.grow(spot(session, 12, Plane.CORONAL), 3.0, 12.0)
    growing.show(growing.work()(Progress()))
    assert np.unique(session.mask.data.nonzero()[1]).tolist() == [12]


def test_every_command_is_one_step_of_its_own_provenance_or_says_why_not(session, tools):
    for action, command in COMMANDS.items():
        session.open(session.study)
        rng = np.random.default_rng(4)
        put(session, np.s_[1, 8:18, 8:18], np.s_[3, 6:16, 8:14], np.s_[5, 20, 20])
        session.mask.data[3, 10, 10] = 0
        session.mask.data[1][rng.random(SHAPE[1:]) < 0.02] = 1
        index = {"edit.copy_previous": 2, "edit.copy_next": 2}.get(action, 3)
        before = session.mask.data.copy()
        tools.set_options(island_ml=0.05, margin_mm=1.5, shape_deep=action != "edit.fill_holes")
        tools.do(command(tools, spot(session, index)))
        assert len(session.history.steps) == 1, action
        changed = session.mask.data != before
        made = Provenance.INTERPOLATION if action == "edit.interpolate" else Provenance.TOOL
        assert (session.mask.provenance[changed] == made).all(), action
        session.undo()
        np.testing.assert_array_equal(session.mask.data, before)


@pytest.mark.parametrize("action", COMMANDS)
def test_a_command_on_a_locked_label_is_refused_in_words(session, tools, action):
    put(session, np.s_[1, 8:18, 8:18], np.s_[3, 8:18, 8:18])
    session.change_label(1, locked=True)
    with pytest.raises(EditError, match="locked"):
        tools.do(COMMANDS[action](tools, spot(session, 2)))
    assert not session.history.steps


def test_a_command_on_an_empty_label_says_so(session, tools):
    put(session, np.s_[1, 8:18, 8:18])
    tools.set_brush(label=2)
    with pytest.raises(EditError, match="“Oedema” has no voxel"):
        tools.do(COMMANDS["edit.smooth"](tools, spot(session)))


def test_the_slice_option_keeps_a_command_in_the_slice_in_view(session, tools):
    put(session, np.s_[2:5, 8:18, 8:18])
    tools.set_options(shape_deep=False, margin_mm=2.0)
    before = session.mask.data.copy()
    tools.do(COMMANDS["edit.grow"](tools, spot(session, 3)))
    assert np.unique((session.mask.data != before).nonzero()[0]).tolist() == [3]


def test_work_on_a_mask_that_has_changed_is_dropped(session, tools):
    put(session, np.s_[1, 8:18, 8:18])
    task = COMMANDS["edit.smooth"](tools, spot(session))
    change = task.work(Progress())
    session.begin_stroke(PlaneView.of(session.grid, Plane.AXIAL))
    session.stroke_to(6, 3, 3)
    session.end_stroke()
    with pytest.raises(EditError, match="dropped"):
        tools.accept(task, change)
    assert [step.title for step in session.history.steps] == ["Brush"]
    study = session.study
    task = COMMANDS["edit.smooth"](tools, spot(session))
    session.open(study)
    with pytest.raises(EditError, match="dropped"):
        tools.accept(task, task.work(Progress()))


def test_the_smart_brush_paints_the_lesion_and_keeps_to_its_edge(session):
    session.set_brush(radius=4.0)
    session.begin_stroke(PlaneView.of(session.grid, Plane.AXIAL), smart_on=session.study.reference.volume.data)
    session.stroke_to(3, 12, 10)
    session.end_stroke()
    assert session.history.steps[0].title == "Smart brush"
    assert session.mask.data[3, 9:16, 8:13].mean() > 0.9
    assert not session.mask.data[..., :8].any()


# -------------------------------------------------------------------------------------------------------------- options


def test_options_are_kept_between_two_starts(tmp_path):
    session = Session()
    options = ToolOptions().changed(grow_radius=12.0, greys=Greys.DARK, island_ml=0.5, shape_deep=False)
    session.set_brush(shape=Shape.SQUARE, ball=True, rule=PaintRule(Over.LABEL, 2), sensitivity=2.0, radius=7.0)
    SettingsStore(tmp_path).change(**to_settings(options, session.brush))
    read, brush = from_settings(vars(SettingsStore(tmp_path).current))
    assert read == options
    assert replace(session.brush, **brush) == session.brush
    assert from_settings(vars(Settings())) == (
        ToolOptions(),
        from_settings(to_settings(ToolOptions(), Session().brush))[1],
    )


def test_options_that_make_no_sense_become_sensible(tmp_path):
    store = SettingsStore(tmp_path)
    store.change(brush_shape="star", paint_over="everything", tool_greys="range", tool_grow_radius=1e9)
    options, brush = from_settings(vars(store.current))
    assert brush["shape"] is Shape.ROUND
    assert brush["rule"] == PaintRule()
    assert options.greys is Greys.BRIGHT
    assert options.grow_radius == 100.0


# --------------------------------------------------------------------------------------------------------------- labels


def test_labels_are_added_until_there_are_255_and_removed_with_their_voxels(session):
    editor = LabelEditor(session)
    assert editor.add().number == 3
    assert session.brush.label == 3
    put(session, np.s_[1, 2:5, 2:5], label=3)
    session.change_label(3, name="Cyst")
    editor.remove(3)
    assert session.mask.labels.get(3) is None
    assert not session.mask.has_labels
    assert session.brush.label == 1
    session.undo()
    assert session.mask.labels[3].name == "Cyst"
    assert (session.mask.data == 3).sum() == 9
    for _ in range(252):
        editor.add()
    with pytest.raises(EditError, match="255"):
        editor.add()


def test_the_last_label_and_a_locked_one_are_not_removed(session):
    editor = LabelEditor(session)
    session.change_label(2, locked=True)
    with pytest.raises(EditError, match="locked"):
        editor.remove(2)
    session.change_label(2, locked=False)
    editor.remove(2)
    with pytest.raises(EditError, match="one label"):
        editor.remove(1)


def test_a_preset_names_the_labels_and_keeps_those_with_voxels(session):
    editor = LabelEditor(session)
    put(session, np.s_[1, 2:5, 2:5], label=9)
    session.set_labels(
        session.mask.labels.with_label(Label(9, "Mine", (1, 2, 3))).with_label(Label(8, "Empty", (1, 2, 3)))
    )
    brats = next(preset for preset in LABEL_PRESETS if preset.id == "brats")
    editor.use(brats)
    assert [label.number for label in session.mask.labels] == [1, 2, 4, 9]
    assert session.mask.labels[4].name.startswith("Enhancing")


# ------------------------------------------------------------------------------------------- the network's own labels


def predicted(session, region, label):
    probabilities = np.zeros((1, *SHAPE), np.float16)
    probabilities[0][region] = 0.9
    origin = Origin("m", "0" * 64, "torch", "cpu", "float32", {})
    return Prediction(probabilities, session.grid, (ModelClass("Tumour", label, (9, 9, 9)),), origin)


def test_a_prediction_replaces_its_own_label_and_leaves_the_others(session):
    session.import_mask(Mask(np.zeros(SHAPE, np.uint8), session.grid), session.study.path)
    put(session, np.s_[1, 2:6, 2:6], label=1)
    put(session, np.s_[1, 20:24, 2:6], label=2)
    session.begin_prediction()
    prediction = predicted(session, np.s_[3, 4:8, 4:8], 2)
    session.show_part(PredictionPart(box_of(session), prediction.probabilities, prediction.classes))
    preview = session.shown.copy()
    session.finish_prediction(prediction)
    np.testing.assert_array_equal(session.mask.data, preview)
    assert (session.mask.data[1, 2:6, 2:6] == 1).all()
    assert not session.mask.data[1, 20:24].any()
    assert (session.mask.data[3, 4:8, 4:8] == 2).all()


@pytest.mark.parametrize("locked", [1, 2])
def test_a_prediction_neither_writes_nor_replaces_a_locked_label(session, locked):
    put(session, np.s_[3, 4:8, 4:8], label=1)
    session.change_label(locked, locked=True)
    before = session.mask.data.copy()
    session.begin_prediction(replace_human=True)
    session.finish_prediction(predicted(session, np.s_[3, 4:8, 4:8], 2))
    np.testing.assert_array_equal(session.mask.data, before)


def box_of(session):
    return Box.whole(session.grid.shape)
