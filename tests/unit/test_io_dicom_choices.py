"""DICOM that can be opened in more than one way: several studies, irregular slices, pictures at one place."""

import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.unit.synthetic import SeriesSpec, pattern, write_classic, write_enhanced
from tumorview.core.opening import Irregular, Opening, SeveralStudiesError
from tumorview.core.study import Role, Series
from tumorview.errors import ReadError
from tumorview.io.registry import open_study

SHAPE = (8, 10, 12)


def _open(path: Path, irregular: Irregular) -> Series:
    (series,) = open_study(path, opening=Opening(irregular=irregular)).series
    return series


def _ramp(spec: SeriesSpec, positions: np.ndarray) -> np.ndarray:
    """Voxels that grow evenly in the patient: 10 a mm in z, 3 in x; linear interpolation keeps them."""
    k, j, i = np.indices(spec.voxels.shape)
    axes = spec.axes
    x = positions[:, 0][k] + axes[0, 0] * spec.pixel_spacing[1] * i
    z = positions[:, 2][k]
    return np.rint(1000 + 3 * x + 10 * z).astype(np.int16) + 0 * j.astype(np.int16)


def _world_ramp(series: Series) -> np.ndarray:
    k, j, i = np.indices(series.volume.shape)
    world = series.volume.geometry.index_to_world(np.stack([k, j, i], axis=-1))
    return 1000 + 3 * world[..., 0] + 10 * world[..., 2]


def _uneven(folder: Path) -> SeriesSpec:
    spec = SeriesSpec(pattern(SHAPE))
    positions = np.array([spec.position(k) + np.array([0, 0, 2.5 * (k >= 5)]) for k in range(8)])
    spec.voxels = _ramp(spec, positions)
    write_classic(folder, spec, edit=lambda ds, k: setattr(ds, "ImagePositionPatient", positions[k].tolist()))
    return spec


def test_uneven_slices_resampled_have_every_value_at_its_place(tmp_path: Path):
    _uneven(tmp_path)
    series = _open(tmp_path, Irregular.RESAMPLE)
    assert series.irregular == ""
    assert "resampled" in series.warnings[0]
    assert series.volume.geometry.affine[2, 3] == pytest.approx(-40)
    np.testing.assert_allclose(series.volume.data, _world_ramp(series), atol=1.0)
    as_is = _open(tmp_path, Irregular.AS_IS)
    assert "unevenly" in as_is.irregular
    assert np.abs(as_is.volume.data - _world_ramp(as_is)).max() > 10


def test_the_part_of_uneven_slices_is_the_longest_regular_run(tmp_path: Path):
    spec = _uneven(tmp_path)
    series = _open(tmp_path, Irregular.PART)
    assert series.irregular == ""
    assert series.warnings[0].startswith("Slices 1 to 5 of 8 were opened.")
    np.testing.assert_array_equal(series.volume.data, spec.voxels[:5])
    np.testing.assert_allclose(series.volume.geometry.affine, spec.geometry.affine, atol=1e-6)


def test_missing_slices_are_interpolated_when_resampled_and_left_out_in_the_part(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))
    spec.voxels = _ramp(spec, np.array([spec.position(k) for k in range(8)]))
    paths = write_classic(tmp_path, spec, shuffle=False)
    paths[2].unlink()
    whole = _open(tmp_path, Irregular.RESAMPLE)
    np.testing.assert_allclose(whole.volume.data, spec.voxels, atol=1)
    np.testing.assert_allclose(whole.volume.geometry.affine, spec.geometry.affine, atol=1e-6)
    part = _open(tmp_path, Irregular.PART)
    np.testing.assert_array_equal(part.volume.data, spec.voxels[3:])


def test_tilted_stack_resampled_is_at_right_angles_with_every_value_at_its_place(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE), shear=(1.1, 0.0, 0.0))
    spec.voxels = _ramp(spec, np.array([spec.position(k) for k in range(8)]))
    write_classic(tmp_path, spec)
    series = _open(tmp_path, Irregular.RESAMPLE)
    directions = series.volume.geometry.directions
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-9)
    inside = series.volume.data > series.volume.data.min()
    assert inside.mean() > 0.5
    off = np.abs(series.volume.data - _world_ramp(series))
    assert (off[inside] <= 1.0).mean() > 0.85  # at the edge of a slice there is air to blend with
    assert "tilted" in _open(tmp_path, Irregular.AS_IS).irregular


