"""Figures of Table 4 (matplotlib), drawn from finished rows alone; SVG files are the same bytes every time."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "tumorview"

from matplotlib import pyplot as plt  # noqa: E402 - after the choice of backend
from matplotlib.figure import Figure  # noqa: E402 - the same

from tools.table4.results import Result  # noqa: E402 - the same
from tools.table4.rows import PROTOCOLS, ROWS  # noqa: E402 - the same
from tumorview.core.rendering import Window, agreement_overlay, composite, grey  # noqa: E402 - the same

# Colours that stay apart for every common colour vision (Okabe & Ito 2008).
_COLOURS = dict(zip([row.key for row in ROWS], ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00"], strict=True))
_DIM = 64.0  # a slice without a head stays dark
_HUMAN = 0.84  # two readers agree so far on this data (Buda et al. 2019)


def draw_curves(results: Mapping[str, Mapping[str, Result]], path: Path) -> None:
    """Validation Dice over steps, one panel a protocol."""
    figure, panels = plt.subplots(1, len(PROTOCOLS), figsize=(9, 3.4), sharey=True, layout="constrained")
    for panel, (protocol, title) in zip(panels, PROTOCOLS.items(), strict=True):
        for result in results[protocol].values():
            curve = [point for point in result.facts["curve"] if point["dice_pooled"] is not None]
            steps, dice = [p["total_step"] for p in curve], [p["dice_pooled"] for p in curve]
            panel.plot(steps, dice, marker="o", markersize=3, color=_COLOURS[result.row.key], label=result.row.title)
        panel.set(title=title, xlabel="steps", ylim=(0, 1))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("pooled Dice (validation)")
    lines = {line.get_label(): line for panel in panels for line in panel.get_lines()}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(ROWS), frameon=False)
    _save(figure, path)


def draw_patients(results: Mapping[str, Result], path: Path) -> None:
    """Dice of every test patient, one box a model."""
    figure, panel = plt.subplots(figsize=(7, 3.6), layout="constrained")
    dice = [[p.dice for p in result.cohort.patients if p.dice is not None] for result in results.values()]
    panel.boxplot(dice, showfliers=False, medianprops={"color": "black"}, widths=0.6)
    random = np.random.default_rng(0)
    for place, (result, values) in enumerate(zip(results.values(), dice, strict=True), 1):
        spread = place + random.uniform(-0.15, 0.15, len(values))
        panel.scatter(spread, values, s=14, color=_COLOURS[result.row.key], alpha=0.8, zorder=3)
    panel.axhline(_HUMAN, color="grey", linestyle="--", linewidth=1)
    panel.text(0.99, _HUMAN, "two human readers", ha="right", va="bottom", color="grey", fontsize=8,
               transform=panel.get_yaxis_transform())  # fmt: skip
    panel.set_xticks(range(1, len(results) + 1), [result.row.title for result in results.values()])
    panel.set(ylabel="Dice of a patient", ylim=(0, 1))
    panel.grid(axis="y", alpha=0.3)
    _save(figure, path)


def draw_worst(results: Mapping[str, Result], path: Path) -> None:
    """One row of pictures a model: its worst patients, worst first."""
    columns = max(len(result.facts["worst"]) for result in results.values())
    size = (2.1 * columns, 2.35 * len(results))
    figure, panels = plt.subplots(len(results), columns, figsize=size, squeeze=False, layout="constrained")
    for line, result in zip(panels, results.values(), strict=True):
        for panel in line:
            panel.axis("off")
        for panel, case in zip(line, result.facts["worst"], strict=False):
            panel.imshow(picture(case["picture"]))
            panel.set_title(f"{result.row.title}\n{case['patient'][:12]}  Dice {case['dice']:.2f}", fontsize=7)
    full = io.BytesIO()
    figure.savefig(full, dpi=110)
    plt.close(figure)
    with Image.open(full) as image:  # few colours are enough here
        image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def picture(encoded: str) -> np.ndarray:
    """RGB [h, w, 3] of a case: FLAIR with what was found, missed and marked too much."""
    layers = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
    flair, truth, found = (np.ascontiguousarray(layers[..., channel]) for channel in range(3))
    brightest = max(_DIM, float(np.percentile(flair, 99.9)))
    return composite(grey(flair, Window.of_range(0, brightest)), agreement_overlay(found, truth))


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
