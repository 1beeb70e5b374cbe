"""DICOM: each pitfall of geometry and grey values as a synthetic series, opened and compared voxel by voxel."""

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, DeflatedExplicitVRLittleEndian, generate_uid

from tests.unit.synthetic import CORONAL, SAGITTAL, SeriesSpec, pattern, write_classic, write_enhanced
from tumorview.core.opening import Opening
from tumorview.core.progress import Progress
from tumorview.core.study import Role, Series, Study
from tumorview.errors import JobCancelled, ReadError
from tumorview.io import dicom_child, dicom_frame, dicom_header
from tumorview.io.registry import open_study

SHAPE = (8, 10, 12)


def _only(study: Study) -> Series:
    assert len(study.series) == 1, [series.description for series in study.series]
    return study.series[0]


def _assert_places(series: Series, spec: SeriesSpec) -> None:
    np.testing.assert_allclose(series.volume.geometry.affine, spec.geometry.affine, atol=1e-4)
    np.testing.assert_array_equal(series.volume.data, spec.voxels)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), SAGITTAL, CORONAL, (0.6, 0.8, 0, 0, 0, -1)])
def test_classic_series_is_sorted_by_position_whatever_its_names_and_numbers_say(tmp_path: Path, orientation):
    spec = SeriesSpec(pattern(SHAPE), orientation=orientation)
    write_classic(tmp_path, spec)
    series = _only(open_study(tmp_path))
    _assert_places(series, spec)
    assert series.warnings == ()
    assert series.volume.data.dtype == np.int16
    assert series.frame_of_reference == spec.frame_of_reference


def test_spacing_comes_from_positions_and_not_from_slice_thickness(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE), step=6.5)
    write_classic(tmp_path, spec)
    assert _only(open_study(tmp_path)).volume.geometry.spacing == pytest.approx((6.5, 1.5, 1.25))


def test_enhanced_frames_stored_interleaved_are_sorted_by_position(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))
    path = write_enhanced(tmp_path / "one.dcm", spec, order=[0, 2, 4, 6, 1, 3, 5, 7])
    for opened in (open_study(path), open_study(tmp_path)):
        _assert_places(_only(opened), spec)


def test_missing_slices_are_left_blank_where_they_belong_and_named(tmp_path: Path):
    spec = SeriesSpec(pattern((12, 10, 12)) + 5)
    paths = write_classic(tmp_path, spec, shuffle=False)
    for index in (3, 4, 9):
        paths[index].unlink()
    series = _only(open_study(tmp_path))
    expected = spec.voxels.copy()
    expected[[3, 4, 9]] = 5
    np.testing.assert_array_equal(series.volume.data, expected)
    np.testing.assert_allclose(series.volume.geometry.affine, spec.geometry.affine, atol=1e-4)
    assert "3 of 12 slices are missing and left blank: 4, 5, 10." in series.warnings[0]


def test_uneven_slices_warn_with_the_numbers(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))

    def move(dataset, index):
        if index >= 4:
            dataset.ImagePositionPatient = [f"{mm:.6f}" for mm in spec.position(index) + np.array([0, 0, 2.5])]

    write_classic(tmp_path, spec, edit=move)
    warning = _only(open_study(tmp_path)).warnings[0]
    assert "unevenly spaced, 6.00 to 8.50 mm (widest between slices 4 and 5)" in warning


def test_tilted_gantry_keeps_its_shear_and_warns(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE), shear=(0.0, 1.2, 0.0))
    write_classic(tmp_path, spec)
    series = _only(open_study(tmp_path))
    _assert_places(series, spec)
    assert "tilted" in series.warnings[0]
    assert "11.3 degrees" in series.warnings[0]


def test_echoes_at_one_position_become_series_of_their_own(tmp_path: Path):
    uid = generate_uid()
    specs = []
    for echo, time in ((1, 12.0), (2, 95.0)):
        spec = SeriesSpec(
            pattern(SHAPE) + 1000 * echo, series_uid=uid, study_uid="1.2.3", attributes={"EchoTime": time}
        )
        write_classic(tmp_path / str(echo), spec)
        specs.append(spec)
    study = open_study(tmp_path)
    assert [series.description for series in study.series] == [
        "AX FLAIR (echo time 12 ms)",
        "AX FLAIR (echo time 95 ms)",
    ]
    for series, spec in zip(study.series, specs, strict=True):
        _assert_places(series, spec)
    assert len({series.uid for series in study.series}) == 2