def test_small_differences_that_add_up_are_not_overlooked(tmp_path: Path):
    # Each gap is within 3 % of the others, yet the slice in the middle lies 0.7 mm off its place.
    spec = SeriesSpec(pattern(SHAPE))
    heights = np.cumsum([0, 6, 6, 6, 6, 6.18, 6.18, 6.18])

    def move(dataset: Dataset, index: int) -> None:
        dataset.ImagePositionPatient = [*spec.origin[:2], f"{spec.origin[2] + heights[index]:.4f}"]

    write_classic(tmp_path, spec, edit=move)
    series = _open(tmp_path, Irregular.AS_IS)
    assert "unevenly spaced, 6.00 to 6.18 mm" in series.irregular
    assert "off by up to 0.3 mm" in series.irregular


def test_one_slice_taken_twice_leaves_the_stack_whole_and_is_named(tmp_path: Path):
    uid, frame = generate_uid(), generate_uid()
    spec = SeriesSpec(pattern(SHAPE), study_uid="1.2.3", series_uid=uid, frame_of_reference=frame)
    again = SeriesSpec(pattern((1, 10, 12)) + 5000, spec.position(3), study_uid="1.2.3", series_uid=uid)
    again.frame_of_reference = frame
    write_classic(tmp_path / "a", spec, edit=lambda ds, k: setattr(ds, "AcquisitionTime", f"1200{k:02d}"))
    write_classic(tmp_path / "b", again, edit=lambda ds, k: setattr(ds, "AcquisitionTime", "130000"))
    study = open_study(tmp_path)
    assert sorted(series.volume.shape[0] for series in study.series) == [1, 8]
    whole = max(study.series, key=lambda series: series.volume.shape[0])
    np.testing.assert_allclose(whole.volume.geometry.affine, spec.geometry.affine, atol=1e-4)
    assert "several pictures at slice 4" in " ".join(study.warnings)


@pytest.mark.parametrize(
    ("creator", "tag", "vr", "values"),
    [
        ("SIEMENS MR HEADER", 0x0C, "IS", ("0", "1000")),
        ("GEMS_PARM_01", 0x39, "IS", (["1000000000", "8", "0", "0"], ["1000001000", "8", "0", "0"])),
        ("Philips Imaging DD 001", 0x03, "FL", (0.0, 1000.0)),
    ],
)
def test_b_values_in_private_elements_tell_diffusion_images_apart(tmp_path: Path, creator, tag, vr, values):
    group = {"SIEMENS MR HEADER": 0x0019, "GEMS_PARM_01": 0x0043, "Philips Imaging DD 001": 0x2001}[creator]
    uid = generate_uid()
    for turn, value in enumerate(values):

        def mark(dataset: Dataset, index: int, value=value, turn=turn) -> None:
            dataset.private_block(group, creator, create=True).add_new(tag, vr, value)
            dataset.InstanceNumber = 2 * index + turn + 1

        spec = SeriesSpec(pattern(SHAPE) + 1000 * turn, study_uid="1.2", series_uid=uid, description="ep2d_diff")
        write_classic(tmp_path / str(turn), spec, edit=mark)
    study = open_study(tmp_path)
    assert [series.description for series in study.series] == ["ep2d_diff (b-value 0)", "ep2d_diff (b-value 1000)"]


def test_of_many_times_the_first_are_opened_and_the_number_is_named(tmp_path: Path):
    uid = generate_uid()
    for time in range(40):
        spec = SeriesSpec(pattern((2, 4, 5)) + 100 * time, study_uid="1.2", series_uid=uid)
        spec.attributes = {"TemporalPositionIdentifier": time + 1}
        write_classic(tmp_path / f"{time}", spec, shuffle=False)
    study = open_study(tmp_path)
    assert "holds 40 images of the same slices; the first 8 are opened" in " ".join(study.warnings)
    assert [series.volume.data[0, 0, 0] for series in study.series] == [100 * time for time in range(8)]


