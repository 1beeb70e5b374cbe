"""The one table of everything the user can do: menus, toolbar, shortcuts and docs are made from it.

Handlers live in the front end; this table says what an action is called, how it is reached and when it makes sense.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ActionState:
    """What the session and the window can do right now."""

    has_study: bool = False
    has_truth: bool = False
    has_mask: bool = False
    running: bool = False
    can_undo: bool = False
    can_redo: bool = False


Condition = Callable[[ActionState], bool]


def always(_: ActionState) -> bool:
    """Enabled at any time."""
    return True


def with_study(state: ActionState) -> bool:
    """Enabled while a study is open."""
    return state.has_study


@dataclass(frozen=True)
class ActionSpec:
    """One action: ``id`` is ``group.verb``; ``shortcuts`` are in Qt's portable text, the first is the one shown."""

    id: str
    title: str
    menu: str
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    checkable: bool = False
    enabled: Condition = always

    @property
    def shortcut(self) -> str:
        """The shortcut shown in menus and tooltips; empty where there is none."""
        return self.shortcuts[0] if self.shortcuts else ""


FILE, SEGMENT, EDIT, VIEW, HELP = "&File", "&Segment", "&Edit", "&View", "&Help"

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("file.open", "&Open File…", FILE, ("Ctrl+O",), "Open a NIfTI, DICOM, TIFF, PNG or JPEG file", "open"),
    ActionSpec(
        "file.open_folder",
        "Open &Folder…",
        FILE,
        ("Ctrl+Shift+O",),
        "Open a folder with a DICOM study, NIfTI series or image slices",
        "folder",
    ),
    ActionSpec(
        "file.open_sample", "Open Samp&le Study", FILE, (), "Open the study that comes with TumorView", "sample"
    ),
    ActionSpec(
        "file.open_truth",
        "Load &Ground Truth…",
        FILE,
        ("Ctrl+T",),
        "Compare the mask with a reference segmentation",
        "truth",
        enabled=with_study,
    ),
    ActionSpec(
        "file.open_mask", "Load &Mask…", FILE, ("Ctrl+M",), "Edit a mask from a file", "mask", enabled=with_study
    ),
    ActionSpec(
        "file.save_mask",
        "&Save Mask",
        FILE,
        ("Ctrl+S",),
        "Save the mask as NIfTI in the geometry of the image",
        "save",
        enabled=with_study,
    ),
    ActionSpec(
        "file.export_nifti",
        "Export Mask as &NIfTI…",
        FILE,
        ("Ctrl+Shift+S",),
        "Save the mask under another name",
        "export",
        enabled=with_study,
    ),
    ActionSpec(
        "file.export_png",
        "Export &PNG Slices…",
        FILE,
        ("Ctrl+E",),
        "Save mask and overlay pictures of every slice",
        "picture",
        enabled=with_study,
    ),
    ActionSpec("file.close", "&Close Study", FILE, ("Ctrl+W",), "Close the study", enabled=with_study),
    ActionSpec("file.quit", "&Quit", FILE, ("Ctrl+Q",), "Close TumorView"),
    ActionSpec(
        "segment.run",
        "&Run Segmentation",
        SEGMENT,
        ("F5", "Ctrl+R"),
        "Segment the tumour with the chosen model",
        "run",
        enabled=lambda state: state.has_study and not state.running,
    ),
    ActionSpec(
        "segment.cancel",
        "&Cancel",
        SEGMENT,
        ("Shift+F5",),
        "Stop the running task; the mask stays as it was",
        "cancel",
        enabled=lambda state: state.running,
    ),
    ActionSpec(
        "edit.undo", "&Undo", EDIT, ("Ctrl+Z",), "Take the last step back", "undo", enabled=lambda s: s.can_undo
    ),
    ActionSpec(
        "edit.redo",
        "&Redo",
        EDIT,
        ("Ctrl+Shift+Z", "Ctrl+Y"),
        "Make the step again",
        "redo",
        enabled=lambda state: state.can_redo,
    ),
    ActionSpec(
        "edit.navigate",
        "&Window/Level",
        EDIT,
        ("W", "Esc"),
        "Left drag changes window and level",
        "window",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec(
        "edit.brush",
        "&Brush",
        EDIT,
        ("B",),
        "Left drag paints the chosen label, right drag erases",
        "brush",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec("edit.erase", "&Eraser", EDIT, ("E",), "Left drag erases", "erase", checkable=True, enabled=with_study),
    ActionSpec("edit.brush_smaller", "Brush S&maller", EDIT, ("[",), "Also Shift+wheel", enabled=with_study),
    ActionSpec("edit.brush_larger", "Brush &Larger", EDIT, ("]",), "Also Shift+wheel", enabled=with_study),
    ActionSpec(
        "view.toggle_overlay",
        "Show &Overlay",
        VIEW,
        ("O",),
        "Mask on or off; hold G to hide it for a moment",
        "eye",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec(
        "view.compare_truth",
        "&Compare with Ground Truth",
        VIEW,
        ("C",),
        "Colour voxels found, missed and marked too much",
        "compare",
        checkable=True,
        enabled=lambda state: state.has_truth,
    ),
    ActionSpec(
        "view.boundary", "Show &Boundary", VIEW, ("Shift+B",), "Outline of the mask", checkable=True, enabled=with_study
    ),
    ActionSpec("view.next_slice", "&Next Slice", VIEW, ("Down", "PgDown"), enabled=with_study),
    ActionSpec("view.previous_slice", "&Previous Slice", VIEW, ("Up", "PgUp"), enabled=with_study),
    ActionSpec(
        "view.next_tumour",
        "Next Slice with &Tumour",
        VIEW,
        ("N",),
        "Jump to the next labelled slice",
        enabled=with_study,
    ),
    ActionSpec(
        "view.previous_tumour",
        "Previous Slice with T&umour",
        VIEW,
        ("P",),
        "Jump to the previous labelled slice",
        enabled=with_study,
    ),
    ActionSpec("view.reset", "&Reset View", VIEW, ("R",), "Whole slice in the view", "reset", enabled=with_study),
    ActionSpec(
        "view.auto_window", "&Auto Window/Level", VIEW, ("1",), "Window from the image's own greys", enabled=with_study
    ),
    ActionSpec(
        "view.invert",
        "&Invert Greys",
        VIEW,
        ("I",),
        "Black for white",
        "invert",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec(
        "view.study_panel",
        "Stud&y Panel",
        VIEW,
        ("F8",),
        "Show or hide the series",
        "left_panel",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec(
        "view.tools_panel",
        "Too&ls Panel",
        VIEW,
        ("F9",),
        "Show or hide segmentation, labels, editing and agreement",
        "right_panel",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec("view.full_screen", "&Full Screen", VIEW, ("F11",), "The whole screen for the window", checkable=True),
    ActionSpec("view.light_theme", "Li&ght Theme", VIEW, (), "Light instead of dark surroundings", checkable=True),
    ActionSpec("help.about", "&About TumorView", HELP, (), "Version, licences and the research-use notice"),
    ActionSpec("help.shortcuts", "&Keyboard and Mouse", HELP, ("F1",), "Every shortcut and gesture"),
)


def by_id(action_id: str) -> ActionSpec:
    """The action of that id; KeyError where there is none."""
    for spec in ACTIONS:
        if spec.id == action_id:
            return spec
    raise KeyError(action_id)


def menus() -> tuple[str, ...]:
    """Menu titles in the order of the table."""
    return tuple(dict.fromkeys(spec.menu for spec in ACTIONS))
