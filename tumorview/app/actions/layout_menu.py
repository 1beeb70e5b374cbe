"""The Layout menu: which views are shown, what is in them, and what links them."""

from tumorview.app.actions.spec import ActionSpec, with_study

LAYOUT = "&Layout"


def _layout(
    name: str, title: str, key: str, tip: str, icon: str = "", *, checkable: bool = True, ends: bool = False
) -> ActionSpec:
    return ActionSpec(
        f"view.{name}", title, LAYOUT, (key,), tip, icon, checkable=checkable, enabled=with_study, ends_group=ends
    )


ACTIONS: tuple[ActionSpec, ...] = (
    _layout("axial_only", "&Axial", "Ctrl+1", "The axial view alone", "one_view"),
    _layout("coronal_only", "&Coronal", "Ctrl+2", "The coronal view alone"),
    _layout("sagittal_only", "&Sagittal", "Ctrl+3", "The sagittal view alone", ends=True),
    _layout("quad", "&Four Views", "Ctrl+4", "Axial, coronal, sagittal and 3D", "quad"),
    _layout("one_plus_three", "&One Large, Three Small", "Ctrl+5", "The acquired plane large, the others beside it"),
    _layout("side_by_side", "&Two Series", "Ctrl+6", "Two series beside each other at the same place", "two_views"),
    _layout("four_series", "Four S&eries", "Ctrl+7", "Four series at the same place"),
    _layout(
        "hang_tumour",
        "Tumour &Hanging: FLAIR, T1, T1CE, T2",
        "Ctrl+8",
        "The four sequences of a tumour study beside each other",
        "hanging",
        checkable=False,
        ends=True,
    ),
    _layout("maximise", "&Maximise View", "F", "The view under the pointer alone, and back", checkable=False),
    _layout("next_series", "&Next Series", "Ctrl+PgDown", "The next series of the study", checkable=False),
    _layout("previous_series", "&Previous Series", "Ctrl+PgUp", "The series before it", checkable=False, ends=True),
    _layout("link", "&Link Views", "L", "Scroll, zoom and pan all views together", "link"),
    _layout("crosshair", "Crosshai&r", "X", "Where the views meet; a click moves it", "crosshair"),
)
