"""Header entries of a file as the tags viewer lists them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class HeaderTag:
    """One entry; ``identifying`` where it may tell who the patient is. ``depth`` counts enclosing sequences."""

    number: str
    name: str
    kind: str
    value: str
    identifying: bool = False
    depth: int = 0


def matching(tags: Sequence[HeaderTag], words: str) -> list[int]:
    """Indices of the tags in which every word occurs somewhere, in any case; all of them without a word."""
    wanted = words.casefold().split()
    return [
        index
        for index, tag in enumerate(tags)
        if all(word in f"{tag.number} {tag.name} {tag.kind} {tag.value}".casefold() for word in wanted)
    ]
