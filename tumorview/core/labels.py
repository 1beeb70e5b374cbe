"""Labels: what the numbers in a Mask mean and how they are drawn."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

Colour = tuple[int, int, int]

# After Okabe & Ito (2008), "Color Universal Design". Their bluish green and reddish purple are greys to a reader with
# deuteranopia (7 to 9 in L*a*b*, tests/unit/test_palette.py) and would vanish on MRI: a lighter green and a violet
# stand in. For every common colour vision, labels are 17 or more apart and 30 or more from any grey.
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (120, 230, 120),
    (150, 110, 255),
    (240, 228, 66),
    (213, 94, 0),
    (0, 114, 178),
)

STANDARD_OPACITY = 0.4  # of a new label's fill


@dataclass(frozen=True)
class Label:
    """One value of a Mask (1..255): its name, colour (RGB 0..255) and how it is drawn."""

    number: int
    name: str
    colour: Colour
    opacity: float = STANDARD_OPACITY
    visible: bool = True
    locked: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 255:
            raise ValueError(f"label number {self.number} is not in 1..255")
        if not 0.0 <= self.opacity <= 1.0:
            raise ValueError(f"opacity {self.opacity} is not in 0..1")


@dataclass(frozen=True)
class LabelTable:
    """The labels of a Mask by number, immutable: a change gives a new table."""

    labels: tuple[Label, ...]

    @classmethod
    def of(cls, labels: Iterable[Label]) -> "LabelTable":
        """A table of ``labels`` in the order of their numbers; a repeated number is a ValueError."""
        ordered = tuple(sorted(labels, key=lambda label: label.number))
        if len({label.number for label in ordered}) != len(ordered):
            raise ValueError("two labels have the same number")
        return cls(ordered)

    @classmethod
    def whole_tumour(cls) -> "LabelTable":
        """The table of a new mask: one label, the tumour."""
        return cls((Label(1, "Tumour", PALETTE[0]),))

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> Label:
        found = self.get(number)
        if found is None:
            raise KeyError(number)
        return found

    def get(self, number: int) -> Label | None:
        """The label of that number, or None."""
        return next((label for label in self.labels if label.number == number), None)

    def shown(self, numbers: Iterable[int]) -> list[Label]:
        """Those of the labels with these numbers that are visible."""
        wanted = set(numbers)
        return [label for label in self.labels if label.visible and label.number in wanted]

    def alone(self, number: int) -> "LabelTable":
        """A table in which the label of that number is visible and no other."""
        return LabelTable(tuple(replace(label, visible=label.number == number) for label in self.labels))

    def seen_as(self, other: "LabelTable") -> "LabelTable":
        """A table in which the labels that ``other`` has too are visible where they are there."""
        seen = {label.number: label.visible for label in other}
        return LabelTable(tuple(replace(one, visible=seen.get(one.number, one.visible)) for one in self.labels))

    def with_label(self, label: Label) -> "LabelTable":
        """A table with ``label`` added, or put in the place of the one with its number."""
        return LabelTable.of([*(old for old in self.labels if old.number != label.number), label])

    def without(self, number: int) -> "LabelTable":
        """A table without the label of that number."""
        return LabelTable(tuple(label for label in self.labels if label.number != number))

    @property
    def free_number(self) -> int | None:
        """The smallest number that no label has; None where all 255 are taken."""
        taken = {label.number for label in self.labels}
        return next((number for number in range(1, 256) if number not in taken), None)

    def changed(self, number: int, **fields: object) -> "LabelTable":
        """A table in which the label of that number has some fields replaced."""
        return self.with_label(replace(self[number], **fields))  # type: ignore[arg-type]  # fields by name

    def covering(self, numbers: Iterable[int]) -> "LabelTable":
        """A table that also names every number in ``numbers`` (0 is background and left out)."""
        table = self
        for number in sorted({int(n) for n in numbers} - {0}):
            if table.get(number) is None:
                table = table.with_label(unnamed(number))
        return table


def unnamed(number: int) -> Label:
    """A label that nobody has named yet."""
    return Label(number, f"Label {number}", PALETTE[(number - 1) % len(PALETTE)])


@dataclass(frozen=True)
class LabelPreset:
    """A table of labels that is in common use."""

    id: str
    title: str
    table: LabelTable


# BraTS: the numbers of the challenges up to 2021 (3 is not used), as its annotation protocol names them
# (Baid et al. 2021, arXiv 2107.02314).
LABEL_PRESETS = (
    LabelPreset("whole_tumour", "Whole tumour", LabelTable.whole_tumour()),
    LabelPreset(
        "brats",
        "BraTS regions",
        LabelTable.of(
            (
                Label(1, "Necrotic core (NCR)", PALETTE[5]),
                Label(2, "Oedema (ED)", PALETTE[1]),
                Label(4, "Enhancing tumour (ET)", PALETTE[4]),
            )
        ),
    ),
)
