"""evaluate-model: every slice counts, and the document has the keys that scripts rely on."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.unit.tiny_models import tiny_card
from tumorview.core.progress import Progress
from tumorview.errors import JobCancelled, ModelError, TrainingError
from tumorview.ml.engines import FunctionEngine
from tumorview.ml.model_evaluation import EvaluationPlan, evaluate_data_set

CARD = tiny_card(size=256)
KEYS = {
    "model", "weights_sha256", "engine", "patients", "slices", "dice_pooled", "iou_pooled", "dice_per_volume",
    "dice_per_volume_median", "dice_per_slice", "dice_paper_protocol", "iou_paper_protocol", "ms_per_slice",
    "per_patient",
}  # fmt: skip


def bright(given):
    """Tumour where FLAIR is brightest."""
    tumour = (given[:, 1] > 1.5).astype(np.float32)
    return np.stack([1 - tumour, tumour], axis=1)


def write_patient(folder, name, slices, *, shift=0):
    """Slices with a head and, on those of odd number, a lesion that the truth marks ``shift`` pixels off."""
    folder = folder / name
    folder.mkdir(parents=True)
    y, x = np.mgrid[:256, :256] - 128
    for number in range(1, slices + 1):
        image = np.zeros((256, 256, 3), np.uint8)
        image[x * x + y * y < 100**2] = 80
        mask = np.zeros((256, 256), np.uint8)
        if number % 2:
            image[100:140, 60:100, 1] = 250
            mask[100:140, 60 + shift : 100 + shift] = 255
        Image.fromarray(image).save(folder / f"{name}_{number}.tif")
        Image.fromarray(mask).save(folder / f"{name}_{number}_mask.tif")


@pytest.fixture
def data(tmp_path):
    write_patient(tmp_path / "kaggle_3m", "TCGA_AA_0001_20000101", 3)
    write_patient(tmp_path / "kaggle_3m", "TCGA_BB_0002_20000101", 2, shift=20)
    return tmp_path


def test_the_report_counts_every_slice_of_every_patient(data):
    report = evaluate_data_set(EvaluationPlan(data), CARD, FunctionEngine(bright)).to_dict()
    assert set(report) >= KEYS
    json.dumps(report, allow_nan=False)
    assert (report["patients"], report["slices"]) == (2, 5)
    assert [row["slices"] for row in report["per_patient"]] == [3, 2]
    assert [row["tumour_slices"] for row in report["per_patient"]] == [2, 1]
    assert [row["dice"] for row in report["per_patient"]] == pytest.approx([1.0, 0.5])
    assert report["dice_pooled"] == pytest.approx(2 * (3200 + 800) / (2 * 4800))
    assert report["dice_per_volume"] == pytest.approx(0.75)
    assert report["dice_per_slice"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert report["dice_paper_protocol"] == pytest.approx((1 + 1 + 0.5 + 1 + 1) / 5)
    assert report["ms_per_slice"] > 0


def test_the_root_and_the_folder_inside_are_the_same_data_set(data):
    engine = FunctionEngine(bright)
    plans = EvaluationPlan(data), EvaluationPlan(data / "kaggle_3m")
    first, second = (evaluate_data_set(plan, CARD, engine).to_dict() for plan in plans)
    assert first["per_patient"] == second["per_patient"]


@pytest.mark.parametrize("name", ["TCGA_BB_0002_20000101", "BB_0002"])
def test_a_list_chooses_patients(data, tmp_path, name):
    (tmp_path / "list.txt").write_text(f"# held out\n\n{name}\n")
    report = evaluate_data_set(EvaluationPlan(data, patients=tmp_path / "list.txt"), CARD, FunctionEngine(bright))
    assert [patient.id for patient in report.patients] == ["TCGA_BB_0002_20000101"]


@pytest.mark.parametrize(("names", "word"), [(["CC_0003"], "CC_0003"), ([], "empty"), (["20000101"], "several")])
def test_a_list_that_does_not_fit_is_a_clear_error(data, names, word):
    with pytest.raises(ModelError, match=word):
        evaluate_data_set(EvaluationPlan(data, patients=names), CARD, FunctionEngine(bright))


def test_a_list_that_cannot_be_read_is_a_clear_error(data, tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        evaluate_data_set(EvaluationPlan(data, patients=tmp_path / "absent.txt"), CARD, FunctionEngine(bright))


def test_flair_alone_feeds_all_channels(data):
    seen = []

    def watching(given):
        seen.append(given)
        return bright(given)

    report = evaluate_data_set(EvaluationPlan(data, channels="FLAIR"), CARD, FunctionEngine(watching))
    assert report.to_dict()["channels"] == "FLAIR"
    assert all(np.array_equal(given[:, 0], given[:, 1]) for given in seen)
    with pytest.raises(ModelError, match="T2"):
        evaluate_data_set(EvaluationPlan(data, channels="T2"), CARD, FunctionEngine(bright))


def test_an_empty_folder_is_a_clear_error(tmp_path):
    with pytest.raises(TrainingError):
        evaluate_data_set(EvaluationPlan(tmp_path), CARD, FunctionEngine(bright))


def test_it_can_be_cancelled(data):
    class Cancelled(Progress):
        def check(self) -> None:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        evaluate_data_set(EvaluationPlan(data), CARD, FunctionEngine(bright), progress=Cancelled())
