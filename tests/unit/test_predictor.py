"""A study through an engine: right channels, right places on the source grid, the visible slice first, cancel."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import expit

from tests.unit.tiny_models import tiny_card
from tumorview.core.geometry import Geometry
from tumorview.core.progress import Progress
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import EngineError, JobCancelled, ModelError
from tumorview.ml.engines import FunctionEngine
from tumorview.ml.inputs import prepare, presented
from tumorview.ml.postprocess import NO_POSTPROCESS, Postprocess
from tumorview.ml.predictor import SlicePrediction, outward, predict_study
from tumorview.ml.second_look import DARKER

SIZE = 64
CARD = tiny_card(size=SIZE)


def head(shape=(12, 60, 50), spacing=(5.0, 1.0, 1.0), *, lesion=True) -> Volume:
    """A cylinder of tissue in air with a brighter lesion towards low j and low i (screen: top left)."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    voxels = np.where(np.hypot(axes[1], axes[2]) < 0.9, 100.0, 0.0)
    if lesion:
        centre = (0.2, -0.35, -0.3)
        near = np.sqrt(sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True))) < 0.22
        voxels[near] = 300.0
    return Volume(voxels.astype(np.int16), Geometry.from_spacing(shape, spacing))


def bright(given):
    """Tumour wherever FLAIR (channel 1) is far above its mean."""
    tumour = expit(8 * (given[:, 1] - 2.2))
    return np.stack([1 - tumour, tumour], axis=1).astype(np.float32)


ENGINE = FunctionEngine(bright)


def series(volume, role=Role.FLAIR, *, uid=None, frame="1.2", framed=False) -> Series:
    return Series(uid or role.value, volume, role, 1.0, frame_of_reference=frame, framed=framed)


def study(*parts: Series) -> Study:
    return Study(Path("study"), parts)


def dice(found, truth):
    return 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth))


def test_the_lesion_comes_back_in_its_place_on_the_source_grid():
    volume = head()
    given = study(series(volume))
    prediction = predict_study(given, CARD, ENGINE)
    assert prediction.geometry is volume.geometry
    assert prediction.probabilities.dtype == np.float16
    assert prediction.probabilities.shape == (1, *volume.shape)
    assert prediction.study_id == given.id
    assert dice(prediction.mask().data > 0, volume.data > 200) > 0.85


def _turned(volume: Volume, axes, flips) -> Volume:
    """The same head with its voxel axes in another order and direction; world places stay."""
    data = volume.data.transpose(axes)
    affine = volume.geometry.affine.copy()
    columns = [affine[:, 2 - axis].copy() for axis in axes]  # direction of the new k, j, i
    origin = affine[:, 3].copy()
    for position, flip in enumerate(flips):
        if flip:
            origin += columns[position] * (data.shape[position] - 1)
            columns[position] = -columns[position]
            data = np.flip(data, position)
    turned = np.stack([columns[2], columns[1], columns[0], origin], axis=1)
    return Volume(np.ascontiguousarray(data), Geometry(data.shape, turned))


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True), (False, True, False)])
def test_every_acquisition_is_presented_axially_and_brought_back(axes, flips):
    volume = head((30, 60, 50), (2.0, 1.0, 1.0))
    turned = _turned(volume, axes, flips)
    seen = []

    def watching(given):
        seen.append(given)
        return bright(given)

    prediction = predict_study(study(series(turned)), CARD, FunctionEngine(watching))
    assert dice(prediction.mask().data > 0, turned.data > 200) > 0.8
    brightest = np.concatenate(seen)[:, 1]
    rows, columns = ndimage.center_of_mass(np.maximum(brightest - 2.0, 0).sum(axis=0))
    assert rows < SIZE / 2 - 4  # anterior is up,
    assert columns < SIZE / 2 - 4  # patient right on the left, whatever the file's order


def test_the_head_fills_the_frame_as_in_training():
    volume = head((10, 120, 90), (5.0, 1.0, 1.0))
    inputs = prepare(study(series(volume)), size=256)
    framed = inputs.batch([5])[0, 1] > 0
    rows = np.flatnonzero(framed.any(axis=1))
    assert abs((rows[-1] - rows[0] + 1) - 232) <= 6
    assert abs((rows[-1] + rows[0]) / 2 - 127.5) <= 3


def test_framed_slices_are_fed_as_they_are():
    data = np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE)).astype(np.uint8)
    data[:, :6] = data[:, -6:] = data[:, :, :6] = data[:, :, -6:] = 0
    volume = Volume(data, Geometry.uncalibrated(data.shape))
    inputs = prepare(study(series(volume, framed=True)), size=SIZE)
    raw = data.astype(np.float32) / 255
    wanted = (raw - raw.mean((1, 2), keepdims=True)) / (raw.std((1, 2), keepdims=True) + 1e-3)
    np.testing.assert_allclose(inputs.batch([0, 1, 2])[:, 1], wanted, atol=1e-4)


