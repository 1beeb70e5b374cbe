"""Small synthetic files for tests: classic and Enhanced MR DICOM, NIfTI, LGG folders, pictures.

Voxels carry a pattern in which every voxel is different, so that no flip or shift goes unnoticed.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import tifffile
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tests.unit.enhanced_mr import complete
from tumorview.core.geometry import Geometry

MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_CLASS = "1.2.840.10008.5.1.4.1.1.4.1"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)

# Every way to lay voxel axes i, j, k along the patient axes: (patient axis of each, direction of each).
ORIENTATIONS = [
    (axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]

Edit = Callable[[Dataset, int], None]


def pattern(shape: Sequence[int], dtype: Any = np.int16) -> np.ndarray:
    """[k, j, i] voxels that all differ (below 32768 voxels)."""
    return np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape).astype(dtype)


def grid_of(
    axes: Sequence[int],
    signs: Sequence[int],
    shape: tuple[int, int, int] = (4, 5, 6),
    spacing: Sequence[float] = (1.0, 2.0, 3.0),
    tilt: float = 0.0,
) -> Geometry:
    """A grid whose voxel axis n (i, j, k) runs along patient axis ``axes[n]``, turned by ``tilt`` radians about z."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for voxel, (patient, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[patient, voxel] = sign * spacing[voxel]
    affine[:3, 3] = (7.0, -8.0, 9.0)
    turn = np.eye(4)
    turn[[0, 0, 1, 1], [0, 1, 0, 1]] = np.cos(tilt), -np.sin(tilt), np.sin(tilt), np.cos(tilt)
    return Geometry(shape, turn @ affine)


def head_volume(shape: tuple[int, int, int]) -> np.ndarray:
    """[k, j, i] int16: a bright ellipsoid on air, a little brighter to one side."""
    grids = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = sum(g**2 for g in grids) < 0.8
    return np.where(inside, 300 + 100 * grids[2], 0).astype(np.int16)


@dataclass
class SeriesSpec:
    """What a synthetic DICOM series is like; ``attributes`` are set on every dataset."""

    voxels: np.ndarray
    origin: Sequence[float] = (-20.0, -30.0, -40.0)
    orientation: Sequence[float] = AXIAL
    pixel_spacing: Sequence[float] = (1.5, 1.25)
    step: float = 6.0
    shear: Sequence[float] = (0.0, 0.0, 0.0)
    description: str = "AX FLAIR"
    study_uid: str = field(default_factory=generate_uid)
    series_uid: str = field(default_factory=generate_uid)
    frame_of_reference: str = field(default_factory=generate_uid)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def axes(self) -> np.ndarray:
        """Row, column and normal vectors, in rows."""
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        return np.stack([row, column, np.cross(row, column)])

    def position(self, index: int) -> np.ndarray:
        """ImagePositionPatient of slice ``index``."""
        return np.array(self.origin) + index * (self.axes[2] * self.step + np.array(self.shear))

    @property
    def geometry(self) -> Geometry:
        """The Geometry that a reader must find."""
        affine = np.eye(4)
        affine[:3, 0] = self.axes[0] * self.pixel_spacing[1]
        affine[:3, 1] = self.axes[1] * self.pixel_spacing[0]
        affine[:3, 2] = self.position(1) - self.position(0)
        affine[:3, 3] = self.origin
        return Geometry(self.voxels.shape, affine)


