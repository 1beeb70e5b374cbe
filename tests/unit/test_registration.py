"""A known motion is found again, nothing is interpolated, and the user's yes is kept, told and taken back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from tumorview.app import geometry_answers, registrations, series_records
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.measurements import Kind, take
from tumorview.app.registration import Registration, register
from tumorview.app.session import Session
from tumorview.app.snapshot import snapshot
from tumorview.core.geometry import Geometry
from tumorview.core.slicing import Plane
from tumorview.core.study import Role, Series, Study, moved, shares_space
from tumorview.core.volume import Volume
from tumorview.errors import GeometryError, JobCancelled

SHAPE, SPACING = (20, 64, 64), (6.0, 3.0, 3.0)


def anatomy() -> np.ndarray:
    """Lumps of several sizes within a head [k, j, i]; smooth, without symmetry."""
    rng = np.random.default_rng(5)
    noise = sum(ndimage.gaussian_filter(rng.standard_normal(SHAPE), (s / 2, s, s)) * s**1.5 for s in (2, 4, 7))
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    head = ((j - 32) / 29) ** 2 + ((i - 31) / 24) ** 2 + ((k - 10) / 10) ** 2 < 1
    return np.where(head, 100 + 40 * (noise - noise.min()) / np.ptp(noise), 0).astype(np.float32)


def motion(degrees: float, shift: tuple[float, float, float]) -> np.ndarray:
    """A turn about the patient's long axis through the middle of the head, then a shift, LPS mm."""
    turn = np.deg2rad(degrees)
    matrix, centre = np.eye(4), np.eye(4)
    matrix[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    centre[:3, 3] = 94.5, 94.5, 57.0
    result = centre @ matrix @ np.linalg.inv(centre)
    result[:3, 3] += shift
    return result


def study_of(*series: Series) -> Study:
    return Study(Path("x"), series)


@pytest.fixture(scope="module")
def pair() -> tuple[Series, Series, np.ndarray]:
    """FLAIR, a T1 with other greys that was moved away in its affine, and the motion."""
    data = anatomy()
    flair = Series("f", Volume(data, Geometry.from_spacing(SHAPE, SPACING)), Role.FLAIR, 0.99, frame_of_reference="1")
    t1 = replace(flair, uid="t", volume=Volume(300 - data * (data > 0) * 1.5, flair.volume.geometry), role=Role.T1)
    away = motion(6.0, (9.0, -7.0, 5.0))
    return flair, replace(moved(t1, away, flair), frame_of_reference="2", registered_to="", acquired=None), away


@pytest.fixture(scope="module")
def found(pair: tuple[Series, Series, np.ndarray]) -> Registration:
    return register(pair[0], pair[1])


def test_a_known_motion_between_different_greys_is_found_again(
    found: Registration, pair: tuple[Series, Series, np.ndarray]
) -> None:
    still = found.matrix @ pair[2]
    corners = pair[0].volume.geometry.index_to_world(pair[0].volume.geometry.corners())
    off = np.linalg.norm(corners @ still[:3, :3].T + still[:3, 3] - corners, axis=1).max()
    assert off < 1.0  # mm, a third of a pixel, at the farthest corner
    assert found.after > 1.5 * found.before
    assert found.angle_degrees == pytest.approx(6.0, abs=0.2)


def test_no_voxel_is_interpolated_and_the_frame_is_shared(found: Registration) -> None:
    there = found.moved
    assert there.volume.data is found.moving.volume.data
    assert shares_space(there, found.fixed)
    assert not shares_space(found.moving, found.fixed)
    assert there.acquired is found.moving


def test_the_same_registration_gives_the_same_numbers(found: Registration) -> None:
    again = register(found.fixed, found.moving)
    assert np.abs(again.matrix - found.matrix).max() < 0.02  # mm; threads add up in another order


def test_an_accepted_registration_is_kept_told_and_taken_back(found: Registration) -> None:
    session = Session()
    study = study_of(found.fixed, found.moving)
    session.open(study)
    point = (90.0, 80.0, 50.0)
    session.measurements.add(take(Kind.PROBE, found.moving, Plane.AXIAL, [point]))
    mask = session.mask
    registrations.accept(session, found)
    assert session.study is not None
    assert session.study.id == study.id
    assert session.mask is mask
    there = session.study.by_uid("t")
    assert there.registered_to
    went = np.array(session.measurements.items[0].points[0])
    assert np.allclose(went, found.matrix[:3, :3] @ point + found.matrix[:3, 3])
    note = geometry_answers.placing_note(session)
    assert note["registered"][0]["role"] == "T1"
    assert note["registered"][0]["onto"] == "FLAIR"
    again = Session()
    again.open(study_of(found.fixed, found.moving), snapshot(session))
    assert again.study is not None
    back = again.study.by_uid("t").volume.geometry
    assert np.allclose(back.affine, there.volume.geometry.affine)
    registrations.take_back(session, there)
    assert session.study.by_uid("t") is found.moving
    assert session.records.get(series_records.REGISTRATIONS) is None
    assert np.allclose(session.measurements.items[0].points[0], point)


def test_a_second_registration_counts_from_where_the_file_put_the_series(found: Registration) -> None:
    session = Session()
    session.open(study_of(found.fixed, found.moving))
    registrations.accept(session, found)
    assert session.study is not None
    nudge = Registration(found.fixed, session.study.by_uid("t"), motion(0.0, (0.0, 0.0, 1.0)), 1.0, 1.1)
    registrations.accept(session, nudge)
    total = np.array(session.records.get(series_records.REGISTRATIONS)["t"]["matrix_lps"])
    assert np.allclose(total, nudge.matrix @ found.matrix)
    assert session.study.by_uid("t").acquired is found.moving


@pytest.mark.parametrize("damage", [None, "x", [[1]], *(np.diag(d).tolist() for d in ((1, 1, 1, 2), (2, 1, 1, 1)))])
def test_a_damaged_record_moves_nothing(found: Registration, damage: object) -> None:
    study = study_of(found.fixed, found.moving)
    documents = {series_records.REGISTRATIONS: {"t": {"onto": "f", "matrix_lps": damage}, "gone": {}, "odd": 3}}
    assert series_records.as_registered(study, documents) is study


def test_what_is_registered_first(found: Registration) -> None:
    study = study_of(found.fixed, found.moving)
    assert registrations.candidate(study, found.fixed) is found.moving
    assert registrations.candidate(study, found.moving) is found.moving
    assert registrations.candidate(study_of(found.fixed), found.fixed) is None


def test_a_cancel_stops_it_from_within(pair: tuple[Series, Series, np.ndarray]) -> None:
    token = CancelToken()
    context = JobContext(token, on_progress=lambda fraction, _: token.cancel() if fraction > 0 else None)
    with pytest.raises(JobCancelled):
        register(pair[0], pair[1], context)


def test_pictures_without_millimetres_are_refused(pair: tuple[Series, Series, np.ndarray]) -> None:
    flat = Series("p", Volume(anatomy(), Geometry.uncalibrated(SHAPE)))
    with pytest.raises(GeometryError, match="without millimetres"):
        register(pair[0], flat)
