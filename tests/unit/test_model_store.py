"""ModelStore: nothing becomes the default without proof, nothing is lost without a word, and there is a way back."""

import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from filelock import FileLock

from tests.unit.finished_runs import compared, write_run
from tests.unit.tiny_models import tiny_network, write_model
from tumorview.app import model_state_file
from tumorview.app.model_store import ModelStore
from tumorview.app.training_plan import PlannedCase, Side, TrainingPlan
from tumorview.errors import ModelError, TrainingError, WriteError
from tumorview.ml.card import CARD_NAME, ModelCard
from tumorview.ml.model_state import STATE_NAME, Purpose, Source
from tumorview.ml.recipes import load_recipe
from tumorview.ml.registry import ModelRegistry, sha256_of

PATIENTS = 6
DESCRIBING = """
import sys
from pathlib import Path
from tumorview.app.model_store import ModelStore

print("ready", flush=True)
sys.stdin.readline()
print("asking", flush=True)
ModelStore.in_folder(Path(sys.argv[1])).describe(sys.argv[2], title="Renamed")
print("done", flush=True)
"""


@pytest.fixture
def user(tmp_path):
    return tmp_path / "user" / "models"


@pytest.fixture
def store(tmp_path, user):
    write_model(tmp_path / "bundled", "unet-cbam-lgg")
    write_model(tmp_path / "bundled", "other")
    times = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n) for n in range(1000))
    return ModelStore(ModelRegistry(user, tmp_path / "bundled"), lambda: next(times))


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


def other_run(tmp_path, seed):
    return write_run(tmp_path / f"run-{seed}", seed=seed)


def test_an_installed_run_is_a_usable_model_whose_card_says_where_it_comes_from(store, run):
    model = store.install_run(
        run, title="  Our   scanner ", notes="1.5 T", comparison=compared(store, run, 0.1), parent="unet-cbam-lgg"
    )
    card = model.entry.card
    assert (model.id, model.title, model.own_notes) == ("our-scanner", "Our scanner", "1.5 T")
    assert card.weights_sha256 == sha256_of(run / "model.safetensors") == sha256_of(model.entry.folder / card.weights)
    parent = store.get("unet-cbam-lgg").entry.card
    assert card.parent == f"unet-cbam-lgg, weights {parent.weights_sha256}"
    assert (card.licence, card.classes) == (parent.licence, parent.classes)
    assert card.split == "Trained on 2 patients. Chosen by 1 patient. Held out: 1 patient."
    assert card.recipe == "quick"
    assert "40 of" in card.training_log
    assert any("beside unet-cbam-lgg" in name for name in card.metrics)
    assert model.record.source is Source.TRAINED


def test_patients_are_named_in_the_card_only_where_their_ids_tell_nothing(store, run):
    cases = [PlannedCase(f"case-{n}", "Doe^John", "here", str(n), Side.TRAINING) for n in (1, 2)]
    TrainingPlan(run, "Ours", load_recipe("quick"), tuple(cases)).save()
    card = store.install_run(run, title="Ours").entry.card
    assert "Trained on 2 patients (case-1, case-2)" in card.split
    assert "Doe" not in card.to_json()


def test_a_model_that_passed_may_become_the_default_and_the_registry_follows(store, run):
    model = store.install_run(run, title="Ours", comparison=compared(store, run, 0.1))
    assert not model.candidate
    assert store.registry.default_id == "unet-cbam-lgg"
    assert store.set_default(model.id).default_for is Purpose.WHOLE_TUMOUR
    assert ModelRegistry(store.registry.user, store.registry.bundled).default_id == model.id


@pytest.mark.parametrize(("gain", "patients"), [(-0.1, PATIENTS), (0.3, 3)])
def test_a_model_that_did_not_pass_is_a_candidate_and_says_why(store, run, gain, patients):
    model = store.install_run(run, title="Ours", comparison=compared(store, run, gain, patients))
    assert model.candidate
    for vouch in (False, True):
        with pytest.raises(ModelError, match="candidate"):
            store.set_default(model.id, vouch=vouch)
    assert store.registry.default_id == "unet-cbam-lgg"


def test_a_run_without_comparison_is_a_candidate(store, run):
    model = store.install_run(run, title="Ours")
    assert model.candidate
    with pytest.raises(ModelError, match="not compared"):
        store.set_default(model.id, vouch=True)


def test_a_proof_against_another_model_than_the_default_does_not_count(store, run):
    comparison = compared(store, run, 0.1)
    store.registry.import_file(write_model(store.registry.user.parent / "else", "third", width=3))
    store.set_default("third", vouch=True)
    model = store.install_run(run, title="Ours", comparison=comparison)
    assert model.candidate


def test_a_comparison_of_other_weights_is_refused(store, run, tmp_path):
    with pytest.raises(ModelError, match="other weights"):
        store.install_run(other_run(tmp_path, 5), title="Ours", comparison=compared(store, run, 0.1))
    assert {model.id for model in store.models()} == {"unet-cbam-lgg", "other"}


