"""Our DICOM geometry and values against the field's references: highdicom (Enhanced) and dcm2niix (classic).

Where they disagree with us, ImagePositionPatient decides: dcm2niix writes the NEMA study with its slice thickness
(5.0 mm) where the frames lie 6.0 mm apart, so it is no reference for that one.
"""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_rescale

from tests.unit.references import agrees_with_one_of, assert_same_in_world, by_dcm2niix, by_highdicom
from tests.unit.synthetic import CORONAL, SAGITTAL, SeriesSpec, pattern, write_classic, write_enhanced
from tumorview.core.progress import Progress
from tumorview.core.study import Role, Series, Study
from tumorview.io.registry import open_study
from tumorview.ml.engines.base import Engine
from tumorview.ml.engines.opening import Source, candidates
from tumorview.ml.postprocess import NO_POSTPROCESS
from tumorview.ml.predictor import predict_study
from tumorview.ml.registry import ModelRegistry

NEMA_AXIAL = {"BRTUM003": Role.FLAIR, "BRTUM004": Role.T2, "BRTUM005": Role.T1, "BRTUM008": Role.T1CE}
PHILIPS = {  # images in each
    "1901_WIP_3DpCASL_real.dcm": 1,
    "1903_WIP_SOURCE_-_3DpCASL.dcm": 6,
    "2001_WIP_fcMRI_Field_Mapping_e2_phMag.dcm": 4,
}
NEMA_OTHER = {"BRTUM001": Role.OTHER, "BRTUM009": Role.T1CE, "BRTUM010": Role.T1CE, "BRTUM014": Role.T2}


@pytest.fixture(scope="module")
def nema(shared_data: Path) -> Path:
    return shared_data / "dicom" / "nema_wg16_enhanced_brtum"


@pytest.fixture(scope="module")
def nema_study(nema: Path) -> Study:
    return open_study(nema)


@pytest.mark.parametrize("name", [*NEMA_AXIAL, *NEMA_OTHER])
@pytest.mark.filterwarnings("ignore")
def test_enhanced_files_agree_with_highdicom(nema: Path, name: str):
    path = nema / "IMAGES" / name
    (series,) = open_study(path).series
    assert_same_in_world(series.volume, *by_highdicom(path))


