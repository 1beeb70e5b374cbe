"""From a run's folder to a bundled model: the card says what the run did, and nothing that nobody measured."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.unit.tiny_models import tiny_network
from tools import ship_model
from tumorview.errors import ModelError
from tumorview.ml.card import ModelCard
from tumorview.ml.models import UNetCBAM, prune_deepest
from tumorview.ml.recipes import Recipe, load_recipe, recipe_text
from tumorview.ml.registry import ModelRegistry

TRAINED = ["TCGA_AA_0001_2000", "TCGA_BB_0002_2000", "Brats18_CBICA_AQT_1"]
KEPT = ["TCGA_CC_0003_2000"]


def write_run(run: Path, network: UNetCBAM, recipe: Recipe, reached: int = 3200) -> Path:
    """What a run that ended at the total step ``reached`` leaves behind, as far as shipping reads it."""
    run.mkdir()
    state = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, run / "model.safetensors", metadata=network.metadata())
    summary = {
        "recipe": recipe.name, "size": 256, "state": {"phase": 1, "step": 40, "total_step": 2640},
        "training_patients": TRAINED, "validation_patients": KEPT,
    }  # fmt: skip
    (run / "model.json").write_text(json.dumps(summary))
    (run / "recipe.toml").write_text(recipe_text(recipe))
    (run / "metrics.jsonl").write_text(f'{{"event": "started"}}\n{{"event": "cancelled", "total_step": {reached}}}\n')
    with (run / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["total_step", "phase", "width", "seconds"])
        writer.writerows([[2600, 1, 4, 3600.0], [2640, 2, 8, 5400.0]])
    return run


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(ship_model, "ModelRegistry", lambda _: ModelRegistry(None, folder))
    return folder


def test_the_card_tells_what_the_run_did(models: Path, tmp_path: Path):
    run = write_run(tmp_path / "run", tiny_network(width=8), load_recipe("lgg"))
    card = ModelCard.read(ship_model.install("unet-cbam-lgg", run, models))
    assert ModelRegistry(None, models).verify()[0].ok
    assert (card.width, card.deepest, card.recipe, card.metrics) == (8, None, "lgg", {})
    assert card.training_data.startswith("2 patients of TCGA lower-grade glioma")
    assert "1 patients of BraTS 2018" in card.training_data
    assert "lgg-w32.safetensors" in card.training_data
    assert card.split.endswith(f"{KEPT[0]}.")
    assert "1000 steps of 8 slices of 256x256 at width 4, then 450 steps" in card.training_log
    assert card.postprocess.second_look
    assert "1.5 hours. Kept: step 40 of phase 2." in card.training_log
    assert "differs" not in card.training_log


def test_a_run_that_was_stopped_says_how_far_it_came(models: Path, tmp_path: Path):
    run = write_run(tmp_path / "run", tiny_network(width=8), load_recipe("lgg"), reached=1050)
    log = ModelCard.read(ship_model.install("unet-cbam-lgg", run, models)).training_log
    assert "1000 steps of 8 slices of 256x256 at width 4, then 50 of 450 steps" in log


def test_a_run_that_left_its_recipe_says_where(models: Path, tmp_path: Path):
    recipe = load_recipe("lgg")
    model = dataclasses.replace(recipe.model, initial="elsewhere.safetensors")
    other = dataclasses.replace(recipe, seed=1, model=model)
    run = write_run(tmp_path / "run", tiny_network(width=8), other)
    card = ModelCard.read(ship_model.install("unet-cbam-lgg", run, models))
    assert card.training_log.endswith("differs from the bundled recipe in: seed.")


def test_a_pruned_model_is_compared_with_the_full_one(models: Path, tmp_path: Path):
    full = write_run(tmp_path / "full", tiny_network(width=8), load_recipe("lgg"))
    lite = write_run(tmp_path / "lite", prune_deepest(tiny_network(width=4), 32), load_recipe("lgg-lite"))
    ship_model.install("unet-cbam-lgg", full, models)
    ship_model.install("unet-cbam-lgg-lite", lite, models)
    documents = {
        "unet-cbam-lgg": {"set": {"dice_pooled": 0.90, "dice_per_volume": 0.85}},
        "unet-cbam-lgg-lite": {"set": {"dice_pooled": 0.89, "dice_per_volume": 0.86}},
    }
    ship_model.compare("unet-cbam-lgg-lite", "unet-cbam-lgg", documents)
    card = ModelCard.read(models / "unet-cbam-lgg-lite")
    assert card.deepest == 32
    figures = card.metrics["beside unet-cbam-lgg"]
    assert figures["times_less_work"] == pytest.approx(3.88, abs=0.05)
    assert (figures["dice_pooled lost on set"], figures["dice_per_volume lost on set"]) == (0.01, -0.01)


def test_the_gain_of_the_post_processing_is_measured(models: Path, tmp_path: Path):
    run = write_run(tmp_path / "run", tiny_network(width=8), load_recipe("lgg"))
    ship_model.install("unet-cbam-lgg", run, models)
    bare = {"dice_pooled": 0.80, "dice_per_volume": 0.78, "engine_seconds": 10.0}
    with_it = {"dice_pooled": 0.81, "dice_per_volume": 0.79, "engine_seconds": 14.0, "postprocess": ["one"]}
    for name in ("first", "second"):
        ship_model.gained("unet-cbam-lgg", name, with_it, bare)
    gain = ModelCard.read(models / "unet-cbam-lgg").postprocess.gain
    assert gain.startswith("first: dice_pooled +0.010, dice_per_volume +0.010, 1.4 times")
    assert gain.count("times") == 2


def test_a_run_without_weights_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        ship_model.install("unet-cbam-lgg", tmp_path, tmp_path)
