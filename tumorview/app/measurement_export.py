"""Measurements and lesions as a table or a document for other programs: values only, nothing that names a patient.

Series are named by their role and number in the study; their DICOM UID, description and file are left out. Labels are
what the user typed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tumorview.app.measurements import Measurement
from tumorview.core.labels import LabelTable
from tumorview.core.lesions import Burden, Lesion
from tumorview.core.measure import slice_of
from tumorview.core.slicing import PlaneView
from tumorview.core.study import Study
from tumorview.io.tables import write_csv, write_json

NOTICE = "Research use only: not a medical device"
QUANTITIES = ("length", "angle", "area", "mean", "sd", "minimum", "maximum", "count", "value")
LESION_VALUES = ("longest", "perpendicular", "product", "volume_ml", "measurable")
COLUMNS = ("number", "kind", "label", "series", "plane", "slice", "unit", *QUANTITIES, *LESION_VALUES)


def export(
    path: Path,
    study: Study,
    items: Sequence[Measurement],
    burden: Burden | None = None,
    labels: LabelTable | None = None,
) -> None:
    """Write CSV, or JSON where ``path`` ends so. Raises WriteError.

    ``burden`` adds the lesions of the mask and the volume of each label, by its name in ``labels``.
    """
    rows = _rows(study, items, burden, labels)
    if path.suffix.lower() == ".json":
        places = [[list(point) for point in one.points] for one in items]
        places += [[] for _ in range(len(rows) - len(items))]
        entries = [
            {**{name: value for name, value in row.items() if value is not None}, **({"points": p} if p else {})}
            for row, p in zip(rows, places, strict=True)
        ]
        write_json(path, {"notice": NOTICE, "coordinates": "LPS mm", "measurements": entries})
    else:
        write_csv(path, COLUMNS, [[row.get(name) for name in COLUMNS] for row in rows])


def table(
    study: Study, items: Sequence[Measurement], burden: Burden | None = None, labels: LabelTable | None = None
) -> list[list[str]]:
    """As ``export``: the columns that have something in them, with their names in the first line."""
    rows = _rows(study, items, burden, labels)
    columns = [name for name in COLUMNS if any(row.get(name) not in (None, "") for row in rows)]
    return [columns, *([_text(row.get(name)) for name in columns] for row in rows)]


def _rows(
    study: Study, items: Sequence[Measurement], burden: Burden | None, labels: LabelTable | None
) -> list[Mapping[str, Any]]:
    rows = [_row(number, one, study) for number, one in enumerate(items, start=1)]
    if burden is not None:
        lesions = ([burden.whole] if burden.whole is not None and len(burden.lesions) != 1 else []) + [*burden.lesions]
        rows += [_lesion_row(len(rows) + n, lesion, burden) for n, lesion in enumerate(lesions, start=1)]
        rows += [_label_row(len(rows) + n, *one, labels) for n, one in enumerate(burden.volumes_ml, start=1)]
    return rows


def _text(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value).replace("\t", " ")


def series_name(study: Study, uid: str) -> str:
    """A series by its role and number, e.g. "FLAIR (1)"; empty where it is not in the study."""
    found = [number for number, series in enumerate(study.series, start=1) if series.uid == uid]
    return f"{study.role_of(study.series[found[0] - 1])} ({found[0]})" if found else ""


def slice_number(study: Study, one: Measurement) -> int | None:
    """The slice of its series that a measurement lies in, from 1 as views count."""
    series = next((series for series in study.series if series.uid == one.series_uid), None)
    if series is None:
        return None
    index = slice_of(PlaneView.of(series.volume.geometry, one.plane), one.points)
    return None if index is None else index + 1


def _row(number: int, one: Measurement, study: Study) -> Mapping[str, Any]:
    units = [quantity.unit for quantity in one.quantities if quantity.name in ("length", "area", "angle")]
    return {
        "number": number,
        "kind": str(one.kind),
        "label": one.label,
        "series": series_name(study, one.series_uid),
        "plane": str(one.plane),
        "slice": slice_number(study, one),
        "unit": units[0] if units else "",
        **{quantity.name: quantity.value for quantity in one.quantities},
    }


def _label_row(number: int, label: int, volume_ml: float | None, labels: LabelTable | None) -> Mapping[str, Any]:
    found = None if labels is None else labels.get(label)
    name = f"Label {label}" if found is None else found.name
    return {"number": number, "kind": "label", "label": name, "series": "mask", "volume_ml": volume_ml}


def _lesion_row(number: int, lesion: Lesion, burden: Burden) -> Mapping[str, Any]:
    return {
        "number": number,
        "kind": "lesion" if lesion.number else "all lesions",
        "label": f"Lesion {lesion.number}" if lesion.number else "All labelled voxels",
        "series": "mask",
        "plane": str(lesion.plane),
        "slice": lesion.index + 1,
        "unit": "mm" if burden.calibrated else "px",
        "area": lesion.area,
        "count": lesion.voxels,
        "longest": lesion.longest_length,
        "perpendicular": lesion.perpendicular_length,
        "product": lesion.product,
        "volume_ml": lesion.volume_ml,
        "measurable": lesion.measurable,
    }
