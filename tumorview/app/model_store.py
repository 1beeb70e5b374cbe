"""The models of this computer: install, name, export, delete, and which one is the default, with the way back.

``ml.registry`` finds models and keeps damaged ones from being used; this adds what a user decides and what was
measured here (``ml.model_state``), and refuses what would lose something. Every change is written at once and read
anew by every question, so that a window and a command line beside it see the same.
"""

import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from tumorview.app.model_state_file import ModelStateFile
from tumorview.app.segmenter import Segmenter
from tumorview.app.settings_store import SettingsStore
from tumorview.app.stored_model import OWN_NOTE, StoredModel
from tumorview.core.paired import PairedTest
from tumorview.errors import ModelError
from tumorview.io.atomic import atomic_write, atomic_write_bytes, write_error
from tumorview.ml.card import CARD_NAME, MAX_ID, ModelCard
from tumorview.ml.model_state import DefaultChange, ModelRecord, ModelState, Purpose, Source
from tumorview.ml.package import unpacked, write_package
from tumorview.ml.registry import ModelEntry, ModelRegistry, check_weights, free_id

if TYPE_CHECKING:
    from tumorview.app.comparison import Comparison

__all__ = ["DefaultChange", "ModelRecord", "ModelStore", "Purpose", "Source", "StoredModel"]

SUFFIX = ".tvmodel"
MAX_TITLE = 80
_MAX_NOTES = 2000


P = ParamSpec("P")
R = TypeVar("R")


def _alone(change: Callable[Concatenate["ModelStore", P], R]) -> Callable[Concatenate["ModelStore", P], R]:
    """While this runs nobody else changes the models of this computer: another window, or a command line."""

    @wraps(change)
    def guarded(store: "ModelStore", /, *arguments: P.args, **options: P.kwargs) -> R:
        with store._file.held():
            return change(store, *arguments, **options)

    return guarded


