"""The session: what is shown, what is one step, what survives a prediction."""

import numpy as np
import pytest

from tumorview.app.label_editing import LabelEditor
from tumorview.app.session import Session
from tumorview.core.geometry import Geometry
from tumorview.core.labels import unnamed
from tumorview.core.mask import Box, Mask, Provenance
from tumorview.core.prediction import ModelClass, Origin, Prediction, PredictionPart
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import GeometryError

SHAPE = (4, 16, 20)
CLASSES = (ModelClass("Tumour", 1, (230, 159, 0)),)


@pytest.fixture
def session(tmp_path):
    geometry = Geometry.from_spacing(SHAPE, (5.0, 1.0, 1.0))
    series = Series("flair", Volume(np.zeros(SHAPE, np.int16), geometry), Role.FLAIR, 1.0)
    truth = Mask.empty(geometry)
    truth.data[1:3, 4:8, 4:8] = 1
    opened = Session()
    opened.open(Study(tmp_path, (series,), truth=truth))
    return opened


def prediction(session, region, probability=0.9):
    probabilities = np.zeros((1, *SHAPE), np.float16)
    probabilities[0][region] = probability
    origin = Origin("m", "0" * 64, "torch", "cpu", "float32", {})
    return Prediction(probabilities, session.mask.geometry, CLASSES, origin)


def paint(session, k, row, column, *, erase=False):
    view = PlaneView.of(session.mask.geometry, Plane.AXIAL)
    session.begin_stroke(view, erase=erase)
    session.stroke_to(k, row, column)
    session.end_stroke()


REGION = np.s_[1:3, 4:8, 4:8]


def test_opening_gives_an_empty_clean_mask_and_the_truth_of_the_study(session):
    assert not session.mask.has_labels
    assert not session.dirty
    assert session.agreement.dice == 0.0


def test_a_prediction_is_one_step_that_undo_takes_back(session):
    session.begin_prediction()
    session.finish_prediction(prediction(session, REGION))
    assert session.agreement.dice == 1.0
    assert session.dirty
    session.undo()
    assert not session.mask.has_labels
    assert not session.dirty
    session.redo()
    assert session.agreement.dice == 1.0


def test_parts_are_shown_before_the_end_and_leave_no_trace_when_cancelled(session):
    session.begin_prediction()
    part = np.zeros((1, 1, 16, 20), np.float16)
    part[0, 0, 4:8, 4:8] = 0.9
    session.show_part(PredictionPart(Box((1, 0, 0), (2, 16, 20)), part, CLASSES))
    assert session.shown[1, 5, 5] == 1
    assert not session.mask.has_labels
    assert session.agreement.dice == pytest.approx(2 * 16 / (16 + 32))
    session.cancel_prediction()
    assert session.shown is session.mask.data
    assert session.agreement.dice == 0.0
    assert not session.history.can_undo


def test_a_second_run_leaves_what_was_painted_and_erased_by_hand(session):
    session.finish_prediction(prediction(session, REGION))
    session.set_brush(radius=1.0)
    paint(session, 0, 12, 15)
    paint(session, 1, 5, 5, erase=True)
    session.begin_prediction()
    session.finish_prediction(prediction(session, REGION))
    assert session.mask.data[0, 12, 15] == 1
    assert session.mask.data[1, 5, 5] == 0


def test_a_stroke_while_slices_arrive_is_shown_and_kept(session):
    session.set_brush(radius=1.0)
    session.begin_prediction()
    paint(session, 0, 12, 15)
    assert session.shown[0, 12, 15] == 1
    session.finish_prediction(prediction(session, REGION))
    assert session.mask.data[0, 12, 15] == 1
    assert session.mask.data[1, 5, 5] == 1
    session.undo()
    assert session.mask.data[0, 12, 15] == 1
    assert session.mask.data[1, 5, 5] == 0
    session.undo()
    assert not session.mask.has_labels


def test_the_threshold_moves_the_mask_live_and_becomes_one_step(session):
    session.finish_prediction(prediction(session, REGION, probability=0.4))
    assert not session.mask.has_labels
    for threshold in (0.45, 0.35, 0.3):
        session.set_threshold(threshold)
    assert session.agreement.dice == 1.0
    assert not session.mask.has_labels
    session.keep_threshold()
    assert session.mask.data[REGION].all()
    assert len(session.history.steps) == 1


def test_a_stroke_that_changes_nothing_is_no_step(session):
    paint(session, 0, 3, 3, erase=True)
    assert not session.history.can_undo
    assert not session.dirty


def test_provenance_follows_undo(session):
    session.set_brush(radius=1.0)
    paint(session, 0, 12, 15)
    assert session.mask.provenance[0, 12, 15] == Provenance.BRUSH
    session.undo()
    assert session.mask.provenance[0, 12, 15] == Provenance.UNTOUCHED


def test_loading_a_mask_onto_an_untouched_study_is_not_unsaved_work(session, tmp_path):
    imported = Mask.empty(session.mask.geometry)
    imported.data[REGION] = 3
    session.import_mask(imported, tmp_path / "mask.nii.gz")
    assert not session.dirty
    assert session.mask.labels[3].name == "Label 3"
    session.undo()
    assert session.dirty


def test_a_mask_of_another_grid_is_refused_and_changes_nothing(session, tmp_path):
    other = Mask.empty(Geometry.from_spacing((4, 16, 16), (5.0, 1.0, 1.0)))
    with pytest.raises(GeometryError, match=r"20 x 16 x 4.*16 x 16 x 4"):
        session.import_mask(other, tmp_path / "mask.nii.gz")
    with pytest.raises(GeometryError):
        session.set_truth(other)
    assert session.truth is not None
    assert not session.history.can_undo


def test_closing_forgets_everything(session):
    session.finish_prediction(prediction(session, REGION))
    session.close()
    assert session.study is None
    assert session.agreement is None
    assert not session.dirty


def test_live_agreement_equals_a_full_count_after_random_strokes(session):
    rng = np.random.default_rng(1)
    for _ in range(30):
        paint(session, int(rng.integers(4)), *rng.uniform(0, 15, 2), erase=bool(rng.integers(2)))
    found, wanted = session.mask.data > 0, session.truth.data > 0
    counts = session.agreement.counts
    assert (counts.tp, counts.fp, counts.fn) == (
        (found & wanted).sum(),
        (found & ~wanted).sum(),
        (~found & wanted).sum(),
    )


def test_labels_of_a_model_with_several_classes_are_named_as_soon_as_they_show(session):
    classes = (*CLASSES, ModelClass("Enhancing", 4, (86, 180, 233)))
    part = np.zeros((2, 1, 16, 20), np.float16)
    part[1, 0, 4:8, 4:8] = 0.9
    session.begin_prediction()
    session.show_part(PredictionPart(Box((1, 0, 0), (2, 16, 20)), part, classes))
    assert session.shown[1, 5, 5] == 4
    assert session.mask.labels[4].name == "Enhancing"


def test_the_threshold_names_a_label_again_that_was_removed_since_the_run(session):
    session.set_labels(session.mask.labels.with_label(unnamed(7)))
    session.begin_prediction()
    made = prediction(session, REGION)
    made.probabilities[0, 0, 4:8, 4:8] = 0.3
    session.finish_prediction(made)
    LabelEditor(session).remove(1)
    assert session.mask.labels.get(1) is None
    session.set_threshold(0.2)
    session.keep_threshold()
    assert session.mask.data.any()
    assert session.mask.labels.get(1) is not None
