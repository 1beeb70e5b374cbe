"""What can be done with a network's probabilities, judged on held-out patients: ``python -m tools.inference_options``.

Every slice goes through the network four times (as it is, mirrored and darker, with FLAIR in all channels, and both);
the probabilities are kept in a folder, and every option (averaging, thresholds, small components, neighbouring slices)
is evaluated from there. An option is worth declaring in a model card (``postprocess``) when it wins on patients that
neither trained the network nor chose its weights, by more than chance explains: the intervals are of the difference.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tumorview.core.metrics import Agreement, CohortAgreement, slice_counts
from tumorview.core.uncertainty import differences
from tumorview.errors import TumorViewError
from tumorview.ml.data import PatientFiles, discover, split_patients
from tumorview.ml.engines.base import Engine
from tumorview.ml.engines.opening import Source, candidates
from tumorview.ml.inputs import prepare
from tumorview.ml.model_evaluation import lgg_study
from tumorview.ml.models import load_model
from tumorview.ml.predictor import SUSPICION
from tumorview.ml.preprocess import FRAME
from tumorview.ml.recipes import load_recipe
from tumorview.ml.registry import ModelRegistry, sha256_of
from tumorview.ml.second_look import DARKER, changed, combined

VARIANTS = ("all", "all_flip", "flair", "flair_flip")
_BATCH = 8

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Case:
    """A patient: probabilities [k, h, w] by variant and the truth [k, h, w]."""

    patient: str
    probabilities: dict[str, Floats]
    truth: Bools


Option = Callable[[Case], Bools]


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line; 0 done, 1 a problem with the input."""
    parser = argparse.ArgumentParser(prog="python -m tools.inference_options", description=__doc__)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the probabilities")
    parser.add_argument("--weights", type=Path, help="a safetensors file (default: the default model's)")
    parser.add_argument("--only", default="", help="a regular expression: options to evaluate")
    parser.add_argument("--recipe", default="lgg", help="whose validation patients are used")
    chosen = parser.parse_args(arguments)
    try:
        weights = chosen.weights or ModelRegistry(None).usable().weights
        patients = discover(chosen.data)
        names = set(split_patients(patients, validation=load_recipe(chosen.recipe).data.validation)[1])
        cases = read_cases([one for one in patients if one.id in names], weights, chosen.cache)
    except TumorViewError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    groups = {
        "LGG": [case for case in cases if case.patient.startswith("TCGA_")],
        "other sites": [case for case in cases if not case.patient.startswith("TCGA_")],
        "all": cases,
    }
    tried = {title: option for title, option in options().items() if re.search(chosen.only, title)}
    print_table({name: group for name, group in groups.items() if group}, tried)
    return 0


# ---- probabilities ---------------------------------------------------------------------------------------------------


def read_cases(patients: Sequence[PatientFiles], weights: Path, cache: Path) -> list[Case]:
    """Probabilities of every patient, from the cache where these weights were run before."""
    folder = cache / f"{sha256_of(weights)[:16]}-{DARKER}"  # of another second look nothing may be taken
    folder.mkdir(parents=True, exist_ok=True)
    engine: Engine | None = None
    cases = []
    for patient in patients:
        path = folder / f"{patient.id}.npz"
        if not path.exists():
            engine = engine or _engine(weights)
            part = path.with_suffix(".part.npz")
            np.savez(part, allow_pickle=False, **_predicted(patient, engine))
            part.rename(path)
        with np.load(path) as file:
            probabilities = {name: file[name].astype(np.float32) for name in VARIANTS}
            cases.append(Case(patient.id, probabilities, file["truth"] > 0))
    return cases


def _engine(weights: Path) -> Engine:
    """In bfloat16 where it is native, otherwise in float32; float16 was several times slower where it was measured."""
    network = load_model(weights)
    offered = candidates(Source(lambda: network, (1, network.in_channels, FRAME, FRAME)), "openvino")
    return next((one for one in offered if one.precision == "bfloat16"), offered[0]).open()


def _predicted(patient: PatientFiles, engine: Engine) -> dict[str, npt.NDArray[np.generic]]:
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for channels in ("all", "flair"):
        study = lgg_study(patient, flair_only=channels == "flair")
        inputs = prepare(study)
        for name, step in ((channels, 1), (f"{channels}_flip", -1)):
            volume = np.zeros(inputs.geometry.shape, np.float16)
            for start in range(0, len(inputs.occupied), _BATCH):
                part = inputs.occupied[start : start + _BATCH]
                given = inputs.batch(part) if step > 0 else changed(inputs.batch(part))
                volume[list(part)] = engine.predict(np.ascontiguousarray(given))[:, 1:].sum(1)[..., ::step]
            arrays[name] = volume
        assert study.truth is not None
        arrays["truth"] = study.truth.data
    return arrays


# ---- options ---------------------------------------------------------------------------------------------------------


def averaged(*variants: str) -> Callable[[Case], Floats]:
    """Mean of the probabilities of some variants."""
    return lambda case: np.mean([case.probabilities[name] for name in variants], axis=0, dtype=np.float32)


def largest(*variants: str) -> Callable[[Case], Floats]:
    """Voxelwise maximum."""
    return lambda case: np.max([case.probabilities[name] for name in variants], axis=0)


