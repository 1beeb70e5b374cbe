"""Training data: found, read, split by patient, cached, and refused with the file's name when it is wrong."""

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from lgg_layout import head_and_tumour, write_data_set, write_patient
from PIL import Image

from tumorview.errors import TrainingError
from tumorview.ml.batches import SliceOrder
from tumorview.ml.corpus import checked_labels, find_twins
from tumorview.ml.data import discover, draw_test_patients, load_slices, site_of, split_patients


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    return write_data_set(tmp_path / "data")


def patients_named(*names: str):
    return [type("Patient", (), {"id": name, "site": site_of(name)}) for name in names]


# discovery
def test_lgg_layout_is_found_below_its_folder(data_set: Path):
    found = discover([data_set])
    assert [patient.id for patient in found] == [f"TCGA_XX_{n:04d}_20000101" for n in range(3)]
    assert [pair.number for pair in found[0].pairs] == [1, 2, 3, 4]
    assert found == discover([data_set / "kaggle_3m"])


def test_slices_are_ordered_by_number_not_by_name(tmp_path: Path):
    write_patient(tmp_path, "A_1", slices=11)
    assert [pair.number for pair in discover([tmp_path])[0].pairs] == list(range(1, 12))


def test_linked_folders_and_several_data_sets(data_set: Path, tmp_path: Path):
    other = write_data_set(tmp_path / "other", patients=1)
    (other / "kaggle_3m" / "TCGA_XX_0000_20000101").rename(other / "kaggle_3m" / "B")
    for path in (other / "kaggle_3m" / "B").iterdir():
        path.rename(path.with_name(path.name.replace("TCGA_XX_0000_20000101", "B")))
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "set").symlink_to(other, target_is_directory=True)
    assert discover([data_set, tmp_path / "links"])[0].id == "B"


@pytest.mark.parametrize(
    ("patient", "site"),
    [
        ("TCGA_DU_6404_19850629", "DU"), ("Brats18_CBICA_AQT_1", "CBICA"), ("Brats18_TCIA01_499_1", "TCIA"),
        ("p7", "local"),
    ],
)  # fmt: skip
def test_sites(patient: str, site: str):
    assert site_of(patient) == site


def test_no_pairs_is_a_clear_error(tmp_path: Path):
    with pytest.raises(TrainingError, match="No image and mask pairs"):
        discover([tmp_path])
    with pytest.raises(TrainingError, match="does not exist"):
        discover([tmp_path / "gone"])


def test_mask_without_image_is_named(data_set: Path):
    lost = next(data_set.rglob("*_2.tif"))
    lost.unlink()
    with pytest.raises(TrainingError, match=lost.stem):
        discover([data_set])


# reading
def test_slices_are_read_as_they_are(data_set: Path):
    slices = load_slices(discover([data_set]))
    assert slices.images.shape == (12, 3, 256, 256)
    assert slices.owner.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    image, mask = head_and_tumour(256, 202)
    assert np.array_equal(slices.images[5], image.transpose(2, 0, 1))
    assert np.array_equal(slices.labels[5], mask)
    assert slices.with_tumour().tolist() == [True, True, True, False] * 3


def test_cache_is_used_until_a_file_changes(data_set: Path, tmp_path: Path):
    patients, cache = discover([data_set]), tmp_path / "cache"
    first = load_slices(patients, cache=cache)
    again = load_slices(patients, cache=cache)
    assert isinstance(again.images, np.memmap)
    assert np.array_equal(first.images, again.images)
    image = next(data_set.rglob("*_1.tif"))
    Image.fromarray(np.zeros((256, 256, 3), np.uint8)).save(image)
    assert not load_slices(patients, cache=cache).images[0].any()


def test_broken_cache_is_read_anew(data_set: Path, tmp_path: Path):
    patients, cache = discover([data_set]), tmp_path / "cache"
    load_slices(patients, cache=cache)
    (cache / "images.npy").write_bytes(b"broken")
    assert load_slices(patients, cache=cache).images.any()


