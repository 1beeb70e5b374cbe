"""What is done with a network's probabilities before they become a mask, as a model card declares it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Postprocess:
    """What is done with the network's probabilities because it wins on patients kept apart; ``gain`` says how much.

    ``second_look``: slices in which something may be tumour are predicted again, mirrored and darker; see
    ``second_look.combined``.
    ``smallest_share``: 3-D pieces with fewer voxels than this share of the largest are left out of masks.
    """

    second_look: bool = False
    smallest_share: float = 0.0
    gain: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """In words, for whoever reads where a mask comes from."""
        found = []
        if self.second_look:
            found.append(
                "Slices that may hold tumour were looked at twice, once mirrored and darker;"
                " what one look alone marks counts where it adjoins what both mark."
            )
        if self.smallest_share:
            found.append(f"Pieces smaller than {self.smallest_share:.0%} of the largest are left out.")
        return tuple(found)

    @classmethod
    def from_dict(cls, value: object) -> "Postprocess":
        """From JSON values; ValueError says what is wrong."""
        known = NO_POSTPROCESS.to_dict()
        if not isinstance(value, dict) or not set(value) <= set(known):
            raise ValueError(f"may hold {', '.join(known)} alone")
        given = {**known, **value}
        look, share, gain = given["second_look"], given["smallest_share"], given["gain"]
        if type(look) is not bool or not isinstance(gain, str):
            raise ValueError("needs true or false for second_look and a text for gain")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 <= share <= 1.0:
            raise ValueError("needs a smallest_share between 0 and 1")
        return cls(look, float(share), gain)

    def to_dict(self) -> dict[str, Any]:
        """The entry of a card as JSON values."""
        return {"second_look": self.second_look, "smallest_share": self.smallest_share, "gain": self.gain}


NO_POSTPROCESS = Postprocess()
