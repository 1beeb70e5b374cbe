"""Cases to train on: found in every layout, checked, prepared without touching the user's files, copies noticed."""

import errno
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from tests.unit.lgg_layout import head_and_tumour, write_patient
from tests.unit.synthetic import SeriesSpec, write_classic, write_nifti
from tumorview.app.jobs import CancelToken, JobContext
from tumorview.app.session import Session
from tumorview.app.session_files import save_session
from tumorview.app.snapshot import snapshot
from tumorview.app.training_cases import (
    CaseRecord,
    Layout,
    OpenCase,
    ProblemKind,
    find_cases,
    marked_twins,
    next_id,
    patient_of,
)
from tumorview.app.training_import import import_case
from tumorview.app.training_store import forget, load_fingerprints, place, prepared_patients, thumbnail_path
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.progress import Progress
from tumorview.errors import JobCancelled, TrainingError, WriteError
from tumorview.io.case_reader import read_case
from tumorview.io.nifti import read_series
from tumorview.io.nnunet import channel_roles
from tumorview.io.registry import open_study
from tumorview.ml.data import load_slices

SLICES = 6
GRID = Geometry((SLICES, 64, 64), np.diag([3.0, 3.0, 5.0, 1.0]))


def head_volume(seed: int = 0):
    """FLAIR [k, j, i] int16 and mask."""
    parts = [head_and_tumour(64, seed * 10 + k) for k in range(SLICES)]
    return np.stack([image[..., 1] for image, _ in parts]).astype(np.int16) * 4, np.stack([m for _, m in parts])


def write_pair(folder: Path, image: str, mask: str, seed: int = 0, grid: Geometry = GRID) -> None:
    flair, marked = head_volume(seed)
    write_nifti(folder / image, flair, GRID)
    if mask:
        write_nifti(folder / mask, marked.astype(np.uint8)[:, : grid.shape[1]], grid)


def only(folder: Path, run: Path) -> CaseRecord:
    run.mkdir(exist_ok=True)
    (found,) = find_cases(folder)
    return import_case(found, "case_001", run, added=folder)


def tree_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path.relative_to(folder)}{path.stat().st_mtime_ns}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


# ---- finding -------------------------------------------------------------------------------------------------------


def test_patients_of_the_lgg_layout_are_found(tmp_path: Path):
    for name in ("TCGA_AA_0001_20000101", "TCGA_AA_0002_20000101"):
        write_patient(tmp_path / "kaggle", name, slices=2)
    found = find_cases(tmp_path)
    assert [(case.layout, case.title) for case in found] == [
        (Layout.LGG, "TCGA_AA_0001_20000101"), (Layout.LGG, "TCGA_AA_0002_20000101"),
    ]  # fmt: skip
    assert [len(case.masks) for case in found] == [2, 2]


def test_pairs_of_several_patients_in_one_folder_are_told_apart_by_their_names(tmp_path: Path):
    for number in (1, 12):
        write_pair(tmp_path, f"P{number}_flair.nii.gz", f"P{number}_mask.nii.gz", number)
        write_nifti(tmp_path / f"P{number}_t1.nii.gz", head_volume(number)[0], GRID)
    found = find_cases(tmp_path)
    assert [(case.title, [path.name for path in case.images]) for case in found] == [
        ("P1", ["P1_flair.nii.gz", "P1_t1.nii.gz"]), ("P12", ["P12_flair.nii.gz", "P12_t1.nii.gz"]),
    ]  # fmt: skip
    assert [case.masks[0].name for case in found] == ["P1_mask.nii.gz", "P12_mask.nii.gz"]


def test_a_brats_tree_has_a_case_a_folder(tmp_path: Path):
    for name in ("BraTS_001", "BraTS_002"):
        write_pair(tmp_path / name, f"{name}_flair.nii.gz", f"{name}_seg.nii.gz")
        write_nifti(tmp_path / name / f"{name}_t1ce.nii.gz", head_volume()[0], GRID)
        write_nifti(tmp_path / name / "brainmask.nii.gz", head_volume()[1].astype(np.uint8), GRID)
    found = find_cases(tmp_path)
    assert [case.title for case in found] == ["BraTS_001", "BraTS_002"]
    assert [len(case.images) for case in found] == [2, 2]
    assert [[path.name for path in case.masks] for case in found] == [[f"BraTS_00{n}_seg.nii.gz"] for n in (1, 2)]