def smoothed(field: Callable[[Case], Floats], weight: float) -> Callable[[Case], Floats]:
    """Each slice with ``weight`` of both neighbours."""
    kernel = np.array([weight, 1 - 2 * weight, weight])
    return lambda case: ndimage.convolve1d(field(case), kernel, axis=0, mode="nearest")


def looked_twice(first: str, second: str) -> Callable[[Case], Floats]:
    """The predictor's second look: another variant in suspicious slices, both combined."""

    def field(case: Case) -> Floats:
        one = case.probabilities[first]
        again = one.max(axis=(1, 2), keepdims=True) >= SUSPICION
        other = np.where(again, case.probabilities[second], one)
        found: Floats = combined(one[None].astype(np.float16), other[None].astype(np.float16), 0.5)[0].astype(
            np.float32
        )
        return found

    return field


def at(field: Callable[[Case], Floats], threshold: float = 0.5) -> Option:
    """Where the probability reaches the threshold."""
    return lambda case: field(case) >= threshold


def without_small(mask: Option, *, voxels: int = 0, share: float = 0.0) -> Option:
    """Without 3-D components (face neighbours) of fewer voxels, or less than a share of the largest, which stays."""

    def keep(case: Case) -> Bools:
        found = mask(case)
        labels, count = ndimage.label(found)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        sizes[0] = 0
        if not count:
            return found
        kept: Bools = found & (sizes >= min(max(voxels, share * sizes.max()), sizes.max()))[labels]
        return kept

    return keep


def without_doubtful(field: Callable[[Case], Floats], peak: float, threshold: float = 0.5) -> Option:
    """Without 3-D components whose highest probability stays below ``peak``."""

    def keep(case: Case) -> Bools:
        probability = field(case)
        found = probability >= threshold
        labels, count = ndimage.label(found)
        peaks = np.concatenate([[0.0], ndimage.maximum(probability, labels, np.arange(1, count + 1))])
        kept: Bools = found & (peaks >= peak)[labels]
        return kept

    return keep


def options() -> dict[str, Option]:
    """Everything that is tried; the first one is what the others are compared with."""
    plain, flair = averaged("all"), averaged("flair")
    flips, every = averaged("all", "all_flip"), averaged(*VARIANTS)
    found: dict[str, Option] = {
        "all channels": at(plain),
        "FLAIR only": at(flair),
        "mean with second look": at(flips),
        "FLAIR only, mean with second look": at(averaged("flair", "flair_flip")),
        "mean with FLAIR only": at(averaged("all", "flair")),
        "maximum with FLAIR only": at(largest("all", "flair")),
        "mean of all four": at(every),
        "maximum of the means with second look": at(
            lambda case: np.maximum(flips(case), averaged("flair", "flair_flip")(case))
        ),
    }
    found |= {f"threshold {level:.2f}": at(plain, level) for level in (0.2, 0.3, 0.4, 0.6, 0.7)}
    found |= {f"mean of all four, threshold {level:.2f}": at(every, level) for level in (0.2, 0.3, 0.4, 0.6)}
    found |= {f"neighbouring slices {weight:.2f}": at(smoothed(plain, weight)) for weight in (0.1, 0.2, 0.25)}
    found |= {f"components of {n} voxels": without_small(at(plain), voxels=n) for n in (20, 50, 100, 200, 400)}
    found |= {
        f"components of {share:.0%} of the largest": without_small(at(plain), share=share)
        for share in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    }
    for name, look in (("", looked_twice("all", "all_flip")), ("FLAIR only, ", looked_twice("flair", "flair_flip"))):
        found[f"{name}second look"] = at(look)
        for share in (0.05, 0.1, 0.15):
            found[f"{name}second look, components of {share:.0%}"] = without_small(at(look), share=share)
    found |= {f"components with a peak of {peak:.2f}": without_doubtful(plain, peak) for peak in (0.7, 0.8, 0.9, 0.95)}
    return found


# ---- figures ---------------------------------------------------------------------------------------------------------


def cohort(cases: Sequence[Case], option: Option) -> CohortAgreement:
    """Agreement of an option with the truth."""
    return CohortAgreement(tuple(Agreement(slice_counts(option(case), case.truth)) for case in cases))


def print_table(groups: dict[str, list[Case]], tried: dict[str, Option]) -> None:
    """Pooled and per-volume Dice of every option, and its gain over the first one with a 95 % interval."""
    for name, cases in groups.items():
        first: CohortAgreement | None = None
        print(f"\n{name}: {len(cases)} patients")
        print(f"{'option':40}{'pooled':>8}{'volume':>8}{'paper':>8}   gain pooled, volume")
        for title, option in tried.items():
            found = cohort(cases, option)
            first = first or found
            gains = differences(found, first)
            shown = ", ".join(
                f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
                for gain in (gains["dice_pooled"], gains["dice_per_volume"])
            )
            print(
                f"{title:40}{found.dice_pooled or 0:8.3f}{found.dice_per_volume or 0:8.3f}"
                f"{found.all_slices.dice_paper_protocol:8.3f}   {shown}"
            )


if __name__ == "__main__":
    sys.exit(main())
