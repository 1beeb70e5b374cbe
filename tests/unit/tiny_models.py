"""Models small enough for tests, written as the program expects them on disk."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tumorview.ml.card import CARD_NAME, ModelCard
from tumorview.ml.models import UNetCBAM
from tumorview.ml.registry import sha256_of

COLOURS = ((0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115))


def tiny_network(*, width: int = 2, classes: int = 2, seed: int = 0) -> UNetCBAM:
    """A random network whose batch norm statistics are not the trivial ones."""
    torch.manual_seed(seed)
    network = UNetCBAM(width, classes=classes).eval()
    for name, tensor in network.named_buffers():
        tensor.uniform_(0.5, 1.5) if name.endswith("var") else tensor.uniform_(-0.2, 0.2)
    return network


def write_model(root: Path, name: str, *, width: int = 2, classes: int = 2, size: int = 64) -> Path:
    """A model's folder ``root/name`` with card and weights."""
    folder = root / name
    folder.mkdir(parents=True)
    network = tiny_network(width=width, classes=classes)
    weights = folder / "weights.safetensors"
    state = {key: tensor.half().contiguous() for key, tensor in network.state_dict().items()}
    save_file(state, weights, metadata=network.metadata())
    card = tiny_card(name, width=width, classes=classes, size=size, sha256=sha256_of(weights))
    (folder / CARD_NAME).write_text(card.to_json(), encoding="utf-8")
    return folder


def tiny_card(
    name: str = "tiny", *, width: int = 2, classes: int = 2, size: int = 64, sha256: str = "0" * 64
) -> ModelCard:
    """A card with ``classes`` outputs."""
    return ModelCard.from_dict(
        json.loads(
            json.dumps(
                {
                    "version": 1,
                    "id": name,
                    "title": name,
                    "architecture": "unet-cbam",
                    "width": width,
                    "norm": "batch",
                    "channels": ["T1", "FLAIR", "T1CE"],
                    "classes": [{"name": f"class {n}", "label": n, "colour": COLOURS[n]} for n in range(classes)],
                    "input_size": size,
                    "threshold": 0.5,
                    "weights": "weights.safetensors",
                    "weights_sha256": sha256,
                    "licence": "CC0-1.0",
                    "training_data": "none",
                }
            )
        )
    )
