"""The list of measurements: kept with the session, exported without a name."""

import csv
import json
import math

import numpy as np
import pytest

from tumorview.app import measurement_export, measurements
from tumorview.app.measurements import Kind, Measurement, Quantity, from_document, take
from tumorview.app.session import Session
from tumorview.app.snapshot import snapshot
from tumorview.core.geometry import Geometry
from tumorview.core.labels import LabelTable
from tumorview.core.lesions import burden
from tumorview.core.slicing import Plane
from tumorview.core.study import Role, Series, Study
from tumorview.core.volume import Volume
from tumorview.errors import WriteError

SHAPE = (6, 40, 50)


def study_of(tmp_path, *, calibrated=True):
    grid = Geometry.from_spacing(SHAPE, (3.0, 0.5, 2.0)) if calibrated else Geometry.uncalibrated(SHAPE)
    voxels = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    series = Series("1.2.840.99", Volume(voxels, grid), Role.FLAIR, 1.0, "Mustermann FLAIR")
    return Study(tmp_path / "Mustermann^Max", (series,), "Mustermann^Max")


@pytest.fixture
def session(tmp_path):
    session = Session()
    session.open(study_of(tmp_path))
    return session


def length(session, *points, label=""):
    return take(Kind.DISTANCE, session.study.reference, Plane.AXIAL, points, label)


def test_a_distance_is_in_millimetres_and_in_pixels_where_there_is_no_spacing(session, tmp_path):
    assert length(session, (0, 0, 3), (3, 4, 3)).headline == "5.0 mm"
    plain = study_of(tmp_path, calibrated=False).reference
    assert take(Kind.DISTANCE, plain, Plane.AXIAL, ((0, 0, 3), (3, 4, 3))).headline == "5.0 px"


def test_an_ellipse_has_area_and_statistics_of_the_voxels_inside(session):
    series = session.study.reference
    # Row 20, column 25, slice 2: 8 mm along the columns' 2 mm pixels, 3 mm along the rows' 0.5 mm pixels.
    centre = (50.0, 10.0, 6.0)
    one = take(Kind.ELLIPSE, series, Plane.AXIAL, (centre, (58.0, 10.0, 6.0), (50.0, 13.0, 6.0)))
    rows, columns = np.indices(SHAPE[1:])
    inside = ((columns * 2.0 - 50) / 8) ** 2 + ((rows * 0.5 - 10) / 3) ** 2 <= 1
    values = series.volume.data[2][inside]
    assert one.quantity("area").value == pytest.approx(math.pi * 24)
    assert one.quantity("count").value == inside.sum()
    assert one.quantity("mean").value == pytest.approx(values.mean())
    assert one.quantity("sd").value == pytest.approx(values.std(ddof=1), rel=1e-5)
    assert (one.quantity("minimum").value, one.quantity("maximum").value) == (values.min(), values.max())


def test_a_region_outside_the_image_has_no_statistics(session):
    one = take(Kind.ELLIPSE, session.study.reference, Plane.AXIAL, ((0, 0, 99), (5, 0, 99), (0, 5, 99)))
    assert one.quantity("mean").value is None
    assert one.quantity("area").value == pytest.approx(math.pi * 25)
    assert one.headline == "78.54 mm², –"


def test_a_probe_reads_one_voxel(session):
    one = take(Kind.PROBE, session.study.reference, Plane.AXIAL, ((4.0, 1.0, 6.0),))
    assert one.quantity("value").value == session.study.reference.volume.data[2, 2, 2]


def test_measurements_outlive_the_window_with_the_session_and_begin_anew_with_a_study(session, tmp_path):
    heard = []
    session.measurements.changed.connect(lambda _: heard.append(len(session.measurements.items)))
    first, second = length(session, (0, 0, 0), (1, 1, 0)), length(session, (0, 0, 3), (5, 1, 3), label="midline")
    session.measurements.add(first)
    session.measurements.add(second)
    assert session.dirty
    state = snapshot(session)
    other = Session()
    other.open(session.study, state)
    assert other.measurements.items == (first, second)
    session.open(study_of(tmp_path))
    assert session.measurements.items == ()
    assert heard == [1, 2, 0]


def test_a_round_trip_through_json_text_keeps_everything(session):
    items = (
        length(session, (0.1, 0.2, 3.3), (1e-7, 4, 3), label="ä"),
        take(Kind.FREEHAND, session.study.reference, Plane.CORONAL, ((0, 0, 0), (5, 0, 0), (5, 0, 5), (0, 0, 5))),
        take(Kind.ANGLE, session.study.reference, Plane.AXIAL, ((0, 0, 0), (0, 0, 0), (5, 0, 5))),
    )
    assert from_document(json.loads(json.dumps(measurements.document(items)))) == items


