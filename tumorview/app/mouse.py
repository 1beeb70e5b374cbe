"""What the mouse does in a slice view: one table of presets after the programs that the hand may know.

Sources: "Mouse & Keyboard Shortcuts" of the user guide of 3D Slicer; the tool tips and the tutorial of ITK-SNAP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Drag(StrEnum):
    """What a drag changes while no tool is in the hand."""

    WINDOW = "window and level"
    PAN = "pan"
    ZOOM = "zoom"
    POINT = "crosshair"


# A button with its modifier: "left", "Shift+left" ...
PLAIN_BUTTONS = ("left", "middle", "right")


@dataclass(frozen=True)
class MousePreset:
    """``drags`` by button; ``right_erases`` says what the right button does with a brush in the hand."""

    id: str
    title: str
    drags: Mapping[str, Drag]
    right_erases: bool = True
    shift_points: bool = False  # the crosshair follows the pointer while Shift is held

    def rows(self) -> list[tuple[str, str]]:
        """What the hand does and what happens, in words, for help and documentation."""
        rows = [(f"{button} drag".replace("+", " + ").capitalize(), _what(does)) for button, does in self.drags.items()]
        rows.append(("Space + drag", "Pan"))
        if self.shift_points:
            rows.append(("Shift + move", "Crosshair follows the pointer"))
        tools = "Paint; with the eraser erase"
        rows.append(("Left drag with a brush", tools))
        if self.right_erases:
            rows.append(("Right drag with a brush", "Erase"))
        return [*rows, *_ALWAYS]


_ALWAYS = (
    ("Wheel", "Slices"),
    ("Ctrl + wheel", "Zoom"),
    ("Shift + wheel with a brush", "Brush size"),
    ("Click", "Crosshair to this place"),
    ("Double click", "The view alone, and back"),
    ("Right click", "Menu of the view"),
)


def _what(does: Drag) -> str:
    return {Drag.WINDOW: "Window (sideways) and level (up and down)", Drag.POINT: "Move the crosshair"}.get(
        does, does.capitalize()
    )


PACS = MousePreset("pacs", "PACS", {"left": Drag.WINDOW, "middle": Drag.PAN, "right": Drag.ZOOM})
SLICER = MousePreset(
    "slicer",
    "3D Slicer",
    {"left": Drag.WINDOW, "Shift+left": Drag.PAN, "middle": Drag.PAN, "right": Drag.ZOOM},
    right_erases=False,
    shift_points=True,
)
# ITK-SNAP has no drag for window and level at all; Ctrl+left is ours.
ITK_SNAP = MousePreset(
    "itksnap",
    "ITK-SNAP",
    {"left": Drag.POINT, "Ctrl+left": Drag.WINDOW, "middle": Drag.PAN, "right": Drag.ZOOM},
)
MOUSE_PRESETS = {preset.id: preset for preset in (PACS, SLICER, ITK_SNAP)}


def mouse_preset(preset_id: str) -> MousePreset:
    """The preset of that id; the PACS one where it is unknown."""
    return MOUSE_PRESETS.get(preset_id, PACS)
