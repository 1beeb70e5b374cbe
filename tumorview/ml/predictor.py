"""A study through an engine: the visible slice first, then outward, cancelled at once, pure of any window."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tumorview.core.prediction import Origin, Prediction, Probabilities
from tumorview.core.progress import Progress
from tumorview.core.study import Study
from tumorview.errors import EngineError
from tumorview.ml.card import ModelCard
from tumorview.ml.engines.base import Engine, Floats
from tumorview.ml.inputs import StudyInputs, prepare, presented

_CHUNK_SECONDS = 0.15  # cancel answers within 0.2 s even by an engine that does not look for it
_LARGEST_CHUNK = 16


@dataclass(frozen=True, eq=False)
class SlicePrediction:
    """Finished slices ``indices`` along array axis ``axis`` (0 k, 1 j, 2 i) of the source grid.

    ``volume`` is the whole prediction [class, k, j, i] as far as it has come; what is not listed yet is 0.
    """

    axis: int
    indices: tuple[int, ...]
    volume: Probabilities

    @property
    def probabilities(self) -> Probabilities:
        """The new slices, copied: [class, n, ...] with n along the first axis after the class."""
        return np.moveaxis(self.volume.take(self.indices, axis=self.axis + 1), self.axis + 1, 1)


def predict_study(
    study: Study,
    card: ModelCard,
    engine: Engine,
    *,
    first: int | None = None,
    inputs: StudyInputs | None = None,
    progress: Progress | None = None,
    on_slices: Callable[[SlicePrediction], None] | None = None,
    batch: int | None = None,
) -> Prediction:
    """Probabilities of the model's foreground classes on the grid of the study's FLAIR.

    ``first`` is the axial slice to begin with (voxel index along the axial normal), ``inputs`` what ``prepare`` gave
    for this study before, ``batch`` the largest number of slices per call (None: what fits 0.15 s).
    ``on_slices`` is called in this thread after every chunk. Raises ModelError for a study without FLAIR, EngineError,
    JobCancelled.
    """
    progress = progress or Progress()
    started = time.perf_counter()
    progress.report(0.0, "Preparing the study")
    if inputs is None:
        inputs = prepare(study, size=card.input_size, progress=progress)
    volume = np.zeros((len(card.foreground), *inputs.geometry.shape), np.float16)
    windows = [presented(part, inputs.view) for part in volume]
    order = outward(inputs.occupied, first)
    done = 0
    for chunk in _chunks(order, batch):
        progress.check()
        began = time.perf_counter()
        here = progress.part(done / len(order), done / len(order))  # an engine may say what takes it so long
        probabilities = _run(engine, inputs.batch(chunk.indices), card, here)
        for window, planes in zip(windows, inputs.to_source(probabilities[:, 1:]), strict=True):
            window[list(chunk.indices)] = planes
        chunk.seconds = time.perf_counter() - began
        done += len(chunk.indices)
        progress.report(done / len(order), f"{done} of {len(order)} slices")
        if on_slices is not None:
            on_slices(SlicePrediction(inputs.view.normal_axis, tuple(chunk.indices), volume))
    origin = _origin(card, engine, inputs, time.perf_counter() - started)
    return Prediction(volume, inputs.geometry, card.foreground, origin, card.threshold, study.id)


def outward(slices: Sequence[int], first: int | None) -> list[int]:
    """``slices`` by their distance from ``first`` (from the middle one if None)."""
    if not slices:
        return []
    centre = slices[len(slices) // 2] if first is None else first
    return sorted(slices, key=lambda k: (abs(k - centre), k))


@dataclass
class _Chunk:
    indices: list[int]
    seconds: float = 0.0


def _chunks(order: Sequence[int], largest: int | None) -> Iterator[_Chunk]:
    """One slice, then as many at once as the one before says fit into the time; the caller notes ``seconds``."""
    start, size = 0, 1
    while start < len(order):
        chunk = _Chunk(list(order[start : start + size]))
        yield chunk
        start += len(chunk.indices)
        fitting = int(_CHUNK_SECONDS * len(chunk.indices) / max(chunk.seconds, 1e-6))
        size = min(max(1, fitting), 2 * size, largest or _LARGEST_CHUNK)


def _run(engine: Engine, slices: Floats, card: ModelCard, progress: Progress) -> Floats:
    probabilities = engine.predict(slices, progress)
    wanted = (len(slices), len(card.classes), *slices.shape[2:])
    if probabilities.shape != wanted:
        raise EngineError(
            f"The engine gave an array of {probabilities.shape} where {card.id} describes {wanted}.",
            "Import the model again, or choose another engine.",
        )
    return probabilities


def _origin(card: ModelCard, engine: Engine, inputs: StudyInputs, seconds: float) -> Origin:
    return Origin(
        model_id=card.id,
        weights_sha256=card.weights_sha256,
        engine=engine.name,
        device=engine.device,
        precision=engine.precision,
        channels=inputs.channels,
        seconds=seconds,
        warnings=(*inputs.warnings, *engine.notices),
    )