def test_times_at_one_position_that_no_tag_tells_apart_keep_their_order(tmp_path: Path):
    uid = generate_uid()
    for turn in range(2):
        spec = SeriesSpec(pattern(SHAPE) + 1000 * turn, series_uid=uid, study_uid="1.2.3")
        write_classic(tmp_path / str(turn), spec, edit=lambda ds, k, t=turn: setattr(ds, "InstanceNumber", k + 8 * t))
    first, second = open_study(tmp_path).series
    assert "number 1" in first.description
    assert first.volume.data[0, 0, 0] == 0
    assert second.volume.data[0, 0, 0] == 1000


def test_localizer_slices_of_three_orientations_stay_apart_from_the_stack(tmp_path: Path):
    uid, study = generate_uid(), generate_uid()
    stack = SeriesSpec(pattern(SHAPE), series_uid=uid, study_uid=study)
    write_classic(tmp_path / "a", stack)
    for name, orientation in (("s", SAGITTAL), ("c", CORONAL)):
        write_classic(
            tmp_path / name, SeriesSpec(pattern((3, 10, 12)), orientation=orientation, series_uid=uid, study_uid=study)
        )
    series = open_study(tmp_path).series
    assert sorted(one.volume.shape[0] for one in series) == [3, 3, 8]
    _assert_places(next(one for one in series if one.volume.shape[0] == 8), stack)


def test_copies_of_a_file_are_left_out_with_a_warning(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))
    paths = write_classic(tmp_path / "a", spec)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    study = open_study(tmp_path)
    _assert_places(_only(study), spec)
    assert f"{len(paths)} frames are copies" in " ".join(study.warnings)


def test_rescale_of_each_slice_is_its_own(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))

    def scale(dataset, index):
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = f"{0.25 + index}", "-3.5", "US"

    write_classic(tmp_path, spec, edit=scale)
    slopes = 0.25 + np.arange(8)[:, None, None]
    volume = _only(open_study(tmp_path)).volume
    assert volume.data.dtype == np.float32
    np.testing.assert_allclose(volume.data, spec.voxels * slopes - 3.5, rtol=1e-6)


def test_rescale_of_enhanced_frames_is_their_own(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))

    def scale(groups, place):
        item = pydicom.Dataset()
        item.RescaleIntercept, item.RescaleSlope, item.RescaleType = "1", f"{place + 1}", "US"
        groups.PixelValueTransformationSequence = [item]

    path = write_enhanced(tmp_path / "e.dcm", spec, edit=scale)
    np.testing.assert_allclose(
        _only(open_study(path)).volume.data, spec.voxels * (np.arange(8)[:, None, None] + 1.0) + 1
    )


@pytest.mark.parametrize(("slope", "intercept"), [("-2", "10"), ("0", "0"), ("1", "-1024")])
def test_negative_and_zero_slopes_and_whole_shifts(tmp_path: Path, slope, intercept):
    spec = SeriesSpec(pattern(SHAPE), attributes={"RescaleSlope": slope, "RescaleIntercept": intercept})
    write_classic(tmp_path, spec)
    expected = spec.voxels * (float(slope) or 1.0) + float(intercept)
    np.testing.assert_array_equal(_only(open_study(tmp_path)).volume.data, expected)


def test_signed_and_unsigned_pixels_keep_their_values(tmp_path: Path):
    signed = SeriesSpec(pattern(SHAPE) - 500, study_uid="1.2")
    wide = SeriesSpec(pattern(SHAPE, np.uint16) + np.uint16(40000), study_uid="1.2")
    bytes_ = SeriesSpec(pattern((2, 10, 12), np.uint8), study_uid="1.2")
    for name, spec in (("s", signed), ("w", wide), ("b", bytes_)):
        write_classic(tmp_path / name, spec)
    by_uid = {series.uid: series.volume.data for series in open_study(tmp_path).series}
    for spec in (signed, wide, bytes_):
        np.testing.assert_array_equal(by_uid[spec.series_uid], spec.voxels)


