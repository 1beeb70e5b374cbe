"""What the user chose and the program remembers: one frozen table; only what differs from the defaults is saved.

The table drives the settings dialog, the checks of what is read, and the page about settings in the user guide.
"""

from dataclasses import dataclass
from typing import Any

from tumorview.app.actions import ACTIONS
from tumorview.app.keymap import KEY_PRESETS
from tumorview.app.layouts import Layout
from tumorview.app.mouse import MOUSE_PRESETS
from tumorview.app.options import Choice, choices, option, options_of
from tumorview.core.contrast import Preset
from tumorview.core.study import Role

LOOK, MOUSE, IMAGE, COMPUTE, FILES, PRIVACY = (
    "Appearance",
    "Mouse and keys",
    "Images and overlay",
    "Computing",
    "Files",
    "Privacy",
)

REMEMBERED_LAYOUTS = frozenset((*(f"view.{layout.value}" for layout in Layout), "view.hang_tumour"))
LAYOUTS = (
    Choice("", "Automatic"),
    *(Choice(spec.id.partition(".")[2], spec.plain_title) for spec in ACTIONS if spec.id in REMEMBERED_LAYOUTS),
)


FIRST_WINDOWS = choices(
    own="The file's own, otherwise automatic",
    auto="Automatic",
    contrast="High contrast",
    wide="Wide",
    lesion="Lesion",
)


def first_window_option(series: str) -> Any:  # noqa: ANN401 - as option
    """The window that a series of one role is shown with until another is chosen."""
    return option("own", IMAGE, f"Window of {series}", f"How {series} is shown first.", choices=FIRST_WINDOWS)