def test_unreadable_pair_is_named(data_set: Path):
    broken = sorted(data_set.rglob("*_3.tif"))[1]
    broken.write_bytes(b"not a picture")
    with pytest.raises(TrainingError, match=broken.name):
        load_slices(discover([data_set]))


def test_mask_of_another_size_is_named(data_set: Path):
    wrong = sorted(data_set.rglob("*_2_mask.tif"))[0]
    Image.fromarray(np.zeros((128, 256), np.uint8)).save(wrong)
    with pytest.raises(TrainingError, match=rf"{wrong.name} has another size \(128x256\)"):
        load_slices(discover([data_set]))


def test_empty_masks_only(data_set: Path):
    for mask in data_set.rglob("*_mask.tif"):
        Image.fromarray(np.zeros((256, 256), np.uint8)).save(mask)
    with pytest.raises(TrainingError, match=r"Every mask in the data set is empty, .*_1_mask\.tif for one"):
        load_slices(discover([data_set]))


def test_png_of_another_size_is_framed(tmp_path: Path):
    image, mask = head_and_tumour(128, 1)
    Image.fromarray(image[..., 1]).save(tmp_path / "case_1.png")
    Image.fromarray((mask * 255).astype(np.uint8)).save(tmp_path / "case_1_mask.png")
    slices = load_slices(discover([tmp_path]))
    assert slices.images.shape == (1, 3, 256, 256)
    assert slices.labels.sum() == pytest.approx(mask.sum() * (232 / 116) ** 2, rel=0.1)


def test_nifti_is_read_in_radiological_axial_slices(tmp_path: Path):
    """The patient's left (+x in RAS is right) ends up on the right of the slice, anterior on top."""
    image, mask = head_and_tumour(128, 1)
    flair, labels = image[..., 1].astype(np.float32), mask.astype(np.uint8)
    labels[:64, :64] *= 4  # quadrant at the patient's right and anterior, if rows run to P and columns to L
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])  # columns to L, rows to P, slices to S in RAS terms
    stack = [np.repeat(part[None], 3, 0).transpose(2, 1, 0) for part in (flair, labels)]
    nibabel.save(nibabel.Nifti1Image(stack[0], affine), tmp_path / "one.nii.gz")
    nibabel.save(nibabel.Nifti1Image(stack[1], affine), tmp_path / "one_mask.nii.gz")
    flipped = [part[::-1, ::-1].copy() for part in stack]
    turned = np.diag([1.0, 1.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(flipped[0], turned), tmp_path / "two.nii.gz")
    nibabel.save(nibabel.Nifti1Image(flipped[1], turned), tmp_path / "two_mask.nii.gz")
    slices = load_slices(discover([tmp_path]))
    assert slices.patients == ("one", "two")
    assert slices.images.shape == (6, 3, 256, 256)
    assert np.array_equal(slices.images[:3], slices.images[3:])
    assert np.array_equal(slices.labels[:3], slices.labels[3:])
    assert np.array_equal(slices.images[0, 0], slices.images[0, 1])


def test_nifti_mask_of_another_grid_is_named(tmp_path: Path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 3), np.float32), np.eye(4)), tmp_path / "a.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 2), np.uint8), np.eye(4)), tmp_path / "a_mask.nii.gz")
    with pytest.raises(TrainingError, match=r"a_mask\.nii\.gz has another size \(8x8x2\)"):
        load_slices(discover([tmp_path]))


# splits
def test_named_validation_patients_by_short_names():
    patients = patients_named("TCGA_CS_6188_20010812", "TCGA_CS_618_20010812", "Brats18_CBICA_AQT_1")
    training, validation = split_patients(patients, validation=["CS_6188", "CBICA_AQT_1"])
    assert validation == ["TCGA_CS_6188_20010812", "Brats18_CBICA_AQT_1"]
    assert training == ["TCGA_CS_618_20010812"]


