"""What came out of comparing a new model with an old one, and how it is kept in the run's folder.

``comparison.json`` holds figures and verdict, ``comparison.npz`` the pixels of the worst cases. The page of results,
the command line and the model's card all read this one value.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from tumorview.core.mask import MaskArray
from tumorview.core.paired import PairedTest
from tumorview.core.uncertainty import LEVEL, RESAMPLES, Estimate
from tumorview.errors import ReadError
from tumorview.io.atomic import atomic_write, atomic_write_bytes

COMPARISON_NAME: Final = "comparison.json"
PICTURES_NAME: Final = "comparison.npz"
_VERSION = 1
_LAYERS: Final = ("flair", "truth", "old", "new")

Figures = dict[str, float | int | str | None]


@dataclass(frozen=True)
class ModelReference:
    """A model that took part: ``id`` is empty for one that is not installed yet."""

    id: str
    title: str
    weights_sha256: str


@dataclass(frozen=True)
class PatientPair:
    """One held-out patient: Dice of both models over the whole volume, None where undefined."""

    id: str
    title: str
    slices: int
    old: float | None
    new: float | None

    @property
    def difference(self) -> float | None:
        """New minus old."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True)
class FigurePair:
    """A figure of both models and its paired difference, new minus old, each with its interval."""

    old: Estimate
    new: Estimate
    difference: Estimate

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """JSON values."""
        return {name: getattr(self, name).to_dict() for name in ("old", "new", "difference")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Mapping[str, float | None]]) -> "FigurePair":
        """The inverse of ``to_dict``."""
        return cls(*(Estimate(**values[name]) for name in ("old", "new", "difference")))


@dataclass(frozen=True)
class OriginalCost:
    """Mean Dice per patient on data like the old model's own: what the new one gave up for the local data."""

    name: str
    patients: int
    old: float | None
    new: float | None


@dataclass(frozen=True, eq=False)
class WorstSlice:
    """The slice (from 0) of a patient on which the new model has most wrong pixels; [rows, columns] each.

    ``old_dice`` and ``new_dice`` are of the whole volume.
    """

    patient: str
    title: str
    slice: int
    old_dice: float | None
    new_dice: float | None
    flair: npt.NDArray[Any]
    truth: MaskArray
    old: MaskArray
    new: MaskArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """``new`` against ``old`` on the held-out patients ``pairs``; ``when`` is UTC, ISO.

    ``calibration`` is the expected calibration error (old, new) of voxels with a probability of 0.01 or more.
    """

    when: str
    old: ModelReference
    new: ModelReference
    pairs: tuple[PatientPair, ...]
    test: PairedTest
    figures: Mapping[str, FigurePair]
    calibration: tuple[float | None, float | None]
    original: tuple[OriginalCost, ...]
    worst: tuple[WorstSlice, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The document ``comparison.json``."""
        return {
            "version": _VERSION,
            "when": self.when,
            "interval": {"level": LEVEL, "method": "bootstrap over patients, percentiles", "resamples": RESAMPLES},
            "old": asdict(self.old),
            "new": asdict(self.new),
            "patients": [{**asdict(pair), "difference": pair.difference} for pair in self.pairs],
            "test": self.test.to_dict(),
            "verdict": self.test.verdict.value,
            "in_words": list(self.test.sentences),
            "figures": {name: figure.to_dict() for name, figure in self.figures.items()},
            "expected_calibration_error": {"old": self.calibration[0], "new": self.calibration[1]},
            "original": [asdict(cost) for cost in self.original],
            "worst": [_worst_dict(case) for case in self.worst],
            "notes": list(self.notes),
        }

    def card_metrics(self) -> dict[str, Figures]:
        """The figures as entries of the new model's card."""
        count = len(self.pairs)
        name = f"Local data, {count} held-out patient{'s' * (count != 1)}"
        found: Figures = {"patients": count, "slices": sum(pair.slices for pair in self.pairs)}
        beside: Figures = {}
        for figure, pair in self.figures.items():
            found.update(_flat(figure, pair.new))
            beside.update(_flat(f"{figure}_gained", pair.difference))
        found["expected_calibration_error_p_at_least_0.01"] = _rounded(self.calibration[1])
        beside["p_not_worse"] = _rounded(self.test.p_not_worse)
        beside |= {"margin": self.test.margin, "verdict": self.test.verdict.value}
        entries = {name: found, f"{name}, beside {self.old.title}": beside}
        for cost in self.original:
            entries[f"Original data: {cost.name}"] = {
                "patients": cost.patients,
                "dice_per_volume": _rounded(cost.new),
                f"dice_per_volume of {self.old.title}": _rounded(cost.old),
            }
        return entries

    def save(self, run_folder: Path) -> None:
        """Write both files into the run's folder; WriteError with a remedy."""
        layers = {
            f"{layer}_{number}": getattr(case, layer) for number, case in enumerate(self.worst) for layer in _LAYERS
        }

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez_compressed(file, **layers)

        atomic_write(run_folder / PICTURES_NAME, write)
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        atomic_write_bytes(run_folder / COMPARISON_NAME, text.encode())

    @classmethod
    def load(cls, run_folder: Path) -> "Comparison | None":
        """The comparison kept in a run's folder; None where there is none, ReadError where it is damaged."""
        path = run_folder / COMPARISON_NAME
        if not path.is_file():
            return None
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["version"] != _VERSION:
                raise ValueError(f"version {document['version']}")
            pictures = io.BytesIO((run_folder / PICTURES_NAME).read_bytes())  # numpy leaves a damaged file open
            with np.load(pictures, allow_pickle=False) as layers:
                return cls._of(document, layers)
        except (
            OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EOFError, BadZipFile
        ) as error:  # fmt: skip
            raise ReadError(
                f"The comparison in {path} cannot be read ({error}).", "Compare the models again."
            ) from error

    @classmethod
    def _of(cls, document: dict[str, Any], layers: Mapping[str, npt.NDArray[Any]]) -> "Comparison":
        calibration = document["expected_calibration_error"]
        pairs = ({key: row[key] for key in ("id", "title", "slices", "old", "new")} for row in document["patients"])
        return cls(
            when=str(document["when"]),
            old=ModelReference(**document["old"]),
            new=ModelReference(**document["new"]),
            pairs=tuple(PatientPair(**pair) for pair in pairs),
            test=PairedTest.from_dict(document["test"]),
            figures={name: FigurePair.from_dict(figure) for name, figure in document["figures"].items()},
            calibration=(calibration["old"], calibration["new"]),
            original=tuple(OriginalCost(**cost) for cost in document["original"]),
            worst=tuple(_worst_slice(case, number, layers) for number, case in enumerate(document["worst"])),
            notes=tuple(map(str, document["notes"])),
        )


def _worst_dict(case: WorstSlice) -> dict[str, Any]:
    names = ("patient", "title", "slice", "old_dice", "new_dice")
    return {name: getattr(case, name) for name in names}


def _worst_slice(values: dict[str, Any], number: int, layers: Mapping[str, npt.NDArray[Any]]) -> WorstSlice:
    pixels: dict[str, Any] = {layer: layers[f"{layer}_{number}"] for layer in _LAYERS}
    return WorstSlice(**values, **pixels)


def _flat(name: str, estimate: Estimate) -> Figures:
    """``NAME``, ``NAME_low`` and ``NAME_high``, as a card holds plain values."""
    return {
        name: _rounded(estimate.value),
        f"{name}_low": _rounded(estimate.low),
        f"{name}_high": _rounded(estimate.high),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
