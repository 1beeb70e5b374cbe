"""Masks of other programs: NRRD and DICOM SEG against published truth; other grids are resampled only when allowed."""

import gzip
from pathlib import Path

import highdicom
import nibabel
import nrrd
import numpy as np
import pytest
from highdicom.color import CIELabColor
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.resample import shares_voxels
from tumorview.errors import GeometryError, OtherGridError, ReadError
from tumorview.io.dicom_phantom import write_phantom
from tumorview.io.dicom_seg import read_seg_mask
from tumorview.io.nrrd_file import read_nrrd_mask
from tumorview.io.registry import open_mask, open_study
from tumorview.io.segments import Segment, mask_of

SHAPE = (4, 6, 5)
LPS = np.array([[0.0, 0.9, 0.0, -20.0], [0.8, 0.0, 0.0, 7.0], [0.0, 0.0, -3.0, 40.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    return shared_data / "dicom" / "dcmqi_seg" / "segmentations"


def on(mask: Mask, other: Mask) -> np.ndarray:
    """The labels of ``mask`` at the voxels of ``other``: both name the same voxels of the patient."""
    assert shares_voxels(mask.geometry, other.geometry)
    places = np.argwhere(mask.data)
    index = np.rint(other.geometry.world_to_index(mask.geometry.index_to_world(places))).astype(int)
    found = np.zeros_like(other.data)
    found[tuple(index.T)] = mask.data[tuple(places.T)]
    return found


# -- DICOM SEG against the NRRD that other programs made of it -------------------------------------------------


@pytest.mark.parametrize(
    ("segmentation", "truth"),
    [
        ("liver.dcm", "liver_seg.nrrd"),
        ("24x38x3/seg/label.seg", "24x38x3/nrrd/label.nrrd"),
        ("23x38x3/seg/label.seg", "23x38x3/nrrd/label.nrrd"),  # 874 bits a frame: not a whole number of bytes
        ("sparse-labelmap-noppv.dcm", "sparse_labelmap_noppv_seg.nrrd"),
        ("sparse-labelmap-ppv5.dcm", "sparse_labelmap_ppv5_seg.nrrd"),
    ],
)
def test_published_segmentations_are_read_as_their_nrrd(published: Path, segmentation: str, truth: str) -> None:
    found, wanted = read_seg_mask(published / segmentation), read_nrrd_mask(published / truth)
    liver = wanted.data == 1  # one of them also has PixelPaddingValue 5 where frames are missing
    assert liver.any()
    assert np.array_equal(on(found, wanted) == 1, liver)
    assert found.labels[1].name == "Liver"


def test_overlapping_segments_are_told_and_the_first_is_kept(published: Path) -> None:
    mask = read_seg_mask(published / "partial_overlaps.dcm")
    assert [label.name for label in mask.labels] == ["GREEN", "ORANGE", "PURPLE", "LIGHT_BLUE", "DARK_BLUE"]
    (remark,) = mask.remarks
    assert "overlap" in remark
    first = highdicom.seg.segread(published / "partial_overlaps.dcm").get_volume(segment_numbers=[1]).array[..., 0]
    assert np.array_equal(mask.data == 1, first > 0)


def test_a_segmentation_lies_on_its_image(published: Path) -> None:
    grid = open_study(published / "24x38x3" / "image").reference.volume.geometry
    mask = open_mask(published / "24x38x3" / "seg" / "label.seg", grid)
    wanted = read_nrrd_mask(published / "24x38x3" / "nrrd" / "label.nrrd")
    assert mask.geometry is grid
    assert np.count_nonzero(mask.data) == np.count_nonzero(wanted.data)
    assert mask.remarks == ()


def test_a_segmentation_of_another_image_is_refused_with_both_geometries(published: Path) -> None:
    grid = open_study(published / "24x38x3" / "image").reference.volume.geometry
    far = Geometry(grid.shape, grid.affine + np.array([[0, 0, 0, 900.0], [0] * 4, [0] * 4, [0] * 4]))
    with pytest.raises(GeometryError, match=r"24 x 38 x 3.*24 x 38 x 3") as caught:
        open_mask(published / "24x38x3" / "seg" / "label.seg", far, resample=True)
    assert not isinstance(caught.value, OtherGridError)


def write_seg(folder: Path, frames: np.ndarray, kind: str = "BINARY", **options: object) -> Path:
    """A segmentation of the phantom, [k, j, i, segment] as highdicom writes it; empty frames are left out."""
    sources = sorted((dcmread(path) for path in folder.glob("*.dcm")), key=lambda one: one.ImagePositionPatient[2])
    missing = (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "PatientSex",
        "StudyID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ReferringPhysicianName",
    )
    for source in sources:  # the phantom leaves out what highdicom asks for
        source.update(dict.fromkeys(missing, ""))
    descriptions = [
        highdicom.seg.SegmentDescription(
            number,
            f"Part {number}",
            codes.SCT.Tissue,
            codes.SCT.Tissue,
            "MANUAL",
            display_color=CIELabColor.from_rgb(250, 20, 30),
        )
        for number in range(1, frames.shape[-1] + 1)
    ]
    segmentation = highdicom.seg.Segmentation(
        sources,
        frames,
        kind,
        descriptions,
        generate_uid(),
        9,
        generate_uid(),
        1,
        "TumorView",
        "Test",
        "1",
        "1",
        omit_empty_frames=True,
        **options,
    )
    path = folder.parent / f"{kind.lower()}.dcm"
    segmentation.save_as(path)
    return path


@pytest.fixture
def phantom(tmp_path: Path) -> Path:
    folder = tmp_path / "phantom"
    folder.mkdir()
    write_phantom(folder, 6, 27)
    return folder


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_sparse_frames_of_a_part_of_the_study_are_put_where_they_belong(phantom: Path, kind: str) -> None:
    frames = np.zeros((6, 27, 27, 2), np.uint8)
    frames[2, 3:9, 4:6, 0] = 1
    frames[4, 20:, 1:9, 0] = 1
    frames[3, 10:12, 10:20, 1] = 1
    values = frames if kind == "BINARY" else frames.astype(np.float32)
    mask_path = write_seg(phantom, values, kind)
    volume = open_study(phantom).reference.volume
    mask = open_mask(mask_path, volume.geometry)
    ordered = frames if volume.geometry.affine[2, 2] > 0 else frames[::-1]
    assert np.array_equal(mask.data, ordered[..., 0] + 2 * ordered[..., 1])
    assert [(label.number, label.name) for label in mask.labels] == [(1, "Part 1"), (2, "Part 2")]
    assert np.abs(np.array(mask.labels[1].colour) - (250, 20, 30)).max() < 12


def test_a_damaged_segmentation_is_refused_with_a_remedy(phantom: Path) -> None:
    frames = np.zeros((6, 27, 27, 1), np.uint8)
    frames[1:4, 3:9, 4:9] = 1
    path = write_seg(phantom, frames)
    content = path.read_bytes()
    for length in (200, len(content) // 2, len(content) - 40):
        path.write_bytes(content[:length])
        with pytest.raises(ReadError) as caught:
            open_mask(path, open_study(phantom).reference.volume.geometry)
        assert caught.value.remedy


# -- NRRD ------------------------------------------------------------------------------------------------------


def write_nrrd(path: Path, data: np.ndarray, affine: np.ndarray = LPS, **header: object) -> Path:
    """``data`` [k, j, i] on a LPS ``affine`` of (i, j, k)."""
    fields = {
        "space": "left-posterior-superior",
        "space directions": affine[:3, :3].T,
        "space origin": affine[:3, 3],
        "encoding": "gzip",
        **header,
    }
    nrrd.write(str(path), np.ascontiguousarray(data.transpose(2, 1, 0)), fields)
    return path


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(["raw", "gzip", "bzip2"]), st.sampled_from(["u1", ">i2", "<f4"]))
def test_nrrd_in_any_encoding_lies_on_its_geometry(seed: int, encoding: str, kind: str) -> None:
    import tempfile

    labels = np.random.default_rng(seed).integers(0, 4, SHAPE).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        mask = read_nrrd_mask(write_nrrd(Path(folder) / "a.nrrd", labels.astype(kind), encoding=encoding))
    assert np.array_equal(mask.data, labels)
    assert np.allclose(mask.geometry.affine, LPS)


def test_nrrd_in_ras_is_turned_into_lps(tmp_path: Path) -> None:
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ LPS
    labels = np.random.default_rng(0).integers(0, 2, SHAPE).astype(np.uint8)
    mask = read_nrrd_mask(write_nrrd(tmp_path / "a.nrrd", labels, ras, space="right-anterior-superior"))
    assert np.allclose(mask.geometry.affine, LPS)


def test_slicers_layers_keep_names_and_colours(tmp_path: Path) -> None:
    layers = np.zeros((2, *SHAPE), np.uint8)
    layers[0, 1, 1:4, 1:4] = 1
    layers[0, 2, 1:4, 1:4] = 2
    layers[1, 1, 3:5, 3:5] = 1
    header = {
        "space": "left-posterior-superior",
        "encoding": "gzip",
        "kinds": ["list", "domain", "domain", "domain"],
        "space directions": np.vstack([np.full(3, np.nan), LPS[:3, :3].T]),
        "space origin": LPS[:3, 3],
        "Segment0_LabelValue": "1",
        "Segment0_Layer": "0",
        "Segment0_Name": "Core",
        "Segment0_Color": "1 0.5 0",
        "Segment1_LabelValue": "2",
        "Segment1_Layer": "0",
        "Segment1_Name": "Oedema",
        "Segment1_Color": "0 0 1",
        "Segment2_LabelValue": "1",
        "Segment2_Layer": "1",
        "Segment2_Name": "Cyst",
        "Segment2_Color": "nonsense",
    }
    path = tmp_path / "a.seg.nrrd"
    nrrd.write(str(path), np.ascontiguousarray(layers.transpose(0, 3, 2, 1)), header)
    mask = read_nrrd_mask(path)
    assert [(label.number, label.name) for label in mask.labels] == [(1, "Core"), (2, "Oedema"), (3, "Cyst")]
    assert mask.labels[1].colour == (255, 128, 0)
    assert np.array_equal(mask.data == 1, layers[0] == 1)
    assert np.array_equal(mask.data == 3, (layers[1] == 1) & (layers[0] == 0))
    assert "1 voxels belong to several" in mask.remarks[0]
    assert np.allclose(mask.geometry.affine, LPS)


def test_a_small_nrrd_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    header = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 9000 9000 9000\nencoding: gzip\n\n"
    path = tmp_path / "a.nrrd"
    path.write_bytes(header + gzip.compress(bytes(10**6)))
    with pytest.raises(ReadError):
        read_nrrd_mask(path)


@pytest.mark.parametrize(
    "change",
    [
        {"data file": "../secret.raw"},
        {"encoding": "hex"},
        {"type": "block"},
        {"sizes": "4 5"},
        {"sizes": "4 5 x"},
        {"space directions": "(0,0,0) (0,0,0) (0,0,0)"},
        {"encoding": "raw"},
    ],
)
def test_odd_nrrd_files_are_refused_with_a_remedy(tmp_path: Path, change: dict[str, str]) -> None:
    fields = {
        "type": "uchar",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "4 5 6",
        "encoding": "gzip",
        "space directions": "(1,0,0) (0,1,0) (0,0,1)",
        "space origin": "(0,0,0)",
        **change,
    }
    text = "NRRD0004\n" + "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n"
    path = tmp_path / "a.nrrd"
    path.write_bytes(text.encode() + gzip.compress(bytes(60)))
    with pytest.raises((ReadError, GeometryError)) as caught:
        open_mask(path)
    assert str(caught.value)


# -- other grids -----------------------------------------------------------------------------------------------


def nifti_mask(path: Path, data: np.ndarray, lps: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Image(data.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps), path)
    return path


def part_of(grid: Geometry, corner: tuple[int, int, int]) -> np.ndarray:
    affine = grid.affine.copy()
    affine[:3, 3] = grid.index_to_world(corner)
    return affine


def test_a_part_of_the_image_is_put_in_place_exactly_and_without_a_question(tmp_path: Path) -> None:
    grid = Geometry(SHAPE, LPS)
    part = np.random.default_rng(3).integers(0, 3, (2, 3, 2)).astype(np.uint8)
    mask = open_mask(write_nrrd(tmp_path / "part.nrrd", part, part_of(grid, (1, 2, 3))), grid)
    assert np.array_equal(mask.data[1:3, 2:5, 3:5], part)
    assert np.count_nonzero(mask.data) == np.count_nonzero(part)
    assert mask.remarks == ()


def test_a_nifti_of_another_size_is_asked_about_even_where_its_voxels_meet(tmp_path: Path) -> None:
    grid = Geometry(SHAPE, LPS)
    path = nifti_mask(tmp_path / "part.nii.gz", np.ones((2, 3, 2), np.uint8), part_of(grid, (1, 2, 3)))
    with pytest.raises(OtherGridError):
        open_mask(path, grid)
    assert np.count_nonzero(open_mask(path, grid, resample=True).data) == 12


def test_what_would_be_lost_outside_the_image_is_asked_about_and_counted(tmp_path: Path) -> None:
    grid = Geometry(SHAPE, LPS)
    path = write_nrrd(tmp_path / "over.nrrd", np.ones(SHAPE, np.uint8), part_of(grid, (0, 0, 3)))
    with pytest.raises(OtherGridError, match="72 labelled voxels lie outside"):
        open_mask(path, grid)
    mask = open_mask(path, grid, resample=True)
    assert np.count_nonzero(mask.data) == 4 * 6 * 2
    assert mask.remarks == ("72 labelled voxels of the mask lie outside the image and were left out.",)


def test_another_spacing_is_resampled_only_with_consent(tmp_path: Path) -> None:
    grid = Geometry(SHAPE, LPS)
    fine = LPS.copy()
    fine[:3, :3] /= 2
    data = np.zeros((8, 12, 10), np.uint8)
    data[2:6, 4:8, 2:6] = 7
    path = nifti_mask(tmp_path / "fine.nii.gz", data, fine)
    with pytest.raises(OtherGridError, match=r"10 x 12 x 8.*5 x 6 x 4"):
        open_mask(path, grid)
    mask = open_mask(path, grid, resample=True)
    assert set(np.unique(mask.data)) == {0, 7}
    assert np.array_equal(np.argwhere(mask.data).min(0), (1, 2, 1))
    assert "resampled" in mask.remarks[0]


def test_two_segments_with_one_number_are_told_apart() -> None:
    inside = np.zeros(SHAPE, bool)
    inside[0] = True
    other = np.roll(inside, 1, axis=0)
    mask = mask_of(
        [Segment(5, inside, "A"), Segment(5, other, "B"), Segment(900, ~(inside | other))], Geometry(SHAPE, LPS)
    )
    assert [(label.number, label.name) for label in mask.labels] == [(1, "B"), (2, "Segment 3"), (5, "A")]
    assert mask.remarks == ()
