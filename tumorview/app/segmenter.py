"""From a study and the user's choices to a Prediction, keeping the engine warm from run to run."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from tumorview.app.jobs import JobContext
from tumorview.app.settings_store import SettingsStore, default_folder
from tumorview.core.mask import Box
from tumorview.core.prediction import ModelClass, Prediction, PredictionPart
from tumorview.core.progress import Progress
from tumorview.core.slicing import Plane, PlaneView
from tumorview.core.study import Study
from tumorview.ml.card import ModelCard
from tumorview.ml.engines.base import Engine
from tumorview.ml.postprocess import NO_POSTPROCESS, Postprocess
from tumorview.ml.registry import ModelEntry, ModelRegistry, user_models_folder


@dataclass(frozen=True)
class SegmentOptions:
    """What the user chose for a run: ``model`` is an id ("" the default one), ``threshold`` None the model's own.

    ``first`` is the voxel (k, j, i) in view: the axial slice through it is predicted first. Without ``postprocess``
    the network's bare answer is given, whatever its card recommends. ``second_look`` says whether slices that may hold
    tumour are predicted again, mirrored and darker (None: as the card recommends). ``label`` is the label that a model
    of one class writes, None the model's own.
    """

    model: str = ""
    device: str = "auto"
    engine: str = "auto"
    threshold: float | None = None
    first: tuple[int, int, int] | None = None
    postprocess: bool = True
    second_look: bool | None = None
    label: int | None = None


RunSegmentation = Callable[[Study, SegmentOptions, JobContext], Prediction]


class Segmenter:
    """Runs models of a registry; the engine used last stays open, so that the next run starts at once.

    ``folder`` is the user's: imported models (or in ``models``) and measurements of this machine live there. May be
    shared between threads; runs are served one by one.
    """

    @classmethod
    def of_user(cls, store: SettingsStore | None = None) -> Self:
        """With the folders that the user's settings name."""
        store = store or SettingsStore(default_folder())
        chosen = store.current.model_folder
        return cls(store.folder, Path(chosen) if chosen else None)

    def __init__(self, folder: Path, models: Path | None = None) -> None:
        self.registry = ModelRegistry(models or user_models_folder(folder))
        self._cache = folder / "cache"
        self._lock = threading.Lock()
        self._open: tuple[tuple[str, str, str], ModelCard, Engine] | None = None

    def models(self) -> list[ModelEntry]:
        """Every model with its status; nothing heavy is loaded."""
        return self.registry.list()

    def __call__(self, study: Study, options: SegmentOptions, context: JobContext) -> Prediction:
        """Segment ``study``; finished slices are published as PredictionPart on the way.

        Raises ModelError, EngineError and JobCancelled.
        """
        from tumorview.ml.predictor import SlicePrediction, predict_study

        with self._lock:
            card, engine = self._engine(options, context.part(0.0, 0.1))
            classes = _classes(card, options)

            def publish(done: SlicePrediction) -> None:
                for part in _parts(done.axis, done.indices, done.volume.shape[1:]):
                    voxels = done.volume[(slice(None), *part.slices)].copy()
                    context.publish(PredictionPart(part, voxels, classes))

            prediction = predict_study(
                study,
                card,
                engine,
                first=_first_slice(study, options),
                progress=context.part(0.1, 1.0),
                on_slices=publish,
                postprocess=_postprocess(card, options),
            )
        threshold = card.threshold if options.threshold is None else options.threshold
        return replace(prediction, threshold=threshold, classes=classes)

    def _engine(self, options: SegmentOptions, progress: Progress) -> tuple[ModelCard, Engine]:
        from tumorview.ml.engines import open_engine

        model = self.registry.usable(options.model or None)
        key = (model.card.weights_sha256, options.engine, options.device)
        if self._open is None or self._open[0] != key:
            self._open = None
            progress.report(0.0, "Loading the network")
            engine = open_engine(
                model, engine=options.engine, device=options.device, cache=self._cache, progress=progress
            )
            self._open = (key, model.card, engine)
        return self._open[1], self._open[2]


def _classes(card: ModelCard, options: SegmentOptions) -> tuple[ModelClass, ...]:
    classes = card.foreground
    if options.label is None or len(classes) != 1:
        return classes
    return (replace(classes[0], label=options.label),)


def _postprocess(card: ModelCard, options: SegmentOptions) -> Postprocess:
    usual = card.postprocess if options.postprocess else NO_POSTPROCESS
    return usual if options.second_look is None else replace(usual, second_look=options.second_look)


def _first_slice(study: Study, options: SegmentOptions) -> int | None:
    if options.first is None:
        return None
    return options.first[PlaneView.of(study.reference.volume.geometry, Plane.AXIAL).normal_axis]


def _parts(axis: int, indices: tuple[int, ...], shape: tuple[int, ...]) -> list[Box]:
    """One box a slice: neighbours in time are not neighbours in space when work goes outward."""
    boxes = []
    for index in indices:
        start, stop = [0, 0, 0], list(shape)
        start[axis], stop[axis] = index, index + 1
        boxes.append(Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])))
    return boxes
