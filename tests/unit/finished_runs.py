"""Training runs as the trainer leaves them behind, without training."""

import json
from pathlib import Path

from safetensors.torch import save_file

from tests.unit.tiny_models import tiny_network
from tumorview.ml.recipes import load_recipe, recipe_text


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
    """A run of a tiny network that ended after ``step`` steps."""
    run.mkdir(parents=True)
    network = tiny_network(width=2, seed=seed)
    state = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, run / "model.safetensors", metadata=network.metadata())
    summary = {
        "recipe": "quick", "size": size, "state": {"phase": 0, "step": step, "total_step": step},
        "training_patients": training, "validation_patients": validation, "test_patients": test,
    }  # fmt: skip
    (run / "model.json").write_text(json.dumps(summary))
    (run / "recipe.toml").write_text(recipe_text(load_recipe("quick")))
    (run / "metrics.jsonl").write_text(json.dumps({"event": "finished", "total_step": step}) + "\n")
    (run / "metrics.csv").write_text(f"total_step,phase,width,seconds\n{step},1,2,60.0\n")
    return run
