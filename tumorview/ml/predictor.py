"""A study through an engine: the visible slice first, then outward, cancelled at once, pure of any window."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tumorview.core.prediction import Origin, Prediction, Probabilities
from tumorview.core.progress import Progress
from tumorview.core.study import Study
from tumorview.errors import EngineError
from tumorview.ml.card import ModelCard
from tumorview.ml.engines.base import Engine, Floats
from tumorview.ml.inputs import StudyInputs, prepare, presented
from tumorview.ml.postprocess import Postprocess
from tumorview.ml.second_look import changed, combined

SUSPICION = 0.3  # a second look from here is as good as everywhere on the validation patients; from 0.5 it is not
_CHUNK_SECONDS = 0.15  # cancel answers within 0.2 s even by an engine that does not look for it
_LARGEST_CHUNK = 16
_FIRST_LOOK = 0.75  # of the way; a third of a study's slices have tumour and are looked at again


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
    postprocess: Postprocess | None = None,
) -> Prediction:
    """Probabilities of the model's foreground classes on the grid of the study's FLAIR.

    ``first`` is the axial slice to begin with (voxel index along the axial normal), ``inputs`` what ``prepare`` gave
    for this study before, ``batch`` the largest number of slices per call (None: what fits 0.15 s), ``postprocess``
    what is done with the answers (None: what the card says).
    ``on_slices`` is called in this thread after every chunk. Raises ModelError for a study without FLAIR, EngineError,
    JobCancelled.
    """
    progress = progress or Progress()
    started = time.perf_counter()
    progress.report(0.0, "Preparing the study")
    if inputs is None:
        inputs = prepare(study, size=card.input_size, progress=progress)
    after = card.postprocess if postprocess is None else postprocess
    run = _Run(card, engine, inputs, on_slices, batch)
    order = outward(inputs.occupied, first)
    run.look(order, progress.part(0.0, _FIRST_LOOK if after.second_look else 1.0))
    if after.second_look:
        run.look_again(order, progress.part(_FIRST_LOOK, 1.0))
    origin = _origin(card, engine, inputs, time.perf_counter() - started, after)
    return Prediction(
        run.volume, inputs.geometry, card.foreground, origin, card.threshold, study.id, after.smallest_share
    )


class _Run:
    """The slices of one study through an engine, and where their probabilities are put."""

    def __init__(
        self,
        card: ModelCard,
        engine: Engine,
        inputs: StudyInputs,
        on_slices: Callable[[SlicePrediction], None] | None,
        batch: int | None,
    ) -> None:
        self._card, self._engine, self._inputs = card, engine, inputs
        self._on_slices, self._batch = on_slices, batch
        self.volume: Probabilities = np.zeros((len(card.foreground), *inputs.geometry.shape), np.float16)
        self._windows = [presented(part, inputs.view) for part in self.volume]

    def look(self, order: Sequence[int], progress: Progress) -> None:
        """Predict slices in this order."""

        def put(indices: list[int], fresh: npt.NDArray[np.float16]) -> None:
            for window, planes in zip(self._windows, fresh, strict=True):
                window[indices] = planes

        self._slices(order, progress, put, again=False)

    def look_again(self, order: Sequence[int], progress: Progress) -> None:
        """Predict darker mirror images of the slices that may hold tumour, and make one of both answers.

        Their mean is shown on the way: pieces can be judged when the last slice is there.
        """
        first, second = self.volume.copy(), self.volume.copy()
        others = [presented(part, self._inputs.view) for part in second]

        def put(indices: list[int], fresh: npt.NDArray[np.float16]) -> None:
            for window, other, planes in zip(self._windows, others, fresh, strict=True):
                other[indices] = planes
                window[indices] = (window[indices] + planes) / 2

        again = self._suspicious(order)
        self._slices(again, progress, put, again=True)
        if again:
            self.volume[...] = combined(first, second, self._card.threshold)

    def _slices(
        self,
        order: Sequence[int],
        progress: Progress,
        put: Callable[[list[int], npt.NDArray[np.float16]], None],
        *,
        again: bool,
    ) -> None:
        """Hand the planes of every slice to ``put``, a few at a time, and tell."""
        done = 0
        for chunk in _chunks(order, self._batch):
            progress.check()
            began = time.perf_counter()
            here = progress.part(done / len(order), done / len(order))  # an engine may say what takes it so long
            put(chunk.indices, self._planes(chunk.indices, here, again=again))
            chunk.seconds = time.perf_counter() - began
            done += len(chunk.indices)
            progress.report(done / len(order), f"{done} of {len(order)} slices" + (", second look" if again else ""))
            if self._on_slices is not None:
                self._on_slices(SlicePrediction(self._inputs.view.normal_axis, tuple(chunk.indices), self.volume))

    def _suspicious(self, order: Sequence[int]) -> list[int]:
        """Those of the slices in which the probability of tumour is not small everywhere."""
        tumour = (sum(window[k].astype(np.float32) for window in self._windows) for k in order)
        return [k for k, probability in zip(order, tumour, strict=True) if np.max(probability) >= SUSPICION]

    def _planes(self, indices: Sequence[int], progress: Progress, *, again: bool) -> npt.NDArray[np.float16]:
        """Probabilities of foreground classes [class, n, rows, columns] on the source's slices."""
        given = self._inputs.batch(indices)
        if again:
            given = changed(given)
        answer = _answer(self._engine, given, self._card, progress)[:, 1:]
        return self._inputs.to_source(np.ascontiguousarray(answer[..., ::-1]) if again else answer)


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


def _answer(engine: Engine, slices: Floats, card: ModelCard, progress: Progress) -> Floats:
    probabilities = engine.predict(slices, progress)
    wanted = (len(slices), len(card.classes), *slices.shape[2:])
    if probabilities.shape != wanted:
        raise EngineError(
            f"The engine gave an array of {probabilities.shape} where {card.id} describes {wanted}.",
            "Import the model again, or choose another engine.",
        )
    return probabilities


def _origin(card: ModelCard, engine: Engine, inputs: StudyInputs, seconds: float, postprocess: Postprocess) -> Origin:
    return Origin(
        model_id=card.id,
        weights_sha256=card.weights_sha256,
        engine=engine.name,
        device=engine.device,
        precision=engine.precision,
        channels=inputs.channels,
        seconds=seconds,
        warnings=(*inputs.warnings, *engine.notices),
        postprocess=postprocess.sentences,
    )
