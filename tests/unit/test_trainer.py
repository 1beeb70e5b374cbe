"""Training runs of seconds: they learn, resume bit for bit, stop cleanly and never break what is on disk."""

import csv
import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from lgg_layout import write_data_set
from safetensors.torch import load_file

from tumorview.__main__ import main
from tumorview.errors import TrainingDivergedError, TrainingError, TrainingMemoryError
from tumorview.ml import checkpoint as checkpoints
from tumorview.ml import corpus as corpora
from tumorview.ml import data, trainer
from tumorview.ml.averaging import WeightAverage, estimate_statistics
from tumorview.ml.models import UNetCBAM, load_model
from tumorview.ml.recipes import (
    AugmentSettings,
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    Phase,
    Recipe,
    parse_recipe,
    recipe_text,
)
from tumorview.ml.samples import (
    KEEP,
    SampleSet,
    choose_samples,
    forget_samples,
    read_samples,
    sample_steps,
    write_samples,
)
from tumorview.ml.schedule import learning_rate, work_left
from tumorview.ml.trainer import train
from tumorview.ml.training_report import TrainProgress

FIRST = Phase(size=32, steps=6, batch=4, lr=3e-3, warmup=2, evaluate_every=3)
RECIPE = Recipe(
    name="test",
    title="Two small phases",
    phases=(FIRST, dataclasses.replace(FIRST, steps=4, grow=2, lr=1e-3)),
    model=ModelSettings(width=4),
    data=DataSettings(validation=("XX_0002",)),
    augment=AugmentSettings(rotation_degrees=20, noise=0.05, noise_probability=0.5, all_flair=0.2),
    optimiser=OptimiserSettings(ema=0.9),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from threads, and lose much on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def finished(data_set: Path, tmp_path_factory: pytest.TempPathFactory):
    """One whole run and everything it told."""
    told: list[TrainProgress] = []
    report = train([data_set], tmp_path_factory.mktemp("run"), RECIPE, progress=told.append)
    return report, told


def after(checks: int):
    """A cancel token that is set after so many looks at it."""
    looks = iter(range(checks))
    return lambda: next(looks, None) is None


# a whole run
def test_a_run_reports_where_it_is(finished):
    report, told = finished
    assert report.completed
    assert report.total_step == told[-1].total_step == RECIPE.steps
    assert [(state.phase, state.step) for state in told if state.validation] == [(1, 3), (1, 6), (2, 3), (2, 4)]
    assert told[-1].eta_seconds == 0
    # Six slices with tumour and two empty ones an epoch, four slices a step.
    assert [(state.epoch, state.epochs) for state in told if state.validation] == [(2, 3), (3, 3), (2, 2), (2, 2)]
    assert set(told[-1].validation.per_patient) == {"TCGA_XX_0002_20000101"}


def test_a_run_leaves_a_model_that_loads(finished):
    report, _ = finished
    model = load_model(report.model)
    assert model.width == 8
    assert load_file(report.model)["head.weight"].dtype == torch.float16
    summary = json.loads((report.out / "model.json").read_text())
    assert summary["validation_patients"] == ["TCGA_XX_0002_20000101"]
    assert len(summary["training_patients"]) == 2


def test_a_run_writes_curves(finished):
    report, _ = finished
    rows = list(csv.DictReader((report.out / "metrics.csv").read_text().splitlines()))
    assert [int(row["total_step"]) for row in rows] == [3, 6, 9, 10]
    assert {row["width"] for row in rows} == {"4", "8"}
    events = [json.loads(line)["event"] for line in (report.out / "metrics.jsonl").read_text().splitlines()]
    assert events == ["started", *["validation"] * 4, "finished"]


def test_nothing_partial_is_left_behind(finished):
    report, _ = finished
    assert not list(report.out.glob(".*"))


# a phase that keeps some of what it began with
BLENDING = dataclasses.replace(RECIPE, phases=(dataclasses.replace(FIRST, blend=0.25), *RECIPE.phases[1:]))


def blends(folder: Path) -> list[tuple[int, float]]:
    """(step, score) of every validation of the first phase."""
    events = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    validations = [event for event in events if event["event"] == "validation" and event["phase"] == 1]
    return [(event["step"], event["score"]) for event in validations]


def test_a_phase_may_end_with_its_weights_averaged_with_those_it_began_with(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tried: list[dict[str, torch.Tensor]] = []
    estimate = trainer.estimate_statistics

    def watched(model, batches):
        tried.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        estimate(model, batches)

    monkeypatch.setattr(trainer, "estimate_statistics", watched)
    train([data_set], tmp_path / "run", BLENDING)
    assert [step for step, _ in blends(tmp_path / "run")] == [3, 6, 6]
    start = checkpoints.load_checkpoint(tmp_path / "run" / "start.safetensors").part("ema")
    for name in ("head.weight", "encoder.0.conv1.weight"):
        torch.testing.assert_close(tried[2][name], tried[1][name] * 0.75 + start[name] * 0.25)


def test_a_phase_that_blends_gives_the_same_weights_when_it_was_stopped_on_the_way(data_set: Path, tmp_path: Path):
    train([data_set], tmp_path / "whole", BLENDING)
    train([data_set], tmp_path / "parts", BLENDING, cancelled=after(5))
    train([data_set], tmp_path / "parts", BLENDING, resume=True)
    assert blends(tmp_path / "parts") == blends(tmp_path / "whole")
    whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_training_learns(data_set: Path, tmp_path: Path):
    phase = Phase(size=32, steps=50, batch=6, lr=1e-2, warmup=5, evaluate_every=50)
    recipe = dataclasses.replace(RECIPE, phases=(phase,), augment=AugmentSettings(), data=DataSettings(("XX_0002",)))
    told: list[TrainProgress] = []
    report = train([data_set], tmp_path / "run", recipe, progress=told.append)
    assert told[-1].loss < 0.8 * told[0].loss
    assert report.validation.dice_pooled > 0.5


# resume
@pytest.mark.parametrize("steps", [2, 5, 8, 11])
def test_resuming_gives_the_same_weights_bit_for_bit(finished, data_set: Path, tmp_path: Path, steps: int):
    # Validation looks at the token too, so the run stops somewhere at or before this step.
    stopped = train([data_set], tmp_path / "run", RECIPE, cancelled=after(steps))
    assert not stopped.completed
    assert 0 < stopped.total_step < RECIPE.steps
    resumed = train([data_set], tmp_path / "run", RECIPE, resume=True)
    assert resumed.completed
    for name in ("last", "best", "model"):
        ours, theirs = (load_file(report.out / f"{name}.safetensors") for report in (resumed, finished[0]))
        assert ours.keys() == theirs.keys()
        assert [(name, key) for key in ours if not torch.equal(ours[key], theirs[key])] == []


def test_a_run_is_not_overwritten_without_resume(finished, data_set: Path):
    with pytest.raises(TrainingError, match="already holds a training run"):
        train([data_set], finished[0].out, RECIPE)


def test_changed_steps_are_allowed_and_noted(data_set: Path, tmp_path: Path):
    out = tmp_path / "run"
    train([data_set], out, RECIPE, cancelled=after(2))
    shorter = dataclasses.replace(RECIPE, phases=(dataclasses.replace(FIRST, steps=4),))
    assert train([data_set], out, shorter, resume=True).total_step == 4
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    resumed = next(line for line in lines if line["event"] == "resumed")
    assert set(resumed["recipe_changes"]) == {"phases"}


def test_resume_without_a_checkpoint_starts(data_set: Path, tmp_path: Path):
    one = dataclasses.replace(RECIPE, phases=(dataclasses.replace(FIRST, steps=1),))
    assert train([data_set], tmp_path / "new", one, resume=True).total_step == 1


def test_training_goes_on_from_given_weights(finished, data_set: Path, tmp_path: Path):
    settings = dataclasses.replace(RECIPE.model, initial=str(finished[0].model))
    one = dataclasses.replace(RECIPE, model=settings, phases=(dataclasses.replace(FIRST, steps=1, lr=1e-9),))
    report = train([data_set], tmp_path / "new", one)
    rows = list(csv.DictReader((report.out / "metrics.csv").read_text().splitlines()))
    assert [row["total_step"] for row in rows] == ["0", "1"]  # what the given weights score comes first
    ours, theirs = load_file(report.model), load_file(finished[0].model)
    torch.testing.assert_close(ours["head.weight"], theirs["head.weight"], atol=1e-3, rtol=0)


def test_a_phase_prunes_the_deepest_level_and_resumes(data_set: Path, tmp_path: Path):
    short = dataclasses.replace(FIRST, steps=2, evaluate_every=2)
    recipe = dataclasses.replace(RECIPE, phases=(short, dataclasses.replace(short, slim=0.75)))
    # Two steps and both validations look at the token, then the first step of the pruned network.
    stopped = train([data_set], tmp_path / "run", recipe, cancelled=after(5))
    assert stopped.total_step == 3
    report = train([data_set], tmp_path / "run", recipe, resume=True)
    assert report.completed
    model = load_model(report.model)
    assert model.channels == (4, 8, 16, 32, 48)


def test_a_shared_first_phase_need_not_be_trained_twice(data_set: Path, tmp_path: Path):
    """A copy of a run goes on with another recipe of the same beginning as if it had been that recipe's all along."""
    first = dataclasses.replace(RECIPE, phases=(dataclasses.replace(FIRST, steps=4, evaluate_every=2),))
    lite = dataclasses.replace(first, phases=(*first.phases, dataclasses.replace(FIRST, steps=2, slim=0.75)))
    train([data_set], tmp_path / "full", first)
    copy = shutil.copytree(tmp_path / "full", tmp_path / "copy")
    resumed = train([data_set], copy, lite, resume=True)
    whole = train([data_set], tmp_path / "whole", lite)
    ours, theirs = (load_file(report.out / "last.safetensors") for report in (resumed, whole))
    assert [key for key in theirs if not torch.equal(ours[key], theirs[key])] == []


@pytest.mark.parametrize("levels", [2, 5])
def test_frozen_levels_keep_their_weights_and_statistics(finished, data_set: Path, tmp_path: Path, levels: int):
    start = finished[0].model
    model = dataclasses.replace(RECIPE.model, initial=str(start), freeze=levels)
    report = train([data_set], tmp_path / "run", dataclasses.replace(RECIPE, phases=(FIRST,), model=model))
    before, after = load_file(start), checkpoints.load_checkpoint(report.out / "last.safetensors")
    kept = tuple(f"encoder.{level}." for level in range(levels))
    for part in ("model", "ema"):
        changed = {name for name, tensor in after.part(part).items() if not torch.equal(tensor, before[name].float())}
        assert changed
        assert not [name for name in changed if name.startswith(kept)]
    assert any(name.startswith("decoder") for name in changed)
    resumed = train(
        [data_set], report.out, dataclasses.replace(RECIPE, phases=(dataclasses.replace(FIRST, steps=8),), model=model),
        resume=True,
    )  # fmt: skip
    assert resumed.total_step == 8


def test_more_levels_than_there_are_cannot_be_frozen():
    with pytest.raises(TrainingError, match=r"model\.freeze is 6"):
        parse_recipe(recipe_text(dataclasses.replace(RECIPE, model=ModelSettings(freeze=6))))


def test_a_missing_device_is_a_clear_error(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="no CUDA device"):
        train([data_set], tmp_path / "run", RECIPE, device="cuda")


def test_given_weights_of_another_kind_are_refused(finished, data_set: Path, tmp_path: Path):
    settings = dataclasses.replace(RECIPE.model, initial=str(finished[0].model), classes=3)
    with pytest.raises(TrainingError, match="3 channels and 2 classes, the recipe 3 and 3"):
        train([data_set], tmp_path / "new", dataclasses.replace(RECIPE, model=settings))


# trouble
def test_nan_loss_stops_and_the_checkpoint_stays(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "run"
    train([data_set], out, RECIPE, cancelled=after(3))
    before = (out / "last.safetensors").read_bytes()
    monkeypatch.setattr(trainer, "loss_by_name", lambda _: lambda logits, _: logits.sum() * float("nan"))
    with pytest.raises(TrainingError, match="loss became nan at step") as caught:
        train([data_set], out, RECIPE, resume=True)
    assert "lower learning rate" in caught.value.remedy
    assert (out / "last.safetensors").read_bytes() == before


def test_full_disk_stops_and_the_checkpoint_stays(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "run"
    train([data_set], out, RECIPE, cancelled=after(3))
    before = (out / "last.safetensors").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(TrainingError, match=r"could not be written .*No space left"):
        train([data_set], out, RECIPE, resume=True)
    assert (out / "last.safetensors").read_bytes() == before
    assert not list(out.glob(".*"))


def test_vanished_data_folder(data_set: Path, tmp_path: Path):
    out = tmp_path / "run"
    train([data_set], out, RECIPE, cancelled=after(2))
    with pytest.raises(TrainingError, match="does not exist"):
        train([tmp_path / "gone"], out, RECIPE, resume=True)
    assert train([data_set], out, RECIPE, resume=True).completed


def test_data_that_disappear_during_a_run_are_not_missed(data_set: Path, tmp_path: Path):
    """The slices are kept in the run's folder; only going on later needs the data, and says so."""
    copy = shutil.copytree(data_set, tmp_path / "data")
    one = dataclasses.replace(RECIPE, phases=(FIRST,))

    def unplug(_: TrainProgress) -> None:
        shutil.rmtree(copy, ignore_errors=True)

    assert train([copy], tmp_path / "run", one, progress=unplug).completed
    assert not copy.exists()
    with pytest.raises(TrainingError, match=f"{copy} does not exist"):
        train([copy], tmp_path / "run", one, resume=True)


def test_data_that_disappear_while_they_are_read_are_named(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    copy = shutil.copytree(data_set, tmp_path / "data")
    real = corpora.discover

    def unplugged(folders: list[Path]):
        found = real(folders)
        shutil.rmtree(copy)
        return found

    monkeypatch.setattr(corpora, "discover", unplugged)
    with pytest.raises(TrainingError, match=r"TCGA_XX_0000_20000101_1\.tif disappeared"):
        train([copy], tmp_path / "run", RECIPE)


def test_a_disk_too_small_for_the_slices_is_a_clear_error(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data.np, "save", full)
    with pytest.raises(TrainingError, match=r"could not be kept in .*cache .*No space left") as caught:
        train([data_set], tmp_path / "run", RECIPE)
    assert "GB" in caught.value.remedy


def test_folder_that_cannot_be_made(data_set: Path, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot be made"):
        train([data_set], tmp_path / "file" / "run", RECIPE)


def test_broken_checkpoint_is_a_clear_error(data_set: Path, tmp_path: Path):
    (tmp_path / "last.safetensors").write_bytes(b"broken")
    with pytest.raises(TrainingError, match="cannot be read"):
        train([data_set], tmp_path, RECIPE, resume=True)


# the rest
def test_the_training_child_speaks_json_lines(data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        'name = "r"\ntitle = "r"\nmodel.width = 4\n[[phase]]\nsize = 32\nsteps = 2\nbatch = 2\nlr = 1e-3\n'
    )
    words = ["train", "--data", str(data_set), "--out", str(tmp_path / "run"), "--recipe", str(recipe), "--json-lines"]
    assert main(words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["total_steps"] == 2
    assert lines[-1] == {"completed": True, "total_step": 2, "asked": None}
    assert main(words) == 1
    told = capsys.readouterr()
    assert "already holds" in told.err
    assert json.loads(told.out)["error"]["kind"] == "TrainingError"


def test_learning_rate_warms_up_and_falls_along_a_cosine():
    phase = Phase(size=32, steps=110, batch=1, lr=1.0, warmup=10, final_share=0.1)
    assert [learning_rate(phase, step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert learning_rate(phase, 60) == pytest.approx(0.55)
    assert learning_rate(phase, 110) == pytest.approx(0.1)
    assert learning_rate(dataclasses.replace(phase, schedule="constant"), 100) == 1.0


def test_work_left_counts_size_and_width():
    phases = (Phase(size=128, steps=10, batch=4, lr=1), Phase(size=256, steps=5, batch=2, lr=1, grow=2))
    assert work_left(phases, 4, 32) == 6 * 4 + 5 * 2 * 4 * 4


def test_average_follows_the_weights():
    model = UNetCBAM(width=4)
    average = WeightAverage(model, 0.5)
    start = average.tensors["head.bias"].clone()
    with torch.no_grad():
        model.head.bias += 1.0
    average.update(model, 100)
    torch.testing.assert_close(average.tensors["head.bias"], start + 0.5)


def test_statistics_are_the_mean_over_the_batches():
    model = UNetCBAM(width=4)
    batches = [torch.randn(2, 3, 32, 32) * scale for scale in (0.5, 1.0, 3.0)]
    estimate_statistics(model, batches)
    first = model.encoder[0]
    inputs = [first.conv1(batch) for batch in batches]
    wanted = torch.stack([values.mean((0, 2, 3)) for values in inputs]).mean(0)
    torch.testing.assert_close(first.norm1.running_mean, wanted.detach())
    assert not model.training
    assert first.norm1.momentum == 0.1


# samples
def test_each_validation_leaves_sample_predictions(finished):
    report, told = finished
    steps = sample_steps(report.out)
    assert steps == [state.total_step for state in told if state.validation]
    shown = [read_samples(report.out, step) for step in steps]
    assert all(np.array_equal(one.images, shown[0].images) for one in shown)  # always the same slices
    assert np.array_equal(shown[0].truth, shown[-1].truth)
    assert shown[0].truth.any()
    assert shown[0].images.shape == shown[0].probability.shape == (3, 32, 32)  # one patient has three with tumour
    assert not np.array_equal(shown[0].probability, shown[-1].probability)
    assert {path.name for path in (report.out / "samples").iterdir()} == {f"step-{step:06d}.npz" for step in steps}


def test_samples_show_as_many_patients_as_there_are(data_set: Path):
    slices = data.load_slices(data.discover([data_set]))
    chosen = choose_samples(slices, slices.patients, 4)
    assert set(slices.owner[chosen]) == {0, 1, 2}
    assert len(set(chosen.tolist())) == 4
    assert slices.with_tumour()[chosen].all()
    first = slices.indices_of(slices.patients[:1])
    assert np.count_nonzero(slices.labels[chosen[0]]) == max(np.count_nonzero(slices.labels[n]) for n in first)


def test_old_samples_make_room_and_the_first_stays(tmp_path: Path):
    square = np.zeros((1, 16, 16), np.uint8)
    for step in range(0, 10 * (KEEP + 5), 10):
        write_samples(tmp_path, SampleSet(step, square, square > 0, square))
    steps = sample_steps(tmp_path)
    assert len(steps) == KEEP
    assert steps[0] == 0
    assert steps[-1] == 10 * (KEEP + 4)
    forget_samples(tmp_path, 100)
    assert sample_steps(tmp_path) == [0, 60, 70, 80, 90, 100]


def test_a_damaged_sample_is_nothing_to_fail_at(tmp_path: Path):
    square = np.zeros((1, 16, 16), np.uint8)
    write_samples(tmp_path, SampleSet(10, square, square > 0, square))
    path = tmp_path / "samples" / "step-000010.npz"
    path.write_bytes(path.read_bytes()[:200])
    assert read_samples(tmp_path, 10) is None
    assert read_samples(tmp_path, 20) is None


# weights that are no numbers
def test_broken_weights_are_neither_validated_nor_saved(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The loss of the step that breaks them is still finite; resuming with a lower rate has to find whole ones."""
    out = tmp_path / "run"
    train([data_set], out, RECIPE, cancelled=after(2))
    before = (out / "last.safetensors").read_bytes()
    real = trainer.take_step

    def breaking(fabric, network, *rest):
        loss = real(fabric, network, *rest)
        with torch.no_grad():
            next(iter(network.parameters())).mul_(float("inf"))
        return loss

    monkeypatch.setattr(trainer, "take_step", breaking)
    with pytest.raises(TrainingDivergedError, match="weights became infinite"):
        train([data_set], out, RECIPE, resume=True)
    assert (out / "last.safetensors").read_bytes() == before
    assert not (out / "best.safetensors").exists()


def test_memory_that_runs_out_is_a_clear_error(data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def greedy(*_: object) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(trainer, "take_step", greedy)
    with pytest.raises(TrainingMemoryError, match="not enough memory") as caught:
        train([data_set], tmp_path / "run", RECIPE)
    assert "smaller batch" in caught.value.remedy
