"""Training runs and models as they lie on disk, without training and without torch: nothing here is ever computed."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tumorview.app.comparison import Comparison, FigurePair, ModelReference, OriginalCost, PatientPair
from tumorview.app.model_store import ModelStore
from tumorview.core.paired import paired_test
from tumorview.core.uncertainty import Estimate
from tumorview.ml.card import CARD_NAME, ModelCard
from tumorview.ml.recipes import load_recipe, recipe_text
from tumorview.ml.registry import sha256_of

METADATA = {"architecture": "unet-cbam", "width": "2", "in_channels": "3", "classes": "2", "norm": "batch"}


def write_weights(path: Path, seed: int = 0) -> None:
    """A weights file that is sound as far as its header goes."""
    numbers = np.random.default_rng(seed).normal(size=64).astype(np.float16)
    save_file({"weight": numbers}, path, metadata=METADATA)


def write_installed(root: Path, name: str, seed: int = 0) -> Path:
    """A model's folder ``root/name`` with card and weights."""
    folder = root / name
    folder.mkdir(parents=True)
    write_weights(folder / "weights.safetensors", seed)
    classes = [{"name": "Background", "label": 0, "colour": [0, 0, 0]},
               {"name": "Tumour", "label": 1, "colour": [230, 159, 0]}]  # fmt: skip
    document = {
        "version": 1, "id": name, "title": name, "architecture": "unet-cbam", "width": 2, "norm": "batch",
        "channels": ["T1", "FLAIR", "T1CE"], "classes": classes, "input_size": 256, "threshold": 0.5,
        "weights": "weights.safetensors", "weights_sha256": sha256_of(folder / "weights.safetensors"),
        "licence": "CC0-1.0", "training_data": "none",
    }  # fmt: skip
    (folder / CARD_NAME).write_text(ModelCard.from_dict(document).to_json(), encoding="utf-8")
    return folder


def write_run(
    run: Path,
    *,
    seed: int = 1,
    training=("case-1", "case-2"),
    validation=("case-3",),
    test=("case-4",),
    step: int = 40,
    size: int = 256,
) -> Path:
    """A run that ended after ``step`` steps."""
    run.mkdir(parents=True)
    write_weights(run / "model.safetensors", seed)
    summary = {
        "recipe": "quick", "size": size, "state": {"phase": 0, "step": step, "total_step": step},
        "training_patients": training, "validation_patients": validation, "test_patients": test,
    }  # fmt: skip
    (run / "model.json").write_text(json.dumps(summary))
    (run / "recipe.toml").write_text(recipe_text(load_recipe("quick")))
    (run / "metrics.jsonl").write_text(json.dumps({"event": "finished", "total_step": step}) + "\n")
    (run / "metrics.csv").write_text(f"total_step,phase,width,seconds\n{step},1,2,60.0\n")
    return run


def compared(store: ModelStore, run: Path, gain: float, patients: int = 6) -> Comparison:
    """A comparison of the run with the present default, in which every patient gained that much."""
    old = store.default().entry.card
    pairs = tuple(PatientPair(f"case-{n}", f"Case {n}", 10, 0.6, 0.6 + gain) for n in range(patients))
    estimate = Estimate(0.6, 0.5, 0.7)
    return Comparison(
        "2026-01-01T00:00:00Z",
        ModelReference(old.id, old.title, old.weights_sha256),
        ModelReference("new-model", "Ours", sha256_of(run / "model.safetensors")),
        pairs,
        paired_test([pair.old for pair in pairs], [pair.new for pair in pairs]),
        {"dice_pooled": FigurePair(estimate, estimate, estimate)},
        (0.1, 0.05),
        (OriginalCost("sample", 1, 0.9, 0.8),),
        (),
    )
