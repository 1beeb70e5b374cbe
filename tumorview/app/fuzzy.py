"""Finding an entry by a few of its letters."""

from collections.abc import Sequence

WORD_START, NEXT_LETTER, GAP = 8, 5, -1


def score(query: str, text: str) -> int | None:
    """How well the letters of ``query`` are found in order in ``text``: higher is better, None where they are not.

    Letters at the start of a word and letters in a row count more; case and spaces of the query do not matter.
    """
    letters, said = [letter for letter in query.casefold() if not letter.isspace()], text.casefold()
    if not letters:
        return 0
    # best[i]: the best score with the letters so far, the last of them on position i of the text.
    best: dict[int, int] = {-1: 0}
    for letter in letters:
        found: dict[int, int] = {}
        for place, char in enumerate(said):
            if char != letter:
                continue
            ways = [old + _gain(said, last, place) for last, old in best.items() if last < place]
            if ways:
                found[place] = max(ways)
        best = found
    return max(best.values(), default=None)


def ranked(query: str, texts: Sequence[str]) -> list[int]:
    """Indices of the texts that match, best first; where equal, shorter texts and the given order go first."""
    scores = [(score(query, text), len(text), index) for index, text in enumerate(texts)]
    matching = [(-value, length, index) for value, length, index in scores if value is not None]
    if not query.strip():
        return [index for _, _, index in matching]
    return [index for _, _, index in sorted(matching)]


def _gain(said: str, last: int, place: int) -> int:
    gain = WORD_START if place == 0 or not said[place - 1].isalnum() else 0
    if last >= 0:
        gain += NEXT_LETTER if place == last + 1 else max(GAP * (place - last), -6)
    return gain
