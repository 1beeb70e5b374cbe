"""A synthetic classic MR series on disk, to measure and try the program with where there is no patient."""

from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid


def write_phantom(folder: Path, slices: int, side: int) -> None:
    """A classic MR series of ``slices`` files: a bright disc in noise, 16 bit."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    random = np.random.default_rng(0)
    row, column = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    head = (row**2 + column**2 < 0.8) * 400
    for number in range(slices):
        path = folder / f"{number:04d}.dcm"
        dataset = FileDataset(path, {}, preamble=b"\0" * 128)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = MRImageStorage, generate_uid(), "MR"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.SeriesDescription, dataset.InstanceNumber = "AX FLAIR", number + 1
        dataset.ImagePositionPatient, dataset.PixelSpacing = [-128, -128, number], [0.5, 0.5]
        dataset.ImageOrientationPatient, dataset.SliceThickness = [1, 0, 0, 0, 1, 0], 1
        dataset.Rows = dataset.Columns = side
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
        dataset.PixelData = (head + random.integers(0, 60, (side, side))).astype("<u2").tobytes()
        dataset.save_as(path, enforce_file_format=True)
