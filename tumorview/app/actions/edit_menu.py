"""The Edit menu."""

from tumorview.app.actions.spec import ActionSpec, with_study

EDIT = "&Edit"


def _tool(
    name: str, title: str, shortcuts: tuple[str, ...], tip: str, icon: str, *, ends_group: bool = False
) -> ActionSpec:
    return ActionSpec(
        f"edit.{name}",
        title,
        EDIT,
        shortcuts,
        tip,
        icon,
        checkable=True,
        enabled=with_study,
        ends_group=ends_group,
    )


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
    _tool("navigate", "&Window/Level", ("W", "Esc"), "Left drag changes window and level", "window", ends_group=True),
    _tool("brush", "&Brush", ("B",), "Left drag paints the chosen label, right drag erases", "brush"),
    _tool("erase", "&Eraser", ("E",), "Left drag erases", "erase"),
    _tool(
        "smart_brush",
        "&Smart Brush",
        ("S",),
        "Paints only what is as bright as the middle of the brush, and stops at edges",
        "smart_brush",
    ),
    _tool("polygon", "&Polygon", ("Shift+C",), "Click the corners; Enter or double click closes it", "polygon"),
    _tool("lasso", "&Lasso", ("Shift+L",), "Draw around an area; right drag cuts it out", "lasso"),
    _tool("fill", "&Fill", ("Shift+F",), "Click a part of the mask or what it encloses", "fill"),
    _tool(
        "grow_region",
        "Grow Reg&ion",
        ("Shift+W",),
        "Press on a place and drag: right takes more greys, left fewer",
        "grow_region",
    ),
    _tool("threshold", "&Threshold", ("Shift+T",), "Draw around an area: bright or dark greys in it", "threshold"),
    _tool("relabel", "Relabel P&art", (), "Click a connected part of the mask: it gets the chosen label", "relabel"),
    _tool("delete", "&Delete Part", (), "Click a connected part of the mask: it is removed", "delete", ends_group=True),
    ActionSpec("edit.brush_smaller", "Brush S&maller", EDIT, ("[",), "Also Shift+wheel", enabled=with_study),
    ActionSpec("edit.brush_larger", "Brush Lar&ger", EDIT, ("]",), "Also Shift+wheel", enabled=with_study),
)
