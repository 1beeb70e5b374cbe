"""The use cases: the window, the command line and scripts all call these functions, so they cannot disagree."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tumorview.app.jobs import JobContext
from tumorview.core import metrics
from tumorview.core.geometry import Geometry
from tumorview.core.mask import Mask
from tumorview.core.metrics import Agreement
from tumorview.core.prediction import Prediction, PredictionPart
from tumorview.core.rendering import OverlayStyle, Window
from tumorview.core.study import Series, Study
from tumorview.io import export, registry
from tumorview.resources import resource_path

SAMPLE_FOLDER = "sample"


@dataclass(frozen=True)
class SegmentOptions:
    """What the user chose for a run: ``model`` is an id ("" the default one), ``threshold`` None the model's own.

    ``first`` is the slice along k that is predicted first.
    """

    model: str = ""
    device: str = "auto"
    engine: str = "auto"
    threshold: float | None = None
    first: int | None = None


def open_study(path: Path | str, context: JobContext | None = None) -> Study:
    """Open a file or folder; ReadError with a remedy where it holds no image that can be read."""
    return registry.open_study(Path(path), context or JobContext())


def open_mask(path: Path | str, grid: Geometry) -> Mask:
    """Open a mask that lies on ``grid``; GeometryError naming both where it does not."""
    return registry.open_mask(Path(path), grid)


def sample_path() -> Path:
    """The folder of the study that comes with the program."""
    folder = resource_path(SAMPLE_FOLDER)
    return next(path for path in sorted(folder.iterdir()) if path.is_dir())


def evaluate(prediction: Mask, truth: Mask) -> Agreement:
    """Compare two masks of one grid."""
    return metrics.evaluate(prediction, truth)


def export_nifti(mask: Mask, path: Path | str) -> Path:
    """Write the mask as NIfTI in the geometry of its image; read back and compared before this returns."""
    return export.write_nifti_mask(mask, Path(path))


def export_png(
    study: Study,
    mask: Mask,
    folder: Path | str,
    *,
    series: Series | None = None,
    window: Window | None = None,
    style: OverlayStyle | None = None,
    context: JobContext | None = None,
) -> list[Path]:
    """Write ``masks/`` and ``overlays/`` with one PNG a slice into ``folder``; the files written."""
    target = Path(folder)
    context = context or JobContext()
    written = export.write_png_masks(mask, target / "masks", progress=context.part(0.0, 0.3))
    written += export.write_png_overlays(
        series or study.reference,
        mask,
        target / "overlays",
        window=window,
        style=style or OverlayStyle(),
        progress=context.part(0.3, 1.0),
    )
    return written
