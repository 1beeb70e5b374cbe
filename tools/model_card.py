"""Model cards and their page: ``python -m tools.model_card apply|page``.

``apply REPORT --model ID --name "..."`` puts the figures of ``tumorview evaluate-model --report REPORT`` into a bundled
model's card.json, and pictures into docs/images; ``page`` writes docs/model-card.md from the bundled cards.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.markers import replace_part
from tumorview.app.card_facts import about, facts, figure_rows
from tumorview.errors import TumorViewError
from tumorview.ml.card import CARD_NAME, ModelCard
from tumorview.ml.model_report import with_metrics
from tumorview.ml.registry import ModelRegistry

PAGE = Path("docs/model-card.md")
IMAGES = Path("docs/images")
_WORST_SHOWN = 4
_DRAWINGS = {
    "curve": "Validation while it was trained; rings: averaged with the weights that the phase began with",
    "patients": "Dice of every patient",
    "calibration": "Reliability of the probabilities",
}


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line; 0 done, 1 a problem with the input."""
    parser = argparse.ArgumentParser(prog="python -m tools.model_card", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser("apply", help="put a report's figures into a card")
    apply.add_argument("report", type=Path, help="folder that evaluate-model --report wrote")
    apply.add_argument("--model", required=True)
    apply.add_argument("--name", required=True, help="what the card calls the data set")
    commands.add_parser("page", help="write docs/model-card.md")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "apply":
            apply_report(chosen.report, chosen.model, chosen.name)
        write_page(ModelRegistry(None))
    except (TumorViewError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def apply_report(folder: Path, model: str, name: str, images: Path | None = IMAGES) -> None:
    """Figures into the card, drawings and pictures beside the page; ``images`` None where none may be shown."""
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    entry = ModelRegistry(None).get(model)
    if entry.card is None:
        raise TumorViewError(entry.status)
    card = with_metrics(entry.card, name, document)
    (entry.folder / CARD_NAME).write_text(card.to_json(), encoding="utf-8")
    if images is not None:
        _draw(document, folder, model, images)


def _draw(document: Mapping[str, Any], folder: Path, model: str, images: Path) -> None:
    """The report's drawings and worst cases in place of what was there of this model."""
    from tools.model_figures import draw_calibration, draw_patients

    images.mkdir(parents=True, exist_ok=True)
    for old in images.glob(f"{model}-worst-?.*"):
        old.unlink()
    draw_calibration(document, images / f"{model}-calibration.svg")
    draw_patients(document, images / f"{model}-patients.svg")
    for rank, case in enumerate(document["worst"][:_WORST_SHOWN], 1):
        shutil.copyfile(folder / f"worst_{rank}.png", images / f"{model}-worst-{rank}.png")
        caption = f"{case['patient'][:12]}, Dice {case['dice']:.2f}: {case['failure']}\n"
        (images / f"{model}-worst-{rank}.txt").write_text(caption, encoding="utf-8")


def write_page(registry: ModelRegistry, page: Path = PAGE, images: Path = IMAGES) -> None:
    """One section a bundled model."""
    cards = [entry.card for entry in registry.list() if entry.bundled and entry.card is not None]
    replace_part(page, "model-cards", "\n\n".join(card_text(card, images) for card in cards))


def card_text(card: ModelCard, images: Path = IMAGES) -> str:
    """A card as Markdown; what it does not say is shown as missing, not left out."""
    found = facts(card)
    found["recipe"] = f"`tumorview train --recipe {card.recipe}`" if card.recipe else ""
    found["SHA-256"] = f"`{card.weights_sha256}`"
    if not card.parent:
        del found["fine-tuned from"]
    parts = [f"## {card.title}", "", f"`{card.id}`", "", "| | |", "|---|---|"]
    parts += [f"| {name} | {value or '*not recorded*'} |" for name, value in found.items()]
    parts += ["", "### Figures", "", metrics_text(card.metrics), *_pictures(card, images)]
    for title, entries in (
        ("Failure modes", card.failure_modes), ("Notes", card.notes), ("Attribution", card.attribution),
    ):  # fmt: skip
        if entries:
            parts += ["", f"### {title}", "", *(f"* {entry}" for entry in entries)]
    return "\n".join(parts)


def metrics_text(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """A table for each data set, intervals beside their value."""
    if not metrics:
        return "*Not measured yet.*"
    parts = []
    for name, figures in metrics.items():
        measured = about(figures)
        parts += [f"**{name}**" + (f" ({measured})" if measured else ""), "", "| figure | value | 95 % interval |"]
        parts += ["|---|---:|---|"]
        parts += [f"| {row.key} | {row.shown} | {row.interval} |" for row in figure_rows(figures)]
        parts.append("")
    return "\n".join(parts).rstrip()


def _pictures(card: ModelCard, images: Path) -> list[str]:
    """Drawings that ``apply`` made for this model."""
    parts = []
    for kind, words in _DRAWINGS.items():
        if (images / f"{card.id}-{kind}.svg").exists():
            parts += ["", f"![{words}](images/{card.id}-{kind}.svg)"]
    worst = sorted(images.glob(f"{card.id}-worst-?.png"))
    if worst:
        parts += ["", "### Worst cases", "", "Green found, blue missed, red-orange too much."]
    for path in worst:
        caption = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
        parts += ["", f"{caption}", "", f"![{caption}](images/{path.name})"]
    return parts


if __name__ == "__main__":
    sys.exit(main())
