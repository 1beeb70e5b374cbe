"""ModelRegistry: a broken model bricks nothing, nothing is used unless its hash fits."""

import json
import resource
import zipfile

import pytest
import torch

from tests.unit.tiny_models import write_model
from tumorview.errors import ModelError
from tumorview.ml import package
from tumorview.ml.card import CARD_NAME, ModelCard
from tumorview.ml.models import UNetCBAM
from tumorview.ml.models.weights import load_state
from tumorview.ml.package import write_package
from tumorview.ml.registry import DEFAULT_MODEL, ModelRegistry, sha256_of


@pytest.fixture
def user(tmp_path):
    return tmp_path / "user"


@pytest.fixture
def registry(tmp_path, user):
    write_model(tmp_path / "bundled", "first")
    return ModelRegistry(user, tmp_path / "bundled")


def test_the_bundled_model_is_sound_and_the_default(user):
    registry = ModelRegistry(user)
    assert registry.default_id == DEFAULT_MODEL
    entry = next(entry for entry in registry.verify() if entry.id == DEFAULT_MODEL)
    assert entry.ok
    assert entry.bundled
    assert set(entry.to_dict()) == {"id", "title", "architecture", "width", "weights_sha256", "bundled", "status"}


def test_the_bundled_weights_are_float16_safetensors_of_the_card():
    from safetensors import safe_open

    model = ModelRegistry(None).usable(DEFAULT_MODEL)
    with safe_open(model.weights, framework="np") as file:
        assert {file.get_tensor(name).dtype.name for name in file.keys()} == {"float16"}  # noqa: SIM118
        assert file.metadata().items() >= model.card.metadata.items()


def test_load_gives_the_network_with_its_weights(registry):
    network = registry.load("first")
    assert isinstance(network, UNetCBAM)
    assert not network.training
    load_state(UNetCBAM(network.width, classes=network.classes), network.state_dict(), "copy")


@pytest.mark.parametrize("damage", ["no card", "card is not json", "card of another version", "no weights"])
def test_a_broken_model_is_listed_with_its_error_and_hides_no_other(registry, user, damage):
    folder = write_model(user, "broken")
    card = folder / CARD_NAME
    if damage == "no card":
        card.unlink()
    elif damage == "card is not json":
        card.write_text("hello")
    elif damage == "card of another version":
        card.write_text(json.dumps({**json.loads(card.read_text()), "version": 99}))
    else:
        (folder / "weights.safetensors").unlink()
    statuses = {entry.id: entry.status for entry in registry.list()}
    assert statuses["first"] == "ok"
    assert statuses["broken"] != "ok"
    with pytest.raises(ModelError):
        registry.load("broken")


def test_changed_weights_are_found_by_verify_and_never_used(registry, user):
    folder = write_model(user, "changed")
    weights = folder / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert {entry.id: entry.ok for entry in registry.verify()} == {"first": True, "changed": False}
    with pytest.raises(ModelError, match="SHA-256") as caught:
        registry.load("changed")
    assert caught.value.remedy


def test_weights_that_contradict_the_card_are_refused(registry, user):
    folder = write_model(user, "other", width=2)
    card = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps({**card, "width": 4}))
    with pytest.raises(ModelError, match="width"):
        registry.load("other")


def test_a_file_that_claims_a_giant_network_takes_no_memory(tmp_path):
    from safetensors.torch import save_file

    from tumorview.ml.models import load_model

    metadata = {"architecture": "unet-cbam", "width": "512", "in_channels": "3", "classes": "2", "norm": "batch"}
    save_file({"weight": torch.zeros(1)}, tmp_path / "giant.safetensors", metadata=metadata)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match="lacks"):
        load_model(tmp_path / "giant.safetensors")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB; the network would take 8 GB


def test_an_unknown_id_names_the_known_ones(registry):
    with pytest.raises(ModelError, match="first"):
        registry.get("nonsense")