def test_only_slices_with_head_are_computed():
    volume = head()
    volume.data[:3] = volume.data[-2:] = 0
    asked = []

    def counting(given):
        asked.append(len(given))
        return bright(given)

    prediction = predict_study(study(series(volume)), CARD, FunctionEngine(counting))
    assert sum(asked) == 7
    assert not prediction.probabilities[:, [0, 1, 2, 10, 11]].any()


def test_the_visible_slice_comes_first_alone_then_its_neighbours():
    done: list[SlicePrediction] = []
    prediction = predict_study(study(series(head())), CARD, ENGINE, first=8, on_slices=done.append)
    order = [index for part in done for index in part.indices]
    assert done[0].indices == (8,)
    assert [abs(k - 8) for k in order] == sorted(abs(k - 8) for k in order)
    assert sorted(order) == list(prepare(study(series(head())), size=SIZE).occupied)
    for part in done:
        assert part.axis == 0
        np.testing.assert_array_equal(part.probabilities, prediction.probabilities[:, list(part.indices)])


def test_slices_of_another_acquisition_are_told_along_their_axis():
    turned = _turned(head((30, 60, 50), (2.0, 1.0, 1.0)), (2, 0, 1), (False, False, False))
    view = PlaneView.of(turned.geometry, Plane.AXIAL)
    done: list[SlicePrediction] = []
    prediction = predict_study(study(series(turned)), CARD, ENGINE, on_slices=done.append, batch=4)
    assert {part.axis for part in done} == {view.normal_axis}
    part = done[-1]
    expected = np.moveaxis(prediction.probabilities.take(part.indices, axis=part.axis + 1), part.axis + 1, 1)
    np.testing.assert_array_equal(part.probabilities, expected)


def test_outward_goes_both_ways():
    assert outward([2, 3, 4, 5, 6], 4) == [4, 3, 5, 2, 6]
    assert outward([2, 3, 4], 0) == [2, 3, 4]
    assert outward([2, 3, 4], None)[0] == 3
    assert outward([], 4) == []


def test_chunks_grow_only_while_they_are_quick():
    asked = []

    def quick(given):
        asked.append(len(given))
        return bright(given)

    predict_study(study(series(head((40, 60, 50)))), CARD, FunctionEngine(quick), batch=4)
    assert asked[0] == 1
    assert max(asked) <= 4


class Cancelling(Progress):
    def __init__(self, after: int) -> None:
        self.left = after

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise JobCancelled


@pytest.mark.parametrize("after", [0, 2, 5, 8])
def test_a_cancel_ends_the_work_wherever_it_is(after):
    with pytest.raises(JobCancelled):
        predict_study(study(series(head())), CARD, ENGINE, progress=Cancelling(after), batch=1)


def test_progress_ends_at_one():
    class Watching(Progress):
        seen: tuple[float, ...] = ()

        def report(self, fraction: float, text: str = "") -> None:
            self.seen += (fraction,)

    progress = Watching()
    predict_study(study(series(head())), CARD, ENGINE, progress=progress)
    assert progress.seen[-1] == 1.0
    assert list(progress.seen) == sorted(progress.seen)


# ------------------------------------------------------------------------------------------------------------- channels
def test_missing_channels_are_flair_and_noted():
    inputs = prepare(study(series(head())), size=SIZE)
    batch = inputs.batch([5])
    np.testing.assert_array_equal(batch[:, 0], batch[:, 1])
    np.testing.assert_array_equal(batch[:, 2], batch[:, 1])
    assert inputs.channels == {"T1": None, "FLAIR": "FLAIR", "T1CE": None}
    assert len(inputs.warnings) == 2


def test_channels_are_fed_in_the_models_order():
    flair, t1 = head(), head(lesion=False)
    inputs = prepare(study(series(flair), series(t1, Role.T1), series(flair, Role.T1CE)), size=SIZE)
    batch = inputs.batch([7])[0]
    np.testing.assert_array_equal(batch[1], batch[2])
    assert np.abs(batch[0] - batch[1]).max() > 0.5
    assert inputs.channels == {"T1": "T1", "FLAIR": "FLAIR", "T1CE": "T1CE"}
    assert inputs.warnings == ()


def test_a_role_that_the_user_assigned_counts():
    given = replace(study(series(head()), series(head(), Role.OTHER, uid="x")), roles={"x": Role.T1})
    assert prepare(given, size=SIZE).channels["T1"] == "x"


