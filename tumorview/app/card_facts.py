"""What a model's card says, as rows that a page can show: the documentation, the model manager."""

from collections.abc import Mapping
from dataclasses import dataclass

from tumorview.ml.card import ModelCard

FIGURE_TITLES = {
    "dice_pooled": "Dice, all slices together",
    "iou_pooled": "IoU, all slices together",
    "dice_per_volume": "Dice, mean over patients",
    "dice_per_volume_median": "Dice, median over patients",
    "dice_per_slice": "Dice, mean over slices with tumour",
    "dice_paper_protocol": "Dice, as slice-level papers report",
    "iou_paper_protocol": "IoU, as slice-level papers report",
    "expected_calibration_error": "Calibration error, all voxels",
    "expected_calibration_error_p_at_least_0.01": "Calibration error, p of 0.01 or more",
    "p_not_worse": "p of being worse by the margin",
    "margin": "Margin of the test",
    "verdict": "Verdict",
}
ABOUT = ("patients", "slices", "channels", "threshold")
_GAINED = "_gained"


@dataclass(frozen=True)
class FigureRow:
    """A figure of a data set; ``low`` and ``high`` bound its 95 % interval, None where it has none."""

    key: str
    value: object
    low: float | None = None
    high: float | None = None

    @property
    def title(self) -> str:
        """What it is called."""
        if self.key.endswith(_GAINED):
            return f"{figure_title(self.key.removesuffix(_GAINED))}: gained"
        return figure_title(self.key)

    @property
    def shown(self) -> str:
        """The value as text."""
        return number_text(self.value)

    @property
    def interval(self) -> str:
        """The interval as text, empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{number_text(self.low)} to {number_text(self.high)}"


def figure_title(key: str) -> str:
    """A metric's name for people."""
    figure, of, model = key.partition(" of ")
    return f"{FIGURE_TITLES[figure]}{of}{model}" if figure in FIGURE_TITLES else key


def figure_rows(figures: Mapping[str, float | int | str | None]) -> list[FigureRow]:
    """The figures of one data set, intervals beside their value; what it is about is left to ``about``."""
    rows = []
    for key, value in figures.items():
        if key not in ABOUT and not key.endswith(("_low", "_high")):
            rows.append(FigureRow(key, value, _number(figures.get(f"{key}_low")), _number(figures.get(f"{key}_high"))))
    return rows


def about(figures: Mapping[str, float | int | str | None]) -> str:
    """On what a data set's figures were measured."""
    return ", ".join(f"{key} {figures[key]}" for key in ABOUT if key in figures)


def facts(card: ModelCard) -> dict[str, str]:
    """What a card says besides figures and lists; empty where it does not say."""
    return {
        "architecture": f"{card.architecture}, width {card.width}, norm {card.norm}",
        "input": f"{card.input_size}x{card.input_size} pixels, channels {', '.join(card.channels)}",
        "output": ", ".join(f"{c.label} {c.name}" for c in card.classes),
        "threshold": str(card.threshold),
        "after the network": " ".join([*card.postprocess.sentences, card.postprocess.gain]).strip() or "nothing",
        "fine-tuned from": card.parent,
        "training data": card.training_data,
        "kept apart": card.split,
        "recipe": card.recipe,
        "training log": card.training_log,
        "licence of the weights": card.licence,
        "SHA-256": card.weights_sha256,
    }


def number_text(value: object) -> str:
    """A number of a card as text: three digits, a dash where it is undefined."""
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
