"""Training recipes: TOML files that say everything a run depends on, checked key by key."""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tumorview.errors import TrainingError
from tumorview.resources import resource_path

_ENCODER_LEVELS = 5


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The network to start from; ``norm = "none"`` is Table 3 to the letter.

    ``initial`` is a weights file (also one beside the bundled recipes) or the id of a bundled model, and then decides
    about the width. The first ``freeze`` levels of its encoder keep the weights they start with.
    """

    architecture: str = "unet-cbam"
    width: int = 64
    in_channels: int = 3
    classes: int = 2
    norm: Literal["batch", "none"] = "batch"
    reduction: int = 16
    initial: str = ""
    freeze: int = 0

    def metadata(self) -> dict[str, str]:
        """The network as a weights file describes it."""
        names = ("architecture", "width", "in_channels", "classes", "norm", "reduction")
        return {name: str(getattr(self, name)) for name in names}


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Which patients validate and how many empty slices an epoch holds for each slice with tumour.

    The patients named in ``test``, otherwise ``test_share`` of them, are kept out of training and validation. With
    ``split = "slice"`` slices are drawn instead of patients, as slice-level papers do: neighbours of a test slice are
    trained on, so its scores flatter.
    Validation reads every ``validation_stride``-th slice (with FLAIR alone every second one of those).
    """

    validation: tuple[str, ...] = ()
    validation_share: float = 0.15
    validation_stride: int = 1
    test: tuple[str, ...] = ()
    test_share: float = 0.0
    split: Literal["patient", "slice"] = "patient"
    empty_ratio: float = 0.75


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """Geometry as largest amounts, everything else as probabilities of an event per slice (or per channel)."""

    flip: float = 0.5
    rotation_degrees: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    carve: float = 0.0
    gamma: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    noise_probability: float = 0.0
    blur: float = 0.0
    bias_field: float = 0.0
    all_flair: float = 0.0
    t1_missing: float = 0.0
    t1ce_missing: float = 0.0
    t1_alone: float = 0.0
    t1ce_alone: float = 0.0
    grey_air: float = 0.0
    foreign_contrast: float = 0.0


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """Optimiser, loss and averaging of the weights (``ema = 0`` turns it off)."""

    name: Literal["adam", "adamw"] = "adamw"
    loss: Literal["cross_entropy", "cross_entropy_dice"] = "cross_entropy_dice"
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema: float = 0.998


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of training: slice size, optimiser steps, slices a step, learning rate and its schedule.

    Before the first step ``grow`` widens the network by that factor, and ``slim`` prunes its deepest level to that
    share of its channels. The learning rate rises over ``warmup`` steps and then stays ("constant") or falls along a
    cosine to ``final_share`` of itself. With ``blend`` the phase ends with one more candidate: its averaged weights
    with that share of the weights it began with.
    """

    size: int
    steps: int
    batch: int
    lr: float
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: int = 0
    final_share: float = 0.01
    grow: int = 1
    slim: float = 1.0
    blend: float = 0.0
    evaluate_every: int = 250


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training path; the same recipe, data and seed give the same weights on the same machine."""

    name: str
    title: str
    phases: tuple[Phase, ...]
    seed: int = 0
    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)

    @property
    def steps(self) -> int:
        """Optimiser steps of all phases."""
        return sum(phase.steps for phase in self.phases)