@pytest.mark.parametrize(
    ("frame", "shift", "used", "warned"),
    [("1.2", 3.0, True, False), (None, 3.0, True, True), ("9.9", 3.0, False, True), ("1.2", 4000.0, False, True)],
)
def test_another_grid_is_resampled_only_where_it_belongs(frame, shift, used, warned):
    flair = head()
    affine = flair.geometry.affine.copy()
    affine[:3, 3] += [shift, 0.0, 0.0]
    moved = Volume(np.roll(flair.data, -3, axis=2), Geometry(flair.shape, affine))
    inputs = prepare(study(series(flair), series(moved, Role.T1, frame=frame), series(flair, Role.T1CE)), size=SIZE)
    assert (inputs.channels["T1"] is not None) is used
    assert bool(inputs.warnings) is warned
    if used:  # back in its place: the same as FLAIR
        batch = inputs.batch([6])[0]
        assert np.corrcoef(batch[0].ravel(), batch[1].ravel())[0, 1] > 0.98


def test_a_channel_that_shows_something_else_is_replaced_by_flair():
    flair = head()
    noise = np.random.default_rng(0).integers(0, 300, flair.shape).astype(np.int16)
    inputs = prepare(study(series(flair), series(Volume(noise, flair.geometry), Role.T1)), size=SIZE)
    assert inputs.channels["T1"] is None
    assert "FLAIR takes its place" in inputs.warnings[0]


def test_a_channel_of_another_size_without_position_is_replaced_by_flair():
    flair = Volume(head().data, Geometry.uncalibrated((12, 60, 50)))
    other = Volume(head((10, 60, 50)).data, Geometry.uncalibrated((10, 60, 50)))
    inputs = prepare(study(series(flair), series(other, Role.T1)), size=SIZE)
    assert inputs.channels["T1"] is None


def test_without_flair_there_is_a_clear_error():
    with pytest.raises(ModelError, match="FLAIR"):
        predict_study(study(series(head(), Role.T1), series(head(), Role.T2)), CARD, ENGINE)


def test_a_study_of_one_series_is_taken_for_flair():
    assert predict_study(study(series(head(), Role.OTHER)), CARD, ENGINE).origin.channels["FLAIR"] == "OTHER"


def test_an_image_of_air_gives_an_empty_prediction():
    empty = Volume(np.zeros((4, 20, 20), np.uint8), Geometry.uncalibrated((4, 20, 20)))
    assert not predict_study(study(series(empty)), CARD, ENGINE).probabilities.any()


def test_not_a_number_stays_out_of_the_network():
    volume = head()
    data = volume.data.astype(np.float32)
    data[5, 20:24, 20:24] = np.nan
    data[6, 0, 0] = np.inf
    inputs = prepare(study(series(Volume(data, volume.geometry))), size=SIZE)
    assert np.isfinite(inputs.batch(list(inputs.occupied))).all()


# -------------------------------------------------------------------------------------------------------------- classes
def test_several_classes_come_back_under_their_labels():
    card = tiny_card(classes=4, size=SIZE)

    def four(given):
        tumour = bright(given)[:, 1]
        return np.stack([1 - tumour, 0.1 * tumour, 0.2 * tumour, 0.7 * tumour], axis=1)

    volume = head()
    prediction = predict_study(study(series(volume)), card, FunctionEngine(four))
    assert prediction.probabilities.shape == (3, *volume.shape)
    mask = prediction.mask()
    assert set(np.unique(mask.data)) == {0, 3}
    assert dice(mask.data > 0, volume.data > 200) > 0.8


def test_an_engine_that_does_not_fit_the_card_is_a_clear_error():
    with pytest.raises(EngineError, match="describes"):
        predict_study(study(series(head())), tiny_card(classes=3, size=SIZE), ENGINE)


def test_the_origin_says_what_made_it():
    engine = FunctionEngine(bright, "torch", "cuda", "float16", ("It fell back.",))
    origin = predict_study(study(series(head())), CARD, engine).origin
    assert (origin.model_id, origin.engine, origin.device, origin.precision) == ("tiny", "torch", "cuda", "float16")
    assert origin.weights_sha256 == CARD.weights_sha256
    assert origin.warnings[-1] == "It fell back."
    assert origin.seconds > 0


def test_inputs_prepared_before_give_the_same():
    given = study(series(head()))
    inputs = prepare(given, size=SIZE)
    first, again = predict_study(given, CARD, ENGINE), predict_study(given, CARD, ENGINE, inputs=inputs)
    np.testing.assert_array_equal(first.probabilities, again.probabilities)


def test_a_large_study_is_looked_at_coarsely_with_the_same_result(monkeypatch):
    given = study(series(head((12, 120, 100))))
    fine = prepare(given, size=256)
    monkeypatch.setattr("tumorview.ml.inputs._HEAD_VOXELS", 30_000)
    monkeypatch.setattr("tumorview.ml.inputs._LARGE_BYTES", 1000)
    coarse = prepare(given, size=256)
    assert coarse.volumes[0].dtype == np.float16
    assert coarse.occupied == fine.occupied
    assert coarse.framing.scale == pytest.approx(fine.framing.scale, rel=0.05)
    assert coarse.framing.origin == pytest.approx(fine.framing.origin, abs=3)


