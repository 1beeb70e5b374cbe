"""Figures of a model card (matplotlib), drawn from a run's files alone; the same bytes every time."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
mpl.rcParams["svg.hashsalt"] = "tumorview"

from matplotlib import pyplot as plt  # noqa: E402 - after the choice of backend
from matplotlib.figure import Figure  # noqa: E402 - the same

from tumorview.ml.data import site_of  # noqa: E402 - the same

_HUMAN = 0.84  # two readers agree so far on the LGG data (Buda et al. 2019)
_BLUE, _ORANGE = "#0072b2", "#d55e00"
_CURVES = {"dice_pooled": "#0072b2", "dice_per_volume": "#009e73", "flair_dice_pooled": "#d55e00"}


def draw_calibration(document: Mapping[str, Any], path: Path) -> None:
    """Share of tumour over predicted probability, and how many voxels each bin holds."""
    part = document["calibration"]["p_at_least_0.01"]
    figure, (curve, bars) = plt.subplots(
        2, 1, figsize=(4.5, 5), sharex=True, height_ratios=[3, 1], layout="constrained"
    )
    used = [index for index, count in enumerate(part["voxels"]) if count]
    predicted, observed = ([part[name][index] for index in used] for name in ("mean_probability", "tumour_share"))
    curve.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1, label="calibrated")
    curve.plot(predicted, observed, marker="o", color=_BLUE, label="measured")
    error = part["expected_calibration_error"]
    title = "voxels with p of 0.01 or more" + ("" if error is None else f"; ECE {error:.3f}")
    curve.set(title=title, ylabel="share that is tumour", xlim=(0, 1), ylim=(0, 1))
    curve.legend(frameon=False)
    curve.grid(alpha=0.3)
    bins = len(part["voxels"])
    bars.bar((np.arange(bins) + 0.5) / bins, part["voxels"], width=0.9 / bins, color=_BLUE)
    bars.set(xlabel="predicted probability", ylabel="voxels", yscale="log" if used else "linear")
    _save(figure, path)


def draw_patients(document: Mapping[str, Any], path: Path) -> None:
    """Dice of every patient by institution; with FLAIR alone beside it where it was measured."""
    runs = {"all channels": (document["per_patient"], _BLUE)}
    if document["flair_only"] is not None:
        runs["FLAIR only"] = (document["flair_only"]["per_patient"], _ORANGE)
    sites = sorted({site_of(row["id"]) for row in document["per_patient"]})
    figure, panel = plt.subplots(figsize=(max(4.5, 1.2 * len(sites) + 1.5), 3.6), layout="constrained")
    random = np.random.default_rng(0)
    for offset, (label, (rows, colour)) in zip((-0.18, 0.18), runs.items(), strict=False):
        by_site = defaultdict(list)
        for row in rows:
            if row["dice"] is not None:
                by_site[site_of(row["id"])].append(row["dice"])
        places = [place + offset for place in range(len(sites))]
        boxes = panel.boxplot(
            [by_site[site] for site in sites], positions=places, widths=0.3, showfliers=False, manage_ticks=False
        )
        for line in boxes["boxes"] + boxes["medians"]:
            line.set_color(colour)
        for place, site in zip(places, sites, strict=True):
            values = by_site[site]
            spread = place + random.uniform(-0.08, 0.08, len(values))
            panel.scatter(spread, values, s=12, color=colour, label=label if site == sites[0] else None, zorder=3)
    panel.axhline(_HUMAN, color="grey", linestyle="--", linewidth=1, label="two human readers")
    panel.set_xticks(range(len(sites)), sites)
    panel.set(xlabel="institution", ylabel="Dice of a patient", ylim=(0, 1), xlim=(-0.6, len(sites) - 0.4))
    panel.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    _save(figure, path)


def draw_curve(log: Path, path: Path) -> None:
    """Dice on the validation patients over the steps of a run (its ``metrics.csv``); rings are averages of weights."""
    with log.open(encoding="utf-8", newline="") as file:
        rows = [{name: float(value or "nan") for name, value in row.items()} for row in csv.DictReader(file)]
    averaged = [row for row in rows if row["total_step"] and not row["images_per_second"]]
    trained = [row for row in rows if row not in averaged]
    figure, panel = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    for name, colour in _CURVES.items():
        steps, values = zip(*((row["total_step"], row[name]) for row in trained), strict=True)
        panel.plot(steps, values, marker=".", color=colour, label=name)
        for row in averaged:
            panel.scatter(row["total_step"], row[name], s=60, facecolors="none", edgecolors=colour, zorder=3)
    for row in averaged:
        panel.axvline(row["total_step"], color="grey", linestyle=":", linewidth=1)
    panel.set(xlabel="step", ylabel="Dice of the validation patients")
    panel.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