def recipe_names() -> list[str]:
    """Names of the bundled recipes."""
    return sorted(path.stem for path in resource_path("recipes").glob("*.toml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A bundled recipe by name, or a TOML file."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in recipe_names():
            raise TrainingError(
                f"There is no recipe {str(name_or_path)!r}.", f"Use one of {', '.join(recipe_names())} or a .toml file."
            )
        path = resource_path("recipes", f"{name_or_path}.toml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"The recipe {path} cannot be read ({error}).", "Check --recipe.") from error
    return parse_recipe(text, path.name)


def parse_recipe(text: str, source: str = "recipe") -> Recipe:
    """Check a recipe's TOML text; every error names the key."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{source} is not valid TOML ({error}).", "Correct the line.") from error
    document["phases"] = document.pop("phase", [])
    recipe: Recipe = _build(Recipe, document, "", source)
    _check(recipe, source)
    return recipe


def recipe_text(recipe: Recipe) -> str:
    """The recipe as TOML that ``parse_recipe`` reads back to an equal recipe."""
    lines = [f"{key} = {_toml(getattr(recipe, key))}" for key in ("name", "title", "seed")]
    for section in ("model", "data", "augment", "optimiser"):
        values = dataclasses.asdict(getattr(recipe, section))
        lines += ["", f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    for phase in recipe.phases:
        lines += ["", "[[phase]]", *(f"{key} = {_toml(value)}" for key, value in dataclasses.asdict(phase).items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def _build(kind: Any, values: Mapping[str, Any], where: str, source: str) -> Any:  # noqa: ANN401 - any settings class
    """An instance of the dataclass ``kind`` from TOML values, recursively."""
    hints = typing.get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    for key in values:
        if key not in fields:
            raise _wrong(f"{where}{key}", "is not a setting", source, f"Known here: {', '.join(sorted(fields))}.")
    built = {key: _value(hints[key], value, f"{where}{key}", source) for key, value in values.items()}
    for key, item in fields.items():
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and key not in built:
            raise _wrong(f"{where}{key}", "is missing", source)
    return kind(**built)


def _value(hint: Any, value: object, where: str, source: str) -> object:  # noqa: ANN401 - a type expression
    """One value of the declared type; whole numbers are welcome where fractions are."""
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise _wrong(where, "has to be a table", source)
        return _build(hint, value, f"{where}.", source)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value not in arguments:
            raise _wrong(where, f"is {value!r}", source, f"Use one of {', '.join(map(repr, arguments))}.")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "has to be a list", source)
        return tuple(_value(arguments[0], part, f"{where}[{n}]", source) for n, part in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(hint, type | types.GenericAlias) or type(value) is not hint:
        raise _wrong(where, f"is {value!r}", source, f"A value of type {getattr(hint, '__name__', hint)} is needed.")
    return value


def _check(recipe: Recipe, source: str) -> None:
    """Ranges that types cannot express."""
    if not recipe.phases:
        raise _wrong("phase", "is missing", source, "A recipe has at least one [[phase]].")
    for number, phase in enumerate(recipe.phases):
        where = f"phases[{number}]."
        if phase.size < 16 or phase.size % 16:
            raise _wrong(f"{where}size", f"is {phase.size}", source, "Use a multiple of 16.")
        for key in ("steps", "batch", "grow", "evaluate_every"):
            if getattr(phase, key) < 1:
                raise _wrong(f"{where}{key}", f"is {getattr(phase, key)}", source, "Use 1 or more.")
        if not 0 < phase.slim <= 1:
            raise _wrong(f"{where}slim", f"is {phase.slim}", source, "Use a share above 0 up to 1 (all channels).")
        if not 0 <= phase.blend < 1:
            raise _wrong(f"{where}blend", f"is {phase.blend}", source, "Use a share of 0 (off) up to below 1.")
        if phase.lr <= 0:
            raise _wrong(f"{where}lr", f"is {phase.lr}", source, "Use a positive number.")
    if not 0 <= recipe.optimiser.ema < 1:
        raise _wrong("optimiser.ema", f"is {recipe.optimiser.ema}", source, "Use 0 (off) up to below 1.")
    if recipe.data.validation_stride < 1:
        raise _wrong("data.validation_stride", f"is {recipe.data.validation_stride}", source, "Use 1 or more.")
    for key in ("validation_share", "test_share"):
        if not 0 <= getattr(recipe.data, key) < 1:
            raise _wrong(f"data.{key}", f"is {getattr(recipe.data, key)}", source, "Use 0 up to below 1.")
    if not 0 <= recipe.model.freeze <= _ENCODER_LEVELS:
        raise _wrong("model.freeze", f"is {recipe.model.freeze}", source, f"Use 0 (none) up to {_ENCODER_LEVELS}.")
    if both := sorted(set(recipe.data.validation) & set(recipe.data.test)):
        raise _wrong("data.test", f"names {both[0]}, as data.validation does", source, "A patient has one side.")
    if recipe.data.empty_ratio < 0:
        raise _wrong("data.empty_ratio", f"is {recipe.data.empty_ratio}", source, "Use 0 or more.")


def _wrong(key: str, problem: str, source: str, remedy: str = "") -> TrainingError:
    return TrainingError(f"{source}: {key} {problem}.", remedy)
