"""The page of the model cards: everything a card says, intervals beside their value, gaps named."""

import dataclasses
import json
import shutil

import pytest

from tests.unit.tiny_models import tiny_card, write_model
from tools import model_card
from tumorview.errors import ModelError
from tumorview.ml.card import ModelCard
from tumorview.ml.registry import ModelRegistry

FIGURES = {"patients": 9, "dice_pooled": 0.9, "dice_pooled_low": 0.85, "dice_pooled_high": 0.94, "median": None}


@pytest.fixture
def card():
    return dataclasses.replace(
        tiny_card(), split="nine patients", recipe="lgg", failure_modes=("blood",), metrics={"held out": FIGURES}
    )


def test_the_card_is_told_whole(card, tmp_path):
    text = model_card.card_text(card, tmp_path)
    for words in ("nine patients", "`tumorview train --recipe lgg`", card.weights_sha256, "* blood", "CC0-1.0"):
        assert words in text


def test_what_a_card_does_not_say_is_shown_as_missing(tmp_path):
    text = model_card.card_text(tiny_card(), tmp_path)
    assert text.count("*not recorded*") == 3
    assert "*Not measured yet.*" in text


def test_intervals_stand_beside_their_value(card):
    text = model_card.metrics_text(card.metrics)
    assert "**held out** (patients 9)" in text
    assert "| dice_pooled | 0.900 | 0.850 to 0.940 |" in text
    assert "| median | – |  |" in text
    assert "_low" not in text


def test_worst_cases_are_shown_with_what_went_wrong(card, tmp_path):
    (tmp_path / "tiny-worst-1.png").write_bytes(b"")
    (tmp_path / "tiny-worst-1.txt").write_text("Dice 0.31: misses a part\n")
    assert "![Dice 0.31: misses a part](images/tiny-worst-1.png)" in model_card.card_text(card, tmp_path)


def test_the_page_is_written_between_its_markers(tmp_path):
    write_model(tmp_path / "models", "tiny")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- model-cards:begin -->\nstale text\n<!-- model-cards:end -->\nafter\n")
    model_card.write_page(ModelRegistry(None, tmp_path / "models"), page, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "`tiny`" in text
    assert "stale text" not in text


def report_document(sha256):
    """What ``evaluate-model --report`` writes, for two patients."""
    estimate = {"value": 0.8, "low": 0.7, "high": 0.9}
    bins = {"expected_calibration_error": 0.02, "voxels": [0, 5], "mean_probability": [None, 0.9],
            "tumour_share": [None, 0.8]}  # fmt: skip
    patients = [{"id": "TCGA_AA_1", "dice": 0.9}, {"id": "TCGA_BB_2", "dice": 0.7}]
    return {
        "weights_sha256": sha256, "patients": 2, "slices": 5, "channels": "T1+FLAIR+T1CE", "threshold": 0.5,
        "dice_per_volume_median": 0.8, "figures": {"dice_pooled": estimate}, "per_patient": patients,
        "institutions": [], "calibration": {"all_voxels": bins, "p_at_least_0.01": bins},
        "flair_only": {"figures": {"dice_pooled": estimate}, "loss": {"dice_pooled": estimate},
                       "per_patient": patients},
        "worst": [{"patient": "TCGA_BB_2", "dice": 0.7, "failure": "misses a part"}],
    }  # fmt: skip


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """A registry of one bundled model that the tool writes to."""
    folder = write_model(tmp_path / "models", "tiny")
    monkeypatch.setattr(model_card, "ModelRegistry", lambda _: ModelRegistry(None, tmp_path / "models"))
    return folder


def test_a_report_goes_into_the_card_and_its_figures_beside_the_page(bundled, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need the docs extra")
    report = tmp_path / "report"
    report.mkdir()
    (report / "report.json").write_text(json.dumps(report_document(ModelCard.read(bundled).weights_sha256)))
    (report / "worst_1.png").write_bytes(b"picture")
    images = tmp_path / "images"
    model_card.apply_report(report, "tiny", "held out", images)
    assert ModelCard.read(bundled).metrics["held out"]["dice_pooled_low"] == 0.7
    names = ("tiny-calibration.svg", "tiny-patients.svg", "tiny-worst-1.png", "tiny-worst-1.txt")
    assert sorted(path.name for path in images.iterdir()) == sorted(names)
    before = (images / "tiny-patients.svg").read_bytes()
    shutil.rmtree(images)
    model_card.apply_report(report, "tiny", "held out", images)
    assert (images / "tiny-patients.svg").read_bytes() == before


def test_a_report_about_other_weights_changes_nothing(bundled, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need the docs extra")
    (tmp_path / "report.json").write_text(json.dumps(report_document("1" * 64)))
    before = ModelCard.read(bundled)
    with pytest.raises(ModelError, match="other weights"):
        model_card.apply_report(tmp_path, "tiny", "held out", tmp_path / "images")
    assert ModelCard.read(bundled) == before