@dataclass(frozen=True)
class Settings:
    """Everything that is remembered between two starts, with its default; ``option`` puts it into the dialog."""

    theme: str = option(
        "dark",
        LOOK,
        "Theme",
        "Dark for a reading room; the image itself always lies on black.",
        choices=choices(dark="Dark", light="Light", system="As the system"),
    )
    font_scale: float = option(
        1.0,
        LOOK,
        "Text size",
        "Relative to the font of the system.",
        low=0.8,
        high=1.6,
        step=0.1,
        scale=100,
        suffix=" %",
    )
    mouse_preset: str = option(
        "pacs",
        MOUSE,
        "Mouse",
        "What dragging with each button does, after the program that your hand knows.",
        choices=tuple(Choice(preset.id, preset.title) for preset in MOUSE_PRESETS.values()),
    )
    key_preset: str = option(
        "pacs",
        MOUSE,
        "Keys",
        "The keys of another program, for the actions it has too. Help, Edit Shortcuts changes single keys.",
        choices=tuple(Choice(preset.id, preset.title) for preset in KEY_PRESETS.values()),
    )
    overlay_opacity: float = option(
        0.4,
        IMAGE,
        "Overlay opacity",
        "How much of the image the mask covers.",
        low=0.0,
        high=1.0,
        step=0.05,
        scale=100,
        suffix=" %",
    )
    boundary: bool = option(True, IMAGE, "Boundary", "Outline of every label.")
    boundary_width: int = option(
        2, IMAGE, "Boundary width", "In pixels of the screen, at any zoom.", low=1, high=9, suffix=" px"
    )
    outline: str = option(
        "smooth",
        IMAGE,
        "Outline",
        "Smooth runs below voxel size, voxel edges show exactly what is counted.",
        choices=choices(smooth="Smooth", voxel="Voxel edges"),
    )
    flair_window: str = first_window_option("FLAIR")
    t1_window: str = first_window_option("T1")
    t1ce_window: str = first_window_option("T1 contrast")
    t2_window: str = first_window_option("T2")
    other_window: str = first_window_option("Other series")
    interpolation: str = option(
        "linear",
        IMAGE,
        "Interpolation",
        "Linear smooths the greys of an enlarged image; nearest shows every voxel as it is. Masks are never smoothed.",
        choices=choices(linear="Linear", nearest="Nearest"),
    )
    layout_thick: str = option(
        "",
        IMAGE,
        "Layout of thick slices",
        "How studies with thick slices open. Choosing a layout while one is open changes it as well.",
        choices=LAYOUTS,
    )
    layout_fine: str = option(
        "",
        IMAGE,
        "Layout of fine volumes",
        "How studies open whose voxels are fine in every direction.",
        choices=LAYOUTS,
    )
    device: str = option(
        "auto",
        COMPUTE,
        "Device",
        "Where the network computes. Automatic takes a graphics card that works, otherwise the processor.",
        choices=choices(auto="Automatic", cpu="Processor (CPU)", cuda="NVIDIA (CUDA)", mps="Apple (MPS)"),
    )
    engine: str = option(
        "auto",
        COMPUTE,
        "Engine",
        "Automatic measures once which engine is fastest on this machine.",
        choices=choices(auto="Automatic", torch="PyTorch", openvino="OpenVINO"),
    )
    second_look: str = option(
        "card",
        COMPUTE,
        "Second look",
        "Slices that may hold tumour are predicted again, mirrored and darker; both answers make one: slower, surer.",
        choices=choices(card="As the model's card says", always="Always", never="Never"),
    )
    autosave_minutes: int = option(
        5,
        FILES,
        "Save sessions by themselves",
        "A session with a file is saved so long after a change (0: never). Each step is kept against a crash anyway.",
        low=0,
        high=60,
        suffix=" min",
    )
    model_folder: str = option(
        "",
        FILES,
        "Models",
        "Where imported models are kept. Empty: in TumorView's own folder. Applies from the next start.",
        folder=True,
    )
    export_folder: str = option(
        "", FILES, "Exports", "Where exports are offered first. Empty: beside the image.", folder=True
    )
    hide_identity: bool = option(
        False, PRIVACY, "Hide identity", "File and patient names in the window, its title and lists are masked."
    )
    name_in_title: bool = option(
        True, PRIVACY, "Name in the window title", "Other people see titles in task bars and shared screens."
    )
    keep_recent: bool = option(
        True, PRIVACY, "Keep recent studies", "Off: the list is emptied and nothing is added to it."
    )
    shortcuts: tuple[str, ...] = ()  # what differs from the preset, as app.keymap.line_of writes it
    model: str = ""
    compare_with_truth: bool = False
    brush_radius: float = 5.0
    crosshair: bool = True
    cine_rate: float = 8.0
    brush_shape: str = "round"
    brush_ball: bool = False
    brush_sensitivity: float = 3.0
    paint_over: str = "all"
    paint_over_label: int = 1
    tool_fill_deep: bool = False
    tool_grow_deep: bool = True
    tool_grow_tolerance: float = 0.15
    tool_grow_radius: float = 30.0
    tool_greys: str = "bright"
    tool_shape_deep: bool = True
    tool_margin_mm: float = 1.0
    tool_smooth_mm: float = 1.5
    tool_island_ml: float = 0.1
    protocol_roles: tuple[str, ...] = ()  # corrected roles by protocol, as app.protocols writes them
    recent: tuple[str, ...] = ()
    last_folder: str = ""
    window_geometry: str = ""
    window_state: str = ""
    show_history: bool = False
    folded_panels: tuple[str, ...] = ("refine_panel",)


OPTIONS = options_of(Settings)


def role_presets(settings: Settings) -> dict[Role, Preset]:
    """The window presets that were chosen for roles; roles that keep to the file are left out."""
    chosen = {role: getattr(settings, f"{role.lower()}_window") for role in Role}
    return {role: Preset(preset) for role, preset in chosen.items() if preset != "own"}


def second_look(settings: Settings) -> bool | None:
    """``SegmentOptions.second_look`` as chosen; None leaves it to the model's card."""
    return {"always": True, "never": False}.get(settings.second_look)
