"""The segmenter: parts before the end, the slice in view first, one engine for many runs."""

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.tiny_models import write_model
from tumorview.app import tasks
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.segmenter import Segmenter, SegmentOptions
from tumorview.app.settings import Settings, second_look
from tumorview.core.geometry import Geometry
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import JobCancelled, ModelError

OPTIONS = SegmentOptions(model="tiny", engine="torch", threshold=0.25, first=(4, 0, 0))


@pytest.fixture
def study(tmp_path):
    shape = (6, 48, 40)
    rows, columns = np.meshgrid(np.linspace(-1, 1, 48), np.linspace(-1, 1, 40), indexing="ij")
    voxels = np.broadcast_to(np.where(np.hypot(rows, columns) < 0.9, 100, 0), shape).astype(np.int16)
    series = Series("flair", Volume(voxels, Geometry.from_spacing(shape, (5.0, 1.0, 1.0))), Role.FLAIR, 1.0)
    return Study(tmp_path, (series,))


@pytest.fixture
def segmenter(tmp_path):
    write_model(tmp_path / "models", "tiny")
    return Segmenter(tmp_path)


def test_parts_come_slice_by_slice_from_the_one_in_view_and_make_up_the_whole(segmenter, study):
    parts = []
    prediction = tasks.segment(study, OPTIONS, JobContext(on_part=parts.append), segmenter=segmenter)
    assert parts[0].box.start[0] == 4
    assert sorted(part.box.start[0] for part in parts) == list(range(6))
    together = np.zeros_like(prediction.probabilities)
    for part in parts:
        together[(slice(None), *part.box.slices)] = part.probabilities
    assert np.array_equal(together, prediction.probabilities)
    assert prediction.study_id == study.id
    assert prediction.threshold == 0.25
    assert prediction.origin.model_id == "tiny"


def test_the_engine_stays_open_for_the_same_choices_only(segmenter, study, monkeypatch):
    from tumorview.ml import engines

    opened = []
    real = engines.open_engine
    monkeypatch.setattr(engines, "open_engine", lambda *a, **k: opened.append(k["engine"]) or real(*a, **k))
    first = segmenter(study, OPTIONS, JobContext())
    second = segmenter(study, OPTIONS, JobContext())
    assert opened == ["torch"]
    assert np.array_equal(first.probabilities, second.probabilities)
    with pytest.raises(ModelError, match="nonsense"):
        segmenter(study, SegmentOptions(model="nonsense"), JobContext())
    segmenter(study, OPTIONS, JobContext())
    assert opened == ["torch"]


def test_a_second_look_is_taken_or_left_whatever_the_card_says(segmenter, study):
    def looks(second_look: bool | None) -> int:
        chosen = replace(OPTIONS, second_look=second_look)
        return len(segmenter(study, chosen, JobContext()).origin.postprocess)

    assert [looks(choice) for choice in (None, True, False)] == [0, 1, 0]
    assert looks(second_look(Settings(second_look="always"))) == 1
    assert looks(second_look(Settings())) == 0


def test_a_cancel_leaves_the_segmenter_usable(segmenter, study):
    token = CancelToken()
    with pytest.raises(JobCancelled):
        segmenter(study, OPTIONS, JobContext(token, on_part=lambda _: token.cancel()))
    assert segmenter(study, OPTIONS, JobContext()).probabilities.any()


def test_weights_that_changed_since_their_card_are_refused(segmenter, study, tmp_path):
    weights = tmp_path / "models" / "tiny" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="SHA-256"):
        segmenter(study, OPTIONS, JobContext())