def test_drawn_split_is_stratified_reproducible_and_disjoint():
    patients = patients_named(*(f"TCGA_{site}_{n:04d}" for site in ("AA", "BB") for n in range(20)))
    training, validation = split_patients(patients, share=0.2, seed=4)
    assert sorted(training + validation) == sorted(patient.id for patient in patients)
    assert sum("_AA_" in name for name in validation) == sum("_BB_" in name for name in validation) == 4
    assert (training, validation) == split_patients(patients, share=0.2, seed=4)
    assert validation != split_patients(patients, share=0.2, seed=5)[1]


def test_named_patients_that_are_all_of_another_data_set_are_refused_with_both_lists_of_names():
    patients = patients_named("own_1", "own_2", "own_3")
    with pytest.raises(TrainingError, match=r"None of the validation patients .*CS_6188, HT_8018.*own_1, own_2, own_3"):
        split_patients(patients, validation=["CS_6188", "HT_8018"])
    with pytest.raises(TrainingError, match=r"None of the test patients .*CS_6188.*own_1"):
        draw_test_patients(patients, 0.2, 0, named=["CS_6188"])


def test_two_patients_are_one_each():
    assert [len(part) for part in split_patients(patients_named("a", "b"), share=0.1)] == [1, 1]


def test_one_patient_cannot_be_split():
    with pytest.raises(TrainingError, match=r"one patient only \(a\)"):
        split_patients(patients_named("a"))


def test_validation_of_everybody_is_refused():
    with pytest.raises(TrainingError, match="names every patient"):
        split_patients(patients_named("a", "b"), validation=["a", "b"])


def test_renamed_copies_are_found_across_the_split(data_set: Path):
    """A copy of a patient under another name, re-encoded and a little brighter."""
    source = data_set / "kaggle_3m" / "TCGA_XX_0000_20000101"
    target = data_set / "kaggle_3m" / "COPY"
    shutil.copytree(source, target)
    for path in list(target.iterdir()):
        renamed = path.rename(path.with_name(path.name.replace(source.name, "COPY")))
        if not renamed.stem.endswith("_mask"):
            Image.fromarray((np.asarray(Image.open(renamed)) * 0.9).astype(np.uint8)).save(renamed)
    slices = load_slices(discover([data_set]))
    others = [name for name in slices.patients if name != source.name]
    assert find_twins(slices, others, [source.name]) == ["COPY"]
    assert find_twins(slices, ["TCGA_XX_0001_20000101"], ["TCGA_XX_0002_20000101"]) == []


def test_labels_and_classes(data_set: Path):
    slices = load_slices(discover([data_set]))
    for mask in sorted(data_set.rglob("*_1_mask.tif")):
        Image.fromarray((np.asarray(Image.open(mask)) > 0).astype(np.uint8) * 4).save(mask)
    slices = load_slices(discover([data_set]))
    assert int(slices.labels.max()) == 4
    assert int(checked_labels(slices, 2).labels.max()) == 1
    assert checked_labels(slices, 5) is slices
    with pytest.raises(TrainingError, match="label 4, but the recipe has 3 classes"):
        checked_labels(slices, 3)


# slice order
def test_an_epoch_holds_every_tumour_slice_once_and_the_share_of_empty_ones():
    order = SliceOrder(np.arange(10), np.arange(10, 40), 0.5, seed=1, phase=0)
    epoch = order.epoch(0)
    assert sorted(epoch[epoch < 10]) == list(range(10))
    assert (epoch >= 10).sum() == 5
    assert len(set(epoch)) == 15
    assert not np.array_equal(epoch, order.epoch(1))


def test_batches_walk_through_epochs_without_gaps():
    order = SliceOrder(np.arange(10), np.arange(10, 40), 0.5, seed=1, phase=2)
    walked = np.concatenate([order.batch(step, 4) for step in range(15)])
    assert np.array_equal(walked, np.concatenate([order.epoch(number) for number in range(4)]))


def test_more_empty_slices_than_there_are():
    order = SliceOrder(np.arange(4), np.arange(4, 6), 100.0, seed=1, phase=0)
    assert sorted(order.epoch(3)) == list(range(6))
