"""Exports: exact geometry on reopening, pictures as the view shows them, and the old file kept when writing fails."""

import errno
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tests.unit.synthetic import (
    CORONAL,
    ORIENTATIONS,
    SAGITTAL,
    SeriesSpec,
    grid_of,
    head_volume,
    pattern,
    write_classic,
)
from tumorview.core import colour_maps
from tumorview.core.colour_maps import ColourMap
from tumorview.core.geometry import Geometry, ras_to_lps
from tumorview.core.labels import Label, LabelTable
from tumorview.core.mask import Mask
from tumorview.core.rendering import BoundaryStyle, OverlayStyle, Window
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Series
from tumorview.core.volume import Volume
from tumorview.errors import GeometryError, WriteError
from tumorview.io import atomic
from tumorview.io.atomic import atomic_write, atomic_write_bytes
from tumorview.io.export import (
    PICTURE_SIDE,
    write_nifti_mask,
    write_nifti_volume,
    write_png_masks,
    write_png_overlays,
)
from tumorview.io.registry import open_mask, open_study

SHAPE = (5, 6, 7)


def _grid(axes=(0, 1, 2), signs=(1, 1, 1), shape=SHAPE, tilt: float = 0.0) -> Geometry:
    return grid_of(axes, signs, shape, (1.5, 1.2, 3.0), tilt)


def _mask(grid: Geometry, *, labels: int = 1) -> Mask:
    data = np.random.default_rng(1).integers(0, labels + 1, grid.shape).astype(np.uint8)
    return Mask(data, grid, LabelTable.whole_tumour().covering(range(1, labels + 1)))


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_mask_reopens_on_the_same_world_positions_in_every_orientation(tmp_path: Path, axes, signs):
    grid = _grid(axes, signs, tilt=0.2)
    mask = _mask(grid)
    write_nifti_mask(mask, tmp_path / "m.nii.gz")
    again = open_mask(tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(again.data, mask.data)
    corners = grid.corners()
    np.testing.assert_allclose(again.geometry.index_to_world(corners), grid.index_to_world(corners), atol=1e-3)
    image = nib.load(tmp_path / "m.nii.gz")
    np.testing.assert_allclose(image.affine, ras_to_lps(grid.affine), atol=1e-4)
    assert image.get_data_dtype() == np.uint8


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), SAGITTAL, CORONAL, (0.6, 0.8, 0, 0, 0, -1)])
def test_dicom_series_reopens_from_nifti_with_the_same_voxels_and_places(tmp_path: Path, orientation):
    write_classic(tmp_path / "in", SeriesSpec(pattern(SHAPE), orientation=orientation))
    (series,) = open_study(tmp_path / "in").series
    write_nifti_volume(series.volume, tmp_path / "v.nii.gz")
    (again,) = open_study(tmp_path / "v.nii.gz").series
    np.testing.assert_array_equal(again.volume.data, series.volume.data)
    assert again.volume.geometry.same_grid(series.volume.geometry)
    assert again.warnings == ()


def test_sheared_grid_is_written_without_a_false_qform(tmp_path: Path):
    affine = _grid().affine.copy()
    affine[1, 2] = 0.8
    grid = Geometry(SHAPE, affine)
    write_nifti_mask(_mask(grid), tmp_path / "m.nii")
    image = nib.load(tmp_path / "m.nii")
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 0)
    np.testing.assert_allclose(image.affine, ras_to_lps(affine), atol=1e-5)


def test_uncalibrated_mask_reopens_on_its_own_grid_and_says_so(tmp_path: Path):
    grid = Geometry.uncalibrated(SHAPE, oriented=True)
    mask = _mask(grid)
    write_nifti_mask(mask, tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(open_mask(tmp_path / "m.nii.gz", grid).data, mask.data)
    header = nib.load(tmp_path / "m.nii.gz").header
    assert int(header["sform_code"]) == 2
    assert b"spacing unknown" in bytes(header["descrip"])


def test_nothing_of_the_patient_is_in_an_export(tmp_path: Path):
    write_classic(tmp_path / "in", SeriesSpec(pattern(SHAPE), description="FLAIR of Synthetic"))
    (series,) = open_study(tmp_path / "in").series
    mask = _mask(series.volume.geometry)
    write_nifti_volume(series.volume, tmp_path / "v.nii")
    paths = [tmp_path / "v.nii", *write_png_overlays(series, mask, tmp_path / "png")]
    for path in paths:
        assert b"Synthetic" not in path.read_bytes()
    with Image.open(paths[1]) as picture:
        assert picture.info == {}


# ------------------------------------------------------------------------------------------------------------- pictures
@pytest.mark.parametrize("labels", [1, 3])
@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS[::5])
def test_png_masks_lie_as_the_axial_view_and_reopen_exactly(tmp_path: Path, axes, signs, labels: int):
    grid = _grid(axes, signs)
    mask = _mask(grid, labels=labels)
    paths = write_png_masks(mask, tmp_path / "out")
    view = PlaneView.of(grid, Plane.AXIAL)
    assert [path.name for path in paths] == [f"slice_{n:04d}.png" for n in range(1, view.count + 1)]
    pixels = np.asarray(Image.open(paths[0]))
    np.testing.assert_array_equal(pixels, view.extract(mask.data, 0) * (255 if labels == 1 else 1))
    np.testing.assert_array_equal(open_mask(tmp_path / "out", grid).data, mask.data)


