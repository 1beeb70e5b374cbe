"""docs/results.md from the JSON files of finished rows: no number is typed by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.markers import replace_part
from tools.table4.results import Result, read_longer, read_results
from tools.table4.rows import PATIENTS, PROTOCOLS, ROWS, SLICES, STEP_TIMES, recipe_of
from tumorview.core.uncertainty import Estimate, differences

NOT_RUN = "not run yet"
PAGE = Path("docs/results.md")
IMAGES = Path("docs/images")

_TWO_CORES = 1.85  # speed on two cores over that on one: convolutions share out well, the rest does not
_BESIDES = 1.25  # validation (8 times a run, about 5 steps' worth each), test, reading, preparing batches


def write_report(root: Path, page: Path = PAGE, images: Path = IMAGES) -> None:
    """Tables, figures and pictures of everything that is finished."""
    results = {protocol: read_results(root, protocol) for protocol in PROTOCOLS}
    replace_part(page, "table4-setup", setup_text(results))
    replace_part(page, "table4-patients", patients_table(results[PATIENTS]))
    replace_part(page, "table4-pairs", pairs_table(results[PATIENTS]))
    replace_part(page, "table4-slices", slices_table(results[SLICES]))
    replace_part(page, "lgg-slices", longer_text(read_longer(root)))
    replace_part(page, "table4-figures", _figures(results, images))
    replace_part(page, "table4-budget", budget_text(json.loads(STEP_TIMES.read_text(encoding="utf-8"))))


def setup_text(results: Mapping[str, Mapping[str, Result]]) -> str:
    """What was run on what, as the rows say it themselves."""
    rows = [result for group in results.values() for result in group.values()]
    if not rows:
        return f"*Table 4 was {NOT_RUN} on this checkout.*"
    done = f"{len(rows)} of {len(ROWS) * len(PROTOCOLS)} runs are finished"
    hours = sum(result.facts["seconds"] + result.facts["test_seconds"] for result in rows) / 3600
    machines = sorted({f"{r.facts['machine']}, torch {r.facts['torch']}" for r in rows})
    schedules = sorted({_schedule(result) for result in rows})
    splits = {
        protocol: sorted({_split(result) for result in group.values()}) for protocol, group in results.items() if group
    }
    lines = [
        f"{done}, {hours:.1f} hours together.",
        "",
        *(f"* Machine: {machine}." for machine in machines),
        *(f"* Schedule: {schedule}." for schedule in schedules),
        *(f"* {PROTOCOLS[protocol].capitalize()}: {text}." for protocol, texts in splits.items() for text in texts),
    ]
    return "\n".join(lines)


def patients_table(results: Mapping[str, Result]) -> str:
    """The table of the split by patient; patients are the unit of the intervals."""
    head = (
        "| model | million parameters | GFLOP a slice | ms a step | `dice_pooled` | `dice_per_volume` (95 %) | median "
        "| `dice_per_slice` | `dice_paper_protocol` | `iou_paper_protocol` | *paper: Dice* | *paper: IoU* |"
    )
    lines = [head, "|---|" + "---:|" * 11]
    for row in ROWS:
        paper = f"*{row.paper_dice:.3f}* | *{row.paper_iou:.3f}*"
        result = results.get(row.key)
        if result is None:
            lines.append(f"| {row.title} | {NOT_RUN} |" + " |" * 8 + f" {paper} |")
            continue
        figures, cohort = result.figures, result.cohort
        cells = [
            *_cost(result),
            number(figures["dice_pooled"].value),
            interval(figures["dice_per_volume"]),
            number(cohort.dice_per_volume_median),
            number(figures["dice_per_slice"].value),
            number(figures["dice_paper_protocol"].value),
            number(figures["iou_paper_protocol"].value),
        ]
        lines.append(f"| {row.title} | {' | '.join(cells)} | {paper} |")
    return "\n".join(lines)


def pairs_table(results: Mapping[str, Result]) -> str:
    """Every row against every other one on the same test patients: whether they can be told apart."""
    rows = [row for row in ROWS if row.key in results]
    if len(rows) < 2:
        return f"*Pairs: {NOT_RUN}.*"
    lines = [
        f"| `dice_per_volume`, row less column | {' | '.join(row.title for row in rows[1:])} |",
        "|---|" + "---:|" * (len(rows) - 1),
    ]
    for before, one in enumerate(rows[:-1]):
        cells = [""] * before
        for other in rows[before + 1 :]:
            found = differences(results[one.key].cohort, results[other.key].cohort)["dice_per_volume"]
            apart = found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)
            cells.append(f"**{interval(found)}**" if apart else interval(found))
        lines.append(f"| {one.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def slices_table(results: Mapping[str, Result]) -> str:
    """The table of the random slice split, beside the paper's own figures."""
    lines = [
        "| model | `dice_paper_protocol` | `iou_paper_protocol` | `dice_pooled` | `dice_per_slice` "
        "| *paper: Dice* | *paper: IoU* |",
        "|---|" + "---:|" * 6,
    ]
    for row in ROWS:
        paper = f"*{row.paper_dice:.3f}* | *{row.paper_iou:.3f}*"
        result = results.get(row.key)
        if result is None:
            lines.append(f"| {row.title} | {NOT_RUN} | | | | {paper} |")
            continue
        names = ("dice_paper_protocol", "iou_paper_protocol", "dice_pooled", "dice_per_slice")
        cells = [number(result.figures[name].value) for name in names]
        lines.append(f"| {row.title} | {' | '.join(cells)} | {paper} |")
    return "\n".join(lines)