def test_siemens_mosaic_is_named_and_not_shown_as_one_slice(tmp_path: Path):
    study = generate_uid()
    write_classic(tmp_path / "flair", SeriesSpec(pattern(SHAPE), study_uid=study))
    mosaic = SeriesSpec(
        pattern((1, 40, 48)), study_uid=study, attributes={"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}
    )
    write_classic(tmp_path / "bold", mosaic)
    opened = open_study(tmp_path)
    assert len(opened.series) == 1
    assert "1 Siemens mosaics" in opened.warnings[0]
    with pytest.raises(ReadError, match="Siemens mosaic"):
        open_study(tmp_path / "bold")


def test_legacy_converted_object_keeps_what_its_originals_said(tmp_path: Path):
    def convert(groups: Dataset, place: int) -> None:
        item = Dataset()
        item.EchoTime = [12.0, 95.0][place % 2]
        groups.UnassignedPerFrameConvertedAttributesSequence = [item]

    spec = SeriesSpec(pattern((16, 10, 12)))
    spec.attributes = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.4"}
    path = write_enhanced(tmp_path / "legacy.dcm", spec, order=[k // 2 for k in range(16)], edit=convert)
    study = open_study(path)
    assert [series.description.split("(")[1] for series in study.series] == ["echo time 12 ms)", "echo time 95 ms)"]
    assert all(series.volume.shape[0] == 8 for series in study.series)


def test_several_studies_are_asked_about_before_a_voxel_is_read(tmp_path: Path):
    for name in ("A", "B"):
        identity = {"PatientName": f"Doe^{name}", "PatientID": name, "StudyDescription": "Brain"}
        write_classic(tmp_path / name, SeriesSpec(pattern(SHAPE), study_uid=f"1.2.{ord(name)}", attributes=identity))
    with pytest.raises(SeveralStudiesError, match="2 studies") as caught:
        open_study(tmp_path, opening=Opening(ask=True))
    assert "Doe" not in str(caught.value)
    first, second = caught.value.choices
    assert (first.key, first.title) == ("1.2.65", "Doe A  A  2020-01-01  Brain")
    assert second.content == "1 series, 8 slices: FLAIR"
    study = open_study(tmp_path, opening=Opening(study="1.2.66"))
    assert study.patient.startswith("Doe B")
    assert (study.opening.study, len(study.choices)) == ("1.2.66", 2)
    assert not any("studies" in warning for warning in study.warnings)
    with pytest.raises(ReadError, match=r"no study '9'.*Choose one of: 1\.2\.65, 1\.2\.66"):
        open_study(tmp_path, opening=Opening(study="9"))


def test_the_one_study_with_most_channels_is_opened_without_asking(tmp_path: Path):
    for number, names in enumerate((("FLAIR", "T1"), ("T1", "T2"))):
        for name in names:
            write_classic(
                tmp_path / f"{number}{name}", SeriesSpec(pattern(SHAPE), study_uid=f"1.2.{number}", description=name)
            )
    study = open_study(tmp_path, opening=Opening(ask=True))
    assert (study.opening.study, len(study.choices)) == ("1.2.0", 2)


def test_two_patients_are_never_one_study_even_with_one_study_uid(tmp_path: Path):
    for name in ("A", "B"):
        write_classic(tmp_path / name, SeriesSpec(pattern(SHAPE), study_uid="1.2", attributes={"PatientID": name}))
    study = open_study(tmp_path)
    assert len(study.series) == 1
    assert [choice.key for choice in study.choices] == ["1.2", "1.2#2"]
    assert "There are 2 studies" in " ".join(study.warnings)


def test_float_pixel_data_keeps_its_fractions_and_shows_gaps_as_air(tmp_path: Path):
    values = (pattern((1, 10, 12)) / 7).astype(np.float32)
    values[0, 0, 0] = np.nan

    def floats(dataset: Dataset, index: int) -> None:
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
        dataset.BitsAllocated = 32
        dataset.FloatPixelData = values[index].tobytes()

    (path,) = write_classic(tmp_path, SeriesSpec(pattern((1, 10, 12))), edit=floats)
    (series,) = open_study(path).series
    expected = values.copy()
    expected[0, 0, 0] = np.nanmin(values)
    np.testing.assert_array_equal(series.volume.data, expected)
    assert "1 voxels without a value" in series.warnings[0]


@pytest.mark.parametrize("top", [1000, 2**31 + 256])
def test_unsigned_32_bit_pixels_do_not_wrap(tmp_path: Path, top: int):
    values = pattern((1, 10, 12), np.uint32)
    values[0, 0, 0] = top
    (path,) = write_classic(tmp_path, SeriesSpec(values))
    (series,) = open_study(path).series
    np.testing.assert_array_equal(series.volume.data.astype(np.float64), values)


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
@pytest.mark.parametrize("signed", [False, True])
def test_every_depth_from_9_to_16_bits_keeps_its_sign(tmp_path: Path, bits: int, signed: bool):
    values = (pattern((1, 10, 12)) * 3 % 2 ** (bits - 1)).astype(np.int16)
    values = values - 2 ** (bits - 1) // 2 if signed else values

    def shallow(dataset: Dataset, index: int) -> None:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, int(signed)
        dataset.PixelData = (values[index].astype(np.int32) & (2**bits - 1)).astype("<u2").tobytes()

    (path,) = write_classic(tmp_path, SeriesSpec(values), edit=shallow)
    np.testing.assert_array_equal(open_study(path).series[0].volume.data, values)


@pytest.mark.parametrize("implicit", [False, True])
def test_padding_keeps_its_value_and_counts_as_air(tmp_path: Path, implicit: bool):
    voxels = pattern(SHAPE) + 100
    voxels[:, :3] = -2000

    def pad(dataset: Dataset, index: int) -> None:
        dataset.PixelPaddingValue = -2000
        dataset["PixelPaddingValue"].VR = "SS"

    for path in write_classic(tmp_path, SeriesSpec(voxels), edit=pad):
        if implicit:
            dataset = pydicom.dcmread(path)
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
            dataset.save_as(path)
    (series,) = open_study(tmp_path).series
    np.testing.assert_array_equal(series.volume.data, voxels)
    assert series.padding == (-2000, -2000)
    assert series.measured().data.min() == voxels[voxels > -2000].min()


def test_dicomdir_that_points_outside_is_named_and_not_followed(tmp_path: Path):
    secret = tmp_path / "outside"
    write_classic(secret, SeriesSpec(pattern(SHAPE), description="SECRET"))
    disc = tmp_path / "disc"
    (path, *_) = write_classic(disc, SeriesSpec(pattern((1, 10, 12)), description="AX FLAIR"))
    directory = pydicom.dataset.FileDataset(None, {}, preamble=b"\0" * 128)
    directory.file_meta = pydicom.dataset.FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    directory.DirectoryRecordSequence = []
    with pydicom.config.disable_value_validation():  # this is what a file that does harm looks like
        for reference in ([path.name], ["..", "outside", next(secret.iterdir()).name], ["IMAGES", "GONE"]):
            record = Dataset()
            record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", reference
            directory.DirectoryRecordSequence.append(record)
        directory.save_as(disc / "DICOMDIR", enforce_file_format=True)
    for opened in (open_study(disc / "DICOMDIR"), open_study(disc)):
        assert [series.description for series in opened.series] == ["AX FLAIR"]
        text = " ".join(opened.warnings)
        assert "names 1 files outside its own folder; they were not opened" in text
        assert "1 of 3 files that the DICOMDIR names are not there" in text


def test_a_zip_of_a_folder_opens_as_the_folder_does(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))
    paths = write_classic(tmp_path / "in", spec)
    archive = tmp_path / "Study.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number, path in enumerate(paths):
            file.write(path, f"PATIENT/SER/{number:08d}")
    study = open_study(archive)
    assert (study.path, study.title) == (archive, "Study.zip")
    np.testing.assert_array_equal(study.series[0].volume.data, spec.voxels)
    assert study.reference.role is Role.FLAIR
