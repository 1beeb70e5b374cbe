"""What leaves TumorView: masks and images as NIfTI, slices as PNG. Atomic, and read back before success is reported.

PNG slices lie as the axial view shows them (patient right on the left, anterior up) and are numbered by the voxel index
along the view's normal, from 1. They carry no text: nothing of the patient can be in it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tumorview import __version__
from tumorview.core import colour_maps
from tumorview.core.colour_maps import ColourMap, ColourTable
from tumorview.core.contrast import first_window
from tumorview.core.labels import LabelTable
from tumorview.core.mask import Mask, MaskArray, Provenance
from tumorview.core.progress import Progress
from tumorview.core.rendering import OverlayStyle, Window, coloured, composite, grey, overlay
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Series
from tumorview.core.tally import tally_of
from tumorview.core.volume import Volume
from tumorview.errors import GeometryError, WriteError
from tumorview.io.atomic import atomic_write, atomic_write_bytes, make_folder, not_identical
from tumorview.io.files import children
from tumorview.io.nifti import stem_of
from tumorview.io.nifti_write import write_voxels

NOTE_FORMAT = "tumorview-mask"
Picture = npt.NDArray[np.uint8]

PICTURE_SIDE = 768


def write_nifti_mask(mask: Mask, path: Path) -> None:
    """Write the mask as uint8 label numbers in its own geometry; raises WriteError."""
    write_voxels(mask.data, mask.geometry, path)


def write_mask_note(
    mask: Mask, path: Path, made_by: Mapping[str, Any] | None, placed_by: Mapping[str, Any] | None = None
) -> Path | None:
    """Write beside the mask ``path`` a JSON file that says who made it; its path, None where it is not ours to write.

    ``made_by`` names the model where one took part. A file of that name that another program wrote is left alone.
    ``placed_by`` is what the user decided about the place of the image. Nothing of the patient is in it.
    """
    target = path.with_name(stem_of(path) + ".json")
    if target.exists() and not _is_note(target):
        return None
    counted = tally_of(mask)
    note = {
        "format": NOTE_FORMAT,
        "version": 1,
        "program": f"TumorView {__version__}",
        "notice": "Research use only: not a medical device",
        "mask": path.name,
        "labels": [
            {
                "number": label.number,
                "name": label.name,
                "colour": list(label.colour),
                "voxels": int(np.count_nonzero(mask.data == label.number)),
            }
            for label in mask.labels
        ],
        "model": dict(made_by) if made_by and counted.counts[Provenance.AI] else None,
        "voxels": {provenance.name.lower(): counted.counts[provenance] for provenance in Provenance},
        "human_share": counted.human_share,
        "geometry": dict(placed_by) if placed_by else None,
    }
    atomic_write_bytes(target, json.dumps(note, indent=2).encode())
    return target


def _is_note(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")).get("format") == NOTE_FORMAT)
    except (OSError, ValueError, AttributeError):
        return False


def write_nifti_volume(volume: Volume, path: Path) -> None:
    """Write an image volume in its own geometry, with its voxel type where NIfTI has it; raises WriteError."""
    write_voxels(volume.data, volume.geometry, path)


def write_png_masks(mask: Mask, folder: Path, *, progress: Progress | None = None) -> list[Path]:
    """Write ``slice_0001.png`` ...: 8-bit greys, 255 for the tumour where the mask has label 1 only, otherwise label
    numbers. ``open_mask`` reads either back. Returns the files; raises WriteError.
    """
    view = PlaneView.of(mask.geometry, Plane.AXIAL)
    factor = 255 if _only_label_one(mask.labels, mask.data) else 1
    return _write_slices(folder, view.count, lambda n: view.extract(mask.data, n) * np.uint8(factor), progress)


def write_png_overlays(
    series: Series,
    mask: Mask,
    folder: Path,
    *,
    window: Window | None = None,
    colours: ColourTable | None = None,
    inverted: bool = False,
    style: OverlayStyle | None = None,
    scale: int | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write ``slice_0001.png`` ...: each axial slice of ``series`` with the mask over it, as the window shows it.

    A voxel becomes ``scale`` x ``scale`` pixels; None makes slices about PICTURE_SIDE pixels long, so that lines are as
    thin as on a screen. ``window`` None means the series' own or an automatic one, ``colours`` [256, 3] None greys;
    ``inverted`` turns them round beside what the file asks for.

    Returns the files; raises GeometryError where mask and series lie on different grids, WriteError with a remedy.
    """
    geometry = series.volume.geometry
    if not geometry.same_grid(mask.geometry):
        raise GeometryError(
            f"The mask has {mask.geometry.describe()}, the image {geometry.describe()}.", "Export its own series."
        )
    chosen = window or first_window(series)
    table = colour_maps.table(ColourMap.GREY) if colours is None else colours
    drawn = style or OverlayStyle()
    view = PlaneView.of(geometry, Plane.AXIAL)
    enlarged = scale or max(1, round(PICTURE_SIDE / max(view.size)))

    def picture(index: int) -> Picture:
        levels = grey(view.extract(series.volume.data, index), chosen, inverted=inverted != series.inverted)
        layer = overlay(view.extract(mask.data, index), mask.labels, drawn, scale=enlarged)
        return composite(coloured(levels, table).repeat(enlarged, axis=0).repeat(enlarged, axis=1), layer)

    return _write_slices(folder, view.count, picture, progress)


def _only_label_one(labels: LabelTable, data: MaskArray) -> bool:
    return {label.number for label in labels} <= {1} and int(data.max()) <= 1


def _write_slices(folder: Path, count: int, picture: Callable[[int], Picture], progress: Progress | None) -> list[Path]:
    progress = progress or Progress()
    make_folder(folder)
    paths = [folder / f"slice_{number:04d}.png" for number in range(1, count + 1)]
    _refuse_leftovers(folder, set(paths))
    for index, path in enumerate(paths):
        progress.check()
        progress.report(index / count, "Writing slices")
        write_png(np.ascontiguousarray(picture(index)), path)
    return paths


def _refuse_leftovers(folder: Path, wanted: set[Path]) -> None:
    """Slices of a longer export would stay between the new ones and pass for them."""
    if any(path not in wanted for path in _slices_in(folder)):
        raise WriteError(f"'{folder}' holds more slices of another export.", "Choose an empty folder.")


def _slices_in(folder: Path) -> Iterator[Path]:
    return (path for path in children(folder) if path.match("slice_[0-9][0-9][0-9][0-9].png"))


def write_png(pixels: Picture, path: Path) -> None:
    """Greys [h, w] or RGB [h, w, 3] as PNG, read back and compared; raises WriteError."""

    def verify(part: Path) -> None:
        with Image.open(part) as image:
            if image.size != pixels.shape[1::-1] or not np.array_equal(np.asarray(image), pixels):
                raise not_identical(path)

    atomic_write(path, lambda part: Image.fromarray(pixels).save(part, "PNG"), verify=verify)
