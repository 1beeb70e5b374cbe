"""The geometry passport says where a place comes from, and what is doubtful is asked about, kept and told."""

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tumorview.app import geometry_answers, tasks
from tumorview.app.documents import info
from tumorview.app.restoring import study_as_in
from tumorview.app.session import Session
from tumorview.app.snapshot import snapshot
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.passport import Passport, passport_of
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume

SHAPE = (5, 8, 10)


def nifti(path: Path, sform: np.ndarray | None, qform: np.ndarray | None) -> Path:
    """An image [k, j, i] of SHAPE with these RAS affines; None leaves the code at 0."""
    image = nibabel.Nifti1Image(np.arange(400, dtype=np.int16).reshape(SHAPE).transpose(2, 1, 0), None)
    image.set_sform(sform, 0 if sform is None else 1)
    image.set_qform(qform, 0 if qform is None else 1)
    nibabel.save(image, path)
    return path


STRAIGHT = np.diag([-1.0, -1.0, 5.0, 1.0])
MIRRORED = np.diag([1.0, -1.0, 5.0, 1.0])


def facts(passport: Passport) -> dict[str, str]:
    return {fact.name: fact.value for fact in passport.facts}


def test_a_plain_image_has_a_passport_without_doubts(tmp_path: Path) -> None:
    study = tasks.open_study(nifti(tmp_path / "flair.nii.gz", STRAIGHT, STRAIGHT))
    passport = passport_of(study.reference, study)
    assert passport.badge == "Axial"
    assert passport.doubt == ""
    told = facts(passport)
    assert told["Place from"] == "NIfTI sform"
    assert told["Agreement"] == "NIfTI sform and NIfTI qform agree"
    assert told["Sides"] == "columns run to the left, rows to the back, slices to the head (LPS)"
    assert told["Storage"] == "right-handed"
    assert not any(fact.doubtful for fact in passport.facts)


def test_orientations_that_disagree_are_a_doubt_with_both_named(tmp_path: Path) -> None:
    study = tasks.open_study(nifti(tmp_path / "flair.nii.gz", STRAIGHT, MIRRORED))
    passport = passport_of(study.reference)
    # Mirrored about 0: the far corner, 9 mm from there, lies 18 mm apart.
    assert passport.doubt == "NIfTI sform and NIfTI qform place this image differently, by up to 18.0 mm."
    assert facts(passport)["Agreement"] == "NIfTI qform says otherwise: up to 18.0 mm apart, sides RPS"


def test_an_image_without_sides_is_a_doubt_and_one_without_spacing_is_none(tmp_path: Path) -> None:
    sizes = tasks.open_study(nifti(tmp_path / "flair.nii.gz", None, None)).reference
    assert passport_of(sizes).badge == "Sides unknown"
    assert "which side" in passport_of(sizes).doubt
    picture = Series("png", Volume(np.zeros(SHAPE, np.uint8), Geometry.uncalibrated(SHAPE)))
    assert passport_of(picture).badge == "Uncalibrated"
    assert passport_of(picture).doubt == ""


def test_mirrored_storage_and_oblique_angles_are_told() -> None:
    turn = np.deg2rad(10.0)
    affine = np.eye(4)
    affine[:2, :2] = [[-np.cos(turn), -np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    passport = passport_of(Series("a", Volume(np.zeros(SHAPE), Geometry(SHAPE, affine))))
    assert passport.badge == "Axial, 10° oblique"
    assert facts(passport)["Storage"].startswith("left-handed")


def test_frames_of_reference_are_told_by_roles_never_by_uid() -> None:
    volume = Volume(np.zeros(SHAPE), Geometry.from_spacing(SHAPE, (5, 1, 1)))
    series = [
        Series(name, volume, role, 1.0, frame_of_reference=frame)
        for name, role, frame in (("f", Role.FLAIR, "1.2"), ("t", Role.T1, "1.2"), ("c", Role.T1CE, "1.3"))
    ]
    study = Study(Path("x"), tuple(series))
    assert facts(passport_of(series[0], study))["Frame"] == "shared with T1; another than T1CE: not registered"
    assert facts(passport_of(series[1], Study(Path("x"), tuple(series[:2]))))["Frame"].startswith("shared with every")


@pytest.fixture
def doubtful(tmp_path: Path) -> Session:
    session = Session()
    session.open(tasks.open_study(nifti(tmp_path / "flair.nii.gz", STRAIGHT, MIRRORED)))
    return session


def test_a_doubt_is_asked_about_until_it_is_answered(doubtful: Session) -> None:
    question = geometry_answers.question_of(doubtful)
    assert question is not None
    assert question.other == "NIfTI qform"
    geometry_answers.keep_as_shown(doubtful, question)
    assert geometry_answers.question_of(doubtful) is None
    assert geometry_answers.placing_note(doubtful) == {"confirmed_by_user": ["NIfTI sform"]}


def test_the_other_statement_moves_image_mask_and_truth(doubtful: Session) -> None:
    study = doubtful.study
    assert study is not None
    here = study.reference.volume.geometry
    doubtful.open(replace(study, truth=Mask.empty(here)))
    question = geometry_answers.question_of(doubtful)
    assert question is not None
    geometry_answers.use_other(doubtful, question)
    moved = doubtful.study
    assert moved is not None
    assert moved.id != study.id
    assert moved.reference.volume.geometry.axis_codes == "RPS"
    assert moved.reference.placing.source == "NIfTI qform"
    assert doubtful.mask is not None
    assert doubtful.mask.geometry.axis_codes == "RPS"
    assert doubtful.truth is not None
    assert doubtful.truth.geometry.axis_codes == "RPS"
    assert geometry_answers.question_of(doubtful) is None


def test_an_answer_comes_back_with_the_session(doubtful: Session, tmp_path: Path) -> None:
    question = geometry_answers.question_of(doubtful)
    assert question is not None
    geometry_answers.use_other(doubtful, question)
    state = snapshot(doubtful)
    again = tasks.open_study(tmp_path / "flair.nii.gz")
    assert study_as_in(again, state).reference.volume.geometry.axis_codes == "RPS"
    session = Session()
    session.open(again, state)
    assert geometry_answers.question_of(session) is None


def test_the_note_beside_a_mask_says_what_the_user_confirmed(doubtful: Session, tmp_path: Path) -> None:
    question = geometry_answers.question_of(doubtful)
    assert question is not None
    geometry_answers.keep_as_shown(doubtful, question)
    assert doubtful.mask is not None
    placed = geometry_answers.placing_note(doubtful)
    note = tasks.export_mask_note(doubtful.mask, tmp_path / "mask.nii.gz", None, placed)
    assert note is not None
    assert json.loads(note.read_text())["geometry"] == {"confirmed_by_user": ["NIfTI sform"]}


def test_the_command_line_tells_what_is_open(tmp_path: Path) -> None:
    document = info(tasks.open_study(nifti(tmp_path / "flair.nii.gz", STRAIGHT, MIRRORED)))
    series = document["series"][0]
    assert series["placed_by"] == "NIfTI sform"
    assert "place this image differently" in series["geometry_doubt"]
    plain = info(tasks.open_study(nifti(tmp_path / "plain.nii.gz", STRAIGHT, STRAIGHT)))
    assert plain["series"][0]["geometry_doubt"] is None
