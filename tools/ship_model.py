"""From finished runs to bundled models: ``python -m tools.ship_model ID=RUN [ID=RUN ...] --data FOLDER [--data ...]``.

For each model: the run's best averaged weights (float16) and a card into resources/models/ID, an evaluation on the
run's validation patients in every data set given (report in RUN/report-...), its figures into the card, drawings and
worst cases into docs/images, and docs/model-card.md written anew. What a run cannot know (title, licence) is in
tools/model_texts/ID.toml. A second model is compared with the first.
"""

import argparse
import json
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tools.model_card import IMAGES, apply_report, write_page
from tumorview.app import tasks
from tumorview.core.prediction import ModelClass
from tumorview.core.study import MODEL_CHANNELS
from tumorview.errors import ModelError, TumorViewError
from tumorview.ml.benchmark import gflop
from tumorview.ml.card import CARD_NAME, ModelCard
from tumorview.ml.data import discover
from tumorview.ml.models import load_model
from tumorview.ml.postprocess import Postprocess
from tumorview.ml.preprocess import FRAME
from tumorview.ml.recipes import Recipe, load_recipe, parse_recipe
from tumorview.ml.registry import ModelRegistry, sha256_of
from tumorview.ml.run_card import training_story
from tumorview.resources import resource_path

TEXTS = Path(__file__).with_name("model_texts")
WEIGHTS = "weights.safetensors"
CLASSES = (ModelClass("Background", 0, (0, 0, 0)), ModelClass("Tumour", 1, (230, 159, 0)))
Say = Callable[[str], None]


@dataclass(frozen=True)
class Collection:
    """Patients whose ids begin with ``prefix``; pictures of them may be shown or not."""

    prefix: str
    name: str
    kind: str
    pictures: bool


COLLECTIONS = (
    Collection("TCGA_", "TCGA-LGG", "TCGA lower-grade glioma (Kaggle edition, five institutions)", True),
    Collection("Brats18_", "BraTS 2018", "BraTS 2018 (high-grade, skull-stripped, two collections)", False),
    Collection("", "Other data", "other data", False),
)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line; 0 done, 1 a problem with the input."""
    parser = argparse.ArgumentParser(prog="python -m tools.ship_model", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="ID=RUN", help="a model's id and the folder of its run")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a data set the run knew")
    chosen = parser.parse_args(arguments)
    try:
        documents: dict[str, dict[str, Any]] = {}
        for pair in chosen.models:
            model, _, run = pair.partition("=")
            install(model, Path(run))
            draw_run(model, Path(run))
            documents[model] = evaluate(model, Path(run), chosen.data, say)
        first, *others = documents
        for other in others:
            compare(other, first, documents)
        write_page(ModelRegistry(None))
    except (TumorViewError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    say("docs/model-card.md is written; look at the worst cases, and run the tests before committing")
    return 0


def say(text: str) -> None:
    """One line for whoever waits."""
    print(text, flush=True)


# ---- weights and card ------------------------------------------------------------------------------------------------


def install(model: str, run: Path, models: Path | None = None) -> Path:
    """The run's best weights and a card without figures, in place of what was bundled under this id."""
    source = run / "model.safetensors"
    if not source.exists():
        raise ModelError(f"{run} holds no model.safetensors.", "Give the folder of a run that has validated once.")
    folder = (models or resource_path("models")) / model
    folder.mkdir(exist_ok=True)
    shutil.copyfile(source, folder / WEIGHTS)
    (folder / CARD_NAME).write_text(card_of(model, run, folder / WEIGHTS).to_json(), encoding="utf-8")
    return folder


def draw_run(model: str, run: Path) -> None:
    """The run's validations as a curve beside the page."""
    from tools.model_figures import draw_curve  # matplotlib comes with the docs extra

    draw_curve(run / "metrics.csv", IMAGES / f"{model}-curve.svg")


def card_of(model: str, run: Path, weights: Path) -> ModelCard:
    """The card as far as the run and the texts tell."""
    texts = tomllib.loads((TEXTS / f"{model}.toml").read_text(encoding="utf-8"))
    summary = json.loads((run / "model.json").read_text(encoding="utf-8"))
    recipe = parse_recipe((run / "recipe.toml").read_text(encoding="utf-8"), "recipe.toml")
    network = load_model(weights)
    trained, kept = summary["training_patients"], summary["validation_patients"]
    return ModelCard(
        id=model,
        title=texts["title"],
        architecture="unet-cbam",
        width=network.width,
        norm=network.norm or "none",
        channels=MODEL_CHANNELS,
        classes=CLASSES,
        input_size=summary["size"],
        threshold=texts["threshold"],
        weights=WEIGHTS,
        weights_sha256=sha256_of(weights),
        licence=texts["licence"],
        training_data=f"{_counted(trained)}. Axial slices of {summary['size']}x{summary['size']} with the FLAIR "
        f"abnormality (whole tumour) outlined. {texts['lineage'].strip()}",
        attribution=tuple(texts["attribution"]),
        notes=tuple(texts["notes"]),
        split="Not trained on, and used to choose among the weights of the run: " + ", ".join(sorted(kept)) + ".",
        recipe=recipe.name,
        training_log=_story(run, recipe, summary),
        failure_modes=tuple(texts["failure_modes"]),
        postprocess=Postprocess.from_dict(texts["postprocess"]),
        deepest=None if network.deepest == 16 * network.width else network.deepest,
    )