def test_bits_above_those_stored_are_ignored_and_zero_bits_stored_are_survived(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE, np.uint16))

    def overlay_bits(dataset, index):
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.PixelData = (np.frombuffer(dataset.PixelData, np.uint16) | np.uint16(0xF000)).tobytes()

    write_classic(tmp_path / "a", spec, edit=overlay_bits)
    np.testing.assert_array_equal(_only(open_study(tmp_path / "a")).volume.data, spec.voxels)


def test_monochrome1_keeps_its_values_and_says_that_it_is_shown_inverted(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE), attributes={"PhotometricInterpretation": "MONOCHROME1"})
    write_classic(tmp_path, spec)
    series = _only(open_study(tmp_path))
    assert series.inverted
    np.testing.assert_array_equal(series.volume.data, spec.voxels)


@pytest.mark.parametrize(
    ("identity", "line"),
    [
        ({"PatientName": "Doe^Jane^M", "PatientID": "4711", "StudyDate": "20190302"}, "Doe Jane M  4711  2019-03-02"),
        ({"PatientName": "", "PatientID": "4711", "StudyDate": ""}, "4711"),
        ({"PatientName": "", "PatientID": "", "StudyDate": ""}, ""),
    ],
)
def test_who_is_looked_at_is_one_line(tmp_path: Path, identity, line):
    write_classic(tmp_path, SeriesSpec(pattern(SHAPE), attributes=identity))
    assert open_study(tmp_path).patient == line


@pytest.mark.parametrize(
    ("centre", "width", "kept"),
    [(480, 960, True), (480, 0, False), (1e6, 500, False), (480, 1, False), ("", "", False)],
)
def test_window_of_the_file_is_kept_when_it_is_sane(tmp_path: Path, centre, width, kept):
    spec = SeriesSpec(pattern(SHAPE), attributes={"WindowCenter": centre, "WindowWidth": width})
    write_classic(tmp_path, spec)
    window = _only(open_study(tmp_path)).window
    assert (window is not None) is kept
    if window is not None:
        assert (window.centre, window.width) == (480, 960)


def test_images_without_position_open_uncalibrated_with_a_warning(tmp_path: Path):
    def strip(dataset, index):
        del dataset.ImagePositionPatient
        dataset.InstanceNumber = index + 1

    spec = SeriesSpec(pattern(SHAPE))
    write_classic(tmp_path, spec, edit=strip)
    series = _only(open_study(tmp_path))
    assert not series.volume.geometry.calibrated
    assert not series.volume.geometry.oriented
    np.testing.assert_array_equal(series.volume.data, spec.voxels)
    assert "no position" in series.warnings[0]


def test_one_study_is_opened_of_several_and_the_others_are_named(tmp_path: Path):
    write_classic(tmp_path / "t2", SeriesSpec(pattern((20, 10, 12)), description="AX T2"))
    wanted = "1.2.3.4"
    for name in ("FLAIR", "T1 pre", "T1 post gd"):
        write_classic(tmp_path / name, SeriesSpec(pattern(SHAPE), description=name, study_uid=wanted))
    study = open_study(tmp_path)
    assert {series.role for series in study.series} == {Role.FLAIR, Role.T1, Role.T1CE}
    assert "2 studies" in " ".join(study.warnings)


def test_files_without_suffix_preamble_or_meta_header_are_recognised(tmp_path: Path):
    spec = SeriesSpec(pattern((3, 10, 12)))
    for path in write_classic(tmp_path / "in", spec):
        dataset = pydicom.dcmread(path)
        target = tmp_path / "out" / path.stem
        target.parent.mkdir(exist_ok=True)
        pydicom.dcmwrite(target, pydicom.Dataset(dataset), implicit_vr=False, little_endian=True)
    _assert_places(_only(open_study(tmp_path / "out")), spec)


def test_other_objects_are_left_out_by_name(tmp_path: Path):
    write_classic(tmp_path, SeriesSpec(pattern(SHAPE), study_uid="1.2"))

    def spectrum(dataset, index):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.2"
        del dataset.PixelData

    write_classic(tmp_path, SeriesSpec(pattern((1, 1, 1)), study_uid="1.2"), edit=spectrum)
    study = open_study(tmp_path)
    assert len(study.series) == 1
    assert "1 x MR Spectroscopy" in study.warnings[0]


