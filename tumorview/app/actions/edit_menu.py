"""The Edit menu."""

from tumorview.app.actions.spec import ActionSpec, with_study

EDIT = "&Edit"

ACTIONS: tuple[ActionSpec, ...] = (
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
        ends_group=True,
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
    ActionSpec(
        "edit.erase",
        "&Eraser",
        EDIT,
        ("E",),
        "Left drag erases",
        "erase",
        checkable=True,
        enabled=with_study,
        ends_group=True,
    ),
    ActionSpec("edit.brush_smaller", "Brush S&maller", EDIT, ("[",), "Also Shift+wheel", enabled=with_study),
    ActionSpec("edit.brush_larger", "Brush &Larger", EDIT, ("]",), "Also Shift+wheel", enabled=with_study),
)
