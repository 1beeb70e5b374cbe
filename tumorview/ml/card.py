"""ModelCard: what a set of weights is, what it expects and gives, how well it does and when it fails.

A model is a folder with ``card.json`` and one safetensors file. The card pins the file's SHA-256; nothing in the
program takes the number of classes, the channels or the input size from anywhere else.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tumorview.core.prediction import ModelClass
from tumorview.core.study import MODEL_CHANNELS, Role
from tumorview.errors import ModelError
from tumorview.ml.postprocess import NO_POSTPROCESS, Postprocess

CARD_NAME = "card.json"
CARD_VERSION = 1
ARCHITECTURES = ("unet-cbam",)
NORMS = ("batch", "none")

MAX_ID = 64
_MAX_BYTES = 4 << 20
_ID = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAX_ID - 1}}}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.safetensors")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = "Ask whoever made the model for a complete file, or import another model."


@dataclass(frozen=True)
class ModelCard:
    """The facts about one model; ``from_dict`` checks every one of them.

    ``classes`` are the network's outputs in order, background (label 0) first. ``input_size`` is the side of the
    square slice in pixels, a multiple of 16. ``deepest`` is the number of channels of the deepest level where that was
    pruned. ``metrics`` maps a data set's name to its measured figures.
    ``split`` says which patients were kept apart, ``recipe`` and ``training_log`` how the weights were made,
    ``parent`` what model they were fine-tuned from; these may be empty. ``postprocess`` is done unless the user turns
    it off.
    """

    id: str
    title: str
    architecture: str
    width: int
    norm: str
    channels: tuple[Role, ...]
    classes: tuple[ModelClass, ...]
    input_size: int
    threshold: float
    weights: str
    weights_sha256: str
    licence: str
    training_data: str
    attribution: tuple[str, ...] = ()
    metrics: Mapping[str, Mapping[str, float | int | str | None]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    split: str = ""
    recipe: str = ""
    training_log: str = ""
    parent: str = ""
    failure_modes: tuple[str, ...] = ()
    deepest: int | None = None
    postprocess: Postprocess = NO_POSTPROCESS
    version: int = CARD_VERSION

    @property
    def foreground(self) -> tuple[ModelClass, ...]:
        """The classes that a Prediction holds: all but the background."""
        return self.classes[1:]

    @property
    def metadata(self) -> dict[str, str]:
        """What the weights file says about its network, if it belongs to this card."""
        return {
            "architecture": self.architecture,
            "width": str(self.width),
            "in_channels": str(len(self.channels)),
            "classes": str(len(self.classes)),
            "norm": self.norm,
            **({} if self.deepest is None else {"deepest": str(self.deepest)}),
        }

    def to_dict(self) -> dict[str, Any]:
        """The card as JSON values."""
        return {
            "version": self.version,
            "id": self.id,
            "title": self.title,
            "architecture": self.architecture,
            "width": self.width,
            "norm": self.norm,
            **({} if self.deepest is None else {"deepest": self.deepest}),
            "channels": [channel.value for channel in self.channels],
            "classes": [{"name": c.name, "label": c.label, "colour": list(c.colour)} for c in self.classes],
            "input_size": self.input_size,
            "threshold": self.threshold,
            **({} if self.postprocess == NO_POSTPROCESS else {"postprocess": self.postprocess.to_dict()}),
            "weights": self.weights,
            "weights_sha256": self.weights_sha256,
            "licence": self.licence,
            "training_data": self.training_data,
            "attribution": list(self.attribution),
            "metrics": {name: dict(figures) for name, figures in self.metrics.items()},
            "notes": list(self.notes),
            "split": self.split,
            "recipe": self.recipe,
            "training_log": self.training_log,
            **({"parent": self.parent} if self.parent else {}),
            "failure_modes": list(self.failure_modes),
        }

    def to_json(self) -> str:
        """The text of ``card.json``."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_dict(cls, document: object) -> "ModelCard":
        """The card that JSON values describe; raises ModelError that names the first wrong entry."""
        if not isinstance(document, dict):
            raise _wrong("it is not a JSON object")
        version = document.get("version")
        if version != CARD_VERSION:
            raise ModelError(
                f"The model card has version {version!r}, this program reads version {CARD_VERSION}.",
                "Update TumorView or ask for a card of that version.",
            )
        unknown = sorted(set(document) - set(_CHECKS) - {"version"})
        if unknown:
            raise _wrong(f"{unknown[0]!r} is not an entry of a card")
        values = {}
        for name, check in _CHECKS.items():
            if name in document:
                values[name] = check(name, document[name])
            elif name not in _OPTIONAL:
                raise _wrong(f"{name!r} is missing")
        return cls(**values)

    @classmethod
    def from_json(cls, text: str | bytes) -> "ModelCard":
        """The card of a ``card.json``; raises ModelError."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:  # also UnicodeDecodeError
            raise _wrong(f"it is not JSON ({error})") from error
        return cls.from_dict(document)

    @classmethod
    def read(cls, folder: Path) -> "ModelCard":
        """The card in a model's folder; raises ModelError."""
        try:
            with (folder / CARD_NAME).open("rb") as file:
                text = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise ModelError(f"The model {folder.name} has no readable {CARD_NAME}.", _REMEDY) from error
        if len(text) > _MAX_BYTES:
            raise _wrong("it is larger than a card can be")
        return cls.from_json(text)