def write_classic(folder: Path, spec: SeriesSpec, *, edit: Edit | None = None, shuffle: bool = True) -> list[Path]:
    """One file per slice; names and instance numbers run against the positions when ``shuffle``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    count = len(spec.voxels)
    for index, pixels in enumerate(spec.voxels):
        number = (index * 7 + 3) % count + 1 if shuffle and count % 7 else index + 1
        dataset = _dataset(spec, MR_CLASS, pixels)
        dataset.InstanceNumber = number
        dataset.ImagePositionPatient = [f"{mm:.6f}" for mm in spec.position(index)]
        dataset.ImageOrientationPatient = [f"{c:.10f}"[:16] for c in spec.orientation]
        dataset.PixelSpacing = list(spec.pixel_spacing)
        dataset.SliceThickness = 5.0
        if edit is not None:
            edit(dataset, index)
        path = folder / f"{dataset.SeriesInstanceUID[-8:]}_{number:03d}_{index}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_enhanced(
    path: Path, spec: SeriesSpec, *, order: Sequence[int] | None = None, edit: Edit | None = None
) -> Path:
    """One Enhanced MR file; ``order`` is the stored order of slices, ``edit`` changes a frame's functional groups."""
    order = list(range(len(spec.voxels)) if order is None else order)
    dataset = _dataset(spec, ENHANCED_MR_CLASS, spec.voxels[order])
    dataset.NumberOfFrames = len(order)
    dataset.InstanceNumber = 1
    dataset.AcquisitionContrast = "FLUID_ATTENUATED"
    shared = Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[f"{c:.10f}"[:16] for c in spec.orientation])]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=list(spec.pixel_spacing), SliceThickness=5.0)]
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    frames = []
    for place, index in enumerate(order):
        groups = Dataset()
        groups.PlanePositionSequence = [_item(ImagePositionPatient=[f"{mm:.6f}" for mm in spec.position(index)])]
        groups.FrameContentSequence = [_item(FrameAcquisitionNumber=1)]
        if edit is not None:
            edit(groups, place)
        frames.append(groups)
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    complete(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_nifti(path: Path, data: np.ndarray, geometry: Geometry, *, sform: int = 1, qform: int = 1) -> Path:
    """``data`` [k, j, i] on ``geometry`` as NIfTI-1, written with nibabel alone."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine
    image = nib.Nifti1Image(np.ascontiguousarray(data.transpose(2, 1, 0)), affine)
    image.set_sform(affine, sform)
    image.set_qform(affine, qform)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def write_lgg(
    folder: Path,
    patient: str = "TCGA_XX_0001_20000101",
    *,
    slices: int = 12,
    size: int = 256,
    without: Sequence[str] = (),
    masks: bool = True,
) -> Path:
    """One patient of the LGG layout; sequences ``without`` ("T1", "T1CE") repeat FLAIR."""
    target = folder / patient
    target.mkdir(parents=True)
    for number in range(1, slices + 1):
        image = np.zeros((size, size, 3), np.uint8)
        for channel in range(3):
            image[20:-20, 30:-10, channel] = 10 * channel + number
        for channel, role in ((0, "T1"), (2, "T1CE")):
            if role in without:
                image[..., channel] = image[..., 1]
        tifffile.imwrite(target / f"{patient}_{number}.tif", image, photometric="rgb")
        if masks:
            mask = np.zeros((size, size), np.uint8)
            if number % 2:
                mask[40:60, 50 : 60 + number] = 255
            tifffile.imwrite(target / f"{patient}_{number}_mask.tif", mask)
    return target


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _dataset(spec: SeriesSpec, sop_class: str, pixels: np.ndarray) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = spec.study_uid, spec.series_uid
    dataset.FrameOfReferenceUID = spec.frame_of_reference
    dataset.PatientName, dataset.PatientID = "Synthetic^Patient", "SYN-0001"
    dataset.PatientBirthDate, dataset.PatientSex = "", ""
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200101", "120000", "1"
    dataset.AccessionNumber, dataset.ReferringPhysicianName, dataset.Manufacturer = "", "", "Synthetic"
    dataset.Modality, dataset.SeriesNumber, dataset.SeriesDescription = "MR", 1, spec.description
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    dataset.PatientPosition, dataset.BodyPartExamined = "HFS", "BRAIN"
    dataset.EchoTime, dataset.RepetitionTime = "", ""
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "NONE", ""
    dataset.MRAcquisitionType, dataset.EchoTrainLength, dataset.PositionReferenceIndicator = "2D", 1, ""
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in spec.attributes.items():
        setattr(dataset, keyword, value)
    return dataset