def test_an_image_without_pixels_is_named_as_one(tmp_path: Path):
    with pytest.raises(ReadError, match="1 x CT Image Storage without pixels"):
        open_study(Path(get_testdata_file("UN_sequence.dcm")))


def test_folder_with_only_other_objects_is_a_clear_error(tmp_path: Path):
    def report(dataset, index):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.22"
        del dataset.PixelData, dataset.Rows, dataset.Columns

    write_classic(tmp_path, SeriesSpec(pattern((1, 2, 2))), edit=report)
    with pytest.raises(ReadError, match="1 x Enhanced SR Storage"):
        open_study(tmp_path)


@pytest.mark.parametrize("keep", [0.4, 0.7, 0.95])
def test_truncated_file_is_a_clear_error(tmp_path: Path, keep):
    (path,) = write_classic(tmp_path, SeriesSpec(pattern((1, 64, 64))))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ReadError, match="cut short"):
        open_study(path)


def test_one_truncated_file_of_a_series_is_named_and_the_rest_opens(tmp_path: Path):
    paths = write_classic(tmp_path, SeriesSpec(pattern(SHAPE)), shuffle=False)
    content = paths[2].read_bytes()
    paths[2].write_bytes(content[: len(content) - 50])
    study = open_study(tmp_path)
    (series,) = study.series
    assert paths[2].name in " ".join(series.warnings)
    assert not series.volume.data[2].any()
    np.testing.assert_array_equal(series.volume.data[3], pattern(SHAPE)[3])


def test_hostile_header_is_refused_before_memory_is_taken(tmp_path: Path):
    def enlarge(dataset, index):
        dataset.Rows = dataset.Columns = 8000

    (path,) = write_classic(tmp_path, SeriesSpec(pattern((1, 8, 8))), edit=enlarge)
    with pytest.raises(ReadError, match="cut short or its header is wrong"):
        open_study(path)


def test_deflated_file_opens_and_a_deflate_bomb_does_not(tmp_path: Path, monkeypatch):
    spec = SeriesSpec(pattern((1, 10, 12)), step=5.0)  # a single slice is as thick as SliceThickness says
    (path,) = write_classic(tmp_path, spec)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    _assert_places(_only(open_study(path)), spec)
    content = path.read_bytes()
    body = 144 + int.from_bytes(content[140:144], "little")
    monkeypatch.setattr(dicom_header, "MAX_DEFLATED", 2**22)
    path.write_bytes(content[:body] + zlib.compress(bytes(2**23), 9, -15))
    with pytest.raises(ReadError, match="unusual size"):
        open_study(path)


def test_unknown_compression_names_it(tmp_path: Path):
    def movie(dataset, index):
        dataset.file_meta.TransferSyntaxUID = MPEG2MPML
        dataset.PixelData = encapsulate([bytes(2000)])
        dataset["PixelData"].VR = "OB"

    (path,) = write_classic(tmp_path, SeriesSpec(pattern((1, 8, 8))), edit=movie)
    with pytest.raises(ReadError, match=r"MPEG2.*no decoder is installed"):
        open_study(path)


def test_a_decoder_that_aborts_or_hangs_costs_the_file_and_not_the_program(tmp_path: Path, monkeypatch):
    source = Path(get_testdata_file("MR_small_jpeg_ls_lossless.dcm"))
    for code in ("import os; os.abort()", "import time; time.sleep(60)", "print('noise')"):
        started: list[int] = []
        honest = subprocess.Popen

        def dying(command, *, run=code, popen=honest, seen=started, **options):
            seen.append(1)
            return popen([sys.executable, "-c", run], **options)

        monkeypatch.setattr(dicom_child.subprocess, "Popen", dying)
        monkeypatch.setattr(dicom_child, "FRAME_SECONDS", 0.2)
        monkeypatch.setattr(dicom_child, "START_SECONDS", 0.2)
        with pytest.raises(ReadError, match="damaged"):
            open_study(source)
        monkeypatch.undo()
        assert started == [1]
    assert len(open_study(source).series) == 1