def test_png_overlay_shows_grey_and_colour_upright(tmp_path: Path):
    grid = _grid((0, 1, 2), (-1, -1, 1))  # both in-plane axes run against the screen
    data = np.zeros(SHAPE, np.int16)
    data[2, 1, 2] = 100
    mask = Mask.empty(grid, LabelTable.of([Label(1, "Tumour", (255, 0, 0), opacity=0.5)]))
    mask.data[2, 4, 5] = 1
    series = Series("x", Volume(data, grid))
    window = Window.of_range(0, 100)
    style = OverlayStyle(boundary=False, outline=BoundaryStyle.VOXEL)
    paths = write_png_overlays(series, mask, tmp_path / "o", window=window, style=style, scale=3)
    picture = np.asarray(Image.open(paths[2]))
    assert picture.shape == (18, 21, 3)
    np.testing.assert_array_equal(picture[(5 - 1) * 3 : (5 - 1) * 3 + 3, (6 - 2) * 3 : (6 - 2) * 3 + 3], 255)
    np.testing.assert_array_equal(picture[(5 - 4) * 3, (6 - 5) * 3], [128, 0, 0])
    assert np.count_nonzero(picture.any(axis=2)) == 18


def test_png_overlay_takes_colours_and_inversion_and_is_large_enough_for_thin_lines(tmp_path: Path):
    grid = _grid()
    data = np.full(SHAPE, 50, np.int16)
    data[2] = 0
    series, mask = Series("x", Volume(data, grid)), Mask.empty(grid, LabelTable.whole_tumour())
    hot = colour_maps.table(ColourMap.HOT_IRON)
    window = Window.of_range(0, 100)
    paths = write_png_overlays(series, mask, tmp_path / "o", window=window, colours=hot, inverted=True)
    picture = np.asarray(Image.open(paths[2]))
    assert max(picture.shape) == pytest.approx(PICTURE_SIDE, rel=0.05)
    np.testing.assert_array_equal(np.unique(picture.reshape(-1, 3), axis=0), [hot[255]])
    np.testing.assert_array_equal(np.asarray(Image.open(paths[1]))[0, 0], hot[255 - 127])


def test_overlay_of_a_mask_from_another_grid_is_refused(tmp_path: Path):
    series = Series("x", Volume(head_volume(SHAPE), _grid()))
    with pytest.raises(GeometryError):
        write_png_overlays(series, _mask(_grid(shape=(5, 6, 8))), tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_slices_of_a_longer_export_are_not_mixed_with_new_ones(tmp_path: Path):
    write_png_masks(_mask(_grid()), tmp_path / "o")
    write_png_masks(_mask(_grid()), tmp_path / "o")
    with pytest.raises(WriteError, match="another export"):
        write_png_masks(_mask(_grid(shape=(3, 6, 7))), tmp_path / "o")


# --------------------------------------------------------------------------------------------------------------- atomic
def test_a_failing_writer_leaves_the_old_file_and_no_trace(tmp_path: Path):
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WriteError, match="disk is full") as caught:
        atomic_write(path, fail)
    assert caught.value.remedy
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"]


def test_what_does_not_read_back_never_takes_the_place_of_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "m.nii.gz"
    write_nifti_mask(_mask(_grid()), path)
    before = path.read_bytes()
    honest = nib.save

    def lying(image, target):
        changed = np.asarray(image.dataobj).copy()
        changed[0, 0, 0] ^= 1
        honest(nib.Nifti1Image(changed, image.affine, image.header), target)

    monkeypatch.setattr(nib, "save", lying)
    with pytest.raises(WriteError, match="did not read back identical"):
        write_nifti_mask(_mask(_grid()), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.EACCES, "may not be written"), (errno.EROFS, "read-only"), (errno.EDQUOT, "quota"), (errno.EIO, "refused")],
)
def test_each_failure_of_the_system_has_a_sentence_and_a_remedy(tmp_path: Path, monkeypatch, code: int, words: str):
    def refuse(path: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(atomic, "_sync", refuse)
    with pytest.raises(WriteError, match=words) as caught:
        atomic_write_bytes(tmp_path / "x", b"content")
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_folder_as_file_and_file_as_folder_are_clear_errors(tmp_path: Path):
    mask = _mask(_grid())
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.nii").mkdir()
    for write, words in (
        (lambda: write_nifti_mask(mask, tmp_path / "no" / "m.nii"), "does not exist"),
        (lambda: write_nifti_mask(mask, tmp_path / "folder.nii"), "is a folder"),
        (lambda: write_nifti_mask(mask, tmp_path / "m.txt"), "does not end in"),
        (lambda: write_png_masks(mask, tmp_path / "file"), "is a file"),
        (lambda: write_png_masks(mask, tmp_path / "no" / "out"), "does not exist"),
    ):
        with pytest.raises(WriteError, match=words) as caught:
            write()
        assert caught.value.remedy


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the system lets this user write everywhere")
def test_read_only_folder_is_a_clear_error(tmp_path: Path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WriteError, match="may not be written"):
            write_nifti_mask(_mask(_grid()), tmp_path / "m.nii")
    finally:
        tmp_path.chmod(0o700)
