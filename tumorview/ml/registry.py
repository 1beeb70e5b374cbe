"""Models by id: the bundled ones and those the user imported. Listing reads cards only and never imports torch.

A model that cannot be used is listed with what is wrong with it; it hides no other.
"""

import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tumorview.errors import ModelError
from tumorview.ml.card import CARD_NAME, MAX_ID, ModelCard
from tumorview.ml.model_state import ModelState, Purpose
from tumorview.ml.package import unpacked
from tumorview.ml.weights_header import check_describes
from tumorview.resources import resource_path

if TYPE_CHECKING:
    from torch import nn

DEFAULT_MODEL = "unet-cbam-lgg"
OK = "ok"
Entries = list["ModelEntry"]  # a name, because ModelRegistry.list hides the type inside the class
_LARGEST_WEIGHTS_BYTES = 4 << 30


@dataclass(frozen=True)
class ModelEntry:
    """One model of the registry: ``card`` is None where it could not be read; ``status`` is "ok" or what is wrong."""

    id: str
    folder: Path
    bundled: bool
    card: ModelCard | None
    status: str = OK

    @property
    def ok(self) -> bool:
        """Whether the model can be used as far as its card and the presence of its weights tell."""
        return self.status == OK

    def to_dict(self) -> dict[str, object]:
        """The entry of ``tumorview models list --json``."""
        card = self.card
        return {
            "id": self.id,
            "title": card.title if card else self.id,
            "architecture": card.architecture if card else None,
            "width": card.width if card else None,
            "weights_sha256": card.weights_sha256 if card else None,
            "bundled": self.bundled,
            "status": self.status,
        }


@dataclass(frozen=True)
class UsableModel:
    """A model whose card is sound and whose weights' hash was compared with it just now."""

    card: ModelCard
    weights: Path

    def network(self) -> "nn.Module":
        """The network with its weights (float32, eval mode, batch norm not folded); imports torch. ModelError."""
        from tumorview.ml.models import load_model

        check_describes(self.card, self.weights)
        return load_model(self.weights)


class ModelRegistry:
    """Models in ``bundled`` and ``user`` folders, one sub-folder each.

    ``user`` may not exist yet; ``import_file`` makes it. Where both have an id, the bundled one wins: an import
    cannot silently take its place.
    """

    def __init__(self, user: Path | None, bundled: Path | None = None) -> None:
        self.user = user
        self._bundled = bundled

    @property
    def bundled(self) -> Path | None:
        """The folder of the models that ship with the program."""
        if self._bundled is not None:
            return self._bundled
        try:
            return resource_path("models")
        except FileNotFoundError:
            return None

    def list(self) -> Entries:
        """Every model, bundled ones first, in the order of their folders' names."""
        entries = [_entry(folder, bundled=True) for folder in _folders(self.bundled)]
        taken = {entry.id for entry in entries}
        for folder in _folders(self.user):
            entry = _entry(folder, bundled=False)
            if entry.id in taken:
                status = f"Another model is already called {entry.id}. Remove {folder} or rename it in its card."
                entry = ModelEntry(entry.id, folder, False, entry.card, status)
            taken.add(entry.id)
            entries.append(entry)
        return entries

    @property
    def default_id(self) -> str:
        """What segments unless another model is named; ModelError where no model is sound."""
        found = self.default_of(Purpose.WHOLE_TUMOUR) or self.default_of(Purpose.SUB_REGIONS)
        if found is None:
            raise ModelError("No usable model is installed.", "Import one with 'tumorview models import FILE'.")
        return found

    def default_of(self, purpose: Purpose, entries: "Entries | None" = None) -> str | None:
        """The user's default for a purpose if it is sound, otherwise the bundled one, otherwise the first sound one.

        ``entries`` saves reading the cards again.
        """
        usable = [
            entry.id
            for entry in (self.list() if entries is None else entries)
            if entry.ok and entry.card is not None and Purpose.of(entry.card) is purpose
        ]
        wanted = (ModelState.read(self.user).defaults.get(purpose), DEFAULT_MODEL, *usable[:1])
        return next((model for model in wanted if model in usable), None)

    def get(self, model_id: str | None = None) -> ModelEntry:
        """The entry of that id (the default one if None), broken or not; ModelError where there is none."""
        wanted = model_id or self.default_id
        entries = self.list()
        for entry in entries:
            if entry.id == wanted:
                return entry
        known = ", ".join(entry.id for entry in entries) or "none"
        raise ModelError(f"There is no model {wanted!r}.", f"Choose one of: {known}.")

    def usable(self, model_id: str | None = None) -> UsableModel:
        """The model with its weights' hash compared to the card; ModelError where it must not be used."""
        entry = self.get(model_id)
        if entry.card is None or not entry.ok:
            raise ModelError(entry.status)
        weights = entry.folder / entry.card.weights
        check_weights(entry.card, weights)
        return UsableModel(entry.card, weights)

    def load(self, model_id: str | None = None) -> "nn.Module":
        """The network of a model, its hash checked first; raises ModelError."""
        return self.usable(model_id).network()

    def verify(self) -> Entries:
        """All models with the hashes of their weights checked: the status of a damaged one says so."""
        checked = []
        for entry in self.list():
            status = entry.status
            if entry.ok and entry.card is not None:
                try:
                    check_weights(entry.card, entry.folder / entry.card.weights)
                except ModelError as error:
                    status = str(error)
            checked.append(ModelEntry(entry.id, entry.folder, entry.bundled, entry.card, status))
        return checked

    def import_file(self, path: Path, *, rename: bool = False) -> ModelEntry:
        """Copy a model (a folder, its card.json, or a ``.tvmodel`` zip of it) into the user's folder.

        Nothing is installed unless card, hash and file layout are sound; raises ModelError otherwise. With ``rename``
        a model whose id another one has gets a free one.
        """
        with unpacked(path) as source:
            card = ModelCard.read(source)
            weights = source / card.weights
            taken = {entry.id for entry in self.list()}
            return self.install(replace(card, id=free_id(card.id, taken)) if rename else card, weights)

    def install(self, card: ModelCard, weights: Path) -> ModelEntry:
        """Copy ``weights`` and their card into the user's folder, once both are found sound; ModelError otherwise."""
        if self.user is None:
            raise ModelError("This session keeps no user models.", "Start TumorView with a settings folder.")
        check_weights(card, weights)
        check_describes(card, weights)
        if any(entry.id == card.id for entry in self.list()):
            raise ModelError(
                f"A model called {card.id} is already installed.",
                "Remove it first, or give the new one another id in its card.",
            )
        return _install(card, weights, self.user)