def test_without_models_there_is_a_clear_error(tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(ModelError, match="import"):
        _ = ModelRegistry(None, tmp_path / "none").default_id


@pytest.mark.parametrize("form", ["folder", "card", "zip", "zip of the folder"])
def test_import_installs_what_is_sound(registry, user, tmp_path, form):
    source = write_model(tmp_path / "elsewhere", "new")
    path = source
    if form == "card":
        path = source / CARD_NAME
    elif form == "zip":
        path = tmp_path / "new.tvmodel"
        write_package(source, path)
    elif form == "zip of the folder":
        path = tmp_path / "new.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in source.iterdir():
                archive.write(file, f"new/{file.name}")
    entry = registry.import_file(path)
    assert entry.ok
    assert not entry.bundled
    assert entry.folder == user / "new"
    assert sha256_of(entry.folder / "weights.safetensors") == ModelCard.read(source).weights_sha256
    assert {one.id for one in registry.list()} == {"first", "new"}
    assert registry.load("new") is not None


def test_import_refuses_an_id_that_is_taken(registry, tmp_path):
    source = write_model(tmp_path / "elsewhere", "first")
    with pytest.raises(ModelError, match="already"):
        registry.import_file(source)


def test_a_user_model_cannot_take_the_place_of_a_bundled_one(registry, user):
    write_model(user, "first")
    assert [(entry.bundled, entry.ok) for entry in registry.list()] == [(True, True), (False, False)]
    assert registry.get("first").bundled


def _tampered(tmp_path, **members):
    source = write_model(tmp_path / "elsewhere", "new")
    path = tmp_path / "new.tvmodel"
    with zipfile.ZipFile(path, "w") as archive:
        for file in source.iterdir():
            archive.writestr(file.name, members.pop(file.name, None) or file.read_bytes())
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_import_ignores_members_outside_the_package(registry, user, tmp_path):
    path = _tampered(tmp_path, **{"../../escaped.txt": b"x", "/absolute.txt": b"x", "run.py": b"x"})
    entry = registry.import_file(path)
    assert sorted(file.name for file in entry.folder.iterdir()) == [CARD_NAME, "weights.safetensors"]
    assert not list(tmp_path.rglob("escaped.txt"))


def test_import_refuses_a_pickle_in_disguise_even_with_the_right_hash(registry, tmp_path):
    source = write_model(tmp_path / "elsewhere", "new")
    torch.save({"weight": torch.zeros(1)}, source / "weights.safetensors")
    card = json.loads((source / CARD_NAME).read_text())
    card["weights_sha256"] = sha256_of(source / "weights.safetensors")
    (source / CARD_NAME).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="safetensors"):
        registry.import_file(source)


def test_import_stops_reading_what_grows_beyond_the_limit(registry, user, tmp_path, monkeypatch):
    path = tmp_path / "bomb.tvmodel"
    write_package(write_model(tmp_path / "elsewhere", "new"), path)
    monkeypatch.setattr(package, "_MAX_WEIGHTS_BYTES", 1000)
    with pytest.raises(ModelError, match="larger"):
        registry.import_file(path)
    assert not user.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 damaged"])
def test_import_of_something_else_is_a_clear_error(registry, user, tmp_path, content):
    path = tmp_path / "thing.tvmodel"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        registry.import_file(path)
    with pytest.raises(ModelError, match="exist"):
        registry.import_file(tmp_path / "absent.tvmodel")
    assert not user.exists()


def test_import_of_a_damaged_package_is_a_clear_error(registry, user, tmp_path):
    path = tmp_path / "new.tvmodel"
    source = write_model(tmp_path / "elsewhere", "new")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    path.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="unpacked"):
        registry.import_file(path)
    assert not user.exists()


def test_a_wrong_hash_in_a_package_installs_nothing(registry, user, tmp_path):
    source = write_model(tmp_path / "elsewhere", "new")
    weights = source / "weights.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="SHA-256"):
        registry.import_file(source)
    assert not user.exists()
