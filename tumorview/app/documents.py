"""The JSON documents of the command line, made from plain values."""

from pathlib import Path
from typing import Any

from tumorview.core.mask import Mask
from tumorview.core.metrics import Agreement
from tumorview.core.passport import doubt_of
from tumorview.core.prediction import Prediction
from tumorview.core.study import Study


def info(study: Study) -> dict[str, Any]:
    """``tumorview info``: the series of a study with their geometry."""
    return {
        "path": str(study.path),
        "series": [
            {
                "uid": series.uid,
                "role": str(study.role_of(series)),
                "role_confidence": series.role_confidence,
                "description": series.description,
                "modality": series.modality,
                "shape": list(series.volume.shape),
                "spacing_mm": list(series.volume.geometry.spacing),
                "affine_lps": series.volume.geometry.affine.tolist(),
                "calibrated": series.volume.geometry.calibrated,
                "axis_codes": series.volume.geometry.axis_codes,
                "placed_by": series.placing.source or None,
                "geometry_doubt": doubt_of(series) or None,
                "irregular": series.irregular or None,
                "warnings": list(series.warnings),
            }
            for series in study.series
        ],
        "channels": {str(role): series.uid if series else None for role, series in study.channels.items()},
        "has_truth": study.truth is not None,
        "study": study.opening.study or None,
        "studies": [{"key": choice.key, "content": choice.content} for choice in study.choices],
        "warnings": list(study.warnings),
    }


def segmentation(prediction: Prediction, mask: Mask, output: Path) -> dict[str, Any]:
    """``tumorview segment``: what was written and what made it."""
    origin = prediction.origin
    return {
        "output": str(output),
        "model": origin.model_id,
        "weights_sha256": origin.weights_sha256,
        "engine": origin.engine,
        "device": origin.device,
        "precision": origin.precision,
        "channels": dict(origin.channels),
        "slices": mask.data.shape[0],
        "volume_ml": mask.volume_ml(),
        "seconds": origin.seconds,
        "postprocess": list(origin.postprocess),
        "warnings": list(origin.warnings),
    }


def evaluation(agreement: Agreement) -> dict[str, Any]:
    """``tumorview evaluate``: every metric, null where it is undefined."""
    counts = agreement.counts
    return {
        "dice": counts.dice,
        "iou": counts.iou,
        "dice_per_slice": agreement.dice_per_slice,
        "dice_paper_protocol": agreement.dice_paper_protocol,
        "iou_paper_protocol": agreement.iou_paper_protocol,
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "volume_ml_pred": agreement.volume_ml_prediction,
        "volume_ml_truth": agreement.volume_ml_truth,
        "slices": [
            {"index": index, "dice": slice_counts.dice, "iou": slice_counts.iou}
            for index, slice_counts in enumerate(agreement.slices)
        ],
    }