GOOD = {
    "id": "a",
    "kind": "distance",
    "series": "s",
    "plane": "axial",
    "points": [[0, 0, 0], [1, 0, 0]],
    "label": "",
    "quantities": [{"name": "length", "value": 1.0, "unit": "mm"}],
}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "guess"},
        {"plane": "oblique"},
        {"points": [[0, 0, 0]]},
        {"points": [[0, 0], [1, 0]]},
        {"points": [[0, 0, float("nan")], [1, 0, 0]]},
        {"points": "abc"},
        {"quantities": [{"name": "length"}]},
        {"quantities": None},
    ],
)
def test_entries_that_are_not_measurements_are_left_out(change):
    found = from_document({"version": 1, "items": [{**GOOD, **change}, GOOD, 7, None]})
    assert [one.id for one in found] == ["a"]
    assert found[0].points == ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))


@pytest.mark.parametrize("value", [None, [], {"version": 2, "items": [GOOD]}, {"version": 1, "items": "x"}])
def test_documents_of_another_form_hold_nothing(value):
    assert from_document(value) == ()


def test_deleting_can_be_taken_back(session):
    items = [length(session, (0, 0, 0), (n, 1, 0)) for n in range(4)]
    for one in items:
        session.measurements.add(one)
    session.measurements.remove([items[1].id, items[3].id])
    session.measurements.remove([items[0].id])
    assert session.measurements.items == (items[2],)
    session.measurements.bring_back()
    session.measurements.bring_back()
    assert set(session.measurements.items) == set(items)
    assert not session.measurements.can_bring_back


def test_labels_are_trimmed(session):
    one = length(session, (0, 0, 0), (1, 1, 0))
    session.measurements.add(one)
    session.measurements.rename(one.id, "  largest cyst ")
    assert session.measurements.items[0].label == "largest cyst"
    assert session.measurements.items[0].quantities == one.quantities


def exported(session, path):
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 4:36, 10:20] = 1
    items = (
        length(session, (0, 0, 3), (3, 4, 3), label="=1+1"),
        take(Kind.ELLIPSE, session.study.reference, Plane.AXIAL, ((50, 10, 6), (58, 10, 6), (50, 13, 6))),
    )
    labels[1:4, 4:36, 19] = 4
    found = burden(labels, session.study.reference.volume.geometry)
    measurement_export.export(path, session.study, items, found, LabelTable.whole_tumour())


def test_the_csv_has_a_line_for_each_measurement_and_lesion_and_no_name(session, tmp_path):
    exported(session, tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text("utf-8-sig")
    first, second, lesion, tumour, other = csv.DictReader(text.splitlines())
    assert (first["kind"], first["length"], first["unit"], first["slice"]) == ("distance", "5", "mm", "2")
    assert first["label"] == "'=1+1"
    assert second["series"] == "FLAIR (1)"
    assert float(second["area"]) == pytest.approx(math.pi * 24, rel=1e-5)
    assert float(lesion["longest"]) == pytest.approx(math.hypot(16, 20), rel=1e-5)
    assert float(lesion["volume_ml"]) == pytest.approx(3 * 32 * 10 * 3 / 1000)
    assert [(row["kind"], row["label"]) for row in (tumour, other)] == [("label", "Tumour"), ("label", "Label 4")]
    assert float(other["volume_ml"]) == pytest.approx(3 * 32 * 3 / 1000)
    assert "Mustermann" not in text
    assert "1.2.840.99" not in text


def test_the_json_has_the_places_in_the_patient(session, tmp_path):
    exported(session, tmp_path / "out.json")
    text = (tmp_path / "out.json").read_text()
    found = json.loads(text)
    assert found["measurements"][0]["points"] == [[0, 0, 3], [3, 4, 3]]
    assert found["measurements"][2]["measurable"] is True
    assert "not a medical device" in found["notice"]
    assert "Mustermann" not in text
    assert "1.2.840.99" not in text


def test_an_export_into_a_missing_folder_says_so(session, tmp_path):
    with pytest.raises(WriteError, match="folder"):
        measurement_export.export(tmp_path / "gone" / "out.csv", session.study, ())


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (56.43, 4.074, "56.4 ± 4.1"),
        (1234.5, 67.8, "1234 ± 68"),
        (0.012345, 0.5, "0.012 ± 0.500"),
        (3.0, None, "3.00 ± –"),
    ],
)
def test_mean_and_spread_have_the_same_decimals(mean, sd, text):
    one = Measurement(Kind.ELLIPSE, "s", Plane.AXIAL, (), (Quantity("mean", mean), Quantity("sd", sd)))
    assert one.spread == text


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity("length", 12.345, "mm"), "12.3 mm"),
        (Quantity("angle", 90.0, "°"), "90.0°"),
        (Quantity("mean", 1234.56), "1235"),
        (Quantity("mean", 0.01234), "0.012"),
        (Quantity("count", 17.0, "voxels"), "17 voxels"),
        (Quantity("sd", None), "–"),
    ],
)
def test_numbers_have_the_digits_that_mean_something(quantity, text):
    assert quantity.text == text


def test_a_measurement_keeps_its_id_when_it_is_moved(session):
    one = length(session, (0, 0, 0), (1, 1, 0))
    session.measurements.add(one)
    moved = Measurement(one.kind, one.series_uid, one.plane, ((0, 0, 0), (9, 0, 0)), one.quantities, one.label, one.id)
    session.measurements.replace(moved)
    assert session.measurements.items == (moved,)