@pytest.mark.filterwarnings("ignore")
def test_philips_enhanced_file_agrees_with_highdicom(shared_data: Path):
    path = shared_data / "dicom" / "philips_enhanced" / "1901_WIP_3DpCASL_real.dcm"
    (series,) = open_study(path).series
    assert_same_in_world(series.volume, *by_highdicom(path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("orientation", [SAGITTAL, CORONAL, (0.6, 0.8, 0, 0, 0, -1)])
def test_synthetic_enhanced_files_agree_with_highdicom(tmp_path: Path, orientation):
    spec = SeriesSpec(pattern((6, 10, 12)), orientation=orientation)

    def index_frame(groups, place):
        groups.FrameContentSequence[0].InStackPositionNumber = place + 1

    path = write_enhanced(tmp_path / "e.dcm", spec, order=[4, 0, 2, 5, 1, 3], edit=index_frame)
    (series,) = open_study(path).series
    assert_same_in_world(series.volume, *by_highdicom(path))


def test_nema_study_opens_with_its_roles_and_true_spacing(nema_study: Study):
    channels = nema_study.channels
    assert {role: one and one.description for role, one in channels.items()} == {
        Role.T1: "* T1 AXIAL PRE GAD",
        Role.FLAIR: "* FLAIR AXIAL",
        Role.T1CE: "* T1 AXIAL POST GAD",
    }
    assert nema_study.reference.role is Role.FLAIR
    assert nema_study.reference.volume.geometry.spacing == pytest.approx((6.0, 0.820312, 0.820312))
    assert nema_study.reference.volume.shape == (24, 256, 256)
    assert nema_study.reference.volume.geometry.axis_codes == "LPS"
    assert len({series.frame_of_reference for series in nema_study.series}) == 1
    roles = sorted(series.role for series in nema_study.series)
    assert roles == sorted([*NEMA_AXIAL.values(), *NEMA_OTHER.values()])
    assert "6 x MR Spectroscopy" in " ".join(nema_study.warnings)


@pytest.mark.parametrize("way", ["dicomdir", "images", "zip", "shuffled"])
def test_nema_study_is_the_same_whichever_way_it_is_opened(nema: Path, nema_study: Study, tmp_path: Path, way: str):
    again = open_study(_nema_by(way, nema, tmp_path))
    assert {one.uid for one in again.series} == {one.uid for one in nema_study.series}
    assert {role: one and one.uid for role, one in again.channels.items()} == {
        role: one and one.uid for role, one in nema_study.channels.items()
    }
    for one in nema_study.series:
        other = again.by_uid(one.uid)
        assert (other.role, other.role_confidence) == (one.role, one.role_confidence)
        assert other.volume.geometry == one.volume.geometry
        np.testing.assert_array_equal(other.volume.data, one.volume.data)


class _Remembering:
    """An engine that computes a slice again only where one of its bits differs: minutes are seconds then."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._known = engine, {}
        self.name, self.device, self.precision = engine.name, engine.device, engine.precision
        self.notices: tuple[str, ...] = ()

    def predict(self, slices: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        keys = [one.tobytes() for one in slices]
        for key, one in zip(keys, slices, strict=True):
            if key not in self._known:
                self._known[key] = self._engine.predict(one[None], progress)[0]
        return np.stack([self._known[key] for key in keys])


def test_nema_study_has_the_same_mask_of_the_bundled_model_whichever_way_it_is_opened(
    nema: Path, nema_study: Study, tmp_path: Path
):
    model = ModelRegistry(tmp_path / "models").usable()
    quickest = candidates(Source.of(model, None), "torch", "cpu")[-1]  # without measuring whether it is
    engine = _Remembering(quickest.open())
    expected = predict_study(nema_study, model.card, engine, postprocess=NO_POSTPROCESS)
    assert expected.mask().data.any()
    for way in ("dicomdir", "images", "zip", "shuffled"):
        study = open_study(_nema_by(way, nema, tmp_path / way))
        found = predict_study(study, model.card, engine, postprocess=NO_POSTPROCESS)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)
        np.testing.assert_array_equal(found.mask().data, expected.mask().data)
        assert found.geometry == expected.geometry
        assert found.origin.channels == expected.origin.channels


def _nema_by(way: str, nema: Path, folder: Path) -> Path:
    """The study's DICOMDIR, its images alone, a zip of it, or its files renamed and in another order."""
    folder.mkdir(exist_ok=True)
    if way == "dicomdir":
        return nema / "DICOMDIR"
    if way == "images":
        return nema / "IMAGES"
    if way == "zip":
        with zipfile.ZipFile(folder / "nema.zip", "w") as archive:
            for path in sorted(nema.rglob("*")):
                archive.write(path, path.relative_to(nema))
        return folder / "nema.zip"
    for number, path in enumerate(sorted((nema / "IMAGES").iterdir(), reverse=True)):
        part = folder / f"{number % 3}"
        part.mkdir(exist_ok=True)
        (part / f"{number:02d}").symlink_to(path)
    return folder


# ------------------------------------------------------------------------------------------------------------- dcm2niix
def _assert_agrees(series: Series, folder: Path, out: Path) -> None:
    (image,) = by_dcm2niix(folder, out)
    assert_same_in_world(series.volume, *image, atol=1e-3)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), SAGITTAL, CORONAL, (0.6, 0.8, 0, 0, 0, -1)])