def _counted(patients: Iterable[str]) -> str:
    """As in "79 patients of ..., 23 of ..."."""
    counts = Counter(collection_of(patient).kind for patient in patients)
    return " and ".join(f"{count} patients of {kind}" for kind, count in counts.most_common())


def collection_of(patient: str) -> Collection:
    """The collection that a patient's id tells."""
    return next(one for one in COLLECTIONS if patient.startswith(one.prefix))


def _story(run: Path, recipe: Recipe, summary: dict[str, Any]) -> str:
    """Phases, steps, hours, which step was kept, and where the run left the bundled recipe."""
    text = training_story(run, recipe, summary)
    bundled = replace(load_recipe(recipe.name).model, initial=""), replace(recipe.model, initial="")
    other = [
        name
        for name in ("data", "augment", "optimiser", "phases", "seed")
        if getattr(load_recipe(recipe.name), name) != getattr(recipe, name)
    ] + (["model"] if bundled[0] != bundled[1] else [])
    return text + (f" The run differs from the bundled recipe in: {', '.join(other)}." if other else "")


# ---- figures ---------------------------------------------------------------------------------------------------------


def evaluate(model: str, run: Path, data: list[Path], tell: Say) -> dict[str, Any]:
    """Figures of the validation patients in each data set, into the card; the reports by name of the set."""
    kept = set(json.loads((run / "model.json").read_text(encoding="utf-8"))["validation_patients"])
    documents = {}
    for folder in data:
        names = sorted(kept & {patient.id for patient in discover([folder])})
        if not names:
            continue
        collection = collection_of(names[0])
        name = f"{collection.name}, {len(names)} validation patients"
        report = run / f"report-{collection.name.lower().replace(' ', '-')}"
        report.mkdir(exist_ok=True)
        (report / "patients.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        tell(f"{model}: evaluating {name}")
        documents[name] = tasks.evaluate_model(
            folder, tasks.SegmentOptions(model=model), patients=report / "patients.txt", report=report
        )
        apply_report(report, model, name, IMAGES if collection.pictures else None)
        bare = tasks.SegmentOptions(model=model, postprocess=False)
        gained(model, name, documents[name], tasks.evaluate_model(folder, bare, patients=report / "patients.txt"))
        tell(f"{model}: pooled {documents[name]['dice_pooled']:.3f}, volume {documents[name]['dice_per_volume']:.3f}")
    return documents


def gained(model: str, name: str, document: dict[str, Any], bare: dict[str, Any]) -> None:
    """What the card's post-processing gains over the network's bare answer, and what it costs, into the card."""
    entry = ModelRegistry(None).usable(model)
    if not document["postprocess"]:
        return
    gains = (f"{figure} {document[figure] - bare[figure]:+.3f}" for figure in ("dice_pooled", "dice_per_volume"))
    cost = document["engine_seconds"] / bare["engine_seconds"]
    text = f"{name}: {', '.join(gains)}, {cost:.1f} times the network's time."
    after = entry.card.postprocess
    card = replace(entry.card, postprocess=replace(after, gain=f"{after.gain} {text}".strip()))
    (entry.weights.parent / CARD_NAME).write_text(card.to_json(), encoding="utf-8")


def compare(model: str, other: str, documents: dict[str, dict[str, Any]]) -> None:
    """Work and Dice of a model beside another one's, into its card."""
    registry = ModelRegistry(None)
    cards = [registry.usable(name) for name in (model, other)]
    slices = np.zeros((1, len(MODEL_CHANNELS), FRAME, FRAME), np.float32)
    work = [gflop(card.network(), slices) for card in cards]
    figures: dict[str, float | int | str | None] = {
        "gflop_per_slice": round(work[0], 2),
        "times_less_work": round(work[1] / work[0], 2),
    }
    for name, document in documents[model].items():
        for figure in ("dice_pooled", "dice_per_volume"):
            lost = documents[other][name][figure] - document[figure]
            figures[f"{figure} lost on {name}"] = round(lost, 4)
    card = replace(cards[0].card, metrics={**cards[0].card.metrics, f"beside {other}": figures})
    (cards[0].weights.parent / CARD_NAME).write_text(card.to_json(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