def longer_text(result: Result | None) -> str:
    """The longer run with random slices: schedule, figures of its test slices, learning curve."""
    if result is None:
        return f"*The longer run was {NOT_RUN} on this checkout.*"
    facts = result.facts
    phases = ", then ".join(f"{steps:,} steps of {batch} at {size}x{size}" for steps, batch, size in facts["phases"])
    names = ("dice_paper_protocol", "iou_paper_protocol", "dice_pooled", "dice_per_slice")
    counts = [one for patient in result.cohort.patients for one in patient.slices]
    empty = [one for one in counts if not one.tp + one.fn]
    marked = sum(one.fp > 0 for one in empty)
    lines = [
        f"{facts['parameters'] / 1e6:.1f} million parameters, {phases}: {facts['seconds'] / 3600:.1f} hours on "
        f"{facts['machine']}; {_split(result)}.",
        "",
        f"| model | {' | '.join(f'`{name}`' for name in names)} | *paper: Dice* | *paper: IoU* |",
        "|---|" + "---:|" * (len(names) + 2),
        f"| {result.row.title} | {' | '.join(interval(result.figures[name]) for name in names)} "
        f"| *{result.row.paper_dice:.3f}* | *{result.row.paper_iou:.3f}* |",
        "",
        f"{marked} of the {len(empty)} test slices without tumour have a mark, each of which counts as 0 instead of 1: "
        f"that is {marked / len(counts):.3f} of `dice_paper_protocol`.",
        "",
        f"| steps | {' | '.join(str(point['total_step']) for point in facts['curve'])} |",
        "|---|" + "---:|" * len(facts["curve"]),
        f"| pooled Dice (validation) | {' | '.join(number(point['dice_pooled']) for point in facts['curve'])} |",
    ]
    return "\n".join(lines)


def budget_text(times: Mapping[str, Any]) -> str:
    """From measured seconds of a step to the hours of all ten runs."""
    phase = recipe_of(ROWS[0], PATIENTS).phases[0]
    shared = _TWO_CORES if times["threads"] == 1 else 1.0
    key = "processor_seconds" if times["threads"] == 1 else "seconds"
    titles = {row.key: row.title for row in ROWS}
    lines = [
        f"Measured with `python -m tools.table4 measure --save` on {times['machine']}, {times['threads']} thread(s), "
        f"torch {times['torch']}, as processor time where it is one thread (the machine did other work meanwhile):",
        "",
        f"| model | million parameters | GFLOP a slice | measured ms a step | ms a step on 2 cores (÷ {shared}) |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in times["rows"]:
        cost = f"{row['parameters'] / 1e6:.1f} | {row['gflop']:.2f}"
        spent = 1000 * row[key]
        lines.append(f"| {titles[row['key']]} | {cost} | {spent:.0f} | {spent / shared:.0f} |")
    together = sum(row[key] for row in times["rows"])
    step = together / shared
    lines.append(f"| all five | | | {1000 * together:.0f} | {1000 * step:.0f} |")
    hours = phase.steps * step * len(PROTOCOLS) / 3600
    lines += [
        "",
        f"{phase.steps} steps x {step:.2f} s x {len(PROTOCOLS)} protocols = {hours:.1f} hours of steps. Validation, "
        "the test, reading the data and preparing batches add about a quarter: "
        f"**{_BESIDES * hours:.1f} hours** for the ten runs.",
    ]
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Three decimals; a dash where undefined."""
    return "–" if value is None else f"{value:.3f}"


def interval(estimate: Estimate) -> str:
    """The value and its interval."""
    return f"{number(estimate.value)} ({number(estimate.low)} to {number(estimate.high)})"


def _cost(result: Result) -> list[str]:
    facts = result.facts
    return [f"{facts['parameters'] / 1e6:.1f}", f"{facts['gflop']:.1f}", f"{result.ms_per_step:.0f}"]


def _schedule(result: Result) -> str:
    facts = result.facts
    return f"{facts['steps']} steps of {facts['batch']} slices at {facts['size']}x{facts['size']}"


def _split(result: Result) -> str:
    facts = result.facts
    unit = "patients" if facts["protocol"] == PATIENTS else "slices"
    counts = (f"{facts[f'{part}_units']} {unit} for {part}" for part in ("training", "validation", "test"))
    twins = f"; left out as twins: {', '.join(facts['left_out_twins'])}" if facts["left_out_twins"] else ""
    return ", ".join(counts) + twins


def _figures(results: Mapping[str, Mapping[str, Result]], images: Path) -> str:
    """Draw what there is; the text refers to what was drawn."""
    if not any(results.values()):
        return f"*Curves, box plot and worst cases: {NOT_RUN}.*"
    from tools.table4 import figures

    images.mkdir(parents=True, exist_ok=True)
    parts = ["### Learning curves", "", "Pooled Dice on the validation part, at training size, averaged weights.", ""]
    figures.draw_curves(results, images / "table4-curves.svg")
    parts += ["![Validation Dice over steps, one line a model](images/table4-curves.svg)", ""]
    if results[PATIENTS]:
        figures.draw_patients(results[PATIENTS], images / "table4-per-patient.svg")
        parts += ["### Patient by patient", "", "Each dot is a test patient of the split by patient.", ""]
        parts += ["![Dice per patient as a box plot, one box a model](images/table4-per-patient.svg)", ""]
    for protocol, group in results.items():
        if group:
            figures.draw_worst(group, images / f"table4-worst-{protocol}.png")
            parts += [f"### Worst cases, {PROTOCOLS[protocol]}", ""]
            parts += ["FLAIR of the slice with most wrong pixels; green found, blue missed, red-orange too much.", ""]
            parts += [f"![Worst patients of each model](images/table4-worst-{protocol}.png)", ""]
    return "\n".join(parts)