@pytest.mark.parametrize("scaled", [False, True])
def test_synthetic_classic_series_agree_with_dcm2niix(tmp_path: Path, orientation, scaled: bool):
    attributes = {"RescaleSlope": "0.5", "RescaleIntercept": "7"} if scaled else {}
    spec = SeriesSpec(pattern((7, 10, 12)), orientation=orientation, attributes=attributes)
    write_classic(tmp_path / "in", spec, shuffle=False)
    (series,) = open_study(tmp_path / "in").series
    _assert_agrees(series, tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("name", PHILIPS)
def test_philips_enhanced_files_agree_with_dcm2niix(shared_data: Path, tmp_path: Path, name: str):
    path = shared_data / "dicom" / "philips_enhanced" / name
    (tmp_path / "in").mkdir()
    shutil.copy(path, tmp_path / "in")
    images = by_dcm2niix(tmp_path / "in", tmp_path / "out")
    series = open_study(path).series
    assert len(series) == PHILIPS[name] == len(images)
    for one in series:
        scale = float(abs(one.volume.data.astype(np.float64)).max())
        assert agrees_with_one_of(one.volume, images, atol=1e-4 * scale), one.description


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_uncompressed_nema_samples_agree_with_dcm2niix(shared_data: Path, tmp_path: Path, number: int):
    source = next((shared_data / "dicom" / "nema_compsamples_mr" / "compsamples_refanddir").rglob(f"MR{number}_UNC"))
    (tmp_path / "in").mkdir()
    shutil.copy(source, tmp_path / "in")
    (series,) = open_study(source).series
    _assert_agrees(series, tmp_path / "in", tmp_path / "out")


PYDICOM_SINGLE = [
    "693_J2KI.dcm",
    "CT_small.dcm",
    "examples_overlay.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_expb.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_padded.dcm",
]


@pytest.mark.parametrize("name", PYDICOM_SINGLE)
def test_single_slices_of_pydicom_agree_with_dcm2niix(tmp_path: Path, name: str):
    (tmp_path / "in").mkdir()
    shutil.copy(get_testdata_file(name), tmp_path / "in")
    (series,) = open_study(tmp_path / "in").series
    _assert_agrees(series, tmp_path / "in", tmp_path / "out")


def test_series_of_pydicom_agrees_with_dcm2niix(tmp_path: Path):
    folder = tmp_path / "in"
    shutil.copytree(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N", folder)
    (series,) = open_study(folder).series
    _assert_agrees(series, folder, tmp_path / "out")


def test_projections_of_pydicom_each_have_their_own_place(tmp_path: Path):
    folder = tmp_path / "in"
    shutil.copytree(Path(get_testdata_file("DICOMDIR")).parent / "98892003" / "MR700", folder)
    images = by_dcm2niix(folder, tmp_path / "out")
    series = open_study(folder).series
    assert len(series) == len(images) == 7
    assert all(agrees_with_one_of(one.volume, images) for one in series)


def test_tilted_slice_of_pydicom_lies_where_its_orientation_says():
    # dcm2niix takes the gantry's tilt out of the affine; the header's own cosines decide.
    path = Path(get_testdata_file("J2K_pixelrep_mismatch.dcm"))
    (series,) = open_study(path).series
    header = pydicom.dcmread(path, stop_before_pixels=True)
    directions = series.volume.geometry.directions
    cosines = np.array(header.ImageOrientationPatient, float)
    np.testing.assert_allclose(directions[:, 0], cosines[:3], atol=1e-4)
    np.testing.assert_allclose(directions[:, 1], cosines[3:], atol=1e-4)
    np.testing.assert_allclose(series.volume.geometry.affine[:3, 3], header.ImagePositionPatient, atol=1e-6)


def test_slabs_of_pydicom_are_kept_apart_where_dcm2niix_stretches_them():
    # One slice lies 202.5 mm below three that are 1.25 mm apart; dcm2niix makes one uneven stack of the four.
    folder = Path(get_testdata_file("DICOMDIR")).parent / "77654033" / "CT2"
    alone, stack = open_study(folder).series
    assert (alone.volume.shape[0], stack.volume.shape[0]) == (1, 3)
    assert stack.volume.geometry.spacing[0] == pytest.approx(1.25, abs=1e-3)
    assert stack.volume.geometry.affine[2, 3] == pytest.approx(103.02, abs=1e-2)


@pytest.mark.parametrize(
    "name",
    ["MR_small_jp2klossless", "MR_small_jpeg_ls_lossless", "MR_small_bigendian", "MR_small_RLE", "MR_small_padded"],
)
def test_transfer_syntaxes_give_the_same_voxels(name: str):
    (plain,) = open_study(Path(get_testdata_file("MR_small.dcm"))).series
    (packed,) = open_study(Path(get_testdata_file(f"{name}.dcm"))).series
    np.testing.assert_array_equal(packed.volume.data, plain.volume.data)
    assert packed.volume.geometry == plain.volume.geometry


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("folder", "suffix"), [("jpeg", "JPLL"), ("jpegls", "JLSL"), ("j2k", "J2KR"), ("rle_20040210", "RLE")]
)
def test_lossless_nema_samples_equal_the_uncompressed_ones(shared_data: Path, folder: str, suffix: str, number: int):
    root = shared_data / "dicom" / "nema_compsamples_mr"
    raw = root / "compsamples_refanddir"
    (plain,) = open_study(next(raw.rglob(f"MR{number}_UNC"))).series
    (packed,) = open_study(next((root / f"compsamples_{folder}").rglob(f"MR{number}_{suffix}"))).series
    np.testing.assert_array_equal(packed.volume.data, plain.volume.data)
    header = pydicom.dcmread(next(raw.rglob(f"MR{number}_UNC")))
    np.testing.assert_allclose(plain.volume.data[0], apply_rescale(header.pixel_array, header), rtol=1e-6)