def write_volume(path: Path, values: np.ndarray, **segments: str) -> None:
    """NRRD or MetaImage on GRID, as 3D Slicer saves them; ``segments`` are fields of its segmentations."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing((3.0, 3.0, 5.0))
    for key, value in segments.items():
        image.SetMetaData(key, value)
    SimpleITK.WriteImage(image, str(path))


def test_what_3d_slicer_saves_is_a_case(tmp_path: Path):
    flair, marked = head_volume()
    for patient, mask in (("anna", "Segmentation.seg.nrrd"), ("bert", "final.nrrd")):
        write_volume(tmp_path / patient / "FLAIR.nrrd", flair)
        write_volume(tmp_path / patient / "T1.nrrd", flair[::-1].copy())
        write_volume(tmp_path / patient / mask, marked.astype(np.uint8), Segment0_LabelValue="1", Segment0_Name="Core")
    anna, bert = find_cases(tmp_path)
    assert (anna.layout, anna.title, [path.name for path in anna.images]) == (
        Layout.NRRD, "anna", ["FLAIR.nrrd", "T1.nrrd"],
    )  # fmt: skip
    assert [path.name for path in (*anna.masks, *bert.masks)] == ["Segmentation.seg.nrrd", "final.nrrd"]
    assert len(bert.images) == 2, "it names segments: no image, whatever it is called"
    record = import_case(anna, "case_001", tmp_path)
    assert record.usable, record.problems
    assert (record.roles, record.slices) == (("T1", "FLAIR"), SLICES)
    assert record.volume_ml == pytest.approx(marked.sum() * 45 / 1000, abs=0.01)


def test_metaimages_of_many_patients_lie_in_one_folder(tmp_path: Path):
    flair, marked = head_volume()
    for patient in ("P1", "P2"):
        write_volume(tmp_path / f"{patient}_flair.mha", flair)
        write_volume(tmp_path / f"{patient}_mask.mha", marked.astype(np.uint8))
    found = find_cases(tmp_path)
    assert [(case.layout, case.title, len(case.images), len(case.masks)) for case in found] == [
        (Layout.METAIMAGE, "P1", 1, 1), (Layout.METAIMAGE, "P2", 1, 1),
    ]  # fmt: skip
    record = import_case(found[1], "case_001", tmp_path)
    assert record.usable, record.problems


def test_a_bids_tree_brings_images_and_derived_masks_together(tmp_path: Path):
    write_pair(tmp_path / "sub-01/anat", "sub-01_FLAIR.nii.gz", "")
    write_nifti(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz", head_volume()[0], GRID)
    derived = tmp_path / "derivatives/readers/sub-01/anat"
    write_nifti(derived / "sub-01_space-orig_desc-tumour_mask.nii.gz", head_volume()[1].astype(np.uint8), GRID)
    write_nifti(derived / "sub-01_desc-brain_mask.nii.gz", head_volume()[1].astype(np.uint8), GRID)
    write_nifti(derived / "sub-01_desc-preproc_FLAIR.nii.gz", head_volume()[0], GRID)
    (found,) = find_cases(tmp_path)
    assert (found.layout, found.title) == (Layout.BIDS, "sub-01")
    assert [path.name for path in found.images] == ["sub-01_FLAIR.nii.gz", "sub-01_T1w.nii.gz"]
    assert [path.name for path in found.masks] == ["sub-01_space-orig_desc-tumour_mask.nii.gz"]


def write_nnunet(root: Path, names: dict[str, str] | None, key: str = "channel_names") -> None:
    """Two cases of two channels, FLAIR second; an image without labels in ``imagesTs``."""
    for number in (1, 2):
        flair, marked = head_volume(number)
        write_nifti(root / f"imagesTr/BRATS_{number:03}_0000.nii.gz", flair[::-1].copy(), GRID)
        write_nifti(root / f"imagesTr/BRATS_{number:03}_0001.nii.gz", flair, GRID)
        write_nifti(root / f"labelsTr/BRATS_{number:03}.nii.gz", marked.astype(np.uint8), GRID)
    write_nifti(root / "imagesTs/BRATS_009_0000.nii.gz", head_volume()[0], GRID)
    if names is not None:
        (root / "dataset.json").write_text(json.dumps({key: names}))


@pytest.mark.parametrize("key", ["channel_names", "modality"])
def test_an_nnunet_tree_has_its_roles_from_its_description(tmp_path: Path, key: str):
    write_nnunet(tmp_path, {"0": "T1w", "1": "FLAIR"}, key)
    found = find_cases(tmp_path)
    assert [(case.layout, case.title, len(case.images), len(case.masks)) for case in found] == [
        (Layout.NNUNET, "BRATS_001", 2, 1), (Layout.NNUNET, "BRATS_002", 2, 1), (Layout.NNUNET, "BRATS_009", 1, 0),
    ]  # fmt: skip
    study, mask, _ = read_case(found[0], Progress())
    assert {str(study.role_of(series)): series.volume.data.tolist() for series in study.series}["FLAIR"] == (
        read_series(tmp_path / "imagesTr/BRATS_001_0001.nii.gz")[0].volume.data.tolist()
    )
    assert mask is not None
    assert mask.has_labels
    record = import_case(found[0], "case_001", tmp_path)
    assert record.usable, record.problems
    assert "FLAIR" in record.roles


@pytest.mark.parametrize("description", [None, "[]", '{"channel_names": 3}', '{"channel_names": {"x": "FLAIR"}}'])
def test_an_nnunet_tree_that_does_not_say_what_its_channels_are_lacks_a_flair(tmp_path: Path, description: str | None):
    write_nnunet(tmp_path, None)
    if description is not None:
        (tmp_path / "dataset.json").write_text(description)
    case = find_cases(tmp_path)[0]
    assert channel_roles(case.images, case.path) == {}


def write_png(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_png_pictures_with_masks_are_slices_of_their_patients(tmp_path: Path):
    for patient in ("P1", "P2"):
        for number in (1, 2, 10):
            image, mask = head_and_tumour(256, number)
            write_png(tmp_path / f"{patient}_{number}.png", image)
            write_png(tmp_path / f"{patient}_{number}_mask.png", (mask * 255).astype(np.uint8))
    write_png(tmp_path / "screenshot_1.png", np.zeros((9, 9), np.uint8))
    found = find_cases(tmp_path)
    assert [(case.layout, case.title, len(case.images)) for case in found] == [
        (Layout.PNG, "P1", 3), (Layout.PNG, "P2", 3),
    ]  # fmt: skip
    assert [path.name for path in found[0].images] == ["P1_1.png", "P1_2.png", "P1_10.png"]
    record = import_case(found[0], "case_001", tmp_path)
    assert record.usable, record.problems
    assert (record.roles, record.slices, record.tumour_slices) == (("T1", "FLAIR", "T1CE"), 3, 3)


def test_grey_png_pictures_in_folders_of_images_and_masks_are_flair(tmp_path: Path):
    for number in (1, 2):
        image, mask = head_and_tumour(128, number)
        write_png(tmp_path / f"images/scan-{number}.png", image[..., 1])
        write_png(tmp_path / f"masks/scan-{number}.png", (mask * 255).astype(np.uint8))
    (found,) = find_cases(tmp_path)
    assert (found.title, [path.parent.name for path in found.masks]) == ("scan", ["masks", "masks"])
    record = import_case(found, "case_001", tmp_path)
    assert record.usable, record.problems
    assert record.roles == ("FLAIR",)
    write_png(tmp_path / "images/scan-2.png", np.zeros((64, 64), np.uint8))
    assert "differs in size" in import_case(found, "case_001", tmp_path).problems[0].text


@pytest.mark.parametrize("place_of_mask", ["patient/mask.nii.gz", "patient/flair/seg.nii.gz", "patient_mask.nii.gz"])
def test_a_dicom_folder_finds_the_mask_in_it_or_above(tmp_path: Path, place_of_mask: str):
    flair, marked = head_volume()
    spec = SeriesSpec(flair, origin=(0, 0, 0), pixel_spacing=(3.0, 3.0), step=5.0)
    write_classic(tmp_path / "patient" / "flair", spec)
    write_classic(tmp_path / "other" / "flair", SeriesSpec(flair))
    write_nifti(tmp_path / place_of_mask, marked.astype(np.uint8), spec.geometry)
    found = {case.title: case for case in find_cases(tmp_path)}
    case = next(case for case in found.values() if "patient" in case.path.parts)
    assert case.layout is Layout.DICOM
    assert [path.name for path in case.masks] == [Path(place_of_mask).name]
    assert len(found) == 2
    record = import_case(case, "case_001", tmp_path)
    assert record.usable, record.problems
    assert record.roles == ("FLAIR",)
    assert record.volume_ml == pytest.approx(marked.sum() * 45 / 1000, abs=0.01)


# ---- preparing -----------------------------------------------------------------------------------------------------


def test_lgg_slices_are_prepared_as_they_are_and_the_users_files_stay(tmp_path: Path):
    source, run = tmp_path / "data", tmp_path / "run"
    write_patient(source, "TCGA_AA_0001_20000101", slices=4)
    before = tree_hash(source)
    record = only(source, run)
    assert record.usable
    assert (record.slices, record.tumour_slices, record.site) == (4, 3, "AA")
    assert record.roles == ("T1", "FLAIR", "T1CE")
    assert 0 < record.burden < 0.2
    place(run, ["case_001"])
    prepared = load_slices(prepared_patients(run))
    from tumorview.ml.data import discover

    original = load_slices(discover([source]))
    assert prepared.patients == ("case_001",)
    assert np.array_equal(prepared.images, original.images)
    assert np.array_equal(prepared.labels, original.labels)
    assert tree_hash(source) == before
    assert thumbnail_path(run, "case_001").read_bytes().startswith(b"\x89PNG")


def test_nifti_is_framed_as_the_network_sees_it(tmp_path: Path):
    write_pair(tmp_path / "data", "flair.nii.gz", "mask.nii.gz")
    record = only(tmp_path / "data", tmp_path / "run")
    assert record.roles == ("FLAIR",)
    assert [problem.kind for problem in record.problems] == [ProblemKind.NOTE, ProblemKind.NOTE]  # T1 and T1CE missing
    place(tmp_path / "run", ["case_001"])
    slices = load_slices(prepared_patients(tmp_path / "run"))
    rows = np.flatnonzero((slices.images[:, 1] > 20).any((0, 2)))
    assert 220 <= rows[-1] - rows[0] + 1 <= 240
    bright = slices.images[:, 1][slices.labels > 0]
    assert np.median(bright) > 180


def test_a_saved_session_is_a_case(tmp_path: Path):
    write_pair(tmp_path / "data", "flair.nii.gz", "")
    study = open_study(tmp_path / "data" / "flair.nii.gz")
    session = Session()
    session.open(study)
    assert session.mask is not None
    session.mask.data[...] = head_volume()[1]
    save_session(snapshot(session), study, tmp_path / "work.tvsession")
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    record = only(tmp_path / "work.tvsession", tmp_path / "run")
    assert (record.layout, record.title, record.usable) == (Layout.SESSION, "work", True)
    assert record.volume_ml == pytest.approx(head_volume()[1].sum() * 45 / 1000, abs=0.01)


def test_the_open_study_is_a_case(tmp_path: Path):
    write_pair(tmp_path, "flair.nii.gz", "")
    study = open_study(tmp_path / "flair.nii.gz")
    mask = Mask(head_volume()[1].astype(np.uint8), study.reference.volume.geometry)
    record = import_case(OpenCase("Mine", study, mask), "case_001", tmp_path)
    assert (record.layout, record.title, record.usable) == (Layout.OPEN, "Mine", True)


# ---- problems ------------------------------------------------------------------------------------------------------


def problem_kinds(record: CaseRecord) -> list[ProblemKind]:
    assert all(problem.remedy for problem in record.problems if problem.blocking)
    return [problem.kind for problem in record.problems if problem.kind is not ProblemKind.NOTE]


def test_a_case_without_a_mask_says_how_to_get_one(tmp_path: Path):
    write_pair(tmp_path / "data", "flair.nii.gz", "")
    record = only(tmp_path / "data", tmp_path / "run")
    assert problem_kinds(record) == [ProblemKind.NO_MASK]
    assert not record.usable


def test_an_lgg_patient_with_a_lost_mask_file_says_so(tmp_path: Path):
    write_patient(tmp_path / "data", "A", slices=3)
    (tmp_path / "data/A/A_2_mask.tif").unlink()
    record = only(tmp_path / "data", tmp_path / "run")
    assert problem_kinds(record) == [ProblemKind.NO_MASK]
    assert "1 of 3 slices have no mask file" in record.problems[0].text


def test_a_mask_of_another_geometry_is_named_with_both(tmp_path: Path):
    far = Geometry((SLICES, 40, 64), np.diag([3.0, 3.0, 5.0, 1.0]) + np.eye(4, k=3) * 5000)
    write_pair(tmp_path / "data", "flair.nii.gz", "mask.nii.gz", grid=far)
    record = only(tmp_path / "data", tmp_path / "run")
    assert problem_kinds(record) == [ProblemKind.OTHER_GEOMETRY]
    assert "64 x 40" in record.problems[0].text or "40" in record.problems[0].text


def test_a_mask_of_the_same_place_is_resampled_and_noted(tmp_path: Path):
    flair, marked = head_volume()
    write_nifti(tmp_path / "data/flair.nii.gz", flair, GRID)
    fine = Geometry((SLICES, 128, 128), np.diag([1.5, 1.5, 5.0, 1.0]))
    write_nifti(tmp_path / "data/mask.nii.gz", marked.astype(np.uint8).repeat(2, 1).repeat(2, 2), fine)
    record = only(tmp_path / "data", tmp_path / "run")
    assert record.usable
    assert any("resampled" in problem.text for problem in record.problems)


def test_an_empty_mask_is_a_problem(tmp_path: Path):
    write_nifti(tmp_path / "data/flair.nii.gz", head_volume()[0], GRID)
    write_nifti(tmp_path / "data/mask.nii.gz", np.zeros(GRID.shape, np.uint8), GRID)
    assert problem_kinds(only(tmp_path / "data", tmp_path / "run")) == [ProblemKind.EMPTY_MASK]


@pytest.mark.parametrize("names", [("t1.nii.gz",), ("t1.nii.gz", "t1ce.nii.gz")])
def test_a_missing_flair_is_a_problem(tmp_path: Path, names: tuple[str, ...]):
    flair, marked = head_volume()
    for name in names:
        write_nifti(tmp_path / "data" / name, flair, GRID)
    write_nifti(tmp_path / "data/mask.nii.gz", marked.astype(np.uint8), GRID)
    assert problem_kinds(only(tmp_path / "data", tmp_path / "run")) == [ProblemKind.NO_FLAIR]


@pytest.mark.parametrize("broken", ["flair.nii.gz", "mask.nii.gz"])
def test_an_unreadable_file_is_named(tmp_path: Path, broken: str):
    write_pair(tmp_path / "data", "flair.nii.gz", "mask.nii.gz")
    path = tmp_path / "data" / broken
    path.write_bytes(path.read_bytes()[:300])
    record = only(tmp_path / "data", tmp_path / "run")
    assert problem_kinds(record) == [ProblemKind.UNREADABLE]
    assert broken in record.problems[0].text


def test_several_labels_are_noted(tmp_path: Path):
    flair, marked = head_volume()
    write_nifti(tmp_path / "data/flair.nii.gz", flair, GRID)
    labels = marked.astype(np.uint8)
    labels[: SLICES // 2] *= 4
    write_nifti(tmp_path / "data/mask.nii.gz", labels, GRID)
    record = only(tmp_path / "data", tmp_path / "run")
    assert record.usable
    assert any("count as tumour: 1, 4" in problem.text for problem in record.problems)


def test_copies_are_excluded_and_near_copies_put_together(tmp_path: Path):
    data, run = tmp_path / "data", tmp_path / "run"
    run.mkdir()
    write_patient(data, "A", slices=4, seed=1)
    write_patient(data, "B", slices=4, seed=2)
    shutil.copytree(data / "A", data / "C")
    flair = tmp_path / "data/N/N_flair.nii.gz"
    images = [head_and_tumour(256, 100 + n, tumour=n % 4 != 0) for n in range(1, 5)]
    grid = Geometry((4, 256, 256), np.diag([1.0, 1.0, 5.0, 1.0]))
    write_nifti(flair, np.stack([image[..., 1] for image, _ in images]).astype(np.int16) * 3 + 1, grid)
    write_nifti(flair.with_name("N_mask.nii.gz"), np.stack([mask for _, mask in images]).astype(np.uint8), grid)
    for path in sorted((data / "C").iterdir()):
        path.rename(path.with_name("C" + path.name[1:]))
    cases = [import_case(one, f"case_{n:03}", run) for n, one in enumerate(find_cases(data))]
    marked = {case.title: case for case in marked_twins(cases, load_fingerprints(run, cases))}
    assert problem_kinds(marked["C"]) == [ProblemKind.DUPLICATE]
    assert marked["C"].excluded
    assert ProblemKind.ALIKE in problem_kinds(marked["N"])
    assert not marked["N"].excluded
    assert marked["A"].group == marked["C"].group == marked["N"].group != marked["B"].group
    again = marked_twins(list(marked.values()), load_fingerprints(run, cases))
    assert again == list(marked.values())


# ---- failures on the way -------------------------------------------------------------------------------------------


def test_cancelling_leaves_nothing_half_prepared(tmp_path: Path):
    write_pair(tmp_path / "data", "flair.nii.gz", "mask.nii.gz")
    token = CancelToken()
    token.cancel()
    (found,) = find_cases(tmp_path / "data")
    (tmp_path / "run").mkdir()
    with pytest.raises(JobCancelled):
        import_case(found, "case_001", tmp_path / "run", context=JobContext(token))
    assert not list((tmp_path / "run").rglob("case_001*"))


def test_a_full_disk_is_a_clear_error_and_leaves_no_half_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_pair(tmp_path / "data", "flair.nii.gz", "mask.nii.gz")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("tumorview.app.training_store.write_slices", full)
    with pytest.raises(WriteError, match="full"):
        only(tmp_path / "data", tmp_path / "run")
    assert not list((tmp_path / "run/aside").iterdir())


def test_only_the_chosen_cases_are_placed(tmp_path: Path):
    run = tmp_path / "run"
    run.mkdir()
    for number in (1, 2, 3):
        write_patient(tmp_path / "data", f"P{number}", slices=2, seed=number)
    for number, one in enumerate(find_cases(tmp_path / "data"), 1):
        import_case(one, f"case_{number:03}", run)
    place(run, ["case_001", "case_002"])
    place(run, ["case_002", "case_003"])
    assert [patient.id for patient in prepared_patients(run)] == ["case_002", "case_003"]
    forget(run, "case_001")
    with pytest.raises(TrainingError, match="case_001 are gone"):
        place(run, ["case_001"])


@pytest.mark.parametrize(
    ("title", "patient"),
    [
        ("TCGA_CS_4941_19960909", "TCGA_CS_4941"), ("sub-01 ses-2", "sub-01"), ("Smith_20200131", "Smith"),
        ("BraTS_001", "BraTS_001"), ("case 7", "case 7"),
    ],
)  # fmt: skip
def test_dates_and_sessions_of_a_patient_belong_together(title: str, patient: str):
    assert patient_of(title) == patient


def test_records_survive_json_and_ids_are_never_given_twice(tmp_path: Path):
    write_pair(tmp_path / "data", "flair.nii.gz", "mask.nii.gz")
    record = only(tmp_path / "data", tmp_path / "run")
    assert CaseRecord.from_dict(record.to_dict()) == record
    assert next_id([record]) == "case_002"
    assert next_id([]) == "case_001"