def test_a_run_that_never_validated_is_a_clear_error(store, run):
    (run / "model.json").unlink()
    with pytest.raises(TrainingError, match="no model yet"):
        store.install_run(run, title="Ours")


def test_the_same_weights_are_not_installed_twice(store, run):
    store.install_run(run, title="Ours")
    with pytest.raises(ModelError, match="already, as Ours"):
        store.install_run(run, title="Again")


def test_names_that_are_taken_get_a_number_and_strange_ones_an_id(store, tmp_path):
    ids = [
        store.install_run(other_run(tmp_path, n), title=title).id
        for n, title in enumerate(["Ours", "ours!", "Förde 3T", "脑肿瘤", "x" * 80], 10)
    ]
    assert ids == ["ours", "ours-2", "forde-3t", "model", "x" * 56]
    for title in ("", "  ", "x" * 81):
        with pytest.raises(ModelError, match="name"):
            store.describe("ours", title=title)


def test_rolling_back_goes_the_whole_way_and_the_history_tells_it(store, tmp_path):
    for seed in (1, 2):
        run = other_run(tmp_path, seed)
        store.set_default(store.install_run(run, title=f"Ours {seed}", comparison=compared(store, run, 0.1)).id)
    assert store.registry.default_id == "ours-2"
    assert store.previous() == "ours-1"
    assert store.rollback().id == "ours-1"
    assert store.rollback().id == "unet-cbam-lgg"
    with pytest.raises(ModelError, match="no earlier"):
        store.rollback()
    assert [(change.before, change.after) for change in store.history()] == [
        ("ours-1", "unet-cbam-lgg"), ("ours-2", "ours-1"), ("ours-1", "ours-2"), ("unet-cbam-lgg", "ours-1"),
    ]  # fmt: skip


def test_rolling_back_passes_over_what_is_gone(store, tmp_path):
    for seed in (1, 2):
        run = other_run(tmp_path, seed)
        store.set_default(store.install_run(run, title=f"Ours {seed}", comparison=compared(store, run, 0.1)).id)
    store.delete("ours-1")
    assert store.rollback().id == "unet-cbam-lgg"


def test_a_model_that_was_the_default_may_be_again(store, run):
    model = store.install_run(run, title="Ours", comparison=compared(store, run, 0.1))
    store.set_default(model.id)
    store.set_default("other")
    assert not store.get(model.id).candidate
    store.set_default(model.id)
    assert store.previous() == "other"


def test_another_model_of_a_deleted_ones_name_inherits_nothing(store, run, tmp_path):
    store.set_default(store.install_run(run, title="Ours", comparison=compared(store, run, 0.1)).id)
    store.set_default("other")
    store.delete("ours")
    assert store.install_run(other_run(tmp_path, 8), title="Ours").candidate
    assert store.previous() == "unet-cbam-lgg"


def test_what_is_bundled_stays_and_the_default_needs_a_successor(store, run):
    with pytest.raises(ModelError, match="comes with TumorView"):
        store.delete("other")
    with pytest.raises(ModelError, match="comes with TumorView"):
        store.describe("other", title="Mine")
    model = store.install_run(run, title="Ours", comparison=compared(store, run, 0.1))
    store.set_default(model.id)
    with pytest.raises(ModelError, match="is the default"):
        store.delete(model.id)
    store.delete(model.id, instead="other")
    assert store.registry.default_id == "other"
    assert not model.entry.folder.exists()
    assert {path.name for path in store.registry.user.iterdir()} == {STATE_NAME, model_state_file.LOCK_NAME}


def test_a_broken_model_is_listed_and_can_be_deleted(store, user):
    folder = write_model(user, "broken")
    (folder / CARD_NAME).write_text("[" * 100_000)
    model = store.get("broken")
    assert not model.entry.ok
    assert not model.candidate
    with pytest.raises(ModelError):
        store.set_default("broken")
    store.delete("broken")
    assert {model.id for model in store.models()} == {"unet-cbam-lgg", "other"}


def test_a_default_that_broke_gives_way_to_the_bundled_one(store, run):
    model = store.install_run(run, title="Ours", comparison=compared(store, run, 0.1))
    store.set_default(model.id)
    (model.entry.folder / "weights.safetensors").unlink()
    assert store.registry.default_id == "unet-cbam-lgg"
    assert store.default().id == "unet-cbam-lgg"
    store.delete(model.id)


@pytest.mark.parametrize(
    "damage", ["hello", "[]", '{"version": 9}', '{"version": 1, "defaults": {"x": "y"}}', "[" * 99999]
)
def test_a_damaged_list_of_defaults_is_put_aside_and_bricks_nothing(store, user, run, damage):
    user.mkdir(parents=True)
    (user / STATE_NAME).write_text(damage)
    assert store.state.problem
    assert store.default().id == "unet-cbam-lgg"
    store.install_run(run, title="Ours")
    assert not store.state.problem
    assert (user / "models.damaged.json").read_text() == damage


