"""The View menu."""

from tumorview.app.actions.spec import ActionSpec, with_study

VIEW = "&View"

ACTIONS: tuple[ActionSpec, ...] = (
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
    ActionSpec(
        "view.largest_tumour",
        "Slice with &Most Tumour",
        VIEW,
        ("Shift+N",),
        "Jump to the slice with the largest labelled area",
        enabled=with_study,
        ends_group=True,
    ),
    ActionSpec(
        "view.reset", "&Reset View", VIEW, ("R",), "Whole slice in the view, upright", "reset", enabled=with_study
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
    ActionSpec("view.flip_horizontal", "Flip Left–Right", VIEW, ("Shift+H",), "Mirror the view", enabled=with_study),
    ActionSpec("view.flip_vertical", "Flip Top–Bottom", VIEW, ("Shift+V",), "Mirror the view", enabled=with_study),
    ActionSpec(
        "view.rotate",
        "Rotate 90°",
        VIEW,
        ("Shift+R",),
        "Clockwise; R leads back to radiological convention",
        enabled=with_study,
    ),
    ActionSpec(
        "view.smooth",
        "Int&erpolate",
        VIEW,
        ("Shift+I",),
        "Smooth greys; off shows every voxel as it is",
        checkable=True,
        enabled=with_study,
        ends_group=True,
    ),
    ActionSpec(
        "view.cine", "Cine: Play", VIEW, ("K",), "The slices as a film", "cine", checkable=True, enabled=with_study
    ),
    ActionSpec("view.cine_faster", "Cine: Faster", VIEW, ("Shift+K",), "More slices a second", enabled=with_study),
    ActionSpec(
        "view.cine_slower",
        "Cine: Slower",
        VIEW,
        ("Alt+K",),
        "Fewer slices a second",
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
    ActionSpec(
        "view.hide_identity",
        "&Hide Identity",
        VIEW,
        ("H",),
        "File and patient names are masked, here and in the title",
        "hidden",
        checkable=True,
    ),
    ActionSpec("view.full_screen", "&Full Screen", VIEW, ("F11",), "The whole screen for the window", checkable=True),
    ActionSpec("view.light_theme", "Li&ght Theme", VIEW, (), "Light instead of dark surroundings", checkable=True),
)
