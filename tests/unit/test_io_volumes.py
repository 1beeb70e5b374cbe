"""Volumes of other formats than NIfTI-1, and folders in which several patients or sessions lie."""

import json
import zlib
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest

from tests.unit.synthetic import ORIENTATIONS, grid_of, pattern, write_nifti
from tumorview.core.geometry import Geometry, ras_to_lps
from tumorview.core.opening import Opening, SeveralStudiesError
from tumorview.core.study import Role
from tumorview.errors import ReadError
from tumorview.io.registry import open_mask, open_study

SHAPE = (5, 6, 7)
GEOMETRY = grid_of((0, 1, 2), (1, 1, 1), SHAPE, (1.5, 1.2, 3.0), tilt=0.3)


# ---------------------------------------------------------------------------------------------------- NIfTI and Analyze
@pytest.mark.parametrize(("kind", "packed"), [("Nifti1Pair", ""), ("Nifti2Pair", ""), ("Nifti1Pair", ".gz")])
def test_pairs_open_through_either_file_and_as_a_folder(tmp_path: Path, kind: str, packed: str):
    image = getattr(nib, kind)(pattern(SHAPE).transpose(2, 1, 0), ras_to_lps(GEOMETRY.affine))
    nib.save(image, tmp_path / f"flair.img{packed}")
    for path in (tmp_path / f"flair.hdr{packed}", tmp_path / f"flair.img{packed}", tmp_path):
        (series,) = open_study(path).series
        assert (series.role, series.warnings) == (Role.FLAIR, ())
        np.testing.assert_array_equal(series.volume.data, pattern(SHAPE))
        np.testing.assert_allclose(series.volume.geometry.affine, GEOMETRY.affine, atol=1e-4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_analyze_opens_with_its_sizes_and_says_that_sides_are_unknown(tmp_path: Path, order: str):
    header = nib.AnalyzeHeader(endianness=order)
    image = nib.AnalyzeImage(pattern(SHAPE).transpose(2, 1, 0), np.diag([1.5, 1.2, 3.0, 1]), header)
    nib.save(image, tmp_path / "t1.hdr")
    (series,) = open_study(tmp_path / "t1.img").series
    np.testing.assert_array_equal(series.volume.data, pattern(SHAPE))
    assert series.volume.geometry.spacing == pytest.approx((3.0, 1.2, 1.5))
    assert not series.volume.geometry.oriented
    assert "sides are unknown" in series.warnings[0]


def test_header_without_its_voxels_says_which_file_is_missing(tmp_path: Path):
    nib.save(nib.Nifti1Pair(pattern(SHAPE).transpose(2, 1, 0), np.eye(4)), tmp_path / "a.hdr")
    (tmp_path / "a.img").unlink()
    with pytest.raises(ReadError, match=r"'a\.img', are not there"):
        open_study(tmp_path / "a.hdr")


def test_the_user_decides_between_orientations_that_disagree(tmp_path: Path):
    path = write_nifti(tmp_path / "x.nii", pattern(SHAPE), GEOMETRY)
    image = nib.load(path)
    turned = ras_to_lps(GEOMETRY.affine) @ np.diag([-1.0, 1, 1, 1])
    image.set_sform(turned, 2)
    nib.save(image, tmp_path / "y.nii")
    (by_sform,) = open_study(tmp_path / "y.nii").series
    (by_qform,) = open_study(tmp_path / "y.nii", opening=Opening(qform=True)).series
    np.testing.assert_allclose(by_sform.volume.geometry.affine, ras_to_lps(turned), atol=1e-4)
    np.testing.assert_allclose(by_qform.volume.geometry.affine, GEOMETRY.affine, atol=1e-4)
    assert "The sform is used" in by_sform.warnings[0]
    assert "The qform is used" in by_qform.warnings[0]


# ------------------------------------------------------------------------------------------------- NRRD and MetaImage
def _write_nrrd(path: Path, geometry: Geometry, *, space: str = "left-posterior-superior", **header) -> Path:
    signs = {"left-posterior-superior": (1, 1), "RAS": (-1, -1), "left-anterior-superior": (1, -1)}[space]
    affine = np.diag([*signs, 1, 1]) @ geometry.affine
    nrrd.write(
        str(path),
        pattern(geometry.shape).transpose(2, 1, 0),
        {"space": space, "space directions": affine[:3, :3].T, "space origin": affine[:3, 3], **header},
    )
    return path


def _metaimage(path: Path, geometry: Geometry, *, compressed: bool = False, data: str = "LOCAL") -> Path:
    """A MetaImage as ITK writes it: each row of TransformMatrix is the direction of one voxel axis."""
    matrix = " ".join(f"{value:.12g}" for value in geometry.directions.T.ravel())
    content = pattern(geometry.shape).astype("<i2").tobytes()
    content = zlib.compress(content) if compressed else content
    k, j, i = geometry.shape
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        f"CompressedData = {compressed}",
        f"TransformMatrix = {matrix}",
        f"Offset = {' '.join(f'{mm:.12g}' for mm in geometry.affine[:3, 3])}",
        "CenterOfRotation = 0 0 0",
        "AnatomicalOrientation = RAI",
        f"ElementSpacing = {' '.join(f'{mm:.12g}' for mm in geometry.spacing[::-1])}",
        f"DimSize = {i} {j} {k}",
        "ElementType = MET_SHORT",
        f"ElementDataFile = {data}",
    ]
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(text + content if data == "LOCAL" else text)
    if data not in ("LOCAL", "../secret.raw"):
        path.with_name(data).write_bytes(content)
    return path


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::5])
def test_nrrd_and_metaimage_in_any_axis_order_lie_where_they_say(tmp_path: Path, axes, signs):
    geometry = grid_of(axes, signs, SHAPE, (1.5, 1.2, 3.0), tilt=0.2)
    for path in (_write_nrrd(tmp_path / "t1.nrrd", geometry), _metaimage(tmp_path / "t1.mha", geometry)):
        (series,) = open_study(path).series
        np.testing.assert_array_equal(series.volume.data, pattern(SHAPE))
        np.testing.assert_allclose(series.volume.geometry.affine, geometry.affine, atol=1e-6)
        assert (series.role, series.warnings) == (Role.T1, ())


