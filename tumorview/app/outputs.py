"""Writing what the program made: masks and pictures. Part of ``app.tasks``, by whose name callers know it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorview.app.jobs import JobContext
from tumorview.core import colour_maps
from tumorview.core.colour_maps import ColourMap
from tumorview.core.mask import Mask
from tumorview.core.rendering import OverlayStyle, Window
from tumorview.core.study import Series, Study
from tumorview.errors import WriteError
from tumorview.io import export as exports
from tumorview.io.atomic import check_target, make_folder


def check_output(output: Path) -> None:
    """Raise WriteError at once where ``export`` could not write to ``output``: before the work, not after it."""
    if _is_nifti(output):
        check_target(output)
    elif output.suffix and not output.is_dir():
        raise WriteError(f"'{output.name}' is neither a .nii.gz file nor a folder.", "Name one of the two.")
    else:
        make_folder(output)


def export(study: Study, mask: Mask, output: Path) -> Path:
    """Write the mask to ``output``: NIfTI for ``.nii`` and ``.nii.gz``, otherwise a folder of PNG slices."""
    check_output(output)
    if _is_nifti(output):
        return export_nifti(mask, output)
    export_png(study, mask, output)
    return output


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith((".nii", ".nii.gz"))


def export_nifti(mask: Mask, path: Path | str) -> Path:
    """Write the mask as NIfTI in the geometry of its image; read back and compared before this returns."""
    target = Path(path)
    exports.write_nifti_mask(mask, target)
    return target


def export_mask_note(
    mask: Mask,
    path: Path | str,
    made_by: Mapping[str, Any] | None = None,
    placed_by: Mapping[str, Any] | None = None,
) -> Path | None:
    """Write beside the mask ``path`` a JSON file that says who made it: model, labels, share set by hand.

    ``placed_by`` is what the user decided about the place of the image.

    None where another program's file of that name is in the way.
    """
    return exports.write_mask_note(mask, Path(path), made_by, placed_by)


def export_png(
    study: Study,
    mask: Mask,
    folder: Path | str,
    *,
    series: Series | None = None,
    window: Window | None = None,
    colour_map: ColourMap = ColourMap.GREY,
    inverted: bool = False,
    style: OverlayStyle | None = None,
    context: JobContext | None = None,
) -> list[Path]:
    """Write ``masks/`` and ``overlays/`` with one PNG a slice into ``folder``; the files written.

    The overlays show ``series`` (the reference one if None) with ``window``, ``colour_map`` and ``inverted``.
    """
    target = Path(folder)
    context = context or JobContext()
    make_folder(target)
    written = exports.write_png_masks(mask, target / "masks", progress=context.part(0.0, 0.3))
    written += exports.write_png_overlays(
        series or study.reference,
        mask,
        target / "overlays",
        window=window,
        colours=colour_maps.table(colour_map),
        inverted=inverted,
        style=style or OverlayStyle(),
        progress=context.part(0.3, 1.0),
    )
    return written


def export_picture(picture: npt.NDArray[np.uint8], path: Path) -> Path:
    """Write a picture RGB [h, w, 3] as PNG without any text, read back and compared."""
    exports.write_png(picture, path)
    return path