def free_id(wanted: str, taken: Container[str]) -> str:
    """``wanted``, or with the first number behind it that nobody has."""
    numbered = (f"{wanted[: MAX_ID - 5]}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wanted], numbered) if name not in taken)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_weights(card: ModelCard, weights: Path) -> None:
    """Raise ModelError unless the weights are there and have the hash that the card pins."""
    try:
        if weights.stat().st_size > _LARGEST_WEIGHTS_BYTES:
            raise ModelError(f"The weights of {card.id} are larger than 4 GB.", "Import another model.")
        found = sha256_of(weights)
    except OSError as error:
        raise ModelError(
            f"The weights of {card.id} are missing ({weights.name}).", "Install the model again."
        ) from error
    if found != card.weights_sha256:
        raise ModelError(
            f"The weights of {card.id} are not the ones its card describes (SHA-256 differs).",
            "The file is damaged or was changed: install the model again from its source.",
        )


def _folders(root: Path | None) -> list[Path]:
    try:
        if root is None or not root.is_dir():
            return []
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:  # a folder that may not be read, or on a drive that went away, hides the bundled models from nobody
        return []


def _entry(folder: Path, *, bundled: bool) -> ModelEntry:
    try:
        card = ModelCard.read(folder)
    except ModelError as error:
        return ModelEntry(folder.name, folder, bundled, None, str(error))
    status = OK
    if not (folder / card.weights).is_file():
        status = f"The weights of {card.id} are missing ({card.weights}). Install the model again."
    return ModelEntry(card.id, folder, bundled, card, status)


def _install(card: ModelCard, weights: Path, root: Path) -> ModelEntry:
    """Write the model beside its final place and rename it there, so that a half-copied one is never listed."""
    target = root / card.id
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".import-") as scratch:
            draft = Path(scratch) / card.id
            draft.mkdir()
            shutil.copyfile(weights, draft / card.weights)
            (draft / CARD_NAME).write_text(card.to_json(), encoding="utf-8")
            check_weights(card, draft / card.weights)
            draft.rename(target)
    except OSError as error:
        raise ModelError(
            f"The model {card.id} could not be stored in {root} ({error.strerror}).",
            "Make room on the disk or check the folder's permissions.",
        ) from error
    return ModelEntry(card.id, target, False, card)


def user_models_folder(data_dir: Path | None = None) -> Path:
    """Where imported models live: ``data_dir`` if given (tests, portable settings), otherwise the platform's place."""
    if data_dir is not None:
        return data_dir / "models"
    import platformdirs

    return Path(platformdirs.user_data_dir("TumorView", appauthor=False)) / "models"
