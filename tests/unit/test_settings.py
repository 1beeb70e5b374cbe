"""Settings: only overrides are saved, old files are migrated, newer ones and broken ones are kept aside."""

import json
from dataclasses import fields

import pytest

from tumorview.app.options import Kind
from tumorview.app.settings import OPTIONS, Settings
from tumorview.app.settings_store import RECENT_LIMIT, SettingsStore
from tumorview.app.settings_versions import STEPS, VERSION, migrated


def write(folder, document):
    (folder / "settings.json").write_text(document if isinstance(document, str) else json.dumps(document))


def test_only_what_differs_from_the_defaults_is_saved(tmp_path):
    store = SettingsStore(tmp_path / "new" / "folder")
    store.change(theme="light", brush_radius=7.5)
    assert json.loads(store.path.read_text()) == {"version": VERSION, "theme": "light", "brush_radius": 7.5}
    assert SettingsStore(store.folder).current == Settings(theme="light", brush_radius=7.5)


def test_a_broken_file_is_put_aside_and_the_defaults_are_used(tmp_path):
    for broken in ("{not json", "[1, 2]"):
        write(tmp_path, broken)
        store = SettingsStore(tmp_path)
        assert store.current == Settings()
        assert (tmp_path / "settings.json.broken").read_text() == broken
        assert "settings.json.broken" in store.notice


def test_entries_of_a_wrong_type_value_or_name_are_ignored(tmp_path):
    write(
        tmp_path,
        {
            "version": VERSION,
            "theme": 3,
            "boundary": "yes",
            "boundary_width": 3,
            "overlay_opacity": 1,
            "gone": True,
            "font_scale": 40.0,
            "mouse_preset": "nobody",
            "recent": "not a list",
        },
    )
    store = SettingsStore(tmp_path)
    assert store.current == Settings(boundary_width=3, overlay_opacity=1.0)
    assert store.notice == ""


@pytest.mark.parametrize(("smooth", "interpolation"), [(True, "linear"), (False, "nearest"), ("broken", "linear")])
def test_a_file_of_version_1_is_migrated(tmp_path, smooth, interpolation):
    write(tmp_path, {"version": 1, "theme": "light", "smooth_interpolation": smooth, "recent": ["/a"]})
    store = SettingsStore(tmp_path)
    assert store.current == Settings(theme="light", interpolation=interpolation, recent=("/a",))
    store.change(theme="dark")
    stored = json.loads(store.path.read_text())
    assert stored["version"] == VERSION
    assert "smooth_interpolation" not in stored


def test_every_older_version_has_a_step_to_the_next():
    assert sorted(STEPS) == list(range(1, VERSION))
    for version in range(1, VERSION + 1):
        assert migrated({"version": version, "theme": "light"}) == {"version": VERSION, "theme": "light"}
    assert migrated({"theme": "light"})["theme"] == "light"  # the first files had no version
    with pytest.raises(ValueError, match="newer"):
        migrated({"version": VERSION + 1})


def test_a_file_of_a_newer_version_is_kept_untouched_and_explained(tmp_path):
    kept = [tmp_path / "settings.version-99.json", tmp_path / "settings.version-99-2.json"]
    for number, place in enumerate(kept):
        text = json.dumps({"version": 99, "theme": "light", "new_thing": number})
        write(tmp_path, text)
        store = SettingsStore(tmp_path)
        assert store.current == Settings()
        assert place.name in store.notice
        assert "newer" in store.notice
        store.change(theme="system")
        assert place.read_text() == text
    assert json.loads(kept[0].read_text())["new_thing"] == 0


def test_recent_studies_are_unique_newest_first_and_limited(tmp_path):
    store = SettingsStore(tmp_path)
    for number in range(RECENT_LIMIT + 3):
        store.remember_recent(tmp_path / str(number))
    store.remember_recent(tmp_path / "5")
    recent = SettingsStore(tmp_path).current.recent
    assert recent[0] == str(tmp_path / "5")
    assert len(recent) == len(set(recent)) == RECENT_LIMIT
    store.forget_recent(tmp_path / "5")
    assert str(tmp_path / "5") not in SettingsStore(tmp_path).current.recent


def test_no_recent_study_is_remembered_where_none_are_kept(tmp_path):
    store = SettingsStore(tmp_path)
    store.change(keep_recent=False)
    store.remember_recent(tmp_path / "5")
    assert store.current.recent == ()


def test_a_folder_that_cannot_be_written_keeps_the_choice_in_memory(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    store = SettingsStore(blocker / "folder")
    assert store.change(theme="light").theme == "light"


def test_listeners_hear_of_changes_and_only_of_changes(tmp_path):
    store, heard = SettingsStore(tmp_path), []
    store.changed.connect(heard.append)
    store.change(theme="light")
    store.change(theme="light")
    assert heard == [Settings(theme="light")]


def test_every_option_explains_itself_and_allows_its_default():
    names = {entry.name for entry in fields(Settings)}
    assert set(OPTIONS) <= names
    for option in OPTIONS.values():
        assert option.allows(option.default), option.name
        assert option.title
        assert option.help.endswith("."), option.name
        if option.kind is Kind.NUMBER:
            assert option.low < option.high
        assert option.matches(option.title.upper())
    assert not OPTIONS["theme"].matches("brush")
