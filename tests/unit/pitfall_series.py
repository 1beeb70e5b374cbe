"""One synthetic DICOM study for each way in which hospital data misleads a reader, and what must come of it.

Every file is valid to ``dciodvfy`` unless its pitfall is that it is not (``valid=False``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from tests.unit.enhanced_mr import item
from tests.unit.synthetic import CORONAL, SAGITTAL, SeriesSpec, pattern, write_classic, write_enhanced
from tumorview.core.study import Series, Study

SHAPE = (8, 10, 12)


@dataclass(frozen=True)
class Pitfall:
    """``write`` makes the files, ``check`` asserts what must be read from them.

    ``like_dcm2niix``: that program, which knows nothing of us, must find the same voxels at the same places.
    """

    write: Callable[[Path], SeriesSpec]
    check: Callable[[Study, SeriesSpec], None]
    valid: bool = True
    like_dcm2niix: bool = True


def whole(study: Study) -> Series:
    """The series with the most slices."""
    return max(study.series, key=lambda series: series.volume.shape[0])


def assert_in_place(series: Series, spec: SeriesSpec) -> None:
    """Every voxel of ``spec`` where it was put."""
    np.testing.assert_array_equal(series.volume.data, spec.voxels)
    np.testing.assert_allclose(series.volume.geometry.affine, spec.geometry.affine, atol=1e-4)


def in_place(study: Study, spec: SeriesSpec) -> None:
    """One series, in place, nothing to warn about."""
    (series,) = study.series
    assert_in_place(series, spec)
    assert series.irregular == ""


def warned(text: str) -> Callable[[Study, SeriesSpec], None]:
    """The stack of slices is irregular, and ``text`` says why."""

    def check(study: Study, spec: SeriesSpec) -> None:
        assert text in whole(study).irregular
        assert whole(study).irregular in whole(study).warnings

    return check


def parts(*labels: str) -> Callable[[Study, SeriesSpec], None]:
    """A series for each of ``labels``, every one with all slices in place and values of its own."""

    def check(study: Study, spec: SeriesSpec) -> None:
        assert [series.description.partition("(")[2].rstrip(")") for series in study.series] == list(labels)
        for number, series in enumerate(study.series):
            np.testing.assert_array_equal(series.volume.data, spec.voxels + 1000 * number)
            np.testing.assert_allclose(series.volume.geometry.affine, spec.geometry.affine, atol=1e-4)

    return check


def _one(edit: Any = None, **options: Any) -> Callable[[Path], SeriesSpec]:
    def write(folder: Path) -> SeriesSpec:
        spec = SeriesSpec(options.pop("voxels", pattern(SHAPE)), **options)
        write_classic(folder, spec, edit=edit)
        return spec

    return write


def _several(marks: list[dict[str, Any]]) -> Callable[[Path], SeriesSpec]:
    """Several pictures at each position, told apart by ``marks``."""

    def write(folder: Path) -> SeriesSpec:
        spec = SeriesSpec(pattern(SHAPE))
        for turn, values in enumerate(marks):

            def mark(dataset: Dataset, index: int, turn: int = turn, values: dict[str, Any] = values) -> None:
                dataset.InstanceNumber = index * len(marks) + turn + 1
                for keyword, value in values.items():
                    setattr(dataset, keyword, value)

            own = SeriesSpec(spec.voxels + 1000 * turn, study_uid=spec.study_uid, series_uid=spec.series_uid)
            own.frame_of_reference = spec.frame_of_reference
            write_classic(folder / f"{turn}", own, edit=mark)
        return spec

    return write


def _removed(*indices: int, slices: int = 12) -> Callable[[Path], SeriesSpec]:
    def write(folder: Path) -> SeriesSpec:
        spec = SeriesSpec(pattern((slices, 10, 12)) + 1)
        paths = write_classic(folder, spec, shuffle=False)
        for index in indices:
            paths[index].unlink()
        return spec

    return write


def _move_upper_half(dataset: Dataset, index: int) -> None:
    x, y, z = (float(mm) for mm in dataset.ImagePositionPatient)
    dataset.ImagePositionPatient = [x, y, z + 2.5 * (index >= 4)]


def _localizers(folder: Path) -> SeriesSpec:
    spec = SeriesSpec(pattern(SHAPE))
    write_classic(folder / "a", spec)
    for name, orientation in (("s", SAGITTAL), ("c", CORONAL)):
        view = SeriesSpec(pattern((1, 10, 12)), orientation=orientation, study_uid=spec.study_uid)
        view.series_uid, view.frame_of_reference = spec.series_uid, spec.frame_of_reference
        view.attributes = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
        write_classic(folder / name, view)
    return spec


def _localizers_apart(study: Study, spec: SeriesSpec) -> None:
    assert sorted(series.volume.shape[0] for series in study.series) == [1, 1, 8]
    assert_in_place(whole(study), spec)
    assert study.reference is whole(study)


def _twice(folder: Path) -> SeriesSpec:
    spec = SeriesSpec(pattern(SHAPE))
    write_classic(folder / "a", spec, edit=lambda ds, k: setattr(ds, "AcquisitionTime", f"1200{k:02d}"))
    again = SeriesSpec(spec.voxels[3:4] + 5000, spec.position(3), study_uid=spec.study_uid, series_uid=spec.series_uid)
    again.frame_of_reference = spec.frame_of_reference
    write_classic(folder / "b", again, edit=lambda ds, k: setattr(ds, "AcquisitionTime", "130000"))
    return spec


def _twice_named(study: Study, spec: SeriesSpec) -> None:
    assert_in_place(whole(study), spec)
    assert "several pictures at slice 4" in " ".join(study.warnings)


def _slope(scale: Callable[[int], tuple[float, float]]) -> Callable[[Path], SeriesSpec]:
    def write(folder: Path) -> SeriesSpec:
        def rescale(dataset: Dataset, index: int) -> None:
            slope, intercept = scale(index)
            dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = f"{slope:g}", f"{intercept:g}", "US"

        stored = SeriesSpec(pattern(SHAPE))
        write_classic(folder, stored, edit=rescale)
        factors = np.array([scale(index) for index in range(SHAPE[0])])[:, :, None, None]
        meant = SeriesSpec((stored.voxels * factors[:, 0] + factors[:, 1]).astype(np.float32))
        meant.step = stored.step
        return meant

    return write


def _inverted(study: Study, spec: SeriesSpec) -> None:
    in_place(study, spec)
    assert study.series[0].inverted


def _no_bits_stored(dataset: Dataset, index: int) -> None:
    dataset.BitsStored = 0


def _odd_window(dataset: Dataset, index: int) -> None:
    dataset.WindowCenter, dataset.WindowWidth = "900000", "1"


def _no_window(study: Study, spec: SeriesSpec) -> None:
    in_place(study, spec)
    assert study.series[0].window is None


def _pad(dataset: Dataset, index: int) -> None:
    dataset.PixelPaddingValue = -2000
    dataset["PixelPaddingValue"].VR = "SS"


def _padded(study: Study, spec: SeriesSpec) -> None:
    in_place(study, spec)
    assert study.series[0].measured().data.min() > -2000


def _padded_voxels() -> np.ndarray:
    voxels = pattern(SHAPE) + 50
    voxels[:, :3] = -2000
    return voxels


def _mosaic(folder: Path) -> SeriesSpec:
    spec = SeriesSpec(pattern(SHAPE))
    write_classic(folder / "a", spec)
    tiled = SeriesSpec(pattern((1, 40, 48)), study_uid=spec.study_uid)
    tiled.attributes = {"ImageType": ["ORIGINAL", "PRIMARY", "OTHER", "MOSAIC"], "SeriesNumber": 2}
    write_classic(folder / "b", tiled)
    return spec


def _mosaic_named(study: Study, spec: SeriesSpec) -> None:
    in_place(study, spec)
    assert "Siemens mosaics" in " ".join(study.warnings)


def _enhanced(**options: Any) -> Callable[[Path], SeriesSpec]:
    def write(folder: Path) -> SeriesSpec:
        spec = SeriesSpec(pattern(SHAPE), **options)
        write_enhanced(folder / "enhanced.dcm", spec, order=[5, 0, 7, 2, 4, 1, 6, 3])
        return spec

    return write


def _enhanced_slopes(folder: Path) -> SeriesSpec:
    def scale(groups: Dataset, place: int) -> None:
        groups.PixelValueTransformationSequence = [
            item(RescaleIntercept="-1", RescaleSlope=f"{place + 1}", RescaleType="US")
        ]

    spec = SeriesSpec(pattern(SHAPE))
    write_enhanced(folder / "enhanced.dcm", spec, edit=scale)
    return SeriesSpec((spec.voxels * np.arange(1.0, 9.0)[:, None, None] - 1).astype(np.float32))


OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, -0.8)
PITFALLS: dict[str, Pitfall] = {
    "numbers_and_names_run_against_the_positions": Pitfall(_one(), in_place),
    "slice_thickness_is_not_the_spacing": Pitfall(_one(step=6.5), in_place),
    "oblique_acquisition": Pitfall(_one(orientation=OBLIQUE), in_place),
    "sagittal_acquisition": Pitfall(_one(orientation=SAGITTAL), in_place),
    "coronal_acquisition": Pitfall(_one(orientation=CORONAL), in_place),
    "positions_run_downwards": Pitfall(_one(orientation=(1, 0, 0, 0, -1, 0)), in_place),
    "missing_slices": Pitfall(_removed(3, 4, 9), warned("3 of 12 slices are missing"), like_dcm2niix=False),
    "sixteen_slices_taken_out": Pitfall(
        _removed(*range(20, 36), slices=60), warned("16 of 60 slices are missing"), like_dcm2niix=False
    ),
    "uneven_slices": Pitfall(_one(_move_upper_half), warned("unevenly spaced"), like_dcm2niix=False),
    "tilted_gantry": Pitfall(_one(shear=(0.0, 1.2, 0.0)), warned("tilted"), like_dcm2niix=False),
    "several_echoes": Pitfall(
        _several([{"EchoTime": 12.0, "EchoNumbers": 1}, {"EchoTime": 95.0, "EchoNumbers": 2}]),
        parts("echo time 12 ms", "echo time 95 ms"),
        like_dcm2niix=False,
    ),
    "several_times": Pitfall(
        _several([{"TemporalPositionIdentifier": n, "NumberOfTemporalPositions": 3} for n in (1, 2, 3)]),
        parts("time 1", "time 2", "time 3"),
        like_dcm2niix=False,
    ),
    "several_b_values": Pitfall(
        _several([{"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}]),
        parts("b-value 0", "b-value 1000"),
        like_dcm2niix=False,
    ),
    "magnitude_and_phase": Pitfall(
        _several([{"ImageType": ["ORIGINAL", "PRIMARY", kind]} for kind in ("M_FFE", "PHASE MAP")]),
        parts("original/primary/m_ffe", "original/primary/phase map"),
        like_dcm2niix=False,
    ),
    "localizers_in_the_series": Pitfall(_localizers, _localizers_apart, like_dcm2niix=False),
    "one_slice_acquired_twice": Pitfall(_twice, _twice_named, like_dcm2niix=False),
    "siemens_mosaic": Pitfall(_mosaic, _mosaic_named, like_dcm2niix=False),
    "monochrome1": Pitfall(_one(attributes={"PhotometricInterpretation": "MONOCHROME1"}), _inverted),
    "slope_below_one": Pitfall(_slope(lambda _: (0.25, 0.5)), in_place),
    "negative_slope": Pitfall(_slope(lambda _: (-2.0, 10.0)), in_place),
    "slope_of_each_slice": Pitfall(_slope(lambda k: (0.5 + k, -3.0)), in_place),
    "no_bits_stored": Pitfall(_one(_no_bits_stored), in_place, valid=False, like_dcm2niix=False),
    "real_valued_with_negative_air": Pitfall(_one(voxels=pattern(SHAPE) - 700), in_place),
    "unsigned_above_32767": Pitfall(_one(voxels=pattern(SHAPE, np.uint16) + np.uint16(40000)), in_place),
    "window_without_sense": Pitfall(_one(_odd_window), _no_window),
    "padding": Pitfall(_one(_pad, voxels=_padded_voxels()), _padded),
    "enhanced_frames_in_any_order": Pitfall(_enhanced(), in_place, like_dcm2niix=False),
    "enhanced_oblique": Pitfall(_enhanced(orientation=OBLIQUE), in_place, like_dcm2niix=False),
    "enhanced_slope_of_each_frame": Pitfall(_enhanced_slopes, in_place, like_dcm2niix=False),
}