def _wrong(problem: str) -> ModelError:
    return ModelError(f"The model card cannot be used: {problem}.", _REMEDY)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(f"{name!r} must be a text")
    return value


def _text_or_none(name: str, value: object) -> str:
    return "" if value == "" else _text(name, value)


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _wrong(f"{name!r} must be a list of texts")
    return tuple(_text(name, entry) for entry in value)


def _matching(pattern: re.Pattern[str]) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if not pattern.fullmatch(_text(name, value)):
            raise _wrong(f"{name!r} is {value!r}, which is not allowed there")
        return str(value)

    return check


def _one_of(*allowed: str) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if value not in allowed:
            raise _wrong(f"{name!r} is {value!r}, not one of {', '.join(allowed)}")
        return str(value)

    return check


def _whole(low: int, high: int) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _wrong(f"{name!r} must be a whole number in {low}..{high}")
        return value

    return check


def _input_size(name: str, value: object) -> int:
    if type(value) is not int or not 16 <= value <= 1024 or value % 16:
        raise _wrong(f"{name!r} must be a multiple of 16 up to 1024")
    return value


def _threshold(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < 1.0:
        raise _wrong(f"{name!r} must lie between 0 and 1")
    return float(value)


def _channels(name: str, value: object) -> tuple[Role, ...]:
    # The set of inputs is the product's; another order would silently feed wrong channels.
    if value != [role.value for role in MODEL_CHANNELS]:
        raise _wrong(f"{name!r} must be {', '.join(MODEL_CHANNELS)}")
    return MODEL_CHANNELS


def _classes(name: str, value: object) -> tuple[ModelClass, ...]:
    if not isinstance(value, list) or len(value) < 2:
        raise _wrong(f"{name!r} must list the background and at least one tissue")
    classes = tuple(_class(entry) for entry in value)
    numbers = [c.label for c in classes]
    if numbers[0] != 0 or 0 in numbers[1:] or len(set(numbers)) < len(numbers):
        raise _wrong(f"{name!r} must start with the background (label 0) and use every label once")
    return classes


def _class(entry: object) -> ModelClass:
    if not isinstance(entry, dict) or set(entry) != {"name", "label", "colour"}:
        raise _wrong("every class needs a name, a label and a colour")
    label, colour = entry["label"], entry["colour"]
    if type(label) is not int or not 0 <= label <= 255:
        raise _wrong("a class's label must be a whole number in 0..255")
    if not isinstance(colour, list) or len(colour) != 3 or any(type(c) is not int or not 0 <= c <= 255 for c in colour):
        raise _wrong("a class's colour must be three whole numbers in 0..255")
    return ModelClass(_text("name", entry["name"]), label, (colour[0], colour[1], colour[2]))


def _postprocess(name: str, value: object) -> Postprocess:
    try:
        return Postprocess.from_dict(value)
    except ValueError as error:
        raise _wrong(f"{name!r} {error}") from error


def _metrics(name: str, value: object) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(figures, dict) for figures in value.values()):
        raise _wrong(f"{name!r} must map names of data sets to figures")
    for figures in value.values():
        if not all(figure is None or isinstance(figure, int | float | str) for figure in figures.values()):
            raise _wrong(f"{name!r} may only hold numbers and texts")
    return {str(key): dict(figures) for key, figures in value.items()}


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "id": _matching(_ID),
    "title": _text,
    "architecture": _one_of(*ARCHITECTURES),
    "width": _whole(1, 512),
    "norm": _one_of(*NORMS),
    "channels": _channels,
    "classes": _classes,
    "input_size": _input_size,
    "threshold": _threshold,
    "weights": _matching(_FILE),
    "weights_sha256": _matching(_SHA256),
    "licence": _text,
    "training_data": _text,
    "attribution": _texts,
    "metrics": _metrics,
    "notes": _texts,
    "split": _text_or_none,
    "recipe": _text_or_none,
    "training_log": _text_or_none,
    "parent": _text_or_none,
    "failure_modes": _texts,
    "deepest": _whole(1, 8192),
    "postprocess": _postprocess,
}
_OPTIONAL = {
    "attribution", "metrics", "notes", "split", "recipe", "training_log", "parent", "failure_modes",
    "deepest", "postprocess",
}  # fmt: skip
