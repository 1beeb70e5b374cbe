"""Pictures and the LGG layout: channels, truth, missing sequences, sizes checked before unpacking."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.unit.synthetic import pattern, write_lgg
from tumorview.core.study import Role
from tumorview.errors import GeometryError, ReadError
from tumorview.io.registry import open_mask, open_study


def test_lgg_folder_gives_three_series_in_numeric_slice_order_and_its_truth(tmp_path: Path):
    study = open_study(write_lgg(tmp_path, slices=12))
    assert [(one.uid, one.role, one.role_confidence) for one in study.series] == [
        ("lgg-t1", Role.T1, 1.0),
        ("lgg-flair", Role.FLAIR, 1.0),
        ("lgg-t1ce", Role.T1CE, 1.0),
    ]
    for offset, series in zip((0, 10, 20), study.series, strict=True):
        np.testing.assert_array_equal(series.volume.data[:, 100, 100], offset + np.arange(1, 13))
        assert series.framed
        assert not series.volume.geometry.calibrated
        assert series.volume.geometry.oriented
    assert study.truth is not None
    areas = [20 * (10 + number) if number % 2 else 0 for number in range(1, 13)]
    np.testing.assert_array_equal(study.truth.data.sum(axis=(1, 2)), areas)
    assert set(np.unique(study.truth.data)) == {0, 1}
    assert study.warnings == ()


@pytest.mark.parametrize("without", [("T1CE",), ("T1", "T1CE")])
def test_sequence_that_repeats_flair_is_left_out_with_a_warning(tmp_path: Path, without):
    study = open_study(write_lgg(tmp_path, without=without))
    assert len(study.series) == 3 - len(without)
    assert len(study.warnings) == len(without)
    assert "not acquired" in study.warnings[0]
    assert study.channels[Role.T1CE] is None


def test_data_set_of_several_patients_says_how_many(tmp_path: Path):
    for number in range(3):
        write_lgg(tmp_path / "kaggle_3m", f"TCGA_XX_000{number}_20000101", slices=2)
    with pytest.raises(ReadError, match="holds 3 patients") as caught:
        open_study(tmp_path)
    assert "one patient" in caught.value.remedy
    only = open_study(tmp_path / "kaggle_3m" / "TCGA_XX_0001_20000101")
    assert only.reference.volume.shape[0] == 2


def test_one_slice_of_the_layout_opens_with_its_channels_and_truth(tmp_path: Path):
    folder = write_lgg(tmp_path, slices=3)
    study = open_study(folder / f"{folder.name}_3.tif")
    assert [series.volume.shape for series in study.series] == [(1, 256, 256)] * 3
    assert study.truth is not None
    assert study.truth.data.sum() == 20 * 13


def test_gaps_and_missing_masks_are_named(tmp_path: Path):
    folder = write_lgg(tmp_path, slices=6)
    (folder / f"{folder.name}_4.tif").unlink()
    (folder / f"{folder.name}_5_mask.tif").unlink()
    study = open_study(folder)
    assert study.truth is None
    assert "missing from the folder: 4." in study.warnings[0]
    assert "1 of 5 slices have no mask file" in study.warnings[1]


def test_bundled_sample_opens_quickly_with_truth(sample_study_folder: Path):
    study = open_study(sample_study_folder)
    assert len(study.series) == 3
    assert study.truth is not None
    assert study.truth.has_labels


def test_folder_of_pictures_is_a_stack_in_natural_order(tmp_path: Path):
    for number in (1, 2, 10, 11):
        Image.fromarray(np.full((8, 9), number, np.uint8)).save(tmp_path / f"img{number}.png")
    (series,) = open_study(tmp_path).series
    assert series.volume.data[:, 0, 0].tolist() == [1, 2, 10, 11]
    assert not series.volume.geometry.oriented
    assert "no spacing" in series.warnings[0]


@pytest.mark.parametrize("fits", [True, False])
def test_masks_among_pictures_are_the_truth_and_no_slices(tmp_path: Path, fits: bool):
    for number in (1, 2, 10):
        Image.fromarray(np.full((8, 9), 40 + number, np.uint8)).save(tmp_path / f"img{number}.png")
        mask = np.zeros((8, 9), np.uint8)
        mask[:number] = 255
        if fits or number < 10:
            Image.fromarray(mask).save(tmp_path / f"img{number}_mask.png")
    study = open_study(tmp_path)
    assert study.reference.volume.shape == (3, 8, 9)
    if fits:
        assert study.truth is not None
        assert study.truth.data.sum(axis=(1, 2)).tolist() == [9, 18, 72]
    else:
        assert study.truth is None
        assert "do not fit" in study.warnings[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_multipage_tiff_keeps_its_values(tmp_path: Path, dtype):
    data = pattern((5, 6, 7), dtype)
    tifffile.imwrite(tmp_path / "stack.tif", data, photometric="minisblack")
    np.testing.assert_array_equal(open_study(tmp_path / "stack.tif").series[0].volume.data, data)


def test_sixteen_bit_png_keeps_its_values(tmp_path: Path):
    data = pattern((30, 40), np.uint16) * 50
    Image.fromarray(data).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(open_study(tmp_path / "deep.png").series[0].volume.data[0], data)


def test_photograph_is_shown_in_greys_with_a_warning_and_grey_rgb_without(tmp_path: Path):
    colour = np.zeros((8, 9, 3), np.uint8)
    colour[..., 0] = 200
    Image.fromarray(colour).save(tmp_path / "photo.png")
    (series,) = open_study(tmp_path / "photo.png").series
    assert "greys" in series.warnings[-1]
    assert series.volume.data[0, 0, 0] == 60
    Image.fromarray(np.full((8, 9, 3), 77, np.uint8)).save(tmp_path / "grey.jpg")
    (series,) = open_study(tmp_path / "grey.jpg").series
    assert len(series.warnings) == 1
    assert series.volume.data[0, 0, 0] == 77


def test_pictures_of_different_sizes_are_no_stack(tmp_path: Path):
    for number in (1, 2):
        Image.fromarray(np.zeros((8, 8 + number), np.uint8)).save(tmp_path / f"{number}.png")
    with pytest.raises(ReadError, match="differs in size"):
        open_study(tmp_path)


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_picture_bombs_are_refused_by_their_header(tmp_path: Path):
    (tmp_path / "bomb.png").write_bytes(_png_header(60_000, 60_000))
    with pytest.raises(ReadError, match=r"more than TumorView opens|damaged"):
        open_study(tmp_path / "bomb.png")


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
@pytest.mark.parametrize("keep", [10, 60, 200])
def test_truncated_pictures_are_clear_errors(tmp_path: Path, suffix: str, keep: int):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ReadError) as caught:
        open_study(path)
    assert caught.value.remedy


# ---------------------------------------------------------------------------------------------------------------- masks
def test_masks_open_from_pictures_stacks_and_folders(tmp_path: Path):
    folder = write_lgg(tmp_path, slices=4)
    study = open_study(folder)
    grid = study.reference.volume.geometry
    assert study.truth is not None
    np.testing.assert_array_equal(open_mask(folder, grid).data, study.truth.data)
    tifffile.imwrite(tmp_path / "stack.tif", study.truth.data * 255, photometric="minisblack")
    np.testing.assert_array_equal(open_mask(tmp_path / "stack.tif", grid).data, study.truth.data)
    with pytest.raises(GeometryError, match="4 slices of 256 x 256"):
        open_mask(folder, type(grid).uncalibrated((5, 256, 256)))


def test_label_numbers_in_pictures_are_kept(tmp_path: Path):
    data = np.zeros((3, 8, 9), np.uint8)
    data[1, 2, 3], data[2, 4, 5] = 1, 4
    tifffile.imwrite(tmp_path / "m.tif", data, photometric="minisblack")
    mask = open_mask(tmp_path / "m.tif")
    np.testing.assert_array_equal(mask.data, data)
    assert [label.number for label in mask.labels] == [1, 4]


def test_photograph_is_no_mask(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.png")
    with pytest.raises(ReadError, match="colour picture"):
        open_mask(tmp_path / "p.png")


# ------------------------------------------------------------------------------------------------------------ no images
def test_paths_without_images_are_clear_errors(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("nothing here")
    (tmp_path / "zero.nii.gz").touch()
    (tmp_path / "notes.txt").write_text("plain words")
    os.mkfifo(tmp_path / "pipe.nii")  # reading it would never end
    for name, words in (
        ("missing", "does not exist"),
        ("pipe.nii", "neither a file nor a folder"),
        ("empty", "holds no images"),
        ("text", "holds no images"),
        ("zero.nii.gz", "is empty"),
        ("notes.txt", "is not an image"),
    ):
        for opener in (open_study, open_mask):
            with pytest.raises(ReadError) as caught:
                opener(tmp_path / name)
            assert caught.value.remedy
        with pytest.raises(ReadError, match=words):
            open_study(tmp_path / name)
