"""Finished rows, read back from their JSON files, with the metrics computed from the counts they hold."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools.table4.rows import LONGER, ROW_FILE, ROWS, SLICES, Row, run_folder
from tumorview.core.metrics import Agreement, CohortAgreement, Counts
from tumorview.core.uncertainty import Estimate, estimates


@dataclass(frozen=True)
class Result:
    """One finished row; ``facts`` is its JSON document."""

    row: Row
    facts: dict[str, Any]

    @cached_property
    def cohort(self) -> CohortAgreement:
        """Test patients with the counts of each test slice."""
        return CohortAgreement(
            tuple(
                Agreement(tuple(Counts(*counts) for counts in patient["slices"])) for patient in self.facts["patients"]
            )
        )

    @cached_property
    def figures(self) -> dict[str, Estimate]:
        """Each metric with its 95 % interval over patients."""
        return estimates(self.cohort)

    @property
    def ms_per_step(self) -> float:
        """By the clock, preparation of batches included, validation too."""
        return 1000 * float(self.facts["seconds"]) / int(self.facts["steps"])


def read_results(root: Path, protocol: str) -> dict[str, Result]:
    """Finished rows of the table by key."""
    found = {row.key: _read(root, row, protocol) for row in ROWS}
    return {key: result for key, result in found.items() if result is not None}


def read_longer(root: Path) -> Result | None:
    """The run that is no row of the table, if it is finished."""
    return _read(root, LONGER, SLICES)


def _read(root: Path, row: Row, protocol: str) -> Result | None:
    path = run_folder(root, row, protocol) / ROW_FILE
    return Result(row, json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
