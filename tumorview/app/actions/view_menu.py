"""The View menu."""

from tumorview.app.actions.spec import ActionSpec, with_study

VIEW = "&View"

ACTIONS: tuple[ActionSpec, ...] = (
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
        "view.boundary",
        "Show &Boundary",
        VIEW,
        ("Shift+B",),
        "Outline of the mask",
        checkable=True,
        enabled=with_study,
        ends_group=True,
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
        ends_group=True,
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
        ends_group=True,
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
)
