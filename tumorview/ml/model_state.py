"""What this computer knows about its models beside their cards: defaults, how they got here, what they were tested for.

A JSON file in the folder of the user's models. A card travels with its model and could claim anything; what was
measured here is kept here. Reading never fails: a damaged file is as good as none, and says so in ``problem``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tumorview.core.paired import PairedTest
from tumorview.ml.card import ModelCard

STATE_NAME = "models.json"
_VERSION = 1
_MAX_BYTES = 16 << 20


class Purpose(StrEnum):
    """What a model is for; each purpose has a default of its own."""

    WHOLE_TUMOUR = "whole tumour"
    SUB_REGIONS = "tumour sub-regions"

    @classmethod
    def of(cls, card: ModelCard) -> "Purpose":
        """The purpose that the classes of a card tell."""
        return cls.WHOLE_TUMOUR if len(card.foreground) == 1 else cls.SUB_REGIONS


class Source(StrEnum):
    """How a model got here."""

    BUNDLED = "bundled"
    TRAINED = "trained here"
    IMPORTED = "imported"


@dataclass(frozen=True)
class ModelRecord:
    """``installed`` is the time (UTC, ISO), ``run`` the training run's folder.

    ``tests`` maps the weights' hash of the model it was compared with to what came out.
    """

    source: Source
    installed: str = ""
    run: str = ""
    tests: Mapping[str, PairedTest] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        tests = {key: test.to_dict() for key, test in self.tests.items()}
        return {"source": self.source.value, "installed": self.installed, "run": self.run, "tests": tests}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelRecord":
        """The inverse of ``to_dict``; KeyError, TypeError, ValueError or AttributeError for anything else."""
        tests = {str(key): PairedTest.from_dict(test) for key, test in values["tests"].items()}
        return cls(Source(values["source"]), str(values["installed"]), str(values["run"]), tests)


@dataclass(frozen=True)
class DefaultChange:
    """At ``when`` (UTC, ISO) the default for ``purpose`` went from ``before`` to ``after``; ``why`` in words."""

    when: str
    purpose: Purpose
    before: str
    after: str
    why: str

    def to_dict(self) -> dict[str, str]:
        """JSON values."""
        return {
            "when": self.when,
            "purpose": self.purpose.value,
            "before": self.before,
            "after": self.after,
            "why": self.why,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DefaultChange":
        """The inverse of ``to_dict``."""
        texts = (str(values[name]) for name in ("before", "after", "why"))
        return cls(str(values["when"]), Purpose(values["purpose"]), *texts)


@dataclass(frozen=True)
class ModelState:
    """``defaults`` by purpose; ``earlier`` the defaults before, latest last; ``changes`` all that happened to them."""

    defaults: Mapping[Purpose, str] = field(default_factory=dict)
    earlier: Mapping[Purpose, tuple[str, ...]] = field(default_factory=dict)
    changes: tuple[DefaultChange, ...] = ()
    records: Mapping[str, ModelRecord] = field(default_factory=dict)
    problem: str = ""

    def with_record(self, model: str, record: ModelRecord) -> "ModelState":
        """With another record of a model."""
        return replace(self, records={**self.records, model: record})

    def without(self, model: str) -> "ModelState":
        """After a model was deleted: another one that gets its id inherits neither its proof nor its past."""
        records = {key: record for key, record in self.records.items() if key != model}
        earlier = {purpose: tuple(one for one in models if one != model) for purpose, models in self.earlier.items()}
        return replace(self, records=records, earlier=earlier)

    def with_default(self, change: DefaultChange, earlier: tuple[str, ...]) -> "ModelState":
        """After a change of the default."""
        return replace(
            self,
            defaults={**self.defaults, change.purpose: change.after},
            earlier={**self.earlier, change.purpose: earlier},
            changes=(*self.changes, change),
        )

    def to_json(self) -> str:
        """The text of the file."""
        document = {
            "version": _VERSION,
            "defaults": {purpose.value: model for purpose, model in self.defaults.items()},
            "earlier": {purpose.value: list(models) for purpose, models in self.earlier.items()},
            "changes": [change.to_dict() for change in self.changes],
            "models": {model: record.to_dict() for model, record in self.records.items()},
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, folder: Path | None) -> "ModelState":
        """The state kept in the folder of the user's models; empty where there is none."""
        path = None if folder is None else folder / STATE_NAME
        try:
            if path is None or not path.is_file():
                return cls()
            if path.stat().st_size > _MAX_BYTES:
                raise ValueError("too large")
            return cls._of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            return cls(problem=f"The list of defaults {path} cannot be read ({error}); the bundled default is used.")

    @classmethod
    def _of(cls, document: dict[str, Any]) -> "ModelState":
        if document["version"] != _VERSION:
            raise ValueError(f"version {document['version']}")
        return cls(
            {Purpose(purpose): str(model) for purpose, model in document["defaults"].items()},
            {Purpose(purpose): tuple(map(str, models)) for purpose, models in document["earlier"].items()},
            tuple(DefaultChange.from_dict(change) for change in document["changes"]),
            {str(model): ModelRecord.from_dict(record) for model, record in document["models"].items()},
        )