def test_names_and_notes_can_be_changed_and_the_weights_stay(store, run):
    model = store.install_run(run, title="Ours", notes="first")
    card = model.entry.card
    changed = store.describe(model.id, title="Better name", notes="second\nline")
    assert (changed.id, changed.title, changed.own_notes) == (model.id, "Better name", "second\nline")
    assert changed.entry.card.weights_sha256 == card.weights_sha256
    assert store.describe(model.id, notes="").entry.card.notes == card.notes[:1]


def test_an_exported_model_comes_back_whole_on_another_computer(store, run, tmp_path):
    model = store.install_run(run, title="Ours", notes="from A", comparison=compared(store, run, 0.1))
    path = store.export(model.id, tmp_path / "ours")
    assert path.name == "ours.tvmodel"
    assert sorted(zipfile.ZipFile(path).namelist()) == [CARD_NAME, "weights.safetensors"]
    elsewhere = ModelStore(ModelRegistry(tmp_path / "elsewhere", store.registry.bundled))
    back = elsewhere.import_file(path)
    assert back.entry.card == model.entry.card
    assert back.record.source is Source.IMPORTED
    assert back.candidate
    with pytest.raises(ModelError, match="vouch"):
        elsewhere.set_default(back.id)
    assert elsewhere.set_default(back.id, vouch=True).default_for is Purpose.WHOLE_TUMOUR


def test_an_import_whose_id_is_taken_by_others_weights_gets_a_number(store, tmp_path):
    source = write_model(tmp_path / "elsewhere", "unet-cbam-lgg", width=3)
    assert store.import_file(source).id == "unet-cbam-lgg-2"
    with pytest.raises(ModelError, match="already"):
        store.import_file(source)


def test_a_bundled_model_can_be_exported_and_is_recognised(store, tmp_path):
    path = store.export("other", tmp_path / "other.tvmodel")
    with pytest.raises(ModelError, match="already"):
        store.import_file(path)


def test_weights_that_claim_another_network_than_their_card_are_not_installed(store, user, tmp_path):
    from safetensors.torch import save_file

    source = write_model(tmp_path / "elsewhere", "giant")
    network = tiny_network()
    save_file(dict(network.state_dict()), source / "weights.safetensors",
              metadata={**network.metadata(), "width": "100000"})  # fmt: skip
    card = json.loads((source / CARD_NAME).read_text())
    card["weights_sha256"] = sha256_of(source / "weights.safetensors")
    (source / CARD_NAME).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="width"):
        store.import_file(source)
    assert [path.name for path in user.iterdir()] == [model_state_file.LOCK_NAME]


def test_a_full_disk_leaves_an_earlier_export_as_it_was(store, tmp_path, monkeypatch):
    path = store.export("other", tmp_path / "other.tvmodel")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tumorview.app.model_store.write_package", full)
    with pytest.raises(WriteError, match="full"):
        store.export("other", path)
    assert path.read_bytes() == before
    assert sorted(tmp_path.glob("*.tvmodel")) == [path]


def test_a_models_folder_that_cannot_be_made_is_a_clear_error(store, user, run):
    user.parent.mkdir()
    user.write_text("a file is in the way")
    with pytest.raises(WriteError, match="was not written"):
        store.install_run(run, title="Ours")
    assert store.default().id == "unet-cbam-lgg"


def test_a_network_of_sub_regions_has_a_default_of_its_own(store, tmp_path):
    store.registry.import_file(write_model(tmp_path / "else", "regions", classes=4))
    model = store.get("regions")
    assert (model.purpose, model.default_for) == (Purpose.SUB_REGIONS, Purpose.SUB_REGIONS)
    assert store.default().id == "unet-cbam-lgg"


def test_the_document_of_models_list_keeps_its_keys(store):
    document = store.get("other").to_dict()
    assert set(document) >= {"id", "title", "architecture", "width", "weights_sha256", "bundled", "status"}
    json.dumps([model.to_dict() for model in store.models()])
    assert [model.to_dict()["default"] for model in store.models()] == [False, True]


def test_a_card_keeps_its_parent(store, run):
    card = store.install_run(run, title="Ours", parent="other").entry.card
    assert ModelCard.from_json(card.to_json()) == card


def test_two_processes_that_change_the_models_at_once_lose_nothing(store, user, tmp_path):
    """The second waits until the first has written, and then knows what it wrote."""
    ours = store.install_run(write_run(tmp_path / "run"), title="Ours")
    child = subprocess.Popen(
        [sys.executable, "-c", DESCRIBING, str(user), ours.id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout.readline() == "ready\n"
        with store._file.held():
            child.stdin.write("go\n")
            child.stdin.flush()
            assert child.stdout.readline() == "asking\n"
            store.install_run(other_run(tmp_path, 3), title="Second")
            state = store.state
        assert child.stdout.readline() == "done\n"
    assert store.state == state
    assert store.get(ours.id).title == "Renamed"


def test_a_lock_that_is_held_too_long_is_explained(store, run, user, monkeypatch):
    monkeypatch.setattr(model_state_file, "WAIT_SECONDS", 0.05)
    user.mkdir(parents=True)
    with FileLock(user / model_state_file.LOCK_NAME), pytest.raises(ModelError, match=r"Another TumorView.*try again"):
        store.install_run(run, title="Ours")
    store.install_run(run, title="Ours")
