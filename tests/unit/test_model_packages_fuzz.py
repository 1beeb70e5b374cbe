"""Damaged and hostile model packages: refused in a sentence, or installed exactly as they were packed."""

import json
import zipfile

import numpy as np
import pytest

from tests.unit.finished_runs import write_installed
from tumorview.app.model_state_file import LOCK_NAME
from tumorview.app.model_store import ModelStore
from tumorview.errors import ModelError
from tumorview.ml.card import CARD_NAME
from tumorview.ml.registry import ModelRegistry, sha256_of

ROUNDS = 100


@pytest.fixture
def store(tmp_path):
    write_installed(tmp_path / "bundled", "unet-cbam-lgg")
    return ModelStore(ModelRegistry(tmp_path / "user", tmp_path / "bundled"))


@pytest.fixture
def package(store, tmp_path):
    source = ModelStore(ModelRegistry(None, tmp_path / "made"))
    write_installed(tmp_path / "made", "new", seed=3)
    return source.export("new", tmp_path / "new.tvmodel")


def survives(store, path, sha):
    """Import it; what is installed has the packed weights, and what is refused leaves nothing behind."""
    try:
        model = store.import_file(path)
    except ModelError:
        assert [one.id for one in store.models()] == ["unet-cbam-lgg"]
        return False
    assert model.entry.card.weights_sha256 == sha == sha256_of(model.entry.folder / model.entry.card.weights)
    store.delete(model.id)
    return True


def test_bytes_changed_anywhere_never_install_other_weights(store, package, tmp_path):
    whole, sha = (
        package.read_bytes(),
        ModelStore(ModelRegistry(None, tmp_path / "made")).get("new").entry.card.weights_sha256,
    )
    random = np.random.default_rng(1)
    refused = 0
    for number in range(ROUNDS):
        data = bytearray(whole)
        if number % 5 == 0:
            del data[random.integers(len(data)) :]
        else:
            for place in random.integers(len(data), size=1 + number % 4):
                data[place] = random.integers(256)
        path = tmp_path / "changed.tvmodel"
        path.write_bytes(bytes(data))
        refused += not survives(store, path, sha)
    assert refused > ROUNDS // 2


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("weights", "../../evil.safetensors"),
        ("weights", "/etc/evil.safetensors"),
        ("weights", "sub/w.safetensors"),
        ("weights", "w.pickle"),
        ("id", "../up"),
        ("id", "-rf"),
        ("id", ""),
        ("id", "UPPER"),
        ("id", None),
        ("width", 10**9),
        ("width", True),
        ("input_size", 10**9),
        ("classes", []),
        ("classes", [{"name": "x", "label": 10**30, "colour": [0, 0, 0]}]),
        ("threshold", float("nan")),
        ("metrics", {"a": {"b": [1]}}),
        ("notes", "text"),
        ("code", "import os"),
        ("weights_sha256", "0" * 64),
        ("version", 2),
    ],
)
def test_a_card_with_a_hostile_entry_installs_nothing(store, package, tmp_path, entry, value):
    path = tmp_path / "hostile.tvmodel"
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(path, "w") as target:
        card = {**json.loads(source.read(CARD_NAME)), entry: value}
        target.writestr(CARD_NAME, json.dumps(card))
        target.writestr(str(card["weights"]), source.read("weights.safetensors"))
    with pytest.raises(ModelError):
        store.import_file(path)
    assert {file.name for file in (tmp_path / "user").rglob("*")} <= {LOCK_NAME}
    assert sorted(file.name for file in tmp_path.iterdir() if "evil" in file.name) == []


def test_links_in_an_archive_are_read_as_what_they_are(store, package, tmp_path):
    """A member that claims to be a symbolic link is no link after unpacking, and its target is not read."""
    secret = tmp_path / "secret.txt"
    secret.write_text("patient")
    path = tmp_path / "link.tvmodel"
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(path, "w") as target:
        target.writestr(CARD_NAME, source.read(CARD_NAME))
        link = zipfile.ZipInfo("weights.safetensors")
        link.external_attr = 0o120777 << 16
        target.writestr(link, str(secret))
    with pytest.raises(ModelError, match="SHA-256"):
        store.import_file(path)


def test_a_bomb_is_cut_off(store, tmp_path, package, monkeypatch):
    from tumorview.ml import package as packages

    monkeypatch.setattr(packages, "_MAX_WEIGHTS_BYTES", 10_000)
    path = tmp_path / "bomb.tvmodel"
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(CARD_NAME, source.read(CARD_NAME))
        target.writestr("weights.safetensors", bytes(50_000_000))
    with pytest.raises(ModelError, match="larger"):
        store.import_file(path)