@pytest.mark.parametrize("space", ["RAS", "left-anterior-superior"])
def test_nrrd_of_another_space_is_turned_to_lps(tmp_path: Path, space: str):
    (series,) = open_study(_write_nrrd(tmp_path / "a.nrrd", GEOMETRY, space=space)).series
    np.testing.assert_allclose(series.volume.geometry.affine, GEOMETRY.affine, atol=1e-6)


def test_nrrd_with_spacings_alone_says_that_sides_are_unknown(tmp_path: Path):
    nrrd.write(str(tmp_path / "a.nrrd"), pattern(SHAPE).transpose(2, 1, 0), {"spacings": [1.5, 1.2, 3.0]})
    (series,) = open_study(tmp_path / "a.nrrd").series
    assert series.volume.geometry.spacing == pytest.approx((3.0, 1.2, 1.5))
    assert (series.volume.geometry.calibrated, series.volume.geometry.oriented) == (True, False)
    assert "sides are unknown" in series.warnings[0]


@pytest.mark.parametrize("options", [{"compressed": True}, {"data": "a.raw"}, {"data": "a.zraw", "compressed": True}])
def test_metaimage_packed_or_with_its_voxels_beside_it_opens_and_serves_as_a_mask(tmp_path: Path, options):
    path = _metaimage(tmp_path / "a.mhd", GEOMETRY, **options)
    (series,) = open_study(path).series
    np.testing.assert_array_equal(series.volume.data, pattern(SHAPE))
    labels = _metaimage(tmp_path / "m.mha", GEOMETRY)
    content = labels.read_bytes()
    labels.write_bytes(content[: -series.volume.data.size * 2] + (pattern(SHAPE) % 3).astype("<i2").tobytes())
    np.testing.assert_array_equal(open_mask(labels, GEOMETRY).data, pattern(SHAPE) % 3)


def test_detached_nrrd_reads_the_file_beside_it(tmp_path: Path):
    path = _write_nrrd(tmp_path / "a.nhdr", GEOMETRY)
    assert not path.read_bytes().endswith(b"\0\0")
    (series,) = open_study(path).series
    np.testing.assert_array_equal(series.volume.data, pattern(SHAPE))


@pytest.mark.parametrize("name", ["../secret.raw", "/etc/hostname", "..\\x", "LIST", "a%03d.raw"])
def test_headers_do_not_lead_to_files_elsewhere(tmp_path: Path, name: str):
    path = _metaimage(tmp_path / "a.mhd", GEOMETRY)
    head, _, _ = path.read_bytes().partition(b"ElementDataFile")
    path.write_bytes(head + f"ElementDataFile = {name}\n".encode())
    with pytest.raises(ReadError, match="keeps its"):
        open_study(path)
    detached = tmp_path / "b.nhdr"
    detached.write_text(
        f"NRRD0004\ntype: short\ndimension: 3\nsizes: 7 6 5\nencoding: raw\nendian: little\ndata file: {name}\n\n"
    )
    with pytest.raises(ReadError, match="in other files"):
        open_study(detached)


# ------------------------------------------------------------------------------------------ several studies in a folder
def _image(path: Path, number: int = 0) -> Path:
    return write_nifti(path, pattern(SHAPE) + number, GEOMETRY)


