"""Settings: only overrides are saved, a broken file costs nothing but itself."""

import json

from tumorview.app.settings import RECENT_LIMIT, Settings, SettingsStore


def test_only_what_differs_from_the_defaults_is_saved(tmp_path):
    store = SettingsStore(tmp_path / "new" / "folder")
    store.change(theme="light", brush_radius=7.5)
    assert json.loads(store.path.read_text()) == {"version": 1, "theme": "light", "brush_radius": 7.5}
    assert SettingsStore(store.folder).current == Settings(theme="light", brush_radius=7.5)


def test_a_broken_file_is_put_aside_and_the_defaults_are_used(tmp_path):
    (tmp_path / "settings.json").write_text("{not json")
    assert SettingsStore(tmp_path).current == Settings()
    assert (tmp_path / "settings.json.broken").read_text() == "{not json"


def test_entries_of_a_wrong_type_or_an_unknown_name_are_ignored(tmp_path):
    stored = {"version": 1, "theme": 3, "boundary": "yes", "boundary_width": 5, "overlay_opacity": 1, "gone": True}
    (tmp_path / "settings.json").write_text(json.dumps(stored))
    assert SettingsStore(tmp_path).current == Settings(boundary_width=5, overlay_opacity=1.0)


def test_recent_studies_are_unique_newest_first_and_limited(tmp_path):
    store = SettingsStore(tmp_path)
    for number in range(RECENT_LIMIT + 3):
        store.remember_recent(tmp_path / str(number))
    store.remember_recent(tmp_path / "5")
    recent = SettingsStore(tmp_path).current.recent
    assert recent[0] == str(tmp_path / "5")
    assert len(recent) == len(set(recent)) == RECENT_LIMIT


def test_a_folder_that_cannot_be_written_keeps_the_choice_in_memory(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    store = SettingsStore(blocker / "folder")
    assert store.change(theme="light").theme == "light"
