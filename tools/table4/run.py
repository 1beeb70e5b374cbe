"""One row: train with TumorView's trainer, test, and write one JSON file. A finished row is never run again."""

import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from tools.table4.networks import build, cost_of
from tools.table4.rows import LONGER, PROTOCOLS, ROW_FILE, ROWS, SLICES, Row, Trial, recipe_of, run_folder
from tools.table4.scoring import score
from tumorview.errors import TrainingError
from tumorview.ml.checkpoint import load_checkpoint
from tumorview.ml.corpus import Corpus, load_corpus
from tumorview.ml.model_setup import placed
from tumorview.ml.models.weights import load_state
from tumorview.ml.recipes import Recipe, recipe_text
from tumorview.ml.run_log import write_text
from tumorview.ml.trainer import train
from tumorview.ml.training_report import TrainProgress

ROW_VERSION = 1
Say = Callable[[str], None]


def run_rows(
    data: Path, root: Path, *, keys: list[str], protocols: list[str], trial: Trial,
    cancelled: Callable[[], bool], say: Say,
) -> bool:  # fmt: skip
    """Every row that is not finished, LONGER only where it is asked for by its key; False when it was stopped."""
    links = link_patients(data, root / "data")
    for protocol in protocols:
        wanted = [row for row in ROWS if not keys or row.key in keys]
        for row in [*wanted, *([LONGER] if LONGER.key in keys and protocol == SLICES else [])]:
            name = f"{row.title}, {PROTOCOLS[protocol]}"
            folder = run_folder(root, row, protocol)
            if (folder / ROW_FILE).exists():
                say(f"{name}: finished before")
            elif not _run(row, protocol, links, folder, recipe_of(row, protocol, trial), cancelled, say):
                say(f"{name}: stopped; the same command goes on")
                return False
            else:
                say(f"{name}: finished")
    return True


def link_patients(data: Path, target: Path) -> Path:
    """A folder of links to exactly the patients of ``patients.txt``, so that everybody draws the same split."""
    wanted = (Path(__file__).with_name("patients.txt")).read_text(encoding="utf-8").split()
    found = {path.name: path for path in data.rglob("TCGA_*") if path.is_dir()}
    missing = [name for name in wanted if name not in found]
    if missing:
        raise TrainingError(
            f"{data} lacks {len(missing)} of the {len(wanted)} patients, {missing[0]} for one.",
            "Give the folder of the LGG collection (kaggle_3m).",
        )
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in wanted:
        (target / name).symlink_to(found[name].resolve(), target_is_directory=True)
    return target


def _run(
    row: Row, protocol: str, data: Path, folder: Path, recipe: Recipe, cancelled: Callable[[], bool], say: Say
) -> bool:
    work = folder / "run"
    report = train(
        [data], work, recipe, resume=(work / "last.safetensors").exists(),
        progress=lambda state: _tell(state, say), cancelled=cancelled, networks=build,
    )  # fmt: skip
    if not report.completed:
        return False
    corpus = load_corpus([data], recipe, work / "cache", Fabric(accelerator="cpu", devices=1))
    best = load_checkpoint(work / "best.safetensors")
    network = build(best.metadata)
    load_state(network, best.part("ema"), "best.safetensors")
    network = placed(network, torch.device("cpu"))
    size = recipe.phases[-1].size
    started = time.monotonic()
    tested = score(network, corpus.slices, corpus.test, size)
    document = {
        **_facts(row, protocol, recipe, corpus, work),
        "best_step": best.state.total_step,
        "test_seconds": time.monotonic() - started,
        **tested,
    }
    write_text(folder / ROW_FILE, json.dumps(document, indent=1))
    shutil.rmtree(work / "cache", ignore_errors=True)
    return True


def _facts(row: Row, protocol: str, recipe: Recipe, corpus: Corpus, work: Path) -> dict[str, Any]:
    """Everything that says what was run, on what, and how it went."""
    phase = recipe.phases[0]
    cost = cost_of(recipe.model.metadata(), phase.size)
    curve = _curve(work / "metrics.jsonl")
    return {
        "version": ROW_VERSION,
        "row": row.key,
        "protocol": protocol,
        "architecture": row.architecture,
        "parameters": cost.parameters,
        "gflop": cost.gflop,
        "size": phase.size,
        "steps": recipe.steps,
        "batch": phase.batch,
        "phases": [[phase.steps, phase.batch, phase.size] for phase in recipe.phases],
        "seconds": curve[-1]["seconds"] if curve else None,
        "training_units": len(corpus.training),
        "validation_units": len(corpus.validation),
        "test_units": len(corpus.test),
        "left_out_twins": corpus.twins,
        "finished": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{processor_name()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "recipe": recipe_text(recipe),
        "curve": curve,
    }


def _curve(log: Path) -> list[dict[str, Any]]:
    """The validations of the run; a step that was repeated after a kill counts once."""
    names = ("total_step", "loss", "lr", "seconds", "dice_pooled", "dice_per_volume", "flair_dice_pooled")
    points = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["event"] == "validation":
            points[entry["total_step"]] = {name: entry[name] for name in names}
    return [points[step] for step in sorted(points)]


def processor_name() -> str:
    """What the system calls the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _tell(state: TrainProgress, say: Say) -> None:
    if state.validation is not None:
        dice = state.validation.dice_pooled
        say(
            f"  step {state.step}/{state.steps} loss {state.loss:.3f} validation Dice {dice or 0:.3f} "
            f"{state.images_per_second:.1f} slices/s, {state.eta_seconds / 60:.0f} min left"
        )
