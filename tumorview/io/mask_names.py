"""What names of files say about masks."""

import re

from tumorview.io.roles import normalised

_TRUTH_WORD = re.compile(
    r"d?seg\w*|\w*truth|gt|ot|otmulti\w*|manual|label\w*|tumou?r\w*|lesion\w*|\w*seg|annotation|roi"
)
_BRAIN_NAME = re.compile(r"brain ?mask|brain|bet|skull\w*|head ?mask|foreground")
_MASK_WORD = re.compile(r"\w*mask\w*")
_MASK_ENDING = re.compile(r"(?:[._\s-]+(?:d?seg\w*|mask\w*|label\w*|truth|gt|manual|lesion\w*|tumou?r\w*|roi|final))+$")


def is_mask_name(stem: str) -> bool:
    """Whether a file of that name may be a mask of any kind."""
    return any(_TRUTH_WORD.fullmatch(word) or _MASK_WORD.fullmatch(word) for word in normalised(stem).split())


def is_brain_mask_name(stem: str) -> bool:
    """Whether the name is that of a mask of the brain or head, not of a tumour."""
    words = normalised(stem)
    return bool(_BRAIN_NAME.search(words)) and bool(_MASK_WORD.search(words))


def mask_rank(stem: str) -> int:
    """0 for names of a ground truth, 1 for other masks."""
    return 0 if any(_TRUTH_WORD.fullmatch(word) for word in normalised(stem).split()) else 1


def without_mask_words(stem: str) -> str:
    """The name, in lower case, without the ending that makes it a mask's."""
    return _MASK_ENDING.sub("", stem.lower())
