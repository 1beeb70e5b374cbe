"""Model packages from outside: a folder, its card, or a ``.tvmodel`` zip that is opened without trusting it."""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tumorview.errors import ModelError
from tumorview.ml.card import CARD_NAME, ModelCard

_MAX_CARD_BYTES = 1 << 20
_MAX_WEIGHTS_BYTES = 2 << 30
_MAX_MEMBERS = 16
_CHUNK = 1 << 20
_REMEDY = "Choose a .tvmodel file, or a model's folder with card.json and its .safetensors file."


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A folder with the package's ``card.json`` and weights; raises ModelError for anything else."""
    if path.is_dir():
        yield path
    elif path.name == CARD_NAME and path.is_file():
        yield path.parent
    elif path.is_file() and zipfile.is_zipfile(path):
        with tempfile.TemporaryDirectory(prefix="tumorview-model-") as scratch:
            folder = Path(scratch)
            _unzip(path, folder)
            yield folder
    elif path.exists():
        raise ModelError(f"{path.name} is not a TumorView model.", _REMEDY)
    else:
        raise ModelError(f"{path} does not exist.", _REMEDY)


def write_package(folder: Path, target: Path) -> None:
    """Pack a model's folder as ``.tvmodel``; weights do not compress, so they are stored."""
    card = ModelCard.read(folder)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        archive.write(folder / CARD_NAME, CARD_NAME)
        archive.write(folder / card.weights, card.weights)


def _unzip(path: Path, folder: Path) -> None:
    """Write the card and the one weights file it names into ``folder``; every other member is left alone.

    Members are looked up by the names we want and written under names we chose, so that no path in the archive is
    ever used. Sizes are counted while reading: the archive's own figures are not believed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > _MAX_MEMBERS:
                raise ModelError(f"{path.name} holds too many files for a model.", _REMEDY)
            prefix = _prefix(archive)
            _extract(archive, prefix + CARD_NAME, folder / CARD_NAME, _MAX_CARD_BYTES)
            card = ModelCard.read(folder)
            _extract(archive, prefix + card.weights, folder / card.weights, _MAX_WEIGHTS_BYTES)
    # Damaged, encrypted, or compressed in an unknown way.
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(f"{path.name} cannot be unpacked ({error}).", _REMEDY) from error


def _prefix(archive: zipfile.ZipFile) -> str:
    """The folder inside the archive that the card is in: none, or one level (how file managers zip a folder)."""
    cards = [name for name in archive.namelist() if name.split("/")[-1] == CARD_NAME and name.count("/") <= 1]
    if len(cards) != 1 or cards[0].startswith(("/", "..")):
        raise ModelError("The archive does not hold exactly one card.json.", _REMEDY)
    return cards[0].removesuffix(CARD_NAME)


def _extract(archive: zipfile.ZipFile, member: str, target: Path, limit: int) -> None:
    if member not in archive.namelist():
        raise ModelError(f"The archive lacks {member}.", _REMEDY)
    written = 0
    with archive.open(member) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise ModelError(f"{member} is larger than a model may be.", _REMEDY)
            sink.write(chunk)