class ModelStore:
    """What can be done with the models of a registry. ``now`` is the clock, UTC."""

    def __init__(self, registry: ModelRegistry, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.registry = registry
        self._now = now
        self._file = ModelStateFile(registry.user)

    @classmethod
    def of_user(cls, settings: SettingsStore | None = None) -> Self:
        """The models in the folders that the user's settings name."""
        return cls(Segmenter.of_user(settings).registry)

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """The bundled models and those of the user's in ``folder``."""
        return cls(ModelRegistry(folder))

    # -- looking -----------------------------------------------------------------------------------------------

    @property
    def state(self) -> ModelState:
        """Defaults and records as they are on disk now."""
        return self._file.read()

    def models(self, *, verify: bool = False) -> list[StoredModel]:
        """Every model, bundled ones first; a broken one with what is wrong. ``verify`` checks all weights' hashes."""
        entries = self.registry.verify() if verify else self.registry.list()
        state = self.state
        defaults = {purpose: self.registry.default_of(purpose, entries) for purpose in Purpose}
        by_id = {entry.id: entry for entry in reversed(entries)}
        return [self._stored(entry, state, defaults, by_id) for entry in entries]

    def get(self, model_id: str) -> StoredModel:
        """The model of that id; ModelError where there is none."""
        wanted = self.registry.get(model_id)
        return next(model for model in self.models() if model.entry.folder == wanted.folder)

    def with_weights(self, weights_sha256: str) -> StoredModel | None:
        """The sound model that has these weights; None where none has."""
        return next(
            (
                model
                for model in self.models()
                if model.entry.ok and model.entry.card and model.entry.card.weights_sha256 == weights_sha256
            ),
            None,
        )

    def default(self, purpose: Purpose = Purpose.WHOLE_TUMOUR) -> StoredModel | None:
        """The default for a purpose; None where no sound model has it."""
        return next((model for model in self.models() if model.default_for is purpose), None)

    def history(self) -> tuple[DefaultChange, ...]:
        """Every change of a default, latest first."""
        return tuple(reversed(self.state.changes))

    def previous(self, purpose: Purpose = Purpose.WHOLE_TUMOUR) -> str | None:
        """The id that ``rollback`` would make the default again; None where there is no way back."""
        return self._way_back(self.state, purpose)[0]

    # -- bringing in and out -----------------------------------------------------------------------------------

    @_alone
    def install_run(
        self, run_folder: Path, *, title: str, notes: str = "", comparison: "Comparison | None" = None, parent: str = ""
    ) -> StoredModel:
        """Install a run's best weights as a model of the user's; raises ModelError, TrainingError or WriteError.

        ``comparison`` belongs to these weights: its figures go into the card, its outcome decides whether the model may
        become the default. ``parent`` is the id of the model that was fine-tuned.
        """
        from tumorview.app.training_plan import PLAN_NAME  # here: a window that installs nothing starts without them
        from tumorview.ml.run_card import FinishedRun

        run = FinishedRun.read(run_folder)
        planned = (run_folder / PLAN_NAME).is_file()  # then ids tell nothing about the patients
        title = _checked_title(title)
        model = run.model(self._free_id(title), title, self._card(parent), neutral_ids=planned)
        card = replace(model.card, notes=_with_note(model.card.notes, notes))
        tests: dict[str, PairedTest] = {}
        if comparison is not None:
            if comparison.new.weights_sha256 != card.weights_sha256:
                raise ModelError("The comparison is about other weights than this run's.", "Compare the models again.")
            tests[comparison.old.weights_sha256] = comparison.test
            card = replace(card, metrics=comparison.card_metrics())
        self._refuse_twin(card)
        entry = self.registry.install(card, model.weights)
        record = ModelRecord(Source.TRAINED, self._time(), str(run_folder), tests)
        self._file.write(self.state.with_record(entry.id, record))
        return self.get(entry.id)

    @_alone
    def import_file(self, path: Path) -> StoredModel:
        """Install a model from a ``.tvmodel`` file or a folder; raises ModelError unless all of it is sound.

        An id that is taken gets a number; weights that are here already are refused by the name they have.
        """
        with unpacked(path) as source:
            self._refuse_twin(ModelCard.read(source))
            entry = self.registry.import_file(source, rename=True)
        self._file.write(self.state.with_record(entry.id, ModelRecord(Source.IMPORTED, self._time())))
        return self.get(entry.id)

    def export(self, model_id: str, target: Path) -> Path:
        """Write a model as ``.tvmodel``, read back and compared; raises ModelError or WriteError."""
        model = self.registry.usable(model_id)
        path = target if target.suffix else target.with_suffix(SUFFIX)

        def verify(written: Path) -> None:
            with unpacked(written) as folder:
                card = ModelCard.read(folder)
                check_weights(card, folder / card.weights)
                if card != model.card:
                    raise ModelError(f"{path.name} did not read back identical.", "Check the disk, or use another.")

        atomic_write(path, lambda written: write_package(model.weights.parent, written), verify=verify)
        return path

    # -- naming ------------------------------------------------------------------------------------------------

    @_alone
    def describe(self, model_id: str, *, title: str | None = None, notes: str | None = None) -> StoredModel:
        """Give a model of the user's another name or other notes; raises ModelError or WriteError."""
        entry = self._own(model_id)
        if entry.card is None:
            raise ModelError(entry.status)
        card = entry.card if title is None else replace(entry.card, title=_checked_title(title))
        card = card if notes is None else replace(card, notes=_with_note(card.notes, notes))
        atomic_write_bytes(entry.folder / CARD_NAME, card.to_json().encode())
        return self.get(model_id)

    # -- defaults ----------------------------------------------------------------------------------------------

    @_alone
    def set_default(self, model_id: str, *, vouch: bool = False, why: str = "chosen") -> StoredModel:
        """Make a model the default of its purpose; ModelError with the reason where it may not be.

        ``vouch``: the user answers for an imported model that nobody compared here.
        """
        model = self.get(model_id)
        if model.default_for is not None:
            return model
        if model.purpose is None or not model.entry.ok:
            raise ModelError(f"{model.title} cannot be used: {model.entry.status}")
        if model.obstacle and not (vouch and model.vouched):
            raise ModelError(f"{model.title} stays a candidate. {model.obstacle}", _candidate_remedy(model))
        self._change(model.purpose, model_id, why)
        return self.get(model_id)

    @_alone
    def rollback(self, purpose: Purpose = Purpose.WHOLE_TUMOUR) -> StoredModel:
        """Make the default before this one the default again; ModelError where there is none."""
        state = self.state
        target, earlier = self._way_back(state, purpose)
        if target is None:
            raise ModelError("There is no earlier default to go back to.", "Choose a model as the default instead.")
        change = DefaultChange(self._time(), purpose, self._default_id(purpose), target, "rolled back")
        self._file.write(state.with_default(change, earlier))
        return self.get(target)

    @_alone
    def delete(self, model_id: str, *, instead: str = "") -> None:
        """Remove a model of the user's for good; the default only with another one to take its place.

        A model that the registry cannot read can be removed too: by the name of its folder.
        """
        entry = self._own(model_id)
        stored = next(model for model in self.models() if model.entry.folder == entry.folder)
        if stored.default_for is not None:
            if not instead or instead == model_id:
                raise ModelError(
                    f"{stored.title} is the default for {stored.default_for}.",
                    "Choose another default first, or name the model that takes its place.",
                )
            self.set_default(instead, why=f"{stored.title} was deleted")
        root = self.registry.user
        assert root is not None
        try:
            scratch = Path(tempfile.mkdtemp(dir=root, prefix=".deleted-"))
            entry.folder.rename(scratch / entry.folder.name)  # at once: half of a model is never listed
        except OSError as error:
            raise write_error(entry.folder, error) from error
        shutil.rmtree(scratch, ignore_errors=True)
        if not any(model.id == model_id for model in self.models()):
            self._file.write(self.state.without(model_id))

    # -- within ------------------------------------------------------------------------------------------------

    def _stored(
        self,
        entry: ModelEntry,
        state: ModelState,
        defaults: Mapping[Purpose, str | None],
        by_id: Mapping[str, ModelEntry],
    ) -> StoredModel:
        purpose = None if entry.card is None else Purpose.of(entry.card)
        kept = ModelRecord(Source.BUNDLED) if entry.bundled else ModelRecord(Source.IMPORTED)
        record = kept if entry.bundled else state.records.get(entry.id, kept)
        if purpose is None or not entry.ok:
            return StoredModel(entry, record, purpose)
        default = defaults[purpose]
        if entry.id == default:
            return StoredModel(entry, record, purpose, default_for=purpose)
        if entry.bundled or default is None or entry.id in state.earlier.get(purpose, ()):
            return StoredModel(entry, record, purpose)
        beaten = by_id[default].card
        assert beaten is not None
        test = record.tests.get(beaten.weights_sha256)
        if test is not None:
            obstacle = "" if test.verdict.passes else " ".join(test.sentences)
            return StoredModel(entry, record, purpose, obstacle=obstacle)
        obstacle = f"It was not compared with the default, {beaten.title}, on held-out patients of this computer."
        return StoredModel(entry, record, purpose, None, obstacle, vouched=record.source is Source.IMPORTED)

    def _change(self, purpose: Purpose, model_id: str, why: str) -> None:
        state, before = self.state, self._default_id(purpose)
        earlier = tuple(model for model in state.earlier.get(purpose, ()) if model not in (before, model_id))
        change = DefaultChange(self._time(), purpose, before, model_id, why)
        self._file.write(state.with_default(change, (*earlier, before) if before else earlier))

    def _way_back(self, state: ModelState, purpose: Purpose) -> tuple[str | None, tuple[str, ...]]:
        """The latest earlier default that is still usable, and those before it."""
        usable = {
            model.id for model in self.models() if model.entry.ok and model.purpose is purpose and not model.default_for
        }
        earlier = state.earlier.get(purpose, ())
        for place in range(len(earlier) - 1, -1, -1):
            if earlier[place] in usable:
                return earlier[place], earlier[:place]
        return None, ()

    def _default_id(self, purpose: Purpose) -> str:
        return self.registry.default_of(purpose) or ""

    def _own(self, model_id: str) -> ModelEntry:
        """The entry of a model that is the user's, broken or not."""
        entry = next((one for one in self.registry.list() if one.id == model_id and not one.bundled), None)
        if entry is None:
            bundled = self.registry.get(model_id)  # raises where the id is unknown
            raise ModelError(f"{bundled.id} comes with TumorView and stays as it is.", "Choose a model of your own.")
        return entry

    def _card(self, model_id: str) -> ModelCard | None:
        return self.registry.get(model_id).card if model_id else None

    def _free_id(self, title: str) -> str:
        """An id made of a title's letters that no model has."""
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: MAX_ID - 8].strip("-")
        return free_id(name or "model", {entry.id for entry in self.registry.list()})

    def _refuse_twin(self, card: ModelCard) -> None:
        twin = self.with_weights(card.weights_sha256)
        if twin is not None:
            raise ModelError(
                f"These weights are installed already, as {twin.title} ({twin.id}).",
                "Use that model; delete it first to install them under another name.",
            )

    def _time(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checked_title(title: str) -> str:
    """A title of one line; ModelError for an empty or endless one."""
    clean = " ".join(title.split())
    if not clean or len(clean) > MAX_TITLE:
        raise ModelError(f"A model's name has 1 to {MAX_TITLE} letters.", "Choose another name.")
    return clean


def _with_note(notes: tuple[str, ...], own: str) -> tuple[str, ...]:
    """The card's notes with the user's in place of those before."""
    kept = tuple(note for note in notes if not note.startswith(OWN_NOTE))
    text = own.strip()[:_MAX_NOTES]
    return (*kept, f"{OWN_NOTE}{text}") if text else kept


def _candidate_remedy(model: StoredModel) -> str:
    if model.vouched:
        return "Measure it with 'tumorview evaluate-model', then vouch for it (--vouch on the command line)."
    return "It can be chosen for single runs; compare it on more held-out patients to make it the default."
