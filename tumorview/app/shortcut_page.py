"""The page of the user guide about keys and mouse, made from the tables (``tumorview actions --markdown``)."""

from tumorview.app.actions import ACTIONS, ActionSpec, menus, plain_title
from tumorview.app.keymap import KEY_PRESETS, RESERVED, preset_keymap
from tumorview.app.mouse import MOUSE_PRESETS, MousePreset

HEAD = """# Keys and mouse

<!-- Made by `tumorview actions --markdown`; do not edit by hand. -->

Every action can be found by a few letters of its name in the **command palette** (Ctrl+K), and every key can be
changed in *Help, Edit Shortcuts*. Keys are quiet while you type in a field. *Settings, Mouse and keys* takes over the
habits of another program; PACS is the default.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD, "## Keys\n", *(_menu(menu) for menu in menus()), _held()]
    parts += ["## Mouse\n", *(_mouse(preset) for preset in MOUSE_PRESETS.values())]
    return "\n".join(parts)


def _menu(menu: str) -> str:
    presets = list(KEY_PRESETS.values())
    maps = [preset_keymap(preset.id) for preset in presets]
    head = ["Action", *(preset.title for preset in presets), "What it does"]
    rows = [
        [spec.plain_title, *(_keys(keys[spec.id]) for keys in maps), _escaped(_tip(spec))]
        for spec in ACTIONS
        if spec.menu == menu
    ]
    return f"### {plain_title(menu)}\n\n{_table(head, rows)}"


def _held() -> str:
    rows = [[_keys((key,)), f"{what[0].upper()}{what[1:]}."] for key, what in RESERVED.items()]
    return f"### Held keys\n\n{_table(['Key', 'What it does'], rows)}"


def _mouse(preset: MousePreset) -> str:
    rows = [list(gesture) for gesture in preset.rows()]
    return f"### {preset.title}\n\n{_table(['Gesture in an image', 'What it does'], rows)}"


def _tip(spec: ActionSpec) -> str:
    return spec.tip or spec.plain_title


def _keys(keys: tuple[str, ...]) -> str:
    return " ".join(f"`{key}`" if key != "|" else "`\\|`" for key in keys)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"
