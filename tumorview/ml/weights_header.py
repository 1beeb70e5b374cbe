"""What a weights file says about itself, read without torch and without believing it."""

from pathlib import Path

from tumorview.errors import ModelError
from tumorview.ml.card import ModelCard

_MAX_HEADER_BYTES = 1 << 20


def header_metadata(weights: Path) -> dict[str, str]:
    """The metadata of a safetensors file whose header is sound; ModelError for anything else (a pickle, say)."""
    from safetensors import SafetensorError, safe_open  # here, since listing models shall load nothing

    size = weights.stat().st_size
    with weights.open("rb") as file:
        start = file.read(9)
    header = int.from_bytes(start[:8], "little")
    if len(start) < 9 or start[8:] != b"{" or not 2 <= header <= min(_MAX_HEADER_BYTES, size - 8):
        raise ModelError(f"{weights.name} is not a safetensors file.", "Weights in other formats are never read.")
    try:
        with safe_open(weights, framework="np") as file:  # checks that every tensor lies inside the file
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{weights.name} is not a readable weights file ({error}).", "Choose a .safetensors file."
        ) from error


def check_describes(card: ModelCard, weights: Path) -> None:
    """Raise ModelError unless the weights are of the network that the card describes.

    Done before a network is built: a file that claims another width must not decide how much memory is taken.
    """
    found = header_metadata(weights)
    for name, value in card.metadata.items():
        if name in found and found[name] != value:
            raise ModelError(
                f"The weights of {card.id} say {name} {found[name]}, its card says {value}.",
                "Import the model again from its source.",
            )
