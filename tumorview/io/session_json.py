"""The parts of a session as JSON, the same in the journal and in the session file (docs/decisions/0006)."""

from pathlib import Path
from typing import Any

import numpy as np

from tumorview.core.edits import Edit
from tumorview.core.geometry import Geometry
from tumorview.core.labels import Label, LabelTable
from tumorview.core.mask import Box, Provenance
from tumorview.core.opening import Irregular, Opening
from tumorview.core.session_state import ImageReference
from tumorview.errors import TumorViewError

Json = dict[str, Any]

# What goes wrong when JSON of another shape than ours is taken apart.
MALFORMED: tuple[type[Exception], ...] = (KeyError, TypeError, ValueError, IndexError, AttributeError, TumorViewError)


def image_to_json(image: ImageReference) -> Json:
    """Where the image lies and what it looks like."""
    geometry = image.geometry
    return {
        "path": str(image.path),
        "title": image.title,
        "series_uid": image.series_uid,
        "fingerprint": image.fingerprint,
        "shape": list(geometry.shape),
        "affine_lps": geometry.affine.tolist(),
        "calibrated": geometry.calibrated,
        "oriented": geometry.oriented,
        "study": image.opening.study,
        "irregular": str(image.opening.irregular),
        "qform": image.opening.qform,
        "alone": image.opening.alone,
    }


def image_from_json(value: Json) -> ImageReference:
    """The inverse of ``image_to_json``; raises one of MALFORMED."""
    k, j, i = (int(n) for n in value["shape"])
    geometry = Geometry(
        (k, j, i), np.array(value["affine_lps"], np.float64), bool(value["calibrated"]), bool(value["oriented"])
    )
    return ImageReference(
        path=Path(str(value["path"])),
        series_uid=str(value["series_uid"]),
        geometry=geometry,
        title=str(value["title"]),
        fingerprint=str(value["fingerprint"]),
        # Not in files of earlier versions, which opened in one way only: a slice alone, for one.
        opening=Opening(
            study=str(value.get("study", "")),
            irregular=Irregular(value.get("irregular", Irregular.AS_IS)),
            qform=bool(value.get("qform", False)),
            alone=bool(value.get("alone", True)),
        ),
    )


def labels_to_json(labels: LabelTable) -> list[Json]:
    """Every label with how it is drawn."""
    return [
        {
            "number": label.number,
            "name": label.name,
            "colour": list(label.colour),
            "opacity": label.opacity,
            "visible": label.visible,
            "locked": label.locked,
        }
        for label in labels
    ]


def labels_from_json(value: list[Json]) -> LabelTable:
    """The inverse of ``labels_to_json``; raises one of MALFORMED."""
    labels = []
    for entry in value:
        red, green, blue = (int(channel) for channel in entry["colour"])
        labels.append(
            Label(
                int(entry["number"]),
                str(entry["name"]),
                (red, green, blue),
                float(entry["opacity"]),
                bool(entry["visible"]),
                bool(entry["locked"]),
            )
        )
    return LabelTable.of(labels)


def edit_to_json(edit: Edit) -> Json:
    """All of an edit but its packed voxels, of which the lengths are given."""
    return {
        "title": edit.title,
        "provenance": edit.provenance.name,
        "start": list(edit.box.start),
        "stop": list(edit.box.stop),
        "before": len(edit.before),
        "after": len(edit.after),
    }


def edit_from_json(value: Json, packed: bytes, shape: tuple[int, int, int]) -> Edit:
    """The inverse: ``packed`` holds the voxels from before, then those from after. Raises one of MALFORMED.

    The box must lie inside ``shape`` and the voxels must fill it exactly.
    """
    k0, j0, i0 = (int(n) for n in value["start"])
    k1, j1, i1 = (int(n) for n in value["stop"])
    box = Box((k0, j0, i0), (k1, j1, i1))
    if box.empty or box != box.clipped(shape):
        raise ValueError("an edit outside the mask")
    before, after = int(value["before"]), int(value["after"])
    if before < 0 or after < 0 or before + after != len(packed):
        raise ValueError("an edit of another length than it says")
    edit = Edit(str(value["title"]), Provenance[value["provenance"]], box, packed[:before], packed[before:])
    if not edit.intact:
        raise ValueError("an edit whose voxels do not fill its box")
    return edit
