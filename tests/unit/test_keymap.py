"""Keys: presets without clashes, the user's changes on top, a page of the guide that is never stale."""

from pathlib import Path

import pytest

from tumorview.app.actions import ACTIONS
from tumorview.app.fuzzy import ranked, score
from tumorview.app.keymap import (
    KEY_PRESETS,
    RESERVED,
    changes_between,
    keymap,
    preset_keymap,
    users_of,
    with_keys,
)
from tumorview.app.shortcut_page import page

GUIDE = Path(__file__).parents[2] / "docs" / "user-guide" / "shortcuts.md"
IDS = {spec.id for spec in ACTIONS}


@pytest.mark.parametrize("preset", KEY_PRESETS.values(), ids=KEY_PRESETS)
def test_a_preset_names_known_actions_and_gives_no_key_twice(preset):
    assert set(preset.keys) <= IDS
    keys = [key for id_keys in preset_keymap(preset.id).values() for key in id_keys]
    assert len(keys) == len(set(keys))
    assert not set(keys) & set(RESERVED)


def test_the_first_preset_is_the_table():
    assert preset_keymap("pacs") == {spec.id: spec.shortcuts for spec in ACTIONS}
    assert preset_keymap("nonsense") == preset_keymap("pacs")


def test_a_key_that_is_given_away_is_taken_from_its_owner():
    now = preset_keymap("pacs")
    assert users_of(now, "R") == ["view.reset"]
    assert users_of(now, "R", but="view.reset") == []
    after = with_keys(now, "edit.brush", ("R",))
    assert users_of(after, "R") == ["edit.brush"]
    assert after["view.reset"] == ()
    assert after["edit.redo"] == now["edit.redo"]


@pytest.mark.parametrize("preset", KEY_PRESETS)
def test_changes_survive_the_settings(preset):
    wanted = with_keys(preset_keymap(preset), "view.reset", ("Ctrl+0", "=", ","))
    wanted = with_keys(wanted, "edit.erase", ())
    lines = changes_between(preset, wanted)
    assert keymap(preset, lines) == wanted
    assert changes_between(preset, preset_keymap(preset)) == ()


def test_lines_that_mean_nothing_are_ignored():
    assert keymap("pacs", ("gone.action=X", "no sign", "")) == preset_keymap("pacs")


def test_the_page_of_the_guide_is_up_to_date():
    assert GUIDE.read_text(encoding="utf-8") == page(), (
        "run: tumorview actions --markdown > docs/user-guide/shortcuts.md"
    )


def test_the_page_names_every_action_with_its_keys():
    text = page()
    for spec in ACTIONS:
        assert f"| {spec.plain_title} |" in text
        assert all(f"`{key}`" in text for key in spec.shortcuts if key != "|")


def test_letters_in_order_are_found_and_word_starts_go_first():
    titles = ["Next Slice with Tumour", "Show Overlay", "Export Mask as NIfTI", "Next Slice", "Invert Greys"]
    assert titles[ranked("so", titles)[0]] == "Show Overlay"
    assert titles[ranked("next slice", titles)[0]] == "Next Slice"
    assert titles[ranked("NST", titles)[0]] == "Next Slice with Tumour"
    assert ranked("qqq", titles) == []
    assert ranked("  ", titles) == list(range(len(titles)))
    assert score("ba", "ab") is None
