"""What a run has written about itself since the last look: progress lines, validations, samples, its end."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tumorview.app.training_events import RunEnded, Sampled, Validated
from tumorview.app.training_process import StopKind
from tumorview.ml.samples import read_samples, sample_steps
from tumorview.ml.training_report import TrainProgress, ValidationScores

OUTPUT_NAME = "progress.jsonl"  # the standard output of the run's processes, one after another
ERRORS_NAME = "errors.txt"  # the standard error of the last one
METRICS_NAME = "metrics.jsonl"
_MOST_BYTES = 4_000_000  # of one look


class NewLines:
    """Follows a file that grows; a line is read once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._rest = path, 0, b""

    @property
    def written(self) -> float:
        """When it was written last."""
        try:
            return self._path.stat().st_mtime
        except OSError:
            return 0.0

    def read(self) -> Iterator[dict[str, Any]]:
        """JSON documents that were added; lines that are torn (a killed process, a full disk) are passed over."""
        try:
            with self._path.open("rb") as file:
                if self._path.stat().st_size < self._offset:  # begun anew
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                content = file.read(_MOST_BYTES)
        except OSError:
            return
        self._offset += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if isinstance(document, dict):
                yield document


class RunFeed:
    """Reads a run's folder from any thread, one at a time; ``begun``, ``ended`` and ``error`` are of the last start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._output, self._metrics = NewLines(folder / OUTPUT_NAME), NewLines(folder / METRICS_NAME)
        self._sampled = -1
        self.started = False  # ever
        self.begun = False
        self.ended: RunEnded | None = None
        self.error: dict[str, str] | None = None
        self.last: TrainProgress | None = None
        self.total_step = 0

    def read(self) -> Iterator[TrainProgress | Validated | Sampled]:
        """What is new; the file that was written last has the last word about how the run ended."""
        sources: list[tuple[NewLines, Callable[[dict[str, Any]], Iterator[TrainProgress | Validated]]]] = [
            (self._metrics, self._metric),
            (self._output, self._line),
        ]
        if self._metrics.written > self._output.written:  # the run went on in a terminal
            sources.reverse()
        for lines, understand in sources:
            for document in lines.read():
                yield from understand(document)
        steps = sample_steps(self._folder)
        if steps and steps[-1] != self._sampled:
            samples = read_samples(self._folder, steps[-1])
            if samples is not None:
                self._sampled = steps[-1]
                yield Sampled(samples, tuple(steps))

    @property
    def model(self) -> Path | None:
        """The best weights so far."""
        path = self._folder / "model.safetensors"
        return path if path.exists() else None

    def _line(self, document: dict[str, Any]) -> Iterator[TrainProgress]:
        try:
            if "begun" in document:
                self.started, self.begun = True, False
                self.ended = self.error = self.last = None
            elif "error" in document:
                self.error = {key: str(value) for key, value in document["error"].items()}
            elif "completed" in document:
                self.error = None
                asked = document.get("asked")
                kind = StopKind(asked) if asked else None
                self.ended = RunEnded(bool(document["completed"]), int(document["total_step"]), kind, self.model)
            else:
                scores = document.pop("validation", None)
                progress = TrainProgress(**document, validation=None if scores is None else ValidationScores(**scores))
                self.begun, self.last, self.total_step = True, progress, progress.total_step
                yield progress
        except (KeyError, TypeError, ValueError, AttributeError):
            return  # a line of another version

    def _metric(self, document: dict[str, Any]) -> Iterator[Validated]:
        try:
            match document["event"]:
                case "validation":
                    names = ("dice_pooled", "dice_per_volume", "flair_dice_pooled", "per_patient")
                    scores = ValidationScores(**{name: document[name] for name in names})
                    self.begun, self.total_step = True, int(document["total_step"])
                    yield Validated(self.total_step, document["phase"], document["loss"], document["lr"], scores)
                case "started" | "resumed":
                    self.started, self.ended, self.error = True, None, None
                case "finished" | "cancelled" as event:  # also of a run that somebody follows in a terminal
                    self.ended = RunEnded(event == "finished", int(document["total_step"]), None, self.model)
        except (KeyError, TypeError, ValueError):
            return


def checkpoint_step(folder: Path) -> int | None:
    """The step that a run would go on from; None where it has no checkpoint that can be read."""
    try:
        with (folder / "last.safetensors").open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, 50_000_000)))
        return int(json.loads(header["__metadata__"]["state"])["total_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
