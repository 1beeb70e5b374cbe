"""The Overlay menu: how mask, ground truth and probabilities are laid over the image."""

from tumorview.app.actions.spec import ActionSpec, with_study

OVERLAY = "&Overlay"

ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec(
        "view.toggle_overlay",
        "Show &Overlay",
        OVERLAY,
        ("O",),
        "Mask on or off; hold G to hide it for a moment",
        "eye",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec(
        "view.compare_truth",
        "&Compare with Ground Truth",
        OVERLAY,
        ("C",),
        "Colour voxels found, missed and marked too much",
        "compare",
        checkable=True,
        enabled=lambda state: state.has_truth,
    ),
    ActionSpec(
        "view.heat_map",
        "&Heat Map",
        OVERLAY,
        ("Shift+O",),
        "The network's probabilities instead of the mask's fill, with the threshold as a line",
        "heat",
        checkable=True,
        enabled=lambda state: state.has_prediction,
    ),
    ActionSpec(
        "view.uncertainty",
        "&Uncertainty Map",
        OVERLAY,
        ("Ctrl+U",),
        "How unsure the network is, voxel by voxel, instead of the mask's fill",
        checkable=True,
        enabled=lambda state: state.has_prediction,
        ends_group=True,
    ),
    ActionSpec("view.overlay_fainter", "&Fainter", OVERLAY, ("-",), "Less of the overlay's colour", enabled=with_study),
    ActionSpec(
        "view.overlay_stronger",
        "&Stronger",
        OVERLAY,
        ("=", "+"),
        "More of the overlay's colour",
        enabled=with_study,
        ends_group=True,
    ),
    ActionSpec(
        "view.boundary",
        "Show &Boundary",
        OVERLAY,
        ("Shift+B",),
        "Outline of the mask",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec(
        "view.voxel_outline",
        "Outline Along &Voxels",
        OVERLAY,
        (),
        "Outlines on the edges of voxels, as they are counted, instead of smooth ones",
        checkable=True,
        enabled=with_study,
    ),
    ActionSpec(
        "view.solo_label",
        "This Label A&lone",
        OVERLAY,
        ("Shift+S",),
        "Only the label that is painted; again: all that were shown. Also Alt+click on a label's eye",
        enabled=with_study,
    ),
)
