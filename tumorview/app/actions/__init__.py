"""The one table of everything the user can do: menus, toolbar, shortcuts and docs are made from it.

Handlers live in the front end; this table says what an action is called, how it is reached and when it makes sense.
Each menu has a module of its own; ``ACTIONS`` holds them in the order of the menu bar.
"""

from tumorview.app.actions import (
    edit_menu,
    file_menu,
    help_menu,
    image_menu,
    layout_menu,
    mask_menu,
    measure_menu,
    overlay_menu,
    segment_menu,
    view_menu,
)
from tumorview.app.actions.spec import ActionSpec, ActionState, Condition, plain_title

__all__ = ["ACTIONS", "ActionSpec", "ActionState", "Condition", "by_id", "menus", "plain_title"]

ACTIONS: tuple[ActionSpec, ...] = (
    *file_menu.ACTIONS,
    *segment_menu.ACTIONS,
    *edit_menu.ACTIONS,
    *mask_menu.ACTIONS,
    *measure_menu.ACTIONS,
    *view_menu.ACTIONS,
    *image_menu.ACTIONS,
    *overlay_menu.ACTIONS,
    *layout_menu.ACTIONS,
    *help_menu.ACTIONS,
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
