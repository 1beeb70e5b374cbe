"""Why a stroke would do nothing, in words for the user."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumorview.gui.views.slice_view import SliceView


def why_not_paint(view: "SliceView", *, erase: bool) -> str:
    """Why nothing can be painted (or erased) in ``view`` now; empty where it can."""
    mask = view.session.mask
    if view.plane_view is None or mask is None:
        return "Open a study to paint."
    if not view.source.masks.on_own_grid:
        return grid_notice(view)
    if not view.overlay.visible:
        return "The overlay is hidden: show it (O) to paint."
    label = mask.labels.get(view.session.brush.label)
    if not erase and label is not None and (label.locked or not label.visible):
        return f"Label “{label.name}” is {'locked' if label.locked else 'hidden'}: nothing is painted."
    return ""


def grid_notice(view: "SliceView") -> str:
    """Why the mask cannot be painted on the series that ``view`` shows; empty where it can."""
    study, masks = view.session.study, view.source.masks
    if study is None or view.plane_view is None or masks.on_own_grid:
        return ""
    name = study.role_of(study.reference).value
    if not masks.placed:
        return f"The mask is not shown: it is unknown where {name} lies in this series."
    return f"The mask lies on the voxels of {name}: show {name} to paint."
