"""The share of a mask that was made by hand: counted step by step, and written beside the exported mask."""

import json

import numpy as np
import pytest
from edit_scripts import GRID, SHAPE, opened, perform, scripts
from hypothesis import HealthCheck, given, settings

from tumorview.app.human_share import HumanShare
from tumorview.app.tasks import export_mask_note, export_nifti
from tumorview.core.mask import Mask, Provenance
from tumorview.core.tally import Tally, tally_of


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=scripts)
def test_the_live_tally_equals_a_full_count(tmp_path, script):
    session = opened(tmp_path)
    share = HumanShare(session)
    for command in script:
        perform(session, command)
    assert share.tally == tally_of(session.mask)


def test_what_was_erased_by_hand_counts_and_untouched_background_does_not():
    mask = Mask.empty(GRID)
    assert tally_of(mask).human_share is None
    mask.data[0, :2] = 1
    mask.provenance[0, :2] = Provenance.AI
    assert tally_of(mask).human_share == 0.0
    mask.data[0, 1] = 0
    mask.provenance[0, 1] = Provenance.BRUSH
    assert tally_of(mask) == Tally((0, SHAPE[2], SHAPE[2], 0, 0, 0))
    assert tally_of(mask).human_share == 0.5


@pytest.fixture
def mask():
    made = Mask.empty(GRID)
    made.data[1, 2:6, 3] = 1
    made.provenance[1, 2:6, 3] = [1, 1, 1, 2]
    return made


def test_the_note_beside_an_exported_mask_says_who_made_it(mask, tmp_path):
    made_by = {"model": "lgg", "weights_sha256": "ab", "engine": "torch"}
    path = export_nifti(mask, tmp_path / "out.nii.gz")
    note = json.loads(export_mask_note(mask, path, made_by).read_text())
    assert note["model"] == made_by
    assert note["human_share"] == 0.25
    assert note["voxels"]["ai"] == 3
    assert note["voxels"]["brush"] == 1
    assert note["labels"] == [{"number": 1, "name": "Tumour", "colour": [230, 159, 0], "voxels": 4}]
    assert (tmp_path / "out.json").exists()
    mask.provenance[...] = np.where(mask.data > 0, Provenance.TOOL, 0)
    again = json.loads(export_mask_note(mask, path, made_by).read_text())
    assert again["model"] is None
    assert again["human_share"] == 1.0


@pytest.mark.parametrize("content", ['{"RepetitionTime": 2}', "[1]", "no json"])
def test_a_json_file_of_another_program_is_left_alone(mask, tmp_path, content):
    (tmp_path / "out.json").write_text(content)
    assert export_mask_note(mask, tmp_path / "out.nii.gz") is None
    assert (tmp_path / "out.json").read_text() == content