def test_colours_that_pillow_does_not_unpack_are_unpacked_by_gdcm():
    (series,) = open_study(Path(get_testdata_file("GDCMJ2K_TextGBR.dcm"))).series
    assert series.volume.shape == (1, 400, 400)
    assert "shown in greys" in series.warnings[-1]
    reference = pydicom.dcmread(get_testdata_file("GDCMJ2K_TextGBR.dcm")).pixel_array
    np.testing.assert_array_equal(series.volume.data[0] > 200, reference.min(axis=-1) > 200)


def test_a_disc_among_other_files_opens(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))
    write_classic(tmp_path / "a", spec)
    disc = Path(get_testdata_file("DICOMDIR")).parent
    shutil.copy(disc / "DICOMDIR", tmp_path / "a")  # names files that are not there
    write_classic(tmp_path / "b", SeriesSpec(pattern(SHAPE), study_uid=spec.study_uid, description="AX T1"))
    study = open_study(tmp_path)
    assert len(study.series) == 2
    assert "that the DICOMDIR names are not there" in " ".join(study.warnings)


def test_one_file_of_a_series_opens_with_the_slices_beside_it(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))
    paths = write_classic(tmp_path, spec)
    write_classic(tmp_path, SeriesSpec(pattern((3, 10, 12)), study_uid=spec.study_uid, description="AX T1"))
    shutil.copy(paths[2], tmp_path / "copy.dcm")
    study = open_study(paths[2])
    _assert_places(_only(study), spec)
    assert "is one of 8 slices" in study.warnings[0]
    assert open_study(paths[2], opening=Opening(alone=True)).reference.volume.shape == (1, 10, 12)


def test_a_picture_without_a_place_opens_by_itself(tmp_path: Path):
    spec = SeriesSpec(pattern(SHAPE))
    paths = write_classic(tmp_path, spec, edit=lambda dataset, _: delattr(dataset, "ImagePositionPatient"))
    assert _only(open_study(paths[0])).volume.shape == (1, 10, 12)


def test_one_file_of_a_localizer_opens_with_the_slices_of_its_direction(tmp_path: Path):
    for orientation, number in ((SAGITTAL, 3), (CORONAL, 5)):
        spec = SeriesSpec(pattern((number, 10, 12)), orientation=orientation, series_uid="1.2.3")
        paths = write_classic(tmp_path, spec)
    assert _only(open_study(paths[0])).volume.shape == (5, 10, 12)


@pytest.mark.parametrize("name", ["MR_small", "MR_small_bigendian", "MR_small_implicit", "MR_small_padded"])
def test_pixels_taken_from_the_file_are_those_that_are_unpacked(name: str, monkeypatch):
    path = Path(get_testdata_file(f"{name}.dcm"))
    taken = open_study(path).series
    monkeypatch.setattr(dicom_frame.NativePixels, "of", lambda header: None)
    unpacked = open_study(path).series
    for one, other in zip(taken, unpacked, strict=True):
        np.testing.assert_array_equal(one.volume.data, other.volume.data)


def test_a_header_longer_than_the_first_read_is_parsed_whole(tmp_path: Path):
    def private_data(dataset, index):  # before the position and the pixels
        dataset.private_block(0x0009, "OF SOME VENDOR", create=True).add_new(1, "OB", bytes(70_000))

    spec = SeriesSpec(pattern(SHAPE))
    write_classic(tmp_path, spec, edit=private_data)
    _assert_places(_only(open_study(tmp_path)), spec)


def test_opening_reports_progress_and_can_be_cancelled(tmp_path: Path):
    write_classic(tmp_path, SeriesSpec(pattern(SHAPE)))
    seen: list[float] = []

    class Watching(Progress):
        def report(self, fraction, text=""):
            seen.append(fraction)

        def check(self):
            if len(seen) > 10:
                raise JobCancelled

    with pytest.raises(JobCancelled):
        open_study(tmp_path, Watching())
    assert seen == sorted(seen)
    assert 0 <= seen[-1] <= 1


def test_no_patient_data_in_titles_and_warnings(tmp_path: Path):
    write_classic(tmp_path, SeriesSpec(pattern(SHAPE)))
    study = open_study(tmp_path)
    (series,) = study.series
    texts = [study.title, *study.warnings, series.uid, series.description, *series.warnings]
    assert not any("Synthetic" in text or "SYN-0001" in text for text in texts)
