"""The tags viewer's content: everything a header says, with what identifies the patient marked."""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from tumorview.app import tasks
from tumorview.core.tags import HeaderTag, matching
from tumorview.errors import ReadError


def by_name(tags: list[HeaderTag]) -> dict[str, HeaderTag]:
    return {tag.name: tag for tag in tags}


def test_a_dicom_header_is_listed_with_what_identifies_marked() -> None:
    tags = by_name(tasks.read_tags(str(get_testdata_file("MR_small.dcm"))))
    assert tags["Rows"] == HeaderTag("(0028,0010)", "Rows", "US", "64")
    for name in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "StudyInstanceUID", "InstitutionName"):
        if name in tags:
            assert tags[name].identifying, name
    assert tags["PatientName"].identifying
    for name in ("EchoTime", "SOPClassUID", "ImagePositionPatient", "PixelSpacing", "SeriesDescription"):
        if name in tags:
            assert not tags[name].identifying, name
    assert "PixelData" not in tags


def test_sequences_are_opened_and_indented(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(str(get_testdata_file("MR_small.dcm")))
    inner = pydicom.Dataset()
    inner.CodeValue = "T-A0100"
    outer = pydicom.Dataset()
    outer.AnatomicRegionSequence = [inner, inner]
    dataset.ReferencedImageSequence = [outer]
    dataset.save_as(tmp_path / "a.dcm")
    tags = tasks.read_tags(tmp_path / "a.dcm")
    assert HeaderTag("(0008,2218)", "AnatomicRegionSequence", "SQ", "2 items", depth=1) in tags
    assert HeaderTag("(0008,0100)", "CodeValue", "SH", "T-A0100", depth=2) in tags


def test_private_elements_may_identify(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(str(get_testdata_file("MR_small.dcm")))
    dataset.private_block(0x0099, "SOMEBODY", create=True).add_new(1, "LO", "Mustermann")
    dataset.save_as(tmp_path / "a.dcm")
    private = [tag for tag in tasks.read_tags(tmp_path / "a.dcm") if tag.value == "Mustermann"]
    assert [tag.identifying for tag in private] == [True]


def test_a_nifti_header_is_listed_and_its_free_text_marked(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.diag([1, 2, 3, 1]))
    image.header["descrip"] = b"Mustermann"
    nibabel.save(image, tmp_path / "a.nii.gz")
    tags = by_name(tasks.read_tags(tmp_path / "a.nii.gz"))
    assert tags["dim"].value.startswith("3 3 4 5")
    assert tags["descrip"] == HeaderTag("", "descrip", tags["descrip"].kind, "Mustermann", identifying=True)
    assert not tags["srow_x"].identifying


def test_a_file_that_is_gone_or_has_no_header_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="not there any more"):
        tasks.read_tags(tmp_path / "gone.dcm")
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ReadError, match="no header"):
        tasks.read_tags(tmp_path / "a.txt")


def test_a_damaged_header_ends_in_a_sentence(tmp_path: Path) -> None:
    whole = Path(str(get_testdata_file("MR_small.dcm"))).read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[:600])
    shown = by_name(tasks.read_tags(tmp_path / "a.dcm"))  # what came before the damage
    assert "SOPClassUID" in shown
    assert "Rows" not in shown


def test_every_word_of_the_search_must_occur() -> None:
    tags = [HeaderTag("(0018,0081)", "EchoTime", "DS", "90"), HeaderTag("(0018,0080)", "RepetitionTime", "DS", "9000")]
    assert matching(tags, "") == [0, 1]
    assert matching(tags, "time 90 echo") == [0]
    assert matching(tags, "0018,0080") == [1]
    assert matching(tags, "flair") == []
