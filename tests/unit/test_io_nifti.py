"""NIfTI: orientation against nibabel for all 48 axis orders, hostile headers, folders of one patient."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.synthetic import ORIENTATIONS, grid_of, head_volume, pattern, write_nifti
from tumorview.core.geometry import Geometry, ras_to_lps
from tumorview.core.study import Role
from tumorview.errors import GeometryError, ReadError
from tumorview.io.nifti import stem_of
from tumorview.io.registry import open_mask, open_study

SHAPE = (5, 6, 7)
GEOMETRY = Geometry(SHAPE, [[1.5, 0, 0, -10], [0, 1.2, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]])


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_every_axis_order_and_flip_reads_as_nibabel_says(tmp_path: Path, axes, signs):
    geometry = grid_of(axes, signs, SHAPE, (1.5, 1.2, 3.0))
    path = write_nifti(tmp_path / "x.nii", pattern(SHAPE), geometry)
    (series,) = open_study(path).series
    image = nib.load(path)
    np.testing.assert_array_equal(series.volume.data.transpose(2, 1, 0), np.asarray(image.dataobj))
    np.testing.assert_allclose(series.volume.geometry.affine, ras_to_lps(image.affine), atol=1e-5)
    assert series.volume.geometry.axis_codes == "".join(nib.aff2axcodes(image.affine))
    assert series.warnings == ()


def test_voxels_stay_as_they_were_when_the_file_is_written_over_while_it_is_open(tmp_path: Path):
    path = write_nifti(tmp_path / "x.nii", pattern(SHAPE), GEOMETRY)
    (series,) = open_study(path).series
    with path.open("r+b") as file:
        file.seek(352)
        file.write(bytes(path.stat().st_size - 352))
    np.testing.assert_array_equal(series.volume.data, pattern(SHAPE))


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_mask_stored_in_any_axis_order_lands_on_the_same_voxels(tmp_path: Path, axes, signs):
    truth = (pattern(SHAPE) % 7 == 0).astype(np.uint8)
    image = nib.Nifti1Image(truth.transpose(2, 1, 0), ras_to_lps(GEOMETRY.affine))
    target = np.stack([np.array(axes, float), np.array(signs, float)], axis=1)
    nib.save(image.as_reoriented(target), tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(open_mask(tmp_path / "m.nii.gz", GEOMETRY).data, truth)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    angles=st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 8.0)] * 3),
    origin=st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_oblique_images_keep_their_world_positions(tmp_path: Path, angles, spacing, origin):
    rotation = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        rotation = rotation @ turn
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = rotation * spacing, origin
    geometry = Geometry(SHAPE, affine)
    (series,) = open_study(write_nifti(tmp_path / "o.nii", pattern(SHAPE), geometry)).series
    corners = geometry.corners()
    found = series.volume.geometry.index_to_world(corners)
    np.testing.assert_allclose(found, geometry.index_to_world(corners), atol=1e-3)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "X.NII.GZ", "no_suffix", "wrong.txt"])
def test_content_decides_not_the_suffix(tmp_path: Path, name: str):
    source = write_nifti(tmp_path / "s" / ("a.nii.gz" if "gz" in name.lower() else "a.nii"), pattern(SHAPE), GEOMETRY)
    path = tmp_path / name
    path.write_bytes(source.read_bytes())
    np.testing.assert_array_equal(open_study(path).series[0].volume.data, pattern(SHAPE))


def test_nifti2_and_big_endian_files_open(tmp_path: Path):
    affine = ras_to_lps(GEOMETRY.affine)
    nib.save(nib.Nifti2Image(pattern(SHAPE).transpose(2, 1, 0), affine), tmp_path / "two.nii")
    big = nib.Nifti1Image(pattern(SHAPE).transpose(2, 1, 0).astype(">i2"), affine, nib.Nifti1Header(endianness=">"))
    big.set_data_dtype(">i2")
    nib.save(big, tmp_path / "big.nii")
    for name in ("two.nii", "big.nii"):
        (series,) = open_study(tmp_path / name).series
        np.testing.assert_array_equal(series.volume.data, pattern(SHAPE))
        assert series.volume.data.dtype == np.dtype("=i2")


def test_scaled_values_and_a_slope_of_zero(tmp_path: Path):
    path = write_nifti(tmp_path / "s.nii", pattern(SHAPE), GEOMETRY)
    content = bytearray(path.read_bytes())
    content[112:120] = np.array([0.5, 3.0], "<f4").tobytes()
    path.write_bytes(content)
    np.testing.assert_allclose(open_study(path).series[0].volume.data, pattern(SHAPE) * 0.5 + 3)
    content[112:120] = np.array([0.0, 3.0], "<f4").tobytes()
    path.write_bytes(content)
    volume = open_study(path).series[0].volume
    np.testing.assert_array_equal(volume.data, pattern(SHAPE))
    assert volume.data.dtype == np.int16


def test_voxels_that_are_no_number_become_air_and_are_counted(tmp_path: Path):
    data = pattern(SHAPE, np.float32) - 50
    data[1, 2, 3], data[0, 0, 1], data[2, 2, 2] = np.nan, np.inf, -np.inf
    (series,) = open_study(write_nifti(tmp_path / "n.nii", data, GEOMETRY)).series
    assert series.volume.data[1, 2, 3] == series.volume.data[0, 0, 1] == -50
    assert np.isfinite(series.volume.data).all()
    assert series.warnings == ("3 voxels without a value are shown as air.",)


def test_disagreeing_orientations_are_named_and_the_sform_is_used(tmp_path: Path):
    path = write_nifti(tmp_path / "d.nii", pattern(SHAPE), GEOMETRY)
    image = nib.load(path)
    image.set_qform(np.diag([-1, 1, 1, 1]) @ image.affine, 1)
    nib.save(image, tmp_path / "e.nii")
    (series,) = open_study(tmp_path / "e.nii").series
    np.testing.assert_allclose(series.volume.geometry.affine, GEOMETRY.affine, atol=1e-5)
    assert "disagree" in series.warnings[0]
    assert "LPS" in series.warnings[0]
    assert "RPS" in series.warnings[0]


def test_qform_is_used_alone_and_no_form_at_all_means_unknown_sides(tmp_path: Path):
    (series,) = open_study(write_nifti(tmp_path / "q.nii", pattern(SHAPE), GEOMETRY, sform=0)).series
    np.testing.assert_allclose(series.volume.geometry.affine, GEOMETRY.affine, atol=1e-5)
    (series,) = open_study(write_nifti(tmp_path / "u.nii", pattern(SHAPE), GEOMETRY, sform=0, qform=0)).series
    assert not series.volume.geometry.oriented
    assert series.volume.geometry.spacing == pytest.approx((3.0, 1.2, 1.5))
    assert "patient sides are unknown" in series.warnings[0]


def test_sheared_affine_is_kept_and_named(tmp_path: Path):
    affine = GEOMETRY.affine.copy()
    affine[1, 2] = 0.6
    path = tmp_path / "s.nii"
    image = nib.Nifti1Image(pattern(SHAPE).transpose(2, 1, 0), ras_to_lps(affine))
    image.set_sform(ras_to_lps(affine), 1)
    nib.save(image, path)
    (series,) = open_study(path).series
    np.testing.assert_allclose(series.volume.geometry.affine, affine, atol=1e-5)
    assert "not at right angles (off by 11.3 degrees)" in series.warnings[0]


def test_each_volume_of_a_4d_image_is_a_series(tmp_path: Path):
    data = np.stack([pattern(SHAPE), pattern(SHAPE) + 1000], axis=-1)
    nib.save(
        nib.Nifti1Image(data.transpose(2, 1, 0, 3), ras_to_lps(GEOMETRY.affine)),
        tmp_path / "four.nii.gz",
    )
    first, second = open_study(tmp_path / "four.nii.gz").series
    np.testing.assert_array_equal(second.volume.data, pattern(SHAPE) + 1000)
    assert first.uid != second.uid
    assert "2 volumes" in first.warnings[0]


# ------------------------------------------------------------------------------------------------------------ bad files
def test_text_renamed_to_nifti_is_a_clear_error(tmp_path: Path):
    for name in ("notes.nii", "notes.nii.gz"):
        path = tmp_path / name
        path.write_text("not an image at all, " * 40)
        with pytest.raises(ReadError, match="not an image") as caught:
            open_study(path)
        assert caught.value.remedy


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("keep", [0.05, 0.5, 0.97])
def test_truncated_files_are_clear_errors(tmp_path: Path, packed: bool, keep: float):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 1000, (20, 30, 40)).astype(np.int16)
    grid = Geometry.from_spacing(data.shape, (1, 1, 1))
    path = write_nifti(tmp_path / ("t.nii.gz" if packed else "t.nii"), data, grid)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ReadError, match="cut short") as caught:
        open_study(path)
    assert caught.value.remedy


@pytest.mark.parametrize("packed", [False, True])
def test_header_that_asks_for_gigabytes_is_refused_at_once(tmp_path: Path, packed: bool):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((2000, 2000, 1200))
    header["magic"], header["vox_offset"] = b"n+1", 352
    content = header.binaryblock + b"\0" * 29
    path = tmp_path / ("bomb.nii.gz" if packed else "bomb.nii")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ReadError, match=r"claims [\d,.]+ (GB|bytes)"):
        open_study(path)


@pytest.mark.parametrize("dims", [[3, 0, 5, 5], [3, -4, 5, 5], [9, 5, 5, 5], [1, 5, 1, 1]])
def test_impossible_dimensions_are_clear_errors(tmp_path: Path, dims):
    path = write_nifti(tmp_path / "d.nii", pattern(SHAPE), GEOMETRY)
    content = bytearray(path.read_bytes())
    content[40:48] = np.array(dims, "<i2").tobytes()
    path.write_bytes(content)
    with pytest.raises(ReadError):
        open_study(path)


def test_affine_that_is_no_number_falls_back_to_the_other_form(tmp_path: Path):
    path = write_nifti(tmp_path / "a.nii", pattern(SHAPE), GEOMETRY)
    content = bytearray(path.read_bytes())
    content[280:296] = np.full(4, np.nan, "<f4").tobytes()
    path.write_bytes(content)
    (series,) = open_study(path).series
    np.testing.assert_allclose(series.volume.geometry.affine, GEOMETRY.affine, atol=1e-5)
    assert "sform is not a valid affine" in series.warnings[0]


# ---------------------------------------------------------------------------------------------------------------- masks
def test_mask_on_another_grid_names_both_geometries(tmp_path: Path):
    path = write_nifti(tmp_path / "m.nii", np.ones((5, 6, 8), np.uint8), Geometry((5, 6, 8), GEOMETRY.affine))
    with pytest.raises(GeometryError, match=r"8 x 6 x 5 voxels.*7 x 6 x 5 voxels"):
        open_mask(path, GEOMETRY)
    moved = GEOMETRY.affine.copy()
    moved[2, 3] += 3.0
    with pytest.raises(GeometryError, match="belongs to another image"):
        open_mask(write_nifti(tmp_path / "n.nii", np.ones(SHAPE, np.uint8), Geometry(SHAPE, moved)), GEOMETRY)


def test_mask_that_is_an_image_is_refused(tmp_path: Path):
    images = {"many": pattern(SHAPE), "fraction": pattern(SHAPE, np.float32) / 3, "negative": pattern(SHAPE) % 2 - 1}
    for name, data in images.items():
        path = write_nifti(tmp_path / f"{name}.nii", data, GEOMETRY)
        with pytest.raises(ReadError, match="not a mask"):
            open_mask(path, GEOMETRY)


def test_mask_without_a_grid_keeps_its_own(tmp_path: Path):
    data = (pattern(SHAPE) % 3).astype(np.uint8)
    mask = open_mask(write_nifti(tmp_path / "m.nii", data, GEOMETRY))
    assert mask.geometry.same_grid(GEOMETRY)
    assert [label.number for label in mask.labels] == [1, 2]


# -------------------------------------------------------------------------------------------------------------- folders
def test_folder_of_images_gives_roles_truth_and_leaves_brain_masks_out(tmp_path: Path):
    shape = (12, 20, 24)
    grid = Geometry.from_spacing(shape, (3, 1, 1))
    for name in ("pat_flair", "pat_t1", "pat_t1ce", "pat_t2"):
        write_nifti(tmp_path / f"{name}.nii.gz", head_volume(shape), grid)
    truth = np.zeros(shape, np.uint8)
    truth[4:6, 5:9, 7:9] = 2
    write_nifti(tmp_path / "pat_seg.nii.gz", truth, grid)
    write_nifti(tmp_path / "pat_brainmask.nii.gz", (head_volume(shape) > 0).astype(np.uint8), grid)
    study = open_study(tmp_path)
    assert {series.role for series in study.series} == {Role.FLAIR, Role.T1, Role.T1CE, Role.T2}
    assert study.reference.role is Role.FLAIR
    assert study.truth is not None
    np.testing.assert_array_equal(study.truth.data, truth)
    assert "pat_brainmask.nii.gz" in " ".join(study.warnings)


def test_truth_on_another_grid_than_flair_is_left_out_with_a_warning(tmp_path: Path):
    write_nifti(tmp_path / "flair.nii", head_volume((12, 20, 24)), Geometry.from_spacing((12, 20, 24), (3, 1, 1)))
    write_nifti(tmp_path / "seg.nii", np.ones(SHAPE, np.uint8), GEOMETRY)
    study = open_study(tmp_path)
    assert study.truth is None
    assert "another grid" in study.warnings[0]


def test_raw_study_of_four_grids_opens_with_its_roles(shared_data: Path):
    study = open_study(shared_data / "nifti" / "TCGA-FG-6692_raw")
    assert sorted(series.role for series in study.series) == sorted([Role.FLAIR, Role.T1, Role.T1CE, Role.T2])
    assert len({series.volume.shape for series in study.series}) == 3
    assert all(series is not None for series in study.channels.values())


def test_brats_study_opens_with_truth_and_without_its_brain_mask(shared_data: Path):
    study = open_study(shared_data / "nifti" / "brats2015_pat0005")
    assert {series.role for series in study.series} == {Role.FLAIR, Role.T1CE}
    assert study.truth is not None
    assert np.unique(study.truth.data).tolist() == [0, 1, 2, 3, 4]
    assert np.count_nonzero(study.truth.data) == 80_682


@pytest.mark.parametrize(
    ("name", "stem"), [("a.nii.gz", "a"), ("a.b.NII", "a.b"), ("a.nii.gz.nii", "a.nii.gz"), ("x", "x")]
)
def test_stem(name: str, stem: str):
    assert stem_of(Path(name)) == stem
