"""ModelCard: every entry is checked, nothing is assumed about classes."""

import json
import subprocess
import sys

import pytest

from tumorview.core.study import MODEL_CHANNELS
from tumorview.errors import ModelError
from tumorview.ml.card import ModelCard
from tumorview.resources import resource_path

DOCUMENT = {
    "version": 1,
    "id": "sub-regions",
    "title": "Sub-regions",
    "architecture": "unet-cbam",
    "width": 8,
    "norm": "batch",
    "channels": ["T1", "FLAIR", "T1CE"],
    "classes": [
        {"name": "Background", "label": 0, "colour": [0, 0, 0]},
        {"name": "Oedema", "label": 2, "colour": [0, 158, 115]},
        {"name": "Enhancing", "label": 4, "colour": [230, 159, 0]},
    ],
    "input_size": 64,
    "threshold": 0.4,
    "weights": "weights.safetensors",
    "weights_sha256": "0" * 64,
    "licence": "CC0-1.0",
    "training_data": "none",
    "metrics": {"a set": {"dice_pooled": 0.5, "patients": 3, "note": None}},
}


def changed(**entries):
    return {**DOCUMENT, **entries}


def test_a_card_survives_the_round_trip_through_json():
    card = ModelCard.from_dict(DOCUMENT)
    assert ModelCard.from_json(card.to_json()) == card


def test_a_card_tells_how_its_weights_were_made():
    story = {"split": "nine patients", "recipe": "lgg", "training_log": "11,000 steps", "failure_modes": ["blood"]}
    card = ModelCard.from_dict(changed(**story))
    assert (card.split, card.recipe, card.training_log, card.failure_modes) == (*list(story.values())[:3], ("blood",))
    assert ModelCard.from_dict(DOCUMENT).recipe == ""
    with pytest.raises(ModelError, match="split"):
        ModelCard.from_dict(changed(split=3))


def test_a_card_tells_of_a_pruned_network():
    card = ModelCard.from_dict(changed(deepest=112))
    assert card.metadata["deepest"] == "112"
    assert ModelCard.from_json(card.to_json()) == card
    assert "deepest" not in ModelCard.from_dict(DOCUMENT).metadata


def test_a_card_declares_what_is_done_after_the_network():
    card = ModelCard.from_dict(changed(postprocess={"second_look": True, "smallest_share": 0.05, "gain": "+0.01 Dice"}))
    assert ModelCard.from_json(card.to_json()) == card
    assert card.postprocess.gain == "+0.01 Dice"
    assert [sentence.split()[0] for sentence in card.postprocess.sentences] == ["Slices", "Pieces"]
    assert ModelCard.from_dict(DOCUMENT).postprocess.sentences == ()


def test_classes_may_be_any_number_with_any_labels():
    card = ModelCard.from_dict(DOCUMENT)
    assert [c.label for c in card.foreground] == [2, 4]
    assert card.metadata["classes"] == "3"
    assert card.channels == MODEL_CHANNELS


@pytest.mark.parametrize("missing", sorted(set(DOCUMENT) - {"metrics", "version"}))
def test_a_missing_entry_is_named(missing):
    document = {key: value for key, value in DOCUMENT.items() if key != missing}
    with pytest.raises(ModelError, match=missing):
        ModelCard.from_dict(document)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("id", "../outside"),
        ("id", ""),
        ("architecture", "resnet"),
        ("width", 0),
        ("width", True),
        ("width", 1 << 40),
        ("norm", "group"),
        ("deepest", 0),
        ("postprocess", {"third_look": True}),
        ("postprocess", {"second_look": 1}),
        ("postprocess", {"smallest_share": 1.5}),
        ("postprocess", []),
        ("channels", ["FLAIR", "T1", "T1CE"]),
        ("classes", [{"name": "Background", "label": 0, "colour": [0, 0, 0]}]),
        ("classes", [DOCUMENT["classes"][1], DOCUMENT["classes"][2]]),
        ("classes", [DOCUMENT["classes"][0], DOCUMENT["classes"][1], DOCUMENT["classes"][1]]),
        ("classes", [DOCUMENT["classes"][0], {"name": "x", "label": 256, "colour": [0, 0, 0]}]),
        ("classes", [DOCUMENT["classes"][0], {"name": "x", "label": 1, "colour": [0, 0, 256]}]),
        ("classes", "tumour"),
        ("input_size", 100),
        ("threshold", 1.0),
        ("weights", "../weights.safetensors"),
        ("weights", "weights.pt"),
        ("weights_sha256", "ABC"),
        ("licence", "  "),
        ("attribution", "one text"),
        ("metrics", {"set": 3}),
        ("metrics", {"set": {"dice": [1]}}),
        ("surprise", 1),
    ],
)
def test_a_wrong_entry_is_refused_by_name(entry, value):
    with pytest.raises(ModelError) as caught:
        ModelCard.from_dict(changed(**{entry: value}))
    assert caught.value.remedy
    assert entry in str(caught.value) or "class" in str(caught.value)


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_a_card_of_another_version_is_refused(version):
    with pytest.raises(ModelError, match="version"):
        ModelCard.from_dict(changed(version=version))


@pytest.mark.parametrize("text", ["", "[]", "3", "{", b"\xff\xfe"])
def test_what_is_no_card_is_a_clear_error(text):
    with pytest.raises(ModelError):
        ModelCard.from_json(text)


def test_a_folder_without_a_card_is_a_clear_error(tmp_path):
    with pytest.raises(ModelError, match="readable"):
        ModelCard.read(tmp_path)


def test_the_bundled_card_is_honest_about_itself():
    card = ModelCard.read(resource_path("models", "unet-cbam-lgg"))
    assert card.licence == "CC BY-NC-SA 4.0"
    assert any("not a medical device" in note.lower() for note in card.notes)
    assert card.metrics
    assert card.attribution
    assert json.loads(card.to_json())["classes"][0]["label"] == 0


def test_reading_cards_and_listing_models_does_not_import_torch():
    code = (
        "import sys, tumorview.ml.predictor, tumorview.ml.engines; from tumorview.ml.registry import ModelRegistry;"
        "assert ModelRegistry(None).list(); heavy = {'torch', 'openvino', 'safetensors'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