def test_bids_subjects_and_sessions_are_studies_of_their_own(tmp_path: Path):
    for subject in ("01", "02"):
        for session in ("a", "b"):
            folder = tmp_path / f"sub-{subject}" / f"ses-{session}" / "anat"
            for suffix in ("FLAIR", "T1w", "ce-gadolinium_T1w"):
                _image(folder / f"sub-{subject}_ses-{session}_{suffix}.nii.gz")
    mask = tmp_path / "derivatives" / "manual" / "sub-02_ses-a_label-lesion_mask.nii.gz"
    write_nifti(mask, (pattern(SHAPE) > 100).astype(np.uint8), GEOMETRY)
    _image(tmp_path / "derivatives" / "prep" / "sub-02_ses-a_desc-brain_FLAIR.nii.gz")
    with pytest.raises(SeveralStudiesError) as caught:
        open_study(tmp_path, opening=Opening(ask=True))
    keys = [choice.key for choice in caught.value.choices]
    assert keys == ["sub-01/ses-a", "sub-01/ses-b", "sub-02/ses-a", "sub-02/ses-b"]
    study = open_study(tmp_path, opening=Opening(study="sub-02/ses-a"))
    assert {role: one and one.uid for role, one in study.channels.items()} == {
        Role.T1: "nifti-sub-02_ses-a_T1w",
        Role.FLAIR: "nifti-sub-02_ses-a_FLAIR",
        Role.T1CE: "nifti-sub-02_ses-a_ce-gadolinium_T1w",
    }
    assert study.truth is not None
    one = open_study(tmp_path / "sub-01" / "ses-b")
    assert (len(one.series), one.choices) == (3, ())


@pytest.mark.parametrize(
    "names",
    [
        ("{0}/{0}_flair.nii.gz", "{0}/{0}_t1.nii.gz", "{0}/{0}_t1ce.nii.gz", "{0}/{0}_seg.nii.gz"),
        ("{0}/{0}-t2f.nii.gz", "{0}/{0}-t1n.nii.gz", "{0}/{0}-t1c.nii.gz", "{0}/{0}-seg.nii.gz"),
        ("{0}_flair.nii.gz", "{0}_t1.nii.gz", "{0}_t1ce.nii.gz", "{0}_seg.nii.gz"),
    ],
)
def test_two_patients_of_brats_are_never_mixed(tmp_path: Path, names):
    for patient in ("BraTS-GLI-00001-000", "BraTS-GLI-00002-000"):
        for name in names[:3]:
            _image(tmp_path / name.format(patient))
        write_nifti(tmp_path / names[3].format(patient), (pattern(SHAPE) > 100).astype(np.uint8), GEOMETRY)
    study = open_study(tmp_path)
    assert len(study.choices) == 2
    assert {series.role for series in study.series} == {Role.FLAIR, Role.T1, Role.T1CE}
    assert len(study.series) == 3
    assert "2 studies here" in study.warnings[0]
    assert study.truth is not None


def test_sequences_in_folders_of_their_own_are_one_study(tmp_path: Path):
    for name in ("Flair", "T1", "T1c", "T2"):
        _image(tmp_path / f"VSD.Brain.XX.O.MR_{name}.1" / f"VSD.Brain.XX.O.MR_{name}.1.nii")
    study = open_study(tmp_path)
    assert sorted(series.role for series in study.series) == sorted((Role.FLAIR, Role.T1, Role.T1CE, Role.T2))
    assert study.choices == ()


def test_the_same_sequence_in_two_planes_is_one_study(tmp_path: Path):
    for name in ("AX_FLAIR", "SAG_T1", "AX_T1", "AX_T1_POST"):
        _image(tmp_path / f"{name}.nii.gz")
    assert len(open_study(tmp_path).series) == 4


def test_sidecar_tells_the_sequence_where_the_name_does_not(tmp_path: Path):
    for name, known in {
        "scan_a": {"EchoTime": 0.12, "RepetitionTime": 9.0, "InversionTime": 2.5, "ScanningSequence": "SE_IR"},
        "scan_b": {"EchoTime": 0.01, "RepetitionTime": 0.5, "SeriesDescription": "post gd"},
        "scan_c": ["not an object"],
    }.items():
        _image(tmp_path / f"{name}.nii.gz")
        (tmp_path / f"{name}.json").write_text(json.dumps(known))
    roles = {series.description: series.role for series in open_study(tmp_path).series}
    assert roles == {"scan_a": Role.FLAIR, "scan_b": Role.T1CE, "scan_c": Role.OTHER}


def test_formats_are_mixed_in_one_folder_and_damaged_files_are_named(tmp_path: Path):
    _image(tmp_path / "flair.nii.gz")
    _write_nrrd(tmp_path / "t1.nrrd", GEOMETRY)
    _metaimage(tmp_path / "t1_post.mha", GEOMETRY)
    broken = _image(tmp_path / "t2.nii")
    broken.write_bytes(broken.read_bytes()[:400])
    study = open_study(tmp_path)
    assert {series.role for series in study.series} == {Role.FLAIR, Role.T1, Role.T1CE}
    assert "A file was left out: 't2.nii'" in " ".join(study.warnings)