def test_presented_slices_are_those_of_the_view_and_can_be_written_through():
    data = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    for axes in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        affine = np.eye(4)
        affine[:3, :3] = -np.eye(3)[:, list(axes)]
        view = PlaneView.of(Geometry(data.shape, affine), Plane.AXIAL)
        shown = presented(data, view)
        assert shown.base is not None
        for index in range(view.count):
            np.testing.assert_array_equal(shown[index], view.extract(data, index))


def test_an_image_stored_the_other_way_round_gives_the_same_mask():
    plain = head()
    stored = Volume((plain.data.max() - plain.data).astype(plain.data.dtype), plain.geometry)
    direct = predict_study(study(series(plain)), CARD, ENGINE)
    inverted = predict_study(study(replace(series(stored), inverted=True)), CARD, ENGINE)
    assert direct.mask().has_labels
    assert dice(inverted.mask().data > 0, direct.mask().data > 0) > 0.99


# -- after the network ----------------------------------------------------------------------------------------------


def one_sided(given):
    """Less sure of what lies on the right half of the slice it is given: it finds half of that at most."""
    answer = bright(given)
    answer[:, 1, ::2, answer.shape[-1] // 2 :] *= 0.2
    answer[:, 0] = 1 - answer[:, 1]
    return answer


def test_a_second_look_finds_what_the_first_one_missed():
    """The lesion lies on the left: clear at the first look; the head is turned round for the other case."""
    seen, means = [], []

    def watching(given):
        seen.append(len(given))
        means.append(float(given.mean()))
        return one_sided(given)

    volume = head()
    other = Volume(np.ascontiguousarray(volume.data[..., ::-1]), volume.geometry)
    look = Postprocess(second_look=True)
    for source in (volume, other):
        seen.clear()
        means.clear()
        given, lesion = study(series(source)), source.data > 200
        first = predict_study(given, CARD, FunctionEngine(watching), batch=1, postprocess=NO_POSTPROCESS)
        plain = len(seen)
        both = predict_study(given, CARD, FunctionEngine(watching), batch=1, postprocess=look)
        suspicious = (first.probabilities[0] >= 0.3).any(axis=(1, 2))
        assert 0 < suspicious.sum() < plain
        assert len(seen) == 2 * plain + suspicious.sum()
        assert means == pytest.approx([0.0] * 2 * plain + [-DARKER] * int(suspicious.sum()), abs=1e-4)
        assert np.array_equal(both.probabilities[0][~suspicious], first.probabilities[0][~suspicious])
        assert dice(both.mask().data > 0, lesion) > 0.85
        assert (first.origin.postprocess, len(both.origin.postprocess)) == ((), 1)
    assert dice(first.mask().data > 0, lesion) < 0.8  # what the second look made up for


def test_a_network_that_minds_neither_side_nor_brightness_gives_the_same_at_the_second_look():
    given = study(series(head()))
    engine = FunctionEngine(lambda batch: bright(batch - batch.mean((2, 3), keepdims=True)))
    plain = predict_study(given, CARD, engine)
    twice = predict_study(given, CARD, engine, postprocess=Postprocess(second_look=True))
    np.testing.assert_allclose(twice.probabilities, plain.probabilities, atol=2e-3)


def test_the_card_decides_what_is_done_unless_told_otherwise():
    card = replace(CARD, postprocess=Postprocess(smallest_share=0.05))
    given = study(series(head()))
    assert predict_study(given, card, ENGINE).smallest_share == 0.05
    bare = predict_study(given, card, ENGINE, postprocess=NO_POSTPROCESS)
    assert (bare.smallest_share, bare.origin.postprocess) == (0.0, ())


def test_slices_of_a_second_look_are_told_too_and_it_can_be_cancelled():
    told: list[int] = []
    given = study(series(head()))
    look = Postprocess(second_look=True)
    predict_study(given, CARD, ENGINE, batch=1, postprocess=look, on_slices=lambda part: told.extend(part.indices))
    again = [index for index in set(told) if told.count(index) == 2]
    assert again
    assert max(told.count(index) for index in told) == 2

    class Cancelled(Progress):
        def check(self) -> None:
            if len(told) > 12:
                raise JobCancelled

    told.clear()
    with pytest.raises(JobCancelled):
        predict_study(
            given, CARD, ENGINE, batch=1, postprocess=look, progress=Cancelled(),
            on_slices=lambda part: told.extend(part.indices),
        )  # fmt: skip
    assert len(told) == 13
