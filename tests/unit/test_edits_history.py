"""Edits and history: undoing all gives the first mask back, redoing all the last, whatever was done between."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorview.core.edits import Edit, changed_box, pack, replace_all, unpack
from tumorview.core.geometry import Geometry
from tumorview.core.history import History, MoveKind
from tumorview.core.mask import Box, Mask, Provenance
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.tools import Brush, Stroke

GRID = Geometry.from_spacing((4, 6, 7), (3.0, 1.0, 1.0))

volumes = hnp.arrays(np.uint8, GRID.shape, elements=st.integers(0, 3))


def _state(mask: Mask) -> tuple[bytes, bytes]:
    return mask.data.tobytes(), mask.provenance.tobytes()


@given(st.lists(st.tuples(volumes, st.sampled_from(list(Provenance))), max_size=6), st.data())
def test_undo_all_is_the_start_and_redo_all_the_end(steps, data):
    mask = Mask(data.draw(volumes), GRID)
    history = History(mask)
    states = [_state(mask)]
    for voxels, provenance in steps:
        edit = replace_all(mask, voxels, title="step", provenance=provenance)
        history.push(edit)
        if edit is not None:
            states.append(_state(mask))
    assert len(history.steps) == len(states) - 1
    for expected in reversed(states[:-1]):
        assert history.undo() is not None
        assert _state(mask) == expected
    assert not history.can_undo
    assert history.undo() is None
    for expected in states[1:]:
        assert history.redo() is not None
        assert _state(mask) == expected
    assert not history.can_redo
    assert history.redo() is None


@given(st.lists(st.sampled_from(["edit", "undo", "redo"]), max_size=25), st.randoms(use_true_random=False))
def test_any_order_of_editing_undoing_and_redoing_follows_a_list_of_states(commands, random):
    mask = Mask.empty(GRID)
    history = History(mask)
    states, place = [_state(mask)], 0
    for command in commands:
        if command == "edit":
            voxels = mask.data.copy()
            voxels[random.randrange(4), random.randrange(6), random.randrange(7)] ^= 1
            history.push(replace_all(mask, voxels, title="dot", provenance=Provenance.BRUSH))
            states, place = [*states[: place + 1], _state(mask)], place + 1
        elif command == "undo":
            history.undo()
            place = max(place - 1, 0)
        else:
            history.redo()
            place = min(place + 1, len(states) - 1)
        assert _state(mask) == states[place]
        assert (history.can_undo, history.can_redo) == (place > 0, place < len(states) - 1)


@given(volumes, volumes)
def test_an_edit_keeps_only_the_box_that_differs(before, after):
    edit = Edit.between(before, after, np.zeros_like(before), start=(0, 0, 0), title="x", provenance=Provenance.TOOL)
    if edit is None:
        assert (before == after).all()
        return
    outside = np.ones(GRID.shape, bool)
    outside[edit.box.slices] = False
    assert (before == after)[outside].all()
    differs = (before != after)[edit.box.slices]
    for axis in range(3):
        assert differs.take(0, axis).any()
        assert differs.take(-1, axis).any()


def test_an_edit_without_effect_is_no_step():
    mask = Mask.empty(GRID)
    history = History(mask)
    history.push(replace_all(mask, mask.data.copy(), title="nothing", provenance=Provenance.AI))
    assert history.steps == ()
    assert mask.revision == 0


def test_provenance_marks_changed_voxels_only_and_human_work_can_be_kept():
    mask = Mask.empty(GRID)
    drawn = np.zeros(GRID.shape, np.uint8)
    drawn[1, 2, 3] = 1
    replace_all(mask, drawn, title="brush", provenance=Provenance.BRUSH)
    assert np.argwhere(mask.provenance).tolist() == [[1, 2, 3]]
    everything = np.full(GRID.shape, 2, np.uint8)
    replace_all(mask, everything, title="run", provenance=Provenance.AI, keep_human=True)
    assert mask.data[1, 2, 3] == 1
    assert mask.provenance[1, 2, 3] == Provenance.BRUSH
    assert mask.provenance[0, 0, 0] == Provenance.AI
    replace_all(mask, everything, title="run", provenance=Provenance.AI)
    assert mask.data[1, 2, 3] == 2


def test_a_new_edit_forgets_what_was_undone():
    mask = Mask.empty(GRID)
    history = History(mask)
    for value in (1, 2):
        history.push(replace_all(mask, np.full(GRID.shape, value, np.uint8), title="x", provenance=Provenance.AI))
    history.undo()
    history.push(replace_all(mask, np.full(GRID.shape, 3, np.uint8), title="x", provenance=Provenance.AI))
    assert not history.can_redo
    history.undo()
    assert (mask.data == 1).all()


def test_memory_is_limited_by_forgetting_the_oldest_steps_but_never_the_last():
    mask = Mask.empty(GRID)
    history = History(mask, limit_bytes=1)
    rng = np.random.default_rng(0)
    for _ in range(3):
        voxels = rng.integers(0, 2, GRID.shape).astype(np.uint8)
        history.push(replace_all(mask, voxels, title="x", provenance=Provenance.BRUSH))
    assert len(history.steps) == 1
    assert history.can_undo


def test_listeners_hear_of_every_change_with_its_box():
    mask = Mask.empty(GRID)
    history = History(mask)
    boxes: list[Box] = []
    mask.changed.connect(boxes.append)
    voxels = mask.data.copy()
    voxels[1, 2:4, 3] = 1
    history.push(replace_all(mask, voxels, title="x", provenance=Provenance.BRUSH))
    history.undo()
    history.redo()
    assert boxes == [Box((1, 2, 3), (2, 4, 4))] * 3
    assert mask.revision == 3


@given(hnp.arrays(np.bool_, (3, 4, 5)))
def test_changed_box_is_the_smallest_around_all_changes(changed):
    box = changed_box(changed)
    if box is None:
        assert not changed.any()
        return
    assert changed[box.slices].sum() == changed.sum()
    places = np.argwhere(changed)
    assert box == Box(tuple(places.min(0).tolist()), tuple((places.max(0) + 1).tolist()))


def test_boxes_clip_and_join():
    first, second = Box((0, -2, 1), (2, 3, 9)), Box((1, 1, 1), (5, 2, 2))
    assert first.union(second) == Box((0, -2, 1), (5, 3, 9))
    assert first.clipped((2, 2, 7)) == Box((0, 0, 1), (2, 2, 7))
    assert Box((0, 0, 8), (1, 1, 9)).clipped((2, 2, 7)).empty
    assert second.shape == (4, 1, 1)


@pytest.mark.parametrize("calibrated", [True, False])
def test_volume_in_millilitres_needs_spacing(calibrated: bool):
    grid = GRID if calibrated else Geometry.uncalibrated(GRID.shape)
    mask = Mask(np.ones(GRID.shape, np.uint8), grid)
    assert mask.volume_ml() == (pytest.approx(4 * 6 * 7 * 3 / 1000) if calibrated else None)
    assert mask.volume_ml(2) == (0.0 if calibrated else None)


def test_a_thousand_strokes_on_a_large_study_stay_undoable_below_200_mb():
    grid = Geometry.from_spacing((200, 512, 512), (1.0, 0.5, 0.5))
    mask = Mask.empty(grid)
    history = History(mask)
    chance = np.random.default_rng(7)
    views = [PlaneView.of(grid, plane) for plane in Plane]
    for number in range(1000):
        view = views[number % 3]
        stroke = Stroke(mask, view, Brush(10.0, 1 + number % 3), title="Brush")
        index, (rows, columns) = int(chance.integers(view.count)), view.size
        place = chance.uniform(0.2, 0.8, 2) * (rows, columns)
        for _ in range(12):
            stroke.move_to(index, *place)
            place = np.clip(place + chance.normal(0, 12, 2), 0, (rows - 1, columns - 1))
        history.push(stroke.finish())
    assert len(history.steps) == 1000
    assert history.size_bytes == sum(edit.size_bytes for edit in history.steps) < 200e6


def test_going_to_a_step_is_undoing_or_redoing_as_often():
    mask = Mask.empty(GRID)
    history = History(mask)
    states = [_state(mask)]
    for value in (1, 2, 3):
        history.push(replace_all(mask, np.full(GRID.shape, value, np.uint8), title="x", provenance=Provenance.AI))
        states.append(_state(mask))
    moves = []
    history.moved.connect(lambda move: moves.append(move.kind))
    for count in (1, 3, 0, 99, 2):
        history.go_to(count)
        assert _state(mask) == states[min(count, 3)]
    assert moves == [MoveKind(kind) for kind in ["undo"] * 2 + ["redo"] * 2 + ["undo"] * 3 + ["redo"] * 3 + ["undo"]]
    assert [edit.title for edit in history.undone] == ["x"]


def test_undoing_down_to_a_forgotten_step_is_not_the_state_before_it():
    mask = Mask.empty(GRID)
    history = History(mask, limit_bytes=1)
    start = history.position
    for value in (1, 2):
        history.push(replace_all(mask, np.full(GRID.shape, value, np.uint8), title="x", provenance=Provenance.AI))
    history.undo()
    assert not history.can_undo
    assert history.position is not start
    assert history.count_at(history.position) == 0
    assert history.count_at(start) is None


def test_packed_voxels_that_claim_more_than_their_box_are_refused_without_unpacking_them():
    zeros = np.zeros((2, 3, 4), np.uint8)
    packed = pack(zeros, zeros)
    assert unpack(packed, (2, 3, 4)) is not None
    assert unpack(packed, (2, 3, 5)) is None
    assert unpack(packed[:-1], (2, 3, 4)) is None
    assert unpack(packed + b"x", (2, 3, 4)) is None
    assert unpack(zlib.compress(bytes(10**7)), (2, 3, 4)) is None
    assert unpack(b"no zlib", (2, 3, 4)) is None
