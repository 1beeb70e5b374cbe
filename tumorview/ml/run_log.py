"""What a run writes about itself: JSON lines for programs, CSV for spreadsheets, one summary at the end."""

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

from tumorview.errors import TrainingStorageError

_COLUMNS = (
    "total_step", "phase", "step", "size", "width", "loss", "lr", "images_per_second", "seconds",
    "dice_pooled", "dice_per_volume", "flair_dice_pooled",
)  # fmt: skip


class RunLog:
    """Appends to ``metrics.jsonl`` (everything) and ``metrics.csv`` (one row a validation)."""

    def __init__(self, folder: Path) -> None:
        self._lines, self._table = folder / "metrics.jsonl", folder / "metrics.csv"

    def note(self, event: str, **values: Any) -> None:  # noqa: ANN401 - JSON values
        """One JSON line with the time (UTC)."""
        record = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **values}
        self._append(self._lines, json.dumps(record) + "\n")

    def validation(self, **values: Any) -> None:  # noqa: ANN401 - JSON values
        """A validation: one JSON line and one CSV row."""
        self.note("validation", **values)
        try:
            new = not self._table.exists()
            with self._table.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
                if new:
                    writer.writeheader()
                writer.writerow(values)
        except OSError as error:
            raise _unwritable(self._table, error) from error

    def _append(self, path: Path, text: str) -> None:
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise _unwritable(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Atomic text file."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> TrainingStorageError:
    return TrainingStorageError(f"{path} could not be written ({error}).", "Free some disk space and resume the run.")
