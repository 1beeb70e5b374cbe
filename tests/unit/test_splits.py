"""Which patients or slices a run trains on, validates on and keeps for the test."""

import dataclasses

import numpy as np
import pytest
from lightning_fabric import Fabric

from tests.unit.lgg_layout import write_patient
from tumorview.errors import TrainingError
from tumorview.ml.corpus import load_corpus, slice_by_slice
from tumorview.ml.data import SliceSet
from tumorview.ml.recipes import DataSettings, Phase, Recipe, parse_recipe, recipe_text

RECIPE = Recipe(
    name="test",
    title="A split",
    seed=1,
    phases=(Phase(size=32, steps=1, batch=2, lr=1e-3),),
    data=DataSettings(test_share=0.25, validation_share=0.25),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for number in range(8):
        write_patient(folder, f"TCGA_{'AB'[number % 2] * 2}_{number:04d}", 2, seed=number)
    return folder


def corpus_of(data, tmp_path, **settings):
    recipe = dataclasses.replace(RECIPE, data=dataclasses.replace(RECIPE.data, **settings))
    return load_corpus([data], recipe, tmp_path / "cache", Fabric(accelerator="cpu", devices=1))


def test_test_patients_are_in_no_other_part_and_come_from_every_site(data, tmp_path):
    corpus = corpus_of(data, tmp_path)
    parts = [corpus.training, corpus.validation, corpus.test]
    assert [len(part) for part in parts] == [4, 2, 2]
    assert len({name for part in parts for name in part}) == 8
    assert {name[5:7] for name in corpus.test} == {"AA", "BB"}


def test_the_same_seed_keeps_the_same_patients_apart(data, tmp_path):
    assert corpus_of(data, tmp_path).test == corpus_of(data, tmp_path).test


def test_without_a_share_nothing_is_kept_for_a_test(data, tmp_path):
    assert corpus_of(data, tmp_path, test_share=0.0).test == []


def test_test_patients_may_be_named(data, tmp_path):
    named = ("TCGA_AA_0000", "TCGA_BB_0003")
    corpus = corpus_of(data, tmp_path, test=named, validation=("TCGA_AA_0002",))
    assert (corpus.test, corpus.validation) == (list(named), ["TCGA_AA_0002"])
    assert len(corpus.training) == 5


def test_a_patient_named_for_validation_and_test_is_refused():
    both = DataSettings(validation=("a", "b"), test=("b",))
    with pytest.raises(TrainingError, match="b"):
        parse_recipe(recipe_text(dataclasses.replace(RECIPE, data=both)))


def test_a_split_by_slice_spreads_patients_over_the_parts(data, tmp_path):
    corpus = corpus_of(data, tmp_path, split="slice")
    assert [len(part) for part in (corpus.training, corpus.validation, corpus.test)] == [9, 3, 4]
    assert corpus.twins == []
    patients = [{name.partition("/")[0] for name in part} for part in (corpus.training, corpus.test)]
    assert patients[0] & patients[1]
    assert len(corpus.slices.indices_of(corpus.test)) == 4


def test_slices_are_numbered_within_their_patient():
    empty = np.zeros((3, 2, 2), np.uint8)
    slices = slice_by_slice(SliceSet(("a", "b"), np.zeros((3, 3, 2, 2), np.uint8), empty, np.array([0, 0, 1])))
    assert slices.patients == ("a/1", "a/2", "b/1")
    assert slices.owner.tolist() == [0, 1, 2]


def test_recipes_carry_the_split():
    recipe = dataclasses.replace(RECIPE, data=DataSettings(split="slice", test_share=0.2))
    assert parse_recipe(recipe_text(recipe)) == recipe
    assert parse_recipe(recipe_text(recipe)).model.metadata()["architecture"] == "unet-cbam"


@pytest.mark.parametrize("key", ["test_share", "validation_share"])
@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_a_share_that_is_none_is_refused(key, value):
    text = recipe_text(RECIPE).replace(f"{key} = 0.25", f"{key} = {value}")
    with pytest.raises(TrainingError, match=key):
        parse_recipe(text)


def test_an_unknown_split_is_refused():
    with pytest.raises(TrainingError, match=r"data\.split"):
        parse_recipe(recipe_text(RECIPE).replace('split = "patient"', 'split = "hospital"'))
