"""The Mask menu: what changes a label as a whole, and the labels themselves."""

from tumorview.app.actions.spec import ActionSpec, with_study
from tumorview.core.labels import LABEL_PRESETS

MASK = "&Mask"
LABEL_KEYS = 9  # so many labels are chosen with Shift and a digit


def _mask(name: str, title: str, tip: str, icon: str = "", *, ends_group: bool = False) -> ActionSpec:
    return ActionSpec(f"edit.{name}", title, MASK, (), tip, icon, enabled=with_study, ends_group=ends_group)


ACTIONS: tuple[ActionSpec, ...] = (
    _mask("fill_holes", "Fill &Holes", "Fill what the chosen label encloses", "fill_holes"),
    _mask("keep_largest", "&Keep Largest Part", "Remove all but the largest connected part", "keep_largest"),
    _mask("remove_islands", "Remove &Islands", "Remove connected parts below a volume", "islands", ends_group=True),
    _mask("grow", "&Grow", "Widen the chosen label by a margin in millimetres", "grow"),
    _mask("shrink", "&Shrink", "Narrow the chosen label by a margin in millimetres", "shrink"),
    _mask("smooth", "S&mooth", "Smooth the chosen label and keep its volume", "smooth_mask", ends_group=True),
    _mask("interpolate", "I&nterpolate", "Fill the slices between those that were painted", "interpolate"),
    _mask("copy_previous", "Copy from &Previous Slice", "The label's shape in the slice before", "copy_previous"),
    _mask("copy_next", "Copy from Ne&xt Slice", "The label's shape in the slice after", "copy_next"),
    _mask("mirror", "Mi&rror", "Add the label's mirror image on the other side of the patient", "mirror"),
    _mask(
        "threshold_everywhere",
        "&Threshold Everywhere",
        "Paint all greys of the threshold tool's range that may be painted over",
        "threshold",
        ends_group=True,
    ),
    _mask("add_label", "&Add Label", "A new label, which is painted from now on", "add"),
    _mask("remove_label", "Remo&ve Label", "The chosen label and its voxels", "remove"),
    *(
        _mask(f"labels_{preset.id}", f"Labels: {preset.title}", f"Name and colour the labels: {preset.title}")
        for preset in LABEL_PRESETS
    ),
    *(
        ActionSpec(
            f"edit.label_{number}",
            f"Paint Label {number}",
            MASK,
            (f"Shift+{number}",),
            "Choose the label of this number to paint with",
            enabled=with_study,
        )
        for number in range(1, LABEL_KEYS + 1)
    ),
)
