"""A model's detailed report as a folder: ``report.json`` and a picture of every worst case."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorview.core.contrast import auto_window
from tumorview.core.rendering import RGBA, agreement_overlay, composite, grey
from tumorview.io.atomic import atomic_write_bytes, make_folder
from tumorview.io.export import write_png

if TYPE_CHECKING:
    from tumorview.ml.model_report import DetailedReport, WorstCase

REPORT_FILE = "report.json"
_SCALE = 2


def write_model_report(report: "DetailedReport", folder: Path) -> None:
    """Write the report; the pictures are named by rank (``worst_1.png`` ...). Raises WriteError."""
    make_folder(folder)
    for rank, case in enumerate(report.worst, 1):
        write_png(worst_picture(case), folder / f"worst_{rank}.png")
    text = json.dumps(report.to_dict(), indent=1, ensure_ascii=False) + "\n"
    atomic_write_bytes(folder / REPORT_FILE, text.encode())


def worst_picture(case: "WorstCase") -> RGBA:
    """RGB [2h, 2 * 2w, 3]: FLAIR alone, and with found, missed and too much in their colours."""
    base = grey(case.flair, auto_window(case.flair[None])).repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
    plain = np.repeat(base[..., None], 3, axis=2)
    return np.concatenate([plain, composite(base, agreement_overlay(case.mask, case.truth, scale=_SCALE))], axis=1)
