"""The light before a run: what is unlike the training data is named, what is like it is left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorview.app import tasks
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.core.fitness import Fitness, Light, Remark
from tumorview.core.geometry import Geometry
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import JobCancelled
from tumorview.ml.inputs import prepare

SLICES, SIDE = 24, 96


def phantom(*, stripped: bool = False, noise: float = 0.0) -> np.ndarray:
    """A head [k, j, i]: bright scalp, dark skull, brain with a lesion; ``noise`` is relative to the brain."""
    k, j, i = np.ogrid[:SLICES, :SIDE, :SIDE]
    far = np.sqrt(((j - 48) / 42) ** 2 + ((i - 48) / 34) ** 2 + ((k - 12) / 30) ** 2)
    head = np.zeros((SLICES, SIDE, SIDE))
    for radius, value in ((1.0, 900.0), (0.93, 60.0), (0.8, 400.0)):
        head[far < radius] = value
    if stripped:
        head[far >= 0.8] = 0
    head[10:14, 40:46, 55:61] = 900  # a lesion
    rng = np.random.default_rng(4)
    return np.maximum(head * (1 + noise * rng.standard_normal(head.shape)), 0).astype(np.int16)


def series(role: Role, data: np.ndarray, *, mm: tuple[float, float, float] = (6.0, 2.0, 2.0), **more: object) -> Series:
    return replace(Series(str(role), Volume(data, Geometry.from_spacing(data.shape, mm)), role, 0.99), **more)  # type: ignore[arg-type]


def complete(data: np.ndarray, **more: object) -> Study:
    """FLAIR, T1 and T1CE of one grid."""
    return Study(Path("x"), tuple(series(role, data, **more) for role in (Role.FLAIR, Role.T1, Role.T1CE)))


def texts(fitness: Fitness) -> str:
    return " ".join(remark.text for remark in fitness.remarks)


def test_a_complete_study_of_a_whole_head_is_green() -> None:
    fitness = tasks.assess(complete(phantom()))
    assert fitness == Fitness()
    assert fitness.light is Light.GREEN


def test_the_sample_study_is_green() -> None:
    assert tasks.assess(tasks.open_study(tasks.sample_path())).light is Light.GREEN


def test_without_flair_the_light_is_red() -> None:
    study = Study(Path("x"), (series(Role.T1, phantom()), series(Role.T1CE, phantom())))
    assert tasks.assess(study).light is Light.RED


def test_an_image_without_a_head_is_red() -> None:
    assert tasks.assess(complete(np.zeros((4, 32, 32), np.int16))).light is Light.RED


def test_missing_and_doubtful_channels_are_named() -> None:
    doubtful = series(Role.T1, phantom(), role_confidence=0.5)
    fitness = tasks.assess(Study(Path("x"), (series(Role.FLAIR, phantom()), doubtful)))
    assert fitness.light is Light.AMBER
    assert "no post-contrast T1" in texts(fitness)
    assert "pre-contrast T1 may be another sequence" in texts(fitness)


def test_a_role_given_by_the_user_is_sure() -> None:
    doubtful = series(Role.T1, phantom(), role_confidence=0.5)
    study = Study(Path("x"), (series(Role.FLAIR, phantom()), doubtful, series(Role.T1CE, phantom())))
    assert "may be another" in texts(tasks.assess(study))
    assert tasks.assess(study.with_role(doubtful, Role.T1)) == Fitness()


@pytest.mark.parametrize(
    ("mm", "told"),
    [
        ((2.0, 2.0, 2.0), "cover 48 mm of the head"),
        ((9.0, 2.0, 2.0), "9.0 mm apart"),
        ((6.0, 4.0, 4.0), "no adult's head"),
        ((6.0, 1.0, 1.0), "no adult's head"),
    ],
)
def test_coverage_and_size_are_judged_in_millimetres(mm: tuple[float, float, float], told: str) -> None:
    assert told in texts(tasks.assess(complete(phantom(), mm=mm)))


def test_without_millimetres_slices_are_counted() -> None:
    data = phantom()[8:14]
    flat = Series("f", Volume(data, Geometry.uncalibrated(data.shape, oriented=True)), Role.FLAIR, 0.9)
    fitness = tasks.assess(Study(Path("x"), (flat,)))
    assert "Only 6 slices" in texts(fitness)


def test_slices_of_another_plane_are_told() -> None:
    sagittal = np.array([[0, 0, 6, 0], [2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 1]], float)
    flair = Series("f", Volume(phantom(), Geometry((SLICES, SIDE, SIDE), sagittal)), Role.FLAIR, 0.99)
    assert "acquired in sagittal slices" in texts(tasks.assess(Study(Path("x"), (flair,))))


def test_noise_and_a_missing_scalp_are_seen() -> None:
    assert "noisier" in texts(tasks.assess(complete(phantom(noise=0.4))))
    stripped = tasks.assess(complete(phantom(stripped=True)))
    assert "No bright scalp" in texts(stripped)
    assert stripped.light is Light.GREEN  # the model knows such images


def test_a_channel_that_lies_elsewhere_or_shows_something_else_is_named() -> None:
    flair = series(Role.FLAIR, phantom(), frame_of_reference="1")
    away = series(Role.T1, phantom()[1:], frame_of_reference="2")
    other = np.zeros((SLICES, SIDE, SIDE), np.int16)
    other[:, :20, :20] = 500
    study = Study(Path("x"), (flair, away, series(Role.T1CE, other)))
    told = texts(tasks.assess(study))
    assert "not registered to it: FLAIR takes its place" in told
    assert "post-contrast T1 does not show the head where the FLAIR does" in told


def test_one_grid_in_two_frames_of_reference_is_taken_as_aligned_and_told() -> None:
    flair = series(Role.FLAIR, phantom(), frame_of_reference="1")
    others = (series(role, phantom(), frame_of_reference="2") for role in (Role.T1, Role.T1CE))
    study = Study(Path("x"), (flair, *others))
    told = tasks.assess(study)
    assert told.light is Light.AMBER
    assert "pre-contrast T1 names another frame of reference, but has the FLAIR's grid: taken as aligned" in texts(told)
    assert "taken as aligned" in " ".join(prepare(study).warnings)


def test_the_gravest_reason_comes_first_and_gives_the_light() -> None:
    remarks = [Remark(Light.GREEN, "a"), Remark(Light.RED, "b"), Remark(Light.AMBER, "c")]
    fitness = Fitness.of(remarks)
    assert [remark.text for remark in fitness.remarks] == ["b", "c", "a"]
    assert fitness.light is Light.RED


def test_looking_can_be_cancelled() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(JobCancelled):
        tasks.assess(complete(phantom()), JobContext(token))
